//! RF033: a Deny for every address of one family, which leaves the other one open (rule CN-34).

use ipnet::IpNet;
use ringfence_model::{ClusterAction, ClusterPeer, ClusterPolicy, Direction};
use ringfence_net::Family;

use crate::lint::cluster_site::{ClusterSite, cluster_rules};
use crate::lint::context::Context;
use crate::lint::outside::is_open;
use crate::lint::problem::{Place, Problem};
use crate::lint::ranges::{cover, every};

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    let policies = context.cluster_policies();
    policies
        .filter_map(|policy| problem(context, policy))
        .collect()
}

fn problem(context: &Context<'_>, policy: &ClusterPolicy) -> Option<Problem> {
    let denies: Vec<ClusterSite<'_>> = cluster_rules(policy).filter(is_egress_deny).collect();
    let denied = |family: Family| denied(&denies, family);
    let (place, family, other) = match (denied(Family::V4), denied(Family::V6)) {
        (Some(place), None) => (place, Family::V4, Family::V6),
        (None, Some(place)) => (place, Family::V6, Family::V4),
        (Some(_), Some(_)) | (None, None) => return None,
    };
    let pods = context.in_scope(&policy.subject);
    let mut groups = pods.iter();
    let is_closed =
        !pods.is_empty() && !groups.any(|group| is_open(context, group, Direction::Egress, other));
    if context.ranges.is_only(family) || is_closed {
        return None;
    }
    let all = every(other);
    let message = format!("this denies one family of addresses alone, and nothing in {all}");
    let help = format!("add `\"{all}\"` to `networks`");
    Some(place.problem(message).with_help(help))
}

fn is_egress_deny(site: &ClusterSite<'_>) -> bool {
    site.direction == Direction::Egress && site.rule.action == ClusterAction::Deny
}

/// The first peer of those that together deny every address of `family` on the same ports.
fn denied(denies: &[ClusterSite<'_>], family: Family) -> Option<Place> {
    let of_family = |peer: &ClusterPeer| -> Vec<IpNet> {
        let networks = match peer {
            ClusterPeer::Networks(networks) => networks.as_slice(),
            ClusterPeer::Pods(_)
            | ClusterPeer::Nodes(_)
            | ClusterPeer::DomainNames(_)
            | ClusterPeer::Unrecognized => &[],
        };
        let networks = networks.iter().copied();
        networks
            .filter(|network| Family::of(network.addr()) == family)
            .collect()
    };
    denies.iter().find_map(|site| {
        let same_ports = denies
            .iter()
            .filter(|other| other.rule.ports == site.rule.ports);
        let peers = same_ports.flat_map(|other| &other.rule.peers);
        let is_all = cover(peers.flat_map(of_family), &every(family));
        let mut own = site.peers();
        let first = own.find(|(_, peer)| !of_family(peer).is_empty());
        first.filter(|_| is_all).map(|(index, _)| site.peer(index))
    })
}
