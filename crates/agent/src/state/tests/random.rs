//! Whatever happens in whatever order, the kernel ends with the table compiled from scratch, no record is
//! forgotten too early, and every request has one answer in time.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use proptest::prelude::*;
use ringfence_cni::Endpoint;
use ringfence_model::Phase;

use super::cluster::{
    connection, egress_policy, endpoint, from_app, from_block, id, named, namespace, node, pod,
    policy, service,
};
use super::node::{Commits, Did, FakeNode};
use crate::protocol::{AgentKey, AgentObject, StoreEvent};
use crate::state::revocation::Judge;
use crate::state::suspects::Suspects;
use crate::state::{Event, PATIENCE};
use ringfence_netlink::conntrack::Entry;
use ringfence_ruleset::Evaluator;

/// Pods `p0` to `p3`; each has an address of its own.
const PODS: u8 = 4;
/// Whatever can be committed in portions is.
const SMALL: usize = 1;

#[derive(Clone, Copy, Debug)]
enum Happening {
    Pod {
        number: u8,
        labelled: bool,
        phase: Phase,
    },
    PodGone(u8),
    Policy {
        number: u8,
        subject: u8,
        peer: u8,
        egress: bool,
    },
    PolicyGone(u8),
    Service {
        number: u8,
        subject: u8,
    },
    ServiceGone(u8),
    Wired(u8),
    Released(u8),
    Synced,
    Disconnected,
    Reconnected {
        twice: bool,
    },
    CommitsFail {
        retry: bool,
    },
    CommitsUnconfirmed,
    CommitsWork,
    ConnectionsFail(bool),
    TableGone,
    ElementsGone,
    RuleGone,
    Step,
    Settle,
    Sleep(u16),
    Restart,
    /// Every connection that the enforced table allows is opened.
    Traffic,
}

fn happening() -> impl Strategy<Value = Happening> {
    use Happening as H;
    let phase = prop_oneof![3 => Just(Phase::Running), 1 => Just(Phase::Succeeded)];
    prop_oneof![
        4 => (0..PODS, any::<bool>(), phase)
            .prop_map(|(number, labelled, phase)| H::Pod { number, labelled, phase }),
        1 => (0..PODS).prop_map(H::PodGone),
        4 => (0..4u8, 0..PODS, 0..PODS + 2, any::<bool>())
            .prop_map(|(number, subject, peer, egress)| H::Policy { number, subject, peer, egress }),
        1 => (0..4u8).prop_map(H::PolicyGone),
        2 => (0..2u8, 0..PODS).prop_map(|(number, subject)| H::Service { number, subject }),
        1 => (0..2u8).prop_map(H::ServiceGone),
        4 => (0..PODS).prop_map(H::Wired),
        2 => (0..PODS).prop_map(H::Released),
        2 => Just(H::Synced),
        1 => Just(H::Disconnected),
        1 => any::<bool>().prop_map(|twice| H::Reconnected { twice }),
        1 => any::<bool>().prop_map(|retry| H::CommitsFail { retry }),
        1 => Just(H::CommitsUnconfirmed),
        2 => Just(H::CommitsWork),
        1 => any::<bool>().prop_map(H::ConnectionsFail),
        1 => Just(H::TableGone),
        1 => Just(H::ElementsGone),
        1 => Just(H::RuleGone),
        6 => Just(H::Step),
        3 => Just(H::Settle),
        3 => (0..12_000u16).prop_map(H::Sleep),
        1 => Just(H::Restart),
        3 => Just(H::Traffic),
    ]
}

/// The world around the agent: what the store holds and which records lie on the disk.
struct World {
    node: FakeNode,
    objects: BTreeMap<AgentKey, AgentObject>,
    connected: bool,
    revision: u64,
    records: BTreeMap<u8, Endpoint>,
    asked: BTreeMap<u64, Duration>,
    next_ticket: u64,
    seen: usize,
}

fn name(number: u8) -> String {
    format!("p{number}")
}

fn address(number: u8) -> String {
    format!("10.244.1.{}", number + 10)
}

