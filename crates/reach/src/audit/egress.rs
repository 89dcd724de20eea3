//! What gets out: RA02, RA03 and RA07.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ringfence_model::{Cluster, Endpoint, ObjectName};
use ringfence_net::{ConnectionSet, Family, PortRange, PortSet, Protocol};
use ringfence_policy::{ClassId, ClassKind, ClassSet, Row, SharedFamily};

use super::gather::{Gathered, Open};
use super::stage::Stage;
use super::strangers::{Wanted, open_to_strangers};
use super::workload::{Workload, Workloads};
use super::{GapKind, METADATA, Principle};
use crate::diff::doubt;
use crate::workload::{Groups, Outside, by_workload};

pub(super) fn measure(stage: &Stage, workloads: &Workloads, gathered: &mut Gathered) {
    let beyond = Beyond::of(stage);
    for shared in stage.engine.shared_families() {
        gathered.look_at(*shared);
        let visit = |sources: &ClassSet, row: &Row| {
            for class in sources.iter() {
                for workload in workloads.of_class(class) {
                    if let Some(pod) = workload.parts.get(&class) {
                        strangers(stage, row, workload, pod, gathered);
                        metadata(&beyond, row, workload, pod, gathered);
                        nodes(&beyond, row, workload, pod, gathered);
                    }
                }
            }
        };
        stage.engine.for_each_row_in(*shared, &stage.real, visit);
    }
    gathered.look_at(SharedFamily::First);
    names(stage, &beyond, workloads, gathered);
}

/// RA02, RA03 and RA07: whoever likes has a name below others' domains, and behind it any address but those of the link
/// (rule AM-19).
fn names(stage: &Stage, beyond: &Beyond, workloads: &Workloads, gathered: &mut Gathered) {
    let is_pattern = |name: &str| name.starts_with('*');
    let cluster = stage.engine.cluster();
    if !doubt::places(cluster).keys().any(|name| is_pattern(name)) {
        return;
    }
    let may_be_metadata = beyond.metadata.iter().any(|(address, _)| match address {
        IpAddr::V4(address) => !address.is_link_local(),
        IpAddr::V6(address) => !address.is_unicast_link_local(),
    });
    let groups = Groups::of(&stage.engine, &Outside::of(cluster), by_workload);
    for ((unit, name), accepted) in doubt::accepted(&stage.engine, &groups) {
        let Some(workload) = workloads.with_pods(&unit).filter(|_| is_pattern(&name)) else {
            continue;
        };
        let but_names = accepted.difference(&dns());
        let control = accepted.intersection(&sensitive(true, workload));
        let metadata = (Principle::MetadataClosed, but_names.clone());
        let found = [
            Some((Principle::DefaultDenyEgress, but_names)),
            may_be_metadata.then_some(metadata),
            Some((Principle::NodesClosed, control)),
        ];
        for (principle, connections) in found.into_iter().flatten() {
            if !connections.is_empty() {
                let open = Open {
                    kind: GapKind::Names(name.clone()),
                    is_certain: false,
                    connections,
                    ends: None,
                };
                gathered.open(principle, &unit, open);
            }
        }
    }
}

/// RA02
fn strangers(
    stage: &Stage,
    row: &Row,
    workload: &Workload,
    pod: &ObjectName,
    gathered: &mut Gathered,
) {
    let principle = Principle::DefaultDenyEgress;
    gathered.measured(principle, &workload.unit);
    let wanted = Wanted {
        connections: &dns().complement(),
        namespace: workload.namespace(),
        strangers_open: false,
    };
    for open in open_to_strangers(stage, row, pod, wanted) {
        gathered.open(principle, &workload.unit, open);
    }
}

/// Names may be asked of anybody: whom the cluster asks for names, manifests often do not tell.
pub(super) fn dns() -> ConnectionSet {
    let port = |protocol| ConnectionSet::of(protocol, PortSet::single(53));
    port(Protocol::Udp).union(&port(Protocol::Tcp))
}

/// What of the machines below a workload may try to reach.
struct Beyond {
    metadata: Vec<(IpAddr, ClassId)>,
    nodes: Vec<NodeEnd>,
    /// Whether these only stand for the nodes, whose addresses are not known.
    are_stand_ins: bool,
}

/// A node by one of its addresses.
struct NodeEnd {
    name: String,
    end: Endpoint,
    class: ClassId,
    /// Whether it runs the control plane, as far as labels say.
    has_control_plane: bool,
}

