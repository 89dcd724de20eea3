//! RF019: `namespaceSelector: {}` reads like everyone and is pods only, while clients come from outside (rule NP-16).

use ringfence_model::{Direction, NetworkPolicy, PeerSelector, PolicyPeer, Service, ServicePort};

use crate::lint::context::{Context, rules};
use crate::lint::port::connections_to;
use crate::lint::problem::{Problem, RuleSite};
use crate::lint::requirement::is_every_namespace;
use crate::lint::service::{is_behind, target};

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    let rules = context.rules();
    rules
        .filter(|site| site.direction == Direction::Ingress)
        .filter_map(|site| problem(context, site))
        .collect()
}

fn problem(context: &Context<'_>, site: RuleSite<'_>) -> Option<Problem> {
    let (index, _) = site.peers().find(|(_, peer)| is_every_pod(peer))?;
    let service = outside_service(context, site)?;
    if admits_addresses(context, site.policy) {
        return None;
    }
    let message = format!(
        "this is every pod and nobody else: clients outside, whom Service {} is open to, are denied",
        service.name
    );
    let help = "to admit them too add an `ipBlock`, or leave out `from`";
    Some(site.peer(index).problem(message).with_help(help))
}

fn is_every_pod(peer: &PolicyPeer) -> bool {
    match peer {
        PolicyPeer::Pods(PeerSelector {
            namespaces: Some(namespaces),
            pods,
        }) => is_every_namespace(namespaces) && pods.as_ref().is_none_or(|pods| pods.is_empty()),
        PolicyPeer::Pods(_) | PolicyPeer::IpBlock(_) => false,
    }
}

/// A Service that brings clients from outside to pods and ports that `site` is about.
fn outside_service<'a>(context: &Context<'a>, site: RuleSite<'_>) -> Option<&'a Service> {
    let selected = context.selected(site.policy);
    let serves = |service: &&Service| {
        let mut behind = selected.iter().filter(|group| is_behind(service, group));
        behind.any(|group| {
            let allowed = connections_to(site.rule, group.ports);
            let reaches = |port: &ServicePort| {
                let target = target(port, group);
                target.is_some_and(|target| allowed.ports(port.protocol).contains(target))
            };
            service.ports.iter().any(reaches)
        })
    };
    let services = context.cluster.services.values();
    services
        .filter(|service| is_outside(context, service))
        .find(serves)
}

fn is_outside(context: &Context<'_>, service: &Service) -> bool {
    let kind = service.source.as_ref();
    let kind = kind.and_then(|source| context.documents.field(source, "spec.type"));
    let kind = kind.as_ref().and_then(|field| field.text());
    !service.external_addresses.is_empty() || matches!(kind, Some("LoadBalancer" | "NodePort"))
}

/// Whether a policy of the same pods has an ingress rule for addresses.
fn admits_addresses(context: &Context<'_>, policy: &NetworkPolicy) -> bool {
    let selected = context.selected(policy);
    let of_same_pods = |other: &&NetworkPolicy| {
        other.name.namespace == policy.name.namespace
            && selected
                .iter()
                .any(|group| other.pod_selector.matches(group.labels))
    };
    let is_block = |peer: &PolicyPeer| matches!(peer, PolicyPeer::IpBlock(_));
    let rules = context.policies().filter(of_same_pods).flat_map(rules);
    rules
        .filter(|site| site.direction == Direction::Ingress)
        .any(|site| site.rule.peers.is_empty() || site.rule.peers.iter().any(is_block))
}
