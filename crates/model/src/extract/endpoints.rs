//! EndpointSlices and Endpoints (rule OB-12).

use std::net::IpAddr;

use ringfence_net::Protocol;

use super::pod::owned;
use super::service::special;
use super::{Context, meta};
use crate::diagnostic::Severity;
use crate::report::{Problem, Report};
use crate::validate::{address, invalid_text, limits, names, ports as port_checks, quote};
use crate::view::View;
use crate::{
    EndpointPod, EndpointPort, EndpointsKind, EndpointsManifest, Hints, ObjectName, ServiceEndpoint,
};

/// The label of an EndpointSlice that names its Service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";
const RULE: &str = "OB-12";
/// Endpoints in one slice, and addresses of one endpoint.
const MOST_ENDPOINTS: usize = 1000;
const MOST_ADDRESSES: usize = 100;

pub(super) fn endpoint_slice(context: &mut Context<'_>, root: &View<'_>) -> EndpointsManifest {
    let meta = meta::namespaced(context, root, names::dns_subdomain);
    let report = &mut *context.report;
    let endpoints_at = root.field("endpoints");
    limits::at_most(report, RULE, &endpoints_at, MOST_ENDPOINTS);
    let ports = ports(report, &root.field("ports"), false);
    let (mut endpoints, mut pods) = (Vec::new(), Vec::new());
    if let Some(family) = family(report, &root.field("addressType")) {
        for item in endpoints_at.items() {
            let found = endpoint(report, &item, family, &ports);
            let pod = found.as_ref().map(|found| (&item, found.address));
            pods.extend(pod.and_then(|(item, address)| pod_at(&meta, item, address)));
            endpoints.extend(found);
        }
    }
    EndpointsManifest {
        kind: EndpointsKind::EndpointSlice,
        name: meta.object_name(),
        pods,
        service: meta.labels.get(SERVICE_NAME).cloned(),
        endpoints,
        source: report.source(root.span),
    }
}

pub(super) fn endpoints(context: &mut Context<'_>, root: &View<'_>) -> EndpointsManifest {
    let meta = meta::namespaced(context, root, names::dns_subdomain);
    let report = &mut *context.report;
    let subsets = root.field("subsets");
    EndpointsManifest {
        kind: EndpointsKind::Endpoints,
        name: meta.object_name(),
        service: Some(meta.name.clone()),
        endpoints: subsets
            .items()
            .flat_map(|item| subset(report, &item))
            .collect(),
        pods: subsets
            .items()
            .flat_map(|item| pods_of_subset(&meta, &item))
            .collect(),
        source: report.source(root.span),
    }
}

fn pods_of_subset(meta: &meta::Meta, at: &View<'_>) -> Vec<EndpointPod> {
    let lists = ["addresses", "notReadyAddresses"].map(|name| at.field(name));
    let items = lists.iter().flat_map(View::items);
    let pods = items.filter_map(|item| {
        let address = item.field("ip").text()?.parse().ok()?;
        pod_at(meta, &item, address)
    });
    pods.collect()
}

/// The pod that the endpoint at `at` says has `address`, by default of the object's own namespace.
fn pod_at(meta: &meta::Meta, at: &View<'_>, address: IpAddr) -> Option<EndpointPod> {
    let target = at.field("targetRef");
    if target.field("kind").text() != Some("Pod") {
        return None;
    }
    let own = || meta.namespace.clone();
    let namespace = owned(&target.field("namespace")).unwrap_or_else(own);
    let name = ObjectName::new(namespace, target.field("name").text()?);
    Some(EndpointPod { name, address })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Ipv4,
    Ipv6,
}

/// `None` where the addresses are names, which lead nowhere by themselves, or the type is not known.
fn family(report: &mut Report, at: &View<'_>) -> Option<Family> {
    match at.text() {
        None => report.required(RULE, at, ""),
        Some("IPv4") => return Some(Family::Ipv4),
        Some("IPv6") => return Some(Family::Ipv6),
        Some("FQDN") => {
            let message = "names are no addresses: these endpoints are left aside";
            let problem = Problem::new(RULE, &at.path, at.span, message);
            report.add(problem.with_severity(Severity::Note));
        }
        Some(other) => report.not_supported(RULE, at, other, &["IPv4", "IPv6", "FQDN"]),
    }
    None
}

