//! What the table does beside what it should do.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ringfence_net::{Packet, Protocol};
use ringfence_ruleset::Table;

use crate::axes::{Axes, protocols};
use crate::bits::Bits;
use crate::error::Unverifiable;
use crate::expectation::{Expect, Expectation, Place};
use crate::facts::Facts;
use crate::law::{Allowed, Law};
use crate::machine::{Fate, Leaf};
use crate::region::{Axis, Region};
use crate::report::Report;
use crate::witness::Case;

/// So many differences wait at most for a packet that shows them better.
const LATE: usize = 1024;

/// A table and what is expected of it at one place.
#[derive(Debug)]
pub(crate) struct Comparison<'a> {
    pub(crate) table: &'a Table,
    pub(crate) facts: &'a Facts<'a>,
    pub(crate) axes: &'a Axes,
    pub(crate) place: Place,
    pub(crate) expectation: &'a Expectation<'a>,
    pub(crate) law: Option<&'a Law>,
}

/// What is known of answers so far, and which differences were told.
#[derive(Debug, Default)]
struct Memory {
    allowed: BTreeMap<(Option<usize>, Option<usize>), Allowed>,
    told: BTreeSet<(IpAddr, IpAddr, Fate)>,
    /// Told at the end, unless a packet that routes lead so shows the same.
    late: Vec<(Case, Packet)>,
}

impl Comparison<'_> {
    pub(crate) fn run(&self, leaves: &[Leaf], report: &mut Report) -> Result<(), Unverifiable> {
        let mut memory = Memory::default();
        for leaf in leaves {
            self.leaf(leaf, &mut memory, report)?;
        }
        for (case, packet) in std::mem::take(&mut memory.late) {
            self.tell_of(&case, &packet, &mut memory, report)?;
        }
        Ok(())
    }

    fn leaf(
        &self,
        leaf: &Leaf,
        memory: &mut Memory,
        report: &mut Report,
    ) -> Result<(), Unverifiable> {
        let mut rest = vec![leaf.region.clone()];
        for clause in self.expectation.clauses(&leaf.region) {
            let mut after = Vec::new();
            for region in rest {
                let (inside, outside) = region.cut(&clause.limits);
                after.extend(outside);
                if let Some(inside) = inside {
                    self.part(inside, &leaf.fate, &clause.expect, memory, report)?;
                }
            }
            rest = after;
        }
        let last = self.expectation.rest();
        for region in rest {
            self.part(region, &leaf.fate, &last, memory, report)?;
        }
        Ok(())
    }

    fn part(
        &self,
        region: Region,
        fate: &Fate,
        expect: &Expect,
        memory: &mut Memory,
        report: &mut Report,
    ) -> Result<(), Unverifiable> {
        match expect {
            Expect::Anything => Ok(()),
            Expect::Fate(wanted, _) if wanted == fate => Ok(()),
            Expect::Fate(wanted, why) => {
                let case = Case {
                    region,
                    fate: fate.clone(),
                    wanted: wanted.clone(),
                    why: Some(why),
                };
                self.tell(case, memory, report)
            }
            Expect::Policy => match self.law {
                Some(law) => self.policy(law, &region, fate, memory, report),
                None => Ok(()),
            },
        }
    }

    /// Every pair of a region that policies have a say in, and one of the others.
    fn policy(
        &self,
        law: &Law,
        region: &Region,
        fate: &Fate,
        memory: &mut Memory,
        report: &mut Report,
    ) -> Result<(), Unverifiable> {
        let (sources, destinations) = (region.get(Axis::Source), region.get(Axis::Destination));
        let strangers = sources.without(&law.local_sources);
        for source in sources.and(&law.local_sources).iter() {
            if self.comes_in(law, source, region) {
                self.pairs(law, region, (source, destinations), fate, memory, report)?;
            }
        }
        let local = destinations.and(&law.local_destinations);
        for source in strangers.iter() {
            self.pairs(law, region, (source, &local), fate, memory, report)?;
        }
        let others = destinations.without(&law.local_destinations);
        match (strangers.first(), others.first()) {
            (Some(source), Some(_)) => {
                self.pairs(law, region, (source, &others), fate, memory, report)
            }
            _ => Ok(()),
        }
    }

    /// Whether packets of a local pod come in by its interface.
    fn comes_in(&self, law: &Law, source: usize, region: &Region) -> bool {
        let pod = law.source_pods.get(source).copied().flatten();
        let pod = pod.and_then(|pod| self.facts.pods.get(pod));
        pod.is_some_and(|pod| {
            let names = self.axes.input.iter().enumerate();
            let mut own = names.filter(|(_, name)| **name == pod.interface);
            own.any(|(atom, _)| region.get(Axis::Input).has(atom))
        })
    }

    fn pairs(
        &self,
        law: &Law,
        region: &Region,
        (source, destinations): (usize, &Bits),
        fate: &Fate,
        memory: &mut Memory,
        report: &mut Report,
    ) -> Result<(), Unverifiable> {
        let mut seen = BTreeSet::new();
        for destination in destinations.iter() {
            let answers = law.between(source, destination);
            if law.is_contested(source, destination) || !seen.insert(answers) {
                continue;
            }
            let allowed = memory
                .allowed
                .entry(answers)
                .or_insert_with(|| law.allowed(answers, &self.axes.ports));
            let Some((protocol, ports, wanted)) = wrong(allowed, region, fate) else {
                continue;
            };
            let region = region
                .with(Axis::Source, Bits::single(self.axes.source.len(), source))
                .with(
                    Axis::Destination,
                    Bits::single(self.axes.destination.len(), destination),
                )
                .with(Axis::Protocol, protocol)
                .with(Axis::Port, ports);
            let case = Case {
                region,
                fate: fate.clone(),
                wanted,
                why: None,
            };
            self.tell(case, memory, report)?;
        }
        Ok(())
    }

    /// Adds a difference, unless one of the same ends was told already.
    fn tell(
        &self,
        case: Case,
        memory: &mut Memory,
        report: &mut Report,
    ) -> Result<(), Unverifiable> {
        let Some(packet) = self.packet(&case.region) else {
            return Ok(());
        };
        if self.is_plain(&packet) || memory.late.len() >= LATE {
            return self.tell_of(&case, &packet, memory, report);
        }
        memory.late.push((case, packet));
        Ok(())
    }

    fn tell_of(
        &self,
        case: &Case,
        packet: &Packet,
        memory: &mut Memory,
        report: &mut Report,
    ) -> Result<(), Unverifiable> {
        if !memory
            .told
            .insert((packet.source, packet.destination, case.fate.clone()))
        {
            return Ok(());
        }
        report.count += 1;
        if report.is_full() {
            return Ok(());
        }
        let difference = self.difference(case, packet)?;
        report.differences.push(difference);
        Ok(())
    }
}

