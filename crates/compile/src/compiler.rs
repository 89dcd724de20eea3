//! The compiler: holds a cluster, takes changes in, and gives the transaction that each of them means.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ringfence_model::{Cluster, ObjectName, Pod, PolicyName};
use ringfence_net::Family;
use ringfence_ruleset::{Datum, Key, Operation, Table};

use crate::change::{Change, Changed};
use crate::comment;
use crate::emit::{Emitter, Layout, twice};
use crate::host::{Hosts, Trial};
use crate::layout::set_name;
use crate::peer::{Peer, PeerChange, Peers, endpoints_by_pod, in_scope};
use crate::place::{Places, host_pods_of};
use crate::policy::{Policies, Touched, World};
use crate::portion::Portions;
use crate::service::Services;
use crate::{CompileError, Compiled, Enforcement, Limits, LocalEndpoint, NetworkConfig, NodeView};

/// Compiles the table of one node, and then each change of it, at a cost that depends on what a change touches.
///
/// What comes out depends on the objects that are there, not on the way there: after any changes the table equals the
/// one that [`compile`](crate::compile) makes of the same cluster, but that its sets are as large as they ever had to be
/// (see [`Compiled::keep_sizes`]).
#[derive(Debug)]
pub struct Compiler {
    node: String,
    network: NetworkConfig,
    enforcement: Enforcement,
    limits: Limits,
    /// Copied for the next change if somebody else holds it still.
    cluster: Arc<Cluster>,
    endpoints: Vec<LocalEndpoint>,
    /// Whether these are others than those of `wired`.
    is_rewired: bool,
    wired: BTreeMap<ObjectName, LocalEndpoint>,
    changed: Changed,
    /// Host firewalls that are tried out.
    trial: Option<Trial>,
    /// Whether these are others than those that were taken up.
    is_tried_anew: bool,
    parts: Parts,
    #[cfg(test)]
    blindness: Option<tests::Blindness>,
}

/// What is known of the objects that were taken up.
#[derive(Debug)]
struct Parts {
    peers: Peers,
    places: Places,
    services: Services,
    policies: Policies,
    hosts: Hosts,
    emitter: Emitter,
}

impl Parts {
    fn new(network: &NetworkConfig, emitter: Emitter) -> Self {
        let mut parts = Self {
            peers: Peers::default(),
            places: Places::default(),
            services: Services::default(),
            policies: Policies::default(),
            hosts: Hosts::default(),
            emitter,
        };
        parts.places.begin(network, &mut parts.emitter);
        parts
    }
}

/// What goes in.
impl Compiler {
    /// A compiler for `node` that knows no object yet.
    #[must_use]
    pub fn new(
        node: &str,
        network: NetworkConfig,
        enforcement: Enforcement,
        limits: Limits,
    ) -> Self {
        Self {
            node: node.to_owned(),
            parts: Parts::new(&network, Emitter::new(network.record)),
            network,
            enforcement,
            limits,
            cluster: Arc::default(),
            endpoints: Vec::new(),
            is_rewired: false,
            wired: BTreeMap::new(),
            changed: Changed::default(),
            trial: None,
            is_tried_anew: false,
            #[cfg(test)]
            blindness: None,
        }
    }

    /// The same, with everything to take up that is in `cluster`, on the node of `view`.
    #[must_use]
    pub fn with(cluster: Cluster, view: &NodeView<'_>, limits: Limits) -> Self {
        let mut compiler = Self::new(view.name, view.network.clone(), view.enforcement, limits);
        compiler.changed = Changed::everything(&cluster);
        compiler.cluster = Arc::new(cluster);
        compiler.set_endpoints(view.endpoints.to_vec());
        compiler
    }

    /// Takes a change in; `false` if it changes nothing. It counts from the next [`Compiler::compile`] on.
    pub fn change(&mut self, change: Change) -> bool {
        let cluster = Arc::make_mut(&mut self.cluster);
        self.changed.apply(change, cluster)
    }

    /// Takes a whole cluster in, in the place of what was known; `false` if nothing is different.
    pub fn replace(&mut self, cluster: Cluster) -> bool {
        let known = Arc::make_mut(&mut self.cluster);
        self.changed.replace(cluster, known)
    }

    /// The pods that are wired on the node; `false` if they are the same as before.
    pub fn set_endpoints(&mut self, endpoints: Vec<LocalEndpoint>) -> bool {
        if endpoints == self.endpoints {
            return false;
        }
        self.endpoints = endpoints;
        self.is_rewired = true;
        true
    }

