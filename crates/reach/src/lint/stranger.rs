//! A pod that no policy has named: what policies leave to everybody they leave to it.

use ringfence_model::{Cluster, Endpoint, Labels, Namespace, ObjectName, Pod};
use ringfence_policy::Engine;

/// The cluster with a pod without labels in a namespace of its own. Its address is not known, so that what a rule says of
/// addresses may be said of it.
pub(super) fn beside(cluster: &Cluster) -> (Engine, Endpoint) {
    let mut cluster = cluster.clone();
    let names = (0..).map(|number| format!("nowhere-{number}"));
    let mut free = names.skip_while(|name| cluster.namespaces.contains_key(name));
    let namespace = free.next().unwrap_or_else(|| "nowhere".to_owned());
    let pod = stranger(&namespace);
    let name = pod.name.clone();
    let known = Namespace::new(&namespace, Labels::new());
    cluster.namespaces.insert(namespace, known);
    cluster.pods.insert(name.clone(), pod);
    (Engine::new(cluster), Endpoint::Pod(name))
}

fn stranger(namespace: &str) -> Pod {
    Pod::new(ObjectName::new(namespace, "stranger"), Labels::new())
}
