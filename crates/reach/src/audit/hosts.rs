//! Who goes around the policies, and what admission does about it: RA04 and RA05.

use ringfence_net::ConnectionSet;

use super::gather::{Gathered, Open};
use super::workload::{Workload, Workloads};
use super::{GapKind, Principle, Subject};
use crate::workload::Unit;

/// The namespace of what makes a node part of the cluster; some of that has to be on the nodes' network.
const SYSTEM: &str = "kube-system";

/// What a node cannot be without runs on each (a DaemonSet), or is started by its kubelet (a pod by itself).
const KINDS_OF_PARTS: [&str; 2] = ["daemonset", "pod"];

/// Pod Security: what is enforced on the pods of a namespace.
const ENFORCE: &str = "pod-security.kubernetes.io/enforce";

/// The levels that refuse the host network.
const REFUSING: [&str; 2] = ["baseline", "restricted"];

/// What policies would make hold, on the network of pods.
const UNHELD: [Principle; 4] = [
    Principle::DefaultDenyIngress,
    Principle::DefaultDenyEgress,
    Principle::MetadataClosed,
    Principle::NodesClosed,
];

pub(super) fn measure(subject: &Subject<'_>, workloads: &Workloads, gathered: &mut Gathered) {
    for workload in workloads.iter().filter(|one| is_measured(one)) {
        gathered.measured(Principle::HostNetwork, &workload.unit);
        if workload.host_pods > 0 {
            let pods = workload.host_pods;
            let open = without_connection(GapKind::HostNetwork { pods });
            gathered.open(Principle::HostNetwork, &workload.unit, open);
            let stores = workload.store.as_ref().map(|_| Principle::SensitiveStores);
            for principle in UNHELD.into_iter().chain(stores) {
                gathered.on_hosts(principle, &workload.unit);
            }
        }
    }
    for namespace in workloads.namespaces.iter().filter(|name| *name != SYSTEM) {
        let unit = Unit::Namespace(namespace.clone());
        gathered.measured(Principle::HostNetworkAdmission, &unit);
        if !is_refused(subject, namespace) {
            let open = without_connection(GapKind::Admission);
            gathered.open(Principle::HostNetworkAdmission, &unit, open);
        }
    }
}

/// The workloads that are not measured, since a node is none without them.
pub(super) fn parts_of_nodes(workloads: &Workloads) -> Vec<Unit> {
    let parts = workloads.iter().filter(|one| is_part_of_node(one));
    parts.map(|one| one.unit.clone()).collect()
}

/// Whether the host network is a question of `workload`. In the system's namespace it is one only of those that are there
/// and are no part of a node.
fn is_measured(workload: &Workload) -> bool {
    workload.namespace() != SYSTEM || (workload.host_pods > 0 && !is_part_of_node(workload))
}

fn is_part_of_node(workload: &Workload) -> bool {
    let Unit::Workload { kind, .. } = &workload.unit else {
        return false;
    };
    workload.namespace() == SYSTEM
        && workload.host_pods > 0
        && KINDS_OF_PARTS.contains(&kind.as_str())
        && (workload.store.is_none() || workload.is_etcd)
}

/// Whether admission keeps pods of `namespace` off their nodes' network.
fn is_refused(subject: &Subject<'_>, namespace: &str) -> bool {
    let labels = subject.cluster.namespace_labels(namespace);
    let level = labels.get(ENFORCE).map_or("", String::as_str);
    let mut guards = subject.guards.iter();
    REFUSING.contains(&level) || guards.any(|guard| guard.matches(&labels))
}

const fn without_connection(kind: GapKind) -> Open {
    Open {
        kind,
        is_certain: true,
        connections: ConnectionSet::none(),
        ends: None,
    }
}
