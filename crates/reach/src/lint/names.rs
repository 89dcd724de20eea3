//! Whether pods can ask for names: what they may open to the cluster's DNS (rule NP-67).

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use ringfence_model::{
    Cluster, ContainerPort, Direction, Labels, NetworkPolicy, ObjectName, Phase, Pod,
};
use ringfence_net::{ConnectionSet, Protocol};
use ringfence_policy::{ClassId, Engine, Reach};

use super::block::{blocks, networks};
use super::context::{Context, PodGroup, rules};
use super::peer::Fate;
use crate::{dns, node_cache};

/// Where the pods of the cluster's DNS listen, if their manifests do not tell.
const PORTS: [u16; 3] = [53, 5353, 8053];

/// Pods that a policy isolates for egress and that may connect to something, or ask for names.
pub(super) struct Lookup<'c, 'a> {
    /// The first of the policies that isolate them and have egress rules.
    pub(super) policy: &'a NetworkPolicy,
    /// The pods, and how they can ask.
    pub(super) pods: Vec<(&'c PodGroup<'a>, Asks)>,
    /// The cluster's DNS.
    pub(super) dns: &'c Dns,
}

/// How pods of the cluster's DNS are named in a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dns {
    pub(super) namespace: String,
    /// `k8s-app: kube-dns`
    pub(super) label: String,
    /// Where it listens.
    pub(super) port: u16,
}

/// How a pod can ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asks {
    pub(super) udp: bool,
    pub(super) tcp: bool,
}

pub(super) fn lookups<'c, 'a>(context: &'c Context<'a>) -> Vec<Lookup<'c, 'a>> {
    let mut found: BTreeMap<&ObjectName, Lookup<'c, 'a>> = BTreeMap::new();
    for group in context.pods() {
        let Some(policy) = isolating(context, group) else {
            continue;
        };
        let resolvers = context.resolvers();
        let known = group
            .pods
            .iter()
            .find_map(|pod| Some((&pod.name, resolvers.asks(&pod.name)?)));
        let Some((pod, asks)) = known else {
            continue;
        };
        let asks_all = asks.udp && asks.tcp;
        if !asks_all && !may_name_unknown(context, group) && !resolvers.opens_anything(pod) {
            continue;
        }
        let lookup = found.entry(&policy.name).or_insert_with(|| Lookup {
            policy,
            pods: Vec::new(),
            dns: &resolvers.dns,
        });
        lookup.pods.push((group, asks));
    }
    found.into_values().collect()
}

/// The first policy that isolates `group` for egress and allows something; pods to which nothing is allowed need no names.
fn isolating<'a>(context: &Context<'a>, group: &PodGroup<'_>) -> Option<&'a NetworkPolicy> {
    let mut policies = context.policies_of(group.namespace);
    policies.find(|policy| {
        policy.isolates_egress
            && !policy.egress.is_empty()
            && policy.pod_selector.matches(group.labels)
    })
}

/// Whether a rule lets `group` out to pods that are not among the manifests.
fn may_name_unknown(context: &Context<'_>, group: &PodGroup<'_>) -> bool {
    let policies = context.policies_of(group.namespace);
    let rules = policies
        .filter(|policy| policy.pod_selector.matches(group.labels))
        .flat_map(rules)
        .filter(|site| site.direction == Direction::Egress);
    let mut peers = rules.flat_map(|site| site.peers().map(move |(index, _)| site.peer(index)));
    peers.any(|place| {
        let site = context.peer_site(&place);
        site.is_some_and(|site| site.fate == Fate::Unknown)
    })
}

/// The pods that know names; a pod as most clusters have it if there are none among the manifests.
pub(super) struct Resolvers {
    engine: Engine,
    classes: Vec<ClassId>,
    ports: Vec<u16>,
    dns: Dns,
    has_cache: bool,
}

