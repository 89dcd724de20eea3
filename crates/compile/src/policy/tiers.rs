//! Entries of groups that policies of the cluster judge: the tiers resolved for each class, over all ports.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_model::ClusterAction;
use ringfence_net::{Family, PortRange, Protocol};

use super::clause::Clause;
use super::entry::{Entry, Extent, admitted, named_ports};
use super::grant::{GrantPeers, GrantPorts};
use super::port::OWNERS;
use super::{Group, Whom};
use crate::class::{ClassId, Classes, Sense, Terms};

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

/// What the tiers say to the members of a group.
pub(crate) struct Tiers<'g, 'a> {
    group: &'g Group<'a>,
    anyone: Facts,
    by_class: BTreeMap<ClassId, Facts>,
}

impl<'g, 'a> Tiers<'g, 'a> {
    pub(crate) fn new(group: &'g Group<'a>, terms: &Terms<'_>, classes: &Classes) -> Self {
        let anyone = facts_of_anyone(group);
        let by_class = facts_by_class(group, &anyone, terms, classes);
        Self {
            group,
            anyone,
            by_class,
        }
    }

    /// All entries: those for anyone, then those by which a class differs.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let base = Function::new(self.group, &self.anyone, Whom::Anyone);
        let mut found = base.entries_for_anyone();
        // Many classes have the same facts.
        let mut known: BTreeMap<&Facts, Vec<Entry>> = BTreeMap::new();
        for (class, own) in &self.by_class {
            let whom = Whom::Class(*class);
            let template = known.entry(own).or_insert_with_key(|facts| {
                let function = Function::new(self.group, facts, whom);
                function.entries_for_class(*class, &base)
            });
            found.extend(template.iter().map(|entry| Entry {
                whom,
                ..entry.clone()
            }));
        }
        found
    }

    /// The denials of what a member whose own address is of `class` sends to itself through a Service; the rest is
    /// allowed.
    pub(crate) fn to_itself(&self, class: Option<ClassId>) -> Vec<Entry> {
        let own = class.and_then(|class| self.by_class.get(&class));
        let facts = own.unwrap_or(&self.anyone);
        let function = Function::new(self.group, facts, Whom::Itself);
        let denied = !function.other.permits;
        let whole = denied.then(|| function.whole(Whom::Itself));
        let pieces = function.pieces(Whom::Itself, |_, _| function.other.permits);
        whole.into_iter().chain(pieces).collect()
    }
}

/// How many elements `group` needs for so many addresses of its members.
pub(super) fn elements(
    group: &Group<'_>,
    terms: &Terms<'_>,
    classes: &Classes,
    subjects: &[(Family, u64)],
) -> u64 {
    let entries = Tiers::new(group, terms, classes).entries();
    let in_family = |family: Family| {
        let of_family = entries.iter().filter(|entry| match entry.whom {
            Whom::Anyone | Whom::Itself => true,
            Whom::Class(class) => {
                let class = classes.get(class);
                class.is_some_and(|class| class.has_family(family))
            }
        });
        of_family.count() as u64
    };
    let of_family =
        |(family, subjects): &(Family, u64)| in_family(*family).saturating_mul(*subjects);
    subjects.iter().map(of_family).fold(0, u64::saturating_add)
}

/// What holds of a peer that nothing is known of.
fn facts_of_anyone(group: &Group<'_>) -> Facts {
    let mut facts = Facts::default();
    for (position, peers, ports) in rules(group, Sense::Certain) {
        if let GrantPeers::Any = peers {
            facts.add(ports, (position, Sense::Certain));
        }
    }
    facts
}

/// The facts of the classes of which more is known than of anyone.
fn facts_by_class(
    group: &Group<'_>,
    anyone: &Facts,
    terms: &Terms<'_>,
    classes: &Classes,
) -> BTreeMap<ClassId, Facts> {
    let mut by_class: BTreeMap<ClassId, Facts> = BTreeMap::new();
    for sense in [Sense::Certain, Sense::Possible] {
        for (position, peers, ports) in rules(group, sense) {
            for class in admitted(peers, ports, sense, terms, classes) {
                let facts = by_class.entry(class).or_insert_with(|| anyone.clone());
                facts.add(ports, (position, sense));
                for (protocol, port) in named_ports(ports, sense, terms, classes, class) {
                    let range = PortRange::single(port);
                    facts.ports.insert((protocol, range, (position, sense)));
                }
            }
        }
    }
    by_class
}

/// All rules of a group by position. Those of NetworkPolicies only allow, so that what is merely possible is not asked.
fn rules<'g, 'a>(
    group: &'g Group<'a>,
    sense: Sense,
) -> impl Iterator<Item = (usize, &'g GrantPeers, &'g GrantPorts<'a>)> {
    let clause = move |clause: &'g Clause<'a>| Some((clause.peers(sense), &clause.ports));
    let before = group.before.iter().map(clause);
    let grants = group.rules.iter().map(move |grant| match sense {
        Sense::Certain => Some((&grant.peers, &grant.ports)),
        Sense::Possible => None,
    });
    let after = group.after.iter().map(clause);
    let all = before.chain(grants).chain(after).enumerate();
    all.filter_map(|(position, rule)| rule.map(|(peers, ports)| (position, peers, ports)))
}

impl Facts {
    fn add(&mut self, ports: &GrantPorts<'_>, fact: Fact) {
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
    fn new(group: &Group<'_>, facts: &Facts, whom: Whom) -> Self {
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
    fn entries_for_class(&self, class: ClassId, base: &Self) -> Vec<Entry> {
        let whom = Whom::Class(class);
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
fn decide(group: &Group<'_>, facts: &BTreeSet<Fact>, whom: Whom) -> Decision {
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
fn tier(clauses: &[Clause<'_>], first: usize, facts: &BTreeMap<usize, Sense>) -> Course {
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
