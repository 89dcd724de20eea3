//! Entries of groups that policies of the cluster judge: the tiers resolved for each class, over all ports.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_model::ClusterAction;
use ringfence_net::{PortRange, Protocol};

use super::clause::Clause;
use super::entry::{Entry, Extent, named_ports};
use super::grant::GrantPorts;
use super::port::OWNERS;
use super::{Group, Whom};
use crate::class::{Sense, TermId, Terms};

/// A rule that matches: its position, as [`Group::origin`] counts, and whether that is certain.
type Fact = (usize, Sense);

/// Which rules match the peers of a class, and for which ports.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Facts {
    /// For every protocol and port.
    everything: BTreeSet<Fact>,
    ports: BTreeSet<(Protocol, PortRange, Fact)>,
}

/// What becomes of some connections, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Decision {
    permits: bool,
    rules: BTreeSet<usize>,
    isolated: bool,
}

/// What becomes of every connection with the peers of a class.
struct Function {
    /// Protocols without ports.
    other: Decision,
    /// All ports of each protocol in order, cut where the decision changes; no protocol is missing.
    ports: BTreeMap<Protocol, Vec<(PortRange, Decision)>>,
}

/// What the tiers say of any peer, and how classes differ from it.
pub(crate) struct Tiers<'g> {
    group: &'g Group,
    anyone: Facts,
    base: Function,
}

impl<'g> Tiers<'g> {
    pub(crate) fn new(group: &'g Group) -> Self {
        let anyone = facts_of_anyone(group);
        Self {
            base: Function::new(group, &anyone, Whom::Anyone),
            anyone,
            group,
        }
    }

    pub(crate) fn entries_for_anyone(&self) -> Vec<Entry> {
        self.base.entries_for_anyone()
    }

    /// How the peers with these terms differ from anyone; `None` if no rule says anything particular about them.
    pub(crate) fn entries(&self, own: &[TermId], terms: &Terms) -> Option<Vec<Entry>> {
        let facts = self.facts(own, terms)?;
        let function = Function::new(self.group, &facts, Whom::Class);
        Some(function.entries_for_class(&self.base))
    }

    /// The denials of what a member whose own address has these terms sends to itself through a Service; the rest is
    /// allowed.
    pub(crate) fn to_itself(&self, own: &[TermId], terms: &Terms) -> Vec<Entry> {
        let own = self.facts(own, terms);
        let facts = own.as_ref().unwrap_or(&self.anyone);
        let function = Function::new(self.group, facts, Whom::Itself);
        let denied = !function.other.permits;
        let whole = denied.then(|| function.whole(Whom::Itself));
        let pieces = function.pieces(Whom::Itself, |_, _| function.other.permits);
        whole.into_iter().chain(pieces).collect()
    }

    /// What is known of the peers with these terms beyond what is known of anyone.
    fn facts(&self, own: &[TermId], terms: &Terms) -> Option<Facts> {
        let group = self.group;
        let matched = group.matched(own, &Sense::ALL);
        let by_name = group.for_anyone_by_name.iter();
        let by_name = by_name.map(|position| (*position, Sense::Certain));
        let mut facts = self.anyone.clone();
        let mut is_known = !matched.is_empty();
        for (position, sense) in matched.iter().copied().chain(by_name) {
            let Some(ports) = group.ports(position) else {
                continue;
            };
            let fact = (position, sense);
            if matched.contains(&fact) {
                facts.add(ports, fact);
            }
            for (protocol, port) in named_ports(ports, sense, terms, own) {
                is_known = true;
                let range = PortRange::single(port);
                facts.ports.insert((protocol, range, fact));
            }
        }
        is_known.then_some(facts)
    }
}

/// What holds of a peer that nothing is known of.
fn facts_of_anyone(group: &Group) -> Facts {
    let mut facts = Facts::default();
    for position in &group.for_anyone {
        if let Some(ports) = group.ports(*position) {
            facts.add(ports, (*position, Sense::Certain));
        }
    }
    facts
}

impl Facts {
    fn add(&mut self, ports: &GrantPorts, fact: Fact) {
        match ports {
            GrantPorts::All => {
                self.everything.insert(fact);
            }
            GrantPorts::Listed { ranges, .. } => {
                let ranges = ranges.iter();
                self.ports
                    .extend(ranges.map(|(protocol, range)| (*protocol, *range, fact)));
            }
        }
    }
}

impl Function {
    fn new(group: &Group, facts: &Facts, whom: Whom) -> Self {
        let decide = |facts: &BTreeSet<Fact>| decide(group, facts, whom);
        let ports = Protocol::ALL.map(|protocol| (protocol, sweep(facts, protocol, decide)));
        Self {
            other: decide(&facts.everything),
            ports: ports.into_iter().collect(),
        }
    }