    /// The host firewalls that are tried out now; `false` if it is the same trial as before.
    pub fn set_trial(&mut self, trial: Option<Trial>) -> bool {
        let is_other = trial != self.trial;
        self.trial = trial;
        self.is_tried_anew |= is_other;
        is_other
    }

    /// The host firewalls that are tried out.
    #[must_use]
    pub const fn trial(&self) -> Option<&Trial> {
        self.trial.as_ref()
    }

    /// Gives the table another name than `ringfence`.
    pub fn name_table(&mut self, name: &str) {
        name.clone_into(&mut self.parts.emitter.compiled.table.name);
    }

    /// Keeps each set at least as large as in `live`; see [`Compiled::keep_sizes`].
    pub fn keep_sizes(&mut self, live: &Table) {
        self.parts.emitter.keep_sizes(live);
    }

    /// The cluster, with every change.
    #[must_use]
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The same, to keep: a change that comes meanwhile is made to a copy.
    #[must_use]
    pub fn shared_cluster(&self) -> Arc<Cluster> {
        Arc::clone(&self.cluster)
    }

    /// What the last successful [`Compiler::compile`] made.
    #[must_use]
    pub const fn compiled(&self) -> &Compiled {
        &self.parts.emitter.compiled
    }

    /// The same, to keep.
    #[must_use]
    pub fn into_compiled(self) -> Compiled {
        self.parts.emitter.compiled
    }
}

/// What comes out.
impl Compiler {
    /// Takes up all changes. Gives the transaction that leads from the table of the last call to the present one, which
    /// is what [`ringfence_ruleset::diff`] of both would give: the first one creates the table.
    ///
    /// # Errors
    /// [`CompileError`] for an endpoint that no table can express: the changes then wait for other endpoints. For sets
    /// beyond what the kernel counts; then everything is compiled anew by the next call.
    pub fn compile(&mut self) -> Result<Vec<Operation>, CompileError> {
        let layout = self.settle()?;
        Ok(self.parts.emitter.operations(layout))
    }

    /// The same in transactions of at most `most` elements, as far as each of them leads to a safe state: to each packet happens
    /// what happened before all of them, or what will happen after all of them (rule DP-27).
    ///
    /// # Errors
    /// As [`Compiler::compile`].
    pub fn compile_in_portions(&mut self, most: usize) -> Result<Portions, CompileError> {
        let layout = self.settle()?;
        Ok(self.parts.emitter.portions(layout, most))
    }

    /// Takes up all changes.
    pub(crate) fn settle(&mut self) -> Result<Layout, CompileError> {
        let rewired = self.rewire()?;
        let mut changed = std::mem::take(&mut self.changed);
        let pods: BTreeSet<&ObjectName> = changed.pods.keys().chain(&rewired).collect();
        let changes = self.take_peers(&pods);
        let concerns_wired = pods.iter().any(|name| self.wired.contains_key(*name));
        if concerns_wired || !rewired.is_empty() {
            self.parts.emitter.compiled.unknown = self.unknown();
        }
        self.take_places(&changed);
        let done = self.take_services(&changed, &rewired, &changes);
        self.take_policies(&mut changed, &changes);
        self.take_hosts(&changed, &changes);
        self.parts.peers.settle(changes);
        let layout = done.and_then(|()| self.parts.emitter.finish(self.network.capacity));
        if layout.is_err() {
            self.start_over();
        }
        layout
    }

    /// Takes the endpoints up. Gives the pods that are wired otherwise.
    fn rewire(&mut self) -> Result<BTreeSet<ObjectName>, CompileError> {
        if !self.is_rewired {
            return Ok(BTreeSet::new());
        }
        let new = endpoints_by_pod(&self.endpoints)?;
        let new: BTreeMap<ObjectName, LocalEndpoint> = new
            .into_iter()
            .map(|(name, endpoint)| (name.clone(), endpoint.clone()))
            .collect();
        let old = std::mem::replace(&mut self.wired, new);
        self.is_rewired = false;
        #[cfg(test)]
        if self.is_blind(tests::Blindness::Wires) {
            return Ok(BTreeSet::new());
        }
        let names = old.keys().chain(self.wired.keys());
        let differ = |name: &&ObjectName| old.get(*name) != self.wired.get(*name);
        Ok(names.filter(differ).cloned().collect())
    }

