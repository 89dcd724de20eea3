//! Calico's rules: tiers in order, policies of a tier in order, the first rule that matches decides; what no rule of a tier
//! matched is denied to pods that some policy of it selects; what no tier decided is allowed.

use std::collections::BTreeMap;

use super::{Action, Calico, Policy, Port, Rule, Selector, Side};
use crate::world::{End, Flow, OWN_NODE, PodEnd};

type Labels = BTreeMap<String, String>;

pub(super) fn passes(calico: &Calico, flow: &Flow) -> bool {
    direction(calico, flow, true) && direction(calico, flow, false)
}

fn direction(calico: &Calico, flow: &Flow, egress: bool) -> bool {
    let (own, peer) = if egress {
        (&flow.from, &flow.to)
    } else {
        (&flow.to, &flow.from)
    };
    let Some(pod) = &own.pod else { return true };
    if !egress && peer.address.to_string() == OWN_NODE {
        return true;
    }
    for first in [true, false] {
        match tier(calico, first, pod, (flow, peer), egress) {
            Some(Action::Allow) => return true,
            Some(Action::Deny) => return false,
            Some(Action::Pass) | None => {}
        }
    }
    true
}

fn tier(
    calico: &Calico,
    first: bool,
    pod: &PodEnd,
    (flow, peer): (&Flow, &End),
    egress: bool,
) -> Option<Action> {
    let kept = super::write::kept();
    let kept = calico.kept.then_some(&kept);
    let in_tier = calico
        .policies
        .iter()
        .chain(kept)
        .filter(|policy| policy.first == first);
    let mut applying: Vec<&Policy> = in_tier
        .filter(|policy| {
            (if egress {
                policy.types.1
            } else {
                policy.types.0
            }) && selects(policy, pod)
        })
        .collect();
    applying.sort_by_key(|policy| policy.order.unwrap_or(u32::MAX));
    if applying.is_empty() {
        return None;
    }
    for policy in &applying {
        let rules = if egress {
            &policy.egress
        } else {
            &policy.ingress
        };
        let namespace = policy.namespace;
        let mut rules = rules.iter();
        if let Some(rule) = rules.find(|rule| rule_matches(calico, rule, namespace, flow, peer)) {
            return Some(rule.action);
        }
    }
    let passes = first && calico.first_passes;
    Some(if passes { Action::Pass } else { Action::Deny })
}

fn selects(policy: &Policy, pod: &PodEnd) -> bool {
    let labels = pod_labels(pod);
    policy
        .namespace
        .is_none_or(|namespace| namespace == pod.namespace)
        && holds(&policy.selector, &labels)
        && policy
            .namespace_selector
            .as_ref()
            .is_none_or(|selector| of_namespace(selector, &labels))
}

fn pod_labels(pod: &PodEnd) -> Labels {
    let own = pod
        .labels
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    let mut labels: Labels = own.collect();
    for (key, value) in &pod.namespace_labels {
        labels.insert(format!("pcns.{key}"), (*value).to_owned());
    }
    labels.insert(
        "pcns.projectcalico.org/name".to_owned(),
        pod.namespace.to_owned(),
    );
    labels.insert(
        "projectcalico.org/namespace".to_owned(),
        pod.namespace.to_owned(),
    );
    labels.insert(
        "projectcalico.org/orchestrator".to_owned(),
        "k8s".to_owned(),
    );
    labels
}

fn holds(selector: &Selector, labels: &Labels) -> bool {
    let value = |key: &str| labels.get(key).map(String::as_str);
    match selector {
        Selector::All => true,
        Selector::Has(key) => value(key).is_some(),
        Selector::Is(key, wanted) => value(key) == Some(*wanted),
        Selector::IsNot(key, wanted) => value(key) != Some(*wanted),
        Selector::In(key, wanted) => value(key).is_some_and(|value| wanted.contains(&value)),
        Selector::NotIn(key, wanted) => !value(key).is_some_and(|value| wanted.contains(&value)),
        Selector::Not(inner) => !holds(inner, labels),
        Selector::And(one, two) => holds(one, labels) && holds(two, labels),
        Selector::Or(one, two) => holds(one, labels) || holds(two, labels),
    }
}

