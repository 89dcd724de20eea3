//! Histories: whatever comes, in whatever order, the compiler that took each change holds what a fresh one makes, and its
//! transactions lead there.

mod portions;

use ringfence_model::{ClusterPolicyName, Labels, Phase};
use ringfence_ruleset::{Table, apply, diff};
use ringfence_testkit::generate::{Shape, close_nodes, cluster};
use ringfence_testkit::random::Random;

use super::*;
use crate::Capacity;

/// What a compiler is made to overlook, to see that these tests notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blindness {
    Peers,
    Addresses,
    Subjects,
    Policies,
    Places,
    Wires,
    ServicesOfPods,
}

/// A compiler, what the kernel would hold, and where further objects come from.
struct History {
    compiler: Compiler,
    limits: Limits,
    enforcement: Enforcement,
    table: Option<Table>,
    pool: Vec<Cluster>,
    random: Random,
}

impl History {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let shapes = [Shape::TIERED, Shape::EVERYTHING].into_iter().cycle();
        let pool = (0..4).zip(shapes).map(|(turn, shape)| {
            let seed = seed.wrapping_mul(7).wrapping_add(turn);
            let mut cluster = cluster(seed, shape);
            close_nodes(seed, &mut cluster);
            cluster
        });
        let limits = match seed % 4 {
            0 => Limits {
                elements_per_rule: 12,
                elements_per_node: u64::try_from(random.between(5, 120)).unwrap(),
            },
            _ => Limits::default(),
        };
        let enforcement = match seed % 16 {
            9 => Enforcement::Off,
            _ => Enforcement::On,
        };
        let mut compiler = Compiler::new("n1", network(seed), enforcement, limits);
        if seed.is_multiple_of(3) {
            compiler.parts.policies.classes().contest_numbers();
        }
        Self {
            compiler,
            limits,
            enforcement,
            table: None,
            pool: pool.collect(),
            random,
        }
    }

    /// Some changes, compiled.
    fn step(&mut self) -> Result<(), String> {
        for _ in 0..self.random.between(1, 3) {
            self.change();
        }
        let before = self.compiler.compiled().clone();
        let Ok(operations) = self.compiler.compile() else {
            // Endpoints that make no table: nothing moves until they are others.
            return match *self.compiler.compiled() == before {
                true => Ok(()),
                false => Err("a refused change changed something".to_owned()),
            };
        };
        self.compare(&operations)
    }

    fn compare(&mut self, operations: &[Operation]) -> Result<(), String> {
        let view = NodeView {
            name: "n1",
            endpoints: &self.compiler.endpoints,
            network: &self.compiler.network,
            enforcement: self.enforcement,
        };
        let cluster = self.compiler.cluster().clone();
        let mut fresh = Compiler::with(cluster, &view, self.limits);
        let own = self.compiler.parts.policies.classes();
        fresh.parts.policies.classes().contest_as(own);
        fresh.settle().map_err(|error| error.to_string())?;
        let mut fresh = fresh.into_compiled();
        let own = self.compiler.compiled();
        fresh.keep_sizes(&own.table);
        if *own != fresh {
            return Err(difference(own, &fresh));
        }
        if operations != diff(self.table.as_ref(), &own.table) {
            return Err("another transaction than the difference".to_owned());
        }
        apply(&mut self.table, operations).map_err(|error| format!("{error:?}"))?;
        match self.table.as_ref() == Some(&own.table) {
            true => Ok(()),
            false => Err("the transaction leads elsewhere".to_owned()),
        }
    }

    fn change(&mut self) {
        match self.random.below(20) {
            0 => self.replace(),
            1..=6 => self.take_from_pool(),
            7..=9 => self.delete(),
            10..=14 => self.alter_pod(),
            15 => self.alter_namespace(),
            _ => self.wire(),
        }
    }

    fn replace(&mut self) {
        let new = self.random.pick(&self.pool).cloned();
        self.compiler.replace(new.unwrap_or_default());
    }

    fn take_from_pool(&mut self) {
        let Some(from) = self.random.pick(&self.pool).cloned() else {
            return;
        };
        let mut all: Vec<Change> = Vec::new();
        all.extend(some(&from.namespaces, Change::Namespace));
        all.extend(some(&from.nodes, Change::Node));
        all.extend(some(&from.pods, Change::Pod));
        all.extend(some(&from.services, Change::Service));
        all.extend(some(&from.network_policies, Change::NetworkPolicy));
        all.extend(some(&from.cluster_policies, Change::ClusterPolicy));
        all.extend(some(&from.host_firewalls, Change::HostFirewall));
        all.extend(some(&from.domain_addresses, Change::DomainAddresses));
        if let Some(change) = self.random.pick(&all).cloned() {
            self.compiler.change(change);
        }
    }

    fn delete(&mut self) {
        let own = self.compiler.cluster();
        let mut all: Vec<Change> = Vec::new();
        all.extend(none(&own.namespaces, Change::Namespace));
        all.extend(none(&own.nodes, Change::Node));
        all.extend(none(&own.pods, Change::Pod));
        all.extend(none(&own.services, Change::Service));
        all.extend(none(&own.network_policies, Change::NetworkPolicy));
        all.extend(none::<ClusterPolicyName, _>(
            &own.cluster_policies,
            Change::ClusterPolicy,
        ));
        all.extend(none(&own.host_firewalls, Change::HostFirewall));
        all.extend(none(&own.domain_addresses, Change::DomainAddresses));
        if let Some(change) = self.random.pick(&all).cloned() {
            self.compiler.change(change);
        }
    }

    fn alter_pod(&mut self) {
        let pods: Vec<Pod> = self.compiler.cluster.pods.values().cloned().collect();
        let Some(mut pod) = self.random.pick(&pods).cloned() else {
            return;
        };
        let other = self.random.pick(&pods).cloned();
        match self.random.below(9) {
            0 => pod.labels = Labels::new(),
            1 => pod.labels = other.map(|other| other.labels).unwrap_or_default(),
            2 => pod.addresses = other.map(|other| other.addresses).unwrap_or_default(),
            3 => pod.ports = other.map(|other| other.ports).unwrap_or_default(),
            4 => {
                pod.phase = match pod.phase {
                    Phase::Succeeded => Phase::Running,
                    Phase::Pending | Phase::Running | Phase::Failed | Phase::Unknown => {
                        Phase::Succeeded
                    }
                }
            }
            5 => pod.ready = !pod.ready,
            6 => pod.terminating = !pod.terminating,
            7 => pod.node = other.and_then(|other| other.node),
            _ => pod.host_addresses = other.map(|other| other.host_addresses).unwrap_or_default(),
        }
        self.compiler
            .change(Change::Pod(pod.name.clone(), Some(pod)));
    }

    fn alter_namespace(&mut self) {
        let all: Vec<_> = self.compiler.cluster.namespaces.values().cloned().collect();
        let other = self.random.pick(&all).cloned();
        if let (Some(mut one), Some(other)) = (self.random.pick(&all).cloned(), other) {
            one.labels.extend(other.labels);
            one.labels.pop_first();
            let name = one.name.clone();
            self.compiler.change(Change::Namespace(name, Some(one)));
        }
    }

    fn wire(&mut self) {
        let mut endpoints = self.compiler.endpoints.clone();
        if self.random.chance(30) && !endpoints.is_empty() {
            endpoints.remove(self.random.below(endpoints.len()));
        }
        let pods: Vec<Pod> = self.compiler.cluster.pods.values().cloned().collect();
        if let Some(pod) = self.random.pick(&pods) {
            let addresses = match self.random.chance(20) {
                true => vec![format!("10.0.9.{}", self.random.below(9)).parse().unwrap()],
                false => pod.addresses.clone(),
            };
            endpoints.push(LocalEndpoint {
                pod: pod.name.clone(),
                host_interface: format!("vethrf{}", self.random.below(12)),
                addresses,
            });
        }
        self.compiler.set_endpoints(endpoints);
    }
}

