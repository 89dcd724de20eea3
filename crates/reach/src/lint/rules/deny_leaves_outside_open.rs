//! RF032: a Deny for all pods as ingress peers, which leaves nodes and the outside open (rule CN-36).

use ringfence_model::{ClusterAction, ClusterPeer, ClusterPolicy, Direction};
use ringfence_net::Family;

use crate::lint::cluster_site::{ClusterSite, cluster_rules, is_every_pod};
use crate::lint::context::Context;
use crate::lint::outside::{is_open, outside};
use crate::lint::problem::Problem;
use crate::lint::words;

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    let policies = context.cluster_policies();
    policies
        .filter_map(|policy| problem(context, policy))
        .collect()
}

fn problem(context: &Context<'_>, policy: &ClusterPolicy) -> Option<Problem> {
    let site = cluster_rules(policy).find(denies_all_pods)?;
    let mut open = context.in_scope(&policy.subject);
    open.retain(|group| is_open(context, group, Direction::Ingress, Family::V4));
    if open.is_empty() {
        return None;
    }
    let message = format!(
        "this denies pods alone: nodes and addresses outside of the cluster, such as {}, still connect to {}",
        outside(Family::V4),
        words::pods(&open)
    );
    let help = "no cluster-scoped policy can deny them: add a NetworkPolicy with `podSelector: {}` and `policyTypes: [Ingress]` to each namespace";
    Some(site.place().problem(message).with_help(help))
}

fn denies_all_pods(site: &ClusterSite<'_>) -> bool {
    let is_all = |peer: &ClusterPeer| match peer {
        ClusterPeer::Pods(scope) => is_every_pod(scope),
        ClusterPeer::Networks(_)
        | ClusterPeer::Nodes(_)
        | ClusterPeer::DomainNames(_)
        | ClusterPeer::Unrecognized => false,
    };
    let denies = site.rule.action == ClusterAction::Deny && site.rule.ports.is_empty();
    denies && site.direction == Direction::Ingress && site.rule.peers.iter().any(is_all)
}