    /// Wired pods that the cluster does not know as live pods of the pod network.
    fn unknown(&self) -> Vec<ObjectName> {
        let is_known = |name: &&ObjectName| {
            let pod = self.cluster.pods.get(*name);
            pod.is_some_and(Pod::is_on_pod_network)
        };
        let names = self.wired.keys();
        names.filter(|name| !is_known(name)).cloned().collect()
    }

    /// Who may speak from which interface, and who may reach itself.
    fn take_peers(&mut self, pods: &BTreeSet<&ObjectName>) -> Vec<PeerChange> {
        let Parts { peers, emitter, .. } = &mut self.parts;
        let changes: Vec<PeerChange> = pods
            .iter()
            .filter_map(|name| {
                let pod = self.cluster.pods.get(*name);
                let new = pod.and_then(|pod| peers.peer(pod, self.wired.get(*name)));
                peers.set(name, new)
            })
            .collect();
        for change in &changes {
            if let Some(peer) = &change.old {
                bind(peer, |set, key, _| emitter.remove(set, &key));
                for ip in peer.addresses.iter().filter(|_| peer.is_local()) {
                    emitter.remove(&set_name("selves", Family::of(*ip)), &twice(*ip));
                }
            }
        }
        for peer in changes.iter().filter_map(|change| peers.get(change.id)) {
            bind(peer, |set, key, name| {
                let comment = Some(comment::of(name));
                emitter.put(set, key, ringfence_ruleset::Value::Member, comment);
            });
        }
        changes
    }

    fn take_places(&mut self, changed: &Changed) {
        let Parts {
            places,
            emitter,
            services,
            ..
        } = &mut self.parts;
        for (name, old) in &changed.nodes {
            let new = self.cluster.nodes.get(name);
            places.take_node(old.as_ref(), new, emitter);
            services.take_node(old.as_ref(), new, &self.cluster);
            if *name == self.node {
                Places::take_own(old.as_ref(), new, emitter);
                services.take_own(new, &self.cluster);
            }
            let addresses = old.as_ref().map(|node| &node.addresses);
            if addresses != new.map(|node| &node.addresses) {
                for pod in host_pods_of(name, &self.cluster) {
                    services.call_services_of(pod, &self.cluster);
                }
            }
        }
        for (name, old) in &changed.pods {
            places.take_pod(old.as_ref(), self.cluster.pods.get(name));
        }
        places.finish(&self.network, emitter);
    }

    fn take_services(
        &mut self,
        changed: &Changed,
        rewired: &BTreeSet<ObjectName>,
        changes: &[PeerChange],
    ) -> Result<(), CompileError> {
        let Parts {
            peers,
            emitter,
            services,
            ..
        } = &mut self.parts;
        for (name, old) in &changed.services {
            services.take_service(name, old.as_ref(), self.cluster.services.get(name));
        }
        for (name, old) in &changed.pods {
            #[cfg(test)]
            if self.blindness == Some(tests::Blindness::ServicesOfPods) {
                continue;
            }
            let new = self.cluster.pods.get(name);
            services.take_pod(old.as_ref(), new, &self.cluster);
        }
        for pod in rewired
            .iter()
            .filter_map(|name| self.cluster.pods.get(name))
        {
            services.call_services_of(pod, &self.cluster);
        }
        for change in changes {
            services.take_peer(change.old.as_ref(), peers.get(change.id));
        }
        services.finish(&self.cluster, (&self.node, &self.network), peers, emitter)
    }

    fn take_policies(&mut self, changed: &mut Changed, changes: &[PeerChange]) {
        let touched = self.touched(changed, changes);
        #[cfg(test)]
        let touched = self.overlook(touched);
        let world = World {
            cluster: &self.cluster,
            peers: &self.parts.peers,
            limits: self.limits,
        };
        let (policies, emitter) = (&mut self.parts.policies, &mut self.parts.emitter);
        match self.enforcement {
            Enforcement::On => {
                emitter.compiled.refused = policies.update(world, touched, emitter);
            }
            Enforcement::Off => policies.show_selves(&touched.subjects, world.peers, emitter),
        }
    }

