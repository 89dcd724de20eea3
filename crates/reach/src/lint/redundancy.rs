//! Rules that could go: without them nothing changes for any pod, node, address and port. Several lints tell of them.

use std::net::IpAddr;

use ipnet::IpNet;
use ringfence_model::{
    Because, ClusterRuleRef, Direction, Endpoint, PolicyPeer, Query, RuleRef, map_with,
};

use super::context::{Context, rules};
use super::cover::{covers, implies};
use super::peer::Fate;
use super::port::connections_to;
use super::problem::{Place, RuleSite};
use super::proof::{Trial, without_rule};
use super::sample::{as_pair, decision_of_sample, query, samples};
use crate::assertion::addresses_of_node;

/// A rule that could go.
#[derive(Debug)]
pub(super) struct Redundant<'a> {
    pub(super) site: RuleSite<'a>,
    /// A connection that it matches.
    pub(super) example: Query,
    pub(super) cause: Cause,
}

/// Why it could.
#[derive(Debug)]
pub(super) enum Cause {
    /// Another rule matches whatever it matches, whichever pods there are.
    Covered(Place),
    /// Rules of the Admin tier decide first.
    Admin(ClusterRuleRef),
    /// Other rules match the same connections of the pods that there are.
    Others(Vec<RuleRef>),
    /// It is about the node on which all its pods run, which always reaches them (rule NP-50).
    OwnNode,
}

/// The rules that could go, all of them together.
pub(super) fn redundant<'a>(context: &Context<'a>) -> Vec<Redundant<'a>> {
    let namespaces: Vec<&String> = context.cluster.namespaces.keys().collect();
    let found = map_with(context.workers, &namespaces, |namespace| {
        in_namespace(context, namespace)
    });
    found.into_iter().flatten().collect()
}

fn in_namespace<'a>(context: &Context<'a>, namespace: &str) -> Vec<Redundant<'a>> {
    let policies = context.policies_of(namespace);
    let sites: Vec<RuleSite<'a>> = policies.flat_map(rules).collect();
    let (of_own_node, sites): (Vec<_>, Vec<_>) = sites
        .into_iter()
        .map(|site| (site, own_node(context, site)))
        .partition(|(_, example)| example.is_some());
    let sites: Vec<RuleSite<'a>> = sites.into_iter().map(|(site, _)| site).collect();
    let of_own_node = of_own_node.into_iter().filter_map(|(site, example)| {
        Some(Redundant {
            site,
            example: example?,
            cause: Cause::OwnNode,
        })
    });
    let candidates = sites
        .iter()
        .filter_map(|site| Some((*site, candidate(context, *site)?)));
    let candidates: Vec<(RuleSite<'a>, Vec<Query>)> = candidates.collect();
    if candidates.is_empty() {
        return of_own_node.collect();
    }
    let trial = Trial::of_namespace(context.quotient(), namespace);
    let proven = proven(context, trial, &sites, candidates);
    of_own_node.chain(proven).collect()
}

/// A connection from the node that all pods of the rule run on, if the rule lets in nobody but addresses of that node.
fn own_node(context: &Context<'_>, site: RuleSite<'_>) -> Option<Query> {
    let peers = &site.rule.peers;
    let addresses: Option<Vec<IpAddr>> = peers.iter().map(single_address).collect();
    let addresses = addresses.filter(|addresses| !addresses.is_empty())?;
    if site.direction == Direction::Egress {
        return None;
    }
    let selected = context.selected(site.policy);
    let mut pods = selected.iter().flat_map(|group| &group.pods);
    let first = pods.next()?;
    let node = first.node.as_ref()?;
    if !pods.all(|pod| pod.node.as_ref() == Some(node)) {
        return None;
    }
    let own = addresses_of_node(context.cluster, node);
    if !addresses.iter().all(|address| own.contains(address)) {
        return None;
    }
    let connections = connections_to(site.rule, &first.ports);
    let node = Endpoint::Node(node.clone());
    query(site.direction, &first.name, node, &connections)
}

