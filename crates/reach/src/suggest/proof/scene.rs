//! The ends of needs in an engine, with pods that stand for those that the manifests do not hold.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use ringfence_model::{Cluster, ContainerPort, Endpoint, Labels, ObjectName, Pod};
use ringfence_policy::{ClassId, ClassKind, Engine};

use crate::suggest::inhabitants::Inhabitants;
use crate::suggest::{End, Need};

/// Addresses that stand for the outside.
const OUTSIDE_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(1, 1, 1, 1));
const OUTSIDE_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2606, 0x4700, 0x4700, 0, 0, 0, 0, 0x1111));

/// The pods of each end.
#[derive(Clone, Debug, Default)]
pub(in crate::suggest) struct Scene {
    pods: BTreeMap<End, Vec<ObjectName>>,
    /// The ends whose pods have IPv6 addresses alone.
    only_v6: BTreeSet<End>,
}

impl Scene {
    /// Puts pods into `cluster` for the ends of `needs` that have none there.
    pub(in crate::suggest) fn set(
        cluster: &mut Cluster,
        inhabitants: &Inhabitants<'_>,
        needs: &[Need],
    ) -> Self {
        let mut scene = Self::default();
        for (unit, pods) in inhabitants.units() {
            let end = End::Workload(unit.clone());
            let on_network = pods.iter().filter(|pod| pod.is_on_pod_network());
            let names: Vec<ObjectName> = on_network.map(|pod| pod.name.clone()).collect();
            let mut addresses = pods.iter().flat_map(|pod| &pod.addresses).peekable();
            if addresses.peek().is_some() && addresses.all(IpAddr::is_ipv6) {
                scene.only_v6.insert(end.clone());
            }
            if !names.is_empty() {
                scene.pods.insert(end, names);
            }
        }
        for end in needs.iter().flat_map(|need| [&need.from, &need.to]) {
            if let End::Unseen { namespace, labels } = end
                && !scene.pods.contains_key(end)
            {
                let pod = unseen(namespace, labels);
                scene.pods.insert(end.clone(), vec![pod.name.clone()]);
                cluster.pods.insert(pod.name.clone(), pod);
            }
        }
        scene
    }

    /// Every end that has pods, and their names.
    pub(super) fn ends(&self) -> impl Iterator<Item = (&End, &[ObjectName])> {
        self.pods.iter().map(|(end, pods)| (end, pods.as_slice()))
    }

    /// The classes of `end`; of the outside one that `other` can speak to.
    pub(in crate::suggest) fn classes(
        &self,
        engine: &Engine,
        end: &End,
        other: &End,
    ) -> BTreeSet<ClassId> {
        match end {
            End::Workload(_) | End::Unseen { .. } => {
                let pods = self.pods.get(end).into_iter().flatten();
                pods.filter_map(|name| engine.class_of_pod(name)).collect()
            }
            End::Block(block) => [engine.class_of_address(block.addr())].into(),
            End::Outside if self.only_v6.contains(other) => {
                [engine.class_of_address(OUTSIDE_V6)].into()
            }
            End::Outside => [engine.class_of_address(OUTSIDE_V4)].into(),
        }
    }

    /// Whether a pod of `end` in `class` has an address in `block`.
    pub(super) fn is_within(
        &self,
        engine: &Engine,
        (end, class): (&End, ClassId),
        block: &IpNet,
    ) -> bool {
        let pods = self.pods.get(end).into_iter().flatten();
        let mut pods = pods
            .filter(|name| engine.class_of_pod(name) == Some(class))
            .filter_map(|name| engine.cluster().pods.get(name));
        pods.any(|pod| pod.addresses.iter().any(|address| block.contains(address)))
    }

    /// An endpoint of `end` in `class`, the second one if there is one and it is asked for.
    pub(super) fn member(
        &self,
        engine: &Engine,
        end: &End,
        class: ClassId,
        second: bool,
    ) -> Option<Endpoint> {
        let pods = self.pods.get(end).into_iter().flatten();
        let mut pods = pods.filter(|name| engine.class_of_pod(name) == Some(class));
        let first = pods.next();
        let chosen = if second { pods.next().or(first) } else { first };
        match &engine.class(class).kind {
            ClassKind::Pods { .. } => chosen.cloned().map(Endpoint::Pod),
            kind @ ClassKind::Node { .. } => kind.node(),
            ClassKind::Addresses { example, .. } => Some(Endpoint::Address(*example)),
        }
    }
}

/// What the pods of `class` declare.
pub(in crate::suggest) fn ports(engine: &Engine, class: ClassId) -> &[ContainerPort] {
    match &engine.class(class).kind {
        ClassKind::Pods { ports, .. } => ports,
        ClassKind::Node { .. } | ClassKind::Addresses { .. } => &[],
    }
}

/// A pod of which the labels are known, by a name that says them and that no pod can have: `[app=cache]`.
fn unseen(namespace: &str, labels: &Labels) -> Pod {
    Pod::new(ObjectName::by_labels(namespace, labels), labels.clone())
}
