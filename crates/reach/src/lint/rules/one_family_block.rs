//! RF016: every address of one family in a cluster that has two (rule NP-40).

use ringfence_model::PolicyPeer;
use ringfence_net::Family;

use crate::lint::block::{BlockSite, blocks};
use crate::lint::context::{Context, rules};
use crate::lint::problem::Problem;

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    if !context.ranges.is_dual_stack() {
        return Vec::new();
    }
    let blocks = blocks(context).into_iter();
    blocks.filter_map(|site| problem(&site)).collect()
}

fn problem(site: &BlockSite<'_>) -> Option<Problem> {
    let family = Family::of(site.cidr.addr());
    let (other, name, all) = match family {
        Family::V4 => (Family::V6, "IPv6", "::/0"),
        Family::V6 => (Family::V4, "IPv4", "0.0.0.0/0"),
    };
    if site.cidr.prefix_len() > 0 || covers(site, other) {
        return None;
    }
    let message = format!(
        "{} is every address of one family, and the cluster has two: nothing is said about {name}",
        site.cidr
    );
    let help = format!(
        "add an item `ipBlock: {{cidr: \"{all}\"}}`, or say in a comment that it is left out"
    );
    Some(site.place().problem(message).with_help(help))
}

/// Whether the policy says something about all addresses of `family` in the same direction.
fn covers(site: &BlockSite<'_>, family: Family) -> bool {
    let same_direction =
        rules(site.site.policy).filter(|rule| rule.direction == site.site.direction);
    let is_all = |peer: &PolicyPeer| match peer {
        PolicyPeer::IpBlock(block) => {
            block.cidr.prefix_len() == 0 && Family::of(block.cidr.addr()) == family
        }
        PolicyPeer::Pods(_) => false,
    };
    let peers = |rule: &[PolicyPeer]| rule.is_empty() || rule.iter().any(is_all);
    same_direction
        .into_iter()
        .any(|rule| peers(&rule.rule.peers))
}