impl World {
    fn new() -> Self {
        let mut node = FakeNode::new();
        node.machine.portion = SMALL;
        node.load(Vec::new());
        let mut world = Self {
            node,
            objects: BTreeMap::new(),
            connected: false,
            revision: 0,
            records: BTreeMap::new(),
            asked: BTreeMap::new(),
            next_ticket: 0,
            seen: 0,
        };
        for object in [namespace(), self::node()] {
            world.apply(object);
        }
        world
    }

    fn apply(&mut self, object: AgentObject) {
        self.objects.insert(object.key(), object.clone());
        if self.connected {
            self.node.apply(object);
        }
    }

    fn delete(&mut self, key: AgentKey) {
        self.objects.remove(&key);
        if self.connected {
            self.node.delete(key);
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Pod {
                number,
                labelled,
                phase,
            } => {
                let mut new = pod(&name(number), &[&address(number)]);
                new.phase = phase;
                if !labelled {
                    new.labels.clear();
                }
                self.apply(AgentObject::Pod(new));
            }
            Happening::PodGone(number) => self.delete(AgentKey::Pod(named(&name(number)))),
            Happening::Policy {
                number,
                subject,
                peer,
                egress,
            } => {
                let peers = match peer {
                    0..PODS => vec![from_app(&name(peer))],
                    PODS => vec![from_block("10.244.0.0/16")],
                    _ => Vec::new(),
                };
                let make = if egress { egress_policy } else { policy };
                let port = peer.is_multiple_of(2).then_some(80);
                let new = make(&format!("n{number}"), &name(subject), &peers, port);
                self.apply(AgentObject::NetworkPolicy(new));
            }
            Happening::PolicyGone(number) => {
                self.delete(AgentKey::NetworkPolicy(named(&format!("n{number}"))));
            }
            Happening::Service { number, subject } => {
                let vip = format!("10.96.0.{number}");
                let new = service(&format!("s{number}"), &name(subject), &vip, 80, 8080);
                self.apply(AgentObject::Service(new));
            }
            Happening::ServiceGone(number) => {
                self.delete(AgentKey::Service(named(&format!("s{number}"))));
            }
            Happening::Wired(number) => self.wire(number),
            Happening::Released(number) => self.release(number),
            Happening::Synced => self.synced(),
            Happening::Disconnected => {
                self.connected = false;
                self.node.send(Event::StoreDisconnected);
            }
            Happening::Reconnected { twice } => {
                if twice {
                    self.node.store(StoreEvent::Reset);
                    self.node.apply(namespace());
                }
                self.connect();
            }
            Happening::CommitsFail { retry } => self.node.commits = Commits::Fail { retry },
            Happening::CommitsUnconfirmed => self.node.commits = Commits::Unconfirmed,
            Happening::CommitsWork => self.node.commits = Commits::Succeed,
            Happening::ConnectionsFail(fail) => self.node.connections_work = !fail,
            Happening::TableGone => self.node.edit(|table| *table = None),
            Happening::ElementsGone => self.node.edit(|table| {
                for set in table.iter_mut().flat_map(|table| table.sets.values_mut()) {
                    set.elements.clear();
                }
            }),
            Happening::RuleGone => self.node.edit(|table| {
                for chain in table.iter_mut().flat_map(|table| table.chains.values_mut()) {
                    chain.rules.pop();
                }
            }),
            Happening::Step => drop(self.node.step()),
            Happening::Settle => self.node.settle(),
            Happening::Sleep(milliseconds) => {
                self.node
                    .sleep(Duration::from_millis(u64::from(milliseconds)));
            }
            Happening::Restart => self.restart(self.node.connections.clone()),
            Happening::Traffic => self.open_connections(),
        }
        self.look();
    }

    /// As the plugin does: the record first, then the agent.
    fn wire(&mut self, number: u8) {
        if self.records.contains_key(&number) {
            return;
        }
        let new = endpoint(&name(number), &[&address(number)]);
        self.records.insert(number, new.clone());
        let ticket = self.ask();
        self.node.wire(new, ticket);
    }

