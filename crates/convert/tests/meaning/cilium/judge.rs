//! Cilium's rules: who is denied by some rule that selects the pod is denied; a pod that some default-denying section selects is
//! closed but for what some rule allows. Peers have identities: pods their labels, nodes and the outside an entity, and the
//! outside its addresses.

use ipnet::IpNet;

use super::{Cilium, Operator, Peers, Policy, Port, Requirement, Rule, Selector, Spec};
use crate::world::{End, Flow, Labels, NODES, OWN_NODE, PodEnd};

pub(super) fn passes(cilium: &Cilium, flow: &Flow) -> bool {
    direction(cilium, flow, 0) && direction(cilium, flow, 1)
}

/// Ingress is 0, egress is 1.
fn direction(cilium: &Cilium, flow: &Flow, direction: usize) -> bool {
    let (own, peer) = if direction == 1 {
        (&flow.from, &flow.to)
    } else {
        (&flow.to, &flow.from)
    };
    let Some(pod) = &own.pod else { return true };
    if direction == 0 && peer.address.to_string() == OWN_NODE {
        return true;
    }
    let kept = super::write::kept();
    let policies = cilium.policies.iter().chain(cilium.kept.then_some(&kept));
    let specs: Vec<(&Policy, &Spec)> = policies
        .flat_map(|policy| policy.specs.iter().map(move |spec| (policy, spec)))
        .filter(|(policy, spec)| selects(policy, spec, pod))
        .collect();
    let rules = |spec: &Spec, deny: bool| -> Vec<Rule> {
        match (direction, deny) {
            (0, false) => spec.ingress.clone(),
            (0, true) => spec.ingress_deny.clone(),
            (_, false) => spec.egress.clone(),
            (_, true) => spec.egress_deny.clone(),
        }
    };
    let some = |deny: bool| {
        specs.iter().any(|(policy, spec)| {
            let rules = rules(spec, deny);
            rules.iter().any(|rule| matches(rule, policy, flow, peer))
        })
    };
    let closed = specs.iter().any(|(_, spec)| {
        let has_rules = !rules(spec, false).is_empty() || !rules(spec, true).is_empty();
        has_rules && spec.default_deny[direction].unwrap_or(true)
    });
    !some(true) && (!closed || some(false))
}

fn selects(policy: &Policy, spec: &Spec, pod: &PodEnd) -> bool {
    let within = |namespace| namespace == pod.namespace;
    policy.namespace.is_none_or(within) && fits(&spec.selector, Some(pod))
}

fn matches(rule: &Rule, policy: &Policy, flow: &Flow, peer: &End) -> bool {
    let ports = rule.ports.is_empty() || rule.ports.iter().any(|port| is_port(port, flow));
    ports && is_peer(rule, policy, peer)
}

fn is_peer(rule: &Rule, policy: &Policy, peer: &End) -> bool {
    let is_node = net(NODES).contains(&peer.address);
    let outside = peer.pod.is_none() && !is_node;
    let within = |block: &str| net(block).contains(&peer.address);
    match &rule.peers {
        Peers::Unsaid => !rule.ports.is_empty(),
        Peers::Endpoints(selectors) => selectors
            .iter()
            .any(|selector| is_endpoint(selector, policy.namespace, peer)),
        Peers::Cidrs(blocks) => outside && blocks.iter().any(|block| within(block)),
        Peers::CidrSets(sets) => {
            let holds = |(block, holes): &(&str, Vec<&str>)| {
                within(block) && !holes.iter().any(|hole| within(hole))
            };
            outside && sets.iter().any(holds)
        }
        Peers::Entities(names) => names.iter().any(|name| match *name {
            "all" => true,
            "world" | "world-ipv4" => outside,
            "cluster" => !outside,
            "host" => peer.address.to_string() == OWN_NODE,
            "remote-node" => is_node && peer.address.to_string() != OWN_NODE,
            _ => false,
        }),
    }
}

fn is_endpoint(selector: &Selector, namespace: Option<&str>, peer: &End) -> bool {
    let begins = |requirement: &Requirement, start: &str| label(requirement.key).starts_with(start);
    let names = selector
        .iter()
        .any(|one| begins(one, "io.kubernetes.pod.namespace"));
    let labels = selector
        .iter()
        .any(|one| begins(one, "io.cilium.k8s.namespace.labels."));
    let pod = peer.pod.as_ref();
    let at_home = match namespace {
        _ if names => true,
        None => pod.is_some(),
        Some(_) if labels => true,
        Some(namespace) => pod.is_some_and(|pod| pod.namespace == namespace),
    };
    at_home && fits(selector, pod)
}

/// The key without its source.
fn label(key: &str) -> &str {
    key.split_once(':').map_or(key, |(_, key)| key)
}

/// Whether the labels of an endpoint fit; what is no pod has none that a policy here asks for.
fn fits(selector: &Selector, pod: Option<&PodEnd>) -> bool {
    let value = |key: &str| -> Option<&str> {
        let pod = pod?;
        let of = |labels: &Labels, key: &str| labels.get(key).copied();
        match label(key) {
            "io.kubernetes.pod.namespace" => Some(pod.namespace),
            key => match key.strip_prefix("io.cilium.k8s.namespace.labels.") {
                Some(key) => of(&pod.namespace_labels, key),
                None => of(&pod.labels, key),
            },
        }
    };
    selector.iter().all(|one| {
        let found = value(one.key);
        let listed = found.is_some_and(|found| one.values.contains(&found));
        match one.operator {
            Operator::In => listed,
            Operator::NotIn => !listed,
            Operator::Exists => found.is_some(),
            Operator::DoesNotExist => found.is_none(),
        }
    })
}

fn is_port(wanted: &Port, flow: &Flow) -> bool {
    let protocol = match wanted.protocol {
        None | Some("ANY") => [6, 17, 132].contains(&flow.protocol),
        Some("TCP") => flow.protocol == 6,
        Some("UDP") => flow.protocol == 17,
        Some("SCTP") => flow.protocol == 132,
        other => panic!("{other:?}"),
    };
    let Some(port) = flow.port else { return false };
    let number = match wanted.port.parse::<u16>() {
        Ok(0) => true,
        Ok(first) => (first..=wanted.end.unwrap_or(first)).contains(&port),
        Err(_) => flow.protocol == 6 && flow.to.pod.as_ref().is_some_and(|pod| pod.http == port),
    };
    protocol && number
}

fn net(block: &str) -> IpNet {
    let address = |_| block.parse::<std::net::IpAddr>().map(IpNet::from);
    block.parse().or_else(address).unwrap()
}
