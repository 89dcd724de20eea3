//! Who can talk to whom, class by class: built when it is first asked for.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ringfence_model::{Cluster, Direction, NetworkPolicy};

use crate::atoms::Atoms;
use crate::class::example::example;
use crate::class::place::Place;
use crate::class::table::ClassTable;
use crate::class::{ClassId, ClassSet, Reach};
use crate::group::{Group, GroupKey, GroupTable};
use crate::index::{Index, namespace_labels};
use crate::judge::Judge;
use crate::partition::Partition;
use crate::row::Row;
use crate::rule::{Compiler, PerDirection, Policy, cluster_blocks, network_blocks};
use crate::term::TermTable;

/// The number of a policy as it was written once: one that is written anew gets another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PolicyId(u32);

/// Classes, policies, and what comes of them.
#[derive(Clone, Debug)]
pub(crate) struct Connectivity {
    atoms: Atoms,
    classes: ClassTable,
    terms: TermTable,
    policies: BTreeMap<PolicyId, Policy>,
    groups: PerDirection<GroupTable>,
}

/// Where the objects are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct World<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) index: &'a Index,
}

impl Connectivity {
    pub(crate) fn new(world: World<'_>) -> Self {
        let atoms = atoms(world.cluster);
        let classes = classes(world, &atoms);
        let mut found = Self {
            atoms,
            classes,
            terms: TermTable::default(),
            policies: BTreeMap::new(),
            groups: PerDirection::default(),
        };
        found.compile(world.cluster);
        found.form_groups();
        found
    }

    fn compile(&mut self, cluster: &Cluster) {
        let mut compiler = Compiler {
            cluster,
            classes: &self.classes,
            terms: &mut self.terms,
        };
        let network = cluster.network_policies.values();
        let mut policies: Vec<Policy> = network
            .map(|policy: &NetworkPolicy| compiler.network_policy(policy))
            .collect();
        let scoped = cluster.cluster_policies.values();
        policies.extend(scoped.map(|policy| compiler.cluster_policy(policy)));
        policies.sort_by(|one, other| one.rank.cmp(&other.rank));
        self.policies = (0..).map(PolicyId).zip(policies).collect();
    }

    fn form_groups(&mut self) {
        for direction in Direction::ALL {
            let mut selected: BTreeMap<ClassId, Vec<PolicyId>> = BTreeMap::new();
            for (id, policy) in &self.policies {
                if policy.rules.get(direction).is_some() {
                    for class in policy.subject.iter() {
                        selected.entry(class).or_default().push(*id);
                    }
                }
            }
            let all: Vec<ClassId> = self.classes.iter().collect();
            for class in all {
                let policies = selected.remove(&class).unwrap_or_default();
                let key = self.group_key(direction, class, policies);
                self.groups.get_mut(direction).attach(class, key);
            }
        }
    }

    fn group_key(&self, direction: Direction, class: ClassId, policies: Vec<PolicyId>) -> GroupKey {
        let mut known = policies.iter().filter_map(|id| self.policies.get(id));
        let ports_matter =
            direction == Direction::Ingress && known.any(|policy| policy.names_ports(direction));
        let ports = if ports_matter {
            self.classes.ports(class).to_vec()
        } else {
            Vec::new()
        };
        GroupKey {
            policies,
            families: self.classes.families(class),
            ports,
        }
    }

    pub(crate) fn classes(&self) -> &ClassTable {
        &self.classes
    }

    pub(crate) fn class_of_address(&self, world: World<'_>, address: IpAddr) -> ClassId {
        let address = address.to_canonical();
        let pod = world.index.pods.at(address);
        let pod = pod.and_then(|name| self.classes.of_pod(name));
        let node = || {
            let name = world.index.nodes.at(address).flatten()?;
            self.classes.of_node(name)
        };
        let atom = || self.classes.of_atom(self.atoms.of(address));
        // INVARIANT: every atom has a class.
        pod.or_else(node).or_else(atom).unwrap_or(ClassId::new(0))
    }

    /// One end alone.
    pub(crate) fn one_way(
        &self,
        world: World<'_>,
        direction: Direction,
        subject: ClassId,
        peer: ClassId,
    ) -> Reach {
        let (own, other) = (self.classes.entry(subject), self.classes.entry(peer));
        if !own.travels || !other.travels {
            return Reach::all();
        }
        if !own.place.families().meet(other.place.families()) {
            return Reach::none();
        }
        match self.groups.get(direction).of(subject) {
            Some(group) => self.judged(world, direction, group).at(peer).clone(),
            None => Reach::all(),
        }
    }