    fn release(&mut self, number: u8) {
        if let Some(record) = self.records.get_mut(&number) {
            record.state = ringfence_cni::EndpointState::Released;
        }
        let ticket = self.ask();
        self.node.release(id(&name(number)), ticket);
    }

    fn ask(&mut self) -> u64 {
        self.next_ticket += 1;
        self.asked.insert(self.next_ticket, self.node.now);
        self.next_ticket
    }

    fn synced(&mut self) {
        if self.connected {
            self.revision += 1;
            self.node.store(StoreEvent::Synced {
                revision: self.revision,
            });
        }
    }

    fn connect(&mut self) {
        self.connected = true;
        self.revision += 1;
        let objects: Vec<_> = self.objects.values().cloned().collect();
        self.node.sync(objects, self.revision);
    }

    /// The agent dies, with a commit perhaps done and not noticed, and another one starts.
    fn restart(&mut self, connections: Vec<Entry>) {
        self.look();
        let mut next = FakeNode::with_table(self.node.table.clone());
        next.machine.portion = SMALL;
        next.now = self.node.now;
        next.connections = connections;
        next.commits = self.node.commits;
        next.connections_work = self.node.connections_work;
        next.load(self.records.values().cloned().collect());
        self.node = next;
        self.seen = 0;
        self.asked.clear();
        self.connected = false;
        self.connect();
    }

    fn open_connections(&mut self) {
        let outside = ["10.244.2.2".to_owned(), "203.0.113.9".to_owned()];
        let pods = (0..PODS)
            .filter(|number| self.is_programmed(*number))
            .map(address);
        let ends: Vec<_> = pods.chain(outside).collect();
        let mut opened = Vec::new();
        for (number, from) in (1000..).zip(&ends) {
            for to in &ends {
                for (protocol, port) in [(6, 80), (6, 81), (17, 80)] {
                    opened.push(connection(protocol, (from, number), (to, port)));
                }
            }
        }
        opened.retain(|entry| !self.denies(entry) && !self.node.connections.contains(entry));
        self.node.connections.extend(opened);
    }

    /// An address without a pod is nobody's, and nobody connects to it.
    fn is_programmed(&self, number: u8) -> bool {
        let enforced = self.node.machine.enforced.as_ref();
        enforced.is_some_and(|enforced| enforced.endpoints.contains_key(&id(&name(number))))
    }

    /// Whether the enforced table denies the connection; it denies everything before there is one.
    fn denies(&self, entry: &Entry) -> bool {
        let table = &self.node.machine.compiler.compiled().table;
        self.node.machine.enforced.as_ref().is_none_or(|enforced| {
            let mut judge = Judge {
                table: Evaluator::new(table),
                suspects: &Suspects::everybody(),
                endpoints: self.node.machine.endpoints.interfaces(&enforced.endpoints),
                withdrawn: BTreeSet::new(),
                local: &self.node.local,
                denied: HashMap::new(),
            };
            judge.revokes(entry)
        })
    }

    /// Where the agent says that all is applied, no connection lives that the table denies.
    fn check_connections(&self) {
        let health = self.node.machine.health();
        if health.applied.is_none() || health.problem.is_some() || self.node.is_busy() {
            return;
        }
        for entry in &self.node.connections {
            assert!(!self.denies(entry), "lives on: {entry:?}");
        }
    }

    /// Checks what the agent did since last time.
    fn look(&mut self) {
        self.check_connections();
        let log: Vec<_> = self.node.log.iter().skip(self.seen).cloned().collect();
        self.seen = self.node.log.len();
        for did in log {
            match did {
                Did::Forget(gone) => {
                    let number = self.records.iter().find(|(_, record)| record.id == gone);
                    let Some((number, record)) = number else {
                        continue;
                    };
                    assert_eq!(record.state, ringfence_cni::EndpointState::Released);
                    let number = *number;
                    self.records.remove(&number);
                }
                Did::Answer(ticket, _) => {
                    let asked_at = self.asked.remove(&ticket).expect("one answer");
                    let waited = self.node.answered_at[&ticket] - asked_at;
                    assert!(waited <= PATIENCE, "answered after {waited:?}");
                }
                Did::Commit
                | Did::Interim
                | Did::Read
                | Did::ListConnections
                | Did::Revoke(_)
                | Did::Report(_) => {}
            }
        }
    }

