//! Why a Service leads to nobody (rules OB-11, OB-12).

use std::collections::BTreeSet;

use ringfence_model::{ObjectName, Outcome, Pod, Service, ServicePort, TargetPort};
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
    let names: BTreeSet<&ObjectName> = empty
        .filter_map(|one| one.answer.service.as_ref())
        .collect();
    names
        .into_iter()
        .filter_map(|name| context.cluster.services.get(name))
        .map(|service| why(context, service))
        .collect()
}

fn why(context: Context<'_>, service: &Service) -> Reason {
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
        .map(|pod| format!("{} {}", pod.name, not_behind(service, pod)))
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
fn not_behind(service: &Service, pod: &Pod) -> String {
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
    match pod.addresses.is_empty() {
        true => "has no address".to_owned(),
        false => "has no address of the Service's family".to_owned(),
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
