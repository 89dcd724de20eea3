//! What existing policies allow already, if every namespace denies by default.

use std::collections::BTreeSet;

use ringfence_model::{Cluster, Direction, LabelSelector, NetworkPolicy, ObjectName};
use ringfence_policy::{Engine, SharedFamily};

use crate::suggest::Need;
use crate::suggest::inhabitants::Inhabitants;
use crate::suggest::proof::{Scene, ports};

/// A cluster with its own policies and a default deny everywhere.
pub(super) struct Present {
    engine: Engine,
    scene: Scene,
    denied: BTreeSet<(String, Direction)>,
}

impl Present {
    pub(super) fn new(cluster: &Cluster, inhabitants: &Inhabitants<'_>, needs: &[Need]) -> Self {
        let mut closed = cluster.clone();
        let mut denied = BTreeSet::new();
        for policy in cluster.network_policies.values() {
            for direction in Direction::ALL {
                if policy.pod_selector.is_empty() && policy.isolates(direction) {
                    denied.insert((policy.name.namespace.clone(), direction));
                }
            }
        }
        for namespace in inhabitants.managed() {
            let policy = deny(namespace);
            closed.network_policies.insert(policy.name.clone(), policy);
        }
        let scene = Scene::set(&mut closed, inhabitants, needs);
        Self {
            engine: Engine::new(closed),
            scene,
            denied,
        }
    }

    /// The directions in which no policy denies by default in `namespace`.
    pub(super) fn not_denied(&self, namespace: &str) -> BTreeSet<Direction> {
        let denied =
            |direction: &Direction| self.denied.contains(&(namespace.to_owned(), *direction));
        Direction::ALL
            .into_iter()
            .filter(|direction| !denied(direction))
            .collect()
    }

    /// Whether existing policies let pass what `need` says at the end that `direction` is about.
    pub(super) fn allows(&self, need: &Need, direction: Direction) -> bool {
        let (subject, peer) = match direction {
            Direction::Egress => (&need.from, &need.to),
            Direction::Ingress => (&need.to, &need.from),
        };
        let subjects = self.scene.classes(&self.engine, subject, peer);
        let peers = self.scene.classes(&self.engine, peer, subject);
        let passes = |subject, peer| {
            let destination = match direction {
                Direction::Egress => peer,
                Direction::Ingress => subject,
            };
            let needed = need.port.connections(ports(&self.engine, destination));
            SharedFamily::ALL.into_iter().all(|shared| {
                let reach = self.engine.one_way_in(shared, direction, subject, peer);
                reach.is_none_or(|reach| needed.is_subset(&reach.allowed))
            })
        };
        !subjects.is_empty()
            && !peers.is_empty()
            && subjects
                .iter()
                .all(|subject| peers.iter().all(|peer| passes(*subject, *peer)))
    }
}

/// A name that no object can have.
const NAME: &str = "(default deny)";

fn deny(namespace: &str) -> NetworkPolicy {
    NetworkPolicy {
        name: ObjectName::new(namespace, NAME),
        pod_selector: LabelSelector::default(),
        isolates_ingress: true,
        isolates_egress: true,
        audit: None,
        ingress: Vec::new(),
        egress: Vec::new(),
        source: None,
    }
}
