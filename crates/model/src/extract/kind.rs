//! The configuration of a kind cluster, with kind's own defaults and checks.

use ipnet::IpNet;

use super::pod::owned;
use crate::manifest::node_name;
use crate::report::{Problem, Report};
use crate::schema::nearest;
use crate::validate::{address, quote, selector};
use crate::view::View;
use crate::{IpFamily, KindCluster, KindNode, KindRole};

/// The rule of kind's own configuration.
const RULE: &str = "kind";

pub(crate) fn kind_cluster(report: &mut Report, root: &View<'_>) -> Option<KindCluster> {
    let name_at = root.field("name");
    let name = owned(&name_at);
    if let Some(name) = &name {
        check_name(report, &name_at, name);
    }
    let networking = root.field("networking");
    let ip_family = ip_family(report, &networking.field("ipFamily"))?;
    check_proxy_mode(report, &networking.field("kubeProxyMode"));
    let mut cluster = KindCluster {
        name,
        nodes: Vec::new(),
        ip_family,
        pod_subnets: subnets(
            report,
            &networking.field("podSubnet"),
            ip_family,
            &POD_SUBNETS,
        ),
        service_subnets: subnets(
            report,
            &networking.field("serviceSubnet"),
            ip_family,
            &SERVICE_SUBNETS,
        ),
        disable_default_cni: networking
            .field("disableDefaultCNI")
            .boolean()
            .unwrap_or(false),
        source: report.source(root.span),
    };
    cluster.nodes = nodes(report, &root.field("nodes"), cluster.cluster_name());
    Some(cluster)
}

fn check_name(report: &mut Report, at: &View<'_>, name: &str) {
    let allowed = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-')
    };
    if !name.bytes().all(allowed) {
        let detail = "cluster names must match `^[a-z0-9.-]+$`";
        report.invalid(RULE, at, &quote(name), detail);
    }
}

fn check_proxy_mode(report: &mut Report, at: &View<'_>) {
    const MODES: [&str; 4] = ["iptables", "ipvs", "nftables", "none"];
    if let Some(mode) = at
        .text()
        .filter(|mode| !mode.is_empty() && !MODES.contains(mode))
    {
        report.not_supported(RULE, at, mode, &MODES);
    }
}

fn ip_family(report: &mut Report, at: &View<'_>) -> Option<IpFamily> {
    match at.text_or_empty() {
        "" | "ipv4" => Some(IpFamily::Ipv4),
        "ipv6" => Some(IpFamily::Ipv6),
        "dual" => Some(IpFamily::Dual),
        other => {
            report.not_supported(RULE, at, other, &["ipv4", "ipv6", "dual"]);
            None
        }
    }
}

const POD_SUBNETS: [&str; 2] = ["10.244.0.0/16", "fd00:10:244::/56"];
const SERVICE_SUBNETS: [&str; 2] = ["10.96.0.0/16", "fd00:10:96::/112"];

/// The blocks at `at`, separated by commas; the defaults of the family where nothing is said.
fn subnets(
    report: &mut Report,
    at: &View<'_>,
    family: IpFamily,
    defaults: &[&str; 2],
) -> Vec<IpNet> {
    let [v4, v6] = *defaults;
    let written = at.text_or_empty();
    let texts: Vec<&str> = match (written, family) {
        ("", IpFamily::Ipv4) => vec![v4],
        ("", IpFamily::Ipv6) => vec![v6],
        ("", IpFamily::Dual) => vec![v4, v6],
        (written, IpFamily::Ipv4 | IpFamily::Ipv6 | IpFamily::Dual) => written.split(',').collect(),
    };
    let mut subnets = Vec::new();
    for text in texts {
        match address::parse_cidr(text) {
            Ok(subnet) => subnets.push(subnet.trunc()),
            Err(detail) => report.invalid(RULE, at, &quote(text), detail),
        }
    }
    if let Some(detail) = mismatch(&subnets, family) {
        report.invalid(RULE, at, &quote(written), detail);
    }
    subnets
}

/// Why `subnets` do not suit `family`.
fn mismatch(subnets: &[IpNet], family: IpFamily) -> Option<&'static str> {
    let is_v4 = |subnet: &IpNet| matches!(subnet, IpNet::V4(_));
    match (family, subnets) {
        (_, []) => None,
        (IpFamily::Ipv4 | IpFamily::Ipv6, [_, _, ..]) => {
            Some("only one CIDR allowed for single-stack networking")
        }
        (IpFamily::Ipv4, [only]) if !is_v4(only) => Some("expected IPv4 CIDR for IPv4 family"),
        (IpFamily::Ipv6, [only]) if is_v4(only) => Some("expected IPv6 CIDR for IPv6 family"),
        (IpFamily::Dual, [_]) => None,
        (IpFamily::Dual, [first, second]) if is_v4(first) != is_v4(second) => None,
        (IpFamily::Dual, _) => Some(
            "expected one (IPv4 or IPv6) CIDR or two CIDRs from each family for dual-stack networking",
        ),
        (IpFamily::Ipv4 | IpFamily::Ipv6, [_]) => None,
    }
}

fn nodes(report: &mut Report, at: &View<'_>, cluster: &str) -> Vec<KindNode> {
    let mut roles = Vec::new();
    let mut nodes = Vec::new();
    for item in at.items() {
        let Some(role) = role(report, &item.field("role")) else {
            continue;
        };
        nodes.push(KindNode {
            name: node_name(cluster, role, &roles),
            role,
            labels: selector::labels(report, RULE, &item.field("labels")),
        });
        roles.push(role);
    }
    if at.items().len() == 0 {
        let role = KindRole::ControlPlane;
        nodes.push(KindNode {
            name: node_name(cluster, role, &[]),
            role,
            labels: crate::Labels::new(),
        });
    } else if nodes.len() == at.items().len() && !roles.contains(&KindRole::ControlPlane) {
        let message = "must have at least one control-plane node";
        let help = "add `- role: control-plane`";
        report.add(Problem::new(RULE, &at.path, at.span, message).with_help(help));
    }
    nodes
}

fn role(report: &mut Report, at: &View<'_>) -> Option<KindRole> {
    const ROLES: [&str; 2] = ["control-plane", "worker"];
    let text = at.text_or_empty();
    match text {
        "" | "control-plane" => return Some(KindRole::ControlPlane),
        "worker" => return Some(KindRole::Worker),
        _ => {}
    }
    let message = format!("{} is not a valid node role", quote(text));
    let mut problem = Problem::new(RULE, &at.path, at.span, message)
        .with_help("a node is either `control-plane` or `worker`");
    if let Some(meant) = nearest(text, ROLES) {
        problem = problem.with_label(format!("did you mean `{meant}`?"));
    }
    report.add(problem);
    None
}