/// Which of a region's packets the fate is wrong for, and which would be right.
fn wrong(allowed: &Allowed, region: &Region, fate: &Fate) -> Option<(Bits, Bits, Fate)> {
    let (own, ports) = (region.get(Axis::Protocol), region.get(Axis::Port));
    let by_protocol = Protocol::ALL
        .iter()
        .zip(allowed.may.iter().zip(&allowed.must));
    for (protocol, (may, must)) in by_protocol {
        let number = protocols([protocol.number()]);
        if !own.meets(&number) {
            continue;
        }
        let (bad, wanted) = match fate {
            Fate::Accept => (ports.without(may), Fate::Drop),
            Fate::Drop => (ports.and(must), Fate::Accept),
            Fate::Untracked
            | Fate::Reject
            | Fate::Reset
            | Fate::Translate(_)
            | Fate::Masquerade
            | Fate::Unset => (ports.clone(), right(!may.is_empty())),
        };
        if !bad.is_empty() {
            return Some((number, bad, wanted));
        }
    }
    let others = own.without(&protocols(Protocol::ALL.map(Protocol::number)));
    let wanted = match fate {
        Fate::Accept if !allowed.other_may => Fate::Drop,
        Fate::Drop if allowed.other_must => Fate::Accept,
        Fate::Accept | Fate::Drop => return None,
        Fate::Untracked
        | Fate::Reject
        | Fate::Reset
        | Fate::Translate(_)
        | Fate::Masquerade
        | Fate::Unset => right(allowed.other_may),
    };
    (!others.is_empty()).then(|| (others, ports.clone(), wanted))
}

fn right(allowed: bool) -> Fate {
    if allowed { Fate::Accept } else { Fate::Drop }
}
