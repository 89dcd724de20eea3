//! Whether a guard does what it says, pod by pod.

use std::net::IpAddr;

use ringfence_model::{
    Cluster, ClusterPolicyName, ClusterTier, Endpoint, ObjectName, Outcome, Pod, Query, QueryError,
};
use ringfence_net::Protocol;
use ringfence_policy::{Engine, host_pod_rule};

use super::{ADDRESSES, Grant, Guard, NAME};

/// The port that every metadata service listens to.
const HTTP: u16 = 80;

/// What the engine says of every pod of a cluster that has the guard's policies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// Number of pods that are kept from every address.
    pub guarded: usize,
    /// Pods that a grant leaves to NetworkPolicy, in order, and whether that lets them to all addresses.
    pub granted: Vec<(ObjectName, bool)>,
    /// Pods that reach an address though no grant speaks of them, in order.
    pub open: Vec<Open>,
    /// Grants that no pod has, by their index.
    pub unused: Vec<usize>,
    /// Pods in the network of their node that the guard keeps from every address, in order: as far as their node tells them from its own
    /// programs (rule HN-4), which manifests do not say.
    pub host_network: Vec<ObjectName>,
    /// Pods in the network of their node that a grant leaves alone, in order: NetworkPolicy does not judge them.
    pub host_granted: Vec<ObjectName>,
    /// Policies of the Admin tier with a priority of the guard's, in order: it is not defined which is asked first (rule
    /// CN-22), so a pod counts as open that either order leaves open.
    pub ties: Vec<ClusterPolicyName>,
}

/// A connection that the guard does not prevent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// Who opens it.
    pub pod: ObjectName,
    /// To which address, on port 80.
    pub address: IpAddr,
}

/// Asks about every pod of the engine's cluster, which has the policies of `guard`.
#[must_use]
pub fn prove(engine: &Engine, guard: &Guard) -> Proof {
    let mut proof = Proof {
        ties: ties(engine.cluster(), guard),
        ..Proof::default()
    };
    let others_first = (!proof.ties.is_empty()).then(|| asked_first(engine, &proof.ties));
    let live = engine.cluster().pods.values().filter(|pod| pod.is_live());
    for pod in live {
        proof.add((engine, others_first.as_ref()), guard, pod);
    }
    let pods = || engine.cluster().pods.values().filter(|pod| pod.is_live());
    let is_unused = |grant: &Grant| !pods().any(|pod| grant.covers(pod));
    let grants = guard.grants.iter().enumerate();
    proof.unused = grants
        .filter(|(_, grant)| is_unused(grant))
        .map(|(index, _)| index)
        .collect();
    proof
}

fn ties(cluster: &Cluster, guard: &Guard) -> Vec<ClusterPolicyName> {
    let priorities = guard.priority..=guard.last_priority();
    let policies = cluster.cluster_policies.values();
    let tied = policies.filter(|policy| {
        policy.tier == ClusterTier::Admin
            && policy
                .priority
                .is_some_and(|priority| priorities.contains(&priority))
            && !policy.name.name.starts_with(NAME)
    });
    tied.map(|policy| policy.name.clone()).collect()
}

/// The engine of the same cluster where `policies` come before others of their priority: by a name that no policy can have
/// and that sorts before all that they can have (rule AM-13).
fn asked_first(engine: &Engine, policies: &[ClusterPolicyName]) -> Engine {
    let mut cluster = engine.cluster().clone();
    for name in policies {
        let Some(mut policy) = cluster.cluster_policies.remove(name) else {
            continue;
        };
        policy.name.name = format!("!{}", name.name);
        cluster.cluster_policies.insert(policy.name.clone(), policy);
    }
    Engine::new(cluster)
}

impl Proof {
    /// The cluster as it is, and if some priorities are equal, by the other order in which its policies may be asked.
    fn add(
        &mut self,
        (engine, others_first): (&Engine, Option<&Engine>),
        guard: &Guard,
        pod: &Pod,
    ) {
        if pod.host_network {
            self.add_host_pod(engine.cluster(), guard, pod);
            return;
        }
        let orders = || std::iter::once(engine).chain(others_first);
        let reached: Vec<IpAddr> = ADDRESSES
            .iter()
            .map(|one| one.address)
            .filter(|address| orders().any(|engine| reaches(engine, pod, *address)))
            .collect();
        if guard.grants.iter().any(|grant| grant.covers(pod)) {
            let all = reached.len() == reachable(engine, pod);
            self.granted.push((pod.name.clone(), all));
        } else if reached.is_empty() {
            self.guarded += 1;
        } else {
            self.reaches(pod, reached);
        }
    }

    fn add_host_pod(&mut self, cluster: &Cluster, guard: &Guard, pod: &Pod) {
        let is_open = |address: &IpAddr| {
            let packet = (Protocol::Tcp.into(), Some(HTTP));
            let rule = host_pod_rule(cluster, Some(pod), *address, packet);
            rule.is_none_or(|rule| !rule.denies())
        };
        let addresses = ADDRESSES.iter().map(|one| one.address);
        let reached: Vec<IpAddr> = addresses.filter(is_open).collect();
        if guard.grants.iter().any(|grant| grant.covers(pod)) {
            self.host_granted.push(pod.name.clone());
        } else if reached.is_empty() {
            self.host_network.push(pod.name.clone());
        } else {
            self.reaches(pod, reached);
        }
    }

    fn reaches(&mut self, pod: &Pod, addresses: Vec<IpAddr>) {
        self.open.extend(addresses.into_iter().map(|address| Open {
            pod: pod.name.clone(),
            address,
        }));
    }
}

/// Whether the pod may open a connection. What cannot be told counts as yes: a guard has to be certain.
fn reaches(engine: &Engine, pod: &Pod, address: IpAddr) -> bool {
    match engine.answer(&question(pod, address)) {
        Ok(answer) => answer.outcome != Outcome::Deny,
        Err(QueryError::NoCommonFamily(..)) => false,
        Err(_) => true,
    }
}

/// How many of the addresses are of a family that the pod has.
fn reachable(engine: &Engine, pod: &Pod) -> usize {
    let has_family = |address: IpAddr| {
        let answer = engine.answer(&question(pod, address));
        !matches!(answer, Err(QueryError::NoCommonFamily(..)))
    };
    ADDRESSES
        .iter()
        .filter(|one| has_family(one.address))
        .count()
}

fn question(pod: &Pod, address: IpAddr) -> Query {
    Query {
        source: Endpoint::Pod(pod.name.clone()),
        destination: Endpoint::Address(address),
        protocol: Protocol::Tcp.into(),
        port: Some(HTTP),
    }
}
