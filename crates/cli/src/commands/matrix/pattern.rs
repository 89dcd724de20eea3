//! Units as they are typed: endpoints, names as a matrix prints them, and globs.

use std::net::IpAddr;

use anyhow::bail;
use ringfence_model::{Cluster, Endpoint, ObjectName, Pod};
use ringfence_reach::workload::{Groups, Member, Place, Unit, by_workload};

use crate::inputs::endpoint::{EndpointArgument, WellKnown};

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
        if let Form::Endpoint(EndpointArgument::NewPod { .. }) = form {
            bail!("`{text}` does not exist, and only what exists is in a matrix");
        }
        Ok(Self {
            text: text.to_owned(),
            form,
        })
    }

    /// Whether `unit` is meant, or a member of it.
    pub(crate) fn matches(&self, world: World<'_>, unit: &Unit) -> bool {
        match &self.form {
            Form::Glob => self.glob_matches(unit),
            Form::Unit(Unit::Place(place)) => is_place(place, unit),
            Form::Unit(meant) => meant == unit,
            Form::Endpoint(endpoint) => {
                unit.to_string() == self.text || endpoint_matches(world, endpoint, unit)
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

/// Whether `unit` is `place`, or has it among its blocks.
fn is_place(place: &Place, unit: &Unit) -> bool {
    match (unit, place) {
        (Unit::Place(Place::Blocks(all)), Place::Blocks(some)) => {
            some.iter().all(|block| all.contains(block))
        }
        (Unit::Place(other), _) => other == place,
        (
            Unit::Workload { .. }
            | Unit::Namespace(_)
            | Unit::Zone(_)
            | Unit::Nodes
            | Unit::Node(_),
            _,
        ) => false,
    }
}

fn endpoint_matches(world: World<'_>, endpoint: &EndpointArgument, unit: &Unit) -> bool {
    let is_pod = |wanted: &dyn Fn(&Pod) -> bool| pods(world, unit).any(wanted);
    match endpoint {
        EndpointArgument::Pod(name) => is_pod(&|pod| pod.name == *name),
        EndpointArgument::Workload(kind, name) => {
            let meant = Unit::workload(&name.namespace, &kind.to_string(), &name.name);
            is_pod(&|pod| by_workload(&Member::Pod(pod)) == meant)
        }
        EndpointArgument::NewPod { .. } => false,
        EndpointArgument::Service(name) => is_pod(&|pod| serves(world.cluster, name, pod)),
        EndpointArgument::Node(name) => {
            let mut members = world.groups.members(unit);
            members.any(|member| *member == Endpoint::Node(name.clone()))
        }
        EndpointArgument::Address(address) => has_address(world, unit, *address),
        EndpointArgument::WellKnown(known) => match known {
            WellKnown::Internet => matches!(unit, Unit::Place(Place::Internet(_))),
            WellKnown::Metadata => matches!(unit, Unit::Place(Place::Metadata(_))),
            WellKnown::ApiServer => {
                let service = ObjectName::new("default", "kubernetes");
                is_pod(&|pod| serves(world.cluster, &service, pod))
            }
            WellKnown::Dns => {
                let service = ObjectName::new("kube-system", "kube-dns");
                is_pod(&|pod| serves(world.cluster, &service, pod))
            }
        },
    }
}

fn pods<'a>(world: World<'a>, unit: &Unit) -> impl Iterator<Item = &'a Pod> + use<'a> {
    let members = world.groups.members(unit);
    members.filter_map(move |member| match member {
        Endpoint::Pod(name) => world.cluster.pods.get(name),
        Endpoint::Node(_) | Endpoint::Address(_) | Endpoint::Service(_) => None,
    })
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

fn has_address(world: World<'_>, unit: &Unit, address: IpAddr) -> bool {
    let of_pod = || pods(world, unit).any(|pod| pod.addresses.contains(&address));
    let of_node = |name: &String| {
        let node = world.cluster.nodes.get(name);
        node.is_some_and(|node| node.addresses.contains(&address))
    };
    let mut members = world.groups.members(unit);
    let of_a_node = members.any(|member| match member {
        Endpoint::Node(name) => of_node(name),
        Endpoint::Pod(_) | Endpoint::Address(_) | Endpoint::Service(_) => false,
    });
    of_a_node || of_pod() || world.groups.has_address(unit, address)
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