    /// Where it differs from a denial of everything, which is how the judgement ends.
    fn entries_for_anyone(&self) -> Vec<Entry> {
        let whole = self.other.permits.then(|| self.whole(Whom::Anyone));
        let pieces = self.pieces(Whom::Anyone, |_, _| self.other.permits);
        whole.into_iter().chain(pieces).collect()
    }

    /// Where it differs from `base`: either piece by piece, or as a whole with its own exceptions, whatever is less.
    fn entries_for_class(&self, base: &Self) -> Vec<Entry> {
        let whom = Whom::Class;
        let mut whole = vec![self.whole(whom)];
        whole.extend(self.pieces(whom, |_, _| self.other.permits));
        if self.other.permits != base.other.permits {
            return whole;
        }
        let split = self.cut_along(base);
        let by_piece = split.pieces(whom, |protocol, port| base.permits(protocol, port));
        if by_piece.len() <= whole.len() {
            by_piece
        } else {
            whole
        }
    }

    fn whole(&self, whom: Whom) -> Entry {
        self.other.entry(whom, Extent::Everything)
    }

    /// The pieces that fare otherwise than `otherwise` says of their first port, those that touch and agree as one.
    fn pieces(&self, whom: Whom, otherwise: impl Fn(Protocol, u16) -> bool) -> Vec<Entry> {
        let mut found: Vec<Entry> = Vec::new();
        for (protocol, pieces) in &self.ports {
            for (range, decision) in pieces {
                if decision.permits != otherwise(*protocol, range.first()) {
                    push(
                        &mut found,
                        decision.entry(whom, Extent::Ports(*protocol, *range)),
                    );
                }
            }
        }
        found
    }

    fn permits(&self, protocol: Protocol, port: u16) -> bool {
        let pieces = self.ports.get(&protocol).map_or(&[][..], Vec::as_slice);
        let after = pieces.partition_point(|(range, _)| range.first() <= port);
        let piece = after.checked_sub(1).and_then(|index| pieces.get(index));
        piece.is_some_and(|(_, decision)| decision.permits)
    }

    /// The same function, cut also where `other` is.
    fn cut_along(&self, other: &Self) -> Self {
        let ports = self.ports.iter().map(|(protocol, pieces)| {
            let cuts = other.ports.get(protocol).map_or(&[][..], Vec::as_slice);
            let cuts = cuts.iter().map(|(range, _)| range.first()).collect();
            let cut = pieces.iter().flat_map(|(range, decision)| {
                let parts = split(*range, &cuts);
                parts.into_iter().map(|part| (part, decision.clone()))
            });
            (*protocol, cut.collect())
        });
        Self {
            other: self.other.clone(),
            ports: ports.collect(),
        }
    }
}

/// `range` in parts of which each but the first begins at one of `cuts`.
fn split(range: PortRange, cuts: &BTreeSet<u16>) -> Vec<PortRange> {
    let within = cuts.range(range.first()..=range.last());
    let mut starts: BTreeSet<u16> = within.copied().collect();
    starts.insert(range.first());
    let ends = starts.iter().skip(1).map(|next| next.saturating_sub(1));
    let ends: Vec<u16> = ends.chain([range.last()]).collect();
    let parts = starts.iter().zip(ends);
    parts
        .filter_map(|(first, last)| PortRange::new(*first, last).ok())
        .collect()
}

/// Appends a piece. Pieces that touch and have the same reasons become one, but single ports stay alone: they are
/// found by hash.
fn push(found: &mut Vec<Entry>, entry: Entry) {
    if let Some(last) = found.last_mut()
        && let (Extent::Ports(protocol, before), Extent::Ports(own, range)) =
            (last.extent, entry.extent)
        && protocol == own
        && before.last().checked_add(1) == Some(range.first())
        && (last.permits, &last.rules, last.isolated)
            == (entry.permits, &entry.rules, entry.isolated)
        && before.first() != before.last()
        && range.first() != range.last()
        && let Ok(joined) = PortRange::new(before.first(), range.last())
    {
        last.extent = Extent::Ports(protocol, joined);
        return;
    }
    found.push(entry);
}

