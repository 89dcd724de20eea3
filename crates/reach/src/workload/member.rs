use ringfence_model::Pod;

use super::{Place, Unit};

/// One of those that units are made of.
#[derive(Clone, Copy, Debug)]
pub enum Member<'a> {
    /// A live pod of the pod network.
    Pod(&'a Pod),
    /// A node by name; host pods are their node (rule NP-53).
    Node(&'a str),
    /// Addresses outside of pods and nodes.
    Place(&'a Place),
}

/// Pods by the workload they belong to, bare pods by themselves; all nodes together.
#[must_use]
pub fn by_workload(member: &Member<'_>) -> Unit {
    match member {
        Member::Pod(pod) => workload_of(pod),
        Member::Node(_) => Unit::Nodes,
        Member::Place(place) => Unit::Place((*place).clone()),
    }
}

/// Pods by their namespace; all nodes together.
#[must_use]
pub fn by_namespace(member: &Member<'_>) -> Unit {
    match member {
        Member::Pod(pod) => Unit::Namespace(pod.name.namespace.clone()),
        Member::Node(_) => Unit::Nodes,
        Member::Place(place) => Unit::Place((*place).clone()),
    }
}

/// Every pod and node by itself.
#[must_use]
pub fn by_pod(member: &Member<'_>) -> Unit {
    match member {
        Member::Pod(pod) => Unit::pod(&pod.name.namespace, &pod.name.name),
        Member::Node(name) => Unit::Node((*name).to_owned()),
        Member::Place(place) => Unit::Place((*place).clone()),
    }
}

fn workload_of(pod: &Pod) -> Unit {
    let namespace = &pod.name.namespace;
    match &pod.workload {
        Some(owner) => Unit::workload(namespace, &owner.kind, &owner.name),
        None => Unit::pod(namespace, &pod.name.name),
    }
}
