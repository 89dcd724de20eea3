//! An engine whose classes no mistake in a policy can change.

use std::collections::BTreeSet;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use ringfence_model::{
    Cluster, IpBlock, LabelSelector, NetworkPolicy, ObjectName, PolicyPeer, PolicyRule,
};
use ringfence_policy::Engine;

/// An engine for `cluster` that tells addresses apart by every block of its policies, whatever becomes of them: a policy
/// that selects nobody, in a namespace that nobody can have, keeps the blocks.
pub(super) fn anchored(cluster: &Cluster) -> Engine {
    let mut cluster = cluster.clone();
    let anchor = anchor(blocks(&cluster));
    cluster.network_policies.insert(anchor.name.clone(), anchor);
    Engine::new(cluster)
}

fn anchor(blocks: BTreeSet<IpNet>) -> NetworkPolicy {
    let peer = |cidr| {
        PolicyPeer::IpBlock(IpBlock {
            cidr,
            except: Vec::new(),
        })
    };
    let rule = PolicyRule {
        peers: blocks.into_iter().map(peer).collect(),
        ports: Vec::new(),
        source: None,
    };
    NetworkPolicy {
        name: ObjectName::new("", ""),
        pod_selector: LabelSelector::default(),
        isolates_ingress: false,
        isolates_egress: true,
        audit: None,
        ingress: Vec::new(),
        egress: vec![rule],
        source: None,
    }
}

/// Every block of a policy, and all addresses of each family, which a mistake may name.
fn blocks(cluster: &Cluster) -> BTreeSet<IpNet> {
    let everywhere = [IpNet::V4(Ipv4Net::default()), IpNet::V6(Ipv6Net::default())];
    let mut found = cluster.named_blocks();
    found.extend(everywhere);
    found
}
