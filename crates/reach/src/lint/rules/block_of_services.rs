//! RF014: an `ipBlock` that names Services by address: rules see the pod behind it (rules NP-43, AM-7).

use ipnet::IpNet;
use ringfence_model::Service;

use crate::lint::block::{blocks, networks};
use crate::lint::context::Context;
use crate::lint::problem::{Place, Problem};
use crate::lint::words;

/// A wider block is about more than Services; the widest range in use is `/12`.
const WIDEST: [u8; 2] = [12, 108];

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    let blocks = blocks(context).into_iter();
    let blocks = blocks.map(|site| (site.place(), site.cidr));
    let all = blocks.chain(networks(context));
    all.filter_map(|(place, cidr)| problem(context, place, cidr))
        .collect()
}

fn problem(context: &Context<'_>, place: Place, cidr: IpNet) -> Option<Problem> {
    let range = context
        .ranges
        .services
        .iter()
        .find(|range| range.contains(&cidr));
    let known = services_in(context, cidr);
    let alone = !known.is_empty() && is_narrow(cidr) && !holds_others(context, cidr);
    if range.is_none() && !alone {
        return None;
    }
    let who = match (range, known.as_slice()) {
        (Some(range), []) => format!("it is inside the Service range {range}"),
        (_, known) => format!(
            "it is Service {}",
            words::list(known.iter().map(|found| &found.name))
        ),
    };
    let message = format!("{cidr} matches nothing: {who}, and rules see the pod behind a Service");
    let selector = known.first().map(|found| &found.selector);
    let help = match selector.filter(|selector| !selector.is_empty()) {
        Some(selector) => {
            let labels = selector
                .iter()
                .map(|(key, value)| format!("{key}: {value}"));
            let labels = labels.collect::<Vec<_>>().join(", ");
            format!(
                "name its pods: `podSelector: {{matchLabels: {{{labels}}}}}`, and their own port"
            )
        }
        None => "name the pods behind it by their labels, and their own port".to_owned(),
    };
    Some(place.problem(message).with_help(help))
}

fn services_in<'a>(context: &Context<'a>, cidr: IpNet) -> Vec<&'a Service> {
    let addresses = context.ranges.service_addresses.iter();
    let inside = addresses.filter(|(address, _)| cidr.contains(*address));
    inside.map(|(_, service)| *service).collect()
}

fn is_narrow(cidr: IpNet) -> bool {
    let [v4, v6] = WIDEST;
    match cidr {
        IpNet::V4(cidr) => cidr.prefix_len() >= v4,
        IpNet::V6(cidr) => cidr.prefix_len() >= v6,
    }
}

/// Whether pods or nodes have addresses in `cidr`, so that it matches something.
fn holds_others(context: &Context<'_>, cidr: IpNet) -> bool {
    let pods = context.cluster.pods.values().flat_map(|pod| &pod.addresses);
    let nodes = context
        .cluster
        .nodes
        .values()
        .flat_map(|node| &node.addresses);
    pods.chain(nodes).any(|address| cidr.contains(address))
}
