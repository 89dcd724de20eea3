//! RF016: every address of one family in a cluster that has two (rules NP-5, NP-40).

use ringfence_model::{Labels, NetworkPolicy, PolicyPeer, PolicyRule};
use ringfence_net::Family;

use crate::lint::block::{BlockSite, blocks};
use crate::lint::context::{Context, rules};
use crate::lint::cover::covers;
use crate::lint::problem::{Problem, RuleSite};

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
    let allows = |policy: &NetworkPolicy| allows_all(policy, site, family);
    let selected = context.selected(own);
    let by_others = selected.iter().all(|group| {
        let mut policies = context.policies_of(group.namespace);
        policies.any(|policy| policy.pod_selector.matches(group.labels) && allows(policy))
    });
    allows(own) || !selected.is_empty() && by_others
}

/// Whether a rule of `policy` in the same direction allows all addresses of `family` on the block's ports.
fn allows_all(policy: &NetworkPolicy, site: &BlockSite<'_>, family: Family) -> bool {
    let is_all = |peer: &PolicyPeer| match peer {
        PolicyPeer::IpBlock(block) => {
            block.cidr.prefix_len() == 0 && Family::of(block.cidr.addr()) == family
        }
        PolicyPeer::Pods(_) => false,
    };
    let to_anybody = |rule: &PolicyRule| PolicyRule {
        peers: Vec::new(),
        ..rule.clone()
    };
    let own = to_anybody(site.site.rule);
    let mut same_direction = rules(policy).filter(|rule| rule.direction == site.site.direction);
    same_direction.any(|RuleSite { rule, .. }| {
        let everybody = rule.peers.is_empty() || rule.peers.iter().any(is_all);
        everybody && covers(&to_anybody(rule), &own, &Labels::new())
    })
}
