//! What a cluster can hold and manifests cannot say: addresses of names, where pods get theirs from, and peers of a
//! kind that is not known.

use std::net::IpAddr;

use ipnet::IpNet;
use ringfence_model::{Cluster, ClusterPeer, DomainAddresses, Labels};

/// The key that marks a stand-in: a peer `namespaces: { matchLabels: { peer-kind: unknown } }` is one of a kind that
/// this version does not know (rule CN-38). Manifests with a real one are refused (rule CN-51).
const STAND_IN: (&str, &str) = ("peer-kind", "unknown");

/// Puts peers of unknown kind where their stand-ins are.
pub(super) fn unknown_peers(cluster: &mut Cluster) {
    let stand_in = Labels::from([(STAND_IN.0.to_owned(), STAND_IN.1.to_owned())]);
    let stands_in = |peer: &ClusterPeer| match peer {
        ClusterPeer::Pods(scope) => scope
            .namespaces
            .as_ref()
            .is_some_and(|selector| selector.match_labels == stand_in),
        ClusterPeer::Networks(_)
        | ClusterPeer::Nodes(_)
        | ClusterPeer::DomainNames(_)
        | ClusterPeer::Unrecognized => false,
    };
    for policy in cluster.cluster_policies.values_mut() {
        let rules = policy.ingress.iter_mut().chain(&mut policy.egress);
        for peer in rules.flat_map(|rule| &mut rule.peers) {
            if stands_in(peer) {
                *peer = ClusterPeer::Unrecognized;
            }
        }
    }
}

/// A block on each line that pods get addresses from (rule AM-22).
pub(super) fn blocks(text: &str) -> Result<Vec<IpNet>, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let block = |line: &str| line.parse().map_err(|_| format!("`{line}` is no block"));
    lines.map(block).collect()
}

/// A name and its addresses on each line (rule AM-19).
pub(super) fn names(text: &str) -> Result<DomainAddresses, String> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.map(name).collect()
}

fn name(line: &str) -> Result<(String, Vec<IpAddr>), String> {
    let mut words = line.split_whitespace();
    let name = words.next().unwrap_or_default().to_owned();
    let addresses: Result<Vec<IpAddr>, String> = words
        .map(|word| word.parse().map_err(|_| format!("`{word}` is no address")))
        .collect();
    Ok((name, addresses?))
}
