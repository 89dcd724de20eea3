//! From objects to the cluster that policy is judged in, without a cluster (rules OB-3, OB-4, OB-8 to OB-10, OB-12).

mod cluster_policies;
mod endpoints;
mod mentions;
mod owners;
mod representatives;
mod unknowable;

pub use endpoints::add_endpoints;
pub use mentions::Mentions;
pub use unknowable::UnknowableSelector;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use owners::Workloads;

use crate::diagnostic::{Diagnostic, Severity};
use crate::{
    Cluster, DomainAddresses, Labels, Namespace, Object, ObjectKey, ObjectName, Phase, Pod,
};

/// Puts `objects` together. Workloads become representative pods (rule OB-9).
#[must_use]
pub fn assemble(objects: &[Object]) -> (Cluster, Vec<Diagnostic>) {
    assemble_with(objects, DomainAddresses::new())
}

/// As [`assemble`], with what is known of names outside of the cluster (rule AM-19).
#[must_use]
pub fn assemble_with(
    objects: &[Object],
    domain_addresses: DomainAddresses,
) -> (Cluster, Vec<Diagnostic>) {
    assemble_mentioning(objects, domain_addresses, &Mentions::of(objects))
}

/// As [`assemble_with`], with the pods that `mentions` name in the place of those that the objects themselves name: a
/// cluster that is compared with another, or that somebody asks about (rule OB-9).
#[must_use]
pub fn assemble_mentioning(
    objects: &[Object],
    domain_addresses: DomainAddresses,
    mentions: &Mentions,
) -> (Cluster, Vec<Diagnostic>) {
    let mut assembly = Assembly::default();
    assembly.cluster.domain_addresses = domain_addresses;
    for object in objects {
        if assembly.is_first(object) {
            assembly.add(object);
        }
    }
    assembly.add_endpoints();
    assembly.add_workloads(mentions);
    assembly.tell_addresses();
    assembly.add_missing_namespaces();
    assembly.report_shared_addresses();
    let Assembly {
        cluster,
        mut diagnostics,
        ..
    } = assembly;
    diagnostics.extend(unknowable::warnings(&cluster));
    diagnostics.extend(cluster_policies::warnings(&cluster));
    (cluster, diagnostics)
}

