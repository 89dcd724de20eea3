//! Subjects and peers (rules CN-2 to CN-4, CN-34 to CN-37, AN-3).

use ipnet::IpNet;

use super::dialect::Dialect;
use crate::report::Report;
use crate::validate::{address, domain, limits, selector};
use crate::view::View;
use crate::{ClusterPeer, ClusterPolicyKind, Direction, DomainName, PodScope};

/// What a subject and a peer of ingress may be.
const PODS: &[&str] = &["namespaces", "pods"];
/// How many networks or names one peer may list.
const MOST_ADDRESSES: usize = 25;
/// Characters of the longest block, which is one of IPv6 written out.
const BLOCK: usize = 43;

pub(super) fn subject(report: &mut Report, dialect: &Dialect, at: &View<'_>) -> Option<PodScope> {
    if !at.is_set() {
        report.required(dialect.shape, at, "");
        return None;
    }
    let (field, value) = limits::exactly_one(report, dialect.shape, at, PODS)?;
    Some(scope(report, dialect, field, &value))
}

pub(super) fn peers(
    report: &mut Report,
    dialect: &Dialect,
    at: &View<'_>,
    direction: Direction,
) -> Vec<ClusterPeer> {
    if !at.is_set() {
        report.required(dialect.limits, at, "");
    }
    limits::not_empty(report, dialect.limits, at, dialect.most);
    let fields = match direction {
        Direction::Ingress => PODS,
        Direction::Egress => dialect.destinations,
    };
    at.items()
        .filter_map(|item| peer(report, dialect, &item, fields))
        .collect()
}

/// Names are for what is let through (rule CN-37).
pub(super) fn no_domain_names(report: &mut Report, dialect: &Dialect, peers: &View<'_>) {
    for names in peers
        .items()
        .filter_map(|item| item.field("domainNames").set())
    {
        let detail = format!("may only be specified with action {}", dialect.accept());
        report.forbidden("CN-37", &names, &detail);
    }
}

fn peer(
    report: &mut Report,
    dialect: &Dialect,
    at: &View<'_>,
    fields: &[&'static str],
) -> Option<ClusterPeer> {
    let (field, value) = limits::exactly_one(report, dialect.shape, at, fields)?;
    Some(match field {
        "networks" => ClusterPeer::Networks(networks(report, dialect, &value)),
        "nodes" => ClusterPeer::Nodes(selector::selector(report, &value)),
        "domainNames" => ClusterPeer::DomainNames(domain_names(report, dialect, &value)),
        _ => ClusterPeer::Pods(scope(report, dialect, field, &value)),
    })
}

/// The pods that `namespaces` or `pods` selects; the kinds of `v1alpha1` want both selectors (rule AN-3).
fn scope(report: &mut Report, dialect: &Dialect, field: &str, at: &View<'_>) -> PodScope {
    if field == "namespaces" {
        return PodScope {
            namespaces: Some(selector::selector(report, at)),
            pods: None,
        };
    }
    let (namespaces, pods) = (at.field("namespaceSelector"), at.field("podSelector"));
    if !namespaces.is_set() && dialect.kind != ClusterPolicyKind::ClusterNetworkPolicy {
        report.required(dialect.shape, &namespaces, "");
    }
    if !pods.is_set() {
        report.required(dialect.shape, &pods, "");
    }
    PodScope {
        namespaces: namespaces.set().map(|at| selector::selector(report, &at)),
        pods: Some(selector::selector(report, &pods)),
    }
}

fn networks(report: &mut Report, dialect: &Dialect, at: &View<'_>) -> Vec<IpNet> {
    limits::not_empty(report, dialect.limits, at, MOST_ADDRESSES);
    limits::distinct(report, dialect.limits, at);
    at.items()
        .filter_map(|item| network(report, dialect, &item))
        .collect()
}

fn network(report: &mut Report, dialect: &Dialect, at: &View<'_>) -> Option<IpNet> {
    if limits::length(report, dialect.limits, at, BLOCK) {
        address::cidr(report, dialect.limits, at)
    } else {
        None
    }
}

fn domain_names(report: &mut Report, dialect: &Dialect, at: &View<'_>) -> Vec<DomainName> {
    limits::not_empty(report, dialect.limits, at, MOST_ADDRESSES);
    limits::distinct(report, dialect.limits, at);
    at.items()
        .filter_map(|item| domain::domain_name(report, dialect.limits, &item))
        .collect()
}