/// What becomes of each port of `protocol`, in order.
fn sweep(
    facts: &Facts,
    protocol: Protocol,
    decide: impl Fn(&BTreeSet<Fact>) -> Decision,
) -> Vec<(PortRange, Decision)> {
    let mut events: BTreeMap<u32, Vec<(bool, Fact)>> = BTreeMap::new();
    for (own, range, fact) in &facts.ports {
        if *own == protocol {
            let start = u32::from(range.first());
            events.entry(start).or_default().push((true, *fact));
            let end = u32::from(range.last()).saturating_add(1);
            events.entry(end).or_default().push((false, *fact));
        }
    }
    events.entry(0).or_default();
    let ends: Vec<u32> = events.keys().skip(1).copied().collect();
    let mut open: BTreeMap<Fact, usize> = BTreeMap::new();
    let mut pieces = Vec::new();
    for ((start, changes), end) in events.into_iter().zip(ends.into_iter().chain([BEYOND])) {
        for (opens, fact) in changes {
            change(&mut open, opens, fact);
        }
        if let Some(range) = range(start, end) {
            let active = open.keys().chain(&facts.everything).copied().collect();
            pieces.push((range, decide(&active)));
        }
    }
    pieces
}

/// One more than the last port.
const BEYOND: u32 = 65_536;

/// The ports from `start` on before `end`.
fn range(start: u32, end: u32) -> Option<PortRange> {
    let first = u16::try_from(start).ok()?;
    let last = u16::try_from(end.checked_sub(1)?).ok()?;
    PortRange::new(first, last).ok()
}

fn change(open: &mut BTreeMap<Fact, usize>, opens: bool, fact: Fact) {
    let count = open.remove(&fact).unwrap_or_default();
    let count = if opens {
        count.saturating_add(1)
    } else {
        count.saturating_sub(1)
    };
    if count > 0 {
        open.insert(fact, count);
    }
}

/// the tiers one after the other. AM-4: NetworkPolicy lets a pod that it isolates reach itself.
fn decide(group: &Group, facts: &BTreeSet<Fact>, whom: Whom) -> Decision {
    if group.is_closed {
        return Decision::new(false, []);
    }
    let mut positions: BTreeMap<usize, Sense> = BTreeMap::new();
    // The certain one is met first, and stays.
    for (position, sense) in facts {
        positions.entry(*position).or_insert(*sense);
    }
    let rules = group.before.len();
    let after = rules.saturating_add(group.rules.len());
    let mut passed = None;
    match tier(&group.before, 0, &positions) {
        Course::Decided(decision) => return decision,
        Course::Passed(position) => passed = Some(position),
        Course::Unmatched => {}
    }
    if !group.policies.is_empty() && whom == Whom::Itself {
        return Decision::new(true, passed);
    }
    if !group.policies.is_empty() {
        let allowing = positions.range(rules..after).map(|(position, _)| *position);
        let allowing: BTreeSet<usize> = allowing.take(OWNERS).collect();
        return Decision {
            permits: !allowing.is_empty(),
            isolated: allowing.is_empty(),
            rules: allowing.into_iter().chain(passed).collect(),
        };
    }
    match tier(&group.after, after, &positions) {
        Course::Decided(mut decision) => {
            decision.rules.extend(passed);
            decision
        }
        Course::Passed(position) => Decision::new(true, passed.into_iter().chain([position])),
        Course::Unmatched => Decision::new(true, passed),
    }
}

/// What a tier makes of a connection.
enum Course {
    Decided(Decision),
    /// The rest of the tier is not asked, because of the rule at this position.
    Passed(usize),
    Unmatched,
}

/// CN-23 to CN-25: the first rule that matches. One that would allow must match for certain; where it is open whether
/// a Pass matches, nothing is allowed.
fn tier(clauses: &[Clause], first: usize, facts: &BTreeMap<usize, Sense>) -> Course {
    for (clause, position) in clauses.iter().zip(first..) {
        let Some(sense) = facts.get(&position) else {
            continue;
        };
        match (clause.action, sense) {
            (ClusterAction::Accept, Sense::Certain) => {
                return Course::Decided(Decision::new(true, [position]));
            }
            (ClusterAction::Accept, Sense::Possible) => {}
            (ClusterAction::Pass, Sense::Certain) => return Course::Passed(position),
            (ClusterAction::Deny, Sense::Certain | Sense::Possible)
            | (ClusterAction::Pass, Sense::Possible) => {
                return Course::Decided(Decision::new(false, [position]));
            }
        }
    }
    Course::Unmatched
}

impl Decision {
    fn new(permits: bool, rules: impl IntoIterator<Item = usize>) -> Self {
        Self {
            permits,
            rules: rules.into_iter().collect(),
            isolated: false,
        }
    }

    fn entry(&self, whom: Whom, extent: Extent) -> Entry {
        Entry {
            whom,
            extent,
            permits: self.permits,
            rules: self.rules.clone(),
            isolated: self.isolated,
        }
    }
}
