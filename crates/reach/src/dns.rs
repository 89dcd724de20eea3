//! The cluster's DNS, by the names that distributions give it (rule NP-67).

use ringfence_model::{Cluster, ObjectName, Pod, Service};

/// Where it is in most clusters.
pub const USUAL_NAMESPACE: &str = "kube-system";
/// The label that its pods have in most clusters.
pub const USUAL_LABEL: (&str, &str) = ("k8s-app", "kube-dns");

/// Namespaces and names of its Service, the most usual first.
const SERVICES: [(&str, &str); 4] = [
    (USUAL_NAMESPACE, "kube-dns"),
    (USUAL_NAMESPACE, "coredns"),
    (USUAL_NAMESPACE, "rke2-coredns-rke2-coredns"),
    (OPENSHIFT, "dns-default"),
];
const OPENSHIFT: &str = "openshift-dns";

/// Where its pods run, and the labels that they have there.
const NAMESPACES: [&str; 2] = [USUAL_NAMESPACE, OPENSHIFT];
const LABELS: [(&str, &str); 3] = [
    USUAL_LABEL,
    ("k8s-app", "coredns"),
    ("dns.operator.openshift.io/daemonset-dns", "default"),
];

/// Its Service, if `cluster` has it.
#[must_use]
pub fn service(cluster: &Cluster) -> Option<&Service> {
    let names = SERVICES.map(|(namespace, name)| ObjectName::new(namespace, name));
    names.iter().find_map(|name| cluster.services.get(name))
}

/// Whether `service` is it.
pub(crate) fn is_service(service: &Service) -> bool {
    let name = (service.name.namespace.as_str(), service.name.name.as_str());
    SERVICES.contains(&name)
}

/// Whether `pod` is one of its pods.
#[must_use]
pub fn is_pod(pod: &Pod) -> bool {
    pod.is_on_pod_network()
        && NAMESPACES.contains(&pod.name.namespace.as_str())
        && label(pod).is_some()
}

/// The label that says so.
pub(crate) fn label(pod: &Pod) -> Option<(&'static str, &'static str)> {
    let has = |(key, value): &(&str, &str)| pod.labels.get(*key).is_some_and(|own| own == value);
    LABELS.into_iter().find(has)
}
