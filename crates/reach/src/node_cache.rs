//! NodeLocal DNSCache: a name server on every node, which pods ask at a link-local address (rule NP-67).

use std::net::Ipv4Addr;

use ringfence_model::Pod;

/// Where it answers unless it is told otherwise.
pub(crate) const ADDRESS: Ipv4Addr = Ipv4Addr::new(169, 254, 20, 10);

const LABEL: (&str, &str) = ("k8s-app", "node-local-dns");

/// Whether `pod` is one of its pods.
pub(crate) fn is_pod(pod: &Pod) -> bool {
    let (key, value) = LABEL;
    pod.labels.get(key).is_some_and(|own| own == value)
}
