//! What is allowed against what is needed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ringfence_model::{Endpoint, Query};
use ringfence_net::ConnectionSet;
use ringfence_policy::{ClassId, ClassKind, ClassSet, Engine, Reach, SharedFamily};

use super::scene::ports;
use super::{Deviation, DeviationKind, Scene};
use crate::suggest::inhabitants::{Inhabitants, pod_ranges};
use crate::suggest::{End, Need, NeededPort};

/// So many differences are shown, and the others are counted.
const SHOWN: usize = 100;

/// The differences between `needs` and what `engine` allows, in order, and how many are not shown.
pub(super) fn compare(
    engine: &Engine,
    scene: &Scene,
    inhabitants: &Inhabitants<'_>,
    needs: &[Need],
) -> (Vec<Deviation>, usize) {
    let comparison = Comparison::new(engine, scene, inhabitants, needs);
    let mut found = comparison.missing(needs);
    found.extend(comparison.excess());
    let further = found.len().saturating_sub(SHOWN);
    let shown = found.into_iter().take(SHOWN);
    let shown = shown.map(|((kind, from, to), (connections, ends))| Deviation {
        kind,
        from: from.to_string(),
        to: to.to_string(),
        witness: comparison.witness(&connections, ends),
        connections,
    });
    (shown.collect(), further)
}

/// Differences by kind and ends, with what differs and the endpoints that show it.
type Found<'a> = BTreeMap<(DeviationKind, &'a End, &'a End), (ConnectionSet, Ends)>;
type Ends = Option<(Endpoint, Endpoint)>;

struct Comparison<'a> {
    engine: &'a Engine,
    scene: &'a Scene,
    needed: BTreeMap<(&'a End, &'a End), BTreeSet<&'a NeededPort>>,
    /// By what has pods of a class, and whether policies are suggested for them.
    of_class: BTreeMap<ClassId, Vec<(&'a End, bool)>>,
    /// Needs with addresses at the other end.
    to_blocks: BTreeMap<&'a End, Vec<&'a Need>>,
    from_blocks: BTreeMap<&'a End, Vec<&'a Need>>,
    /// Whether nobody tells the addresses of pods, so that what is open to the outside is open to all of them.
    outside_is_all: bool,
}

impl<'a> Comparison<'a> {
    fn new(
        engine: &'a Engine,
        scene: &'a Scene,
        inhabitants: &'a Inhabitants<'a>,
        needs: &'a [Need],
    ) -> Self {
        let mut found = Self {
            engine,
            scene,
            needed: BTreeMap::new(),
            of_class: BTreeMap::new(),
            to_blocks: BTreeMap::new(),
            from_blocks: BTreeMap::new(),
            outside_is_all: pod_ranges(engine.cluster()).is_empty(),
        };
        for need in needs {
            let ports = found.needed.entry((&need.from, &need.to)).or_default();
            ports.insert(&need.port);
            if matches!(need.to, End::Block(_)) {
                found.to_blocks.entry(&need.from).or_default().push(need);
            }
            if matches!(need.from, End::Block(_) | End::Outside) {
                found.from_blocks.entry(&need.to).or_default().push(need);
            }
        }
        for (end, pods) in scene.ends() {
            let managed = matches!(end, End::Workload(unit) if inhabitants.manages(unit));
            let classes = pods.iter().filter_map(|name| engine.class_of_pod(name));
            for class in classes.collect::<BTreeSet<_>>() {
                found
                    .of_class
                    .entry(class)
                    .or_default()
                    .push((end, managed));
            }
        }
        found
    }