impl Resolvers {
    pub(super) fn of(context: &Context<'_>) -> Self {
        let known = context
            .thinned()
            .pods
            .values()
            .filter(|pod| dns::is_pod(pod));
        let mut names: Vec<ObjectName> = known.map(|pod| pod.name.clone()).collect();
        let mut cluster = context.thinned().clone();
        let mut ports = ports(&cluster, &names);
        if names.is_empty() {
            let pod = usual();
            names.push(pod.name.clone());
            ports = PORTS.to_vec();
            cluster.pods.insert(pod.name.clone(), pod);
        }
        let first = names.first().and_then(|name| cluster.pods.get(name));
        let (key, value) = first.and_then(dns::label).unwrap_or(dns::USUAL_LABEL);
        let dns = Dns {
            namespace: first
                .map_or(dns::USUAL_NAMESPACE, |pod| &pod.name.namespace)
                .to_owned(),
            label: format!("{key}: {value}"),
            port: ports.first().copied().unwrap_or(53),
        };
        let engine = Engine::new(cluster);
        let classes = names
            .iter()
            .filter_map(|name| engine.class_of_pod(name))
            .collect();
        Self {
            engine,
            classes,
            ports,
            dns,
            has_cache: has_cache(context),
        }
    }

    /// Whether `pod` may open anything to anybody, as far as its side decides.
    fn opens_anything(&self, pod: &ObjectName) -> bool {
        let Some(subject) = self.engine.class_of_pod(pod) else {
            return false;
        };
        let mut classes = self.engine.classes();
        classes.any(|(class, _)| {
            let reach = self.engine.one_way(Direction::Egress, subject, class);
            !possible(&reach).is_empty()
        })
    }

    fn asks(&self, pod: &ObjectName) -> Option<Asks> {
        let subject = self.engine.class_of_pod(pod)?;
        let cache = self
            .engine
            .class_of_address(IpAddr::V4(node_cache::ADDRESS));
        let to = |class: ClassId| self.engine.one_way(Direction::Egress, subject, class);
        let pods: Vec<ConnectionSet> = self
            .classes
            .iter()
            .map(|class| possible(&to(*class)))
            .collect();
        let cache = possible(&to(cache));
        let can = |protocol: Protocol| {
            let at = |port: &u16| pods.iter().any(|set| set.ports(protocol).contains(*port));
            self.ports.iter().any(at) || self.has_cache && cache.ports(protocol).contains(53)
        };
        Some(Asks {
            udp: can(Protocol::Udp),
            tcp: can(Protocol::Tcp),
        })
    }
}

/// What may be opened, or might be if an address were known.
fn possible(reach: &Reach) -> ConnectionSet {
    reach.allowed.union(&reach.unknown)
}

/// Whether the manifests tell of a cache on the nodes: its pods, or a block of link-local addresses around its own.
fn has_cache(context: &Context<'_>) -> bool {
    let names_it = |block: IpNet| match block {
        IpNet::V4(block) => block.contains(&node_cache::ADDRESS) && block.network().is_link_local(),
        IpNet::V6(_) => false,
    };
    let blocks = blocks(context).into_iter().map(|site| site.cidr);
    let networks = networks(context).into_iter().map(|site| site.cidr);
    context.cluster.pods.values().any(node_cache::is_pod) || blocks.chain(networks).any(names_it)
}

/// The UDP ports that the pods called `names` declare, or the usual one.
fn ports(cluster: &Cluster, names: &[ObjectName]) -> Vec<u16> {
    let pods = names.iter().filter_map(|name| cluster.pods.get(name));
    let declared = pods.flat_map(|pod| &pod.ports);
    let declared = declared.filter(|port| port.protocol == Protocol::Udp);
    let mut ports: Vec<u16> = declared.map(|port| port.port).collect();
    ports.sort_unstable();
    ports.dedup();
    if ports.is_empty() {
        ports.push(53);
    }
    ports
}

/// A pod of the cluster's DNS as most clusters have it.
fn usual() -> Pod {
    let port = |name: &str, protocol: Protocol| ContainerPort {
        name: Some(name.to_owned()),
        protocol,
        port: 53,
    };
    Pod {
        name: ObjectName::new(dns::USUAL_NAMESPACE, "dns"),
        labels: Labels::from([(dns::USUAL_LABEL.0.to_owned(), dns::USUAL_LABEL.1.to_owned())]),
        node: None,
        host_network: false,
        phase: Phase::Running,
        addresses: Vec::new(),
        host_addresses: Vec::new(),
        ports: vec![port("dns", Protocol::Udp), port("dns-tcp", Protocol::Tcp)],
        ready: true,
        workload: None,
        terminating: false,
        uid: None,
        host_ports: Vec::new(),
        source: None,
    }
}
