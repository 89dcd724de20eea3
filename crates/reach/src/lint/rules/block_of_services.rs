//! RF014: an `ipBlock` that names Services by address: rules see the pod behind it (rules NP-43, AM-7).

use std::net::IpAddr;

use ipnet::IpNet;
use ringfence_model::{ClusterIp, Direction, Service};

use crate::lint::block::{blocks, networks};
use crate::lint::context::Context;
use crate::lint::problem::{Place, Problem};
use crate::lint::words;

/// A wider block is about more than Services; the widest range in use is `/12`.
const WIDEST: [u8; 2] = [12, 108];

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    let blocks = blocks(context).into_iter();
    let blocks = blocks.filter(|block| block.site.direction == Direction::Egress);
    let blocks = blocks.map(|block| (block.place(), block.cidr, block.except));
    let networks = networks(context).into_iter();
    let networks = networks.map(|(place, cidr)| (place, cidr, [].as_slice()));
    blocks
        .chain(networks)
        .filter_map(|(place, cidr, except)| problem(context, place, cidr, except))
        .collect()
}

fn problem(context: &Context<'_>, place: Place, cidr: IpNet, except: &[IpNet]) -> Option<Problem> {
    let is_in = |address: &IpAddr| cidr.contains(address) && !holds(except, address);
    let known = known_in(context, is_in);
    let has_others = holds_others(context, is_in);
    let message = message(context, cidr, &known, has_others)?;
    Some(place.problem(message).with_help(help(&known)))
}

/// A block inside of what Services have matches nothing; one around some of them may match other things, but not these.
fn message(
    context: &Context<'_>,
    cidr: IpNet,
    known: &[Known<'_>],
    has_others: bool,
) -> Option<String> {
    let seen = "rules see the pod behind a Service";
    let mut ranges = context.ranges.services.iter();
    let names = words::list(known.iter().map(|found| &found.service.name));
    match ranges.find(|range| range.contains(&cidr)) {
        Some(range) if known.is_empty() => Some(format!(
            "{cidr} matches nothing: it is inside the Service range {range}, and {seen}"
        )),
        Some(_) => Some(format!(
            "{cidr} matches nothing: it is Service {names}, and {seen}"
        )),
        None if has_others => None,
        None if addresses(cidr) == u128::try_from(known.len()).ok() => Some(format!(
            "{cidr} matches nothing: it is Service {names}, and {seen}"
        )),
        None if is_narrow(cidr) && known.iter().any(Known::is_of_cluster) => Some(format!(
            "{cidr} does not match Service {names}, whose address it holds: {seen}"
        )),
        None => None,
    }
}

fn help(known: &[Known<'_>]) -> String {
    let selector = known.first().map(|found| &found.service.selector);
    match selector.filter(|selector| !selector.is_empty()) {
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
    }
}

/// An address of a Service.
struct Known<'a> {
    address: IpAddr,
    service: &'a Service,
}

impl Known<'_> {
    /// Whether it is one that only the cluster has; what is around a public one may be anything.
    fn is_of_cluster(&self) -> bool {
        match &self.service.cluster_ip {
            ClusterIp::Assigned(addresses) => addresses.contains(&self.address),
            ClusterIp::Unassigned | ClusterIp::Headless => false,
        }
    }
}

fn known_in<'a>(context: &Context<'a>, is_in: impl Fn(&IpAddr) -> bool) -> Vec<Known<'a>> {
    let all = context.ranges.service_addresses.iter();
    let all = all.map(|(address, service)| Known {
        address: *address,
        service,
    });
    all.filter(|known| is_in(&known.address)).collect()
}

/// How many addresses `cidr` has, if that can be counted.
fn addresses(cidr: IpNet) -> Option<u128> {
    1_u128.checked_shl(u32::from(cidr.max_prefix_len() - cidr.prefix_len()))
}

fn is_narrow(cidr: IpNet) -> bool {
    let [v4, v6] = WIDEST;
    match cidr {
        IpNet::V4(cidr) => cidr.prefix_len() >= v4,
        IpNet::V6(cidr) => cidr.prefix_len() >= v6,
    }
}

fn holds(blocks: &[IpNet], address: &IpAddr) -> bool {
    blocks.iter().any(|block| block.contains(address))
}

/// Whether pods or nodes have addresses in the block, so that it matches something.
fn holds_others(context: &Context<'_>, is_in: impl Fn(&IpAddr) -> bool) -> bool {
    let pods = context.cluster.pods.values().flat_map(|pod| &pod.addresses);
    let nodes = context
        .cluster
        .nodes
        .values()
        .flat_map(|node| &node.addresses);
    pods.chain(nodes).any(is_in)
}