fn some<K: Clone + Ord, V: Clone>(
    objects: &BTreeMap<K, V>,
    change: fn(K, Option<V>) -> Change,
) -> Vec<Change> {
    let objects = objects.iter();
    objects
        .map(|(name, object)| change(name.clone(), Some(object.clone())))
        .collect()
}

fn none<K: Clone + Ord, V>(
    objects: &BTreeMap<K, V>,
    change: fn(K, Option<V>) -> Change,
) -> Vec<Change> {
    objects
        .keys()
        .map(|name| change(name.clone(), None))
        .collect()
}

fn network(seed: u64) -> NetworkConfig {
    let parse = |text: &str| text.parse().unwrap();
    NetworkConfig {
        pod_cidrs: vec![parse("10.0.0.0/16"), parse("fd00:10::/32")],
        service_cidrs: vec![parse("10.96.0.0/16"), parse("fd00:96::/32")],
        tunnel_port: seed.is_multiple_of(2).then_some(8472),
        record: crate::Record::Denied,
        capacity: Capacity {
            addresses: 8,
            entries: 16,
        },
    }
}

/// The first difference, to find a mistake by.
fn difference(own: &Compiled, fresh: &Compiled) -> String {
    for (name, set) in &fresh.table.sets {
        let Some(other) = own.table.sets.get(name) else {
            return format!("no set {name}");
        };
        for (key, element) in &set.elements {
            let found = other.elements.get(key);
            if found != Some(element) {
                return format!("{name} {key:?}: {found:?} instead of {element:?}");
            }
        }
        let kept = other.elements.iter();
        let mut kept = kept.filter(|(key, _)| !set.elements.contains_key(*key));
        if let Some((key, element)) = kept.next() {
            return format!("{name} {key:?}: {element:?} is too much");
        }
    }
    if own.origins != fresh.origins {
        let (own, fresh) = (own.origins.len(), fresh.origins.len());
        return format!("origins differ: {own} and {fresh}");
    }
    if own.refused != fresh.refused {
        return format!("refused {:?} instead of {:?}", own.refused, fresh.refused);
    }
    if own.unknown != fresh.unknown {
        return format!("unknown {:?} instead of {:?}", own.unknown, fresh.unknown);
    }
    "chains, sizes or comments differ".to_owned()
}

