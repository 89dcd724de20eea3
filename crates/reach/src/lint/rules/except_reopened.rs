//! RF017: what `except` takes out of a block, and another item or rule lets in again (rule NP-41).

use std::collections::BTreeMap;

use ipnet::IpNet;
use ringfence_model::{IpBlock, NetworkPolicy, PolicyPeer};

use crate::lint::block::{BlockSite, blocks};
use crate::lint::context::Context;
use crate::lint::port::connections;
use crate::lint::problem::{Place, Problem, RuleSite};

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    let listing = Listing::of(context);
    let blocks = blocks(context);
    let holes = blocks.iter().flat_map(|site| {
        let holes = site.except.iter().enumerate();
        let listing = &listing;
        holes.filter_map(move |(index, hole)| problem(context, listing, site, (index, *hole)))
    });
    holes.collect()
}

/// All rules, and their blocks where those that have something in common with another one are found without a search.
struct Listing<'a> {
    rules: Vec<RuleSite<'a>>,
    /// The places of rules for everybody.
    open: Vec<usize>,
    /// With the place of the rule and that among its peers.
    blocks: BTreeMap<IpNet, Vec<(usize, usize, &'a IpBlock)>>,
}

/// The blocks of a rule that hold a hole or lie in it, in the order in which they are listed.
type Near<'a> = Vec<(usize, &'a IpBlock)>;

impl<'a> Listing<'a> {
    fn of(context: &Context<'a>) -> Self {
        let rules: Vec<RuleSite<'a>> = context.rules().collect();
        let mut blocks: BTreeMap<IpNet, Vec<(usize, usize, &IpBlock)>> = BTreeMap::new();
        let mut open = Vec::new();
        for (place, rule) in rules.iter().enumerate() {
            if rule.rule.peers.is_empty() {
                open.push(place);
            }
            for (index, peer) in rule.peers() {
                match peer {
                    PolicyPeer::IpBlock(block) => {
                        let same = blocks.entry(block.cidr.trunc()).or_default();
                        same.push((place, index, block));
                    }
                    PolicyPeer::Pods(_) => {}
                }
            }
        }
        Self {
            rules,
            open,
            blocks,
        }
    }

    /// The rules that may let in something of `hole`, in order, each with its blocks that hold all of it or lie in it.
    fn near(&self, hole: IpNet) -> impl Iterator<Item = (RuleSite<'a>, Near<'a>)> {
        let hole = hole.trunc();
        let around = (0..hole.prefix_len()).filter_map(|length| {
            let around = IpNet::new(hole.addr(), length).ok()?;
            self.blocks.get(&around.trunc())
        });
        let behind = self.blocks.range(hole..);
        let inside = behind.take_while(|(block, _)| hole.contains(*block));
        let inside = inside.map(|(_, listed)| listed);
        let open = self.open.iter().map(|place| (*place, Near::new()));
        let mut near: BTreeMap<usize, Near<'a>> = open.collect();
        for (place, index, block) in around.chain(inside).flatten() {
            near.entry(*place).or_default().push((*index, block));
        }
        near.into_iter().filter_map(|(place, mut blocks)| {
            blocks.sort_unstable_by_key(|(index, _)| *index);
            Some((*self.rules.get(place)?, blocks))
        })
    }
}

fn problem(
    context: &Context<'_>,
    listing: &Listing<'_>,
    site: &BlockSite<'_>,
    (index, hole): (usize, IpNet),
) -> Option<Problem> {
    let own = site.site;
    let ports = connections(own.rule);
    let (by, ports) = listing.near(hole).find_map(|(rule, blocks)| {
        let common = connections(rule.rule).intersection(&ports);
        let is_about_the_same = rule.direction == own.direction
            && !common.is_empty()
            && share_pods(context, own.policy, rule.policy);
        let place = is_about_the_same.then(|| reopening(site, rule, &blocks, hole))??;
        Some((place, common))
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

/// The item of `rule` that matches every address of `hole`, or the first of several that do together; `blocks` are those near.
fn reopening(
    site: &BlockSite<'_>,
    rule: RuleSite<'_>,
    blocks: &[(usize, &IpBlock)],
    hole: IpNet,
) -> Option<String> {
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
    let shared = blocks
        .iter()
        .filter(|(_, block)| block.except.iter().all(is_apart));
    let parts: Vec<(usize, IpNet)> = shared.map(|(index, block)| (*index, block.cidr)).collect();
    let covers = |block: &IpNet| block.contains(&hole);
    let alone = parts.iter().find(|(_, block)| covers(block));
    let blocks: Vec<IpNet> = parts.iter().map(|(_, block)| *block).collect();
    let together = || IpNet::aggregate(&blocks).iter().any(covers);
    let first = alone.or_else(|| parts.first().filter(|_| together()))?;
    Some(in_words(rule.peer(first.0)))
}
