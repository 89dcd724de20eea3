//! `fromEntities` and `toEntities`.

use ringfence_model::Direction;
use ringfence_net::Family;

use super::outside::Outside;
use super::rule::warn_of_own_node;
use crate::ladder::{Action, Peer, Peers};
use crate::term::Scope;
use crate::written::Field;

/// Entities that have no equivalent, why, and what to do.
const WITHOUT: [(&str, &str, &str); 5] = [
    (
        "kube-apiserver",
        "is whoever serves the Kubernetes API, and a Kubernetes policy knows addresses",
        "name the addresses of the API servers with `fromCIDR` or `toCIDR`",
    ),
    (
        "init",
        UNSEEN,
        "remove it; ringfence lets no pod send before its policies are in force",
    ),
    (
        "health",
        UNSEEN,
        "remove it; Cilium's health checks go with it",
    ),
    (
        "unmanaged",
        UNSEEN,
        "remove it; NetworkPolicies judge every pod",
    ),
    (
        "ingress",
        UNSEEN,
        "select the pods of the ingress controller that takes its place",
    ),
];

const UNSEEN: &str = "is known to Cilium alone";

/// Whom the entities in `items` are.
pub(super) fn peers(
    outside: &Outside<'_>,
    (direction, action): (Direction, Action),
    field: &Field<'_>,
    items: &[Field<'_>],
) -> Peers {
    let names: Vec<&str> = items.iter().filter_map(Field::as_text).collect();
    if names.contains(&"all") {
        return Peers::Any;
    }
    let entity = Entity {
        outside,
        ingress: direction == Direction::Ingress,
        denies: action == Action::Deny,
        every_node: names.contains(&"host") && names.contains(&"remote-node"),
    };
    let found = items
        .iter()
        .zip(&names)
        .flat_map(|(item, name)| entity.peers(item, name));
    let mut peers: Vec<Peer> = Vec::new();
    for peer in found {
        if !peers.contains(&peer) {
            peers.push(peer);
        }
    }
    if entity.denies && entity.ingress && names.contains(&"cluster") {
        warn_of_own_node(field);
    }
    Peers::Of(peers)
}

struct Entity<'a> {
    outside: &'a Outside<'a>,
    ingress: bool,
    denies: bool,
    /// Whether the rule names both the own node and the others.
    every_node: bool,
}

impl Entity<'_> {
    fn peers(&self, item: &Field<'_>, name: &str) -> Vec<Peer> {
        match name {
            "world" => self.outside.world(item, &Family::ALL),
            "world-ipv4" => self.outside.world(item, &[Family::V4]),
            "world-ipv6" => self.outside.world(item, &[Family::V6]),
            "cluster" => {
                let mut peers = vec![Peer::Pods(Scope::default())];
                peers.extend(self.outside.nodes(item));
                peers
            }
            "host" => self.own_node(item),
            "remote-node" => self.other_nodes(item),
            "none" => Vec::new(),
            _ => {
                refuse(item, name);
                Vec::new()
            }
        }
    }

    /// The own node reaches its pods without a rule (rule NP-50).
    fn own_node(&self, item: &Field<'_>) -> Vec<Peer> {
        if self.ingress && self.denies {
            item.refuse(
                "denies the pods' own node, which no Kubernetes policy does: it reaches them always (rule NP-50)",
                "keep a firewall on the nodes if their processes are not to be trusted",
            );
        } else if !self.ingress && !self.every_node {
            item.refuse(
                "means the node that each pod is on, and a Kubernetes policy knows addresses",
                "write `remote-node` beside it if every node may be meant, or name addresses by hand",
            );
        }
        Vec::new()
    }

    /// For ingress the own node passes in any case, so that the others are all nodes.
    fn other_nodes(&self, item: &Field<'_>) -> Vec<Peer> {
        if !self.ingress && !self.every_node {
            item.refuse(
                "means every node but the one that each pod is on, and a Kubernetes policy knows addresses",
                "write `host` beside it if every node may be meant, or name addresses by hand",
            );
        }
        if !self.outside.is_apart() {
            item.refuse(
                "means nodes, whose addresses are in one block with those of pods",
                "name smaller blocks with --node-cidr, or the addresses by hand",
            );
        }
        self.outside.nodes(item)
    }
}

fn refuse(item: &Field<'_>, name: &str) {
    match WITHOUT.iter().find(|(known, _, _)| *known == name) {
        Some((_, why, instead)) => item.refuse(why, instead),
        None => item.refuse(
            "is no entity that this conversion knows",
            "write `world`, `cluster`, `host`, `remote-node` or `all`, or select pods with their labels",
        ),
    }
}
