//! A change in portions: in every state on the way to each packet happens what happened before, or what will happen in the end.

use std::net::IpAddr;

use ringfence_net::{ConnectionState, Family, IpProtocol, Packet, Protocol, TcpFlags};
use ringfence_ruleset::{Evaluator, Hook, Operation, Outcome, Table, apply};

use super::{Change, Compiler, History, none, some};
use crate::Portions;

/// Whatever can be divided is.
const MOST: usize = 1;
const STEPS: u64 = 20;
const PACKETS: usize = 40;
const OUTSIDE: [&str; 2] = ["203.0.113.7", "2001:db8::7"];

/// What was divided in which way.
#[derive(Debug, Default)]
struct Seen {
    divided: usize,
    entries_first: usize,
    entries_last: usize,
    classes_first: usize,
    classes_last: usize,
}

impl Seen {
    fn count(&mut self, portions: &Portions) {
        let count = |portions: &[Vec<Operation>], stem: &str| {
            let operations = portions.iter().flatten();
            let named = operations.filter(|it| set_of(it).is_some_and(|set| set.starts_with(stem)));
            usize::from(named.count() > 0)
        };
        let is_divided = !portions.first.is_empty() || !portions.last.is_empty();
        self.divided += usize::from(is_divided);
        self.entries_first +=
            count(&portions.first, "ingress-").max(count(&portions.first, "egress-"));
        self.entries_last +=
            count(&portions.last, "ingress-").max(count(&portions.last, "egress-"));
        self.classes_first += count(&portions.first, "peers");
        self.classes_last += count(&portions.last, "peers");
    }
}

fn set_of(operation: &Operation) -> Option<&str> {
    match operation {
        Operation::AddElements { set, .. } | Operation::DeleteElements { set, .. } => Some(set),
        Operation::AddTable { .. }
        | Operation::DeleteTable
        | Operation::AddChain { .. }
        | Operation::DeleteChain { .. }
        | Operation::FlushChain { .. }
        | Operation::AddRule { .. }
        | Operation::AddSet { .. }
        | Operation::DeleteSet { .. } => None,
    }
}

impl History {
    /// A cluster, with pods on this node.
    fn begun(seed: u64) -> Self {
        let mut history = Self::new(seed);
        history.replace();
        (0..4).for_each(|_| history.wire());
        history
    }

    /// Some changes in transactions, one after the other, with packets after each.
    fn divided_step(
        &mut self,
        divide: fn(&mut Compiler) -> Option<Portions>,
        seen: &mut Seen,
    ) -> Result<(), String> {
        let judges_alone = self.random.chance(60);
        for _ in 0..self.random.between(1, 3) {
            match judges_alone {
                true => self.judge_otherwise(),
                false => self.change(),
            }
        }
        let Some(portions) = divide(&mut self.compiler) else {
            return Ok(());
        };
        seen.count(&portions);
        let before = self.table.clone();
        let after = self.compiler.compiled().table.clone();
        let packets = self.packets(before.as_ref(), &after);
        let old = before.as_ref().map(|table| fates(table, &packets));
        let new = fates(&after, &packets);
        let Portions { first, main, last } = portions;
        for transaction in first.into_iter().chain([main]).chain(last) {
            apply(&mut self.table, &transaction).map_err(|error| format!("{error:?}"))?;
            let (Some(old), Some(now)) = (&old, &self.table) else {
                continue;
            };
            let ends = old.iter().zip(&new).zip(&packets);
            for (found, ((old, new), packet)) in fates(now, &packets).iter().zip(ends) {
                if found != old && found != new {
                    return Err(format!(
                        "{found:?}, before {old:?} and in the end {new:?}: {packet:?}"
                    ));
                }
            }
        }
        match self.table.as_ref() == Some(&after) {
            true => Ok(()),
            false => Err("the transactions lead elsewhere".to_owned()),
        }
    }

    /// A policy comes or goes, or the labels of a namespace or pod are others.
    fn judge_otherwise(&mut self) {
        let Some(from) = self.random.pick(&self.pool).cloned() else {
            return;
        };
        let mut come = some(&from.network_policies, Change::NetworkPolicy);
        come.extend(some(&from.cluster_policies, Change::ClusterPolicy));
        let own = self.compiler.cluster();
        let mut go = none(&own.network_policies, Change::NetworkPolicy);
        go.extend(none(&own.cluster_policies, Change::ClusterPolicy));
        let change = match self.random.below(5) {
            0 => return self.alter_namespace(),
            1 | 2 => self.random.pick(&come).cloned(),
            _ => self.random.pick(&go).cloned(),
        };
        if let Some(change) = change {
            self.compiler.change(change);
        }
    }

