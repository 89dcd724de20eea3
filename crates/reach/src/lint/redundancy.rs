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
use super::proof::Trial;
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
    if sites.is_empty() {
        return of_own_node.collect();
    }
    let trial = Trial::of_namespace(context.quotient(), namespace);
    let proven = proven(context, &trial, &sites);
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

/// Takes away one rule after another, the last first, so that of two that cover each other the first stays.
fn proven<'a>(context: &Context<'a>, trial: &Trial, sites: &[RuleSite<'a>]) -> Vec<Redundant<'a>> {
    let mut spare = trial.spare_rules();
    let mut left: Vec<Option<RuleSite<'a>>> = sites.iter().copied().map(Some).collect();
    let mut found = Vec::new();
    for (place, site) in sites.iter().copied().enumerate().rev() {
        let rule = (&site.policy.name, site.direction, site.index);
        if !spare.has(rule) || !matches_pods(context, site) {
            continue;
        }
        let samples: Vec<Query> = samples(context, site).collect();
        let Some(example) = samples.first() else {
            continue;
        };
        spare.take(rule);
        if let Some(place) = left.get_mut(place) {
            *place = None;
        }
        found.push(Redundant {
            site,
            example: match as_pair(context.engine, example) {
                Some((_, pair)) => pair,
                None => example.clone(),
            },
            cause: cause(context, site, &left, &samples),
        });
    }
    found
}

/// Whether each peer that names pods matches some: the others have findings of their own.
fn matches_pods(context: &Context<'_>, site: RuleSite<'_>) -> bool {
    site.peers().all(|(index, peer)| match peer {
        PolicyPeer::Pods(_) => {
            let site = context.peer_site(&site.peer(index));
            site.is_none_or(|site| site.fate == Fate::Pods)
        }
        PolicyPeer::IpBlock(_) => true,
    })
}

fn is_of(rule: &RuleRef, site: RuleSite<'_>) -> bool {
    rule.policy.name == site.policy.name
        && rule.direction == site.direction
        && rule.index == site.index
}

/// Why `site` could go, of which `left` are the rules beside it that have not gone before.
fn cause(
    context: &Context<'_>,
    site: RuleSite<'_>,
    left: &[Option<RuleSite<'_>>],
    samples: &[Query],
) -> Cause {
    let own = context.namespace_labels(&site.policy.name.namespace);
    let covering = left.iter().flatten().find(|other| {
        other.direction == site.direction
            && covers(other.rule, site.rule, own)
            && implies(&site.policy.pod_selector, &other.policy.pod_selector)
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
