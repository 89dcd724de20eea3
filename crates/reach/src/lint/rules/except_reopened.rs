//! RF017: what `except` takes out of a block, and another item or rule lets in again (rule NP-41).

use ipnet::IpNet;
use ringfence_model::{NetworkPolicy, PolicyPeer};

use crate::lint::block::{BlockSite, blocks};
use crate::lint::context::{Context, rules};
use crate::lint::port::connections;
use crate::lint::problem::{Place, Problem, RuleSite};

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    let blocks = blocks(context);
    let holes = blocks.iter().flat_map(|site| {
        let holes = site.except.iter().enumerate();
        holes.filter_map(|(index, hole)| problem(context, site, index, *hole))
    });
    holes.collect()
}

fn problem(
    context: &Context<'_>,
    site: &BlockSite<'_>,
    index: usize,
    hole: IpNet,
) -> Option<Problem> {
    let own = site.site;
    let others = context
        .policies()
        .filter(|other| share_pods(context, own.policy, other));
    let rules = others
        .flat_map(rules)
        .filter(|rule| rule.direction == own.direction);
    let ports = connections(own.rule);
    let mut rules = rules.filter(|rule| !connections(rule.rule).is_disjoint(&ports));
    let (by, ports) = rules.find_map(|rule| {
        let place = reopening(site, &rule, hole)?;
        Some((place, connections(rule.rule).intersection(&ports)))
    })?;
    let message = format!("`except` keeps {hole} out, and {by} lets all of it in for {ports}");
    let help = "an `except` narrows its own item only: take the addresses out there too, or drop the `except`";
    let mut place = site.place();
    place.path = format!("{}.except[{index}]", place.path);
    Some(place.problem(message).with_help(help))
}

/// Whether some pod is selected by both.
fn share_pods(context: &Context<'_>, own: &NetworkPolicy, other: &NetworkPolicy) -> bool {
    let same_namespace = own.name.namespace == other.name.namespace;
    let selected = || context.selected(own).into_iter();
    own.name == other.name
        || same_namespace && selected().any(|group| other.pod_selector.matches(group.labels))
}

/// The item of `rule` that matches every address of `hole`, or the first of several that do together.
fn reopening(site: &BlockSite<'_>, rule: &RuleSite<'_>, hole: IpNet) -> Option<String> {
    let in_words = |place: Place| {
        let path = place.path.trim_start_matches("spec.").to_owned();
        if place.object == site.place().object {
            path
        } else {
            format!("{} {path}", place.object)
        }
    };
    if rule.rule.peers.is_empty() {
        return Some(in_words(rule.place()));
    }
    let shared = |peer: &PolicyPeer| match peer {
        PolicyPeer::IpBlock(block) => {
            let apart = |except: &IpNet| !except.contains(&hole) && !hole.contains(except);
            let overlaps = block.cidr.contains(&hole) || hole.contains(&block.cidr);
            (overlaps && block.except.iter().all(apart)).then_some(block.cidr)
        }
        PolicyPeer::Pods(_) => None,
    };
    let parts = rule
        .peers()
        .filter_map(|(index, peer)| Some((index, shared(peer)?)));
    let parts: Vec<(usize, IpNet)> = parts.collect();
    let covers = |block: &IpNet| block.contains(&hole);
    let alone = parts.iter().find(|(_, block)| covers(block));
    let blocks: Vec<IpNet> = parts.iter().map(|(_, block)| *block).collect();
    let together = || IpNet::aggregate(&blocks).iter().any(covers);
    let first = alone.or_else(|| parts.first().filter(|_| together()))?;
    Some(in_words(rule.peer(first.0)))
}
