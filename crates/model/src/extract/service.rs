//! Services (rules Q-8, OB-11, OB-13, OB-15, OB-18 to OB-23).

use std::net::IpAddr;

use ipnet::IpNet;

use super::pod::owned;
use super::{Context, meta};
use crate::report::Report;
use crate::validate::{address, names, ports, quote, selector};
use crate::view::View;
use crate::{ClusterIp, Distribution, Service, ServicePort, TargetPort, Traffic, TrafficPolicy};

pub(super) fn service(context: &mut Context<'_>, root: &View<'_>) -> Service {
    let meta = meta::namespaced(context, root, names::service_name);
    let report = &mut *context.report;
    let spec = root.field("spec");
    let external_name = external_name(report, &spec);
    let cluster_ip = cluster_ip(report, &spec);
    let ports = service_ports(report, &spec);
    let ports_at = spec.field("ports");
    let balanced = balanced_addresses(report, root);
    let may_lack_ports = cluster_ip == ClusterIp::Headless || is_external(&spec);
    if ports_at.items().len() == 0 && !may_lack_ports {
        report.required("OB-11", &ports_at, "");
    }
    Service {
        name: meta.object_name(),
        selector: selector::labels(report, "V-12", &spec.field("selector")),
        cluster_ip,
        external_addresses: external_addresses(report, root, &balanced),
        ports,
        traffic: traffic(report, &spec, balanced),
        publish_not_ready_addresses: spec
            .field("publishNotReadyAddresses")
            .boolean()
            .unwrap_or(false),
        external_name,
        endpoints: Vec::new(),
        source: report.source(root.span),
    }
}

fn external_name(report: &mut Report, spec: &View<'_>) -> Option<String> {
    const TYPES: [&str; 4] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
    let at = spec.field("type");
    let text = at.text().filter(|text| !text.is_empty())?;
    if !TYPES.contains(&text) {
        report.not_supported("OB-11", &at, text, &TYPES);
    }
    if !is_external(spec) {
        return None;
    }
    let name_at = spec.field("externalName");
    let name = owned(&name_at);
    if name.is_none() {
        report.required("OB-13", &name_at, "");
    }
    name
}

fn is_external(spec: &View<'_>) -> bool {
    spec.field("type").text() == Some("ExternalName")
}

fn cluster_ip(report: &mut Report, spec: &View<'_>) -> ClusterIp {
    let (list, single) = (spec.field("clusterIPs"), spec.field("clusterIP"));
    let written: Vec<View<'_>> = if list.items().len() > 0 {
        list.items().collect()
    } else {
        single.set().into_iter().collect()
    };
    if written.iter().any(|at| at.text() == Some("None")) {
        return ClusterIp::Headless;
    }
    let addresses: Vec<IpAddr> = written
        .iter()
        .filter(|at| !at.text_or_empty().is_empty())
        .filter_map(|at| address::ip(report, "Q-8", at))
        .collect();
    if addresses.is_empty() {
        ClusterIp::Unassigned
    } else {
        ClusterIp::Assigned(addresses)
    }
}

fn external_addresses(report: &mut Report, root: &View<'_>, balanced: &[IpAddr]) -> Vec<IpAddr> {
    let external = root.field("spec").field("externalIPs");
    for at in external.items() {
        if let Some(detail) = at.text().and_then(special) {
            report.invalid("Q-8", &at, &quote(at.text_or_empty()), detail);
        }
    }
    let mut own: Vec<IpAddr> = external
        .items()
        .filter_map(|at| address::ip(report, "Q-8", &at))
        .collect();
    own.extend(balanced);
    own
}

fn balanced_addresses(report: &mut Report, root: &View<'_>) -> Vec<IpAddr> {
    let balancer = root.field("status").field("loadBalancer").field("ingress");
    let balanced = balancer.items().filter_map(|item| item.field("ip").set());
    balanced
        .filter_map(|at| address::ip(report, "Q-8", &at))
        .collect()
}

/// Who may connect to the addresses of the load balancer. A block that is none is reported, and lets nobody in.
fn source_ranges(report: &mut Report, spec: &View<'_>) -> Option<Vec<IpNet>> {
    let at = spec.field("loadBalancerSourceRanges");
    let is_restricted = at.items().len() > 0;
    let ranges = at
        .items()
        .filter_map(|item| address::cidr(report, "OB-20", &item));
    let ranges: Vec<IpNet> = ranges.collect();
    is_restricted.then_some(ranges)
}

fn traffic(report: &mut Report, spec: &View<'_>, balanced: Vec<IpAddr>) -> Traffic {
    Traffic {
        balanced,
        admitted: source_ranges(report, spec),
        affinity: affinity(report, spec),
        distribution: distribution(report, &spec.field("trafficDistribution")),
        health_port: health_port(report, spec),
        offered: is_offered(spec),
        internal: traffic_policy(report, &spec.field("internalTrafficPolicy")),
        external: traffic_policy(report, &spec.field("externalTrafficPolicy")),
    }
}

/// OB-19: whether its type has ports at nodes.
fn is_offered(spec: &View<'_>) -> bool {
    matches!(spec.field("type").text(), Some("NodePort" | "LoadBalancer"))
}

/// The port counts where it means something, and may not be written elsewhere; 0 stands for one that is not assigned yet.
fn health_port(report: &mut Report, spec: &View<'_>) -> Option<u16> {
    let at = spec.field("healthCheckNodePort");
    if !at.is_set() || at.integer() == Some(0) {
        return None;
    }
    let needs_one = spec.field("type").text() == Some("LoadBalancer")
        && spec.field("externalTrafficPolicy").text() == Some("Local");
    if !needs_one {
        let detail =
            "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
        report.invalid(
            "OB-23",
            &at,
            &at.integer().unwrap_or_default().to_string(),
            detail,
        );
        return None;
    }
    ports::port(report, "OB-23", &at)
}

