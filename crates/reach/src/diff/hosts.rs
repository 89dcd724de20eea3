//! Rules NP-53 and CN-2: workloads on the network of their nodes, where no policy holds them.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_model::{Cluster, Pod, Source};

use super::Difference;
use crate::workload::{Member, Unit, by_workload};

/// The workloads that have pods on the network of their nodes, each with the place where such a pod is written.
pub(crate) fn on_hosts(cluster: &Cluster) -> BTreeMap<Unit, Option<Source>> {
    let pods = cluster.pods.values();
    let hosted = pods.filter(|pod| pod.is_live() && pod.host_network);
    let unit = |pod: &Pod| (by_workload(&Member::Pod(pod)), pod.source.clone());
    hosted.map(unit).collect()
}

impl Difference {
    /// The same with the workloads that come to the network of their nodes, and those that leave it.
    pub(super) fn with_hosts(
        self,
        before: &BTreeSet<Unit>,
        mut after: BTreeMap<Unit, Option<Source>>,
    ) -> Self {
        let now: BTreeSet<Unit> = after.keys().cloned().collect();
        after.retain(|unit, _| !before.contains(unit));
        Self {
            unbound: after,
            bound: before - &now,
            ..self
        }
    }
}
