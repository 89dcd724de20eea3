//! From a failing case to the smallest one that still fails.

mod cluster_policies;
mod steps;

use ringfence_model::Cluster;

use crate::flows::ProbeFlow;

/// Removes one thing after the other from `cluster` for as long as `fails` says that it still fails.
///
/// The flow stays: who asks what is part of the case. A `fails` that compares two deciders needs no
/// care for clusters in which the flow makes no sense: both then say so, and agree.
pub fn shrink(
    cluster: &Cluster,
    flow: &ProbeFlow,
    fails: &mut dyn FnMut(&Cluster, &ProbeFlow) -> bool,
) -> Cluster {
    let mut smallest = cluster.clone();
    while let Some(smaller) = smaller_clusters(&smallest)
        .into_iter()
        .find(|smaller| fails(smaller, flow))
    {
        smallest = smaller;
    }
    smallest
}

fn smaller_pod_blocks(cluster: &Cluster, out: &mut Vec<Cluster>) {
    for block in &cluster.pod_blocks {
        let mut smaller = cluster.clone();
        smaller.pod_blocks.remove(block);
        out.push(smaller);
    }
}

/// Every cluster that is one step smaller, the largest steps first.
#[must_use]
pub fn smaller_clusters(cluster: &Cluster) -> Vec<Cluster> {
    let mut smaller = Vec::new();
    let out = &mut smaller;
    steps::without_one(cluster, out, |cluster| &mut cluster.network_policies);
    steps::without_one(cluster, out, |cluster| &mut cluster.cluster_policies);
    steps::without_one(cluster, out, |cluster| &mut cluster.domain_addresses);
    smaller_pod_blocks(cluster, out);
    steps::without_one(cluster, out, |cluster| &mut cluster.services);
    steps::without_one(cluster, out, |cluster| &mut cluster.pods);
    steps::without_one(cluster, out, |cluster| &mut cluster.nodes);
    steps::without_one(cluster, out, |cluster| &mut cluster.namespaces);
    steps::simplified(
        cluster,
        out,
        |cluster| &mut cluster.network_policies,
        steps::policies,
    );
    steps::simplified(
        cluster,
        out,
        |cluster| &mut cluster.cluster_policies,
        cluster_policies::cluster_policies,
    );
    steps::simplified(
        cluster,
        out,
        |cluster| &mut cluster.domain_addresses,
        |addresses| steps::without_each(addresses),
    );
    steps::simplified(
        cluster,
        out,
        |cluster| &mut cluster.services,
        steps::services,
    );
    steps::simplified(cluster, out, |cluster| &mut cluster.pods, steps::pods);
    steps::simplified(cluster, out, |cluster| &mut cluster.nodes, steps::nodes);
    steps::simplified(
        cluster,
        out,
        |cluster| &mut cluster.namespaces,
        steps::namespaces,
    );
    smaller
}