/// A distribution that is not known is reported; nothing is evaluated then (rule V-25).
fn distribution(report: &mut Report, at: &View<'_>) -> Distribution {
    match at.text() {
        None | Some("") => Distribution::Anywhere,
        Some("PreferClose" | "PreferSameZone") => Distribution::SameZone,
        Some("PreferSameNode") => Distribution::SameNode,
        Some(other) => {
            let known = ["PreferClose", "PreferSameZone", "PreferSameNode"];
            report.not_supported("OB-22", at, other, &known);
            Distribution::Anywhere
        }
    }
}

/// How long a client keeps its backend. What is not known is reported; nothing is evaluated then (rule V-25).
fn affinity(report: &mut Report, spec: &View<'_>) -> Option<u32> {
    const RULE: &str = "OB-21";
    const USUAL: u32 = 10_800;
    let at = spec.field("sessionAffinity");
    let config = spec.field("sessionAffinityConfig");
    match at.text() {
        None | Some("" | "None") => {
            if config.is_set() {
                let detail = "must not be set when session affinity is None";
                report.forbidden(RULE, &config, detail);
            }
            return None;
        }
        Some("ClientIP") => {}
        Some(other) => {
            report.not_supported(RULE, &at, other, &["ClientIP", "None"]);
            return None;
        }
    }
    let seconds_at = config.field("clientIP").field("timeoutSeconds");
    let Some(seconds) = seconds_at.integer() else {
        return Some(USUAL);
    };
    let lasting = u32::try_from(seconds)
        .ok()
        .filter(|it| (1..=86_400).contains(it));
    if lasting.is_none() {
        let detail = "must be greater than 0 and at most 86400";
        report.invalid(RULE, &seconds_at, &seconds.to_string(), detail);
    }
    lasting
}

/// A policy that is not known is reported; nothing is evaluated then (rule V-25).
fn traffic_policy(report: &mut Report, at: &View<'_>) -> TrafficPolicy {
    match at.text() {
        None | Some("" | "Cluster") => TrafficPolicy::Cluster,
        Some("Local") => TrafficPolicy::Local,
        Some(other) => {
            report.not_supported("OB-18", at, other, &["Cluster", "Local"]);
            TrafficPolicy::Cluster
        }
    }
}

fn service_ports(report: &mut Report, spec: &View<'_>) -> Vec<ServicePort> {
    let at = spec.field("ports");
    let at_nodes = is_offered(spec);
    let several = at.items().len() > 1;
    let mut ports: Vec<ServicePort> = Vec::new();
    for item in at.items() {
        let name_at = item.field("name");
        service_port_name(report, &name_at, several, &ports);
        let Some(mut port) = service_port(report, &item) else {
            continue;
        };
        port.node_port = port.node_port.filter(|_| at_nodes);
        let same = |other: &ServicePort| (other.port, other.protocol) == (port.port, port.protocol);
        if ports.iter().any(same) {
            let value = format!("{}/{}", port.port, port.protocol);
            report.duplicate("OB-11", &item, &quote(&value));
        }
        ports.push(port);
    }
    ports
}

fn service_port_name(report: &mut Report, at: &View<'_>, several: bool, earlier: &[ServicePort]) {
    match at.text().filter(|name| !name.is_empty()) {
        None if several => report.required("OB-11", at, ""),
        None => {}
        Some(name)
            if earlier
                .iter()
                .any(|port| port.name.as_deref() == Some(name)) =>
        {
            report.duplicate("OB-11", at, &quote(name));
        }
        Some(name) => {
            crate::validate::invalid_text(report, "OB-11", at, name, names::dns_label(name));
        }
    }
}

fn service_port(report: &mut Report, at: &View<'_>) -> Option<ServicePort> {
    let protocol = ports::protocol(report, "OB-11", &at.field("protocol"));
    let port = ports::port(report, "OB-11", &at.field("port"));
    let target_at = at.field("targetPort");
    let target = match (target_at.text(), target_at.integer()) {
        (Some(text), _) if !text.is_empty() => {
            ports::name(report, "OB-11", &target_at).map(TargetPort::Name)
        }
        (None, Some(number)) if number != 0 => {
            ports::port(report, "OB-11", &target_at).map(TargetPort::Number)
        }
        (Some(_) | None, _) => port.map(TargetPort::Number),
    };
    Some(ServicePort {
        name: owned(&at.field("name")),
        node_port: node_port(report, &at.field("nodePort")),
        protocol: protocol?,
        port: port?,
        target: target?,
    })
}

/// The port at nodes; 0 stands for one that is not assigned yet.
fn node_port(report: &mut Report, at: &View<'_>) -> Option<u16> {
    let is_assigned = at.is_set() && at.integer() != Some(0);
    is_assigned.then(|| ports::port(report, "OB-19", at))?
}

/// Why an address leads from no host to another; the API server refuses such ones.
pub(super) fn special(text: &str) -> Option<&'static str> {
    let address: IpAddr = text.parse().ok()?;
    let link_local = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    if address.is_unspecified() {
        Some("may not be unspecified")
    } else if address.is_loopback() {
        Some("may not be in the loopback range (127.0.0.0/8, ::1/128)")
    } else if link_local {
        Some("may not be in the link-local range (169.254.0.0/16, fe80::/10)")
    } else if address.is_multicast() {
        Some("may not be in the multicast range (224.0.0.0/4, ff00::/8)")
    } else {
        None
    }
}
