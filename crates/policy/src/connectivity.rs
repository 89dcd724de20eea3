//! Who can talk to whom, class by class: built when it is first asked for.

mod groups;
mod rows;
mod second;
mod spare;
mod update;

use std::collections::BTreeSet;
use std::net::IpAddr;

use ringfence_model::{Cluster, Direction};
use ringfence_net::Family;

use crate::atoms::Atoms;
use crate::class::example::example;
use crate::class::place::Place;
use crate::class::table::ClassTable;
use crate::class::{ClassId, Reach};
use crate::group::{Group, GroupTable};
use crate::index::{Index, namespace_labels};
use crate::judge::Judge;
use crate::partition::Partition;
use crate::policies::{Policies, PolicyKey};
use crate::rule::{Compiler, PerDirection, Policy, Written};
use crate::shared_family::SharedFamily;
use crate::term::TermTable;

/// Classes, policies, and what comes of them.
#[derive(Clone, Debug)]
pub(crate) struct Connectivity {
    atoms: Atoms,
    classes: ClassTable,
    terms: TermTable,
    policies: Policies,
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
        let mut atoms = Atoms::new();
        for (_, written) in Written::all(world.cluster) {
            for block in written.blocks(world.cluster) {
                atoms.acquire(block);
            }
        }
        let mut found = Self {
            classes: world.classes(&atoms),
            atoms,
            terms: TermTable::default(),
            policies: Policies::default(),
            groups: PerDirection::default(),
        };
        for (key, written) in Written::all(world.cluster) {
            found.add_policy(world.cluster, key, written);
        }
        for direction in Direction::ALL {
            found.form_groups(direction);
        }
        found
    }

    fn add_policy(&mut self, cluster: &Cluster, key: PolicyKey, written: Written<'_>) {
        let id = self.policies.new_id();
        let policy = Compiler::compile(written, id, cluster, &self.classes, &mut self.terms);
        self.policies.insert(key, id, policy);
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
            let own = self.classes.of_node_address(name, address);
            own.or_else(|| self.classes.of_node(name))
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
        let shared = SharedFamily::First;
        self.decided(world, (direction, shared), subject, peer)
    }

    /// What the policies of `subject` decide, if it has any.
    fn decided(
        &self,
        world: World<'_>,
        (direction, shared): (Direction, SharedFamily),
        subject: ClassId,
        peer: ClassId,
    ) -> Reach {
        match self.groups.get(direction).of(subject) {
            Some(group) => self
                .judged_in(world, (direction, shared), group)
                .at(peer)
                .clone(),
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
        let judge = || self.judge(world, (direction, SharedFamily::First), group);
        group.judged.get_or_init(judge)
    }

    fn judge(
        &self,
        world: World<'_>,
        way: (Direction, SharedFamily),
        group: &Group,
    ) -> Partition<Reach> {
        let policies: Vec<&Policy> = self.policies_of(group).collect();
        self.judge_of(world, way, group).judge(&policies)
    }

    fn judge_of<'a>(
        &'a self,
        world: World<'a>,
        (direction, shared): (Direction, SharedFamily),
        group: &'a Group,
    ) -> Judge<'a> {
        Judge {
            cluster: world.cluster,
            classes: &self.classes,
            terms: &self.terms,
            direction,
            families: group.key.families,
            shared,
            ports: &group.key.ports,
        }
    }

    fn policies_of(&self, group: &Group) -> impl Iterator<Item = &Policy> {
        let policies = group.key.policies.iter();
        policies.filter_map(|id| self.policies.get(*id))
    }
}

impl World<'_> {
    fn classes(self, atoms: &Atoms) -> ClassTable {
        let mut classes = ClassTable::default();
        let pods = self.cluster.pods.values();
        for pod in pods.filter(|pod| pod.is_on_pod_network()) {
            let labels = || namespace_labels(self.cluster, &pod.name.namespace).into_owned();
            classes.join(pod, self.place(atoms, &pod.addresses), labels);
        }
        for name in self.index.nodes.names(self.cluster) {
            let first = self.first_address(&name);
            classes.add_node(&name, first, self.place_of_node(atoms, first));
            for address in self.further_addresses(&name) {
                classes.add_node_address(&name, address, self.place(atoms, &[address]));
            }
        }
        for atom in atoms.iter() {
            let ranges = atoms.ranges(atom);
            let example = self.example(&ranges);
            classes.add_atom(atom, ranges, example);
        }
        classes
    }

    fn place(self, atoms: &Atoms, addresses: &[IpAddr]) -> Place {
        let addresses = addresses.iter().map(IpAddr::to_canonical);
        Place::new(addresses, atoms, &self.index.nodes)
    }

    fn place_of_node(self, atoms: &Atoms, (first, _): (Option<IpAddr>, bool)) -> Place {
        self.place(atoms, first.as_slice())
    }

    /// the first address of a node, and whether it is the one that is meant by the name alone.
    fn first_address(self, name: &str) -> (Option<IpAddr>, bool) {
        let all = self.index.nodes.addresses(self.cluster, name);
        let families: BTreeSet<Family> = all.iter().map(|address| Family::of(*address)).collect();
        (all.first().copied(), families.len() < 2)
    }

    /// the addresses of a node beside its first, by which nobody else is meant (rule Q-3).
    fn further_addresses(self, name: &str) -> Vec<IpAddr> {
        let index = self.index;
        let is_its = |address: &IpAddr| {
            !address.is_loopback()
                && index.pods.at(*address).is_none()
                && index.nodes.at(*address) == Some(Some(name))
        };
        let all = index.nodes.addresses(self.cluster, name);
        all.into_iter().skip(1).filter(is_its).collect()
    }

    /// An address that belongs to nobody, if possible not to a Service either.
    fn example(self, ranges: &[(IpAddr, IpAddr)]) -> Option<IpAddr> {
        let index = self.index;
        let owned = |address| index.pods.at(address).is_some() || index.nodes.at(address).is_some();
        let served = |address| !index.services.at(address).is_empty();
        let free = |address| owned(address) || served(address);
        example(ranges, free).or_else(|| example(ranges, owned))
    }
}

#[cfg(test)]
mod tests;
