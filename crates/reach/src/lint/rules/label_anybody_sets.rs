//! RF006: a door that a label on a pod of any namespace opens (rules NP-13, CN-4).

use ringfence_model::{ClusterAction, ClusterPeer, Direction, PeerSelector, PolicyPeer};

use crate::lint::cluster_site::{ClusterSite, as_peer, cluster_rules};
use crate::lint::context::Context;
use crate::lint::problem::{Place, Problem, RuleSite};
use crate::lint::requirement::is_every_namespace;
use crate::lint::words;

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    let rules = context
        .rules()
        .filter(|site| site.direction == Direction::Ingress);
    let peers = rules.flat_map(peers);
    let rules = context.cluster_policies().flat_map(cluster_rules);
    let cluster_peers = rules.filter(accepts_ingress).flat_map(cluster_peers);
    peers
        .chain(cluster_peers)
        .filter_map(|(place, peer)| problem(place, &peer))
        .collect()
}

fn peers(site: RuleSite<'_>) -> impl Iterator<Item = (Place, PeerSelector)> {
    site.peers().filter_map(move |(index, peer)| match peer {
        PolicyPeer::Pods(peer) => Some((site.peer(index), peer.clone())),
        PolicyPeer::IpBlock(_) => None,
    })
}

fn accepts_ingress(site: &ClusterSite<'_>) -> bool {
    site.direction == Direction::Ingress && site.rule.action == ClusterAction::Accept
}

fn cluster_peers(site: ClusterSite<'_>) -> impl Iterator<Item = (Place, PeerSelector)> {
    site.peers().filter_map(move |(index, peer)| match peer {
        ClusterPeer::Pods(scope) => Some((site.peer(index), as_peer(scope))),
        ClusterPeer::Networks(_)
        | ClusterPeer::Nodes(_)
        | ClusterPeer::DomainNames(_)
        | ClusterPeer::Unrecognized => None,
    })
}

fn problem(place: Place, peer: &PeerSelector) -> Option<Problem> {
    let pods = peer.pods.as_ref().filter(|pods| !pods.is_empty())?;
    if !peer.namespaces.as_ref().is_some_and(is_every_namespace) {
        return None;
    }
    let labels = words::selector(pods);
    let message = format!(
        "a pod of any namespace gets in by the labels `{labels}`, which its author chooses"
    );
    let help = "name the namespaces too: their labels are set by whoever runs the cluster";
    Some(place.problem(message).with_help(help))
}
