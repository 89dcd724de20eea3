//! Pods, nodes and namespaces.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ringfence_model::{Node, ObjectName, Pod};

use super::{Update, World};
use crate::class::place::Place;
use crate::class::{ClassId, ClassKind};
use crate::index::namespace_labels;

impl Update<'_> {
    /// A pod is written or gone.
    pub(super) fn pod(&mut self, name: &ObjectName, old: Option<&Pod>) {
        let new = self.world.cluster.pods.get(name);
        self.place_pod(name);
        let both = [old, new];
        let pods = both.iter().flatten();
        let addresses = pods.flat_map(|pod| pod.addresses.iter().chain(&pod.host_addresses));
        let addresses: Vec<IpAddr> = addresses.map(IpAddr::to_canonical).collect();
        let nodes = both.iter().flatten().filter_map(|pod| pod.node.as_deref());
        let index = self.world.index;
        let owners = addresses
            .iter()
            .flat_map(|address| index.nodes.within(*address, *address));
        let nodes: BTreeSet<&str> = nodes.chain(owners).collect();
        for node in nodes {
            self.place_node(node);
        }
        self.examples(&addresses);
    }

    /// Puts a pod into its class, or takes it out of every class.
    pub(super) fn place_pod(&mut self, name: &ObjectName) {
        let World { cluster, .. } = self.world;
        let pod = cluster.pods.get(name).filter(|pod| pod.is_on_pod_network());
        let found = &mut *self.found;
        let place = pod.map(|pod| self.world.place(&found.atoms, &pod.addresses));
        let pod = pod.zip(place);
        let class = found.classes.of_pod(name);
        if let (Some((pod, place)), Some(class)) = (pod, class)
            && found.classes.fits(class, pod, place)
        {
            return;
        }
        let left = found.classes.leave(name).filter(|left| left.alone);
        if let Some(left) = left {
            self.destroy(left.class);
        }
        if let Some((pod, place)) = pod {
            let labels = || namespace_labels(cluster, &name.namespace).into_owned();
            let joined = self.found.classes.join(pod, place, labels);
            if joined.alone {
                self.admit(joined.class);
            }
        }
    }

    /// The object of a node is written or gone.
    pub(super) fn node(&mut self, name: &str, old: Option<&Node>) {
        let new = self.world.cluster.nodes.get(name);
        let facts =
            |node: Option<&Node>| node.map(|node| (node.labels.clone(), node.addresses.clone()));
        if facts(old) != facts(new) {
            self.stale.extend(self.found.terms.forget_nodes());
        }
        let both = old.into_iter().chain(new);
        let addresses = both.flat_map(|node| &node.addresses);
        let addresses: BTreeSet<IpAddr> = addresses.map(IpAddr::to_canonical).collect();
        let index = self.world.index;
        let mut nodes = BTreeSet::from([name]);
        for address in &addresses {
            for pod in index.pods.within(*address, *address) {
                self.place_pod(pod);
            }
            nodes.extend(index.nodes.within(*address, *address));
        }
        for node in nodes {
            self.place_node(node);
        }
        self.examples(&addresses.into_iter().collect::<Vec<_>>());
    }

    /// Gives a node its class if it exists, and its place.
    pub(super) fn place_node(&mut self, name: &str) {
        let World { cluster, index } = self.world;
        let exists = index.nodes.exists(cluster, name);
        let first = self.world.first_address(name);
        let place = self.world.place_of_node(&self.found.atoms, first);
        let known = self.found.classes.of_node(name);
        let stays = known.filter(|class| exists && self.is_node_by(*class, first));
        match (known, stays) {
            (_, Some(class)) => self.move_to(class, place),
            (Some(class), None) => self.destroy(class),
            (None, None) => {}
        }
        if exists && stays.is_none() {
            let class = self.found.classes.add_node(name, first, place);
            self.admit(class);
        }
        self.place_addresses_of_node(name);
    }

    /// Whether a class stands for a node by this address.
    fn is_node_by(&self, class: ClassId, (first, meant): (Option<IpAddr>, bool)) -> bool {
        match self.found.classes.entry(class).class.kind {
            ClassKind::Node {
                address, by_name, ..
            } => (address, by_name) == (first, meant),
            ClassKind::Pods { .. } | ClassKind::Addresses { .. } => false,
        }
    }

    /// Gives each further address of a node its class.
    fn place_addresses_of_node(&mut self, name: &str) {
        let World { cluster, index } = self.world;
        let wanted = if index.nodes.exists(cluster, name) {
            self.world.further_addresses(name)
        } else {
            Vec::new()
        };
        let known: Vec<_> = self.found.classes.addresses_of_node(name).collect();
        for (_, class) in known
            .iter()
            .filter(|(address, _)| !wanted.contains(address))
        {
            self.destroy(*class);
        }
        for address in wanted {
            let place = self.world.place(&self.found.atoms, &[address]);
            match self.found.classes.of_node_address(name, address) {
                None => {
                    let class = self.found.classes.add_node_address(name, address, place);
                    self.admit(class);
                }
                Some(class) => self.move_to(class, place),
            }
        }
    }

    /// Moves the class of a node, if it is not there yet.
    fn move_to(&mut self, class: ClassId, place: Place) {
        if self.found.classes.entry(class).place != place {
            self.dismiss(class);
            self.found.classes.relocate(class, place);
            self.admit(class);
        }
    }

    /// A namespace is written, or has no object any more.
    pub(super) fn namespace(&mut self, name: &str) {
        let labels = namespace_labels(self.world.cluster, name).into_owned();
        if !self.found.classes.relabel(name, labels) {
            return;
        }
        let namespace = self.found.classes.namespace(name);
        let classes = namespace.map(|found| found.classes.clone());
        for class in classes.unwrap_or_default().iter() {
            self.admit(class);
        }
    }
}
