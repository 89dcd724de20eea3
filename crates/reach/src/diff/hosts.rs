//! Rules NP-53 and CN-2: workloads that leave the pod network, and with it every policy.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_model::{Cluster, Pod, Source};

use crate::workload::{Member, Unit, by_workload};

/// The workloads of `units`, which had pods on the pod network, that have pods on the network of their nodes in `after`
/// and had none in `before`, each with the place where such a pod is written.
pub(super) fn unbound(
    units: &BTreeSet<Unit>,
    before: Option<&Cluster>,
    after: &Cluster,
) -> BTreeMap<Unit, Option<Source>> {
    let mut found = on_hosts(after);
    let known = before.map(on_hosts).unwrap_or_default();
    found.retain(|unit, _| units.contains(unit) && !known.contains_key(unit));
    found
}

fn on_hosts(cluster: &Cluster) -> BTreeMap<Unit, Option<Source>> {
    let pods = cluster.pods.values();
    let hosted = pods.filter(|pod| pod.is_live() && pod.host_network);
    let unit = |pod: &Pod| (by_workload(&Member::Pod(pod)), pod.source.clone());
    hosted.map(unit).collect()
}
