//! Units as they are typed: endpoints, names as a matrix prints them, and globs.

use std::net::IpAddr;

use anyhow::bail;
use ringfence_model::{Cluster, Endpoint, ObjectName, Pod};
use ringfence_reach::assertion::addresses_of_node;
use ringfence_reach::dns;
use ringfence_reach::workload::{Groups, Member, Place, Unit, by_workload};

use crate::inputs::endpoint::{EndpointArgument, WellKnown};
use crate::inputs::hosts::is_node;
use crate::inputs::resolve::api_server_nodes;

/// Units that the user means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    text: String,
    form: Form,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    /// With `*` for any letters. Without `/` it is about namespaces.
    Glob,
    /// A name that units of this kind have.
    Unit(Unit),
    Endpoint(EndpointArgument),
}

/// The cluster and its units, for patterns that name one of their members.
#[derive(Clone, Copy, Debug)]
pub(crate) struct World<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) groups: &'a Groups,
}

impl Pattern {
    /// Reads `text`; endpoints without namespace are in `namespace`.
    pub(crate) fn parse(text: &str, namespace: &str) -> anyhow::Result<Self> {
        let pattern = Self::of(text, namespace)?;
        if let Form::Endpoint(EndpointArgument::NewPod { .. }) = pattern.form {
            let text = pattern.text;
            bail!("`{text}` does not exist, and only what exists is in a matrix");
        }
        Ok(pattern)
    }

    /// As [`Self::parse`], where pods may be meant that manifests do not hold, by their labels. These may be in a namespace
    /// that is known by its labels, too.
    pub(crate) fn parse_with_absent(text: &str, namespace: &str) -> anyhow::Result<Self> {
        let text = text.trim();
        let home = text.split_once("/[").map(|(home, _)| home);
        if let Some(home) = home.filter(|home| home.starts_with('[') && home.ends_with(']')) {
            return Ok(Self::absent(text, home));
        }
        let pattern = Self::of(text, namespace)?;
        Ok(match &pattern.form {
            Form::Endpoint(pod @ EndpointArgument::NewPod { namespace, .. }) => {
                Self::absent(&pod.to_string(), namespace)
            }
            Form::Endpoint(_) | Form::Glob | Form::Unit(_) => pattern,
        })
    }

    /// The pod `text` in `namespace`, of which the rest of `text` says the labels.
    fn absent(text: &str, namespace: &str) -> Self {
        let rest = text.strip_prefix(namespace);
        let name = rest.and_then(|rest| rest.strip_prefix('/'));
        Self {
            text: text.to_owned(),
            form: Form::Unit(Unit::pod(namespace, name.unwrap_or(text))),
        }
    }

    fn of(text: &str, namespace: &str) -> anyhow::Result<Self> {
        let text = text.trim();
        let form = if text.contains('*') {
            Form::Glob
        } else if text == "nodes" {
            Form::Unit(Unit::Nodes)
        } else if let Some(place) = Place::parse(text) {
            Form::Unit(Unit::Place(place))
        } else {
            Form::Endpoint(EndpointArgument::parse(text, namespace)?)
        };
        Ok(Self {
            text: text.to_owned(),
            form,
        })
    }

    /// Whether `unit` is meant, or a member of it.
    pub(crate) fn matches(&self, world: World<'_>, unit: &Unit) -> bool {
        let by_endpoint = |endpoint: &EndpointArgument| {
            let mut members = world.groups.members(unit);
            members.any(|member| is_member(world.cluster, endpoint, member))
                || lies_in(world, endpoint, unit)
        };
        self.matches_name(unit, by_endpoint)
    }

    /// Whether it names one pod, workload, Service or node, and nothing in `world` is called so.
    pub(crate) fn is_unknown(&self, world: World<'_>) -> bool {
        let cluster = world.cluster;
        let is_there = match &self.form {
            Form::Endpoint(endpoint) => match endpoint {
                EndpointArgument::Pod(_) | EndpointArgument::Workload(..) => {
                    let is_named = |pod: &Pod| self.covers(None, &by_workload(&Member::Pod(pod)));
                    let mut pods = cluster.pods.values();
                    pods.any(|pod| is_pod(cluster, endpoint, pod) || is_named(pod))
                }
                EndpointArgument::Service(name) => cluster.services.contains_key(name),
                EndpointArgument::Node(name) => cluster.nodes.contains_key(name),
                EndpointArgument::NewPod { .. }
                | EndpointArgument::Address(_)
                | EndpointArgument::WellKnown(_) => true,
            },
            Form::Glob | Form::Unit(_) => true,
        };
        !is_there && !world.groups.units().any(|unit| self.matches(world, unit))
    }

    /// As it is written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether the whole of `unit` is meant. Without a cluster to ask, names decide.
    pub(crate) fn covers(&self, world: Option<World<'_>>, unit: &Unit) -> bool {
        let by_endpoint = |endpoint: &EndpointArgument| {
            let Some(world) = world.filter(|_| !unit.is_place()) else {
                return false;
            };
            let mut members = world.groups.members(unit).peekable();
            members.peek().is_some()
                && members.all(|member| is_member(world.cluster, endpoint, member))
        };
        let covers = self.matches_name(unit, by_endpoint);
        match world.filter(|_| covers && unit.to_string() == self.text) {
            Some(world) => self.namesakes(world).len() < 2 || self.names_exactly(unit),
            None => covers,
        }
    }