/// The long version is `RINGFENCE_HISTORIES=20000 cargo test -p ringfence-compile histories`.
#[expect(clippy::disallowed_methods, reason = "asks for the long version")]
fn histories() -> u64 {
    let given = std::env::var("RINGFENCE_HISTORIES");
    given.map_or(100, |given| given.parse().unwrap())
}

#[test]
fn any_history_ends_where_a_fresh_start_does() {
    let (mut elements, mut refused, mut contested) = (0, 0, 0);
    for seed in 0..histories() {
        let mut history = History::new(seed);
        for step in 0..30 {
            if let Err(difference) = history.step() {
                panic!("seed {seed}, step {step}: {difference}");
            }
            let compiled = history.compiler.compiled();
            elements += compiled.origins.len();
            refused += compiled.refused.len();
            contested += usize::from(
                history
                    .compiler
                    .parts
                    .policies
                    .classes()
                    .has_contested_numbers(),
            );
        }
    }
    assert!(
        elements > 20_000 && refused > 20 && contested > 200,
        "{elements} elements, {refused} refused rules, {contested} states with contested numbers"
    );
}

#[test]
fn histories_notice_whatever_a_compiler_overlooks() {
    for blindness in [
        Blindness::Peers,
        Blindness::Addresses,
        Blindness::Subjects,
        Blindness::Policies,
        Blindness::Places,
        Blindness::Wires,
        Blindness::ServicesOfPods,
    ] {
        let fails = |seed| {
            let mut history = History::new(seed);
            history.compiler.blindness = Some(blindness);
            (0..30).any(|_| history.step().is_err())
        };
        let failures = (0..24).filter(|seed| fails(*seed)).count();
        assert!(failures > 2, "{blindness:?}: {failures} of 24 histories");
    }
}