impl Beyond {
    fn of(stage: &Stage) -> Self {
        let engine = &stage.engine;
        let spoken = METADATA
            .into_iter()
            .filter(|address| stage.families.contains(&Family::of(*address)));
        let mut nodes: Vec<NodeEnd> = engine
            .classes()
            .filter_map(|(class, found)| match &found.kind {
                kind @ ClassKind::Node { name, .. } => Some(NodeEnd {
                    name: name.clone(),
                    end: kind.node()?,
                    class,
                    has_control_plane: is_control_plane(engine.cluster(), name),
                }),
                ClassKind::Pods { .. } | ClassKind::Addresses { .. } => None,
            })
            .collect();
        if !nodes.iter().any(|node| node.has_control_plane) {
            // Which it is, is not known: it may be any.
            nodes
                .iter_mut()
                .for_each(|node| node.has_control_plane = true);
        }
        Self {
            metadata: spoken
                .map(|address| (address, engine.class_of_address(address)))
                .collect(),
            nodes,
            are_stand_ins: stage.has_stand_in_nodes,
        }
    }
}

const CONTROL_PLANE: [&str; 2] = [
    "node-role.kubernetes.io/control-plane",
    "node-role.kubernetes.io/master",
];

fn is_control_plane(cluster: &Cluster, name: &str) -> bool {
    let labels = cluster.nodes.get(name).map(|node| &node.labels);
    labels.is_some_and(|labels| CONTROL_PLANE.iter().any(|role| labels.contains_key(*role)))
}

/// RA03. Clouds have a name server at the same address, and no credentials at its port.
fn metadata(
    beyond: &Beyond,
    row: &Row,
    workload: &Workload,
    pod: &ObjectName,
    gathered: &mut Gathered,
) {
    let principle = Principle::MetadataClosed;
    gathered.measured(principle, &workload.unit);
    for (address, class) in &beyond.metadata {
        let reach = row.reach(*class);
        for (is_certain, connections) in [(true, reach.allowed), (false, reach.unknown)] {
            if !connections.difference(&dns()).is_empty() {
                let open = Open {
                    kind: GapKind::Metadata(*address),
                    is_certain,
                    connections,
                    ends: Some((Endpoint::Pod(pod.clone()), Endpoint::Address(*address))),
                };
                gathered.open(principle, &workload.unit, open);
            }
        }
    }
}

/// RA07. One node of each sort says enough: of those without control plane, and of those with it.
fn nodes(
    beyond: &Beyond,
    row: &Row,
    workload: &Workload,
    pod: &ObjectName,
    gathered: &mut Gathered,
) {
    let principle = Principle::NodesClosed;
    gathered.measured(principle, &workload.unit);
    let open = |node: &NodeEnd| {
        let reach = row.reach(node.class);
        let wanted = sensitive(node.has_control_plane, workload);
        let allowed = reach.allowed.intersection(&wanted);
        let unknown = reach.unknown.intersection(&wanted);
        let is_certain = !allowed.is_empty();
        let connections = if is_certain { allowed } else { unknown };
        (!connections.is_empty()).then(|| Open {
            kind: GapKind::Node(node.name.clone()),
            is_certain,
            connections,
            ends: Some((Endpoint::Pod(pod.clone()), node.end.clone())),
        })
    };
    let found: Vec<Open> = beyond.nodes.iter().filter_map(open).collect();
    let certain: BTreeSet<&GapKind> = found
        .iter()
        .filter(|open| open.is_certain)
        .map(|open| &open.kind)
        .collect();
    let names: BTreeSet<&String> = beyond.nodes.iter().map(|node| &node.name).collect();
    let first = found.iter().min_by_key(|open| !open.is_certain);
    if let Some(open) = first {
        let is_everywhere = certain.len() == names.len();
        let is_certain = !certain.is_empty() && (!beyond.are_stand_ins || is_everywhere);
        let open = Open {
            is_certain,
            ..open.clone()
        };
        gathered.open(principle, &workload.unit, open);
    }
}

/// The ports of a node that `workload` has no business with.
fn sensitive(has_control_plane: bool, workload: &Workload) -> ConnectionSet {
    const KUBELET: [(u16, u16); 2] = [(10250, 10250), (10255, 10255)];
    const CONTROL: [(u16, u16); 3] = [(2379, 2380), (10257, 10257), (10259, 10259)];
    const API: (u16, u16) = (6443, 6443);
    let mut ports = KUBELET.to_vec();
    if has_control_plane {
        ports.extend(CONTROL);
    }
    if has_control_plane && !workload.has_account {
        ports.push(API);
    }
    let ranges = ports
        .into_iter()
        .filter_map(|(first, last)| PortRange::new(first, last).ok());
    ConnectionSet::of(Protocol::Tcp, ranges.collect())
}