/// A selector of namespaces looks at the labels that endpoints have from them; `all()` is every endpoint in one.
fn of_namespace(selector: &Selector, labels: &Labels) -> bool {
    let mut of_namespace: Labels = Labels::new();
    for (key, value) in labels {
        if let Some(key) = key.strip_prefix("pcns.") {
            of_namespace.insert(key.to_owned(), value.clone());
        }
    }
    let in_one = labels.contains_key("projectcalico.org/namespace");
    match selector {
        Selector::All => in_one,
        Selector::Not(inner) => !self::of_namespace(inner, labels),
        Selector::And(one, two) => {
            self::of_namespace(one, labels) && self::of_namespace(two, labels)
        }
        Selector::Or(one, two) => {
            self::of_namespace(one, labels) || self::of_namespace(two, labels)
        }
        Selector::Has(_)
        | Selector::Is(..)
        | Selector::IsNot(..)
        | Selector::In(..)
        | Selector::NotIn(..) => holds(selector, &of_namespace),
    }
}

fn rule_matches(
    calico: &Calico,
    rule: &Rule,
    namespace: Option<&str>,
    flow: &Flow,
    peer: &End,
) -> bool {
    rule.protocol
        .is_none_or(|protocol| protocol == flow.protocol)
        && port_matches(rule, flow)
        && side_matches(calico, &rule.side, namespace, peer)
}

fn port_matches(rule: &Rule, flow: &Flow) -> bool {
    let Some(port) = flow.port else {
        return rule.ports.is_empty() && rule.not_ports.is_empty();
    };
    let is = |wanted: &Port| match wanted {
        Port::Range(first, last) => (*first..=*last).contains(&port),
        Port::Http => {
            flow.protocol == 6 && flow.to.pod.as_ref().is_some_and(|pod| pod.http == port)
        }
    };
    (rule.ports.is_empty() || rule.ports.iter().any(is)) && !rule.not_ports.contains(&port)
}

fn side_matches(calico: &Calico, side: &Side, namespace: Option<&str>, peer: &End) -> bool {
    let within = |nets: &[ipnet::IpNet]| nets.iter().any(|net| net.contains(&peer.address));
    let endpoints = endpoints(calico, peer);
    let any = |wanted: &dyn Fn(&Labels) -> bool| endpoints.iter().any(wanted);
    (side.nets.is_empty() || within(&side.nets))
        && !within(&side.not_nets)
        && selected(side, namespace, &any)
        && !side
            .not_selector
            .as_ref()
            .is_some_and(|selector| any(&|labels| holds(selector, labels)))
}

/// The labels of whatever has the address: a pod, and network sets.
fn endpoints(calico: &Calico, peer: &End) -> Vec<Labels> {
    let pod = peer.pod.iter().map(pod_labels);
    let sets = calico.sets.iter();
    let sets = sets.filter(|set| set.nets.iter().any(|net| net.contains(&peer.address)));
    let labels = sets.map(|set| Labels::from([(set.label.0.to_owned(), set.label.1.to_owned())]));
    pod.chain(labels).collect()
}

/// Whether any endpoint with the address has such labels.
type AnyEndpoint<'a> = dyn Fn(&dyn Fn(&Labels) -> bool) -> bool + 'a;

fn selected(side: &Side, namespace: Option<&str>, any: &AnyEndpoint<'_>) -> bool {
    let own = |labels: &Labels| {
        let found = labels
            .get("projectcalico.org/namespace")
            .map(String::as_str);
        namespace.is_none_or(|namespace| found == Some(namespace))
    };
    let by_label = |labels: &Labels| {
        side.selector
            .as_ref()
            .is_none_or(|selector| holds(selector, labels))
    };
    match (&side.namespace_selector, &side.selector, &side.not_selector) {
        (None, None, None) => true,
        (None, None, Some(_)) if namespace.is_none() => true,
        (Some(selector), _, _) => any(&|labels| of_namespace(selector, labels) && by_label(labels)),
        (None, _, _) => any(&|labels| own(labels) && by_label(labels)),
    }
}
