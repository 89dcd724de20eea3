//! Edits that may refuse what passes.

use ringfence_model::{
    Because, Cluster, ClusterAction, ClusterPolicy, ClusterPolicyKind, ClusterPolicyName,
    ClusterRuleRef, ClusterTier, Direction, IpBlock, Match, PolicyPeer, RuleRef,
};

use super::allow::Site;
use super::edit::RuleOf;
use super::obstacle::Obstacle;
use super::{Edit, identity, ports};
use crate::assertion::RulePlace;
use crate::matching::{self, Part};

/// The priority of a policy that no other has to come after.
const PRIORITY: u16 = 100;

/// Edits of what allows, and of what stands before it.
pub(super) fn edits(cluster: &Cluster, outside: &[IpBlock], obstacle: &Obstacle) -> Vec<Edit> {
    let site = Site {
        cluster,
        outside,
        obstacle,
    };
    let mut edits = match &obstacle.decision().because {
        Because::Rules { allowed_by } => allowed_by
            .first()
            .map_or_else(Vec::new, |rule| narrower(site, rule)),
        Because::NotIsolated => isolating(site).into_iter().collect(),
        Because::ClusterRule(rule) if rule.action == ClusterAction::Accept => accepted(site, rule),
        Because::OwnService { .. } | Because::AddressUnknown { .. } => Vec::new(),
        Because::NoSubject
        | Because::Host(_)
        | Because::Loopback
        | Because::OwnAddress
        | Because::LocalNode { .. }
        | Because::NoRuleMatched { .. }
        | Because::ClusterRule(_) => return Vec::new(),
    };
    edits.extend(admin(site));
    edits
}

/// Less of a rule, or no such rule.
fn narrower(site: Site<'_>, rule: &RuleRef) -> Vec<Edit> {
    let found = matching::of_rule(site.cluster, &site.obstacle.connection, rule);
    let policy = matching::policy_rule(site.cluster, rule);
    let (Some(found), Some((_, written))) = (found, policy) else {
        return Vec::new();
    };
    let name = RuleOf::new(rule.policy.name.clone(), rule.direction, rule.index);
    let mut edits = Vec::new();
    if let Some((item, port)) = matching_item(&found.ports, &written.ports) {
        let left = ports::without(port, &site.obstacle.ports);
        let left = left.filter(|left| !left.is_empty() || written.ports.len() > 1);
        edits.extend(left.map(|left| Edit::ReplacePort(name.clone(), item, left)));
    }
    if let Some((item, peer)) = matching_item(&found.peers, &written.peers) {
        edits.extend(except(site, &name, item, peer));
        if written.peers.len() > 1 {
            edits.push(Edit::RemovePeer(name.clone(), item));
        }
    }
    edits.push(Edit::RemoveRule(name));
    edits
}

fn matching_item<'a, T>(parts: &[Part], written: &'a [T]) -> Option<(usize, &'a T)> {
    let mut parts = parts.iter().zip(written).enumerate();
    let (item, (_, written)) = parts.find(|(_, (part, _))| part.matches != Match::No)?;
    Some((item, written))
}

/// V-11: an exception is smaller than its block.
fn except(site: Site<'_>, rule: &RuleOf, item: usize, peer: &PolicyPeer) -> Option<Edit> {
    let PolicyPeer::IpBlock(block) = peer else {
        return None;
    };
    let address = site.peer().address()?;
    let is_example = site
        .outside
        .iter()
        .any(|block| identity::holds(block, address));
    if is_example {
        return None;
    }
    let except = identity::single(address).cidr;
    let is_inside = block.cidr.contains(&except) && block.cidr != except;
    is_inside.then(|| Edit::AddException(rule.clone(), item, except))
}

/// NP-2: a policy without rules.
fn isolating(site: Site<'_>) -> Option<Edit> {
    let subject = identity::pod(site.cluster, site.subject())?;
    let mut policy = site.policy(subject, site.obstacle.direction)?;
    policy.name.name = format!("isolate-{}", policy.name.name);
    let is_free = !site.cluster.network_policies.contains_key(&policy.name);
    is_free.then_some(Edit::NewPolicy(policy))
}

fn accepted(site: Site<'_>, rule: &ClusterRuleRef) -> Vec<Edit> {
    let place = RulePlace {
        direction: rule.direction,
        index: rule.index,
    };
    let denying = site.cluster_rule(ClusterAction::Deny);
    let mut edits: Vec<Edit> = denying
        .map(|inserted| Edit::InsertClusterRule(rule.policy.clone(), place, inserted))
        .into_iter()
        .collect();
    edits.extend(site.fewer_peers(rule, place));
    edits.push(Edit::RemoveClusterRule(rule.policy.clone(), place));
    edits
}

/// CN-20: a policy before all others, for these ends alone.
fn admin(site: Site<'_>) -> Option<Edit> {
    let subject = identity::pod(site.cluster, site.subject())?;
    let rule = site.cluster_rule(ClusterAction::Deny)?;
    let (own, other) = (
        identity::called(site.cluster, site.subject(), site.outside),
        identity::called(site.cluster, site.peer(), site.outside),
    );
    let between = match site.obstacle.direction {
        Direction::Ingress => "from",
        Direction::Egress => "to",
    };
    let policies = site.cluster.cluster_policies.values();
    let admin = policies.filter(|policy| policy.tier == ClusterTier::Admin);
    let earliest = admin.filter_map(|policy| policy.priority).min();
    let mut policy = ClusterPolicy {
        name: ClusterPolicyName {
            kind: ClusterPolicyKind::ClusterNetworkPolicy,
            name: identity::name(&["deny", &own, between, &other]),
        },
        tier: ClusterTier::Admin,
        priority: Some(earliest.map_or(PRIORITY, |found| found.saturating_sub(1).min(PRIORITY))),
        subject: identity::scope(site.cluster, subject),
        ingress: Vec::new(),
        egress: Vec::new(),
        judges_host_pods: false,
        source: None,
    };
    match site.obstacle.direction {
        Direction::Ingress => policy.ingress.push(rule),
        Direction::Egress => policy.egress.push(rule),
    }
    let is_free = !site.cluster.cluster_policies.contains_key(&policy.name);
    is_free.then_some(Edit::NewClusterPolicy(policy))
}