    /// both ends. NP-61: from loopback nothing comes, and to it nothing leaves.
    pub(crate) fn between(&self, world: World<'_>, source: ClassId, destination: ClassId) -> Reach {
        if !self.classes.entry(source).travels {
            return Reach::none();
        }
        let egress = self.one_way(world, Direction::Egress, source, destination);
        if egress.is_none() {
            return egress;
        }
        egress.and(&self.one_way(world, Direction::Ingress, destination, source))
    }

    /// The judgement of a group, made now if nobody asked before.
    fn judged<'a>(
        &'a self,
        world: World<'a>,
        direction: Direction,
        group: &'a Group,
    ) -> &'a Partition<Reach> {
        group.row.get_or_init(|| {
            let judge = Judge {
                cluster: world.cluster,
                classes: &self.classes,
                terms: &self.terms,
                direction,
                families: group.key.families,
                ports: &group.key.ports,
            };
            let policies = group.key.policies.iter();
            let policies: Vec<&Policy> = policies.filter_map(|id| self.policies.get(id)).collect();
            judge.judge(&policies)
        })
    }

    pub(crate) fn row(&self, world: World<'_>, source: ClassId) -> Row {
        let own = self.classes.entry(source);
        let Some(group) = self.groups.get(Direction::Egress).of(source) else {
            return Row::new(BTreeMap::new());
        };
        let mut admitting: BTreeMap<&Reach, Vec<&ClassSet>> = BTreeMap::new();
        for group in self.groups.get(Direction::Ingress).iter() {
            let reach = self.judged(world, Direction::Ingress, group).at(source);
            if !reach.is_none() {
                admitting.entry(reach).or_default().push(&group.members);
            }
        }
        let families = own.place.families();
        let strangers = self
            .classes
            .sets()
            .with_families(|other| !families.meet(other));
        let egress = self.judged(world, Direction::Egress, group);
        let decided = ClassSet::union_of(egress.cells().map(|(_, classes)| classes));
        let mut cells: BTreeMap<Reach, Vec<ClassSet>> = BTreeMap::new();
        for (admitted, destinations) in admitting {
            let destinations = ClassSet::union_of(destinations).difference(&strangers);
            for (reach, classes) in egress.cells() {
                let common = destinations.intersection(classes);
                cells.entry(reach.and(admitted)).or_default().push(common);
            }
            let common = destinations.difference(&decided);
            cells
                .entry(egress.rest().and(admitted))
                .or_default()
                .push(common);
        }
        Row::new(cells)
    }
}

/// The blocks of all policies.
fn atoms(cluster: &Cluster) -> Atoms {
    let mut atoms = Atoms::new();
    let network = cluster.network_policies.values();
    for block in network.flat_map(network_blocks) {
        atoms.acquire(block);
    }
    let scoped = cluster.cluster_policies.values();
    for block in scoped.flat_map(|policy| cluster_blocks(cluster, policy)) {
        atoms.acquire(block);
    }
    atoms
}

fn classes(world: World<'_>, atoms: &Atoms) -> ClassTable {
    let World { cluster, index } = world;
    let mut classes = ClassTable::default();
    for pod in cluster.pods.values().filter(|pod| pod.is_on_pod_network()) {
        let addresses = pod.addresses.iter().map(IpAddr::to_canonical);
        let place = Place::new(addresses, atoms, &index.nodes);
        classes.add_pod(pod, place, || {
            namespace_labels(cluster, &pod.name.namespace)
        });
    }
    for name in index.nodes.names(cluster) {
        let addresses = index.nodes.addresses(cluster, &name);
        classes.add_node(&name, Place::new(addresses, atoms, &index.nodes));
    }
    for atom in atoms.iter() {
        let ranges = atoms.ranges(atom);
        let example = example_of(world, &ranges);
        classes.add_atom(atom, ranges, example);
    }
    classes
}

/// An address that belongs to nobody, if possible not to a Service either.
fn example_of(world: World<'_>, ranges: &[(IpAddr, IpAddr)]) -> Option<IpAddr> {
    let index = world.index;
    let owned = |address| index.pods.at(address).is_some() || index.nodes.at(address).is_some();
    let served = |address| !index.services.at(address).is_empty();
    example(ranges, |address| owned(address) || served(address)).or_else(|| example(ranges, owned))
}