    /// The workloads in `world` that have the short name which this is; several, if their kinds differ.
    pub(crate) fn namesakes<'a>(&self, world: World<'a>) -> Vec<&'a Unit> {
        match &self.form {
            Form::Endpoint(EndpointArgument::Pod(_)) => {
                let units = world.groups.units();
                units.filter(|unit| unit.to_string() == self.text).collect()
            }
            Form::Endpoint(_) | Form::Glob | Form::Unit(_) => Vec::new(),
        }
    }

    /// Whether `unit` is the pod, and no workload, that has this name.
    pub(crate) fn names_exactly(&self, unit: &Unit) -> bool {
        match &self.form {
            Form::Endpoint(endpoint) => workload_of(endpoint).as_ref() == Some(unit),
            Form::Glob | Form::Unit(_) => false,
        }
    }

    fn matches_name(
        &self,
        unit: &Unit,
        by_endpoint: impl FnOnce(&EndpointArgument) -> bool,
    ) -> bool {
        if let Unit::Zone(name) = unit {
            return glob(&self.text, name);
        }
        match &self.form {
            Form::Glob => self.glob_matches(unit),
            Form::Unit(Unit::Place(place)) => is_within(unit, place),
            Form::Unit(Unit::Nodes) => matches!(unit, Unit::Nodes | Unit::Node(_)),
            Form::Unit(meant) => meant == unit,
            Form::Endpoint(endpoint) => {
                unit.to_string() == self.text
                    || workload_of(endpoint).as_ref() == Some(unit)
                    || place_of(endpoint).is_some_and(|place| is_within(unit, &place))
                    || by_endpoint(endpoint)
            }
        }
    }

    fn glob_matches(&self, unit: &Unit) -> bool {
        if self.text.contains('/') {
            glob(&self.text, &unit.to_string()) || glob(&self.text, &unit.full_name())
        } else {
            let namespace = unit.namespace();
            self.text == "*" || namespace.is_some_and(|name| glob(&self.text, name))
        }
    }
}

/// Whether every address of `unit` lies in `place`. A word without family means both.
fn is_within(unit: &Unit, place: &Place) -> bool {
    match unit {
        Unit::Place(other) => {
            let both = place.in_ipv6();
            other.is_within(place) || both.is_some_and(|place| other.is_within(&place))
        }
        Unit::Workload { .. }
        | Unit::Namespace(_)
        | Unit::Zone(_)
        | Unit::Nodes
        | Unit::Node(_) => false,
    }
}

/// The workload that `endpoint` names by its kind; a pod may be one by itself.
fn workload_of(endpoint: &EndpointArgument) -> Option<Unit> {
    match endpoint {
        EndpointArgument::Workload(kind, name) => {
            Some(Unit::workload(&name.namespace, kind, &name.name))
        }
        EndpointArgument::Pod(name) => Some(Unit::pod(&name.namespace, &name.name)),
        EndpointArgument::NewPod { .. }
        | EndpointArgument::Service(_)
        | EndpointArgument::Node(_)
        | EndpointArgument::Address(_)
        | EndpointArgument::WellKnown(_) => None,
    }
}

/// The place that `endpoint` names.
fn place_of(endpoint: &EndpointArgument) -> Option<Place> {
    match endpoint {
        EndpointArgument::Address(address) => Some(Place::block((*address).into())),
        EndpointArgument::Workload(..)
        | EndpointArgument::Pod(_)
        | EndpointArgument::NewPod { .. }
        | EndpointArgument::Service(_)
        | EndpointArgument::Node(_)
        | EndpointArgument::WellKnown(_) => None,
    }
}

/// Whether `member` is one of those that `endpoint` names.
fn is_member(cluster: &Cluster, endpoint: &EndpointArgument, member: &Endpoint) -> bool {
    match member {
        Endpoint::Pod(name) => {
            let pod = cluster.pods.get(name);
            pod.is_some_and(|pod| is_pod(cluster, endpoint, pod))
        }
        Endpoint::Node(name) => match endpoint {
            EndpointArgument::Node(meant) => meant == name,
            EndpointArgument::Address(address) => has_address(cluster, name, *address),
            EndpointArgument::WellKnown(WellKnown::ApiServer) => {
                api_server_nodes(cluster).contains(member)
            }
            // Pods in its network are the node.
            EndpointArgument::Pod(_)
            | EndpointArgument::Workload(..)
            | EndpointArgument::Service(_)
            | EndpointArgument::WellKnown(_) => {
                let mut pods = cluster.pods.values();
                pods.any(|pod| is_node(pod, name) && is_named(cluster, endpoint, pod))
            }
            EndpointArgument::NewPod { .. } => false,
        },
        Endpoint::Address(own) => match endpoint {
            EndpointArgument::Node(meant) => has_address(cluster, meant, *own),
            EndpointArgument::Address(address) => address.to_canonical() == own.to_canonical(),
            EndpointArgument::Pod(_)
            | EndpointArgument::Workload(..)
            | EndpointArgument::NewPod { .. }
            | EndpointArgument::Service(_)
            | EndpointArgument::WellKnown(_) => false,
        },
        Endpoint::Service(_) => false,
    }
}

