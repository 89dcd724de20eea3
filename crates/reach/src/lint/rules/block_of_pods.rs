//! RF013: an `ipBlock` that names pods by address, which they get anew whenever they start (rule AM-5).

use crate::lint::block::{BlockSite, blocks};
use crate::lint::context::Context;
use crate::lint::problem::Problem;
use crate::lint::words;

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    let blocks = blocks(context).into_iter();
    blocks.filter_map(|site| problem(context, &site)).collect()
}

fn problem(context: &Context<'_>, site: &BlockSite<'_>) -> Option<Problem> {
    let cidr = site.cidr;
    let range = context
        .ranges
        .pods
        .iter()
        .find(|range| range.contains(&cidr));
    let known = context.pods().flat_map(|group| &group.pods);
    let mut known = known.filter(|pod| pod.addresses.iter().any(|address| cidr.contains(address)));
    let is_one = cidr.prefix_len() == cidr.max_prefix_len();
    let who = match (range, known.next()) {
        (_, Some(pod)) if is_one => format!("it is pod {}", pod.name),
        (Some(range), Some(first)) => {
            let names = std::iter::once(first).chain(known).map(|pod| &pod.name);
            format!("inside the pod range {range}, now {}", words::list(names))
        }
        (Some(range), None) => format!("inside the pod range {range}"),
        (None, _) => return None,
    };
    let message = format!("{cidr} names pods by address, and pods change theirs: {who}");
    let help = "name the pods by their labels, with `podSelector` and `namespaceSelector`";
    Some(site.place().problem(message).with_help(help))
}
