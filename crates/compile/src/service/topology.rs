//! Which of a Service's backends are near (rule OB-22).

use ringfence_model::{Cluster, Distribution, Hints, Node};

/// The node that the table is for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Here<'a> {
    pub(super) node: &'a str,
    zone: Option<&'a str>,
}

impl<'a> Here<'a> {
    pub(super) fn of(node: &'a str, cluster: &'a Cluster) -> Self {
        Self {
            node,
            zone: cluster.nodes.get(node).and_then(Node::zone),
        }
    }
}

/// From where connections are to come to a backend rather than to others.
#[derive(Clone, Debug, Default)]
pub(super) struct Meant<'a> {
    zones: Vec<&'a str>,
    nodes: Vec<&'a str>,
}

impl<'a> Meant<'a> {
    /// What a controller would say of a pod on this node.
    pub(super) fn on(
        node: Option<&'a str>,
        distribution: Distribution,
        cluster: &'a Cluster,
    ) -> Self {
        let known = node.and_then(|node| cluster.nodes.get(node));
        let zones = known.and_then(Node::zone).into_iter().collect();
        match distribution {
            Distribution::Anywhere => Self::default(),
            Distribution::SameZone => Self {
                zones,
                nodes: Vec::new(),
            },
            Distribution::SameNode => Self {
                zones,
                nodes: node.into_iter().collect(),
            },
        }
    }

    pub(super) fn hinted(hints: &'a Hints) -> Self {
        let names = |all: &'a [String]| all.iter().map(String::as_str).collect();
        Self {
            zones: names(&hints.zones),
            nodes: names(&hints.nodes),
        }
    }
}

/// Those of the ready backends that are meant for the node, or else for its zone. It counts only where all of them are meant
/// for some node, or some zone, and one of them for this one; otherwise nobody is left out.
pub(super) fn nearest<T>(all: Vec<(Meant<'_>, T)>, here: Here<'_>) -> Vec<T> {
    let on_node = |meant: &Meant<'_>| meant.nodes.contains(&here.node);
    let in_zone = |meant: &Meant<'_>| here.zone.is_some_and(|zone| meant.zones.contains(&zone));
    let all_for_nodes = all.iter().all(|(meant, _)| !meant.nodes.is_empty());
    let all_for_zones = all.iter().all(|(meant, _)| !meant.zones.is_empty());
    let by_node = all_for_nodes && all.iter().any(|(meant, _)| on_node(meant));
    let by_zone = all_for_zones && all.iter().any(|(meant, _)| in_zone(meant));
    let is_near = |meant: &Meant<'_>| match (by_node, by_zone) {
        (true, _) => on_node(meant),
        (false, true) => in_zone(meant),
        (false, false) => true,
    };
    let near = all.into_iter().filter(|(meant, _)| is_near(meant));
    near.map(|(_, backend)| backend).collect()
}
