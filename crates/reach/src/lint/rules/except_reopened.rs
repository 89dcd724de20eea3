//! RF017: what `except` takes out of a block, and another item or rule lets in again (rule NP-41).

use std::collections::BTreeMap;

use ipnet::IpNet;
use ringfence_model::{IpBlock, NetworkPolicy, PolicyPeer};
use ringfence_net::ConnectionSet;

use crate::lint::block::{BlockSite, blocks};
use crate::lint::context::Context;
use crate::lint::port::connections;
use crate::lint::problem::{Place, Problem, RuleSite};

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    let listing: Vec<Listing<'_>> = context.rules().map(Listing::of).collect();
    let blocks = blocks(context);
    let holes = blocks.iter().flat_map(|site| {
        let own = site.site;
        let ports = connections(own.rule);
        let is_other = |other: &&Listing<'_>| {
            other.rule.direction == own.direction
                && share_pods(context, own.policy, other.rule.policy)
                && !other.connections.is_disjoint(&ports)
        };
        let others: Vec<&Listing<'_>> = match site.except {
            [] => Vec::new(),
            [..] => listing.iter().filter(is_other).collect(),
        };
        let holes = site.except.iter().enumerate();
        holes.filter_map(move |(index, hole)| problem(&others, site, index, *hole))
    });
    holes.collect()
}

/// A rule, and its blocks where those that have something in common with another one are found without a search.
struct Listing<'a> {
    rule: RuleSite<'a>,
    connections: ConnectionSet,
    /// With their places among the peers.
    blocks: BTreeMap<IpNet, Vec<(usize, &'a IpBlock)>>,
}

impl<'a> Listing<'a> {
    fn of(rule: RuleSite<'a>) -> Self {
        let mut blocks: BTreeMap<IpNet, Vec<(usize, &IpBlock)>> = BTreeMap::new();
        for (index, peer) in rule.peers() {
            match peer {
                PolicyPeer::IpBlock(block) => {
                    let same = blocks.entry(block.cidr.trunc()).or_default();
                    same.push((index, block));
                }
                PolicyPeer::Pods(_) => {}
            }
        }
        Self {
            rule,
            connections: connections(rule.rule),
            blocks,
        }
    }

    /// The blocks that hold all of `hole` or lie in it, in the order in which they are listed.
    fn around_or_in(&self, hole: IpNet) -> Vec<(usize, &'a IpBlock)> {
        let hole = hole.trunc();
        let around = (0..hole.prefix_len()).filter_map(|length| {
            let around = IpNet::new(hole.addr(), length).ok()?;
            self.blocks.get(&around.trunc())
        });
        let behind = self.blocks.range(hole..);
        let inside = behind.take_while(|(block, _)| hole.contains(*block));
        let inside = inside.map(|(_, listed)| listed);
        let mut found: Vec<_> = around.chain(inside).flatten().copied().collect();
        found.sort_unstable_by_key(|(index, _)| *index);
        found
    }
}

fn problem(
    others: &[&Listing<'_>],
    site: &BlockSite<'_>,
    index: usize,
    hole: IpNet,
) -> Option<Problem> {
    let (by, ports) = others.iter().find_map(|listing| {
        let place = reopening(site, listing, hole)?;
        let own = connections(site.site.rule);
        Some((place, listing.connections.intersection(&own)))
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
fn reopening(site: &BlockSite<'_>, listing: &Listing<'_>, hole: IpNet) -> Option<String> {
    let rule = &listing.rule;
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
    let is_apart = |except: &IpNet| !except.contains(&hole) && !hole.contains(except);
    let listed = listing.around_or_in(hole).into_iter();
    let shared = listed.filter(|(_, block)| block.except.iter().all(is_apart));
    let parts: Vec<(usize, IpNet)> = shared.map(|(index, block)| (index, block.cidr)).collect();
    let covers = |block: &IpNet| block.contains(&hole);
    let alone = parts.iter().find(|(_, block)| covers(block));
    let blocks: Vec<IpNet> = parts.iter().map(|(_, block)| *block).collect();
    let together = || IpNet::aggregate(&blocks).iter().any(covers);
    let first = alone.or_else(|| parts.first().filter(|_| together()))?;
    Some(in_words(rule.peer(first.0)))
}
