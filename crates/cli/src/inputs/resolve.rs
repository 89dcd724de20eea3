//! From what the user types to the ends of connections in a cluster.

mod api_server;
mod internet;
mod nameless;
mod namesake;
mod ports;
#[cfg(test)]
mod tests;
mod well_known;

use std::collections::BTreeSet;

use anyhow::{anyhow, bail, ensure};
use ringfence_model::{Cluster, Endpoint, Labels, Namespace, ObjectName, Owner, Pod};

use super::endpoint::EndpointArgument;
use super::port::PortArgument;
use super::suggest::hint;

pub(crate) use api_server::{nodes as api_server_nodes, translated};
pub(crate) use nameless::{leave_open, nameless};
pub(crate) use namesake::namesake;
pub(crate) use ports::{Asked, asked, served};

/// Which end of a connection is meant: some words mean another thing at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Source,
    Destination,
}

/// What `argument` stands for in `cluster`, at least one end, in order of name. A pod that does not exist yet is added
/// to the cluster; it is behind no Service.
pub(crate) fn resolve(
    cluster: &mut Cluster,
    argument: &EndpointArgument,
    side: Side,
) -> anyhow::Result<Vec<Endpoint>> {
    resolve_at(cluster, argument, side, &[])
}

/// As [`resolve`], where `ports` are asked: the API server's own port is not one of its Service.
pub(crate) fn resolve_at(
    cluster: &mut Cluster,
    argument: &EndpointArgument,
    side: Side,
    ports: &[PortArgument],
) -> anyhow::Result<Vec<Endpoint>> {
    let found = named(cluster, argument, side, ports);
    found.map_err(|error| match other_reading(cluster, argument) {
        Some(other) => anyhow!("{error:#} (did you mean `{other}`?)"),
        None => error,
    })
}

/// What is called so in a namespace that is called as the kind is.
fn other_reading(cluster: &Cluster, argument: &EndpointArgument) -> Option<String> {
    let name = match argument {
        EndpointArgument::Pod(name)
        | EndpointArgument::Workload(_, name)
        | EndpointArgument::Service(name) => &name.name,
        EndpointArgument::Node(name) => name,
        EndpointArgument::NewPod { .. }
        | EndpointArgument::Address(_)
        | EndpointArgument::WellKnown(_) => return None,
    };
    namesake::instead(cluster, argument, name)
}

fn named(
    cluster: &mut Cluster,
    argument: &EndpointArgument,
    side: Side,
    ports: &[PortArgument],
) -> anyhow::Result<Vec<Endpoint>> {
    Ok(match argument {
        EndpointArgument::Pod(name) => match only_workload(cluster, name) {
            Some(owner) => workload(cluster, &owner, name)?,
            None => vec![pod(cluster, argument, name)?],
        },
        EndpointArgument::Workload(kind, name) => {
            let owner = Owner {
                kind: kind.clone(),
                name: name.name.clone(),
            };
            workload(cluster, &owner, name)?
        }
        EndpointArgument::NewPod { namespace, labels } => {
            vec![new_pod(cluster, namespace, labels)]
        }
        EndpointArgument::Service(name) => vec![service(cluster, name, side)?],
        EndpointArgument::Node(name) => vec![node(cluster, name)?],
        EndpointArgument::Address(address) => vec![Endpoint::Address(*address)],
        EndpointArgument::WellKnown(known) => well_known::resolve(cluster, *known, side, ports)?,
    })
}

/// The namespaces that manifests mention.
pub(crate) fn mentioned(cluster: &Cluster) -> BTreeSet<String> {
    let of_services = cluster.services.keys().map(|name| &name.namespace);
    cluster
        .namespaces
        .keys()
        .chain(of_services)
        .cloned()
        .collect()
}