fn has_address(cluster: &Cluster, node: &str, address: IpAddr) -> bool {
    addresses_of_node(cluster, node).contains(&address.to_canonical())
}

/// Whether `endpoint` means the pod, by the name of its workload alone, too.
fn is_named(cluster: &Cluster, endpoint: &EndpointArgument, pod: &Pod) -> bool {
    let is_short = match endpoint {
        EndpointArgument::Pod(name) => {
            by_workload(&Member::Pod(pod)).to_string() == name.to_string()
        }
        EndpointArgument::Workload(..)
        | EndpointArgument::NewPod { .. }
        | EndpointArgument::Service(_)
        | EndpointArgument::Node(_)
        | EndpointArgument::Address(_)
        | EndpointArgument::WellKnown(_) => false,
    };
    is_short || is_pod(cluster, endpoint, pod)
}

fn is_pod(cluster: &Cluster, endpoint: &EndpointArgument, pod: &Pod) -> bool {
    match endpoint {
        EndpointArgument::Pod(name) => pod.name == *name,
        EndpointArgument::Workload(..) => {
            workload_of(endpoint) == Some(by_workload(&Member::Pod(pod)))
        }
        EndpointArgument::Service(name) => serves(cluster, name, pod),
        EndpointArgument::Address(address) => pod.addresses.contains(address),
        EndpointArgument::WellKnown(WellKnown::ApiServer) => {
            serves(cluster, &ObjectName::new("default", "kubernetes"), pod)
        }
        EndpointArgument::WellKnown(WellKnown::Dns) => match dns::service(cluster) {
            Some(service) => serves(cluster, &service.name, pod),
            None => dns::is_pod(pod),
        },
        EndpointArgument::WellKnown(WellKnown::Internet | WellKnown::Metadata)
        | EndpointArgument::NewPod { .. }
        | EndpointArgument::Node(_) => false,
    }
}

/// Whether the Service `name` selects `pod`.
fn serves(cluster: &Cluster, name: &ObjectName, pod: &Pod) -> bool {
    cluster.services.get(name).is_some_and(|service| {
        let selector = &service.selector;
        name.namespace == pod.name.namespace
            && !selector.is_empty()
            && selector
                .iter()
                .all(|(key, value)| pod.labels.get(key) == Some(value))
    })
}

/// Whether `endpoint` is an address in the place `unit`; those of pods and nodes are in none (rule Q-3).
fn lies_in(world: World<'_>, endpoint: &EndpointArgument, unit: &Unit) -> bool {
    match endpoint {
        EndpointArgument::Address(address) => {
            world.groups.has_address(unit, *address) && !is_taken(world.cluster, *address)
        }
        EndpointArgument::Pod(_)
        | EndpointArgument::Workload(..)
        | EndpointArgument::NewPod { .. }
        | EndpointArgument::Service(_)
        | EndpointArgument::Node(_)
        | EndpointArgument::WellKnown(_) => false,
    }
}

fn is_taken(cluster: &Cluster, address: IpAddr) -> bool {
    let nodes = cluster.nodes.values().flat_map(|node| &node.addresses);
    let pods = cluster.pods.values().filter(|pod| pod.is_live());
    let of_pods = pods.flat_map(|pod| pod.addresses.iter().chain(&pod.host_addresses));
    let mut taken = nodes.chain(of_pods).map(IpAddr::to_canonical);
    taken.any(|own| own == address.to_canonical())
}

/// Whether `text` is of the form `glob`, in which `*` stands for any letters.
fn glob(glob: &str, text: &str) -> bool {
    let Some((first, rest)) = glob.split_once('*') else {
        return glob == text;
    };
    let Some(mut text) = text.strip_prefix(first) else {
        return false;
    };
    let mut pieces: Vec<&str> = rest.split('*').collect();
    let last = pieces.pop().unwrap_or_default();
    for piece in pieces {
        match text.find(piece).and_then(|at| text.get(at + piece.len()..)) {
            Some(after) => text = after,
            None => return false,
        }
    }
    text.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_as_in_a_shell() {
        for (pattern, yes, no) in [
            ("shop/*", "shop/web", "shopping/web"),
            ("*/web", "shop/web", "shop/web2"),
            ("team-*/*", "team-a/x", "team/x"),
            ("*a*b*", "xaxbx", "xbxax"),
            ("a*a", "aba", "a"),
        ] {
            assert!(glob(pattern, yes), "{pattern} {yes}");
            assert!(!glob(pattern, no), "{pattern} {no}");
        }
    }

    #[test]
    fn what_cannot_be_in_a_matrix_is_refused() {
        assert!(Pattern::parse("shop/[app=web]", "default").is_err());
        assert!(Pattern::parse("shop/web/x/y", "default").is_err());
        assert!(Pattern::parse("10.0.0.0/8", "default").is_ok());
    }
}