    /// All obstacles go away, and much time passes.
    fn end(&mut self) {
        self.node.commits = Commits::Succeed;
        self.node.connections_work = true;
        if !self.connected {
            self.connect();
        }
        self.synced();
        self.node.settle();
        self.node.sleep(Duration::from_secs(120));
        self.look();
    }
}

proptest! {
    #[test]
    fn every_history_ends_at_the_table_compiled_from_scratch(
        happenings in prop::collection::vec(happening(), 0..80)
    ) {
        let mut world = World::new();
        for happening in happenings {
            world.happen(happening);
        }
        world.end();
        prop_assert!(world.asked.is_empty(), "unanswered: {:?}", world.asked);
        let enforced = world.node.machine.enforced().expect("enforced");
        prop_assert_eq!(world.node.table.as_ref(), Some(&enforced.compiled.table));
        // Those refused for waiting too long are the plugin's to release.
        let live: Vec<_> = world.records.values()
            .filter(|record| enforced.endpoints.contains_key(&record.id))
            .cloned()
            .collect();
        prop_assert_eq!(world.node.table.as_ref(), Some(&world.node.expected(&live)));
        prop_assert_eq!(&world.node.interim, &None);
        prop_assert!(world.records.values().all(
            |record| record.state == ringfence_cni::EndpointState::Wired
        ), "released and never forgotten: {:?}", world.records);
        prop_assert_eq!(world.node.machine.health().applied, Some(world.revision));
        prop_assert!(!world.node.is_busy());
    }

    #[test]
    fn after_every_history_only_allowed_connections_live(
        happenings in prop::collection::vec(happening(), 0..40),
        pairs in prop::collection::vec((0..PODS, 0..PODS, prop_oneof![Just(80u16), Just(81)]), 1..20),
    ) {
        let mut world = World::new();
        for happening in happenings {
            world.happen(happening);
        }
        world.end();
        // Connections begun while nothing was enforced, as if by an older table.
        let ends = |(from, to, port): (u8, u8, u16)| {
            connection(6, (&address(from), 1000 + port), (&address(to), port))
        };
        let all: Vec<_> = pairs.iter().copied().map(ends).collect();
        world.restart(all.clone());
        world.end();
        let enforced = world.node.machine.enforced().expect("enforced");
        for entry in &all {
            let interface = |address| {
                let local = enforced.endpoints.values();
                let mut found = local.filter(move |it| it.addresses.contains(&address));
                found.next().map(|it| it.host_interface.clone())
            };
            let (from, to) = (interface(entry.original.source), interface(entry.reply.source));
            let (Some(input), Some(output)) = (from, to) else { continue };
            let port = match entry.reply.transport {
                ringfence_netlink::conntrack::Transport::Ports { source, .. } => source,
                ringfence_netlink::conntrack::Transport::Icmp { .. } => 0,
            };
            let packet = ringfence_net::Packet {
                source: entry.original.source,
                destination: entry.reply.source,
                protocol: ringfence_net::IpProtocol(6),
                source_port: Some(1000),
                destination_port: Some(port),
                tcp_flags: ringfence_net::TcpFlags::SYN,
                state: ringfence_net::ConnectionState::New,
                input_interface: input,
                output_interface: output,
            };
            let outcome = ringfence_ruleset::evaluate(
                &enforced.compiled.table,
                ringfence_ruleset::Hook::Forward,
                &packet,
                &mut |_| 0,
            ).outcome;
            let allowed = outcome == ringfence_ruleset::Outcome::Accept;
            prop_assert_eq!(world.node.connections.contains(entry), allowed, "{:?}", entry);
        }
    }
}
