//! RF016: every address of one family in a cluster that has two (rules NP-5, NP-40).

use ipnet::IpNet;
use ringfence_model::{NetworkPolicy, PolicyPeer, PolicyRule, PortMatch};
use ringfence_net::{ConnectionSet, Family, Protocol};

use crate::lint::block::{BlockSite, blocks};
use crate::lint::context::{Context, rules};
use crate::lint::port::connections;
use crate::lint::problem::Problem;
use crate::lint::ranges::{cover, every};

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    if !context.ranges.is_dual_stack() {
        return Vec::new();
    }
    let blocks = blocks(context).into_iter();
    blocks.filter_map(|site| problem(context, &site)).collect()
}

fn problem(context: &Context<'_>, site: &BlockSite<'_>) -> Option<Problem> {
    let family = Family::of(site.cidr.addr());
    let (other, name, all) = match family {
        Family::V4 => (Family::V6, "IPv6", "::/0"),
        Family::V6 => (Family::V4, "IPv4", "0.0.0.0/0"),
    };
    if site.cidr.prefix_len() > 0 || is_covered(context, site, other) {
        return None;
    }
    let message = format!(
        "{} is every address of one family, and the cluster has two: no rule allows {name} the same",
        site.cidr
    );
    let help = format!(
        "add an item `ipBlock: {{cidr: \"{all}\"}}`, or say in a comment that it is left out"
    );
    Some(site.place().problem(message).with_help(help))
}

/// Whether the policies of each pod that the block is about allow all addresses of `family` on the same ports.
fn is_covered(context: &Context<'_>, site: &BlockSite<'_>, family: Family) -> bool {
    let own = site.site.policy;
    let selected = context.selected(own);
    let by_all = selected.iter().all(|group| {
        let policies = context.policies_of(group.namespace);
        let policies = policies.filter(|policy| policy.pod_selector.matches(group.labels));
        allow_all(policies, site, family)
    });
    allow_all([own], site, family) || !selected.is_empty() && by_all
}

/// Whether rules of `policies` in the same direction together allow all addresses of `family` on the block's ports (rule
/// NP-5).
fn allow_all<'a>(
    policies: impl IntoIterator<Item = &'a NetworkPolicy>,
    site: &BlockSite<'_>,
    family: Family,
) -> bool {
    let all = policies.into_iter().flat_map(rules);
    let all = all.filter(|rule| rule.direction == site.site.direction);
    let all: Vec<(&PolicyRule, Vec<IpNet>)> = all
        .map(|site| (site.rule, addresses(site.rule, family)))
        .filter(|(_, blocks)| !blocks.is_empty())
        .collect();
    let own = site.site.rule;
    let names = own.ports.iter().filter_map(|item| match &item.port {
        PortMatch::Name(name) => Some((item.protocol, name.as_str())),
        PortMatch::Any | PortMatch::Range(_) => None,
    });
    let mut names = names.map(|name| {
        let same = all.iter().filter(|(rule, _)| has_name(rule, name));
        is_all(same.flat_map(|(_, blocks)| blocks.clone()), family)
    });
    names.all(|covered| covered) && allow_all_numbers(&connections(own), &all, family)
}

/// Whether `all` rules together allow all addresses of `family` on each of `wanted`.
fn allow_all_numbers(
    wanted: &ConnectionSet,
    all: &[(&PolicyRule, Vec<IpNet>)],
    family: Family,
) -> bool {
    // What no rule tells apart, with the blocks of those that allow it.
    let mut parts = vec![(wanted.clone(), Vec::new())];
    for (rule, blocks) in all {
        let ports = connections(rule);
        let split = parts.into_iter().flat_map(|(part, known)| {
            let inside = (part.intersection(&ports), [&known[..], blocks].concat());
            [inside, (part.difference(&ports), known)]
        });
        parts = split.filter(|(part, _)| !part.is_empty()).collect();
    }
    let mut parts = parts.into_iter();
    parts.all(|(_, blocks)| is_all(blocks, family))
}

/// Whether `rule` allows the port that `name` is, whatever its number.
fn has_name(rule: &PolicyRule, (protocol, name): (Protocol, &str)) -> bool {
    connections(rule).ports(protocol).is_all()
        || rule.ports.iter().any(|item| match &item.port {
            PortMatch::Name(own) => item.protocol == protocol && own == name,
            PortMatch::Any | PortMatch::Range(_) => false,
        })
}

/// The blocks of `family` that `rule` allows. What `except` leaves out is left out on purpose.
fn addresses(rule: &PolicyRule, family: Family) -> Vec<IpNet> {
    if rule.peers.is_empty() {
        return vec![every(family)];
    }
    let blocks = rule.peers.iter().filter_map(|peer| match peer {
        PolicyPeer::IpBlock(block) => Some(block),
        PolicyPeer::Pods(_) => None,
    });
    let cidrs = blocks.map(|block| block.cidr);
    cidrs
        .filter(|cidr| Family::of(cidr.addr()) == family)
        .collect()
}

fn is_all(blocks: impl IntoIterator<Item = IpNet>, family: Family) -> bool {
    cover(blocks, &every(family))
}