/// The endpoint at `at`. All of its addresses are the same to clients, which take the first.
fn endpoint(
    report: &mut Report,
    at: &View<'_>,
    family: Family,
    ports: &[EndpointPort],
) -> Option<ServiceEndpoint> {
    let addresses_at = at.field("addresses");
    if addresses_at.items().len() == 0 {
        report.required(RULE, &addresses_at, "must contain at least 1 address");
    }
    limits::at_most(report, RULE, &addresses_at, MOST_ADDRESSES);
    let addresses: Vec<IpAddr> = addresses_at
        .items()
        .filter_map(|item| address_of(report, &item, family))
        .collect();
    let condition = |name| at.field("conditions").field(name).boolean();
    let ready = condition("ready").unwrap_or(true);
    Some(ServiceEndpoint {
        address: *addresses.first()?,
        ready,
        serving: condition("serving").unwrap_or(ready),
        node: owned(&at.field("nodeName")),
        terminating: condition("terminating").unwrap_or(false),
        hints: hints(&at.field("hints")),
        ports: ports.to_vec(),
    })
}

fn hints(at: &View<'_>) -> Hints {
    let names = |field| {
        let items = at.field(field);
        let names = items.items().filter_map(|item| owned(&item.field("name")));
        names.collect()
    };
    Hints {
        zones: names("forZones"),
        nodes: names("forNodes"),
    }
}

fn address_of(report: &mut Report, at: &View<'_>, family: Family) -> Option<IpAddr> {
    let address = usable(report, at)?;
    let detail = match (family, address) {
        (Family::Ipv4, IpAddr::V6(_)) => "must be an IPv4 address",
        (Family::Ipv6, IpAddr::V4(_)) => "must be an IPv6 address",
        (Family::Ipv4, IpAddr::V4(_)) | (Family::Ipv6, IpAddr::V6(_)) => return Some(address),
    };
    report.invalid(RULE, at, &quote(at.text_or_empty()), detail);
    None
}

/// An address that leads from one host to another.
fn usable(report: &mut Report, at: &View<'_>) -> Option<IpAddr> {
    let address = address::ip(report, RULE, at)?;
    if let Some(detail) = special(at.text_or_empty()) {
        report.invalid(RULE, at, &quote(at.text_or_empty()), detail);
        return None;
    }
    Some(address)
}

fn subset(report: &mut Report, at: &View<'_>) -> Vec<ServiceEndpoint> {
    let (ready_at, other_at) = (at.field("addresses"), at.field("notReadyAddresses"));
    if ready_at.items().len() + other_at.items().len() == 0 {
        report.required(RULE, at, "must specify `addresses` or `notReadyAddresses`");
    }
    let ports = ports(report, &at.field("ports"), true);
    let ready = ready_at.items().map(|item| (item, true));
    let other = other_at.items().map(|item| (item, false));
    ready
        .chain(other)
        .filter_map(|(item, ready)| {
            Some(ServiceEndpoint {
                address: usable(report, &item.field("ip"))?,
                ready,
                serving: ready,
                node: owned(&item.field("nodeName")),
                terminating: false,
                hints: Hints::default(),
                ports: ports.clone(),
            })
        })
        .collect()
}

/// The ports at `at`. One without number, which a slice may have, is no port that a Service leads to.
fn ports(report: &mut Report, at: &View<'_>, number_required: bool) -> Vec<EndpointPort> {
    let mut names = std::collections::BTreeSet::new();
    let mut ports = Vec::new();
    for item in at.items() {
        let name_at = item.field("name");
        let name = owned(&name_at);
        port_name(report, &name_at, name.as_deref());
        if !names.insert(name.clone()) {
            report.duplicate(RULE, &name_at, &quote(name.as_deref().unwrap_or_default()));
        }
        let protocol = port_checks::protocol(report, RULE, &item.field("protocol"));
        if item.field("port").is_set() || number_required {
            ports.extend(port(report, name, protocol, &item.field("port")));
        }
    }
    ports
}

fn port_name(report: &mut Report, at: &View<'_>, name: Option<&str>) {
    if let Some(name) = name {
        invalid_text(report, RULE, at, name, names::dns_label(name));
    }
}

fn port(
    report: &mut Report,
    name: Option<String>,
    protocol: Option<Protocol>,
    at: &View<'_>,
) -> Option<EndpointPort> {
    let port = port_checks::port(report, RULE, at);
    Some(EndpointPort {
        name,
        protocol: protocol?,
        port: port?,
    })
}
