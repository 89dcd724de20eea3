//! Ports of a rule: `protocols`, or `ports` in `v1alpha1` (rules CN-31 to CN-33, AN-4).

use ringfence_net::{PortRange, Protocol};

use super::dialect::Dialect;
use crate::diagnostic::Severity;
use crate::report::{Problem, Report};
use crate::validate::{limits, names, ports as port_checks, quote};
use crate::view::View;
use crate::{ClusterPolicyKind, ClusterPort};

pub(super) fn ports(report: &mut Report, dialect: &Dialect, at: &View<'_>) -> Vec<ClusterPort> {
    limits::not_empty(report, dialect.limits, at, dialect.most);
    at.items()
        .filter_map(|item| match dialect.kind {
            ClusterPolicyKind::ClusterNetworkPolicy => protocol(report, dialect, &item),
            ClusterPolicyKind::AdminNetworkPolicy
            | ClusterPolicyKind::BaselineAdminNetworkPolicy => port(report, dialect, &item),
        })
        .collect()
}

/// Peers without container ports cannot go with the name of one (rules AM-17, AN-4).
pub(super) fn named_with_addresses(
    report: &mut Report,
    dialect: &Dialect,
    ports: &View<'_>,
    peers: &View<'_>,
) {
    let without_ports = |peer: View<'_>| {
        ["networks", "nodes", "domainNames"]
            .into_iter()
            .find(|field| peer.field(field).is_set())
    };
    let Some(beside) = peers.items().find_map(without_ports) else {
        return;
    };
    for named in ports
        .items()
        .filter_map(|item| item.field(name_field(dialect)).set())
    {
        let detail = format!("may not be specified beside {beside}, which have no named ports");
        report.forbidden(dialect.named_ports_rule, &named, &detail);
    }
}

const fn name_field(dialect: &Dialect) -> &'static str {
    match dialect.kind {
        ClusterPolicyKind::ClusterNetworkPolicy => "destinationNamedPort",
        ClusterPolicyKind::AdminNetworkPolicy | ClusterPolicyKind::BaselineAdminNetworkPolicy => {
            "namedPort"
        }
    }
}

fn protocol(report: &mut Report, dialect: &Dialect, at: &View<'_>) -> Option<ClusterPort> {
    const FIELDS: [&str; 4] = ["tcp", "udp", "sctp", "destinationNamedPort"];
    let (field, value) = limits::exactly_one(report, dialect.shape, at, &FIELDS)?;
    let protocol = match field {
        "tcp" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        "sctp" => Protocol::Sctp,
        _ => return Some(named(report, &value)),
    };
    let port_at = value.field("destinationPort");
    if !port_at.is_set() {
        needs_a_port(report, &value);
        return None;
    }
    let range = destination_port(report, dialect, &port_at)?;
    Some(ClusterPort::Range(protocol, range))
}

/// Rule AM-15.
fn needs_a_port(report: &mut Report, at: &View<'_>) {
    let message = "Required value: must specify destinationPort";
    let help = "for every port write `destinationPort: {range: {start: 1, end: 65535}}`";
    report.add_missing(Problem::new("AM-15", &at.path, at.span, message).with_help(help));
}

fn destination_port(report: &mut Report, dialect: &Dialect, at: &View<'_>) -> Option<PortRange> {
    let (field, value) = limits::exactly_one(report, dialect.shape, at, &["number", "range"])?;
    if field == "number" {
        return limits::port(report, dialect.limits, &value).map(PortRange::single);
    }
    let (start, end) = ends(report, dialect, &value);
    let (start, end) = (start?, end?);
    if start >= end {
        let detail = "must be greater than `start`";
        report.invalid(
            dialect.limits,
            &value.field("end"),
            &end.to_string(),
            detail,
        );
    }
    PortRange::new(start, end).ok()
}

fn port(report: &mut Report, dialect: &Dialect, at: &View<'_>) -> Option<ClusterPort> {
    const FIELDS: [&str; 3] = ["portNumber", "portRange", "namedPort"];
    let (field, value) = limits::exactly_one(report, dialect.ports_rule, at, &FIELDS)?;
    if field == "namedPort" {
        return Some(named(report, &value));
    }
    let protocol = port_checks::protocol(report, dialect.ports_rule, &value.field("protocol"));
    let range = if field == "portNumber" {
        let number = limits::port(report, dialect.ports_rule, &value.field("port"));
        number.map(PortRange::single)
    } else {
        port_range(report, dialect, &value)
    };
    Some(ClusterPort::Range(protocol?, range?))
}

fn port_range(report: &mut Report, dialect: &Dialect, at: &View<'_>) -> Option<PortRange> {
    let (start, end) = ends(report, dialect, at);
    let (start, end) = (start?, end?);
    let range = PortRange::new(start, end);
    if range.is_err() {
        let detail = "must be greater than or equal to `start`";
        report.invalid(
            dialect.ports_rule,
            &at.field("end"),
            &end.to_string(),
            detail,
        );
    }
    range.ok()
}

fn ends(report: &mut Report, dialect: &Dialect, at: &View<'_>) -> (Option<u16>, Option<u16>) {
    let mut end = |field| limits::port(report, dialect.ports_rule, &at.field(field));
    (end("start"), end("end"))
}

/// A port by name. The schema lets any text pass, but none that is no port name can be a container port's.
fn named(report: &mut Report, at: &View<'_>) -> ClusterPort {
    let name = at.text_or_empty();
    if !names::port_name(name).is_empty() {
        let message = format!(
            "no container port can be named {}: it matches nothing",
            quote(name)
        );
        let problem = Problem::new("CN-33", &at.path, at.span, message);
        report.add(problem.with_severity(Severity::Warning));
    }
    ClusterPort::Name(name.to_owned())
}
