//! A workload of one pod and a second one like it, which is not there: the two in a cluster of their own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ringfence_model::{Cluster, Endpoint, ObjectName, Pod};
use ringfence_policy::{ClassKind, Engine};

use super::reasons::Ends;

/// What a pod's name begins with that is like another and not there.
const ANOTHER: &str = "another-";

/// How far from the pod's own address that of the other one is looked for.
const NEIGHBOURS: u8 = 16;

/// What is asked: the ends themselves, or a pod and another one like it.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    ends: Ends<'a>,
    pair: Option<(Engine, Endpoint)>,
}

impl<'a> Asked<'a> {
    pub(super) fn of(ends: Ends<'a>) -> Self {
        let is_alone = ends.source == ends.destination;
        Self {
            pair: is_alone.then(|| pair(ends.engine, ends.source)).flatten(),
            ends,
        }
    }

    pub(super) fn ends(&self) -> Ends<'_> {
        match &self.pair {
            None => self.ends,
            Some((engine, destination)) => Ends {
                engine,
                destination,
                ..self.ends
            },
        }
    }
}

/// The pod that `end` is and another one that no policy tells from it, with all that decides between the two: the policies
/// of their namespace and those of the cluster. `None` where there is no address for the other one.
pub(crate) fn pair(engine: &Engine, end: &Endpoint) -> Option<(Engine, Endpoint)> {
    let Endpoint::Pod(name) = end else {
        return None;
    };
    let cluster = engine.cluster();
    let pod = cluster.pods.get(name)?;
    let other = another(engine, pod)?;
    let endpoint = Endpoint::Pod(other.name.clone());
    let policies = cluster.network_policies.iter();
    let policies = policies.filter(|(policy, _)| policy.namespace == name.namespace);
    let namespaces = cluster.namespaces.get(&name.namespace).into_iter();
    let alone = Cluster {
        namespaces: namespaces
            .map(|found| (found.name.clone(), found.clone()))
            .collect(),
        network_policies: policies
            .map(|(key, policy)| (key.clone(), policy.clone()))
            .collect(),
        cluster_policies: cluster.cluster_policies.clone(),
        domain_addresses: cluster.domain_addresses.clone(),
        pod_blocks: cluster.pod_blocks.clone(),
        pods: [pod.clone(), other]
            .map(|pod| (pod.name.clone(), pod))
            .into(),
        ..Cluster::default()
    };
    let engine = Engine::new(alone);
    let class = |end: &Endpoint| match end {
        Endpoint::Pod(name) => engine.class_of_pod(name),
        Endpoint::Node(_) | Endpoint::Address(_) | Endpoint::Service(_) => None,
    };
    let is_like = class(end) == class(&endpoint);
    is_like.then_some((engine, endpoint))
}

/// A pod like `pod` with a name and addresses that nobody has. `None` if there are no such addresses near its own.
#[must_use]
pub fn another(engine: &Engine, pod: &Pod) -> Option<Pod> {
    let mut name = pod.name.clone();
    while engine.cluster().pods.contains_key(&name) {
        name = ObjectName::new(&name.namespace, format!("{ANOTHER}{}", name.name));
    }
    let is_free = |address: &IpAddr| {
        let class = engine.class_of_address(*address);
        matches!(engine.class(class).kind, ClassKind::Addresses { .. })
    };
    let beside = |own: &IpAddr| {
        let mut near = (1..=NEIGHBOURS).map(|bits| neighbour(*own, bits));
        near.find(is_free)
    };
    let addresses: Option<Vec<IpAddr>> = pod.addresses.iter().map(beside).collect();
    Some(Pod {
        name,
        addresses: addresses?,
        ..pod.clone()
    })
}

/// An address that differs from `own` in the last `bits`, so that as many blocks as possible have both.
fn neighbour(own: IpAddr, bits: u8) -> IpAddr {
    match own.to_canonical() {
        IpAddr::V4(own) => IpAddr::V4(Ipv4Addr::from_bits(own.to_bits() ^ u32::from(bits))),
        IpAddr::V6(own) => IpAddr::V6(Ipv6Addr::from_bits(own.to_bits() ^ u128::from(bits))),
    }
}
