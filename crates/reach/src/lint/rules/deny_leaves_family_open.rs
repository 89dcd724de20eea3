//! RF033: a Deny for every address of one family, which leaves the other one open (rule CN-34).

use ipnet::IpNet;
use ringfence_model::{ClusterAction, ClusterPeer, ClusterPolicy, Direction};
use ringfence_net::Family;

use crate::lint::cluster_site::{ClusterSite, cluster_rules};
use crate::lint::context::Context;
use crate::lint::problem::Problem;

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    let policies = context.cluster_policies();
    policies
        .filter_map(|policy| problem(context, policy))
        .collect()
}

fn problem(context: &Context<'_>, policy: &ClusterPolicy) -> Option<Problem> {
    let denies: Vec<ClusterSite<'_>> = cluster_rules(policy).filter(is_egress_deny).collect();
    let denied = |family: Family| {
        let peers = denies
            .iter()
            .flat_map(|site| site.peers().map(move |peer| (site, peer)));
        peers
            .into_iter()
            .find(|(_, (_, peer))| is_all_of(peer, family))
    };
    let (found, family, all) = match (denied(Family::V4), denied(Family::V6)) {
        (Some(found), None) => (found, Family::V4, "::/0"),
        (None, Some(found)) => (found, Family::V6, "0.0.0.0/0"),
        (Some(_), Some(_)) | (None, None) => return None,
    };
    if context.ranges.is_only(family) {
        return None;
    }
    let (site, (index, _)) = found;
    let message =
        format!("this denies one family of addresses alone: everything in {all} is still reached");
    let help = format!("add `\"{all}\"` to `networks`");
    Some(site.peer(index).problem(message).with_help(help))
}

fn is_egress_deny(site: &ClusterSite<'_>) -> bool {
    site.direction == Direction::Egress && site.rule.action == ClusterAction::Deny
}

fn is_all_of(peer: &ClusterPeer, family: Family) -> bool {
    let is_all =
        |network: &IpNet| network.prefix_len() == 0 && Family::of(network.addr()) == family;
    match peer {
        ClusterPeer::Networks(networks) => networks.iter().any(is_all),
        ClusterPeer::Pods(_)
        | ClusterPeer::Nodes(_)
        | ClusterPeer::DomainNames(_)
        | ClusterPeer::Unrecognized => false,
    }
}