#[derive(Default)]
struct Assembly<'a> {
    cluster: Cluster,
    seen: BTreeMap<ObjectKey, &'a Object>,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Assembly<'a> {
    /// Whether no object of the same kind and name came before (rule OB-3).
    fn is_first(&mut self, object: &'a Object) -> bool {
        let key = object.key();
        let Some(first) = self.seen.get(&key) else {
            self.seen.insert(key, object);
            return true;
        };
        let severity = if first.same_content(object) {
            Severity::Warning
        } else {
            Severity::Error
        };
        let wording = match severity {
            Severity::Error => "is given twice, and differs",
            Severity::Warning | Severity::Note => "is given twice",
        };
        let mut diagnostic = Diagnostic::new(severity, format!("{key} {wording}"))
            .with_rule("OB-3")
            .with_source(object.source().cloned());
        if let Some(source) = first.source() {
            diagnostic = diagnostic.with_help(format!("it is first given at {source}"));
        }
        self.diagnostics.push(diagnostic);
        false
    }

    fn add(&mut self, object: &Object) {
        let cluster = &mut self.cluster;
        match object {
            Object::Namespace(found) => {
                cluster.namespaces.insert(found.name.clone(), found.clone());
            }
            Object::Node(found) => {
                cluster.nodes.insert(found.name.clone(), found.clone());
            }
            Object::Pod(found) => {
                cluster
                    .pods
                    .insert(found.pod.name.clone(), found.pod.clone());
            }
            Object::Service(found) => {
                cluster.services.insert(found.name.clone(), found.clone());
            }
            Object::NetworkPolicy(found) => {
                cluster
                    .network_policies
                    .insert(found.name.clone(), found.clone());
            }
            Object::ClusterPolicy(found) => {
                cluster
                    .cluster_policies
                    .insert(found.name.clone(), found.clone());
            }
            Object::HostFirewall(found) => {
                cluster
                    .host_firewalls
                    .insert(found.name.clone(), found.clone());
            }
            Object::Endpoints(_)
            | Object::Secret(_)
            | Object::ConfigMap(_)
            | Object::ServiceAccount(_)
            | Object::KindCluster(_)
            | Object::Workload(_) => {}
        }
    }

    /// Rule OB-12.
    fn add_endpoints(&mut self) {
        let objects = self.seen.values().copied();
        let diagnostics = add_endpoints(self.cluster.services.values_mut(), objects);
        self.diagnostics.extend(diagnostics);
    }

    /// Tells each pod its workload, and adds pods for the workloads whose own pods are not given (rule OB-9).
    fn add_workloads(&mut self, mentions: &Mentions) {
        let workloads = Workloads::of(self.seen.values().copied());
        let given = self.seen.values().filter_map(|object| owners::pod(object));
        for (name, manifest) in given.clone() {
            if let Some(pod) = self.cluster.pods.get_mut(name) {
                pod.workload = workloads.workload_of(manifest);
            }
        }
        let given = given.map(|(_, manifest)| manifest);
        for mut pod in representatives::of(&workloads, given, mentions) {
            if self.cluster.pods.contains_key(&pod.name) {
                pod.name.name.push_str("-representative");
            }
            self.cluster.pods.insert(pod.name.clone(), pod);
        }
    }

    /// Rule OB-12: a pod without address has the one at which an EndpointSlice or Endpoints name it.
    fn tell_addresses(&mut self) {
        let cluster = &mut self.cluster;
        let addresses = cluster.pods.values().flat_map(|pod| &pod.addresses);
        let mut taken: BTreeSet<IpAddr> = addresses.copied().collect();
        let is_unseen = |pod: &&Pod| {
            let has_none = pod.addresses.is_empty() && pod.host_addresses.is_empty();
            pod.phase == Phase::Unknown && !pod.host_network && has_none
        };
        let unseen = cluster.pods.values().filter(is_unseen);
        let unseen: BTreeSet<ObjectName> = unseen.map(|pod| pod.name.clone()).collect();
        let mut strangers = Vec::new();
        let lists = self
            .seen
            .values()
            .filter_map(|object| endpoints::manifest(object));
        for (list, named) in lists.flat_map(|list| list.pods.iter().map(move |pod| (list, pod))) {
            let address = named.address.to_canonical();
            match cluster.pods.get_mut(&named.name) {
                Some(pod) if unseen.contains(&named.name) && taken.insert(address) => {
                    pod.addresses.push(address);
                }
                Some(_) => {}
                None if taken.contains(&address) => {}
                None => strangers.push(endpoints::of_no_pod(list, named)),
            }
        }
        self.diagnostics.extend(strangers);
    }

    /// Rule OB-4.
    fn add_missing_namespaces(&mut self) {
        let cluster = &mut self.cluster;
        let pods = cluster.pods.values().map(|pod| (&pod.name, &pod.source));
        let policies = cluster
            .network_policies
            .values()
            .map(|policy| (&policy.name, &policy.source));
        let mut missing = BTreeMap::new();
        for (name, source) in policies.chain(pods) {
            if !cluster.namespaces.contains_key(&name.namespace) {
                missing
                    .entry(name.namespace.clone())
                    .or_insert_with(|| source.clone());
            }
        }
        for (name, source) in missing {
            if !PRESENT_EVERYWHERE.contains(&name.as_str()) {
                let message = format!(
                    "namespace `{name}` is not given: it is taken to have no labels but its name"
                );
                let help = "add its Namespace, so that namespace selectors see its labels";
                self.diagnostics.push(
                    Diagnostic::new(Severity::Warning, message)
                        .with_rule("OB-4")
                        .with_source(source)
                        .with_help(help),
                );
            }
            let namespace = Namespace::new(name.as_str(), Labels::new());
            cluster.namespaces.insert(name, namespace);
        }
    }

    /// Rule Q-6.
    fn report_shared_addresses(&mut self) {
        let mut owners: BTreeMap<IpAddr, &Pod> = BTreeMap::new();
        for pod in self
            .cluster
            .pods
            .values()
            .filter(|pod| pod.is_on_pod_network())
        {
            for address in pod.addresses.iter().copied().collect::<BTreeSet<_>>() {
                let Some(other) = owners.insert(address, pod) else {
                    continue;
                };
                let message = format!(
                    "pods {} and {} have the same address {address}",
                    other.name, pod.name
                );
                self.diagnostics.push(
                    Diagnostic::new(Severity::Error, message)
                        .with_rule("Q-6")
                        .with_source(pod.source.clone()),
                );
            }
        }
    }
}

/// Every cluster has these namespaces, without labels of their own.
const PRESENT_EVERYWHERE: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];