    fn take_hosts(&mut self, changed: &Changed, changes: &[PeerChange]) {
        let has_others =
            !changes.is_empty() || !changed.nodes.is_empty() || !changed.namespaces.is_empty();
        let Parts {
            peers,
            hosts,
            emitter,
            ..
        } = &mut self.parts;
        let is_closed = !hosts.is_empty() || !self.cluster.host_firewalls.is_empty();
        let is_due =
            self.is_tried_anew || !changed.host_firewalls.is_empty() || (is_closed && has_others);
        match self.enforcement {
            Enforcement::On if is_due => {
                let trial = self.trial.as_ref();
                hosts.update(&self.cluster, &self.node, trial, peers, emitter);
            }
            Enforcement::On | Enforcement::Off => {}
        }
        self.is_tried_anew = false;
    }

    fn touched(&self, changed: &Changed, changes: &[PeerChange]) -> Touched {
        let peers = &self.parts.peers;
        let mut touched = Touched {
            places: !changed.nodes.is_empty() || !changed.domain_addresses.is_empty(),
            ..Touched::default()
        };
        for change in changes {
            touched.peers.insert(change.id);
            for peer in change.old.iter().chain(peers.get(change.id)) {
                touched.addresses.extend(&peer.addresses);
                if peer.is_local() {
                    touched.subjects.insert(change.id);
                }
            }
        }
        for name in changed.namespaces.keys() {
            touched.peers.extend(peers.of_namespace(name));
            touched.subjects.extend(peers.local_in(name));
        }
        for (name, old) in &changed.network_policies {
            touched.policies.insert(PolicyName::Network(name.clone()));
            let new = self.cluster.network_policies.get(name);
            let selectors = old.iter().chain(new).map(|policy| &policy.pod_selector);
            let selectors: Vec<_> = selectors.collect();
            let local = peers.local_in(&name.namespace).into_iter();
            touched.subjects.extend(local.filter(|id| {
                let peer = peers.get(*id);
                let selected = |peer: &Peer| selectors.iter().any(|it| it.matches(&peer.labels));
                peer.is_some_and(selected)
            }));
        }
        for (name, old) in &changed.cluster_policies {
            touched.policies.insert(PolicyName::Cluster(name.clone()));
            let new = self.cluster.cluster_policies.get(name);
            let subjects: Vec<_> = old.iter().chain(new).map(|it| &it.subject).collect();
            let local = peers.local().filter(|(_, peer)| {
                let mut subjects = subjects.iter();
                subjects.any(|subject| in_scope(subject, peer, &self.cluster))
            });
            touched.subjects.extend(local.map(|(id, _)| id));
        }
        touched
    }

    /// Forgets everything but the objects.
    fn start_over(&mut self) {
        let mut emitter = Emitter::replacing(self.network.record);
        let name = &self.parts.emitter.compiled.table.name;
        name.clone_into(&mut emitter.compiled.table.name);
        self.parts = Parts::new(&self.network, emitter);
        self.changed = Changed::everything(&self.cluster);
        self.is_tried_anew = self.trial.is_some();
        self.wired.clear();
        self.is_rewired = true;
    }
}

/// The elements that bind the addresses of a pod that is wired here to its interface.
fn bind(peer: &Peer, mut element: impl FnMut(&str, Key, &ObjectName)) {
    let Some(interface) = &peer.interface else {
        return;
    };
    for ip in &peer.addresses {
        let family = Family::of(*ip);
        let interface = Datum::Interface(interface.clone());
        let key = Key::point(vec![interface, Datum::Address(*ip)]);
        element(&set_name("endpoints", family), key, &peer.name);
        let local = Key::point(vec![Datum::Address(*ip)]);
        element(&set_name("locals", family), local, &peer.name);
        element(&set_name("hairpin", family), twice(*ip), &peer.name);
    }
}

/// What tests make it overlook.
#[cfg(test)]
impl Compiler {
    fn is_blind(&self, blindness: tests::Blindness) -> bool {
        self.blindness == Some(blindness)
    }

    fn overlook(&self, mut touched: Touched) -> Touched {
        match self.blindness {
            Some(tests::Blindness::Peers) => touched.peers.clear(),
            Some(tests::Blindness::Addresses) => touched.addresses.clear(),
            Some(tests::Blindness::Subjects) => touched.subjects.clear(),
            Some(tests::Blindness::Policies) => touched.policies.clear(),
            Some(tests::Blindness::Places) => touched.places = false,
            Some(tests::Blindness::Wires | tests::Blindness::ServicesOfPods) | None => {}
        }
        touched
    }
}

#[cfg(test)]
mod tests;