    /// Packets between anybody, most of them such that entries are about.
    fn packets(&mut self, before: Option<&Table>, after: &Table) -> Vec<(Packet, Hook)> {
        let pods = self.compiler.cluster.pods.values();
        let mut addresses: Vec<IpAddr> = pods.flat_map(|pod| pod.addresses.clone()).collect();
        addresses.extend(OUTSIDE.map(|text| text.parse::<IpAddr>().unwrap()));
        let tables = before.into_iter().chain([after]);
        let sets = tables.flat_map(|table| &table.sets);
        let judging = sets.filter(|(name, _)| name.contains("-ports") || name.contains("-ranges"));
        let entries = judging.flat_map(|(_, set)| set.elements.keys());
        let asked: Vec<(Protocol, u16)> = entries.filter_map(asked).collect();
        let mut packets = Vec::new();
        for _ in 0..PACKETS {
            let source = self.random.pick(&addresses).copied().unwrap();
            let of_family = addresses
                .iter()
                .filter(|ip| Family::of(**ip) == Family::of(source));
            let of_family: Vec<IpAddr> = of_family.copied().collect();
            let destination = self.random.pick(&of_family).copied().unwrap();
            let (protocol, port) = self
                .random
                .pick(&asked)
                .copied()
                .unwrap_or((Protocol::Tcp, 80));
            let packet = Packet {
                source,
                destination,
                protocol: protocol.into(),
                source_port: Some(40_000),
                destination_port: Some(port),
                tcp_flags: TcpFlags::SYN,
                state: ConnectionState::New,
                input_interface: self.interface(source),
                output_interface: self.interface(destination),
            };
            let hook = match self.random.chance(15) {
                true => Hook::Input,
                false => Hook::Forward,
            };
            packets.push((packet, hook));
        }
        packets
    }

    fn interface(&self, address: IpAddr) -> String {
        let wired = self.compiler.wired.values();
        let mut wired = wired.filter(|endpoint| endpoint.addresses.contains(&address));
        let found = wired.next().map(|endpoint| endpoint.host_interface.clone());
        found.unwrap_or_else(|| "eth0".to_owned())
    }
}

/// What an entry is about: protocol and first port.
fn asked(key: &ringfence_ruleset::Key) -> Option<(Protocol, u16)> {
    match &*key.first {
        [
            ..,
            ringfence_ruleset::Datum::Byte(protocol),
            ringfence_ruleset::Datum::Port(port),
        ] => Some((IpProtocol(*protocol).as_policy()?, *port)),
        [..] => None,
    }
}

fn fates(table: &Table, packets: &[(Packet, Hook)]) -> Vec<Outcome> {
    let evaluator = Evaluator::new(table).without_trace();
    let packets = packets.iter();
    packets
        .map(|(packet, hook)| evaluator.evaluate(*hook, packet, &mut |_| 0).outcome)
        .collect()
}

fn safely(compiler: &mut Compiler) -> Option<Portions> {
    compiler.compile_in_portions(MOST).ok()
}

/// Element by element: what goes, and then what comes.
fn carelessly(compiler: &mut Compiler) -> Option<Portions> {
    let operations = compiler.compile().ok()?;
    let is_of_elements = operations.iter().all(|it| set_of(it).is_some());
    if !is_of_elements {
        let main = operations;
        return Some(Portions {
            main,
            ..Portions::default()
        });
    }
    let first = operations.into_iter().map(|it| vec![it]);
    Some(Portions {
        first: first.collect(),
        ..Portions::default()
    })
}

#[test]
fn each_portion_leads_to_a_safe_state() {
    let mut seen = Seen::default();
    for seed in 0..super::histories() {
        let mut history = History::begun(seed);
        for step in 0..STEPS {
            if let Err(difference) = history.divided_step(safely, &mut seen) {
                panic!("seed {seed}, step {step}: {difference}");
            }
        }
    }
    let often = seen.divided.min(seen.entries_first).min(seen.entries_last);
    let both = seen.classes_first > 5 && seen.classes_last > 0;
    assert!(often > 50 && both, "{seen:?}");
}

#[test]
fn the_packets_notice_an_unsafe_state() {
    let fails = |seed| {
        let mut history = History::begun(seed);
        (0..STEPS).any(|_| {
            history
                .divided_step(carelessly, &mut Seen::default())
                .is_err()
        })
    };
    let failures = (0..20).filter(|seed| fails(*seed)).count();
    assert!(failures > 10, "{failures} of 20 histories");
}