/// What to know of an end in a namespace that is not `mentioned`: its name may be mistyped, and of its labels nothing is known
/// (rule OB-4).
pub(crate) fn unmentioned(
    mentioned: &BTreeSet<String>,
    argument: &EndpointArgument,
) -> Option<String> {
    let EndpointArgument::NewPod { namespace, .. } = argument else {
        return None;
    };
    if mentioned.contains(namespace) {
        return None;
    }
    let meant = hint(namespace, mentioned.iter().map(String::as_str));
    Some(format!(
        "no manifest mentions namespace {namespace}{meant}: no policy is in it, and nothing is known of its labels"
    ))
}

/// The only workload that is called `name`, as matrices call it, if no pod is.
fn only_workload(cluster: &Cluster, name: &ObjectName) -> Option<Owner> {
    if cluster.pods.contains_key(name) {
        return None;
    }
    let pods = cluster.pods.values();
    let pods = pods.filter(|pod| pod.name.namespace == name.namespace && pod.is_live());
    let owners = pods.filter_map(|pod| pod.workload.as_ref());
    let mut owners = owners.filter(|owner| owner.name == name.name);
    let first = owners.next()?;
    owners.all(|owner| owner == first).then(|| first.clone())
}

/// pods that have finished do not exist for policy.
fn pod(
    cluster: &Cluster,
    argument: &EndpointArgument,
    name: &ObjectName,
) -> anyhow::Result<Endpoint> {
    match cluster.pods.get(name) {
        Some(pod) if pod.is_live() => Ok(Endpoint::Pod(name.clone())),
        Some(_) => bail!("the pod {name} has finished, and takes part in no connection"),
        None => bail!(
            "there is no pod {name}{}",
            instead_of_pod(cluster, argument, name)
        ),
    }
}

/// A workload of that name, another kind of end that was probably meant, or a pod with a similar name.
fn instead_of_pod(cluster: &Cluster, argument: &EndpointArgument, name: &ObjectName) -> String {
    let of_workload = |pod: &&Pod| {
        let owner = pod.workload.as_ref();
        pod.name.namespace == name.namespace && owner.is_some_and(|owner| owner.name == name.name)
    };
    if let Some(owner) = cluster
        .pods
        .values()
        .find(of_workload)
        .and_then(|pod| pod.workload.as_ref())
    {
        let kind = owner.kind.to_lowercase();
        return format!(" (did you mean `{}/{kind}/{}`?)", name.namespace, name.name);
    }
    if cluster.services.contains_key(name) {
        return format!(" (did you mean `svc/{name}`?)");
    }
    if let Some(meant) = argument.near_miss() {
        return format!(" (did you mean `{meant}`?)");
    }
    let known: Vec<String> = cluster.pods.keys().map(ToString::to_string).collect();
    let similar = hint(&name.to_string(), known.iter().map(String::as_str));
    if similar.is_empty() {
        let namespace = &name.namespace;
        return format!(
            "; one that is not there yet is named by its labels, for example `{namespace}/[app=web]`"
        );
    }
    similar
}

fn workload(cluster: &Cluster, wanted: &Owner, name: &ObjectName) -> anyhow::Result<Vec<Endpoint>> {
    let in_namespace = |pod: &&Pod| pod.name.namespace == name.namespace && pod.is_live();
    let pods = || cluster.pods.values().filter(in_namespace);
    let is_wanted =
        |owner: &Owner| owner.name == wanted.name && owner.kind.eq_ignore_ascii_case(&wanted.kind);
    let found: Vec<Endpoint> = pods()
        .filter(|pod| pod.workload.as_ref().is_some_and(is_wanted))
        .map(|pod| Endpoint::Pod(pod.name.clone()))
        .collect();
    if found.is_empty() {
        let known = pods().filter_map(|pod| pod.workload.as_ref());
        let known: Vec<String> = known.map(|owner| written(&name.namespace, owner)).collect();
        let mut namesakes = pods()
            .filter_map(|pod| pod.workload.as_ref())
            .filter(|owner| owner.name == name.name);
        let similar = match namesakes.next() {
            Some(meant) => format!(" (did you mean `{}`?)", written(&name.namespace, meant)),
            None => {
                let wanted = written(&name.namespace, wanted);
                hint(&wanted, known.iter().map(String::as_str))
            }
        };
        let wanted = written(&name.namespace, wanted);
        match cluster.pods.get(name) {
            Some(pod) if pod.workload.is_none() => bail!(
                "there is no pod of {wanted} (did you mean `{name}`? that is a pod which no workload makes)"
            ),
            Some(_) | None => bail!("there is no pod of {wanted}{similar}"),
        }
    }
    Ok(found)
}