    fn missing(&self, needs: &'a [Need]) -> Found<'a> {
        let mut found = Found::new();
        for need in needs {
            let sources = self.scene.classes(self.engine, &need.from, &need.to);
            let destinations = self.scene.classes(self.engine, &need.to, &need.from);
            for source in &sources {
                for destination in &destinations {
                    let ends = self.ends((&need.from, *source), (&need.to, *destination));
                    if ends.as_ref().is_some_and(|(one, other)| one == other) {
                        continue;
                    }
                    let needed = need.port.connections(ports(self.engine, *destination));
                    for shared in SharedFamily::ALL {
                        let reach = self.engine.between_in(shared, *source, *destination);
                        let Some(Reach { allowed, unknown }) = reach else {
                            continue;
                        };
                        let missing = needed.difference(&allowed);
                        let kinds = [
                            (DeviationKind::Missing, missing.difference(&unknown)),
                            (DeviationKind::Unknown, missing.intersection(&unknown)),
                        ];
                        for (kind, connections) in kinds {
                            let ends = || self.named_in(shared, ends.clone());
                            let key = (kind, &need.from, &need.to);
                            note(&mut found, key, connections, ends);
                        }
                    }
                }
            }
        }
        found
    }

    fn excess(&self) -> Found<'a> {
        let mut found = Found::new();
        for shared in self.engine.shared_families() {
            self.excess_in(*shared, &mut found);
        }
        found
    }

    fn excess_in(&self, shared: SharedFamily, found: &mut Found<'a>) {
        let all: ClassSet = self.engine.classes().map(|(class, _)| class).collect();
        self.engine.for_each_row_in(shared, &all, |sources, row| {
            for source in sources.iter() {
                for (reach, destinations) in &row.cells {
                    for destination in destinations.iter() {
                        self.judge(shared, (source, destination), reach, found);
                    }
                }
            }
        });
    }

    /// What members of `source` may open to members of `destination`, pair by pair of those that live there.
    fn judge(
        &self,
        shared: SharedFamily,
        (source, destination): (ClassId, ClassId),
        Reach { allowed, unknown }: &Reach,
        found: &mut Found<'a>,
    ) {
        if allowed.is_empty() && unknown.is_empty() {
            return;
        }
        let sources = self.of_class.get(&source).map_or(&[][..], Vec::as_slice);
        let destinations = self
            .of_class
            .get(&destination)
            .map_or(&[][..], Vec::as_slice);
        for (from, from_managed) in sources {
            for (to, to_managed) in destinations {
                if !from_managed && !to_managed {
                    continue;
                }
                let mut needed = self.needed(from, to, destination);
                if !from_managed {
                    let of_blocks = self.needed_from_pods((from, source), to, destination);
                    needed = needed.union(&of_blocks);
                }
                if matches!(from, End::Unseen { .. }) {
                    // Of them it is not known whether anything else holds them.
                    needed = needed.union(&self.open_to_many(to, destination));
                }
                let mut excess = allowed.difference(&needed);
                if !unknown.is_empty() && !from_managed && matches!(from, End::Workload(_)) {
                    let open = self.open_to_many(to, destination).difference(&needed);
                    excess = excess.union(&unknown.intersection(&open));
                }
                let ends = self.ends((from, source), (to, destination));
                if ends.as_ref().is_none_or(|(one, other)| one != other) {
                    let ends = || self.named_in(shared, ends);
                    note(found, (DeviationKind::Excess, from, to), excess, ends);
                }
            }
            if *from_managed && destinations.is_empty() {
                let needed = self.needed_at(from, destination);
                let ends = || self.ends((from, source), (&End::Outside, destination));
                let key = (DeviationKind::Excess, *from, &End::Outside);
                note(found, key, allowed.difference(&needed), ends);
            }
        }
        if sources.is_empty() {
            for (to, _) in destinations.iter().filter(|(_, managed)| *managed) {
                let needed = self.needed_from(to, destination, source);
                let ends = || self.ends((&End::Outside, source), (to, destination));
                let key = (DeviationKind::Excess, &End::Outside, *to);
                note(found, key, allowed.difference(&needed), ends);
            }
        }
    }

    fn needed(&self, from: &End, to: &End, destination: ClassId) -> ConnectionSet {
        let needed = self.needed.get(&(from, to)).into_iter().flatten();
        self.all(needed.copied(), destination)
    }

    /// What `from` needs at the addresses of `destination`.
    fn needed_at(&self, from: &End, destination: ClassId) -> ConnectionSet {
        let needs = self.to_blocks.get(from).into_iter().flatten();
        let here = needs.filter(|need| self.covers(&need.to, destination));
        self.all(here.map(|need| &need.port), destination)
    }

