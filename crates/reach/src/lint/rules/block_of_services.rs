//! RF014: an `ipBlock` that names Services by address: rules see the pod behind it (rules NP-43, AM-7).

use std::net::IpAddr;

use ipnet::IpNet;
use ringfence_model::{Direction, METADATA_NAME_LABEL, Service};
use ringfence_net::{ConnectionSet, PortSet};

use crate::lint::block::{blocks, networks};
use crate::lint::context::Context;
use crate::lint::port::{cluster_connections, connections};
use crate::lint::problem::{Place, Problem};
use crate::lint::words;

/// A wider block is about more than Services; the widest range in use is `/12`.
const WIDEST: [u8; 2] = [12, 108];

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    let blocks = blocks(context).into_iter();
    let blocks = blocks.filter(|block| block.site.direction == Direction::Egress);
    let blocks = blocks.map(|block| {
        let rule = block.site.rule;
        Block {
            place: block.place(),
            namespace: Some(&block.site.policy.name.namespace),
            ports: (!rule.ports.is_empty()).then(|| connections(rule)),
            cidr: block.cidr,
            except: block.except,
        }
    });
    let networks = networks(context).into_iter();
    let networks = networks.map(|network| {
        let rule = network.site.rule;
        Block {
            place: network.place,
            namespace: None,
            ports: (!rule.ports.is_empty()).then(|| cluster_connections(rule, &[])),
            cidr: network.cidr,
            except: &[],
        }
    });
    blocks
        .chain(networks)
        .filter_map(|block| problem(context, block))
        .collect()
}

/// Addresses that a rule names.
struct Block<'a> {
    place: Place,
    /// Of the policy, if it has one.
    namespace: Option<&'a str>,
    /// Of the rule; `None` if it names none.
    ports: Option<ConnectionSet>,
    cidr: IpNet,
    except: &'a [IpNet],
}

fn problem(context: &Context<'_>, block: Block<'_>) -> Option<Problem> {
    let Block {
        place,
        namespace,
        ports,
        cidr,
        except,
    } = block;
    let is_in = |address: &IpAddr| cidr.contains(address) && !holds(except, address);
    let known = known_in(context, cidr, except);
    let is_other = |known: &Known<'_>| {
        ports
            .as_ref()
            .is_some_and(|ports| known.is_other_for(ports))
    };
    let has_others = || holds_others(context, is_in) || known.iter().any(is_other);
    let message = message(context, cidr, &known, has_others)?;
    Some(place.problem(message).with_help(help(&known, namespace)))
}

/// A block inside of what Services have matches nothing; one around some of them may match other things, but not these.
fn message(
    context: &Context<'_>,
    cidr: IpNet,
    known: &[Known<'_>],
    has_others: impl Fn() -> bool,
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
        None if known.is_empty() || has_others() => None,
        None if addresses(cidr) == u128::try_from(known.len()).ok() => Some(format!(
            "{cidr} matches nothing: it is Service {names}, and {seen}"
        )),
        None if is_narrow(cidr) && known.iter().any(Known::is_of_cluster) => Some(format!(
            "{cidr} does not match Service {names}, whose address it holds: {seen}"
        )),
        None => None,
    }
}

/// How the pods behind the Service are named by a policy in `namespace`.
fn help(known: &[Known<'_>], namespace: Option<&str>) -> String {
    let service = known.first().map(|found| found.service);
    let Some(service) = service.filter(|service| !service.selector.is_empty()) else {
        return "name the pods behind it by their labels, and their own port".to_owned();
    };
    let labels = service.selector.iter();
    let labels = labels.map(|(key, value)| format!("{key}: {value}"));
    let pods = format!(
        "podSelector: {{matchLabels: {{{}}}}}",
        labels.collect::<Vec<_>>().join(", ")
    );
    let own = &service.name.namespace;
    let item = if namespace == Some(own) {
        pods
    } else {
        format!("{{namespaceSelector: {{matchLabels: {{{METADATA_NAME_LABEL}: {own}}}}}, {pods}}}")
    };
    format!("name its pods: `{item}`, and their own port")
}

/// An address of a Service.
struct Known<'a> {
    address: IpAddr,
    service: &'a Service,
}

impl Known<'_> {
    /// Whether it is one that only the cluster has; what is around a public one may be anything.
    fn is_of_cluster(&self) -> bool {
        self.service.cluster_addresses().contains(&self.address)
    }

    /// Whether one of `ports` is not the Service's, so that the address is another machine's there (rule Q-8). Behind an
    /// address that only the cluster has there is none.
    fn is_other_for(&self, ports: &ConnectionSet) -> bool {
        let served = self.service.ports.iter();
        let served = served.fold(ConnectionSet::none(), |all, port| {
            all.union(&ConnectionSet::of(
                port.protocol,
                PortSet::single(port.port),
            ))
        });
        !self.is_of_cluster() && !ports.is_subset(&served)
    }
}

fn known_in<'a>(context: &Context<'a>, cidr: IpNet, except: &[IpNet]) -> Vec<Known<'a>> {
    let all = &context.ranges.service_addresses;
    let inside = all.range(cidr.network()..=cidr.broadcast());
    let known = inside.filter(|(address, _)| !holds(except, address));
    let known = known.map(|(address, service)| Known {
        address: *address,
        service,
    });
    known.collect()
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
