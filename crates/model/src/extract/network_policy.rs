//! NetworkPolicy (rules NP-3, NP-15, V-3 to V-11, V-18, V-19, AU-1, AU-2).

use ipnet::IpNet;
use ringfence_net::PortRange;

use super::{Context, audit, meta};
use crate::report::Report;
use crate::validate::{address, names, ports, quote, selector};
use crate::view::View;
use crate::{IpBlock, NetworkPolicy, PeerSelector, PolicyPeer, PolicyPort, PolicyRule, PortMatch};

pub(super) fn network_policy(context: &mut Context<'_>, root: &View<'_>) -> NetworkPolicy {
    let meta = meta::namespaced(context, root, names::dns_subdomain);
    let report = &mut *context.report;
    let spec = root.field("spec");
    let pod_selector = selector::selector(report, &spec.field("podSelector"));
    let ingress = rules(report, &spec.field("ingress"), "from");
    let egress = rules(report, &spec.field("egress"), "to");
    let types_at = spec.field("policyTypes");
    let types = policy_types(report, &types_at);
    NetworkPolicy {
        name: meta.object_name(),
        pod_selector,
        isolates_ingress: types.is_empty() || types.contains(&"Ingress"),
        isolates_egress: if types.is_empty() {
            !egress.is_empty()
        } else {
            types.contains(&"Egress")
        },
        ingress,
        egress,
        audit: audit::mode(report, root),
        source: report.source(root.span),
    }
}

fn policy_types<'a>(report: &mut Report, at: &View<'a>) -> Vec<&'a str> {
    const TYPES: [&str; 2] = ["Ingress", "Egress"];
    let items = at.items();
    if items.len() > TYPES.len() {
        let written: Vec<String> = items.map(|item| quote(item.text_or_empty())).collect();
        let written = format!("[{}]", written.join(", "));
        report.invalid(
            "V-18",
            at,
            &written,
            "may not specify more than two policyTypes",
        );
        return Vec::new();
    }
    items
        .map(|item| {
            let text = item.text_or_empty();
            if !TYPES.contains(&text) {
                report.not_supported("V-19", &item, text, &TYPES);
            }
            text
        })
        .collect()
}

fn rules(report: &mut Report, at: &View<'_>, peers: &'static str) -> Vec<PolicyRule> {
    at.items()
        .map(|rule| PolicyRule {
            ports: rule
                .field("ports")
                .items()
                .filter_map(|item| port(report, &item))
                .collect(),
            peers: rule
                .field(peers)
                .items()
                .filter_map(|item| peer(report, &item))
                .collect(),
            source: report.source(rule.span),
        })
        .collect()
}

fn port(report: &mut Report, at: &View<'_>) -> Option<PolicyPort> {
    let protocol = ports::protocol(report, "V-3", &at.field("protocol"));
    let (port_at, end_at) = (at.field("port"), at.field("endPort"));
    let port = if port_at.text().is_some() {
        no_end(
            report,
            &end_at,
            "may not be specified when `port` is non-numeric",
        );
        ports::name(report, "V-5", &port_at).map(PortMatch::Name)
    } else if port_at.is_set() {
        range(report, &port_at, &end_at)
    } else {
        no_end(
            report,
            &end_at,
            "may not be specified when `port` is not specified",
        );
        Some(PortMatch::Any)
    };
    Some(PolicyPort {
        protocol: protocol?,
        port: port?,
    })
}

/// Reports an `endPort` that has nothing to end (rule V-6).
fn no_end(report: &mut Report, at: &View<'_>, detail: &str) {
    if let Some(end) = at.integer() {
        report.invalid("V-6", at, &end.to_string(), detail);
    }
}

fn range(report: &mut Report, port_at: &View<'_>, end_at: &View<'_>) -> Option<PortMatch> {
    let first = ports::port(report, "V-4", port_at);
    let Some(end) = end_at.integer() else {
        return first.map(PortRange::single).map(PortMatch::Range);
    };
    if port_at.integer().is_some_and(|port| end < port) {
        let detail = "must be greater than or equal to `port`";
        report.invalid("V-6", end_at, &end.to_string(), detail);
    }
    let last = ports::port(report, "V-6", end_at);
    PortRange::new(first?, last?).ok().map(PortMatch::Range)
}

fn peer(report: &mut Report, at: &View<'_>) -> Option<PolicyPeer> {
    let pods_at = at.field("podSelector").set();
    let namespaces_at = at.field("namespaceSelector").set();
    let block_at = at.field("ipBlock").set();
    let selects = pods_at.is_some() || namespaces_at.is_some();
    let pods = pods_at.map(|at| selector::selector(report, &at));
    let namespaces = namespaces_at.map(|at| selector::selector(report, &at));
    match block_at {
        Some(block_at) => {
            let block = ip_block(report, &block_at);
            if selects {
                report.forbidden("V-9", at, "may not specify both ipBlock and another peer");
            }
            block.map(PolicyPeer::IpBlock)
        }
        None if selects => Some(PolicyPeer::Pods(PeerSelector { namespaces, pods })),
        None => {
            report.required("V-8", at, "must specify a peer");
            None
        }
    }
}

fn ip_block(report: &mut Report, at: &View<'_>) -> Option<IpBlock> {
    let cidr_at = at.field("cidr");
    if cidr_at.text_or_empty().is_empty() {
        report.required("V-10", &cidr_at, "");
        return None;
    }
    let cidr = address::cidr(report, "V-10", &cidr_at)?;
    let except = at
        .field("except")
        .items()
        .filter_map(|item| hole(report, &item, cidr))
        .collect();
    Some(IpBlock { cidr, except })
}

/// A block of `except`, which must be smaller than `cidr` and lie inside (rule V-11).
fn hole(report: &mut Report, at: &View<'_>, cidr: IpNet) -> Option<IpNet> {
    let hole = address::cidr(report, "V-11", at)?;
    if cidr.contains(&hole.addr()) && cidr.prefix_len() < hole.prefix_len() {
        return Some(hole);
    }
    let value = quote(at.text_or_empty());
    report.invalid("V-11", at, &value, "must be a strict subset of `cidr`");
    None
}