    /// What `to` needs from blocks that pods of `from` have addresses of. No pod is the outside.
    fn needed_from_pods(
        &self,
        from: (&End, ClassId),
        to: &End,
        destination: ClassId,
    ) -> ConnectionSet {
        let needs = self.from_blocks.get(to).into_iter().flatten();
        let here = needs.filter(|need| match &need.from {
            End::Block(block) => self.scene.is_within(self.engine, from, block),
            End::Outside | End::Workload(_) | End::Unseen { .. } => false,
        });
        self.all(here.map(|need| &need.port), destination)
    }

    /// What rules for blocks of addresses open of `to`. A pod whose address is not known yet may have one of them (rule AM-22);
    /// it has none where what is open to the outside leaves out the addresses of pods.
    fn open_to_many(&self, to: &End, destination: ClassId) -> ConnectionSet {
        let needs = self.from_blocks.get(to).into_iter().flatten();
        let many = needs.filter(|need| match &need.from {
            End::Block(block) => block.prefix_len() < block.max_prefix_len(),
            End::Outside => self.outside_is_all,
            End::Workload(_) | End::Unseen { .. } => false,
        });
        self.all(many.map(|need| &need.port), destination)
    }

    /// What `to` needs from the addresses of `source`.
    fn needed_from(&self, to: &End, destination: ClassId, source: ClassId) -> ConnectionSet {
        let needs = self.from_blocks.get(to).into_iter().flatten();
        let here = needs.filter(|need| self.covers(&need.from, source));
        self.all(here.map(|need| &need.port), destination)
    }

    fn all<'p>(
        &self,
        needed: impl Iterator<Item = &'p NeededPort>,
        destination: ClassId,
    ) -> ConnectionSet {
        let declared = ports(self.engine, destination);
        let each = needed.map(|port| port.connections(declared));
        each.fold(ConnectionSet::none(), |all, one| all.union(&one))
    }

    /// Whether `end` has the addresses of `class`.
    fn covers(&self, end: &End, class: ClassId) -> bool {
        let addresses: Vec<IpAddr> = match &self.engine.class(class).kind {
            ClassKind::Pods { .. } => Vec::new(),
            ClassKind::Node { address, .. } => address.iter().copied().collect(),
            ClassKind::Addresses { example, .. } => vec![*example],
        };
        match end {
            End::Block(block) => addresses.iter().any(|address| block.contains(address)),
            End::Outside => true,
            End::Workload(_) | End::Unseen { .. } => false,
        }
    }

    /// Two endpoints to show, different ones if there are two.
    fn ends(&self, from: (&End, ClassId), to: (&End, ClassId)) -> Ends {
        let (engine, scene) = (self.engine, self.scene);
        let source = scene.member(engine, from.0, from.1, false)?;
        Some((source, scene.member(engine, to.0, to.1, from == to)?))
    }

    /// The same ends by names under which a connection takes that family.
    fn named_in(&self, shared: SharedFamily, ends: Ends) -> Ends {
        let (source, destination) = ends?;
        self.engine.ends_in(shared, &source, &destination)
    }

    fn witness(
        &self,
        connections: &ConnectionSet,
        ends: Ends,
    ) -> Option<(Query, ringfence_model::Answer)> {
        let ((source, destination), (protocol, port)) = (ends?, connections.witness()?);
        let query = Query {
            source,
            destination,
            protocol,
            port,
        };
        let answer = self.engine.answer(&query).ok()?;
        Some((query, answer))
    }
}

fn note<'a>(
    found: &mut Found<'a>,
    key: (DeviationKind, &'a End, &'a End),
    connections: ConnectionSet,
    ends: impl FnOnce() -> Ends,
) {
    if connections.is_empty() {
        return;
    }
    let (all, _) = found
        .entry(key)
        .or_insert_with(|| (ConnectionSet::none(), ends()));
    *all = all.union(&connections);
}