/// The address of a block that holds no other.
fn single_address(peer: &PolicyPeer) -> Option<IpAddr> {
    match peer {
        PolicyPeer::IpBlock(block) => {
            let address = block.cidr.addr();
            (IpNet::from(address) == block.cidr).then(|| address.to_canonical())
        }
        PolicyPeer::Pods(_) => None,
    }
}

/// Connections that the rule matches, none of which depends on it as far as one can see.
fn candidate(context: &Context<'_>, site: RuleSite<'_>) -> Option<Vec<Query>> {
    let matches_pods = |index: usize| {
        let site = context.peer_site(&site.peer(index));
        site.is_none_or(|site| site.fate == Fate::Pods)
    };
    if !site.peers().all(|(index, _)| matches_pods(index)) {
        return None;
    }
    let mut found = Vec::new();
    for query in samples(context, site) {
        if is_needed(context, site, &query) {
            return None;
        }
        found.push(query);
    }
    (!found.is_empty()).then_some(found)
}

/// Whether `query` is allowed by this rule and no other.
fn is_needed(context: &Context<'_>, site: RuleSite<'_>, query: &Query) -> bool {
    let decision = decision_of_sample(context.engine, query, site.direction);
    let Some(Because::Rules { allowed_by }) = decision.map(|decision| decision.because) else {
        return false;
    };
    allowed_by.iter().all(|rule| is_of(rule, site))
}

fn is_of(rule: &RuleRef, site: RuleSite<'_>) -> bool {
    rule.policy.name == site.policy.name
        && rule.direction == site.direction
        && rule.index == site.index
}

/// Takes away one candidate after another, the last first, so that of two that cover each other the first stays.
fn proven<'a>(
    context: &Context<'a>,
    mut trial: Trial,
    sites: &[RuleSite<'a>],
    candidates: Vec<(RuleSite<'a>, Vec<Query>)>,
) -> Vec<Redundant<'a>> {
    let mut found: Vec<Redundant<'a>> = Vec::new();
    for (site, samples) in candidates.into_iter().rev() {
        let Some(policy) = trial.cluster().network_policies.get(&site.policy.name) else {
            continue;
        };
        let subjects = trial.pods(|pod| {
            pod.name.namespace == policy.name.namespace && policy.pod_selector.matches(&pod.labels)
        });
        let without = without_rule(policy, site.direction, site.index);
        if !trial.goes_on_with(&without, site.direction, &subjects) {
            continue;
        }
        let gone = |other: &RuleSite<'_>| found.iter().any(|one| same(one.site, *other));
        let left: Vec<RuleSite<'_>> = sites.iter().copied().filter(|other| !gone(other)).collect();
        let cause = cause(context, site, &left, &samples);
        let example = samples.into_iter().next();
        found.extend(example.map(|example| Redundant {
            site,
            example: match as_pair(context.engine, &example) {
                Some((_, pair)) => pair,
                None => example,
            },
            cause,
        }));
    }
    found
}

fn same(a: RuleSite<'_>, b: RuleSite<'_>) -> bool {
    a.policy.name == b.policy.name && a.direction == b.direction && a.index == b.index
}

fn cause(
    context: &Context<'_>,
    site: RuleSite<'_>,
    left: &[RuleSite<'_>],
    samples: &[Query],
) -> Cause {
    let own = context.namespace_labels(&site.policy.name.namespace);
    let covering = left.iter().find(|other| {
        !same(site, **other)
            && other.direction == site.direction
            && implies(&site.policy.pod_selector, &other.policy.pod_selector)
            && covers(other.rule, site.rule, own)
    });
    if let Some(other) = covering {
        return Cause::Covered(other.place());
    }
    let mut others = Vec::new();
    for query in samples {
        let decision = decision_of_sample(context.engine, query, site.direction);
        match decision.map(|decision| decision.because) {
            Some(Because::ClusterRule(rule)) => return Cause::Admin(rule),
            Some(Because::Rules { allowed_by }) => {
                others.extend(allowed_by.into_iter().filter(|rule| !is_of(rule, site)));
            }
            Some(_) | None => {}
        }
    }
    others.sort();
    others.dedup();
    Cause::Others(others)
}
