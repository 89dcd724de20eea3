//! HostFirewall (rules HF-1 to HF-5).

use ipnet::IpNet;
use ringfence_net::PortRange;

use super::pod::owned;
use super::{Context, meta};
use crate::report::{Problem, Report};
use crate::validate::{address, limits, names, ports, selector};
use crate::view::View;
use crate::{
    ClusterAction, ClusterPeer, ClusterPort, ClusterRule, HostFirewall, HostRules, HostTrial,
    LONGEST_TRIAL, PodScope, Severity, Timestamp,
};

/// Rules of one object, peers and ports of one rule, networks of one peer.
const MOST: usize = 100;
/// Characters that the name of a rule may have.
const RULE_NAME: usize = 100;

pub(super) fn host_firewall(context: &mut Context<'_>, root: &View<'_>) -> Option<HostFirewall> {
    let name = meta::cluster_scoped(context, root, names::dns_subdomain).name;
    let report = &mut *context.report;
    let written = rules(report, &root.field("spec"));
    let status = root.field("status");
    let confirmed = status.field("confirmed").set();
    let confirmed = confirmed.and_then(|at| rules(report, &at));
    let trial = status.field("trial").set();
    let trial = trial.and_then(|at| trial_of(report, &at));
    // HF-3: a manifest that no server has stored says what is to be in force.
    let is_stored = root.field("metadata").field("uid").is_set();
    Some(HostFirewall {
        name,
        confirmed: if is_stored { confirmed } else { Some(written?) },
        trial: trial.filter(|_| is_stored),
        source: report.source(root.span),
    })
}

/// Rule HF-4. A trial without usable bounds is warned of and none: what is confirmed stays in force.
fn trial_of(report: &mut Report, at: &View<'_>) -> Option<HostTrial> {
    let moment = |field| at.field(field).text_or_empty().parse::<Timestamp>().ok();
    let trial = HostTrial {
        rules: rules(report, &at.field("spec"))?,
        since: moment("since").unwrap_or(Timestamp(0)),
        until: moment("until").unwrap_or(Timestamp(0)),
    };
    if trial.rest(trial.since).is_some() {
        return Some(trial);
    }
    let message = format!(
        "the trial does not end within {} minutes of its beginning: it never begins",
        LONGEST_TRIAL / 60_000
    );
    let problem = Problem::new("HF-4", &at.path, at.span, message);
    report.add(problem.with_severity(Severity::Warning));
    None
}

fn rules(report: &mut Report, at: &View<'_>) -> Option<HostRules> {
    let nodes = at.field("nodeSelector");
    if !nodes.is_set() {
        report.required("HF-1", &nodes, "write `nodeSelector: {}` for every node");
        return None;
    }
    let ingress = at.field("ingress");
    limits::at_most(report, "HF-5", &ingress, MOST);
    Some(HostRules {
        nodes: selector::selector(report, &nodes),
        ingress: ingress.items().map(|item| rule(report, &item)).collect(),
    })
}

fn rule(report: &mut Report, at: &View<'_>) -> ClusterRule {
    let (name, from, ports) = (at.field("name"), at.field("from"), at.field("ports"));
    limits::length(report, "HF-5", &name, RULE_NAME);
    limits::not_empty(report, "HF-5", &from, MOST);
    limits::not_empty(report, "HF-5", &ports, MOST);
    ClusterRule {
        name: owned(&name),
        action: ClusterAction::Accept,
        peers: from
            .items()
            .filter_map(|item| peer(report, &item))
            .collect(),
        ports: ports
            .items()
            .filter_map(|item| port(report, &item))
            .collect(),
        source: report.source(at.span),
    }
}

fn peer(report: &mut Report, at: &View<'_>) -> Option<ClusterPeer> {
    const FIELDS: [&str; 4] = ["namespaces", "pods", "nodes", "networks"];
    let (field, value) = limits::exactly_one(report, "HF-5", at, &FIELDS)?;
    let mut selector = |at: View<'_>| selector::selector(report, &at);
    Some(match field {
        "namespaces" => ClusterPeer::Pods(PodScope {
            namespaces: Some(selector(value)),
            pods: None,
        }),
        "pods" => {
            let namespaces = value.field("namespaceSelector").set();
            let pods = value.field("podSelector").set();
            ClusterPeer::Pods(PodScope {
                namespaces: namespaces.map(&mut selector),
                pods: pods.map(&mut selector),
            })
        }
        "nodes" => ClusterPeer::Nodes(selector(value)),
        _ => ClusterPeer::Networks(networks(report, &value)),
    })
}

fn networks(report: &mut Report, at: &View<'_>) -> Vec<IpNet> {
    limits::not_empty(report, "HF-5", at, MOST);
    at.items()
        .filter_map(|item| address::cidr(report, "HF-5", &item))
        .collect()
}

fn port(report: &mut Report, at: &View<'_>) -> Option<ClusterPort> {
    let protocol = ports::protocol(report, "HF-5", &at.field("protocol"));
    let (first_at, last_at) = (at.field("port"), at.field("endPort"));
    if !first_at.is_set() {
        if last_at.is_set() {
            let detail = "may not be specified when `port` is not specified";
            report.forbidden("HF-5", &last_at, detail);
        }
        return Some(ClusterPort::Range(protocol?, PortRange::VALID));
    }
    let first = limits::port(report, "HF-5", &first_at);
    if !last_at.is_set() {
        return Some(ClusterPort::Range(protocol?, PortRange::single(first?)));
    }
    let last = limits::port(report, "HF-5", &last_at);
    let range = PortRange::new(first?, last?);
    if range.is_err() {
        let detail = "must be greater than or equal to `port`";
        report.invalid("HF-5", &last_at, &last?.to_string(), detail);
    }
    Some(ClusterPort::Range(protocol?, range.ok()?))
}
