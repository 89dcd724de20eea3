//! Why a Service leads to nobody (rules OB-11, OB-12, OB-18, OB-19).

use std::collections::BTreeMap;

use ringfence_model::{
    ClusterIp, Endpoint, ObjectName, Outcome, Pod, Service, ServicePort, TargetPort, TrafficPolicy,
};
use ringfence_net::Family;
use ringfence_reach::matching::Step;

use super::excerpt::Marked;
use super::judge::Judged;
use super::reason::{Context, Reason, Tone};

/// Pods that are named.
const MOST_PODS: usize = 3;

/// A reason for each Service that has nobody behind it.
pub(super) fn why_nobody(context: Context<'_>, judged: &[Judged]) -> Vec<Reason> {
    let empty = judged
        .iter()
        .filter(|one| one.answer.outcome == Outcome::NoEndpoints);
    let mut found: BTreeMap<&ObjectName, &Judged> = BTreeMap::new();
    for one in empty {
        if let Some(name) = &one.answer.service {
            found.entry(name).or_insert(one);
        }
    }
    let services = found.into_iter().filter_map(|(name, one)| {
        let service = context.cluster.services.get(name)?;
        Some((service, keeps_to(service, &one.way.destination)))
    });
    services
        .map(|(service, kept)| why(context, service, kept))
        .collect()
}

/// To which node the Service keeps where `destination` is dialled (rules OB-18, OB-19), and by which field.
fn keeps_to(service: &Service, destination: &Endpoint) -> Option<&'static str> {
    let is_inside = match destination {
        Endpoint::Service(_) => true,
        Endpoint::Address(address) => service.cluster_addresses().contains(address),
        Endpoint::Node(_) | Endpoint::Pod(_) => false,
    };
    let traffic = &service.traffic;
    match (is_inside, traffic.internal, traffic.external) {
        (true, TrafficPolicy::Local, _) => {
            Some("`internalTrafficPolicy: Local` keeps to the client's node")
        }
        (false, _, TrafficPolicy::Local) => {
            Some("`externalTrafficPolicy: Local` keeps to the node that is dialled")
        }
        (true, TrafficPolicy::Cluster, _) | (false, _, TrafficPolicy::Cluster) => None,
    }
}

fn why(context: Context<'_>, service: &Service, kept: Option<&str>) -> Reason {
    let title = format!("svc/{} leads to no pod", service.name);
    let mut reason = Reason::new(Tone::Denied, title);
    let field = if service.selector.is_empty() {
        "ports"
    } else {
        "selector"
    };
    let place = ["spec", field].map(|name| Step::Field(name.to_owned()));
    let pods = selected(context, service);
    let label = match (service.selector.is_empty(), pods.len()) {
        (true, _) => "it has no selector".to_owned(),
        (false, 0) => format!("no live pod of {} has these labels", service.name.namespace),
        (false, 1) => "1 pod has these labels, and is not behind it".to_owned(),
        (false, count) => format!("{count} pods have these labels, and none is behind it"),
    };
    let mark = Marked {
        place: place.to_vec(),
        label,
        primary: true,
    };
    let source = service.source.as_ref();
    reason.quotes = source
        .and_then(|source| context.excerpts.part(source, &place, &[mark]))
        .into_iter()
        .collect();
    reason.notes = pods
        .iter()
        .take(if context.all { usize::MAX } else { MOST_PODS })
        .map(|pod| format!("{} {}", pod.name, not_behind(service, pod, kept)))
        .collect();
    reason.help.extend(help(context, service, &pods));
    reason
}

/// The live pods with the labels that the Service selects.
fn selected<'a>(context: Context<'a>, service: &Service) -> Vec<&'a Pod> {
    let pods = context.cluster.pods.values().filter(|pod| {
        pod.name.namespace == service.name.namespace
            && pod.is_live()
            && !service.selector.is_empty()
            && differences(service, pod) == 0
    });
    pods.collect()
}

/// How many labels of the selector the pod has not.
fn differences(service: &Service, pod: &Pod) -> usize {
    let wanted = service.selector.iter();
    wanted
        .filter(|(key, value)| pod.labels.get(*key) != Some(*value))
        .count()
}

/// How far the pod's labels are from those of the selector, in letters.
fn distance(service: &Service, pod: &Pod) -> usize {
    let own = |key| pod.labels.get(key).map_or("", String::as_str);
    let wanted = service.selector.iter();
    wanted
        .map(|(key, value)| strsim::damerau_levenshtein(value, own(key)))
        .sum()
}

/// OB-12: what keeps a pod with the right labels from being behind the Service.
fn not_behind(service: &Service, pod: &Pod, kept: Option<&str>) -> String {
    if pod.terminating {
        return "is about to be deleted".to_owned();
    }
    if !pod.ready && !service.publish_not_ready_addresses {
        return "is not ready".to_owned();
    }
    let named = service
        .ports
        .iter()
        .find_map(|port| named_target(port, pod));
    if let Some(name) = named {
        return format!("has no port named {name} of that protocol");
    }
    let mut families = pod.addresses.iter().map(|address| Family::of(*address));
    match kept {
        _ if pod.addresses.is_empty() => "has no address".to_owned(),
        Some(kept) if families.any(|family| service.serves(family)) => match &pod.node {
            Some(node) => format!("is on {node}, and {kept}"),
            None => format!("is on no node that is known, and {kept}"),
        },
        _ if service.cluster_ip == ClusterIp::Headless => {
            "has no address of the client's family".to_owned()
        }
        Some(_) | None => "has no address of the Service's family".to_owned(),
    }
}

/// OB-11: the name of a target port that the pod does not declare.
fn named_target<'a>(port: &'a ServicePort, pod: &Pod) -> Option<&'a str> {
    match &port.target {
        TargetPort::Number(_) => None,
        TargetPort::Name(name) => {
            let declared = pod
                .ports
                .iter()
                .any(|own| own.name.as_deref() == Some(name) && own.protocol == port.protocol);
            (!declared).then_some(name)
        }
    }
}

fn help(context: Context<'_>, service: &Service, pods: &[&Pod]) -> Option<String> {
    if service.selector.is_empty() {
        return Some(format!(
            "give the EndpointSlices of {}, which list who is behind it",
            service.name
        ));
    }
    let near = context.cluster.pods.values().filter(|pod| {
        pod.name.namespace == service.name.namespace && pod.is_live() && pods.is_empty()
    });
    let nearest = near.min_by_key(|pod| (differences(service, pod), distance(service, pod)))?;
    let labels: Vec<String> = service
        .selector
        .keys()
        .map(|key| match nearest.labels.get(key) {
            Some(value) => format!("`{key}: {value}`"),
            None => format!("no label `{key}`"),
        })
        .collect();
    Some(format!("{} has {}", nearest.name, labels.join(" and ")))
}