/// A workload as it is typed.
fn written(namespace: &str, owner: &Owner) -> String {
    format!("{namespace}/{}/{}", owner.kind.to_lowercase(), owner.name)
}

/// AM-22: a pod without address. Its name is not one that a pod can have, so that it replaces none.
fn new_pod(cluster: &mut Cluster, namespace: &str, labels: &Labels) -> Endpoint {
    let name = ObjectName::by_labels(namespace, labels);
    let made_up = || Namespace::new(namespace, Labels::new());
    cluster
        .namespaces
        .entry(namespace.to_owned())
        .or_insert_with(made_up);
    cluster
        .pods
        .insert(name.clone(), imagined(name.clone(), labels.clone()));
    Endpoint::Pod(name)
}

/// OB-12: what is about to be deleted is behind no Service.
fn imagined(name: ObjectName, labels: Labels) -> Pod {
    Pod {
        ready: false,
        terminating: true,
        ..Pod::new(name, labels)
    }
}

/// OB-14: a Service opens no connections.
fn service(cluster: &Cluster, name: &ObjectName, side: Side) -> anyhow::Result<Endpoint> {
    ensure!(
        side == Side::Destination,
        "svc/{name}: a Service opens no connections: name the pods behind it"
    );
    ensure!(
        cluster.services.contains_key(name),
        "there is no Service {name}{}",
        instead_of_service(cluster, name)
    );
    Ok(Endpoint::Service(name.clone()))
}

/// A Service of a similar name, or the only one of that name in another namespace.
fn instead_of_service(cluster: &Cluster, name: &ObjectName) -> String {
    let known = cluster.services.keys().map(|name| format!("svc/{name}"));
    let known: Vec<String> = known.collect();
    let similar = hint(&format!("svc/{name}"), known.iter().map(String::as_str));
    let mut namesakes = cluster
        .services
        .keys()
        .filter(|other| other.name == name.name);
    match (namesakes.next(), namesakes.next()) {
        (Some(meant), None) => format!(" (did you mean `svc/{meant}`?)"),
        _ => similar,
    }
}

/// nodes that only pods mention exist too.
fn node(cluster: &Cluster, name: &str) -> anyhow::Result<Endpoint> {
    let of_pods = cluster.pods.values().filter_map(|pod| pod.node.as_deref());
    let known: Vec<&str> = cluster
        .nodes
        .keys()
        .map(String::as_str)
        .chain(of_pods)
        .collect();
    if known.contains(&name) {
        return Ok(Endpoint::Node(name.to_owned()));
    }
    let similar = hint(name, known.iter().copied());
    if similar.is_empty() {
        bail!("there is no node {name}; {}", nodes_in_words(known));
    }
    bail!("there is no node {name}{similar}")
}

/// How many nodes are named where there are many.
const NAMED_NODES: usize = 5;

fn nodes_in_words(known: Vec<&str>) -> String {
    let known: BTreeSet<&str> = known.into_iter().collect();
    let named: Vec<&str> = known.iter().take(NAMED_NODES).copied().collect();
    match known.len() {
        0 => "the manifests name none".to_owned(),
        1 => format!("there is {}", named.concat()),
        all if all > NAMED_NODES => format!(
            "there are {} and {} more",
            named.join(", "),
            all - NAMED_NODES
        ),
        _ => format!("there are {}", named.join(", ")),
    }
}
