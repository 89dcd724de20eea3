//! RF015: a wide `ipBlock` that admits the cluster's own pods too (rules NP-42, AM-5).

use ipnet::IpNet;

use crate::lint::block::{BlockSite, blocks};
use crate::lint::context::Context;
use crate::lint::problem::Problem;
use crate::lint::ranges::cover;

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    let blocks = blocks(context).into_iter();
    blocks.filter_map(|site| problem(context, &site)).collect()
}

fn problem(context: &Context<'_>, site: &BlockSite<'_>) -> Option<Problem> {
    let block = site.cidr;
    let excepted = |range: &IpNet| cover(site.except.iter().copied(), range);
    let wider = |range: &&IpNet| block.contains(*range) && block != **range;
    let mut included = context.ranges.pods.iter().filter(wider);
    let range = included.find(|range| !excepted(range))?;
    let message = format!("{block} includes the cluster's own pods, whose range is {range}");
    let help =
        format!("if only addresses outside of the cluster are meant, add `except: [{range}]`");
    Some(site.place().problem(message).with_help(help))
}
