//! How long a change takes from the object to the kernel, on a node of a large cluster. Run it with `--release`; it makes
//! a network namespace of its own.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a program that measures and prints"
)]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use ringfence_compile::{
    Capacity, Change, Compiler, Enforcement, Limits, LocalEndpoint, NetworkConfig, NodeView,
};
use ringfence_model::{Cluster, ObjectName, Pod};
use ringfence_netlink::nftables::Nftables;
use ringfence_ruleset::{Datum, Element, Key, Operation, Value};
use ringfence_testkit::builder::{
    block, cluster, labels, namespace, namespaces, node, pod, pods, policy, rule, tcp,
};
use ringfence_testkit::sandbox;

const NAMESPACES: usize = 50;
const PODS: usize = 10_000;
const POLICIES: usize = 2_000;
const NODES: usize = 100;
/// How often each kind of change is measured, and those that are about all pods.
const TURNS: usize = 500;
const LARGE_TURNS: usize = 40;
/// So many elements an agent commits at once, as far as that is safe.
const PORTION: usize = 1000;

fn main() -> ExitCode {
    sandbox::main(&[
        ("changes_with_100_pods", || measure(100)),
        ("changes_with_1000_pods", || measure(1_000)),
    ])
}

/// A node, its compiler, and its kernel.
struct Node {
    compiler: Compiler,
    kernel: Nftables,
}

/// What one change took.
struct Cost {
    compiling: Duration,
    committing: Duration,
    elements: usize,
    /// Elements of the largest transaction.
    largest: usize,
}

impl Node {
    /// Compiles and commits as an agent does, in portions of at most so many elements.
    fn commit(&mut self, most: usize) -> Cost {
        let start = Instant::now();
        let portions = self.compiler.compile_in_portions(most).unwrap();
        let compiling = start.elapsed();
        let transactions = portions.first.iter().chain([&portions.main]);
        let transactions = transactions.chain(&portions.last);
        let transactions: Vec<_> = transactions.filter(|it| !it.is_empty()).collect();
        let start = Instant::now();
        let table = ringfence_ruleset::TABLE_NAME;
        for operations in &transactions {
            self.kernel.apply(table, operations).unwrap();
        }
        let committing = start.elapsed();
        let sizes = transactions.iter();
        let elements = |it: &Operation| it.elements().unwrap_or_default();
        let sizes: Vec<usize> = sizes.map(|it| it.iter().map(elements).sum()).collect();
        Cost {
            compiling,
            committing,
            elements: sizes.iter().sum(),
            largest: sizes.into_iter().max().unwrap_or(0),
        }
    }

    fn change(&mut self, change: Change) -> Cost {
        self.compiler.change(change);
        self.commit(PORTION)
    }

    /// The least that can be asked of the kernel: an element that comes, or goes.
    fn floor(&mut self, turn: usize) -> Cost {
        let table = ringfence_ruleset::TABLE_NAME;
        let set = "nodes4".to_owned();
        let definition = self.compiler.compiled().table.sets[&set].definition();
        let key = Key::point(vec![Datum::Address([198, 51, 100, 1].into())]);
        let element = Element {
            value: Value::Member,
            comment: None,
        };
        let operation = if turn.is_multiple_of(2) {
            let elements = vec![(key, element)];
            Operation::AddElements {
                set,
                definition,
                elements,
                lifetime: None,
            }
        } else {
            let keys = vec![key];
            Operation::DeleteElements {
                set,
                definition,
                keys,
            }
        };
        let start = Instant::now();
        self.kernel.apply(table, &[operation]).unwrap();
        Cost {
            compiling: Duration::ZERO,
            committing: start.elapsed(),
            elements: 1,
            largest: 1,
        }
    }

    fn pod(&self, number: usize) -> Pod {
        self.compiler.cluster().pods[&name(number)].clone()
    }
}

fn measure(local: usize) {
    let large = large();
    let endpoints = endpoints(&large, local);
    let network = NetworkConfig {
        pod_cidrs: vec!["10.0.0.0/8".parse().unwrap()],
        service_cidrs: vec!["172.20.0.0/16".parse().unwrap()],
        tunnel_port: None,
        record: ringfence_compile::Record::Denied,
        capacity: Capacity::default(),
    };
    let view = NodeView {
        name: "node-0",
        endpoints: &endpoints,
        network: &network,
        enforcement: Enforcement::On,
    };
    let mut node = Node {
        compiler: Compiler::with(large.clone(), &view, Limits::default()),
        kernel: Nftables::open().unwrap(),
    };
    let first = node.commit(PORTION);
    println!(
        "{PODS} pods, {POLICIES} policies, {local} local pods. Cold start: {} elements, {:?} to compile, {:?} to commit",
        first.elements, first.compiling, first.committing
    );
    report("one element alone: the kernel's floor", |turn| {
        node.floor(turn)
    });
    let remote = |turn: usize| turn * 100 % PODS + 1 + turn % 3;
    report("a remote pod goes, or comes", |turn| {
        let pod = large.pods[&name(remote(turn / 2))].clone();
        let new = (turn % 2 == 1).then_some(pod);
        node.change(Change::Pod(name(remote(turn / 2)), new))
    });
    report("a label of a remote pod changes", |turn| {
        let mut pod = node.pod(remote(turn));
        let app = format!("app-{}", turn % 20);
        pod.labels.insert("app".to_owned(), app);
        node.change(Change::Pod(pod.name.clone(), Some(pod)))
    });
    report("a pod of this node goes, or comes", |turn| {
        let mut wired = endpoints.clone();
        if turn % 2 == 0 {
            wired.remove(turn % wired.len());
        }
        node.compiler.set_endpoints(wired);
        node.commit(PORTION)
    });
    let judging: Vec<ObjectName> = judging(&large, &endpoints);
    let judging = |turn: usize| judging[turn % judging.len()].clone();
    report("a policy that judges here has another port", |turn| {
        let mut policy = large.network_policies[&judging(turn)].clone();
        policy.ingress[0].ports = vec![tcp(7000 + u16::try_from(turn).unwrap())];
        node.change(Change::NetworkPolicy(judging(turn), Some(policy)))
    });
    report("a policy that judges here goes, or comes", |turn| {
        let policy = large.network_policies[&judging(turn / 2)].clone();
        let new = (turn % 2 == 1).then_some(policy);
        node.change(Change::NetworkPolicy(judging(turn / 2), new))
    });
    report("a label of a namespace changes", |turn| {
        let name = format!("ns-{}", turn % NAMESPACES);
        let mut namespace = large.namespaces[&name].clone();
        let team = format!("team-{}", (turn / NAMESPACES + turn) % 10);
        namespace.labels.insert("team".to_owned(), team);
        node.change(Change::Namespace(name, Some(namespace)))
    });
    let crowd = policy("ns-0/crowd").ingress(rule().peer(namespaces(labels(&[]))));
    let crowd = cluster().with(crowd).build().network_policies;
    let (crowd_name, crowd) = crowd.into_iter().next().unwrap();
    for (most, how) in [(PORTION, "in portions"), (usize::MAX, "at once")] {
        let what = format!("all pods become peers of 2 pods, or not, {how}");
        report_of(LARGE_TURNS, &what, |turn| {
            let new = turn.is_multiple_of(2).then(|| crowd.clone());
            node.compiler
                .change(Change::NetworkPolicy(crowd_name.clone(), new));
            node.commit(most)
        });
    }
    println!("{}", memory());
}

/// Makes the change many times, and prints what half of them, and all but a hundredth, took at most.
fn report(what: &str, change: impl FnMut(usize) -> Cost) {
    report_of(TURNS, what, change);
}

fn report_of(turns: usize, what: &str, mut change: impl FnMut(usize) -> Cost) {
    let costs: Vec<Cost> = (0..turns).map(&mut change).collect();
    let at = |of: fn(&Cost) -> Duration| {
        let mut sorted: Vec<Duration> = costs.iter().map(of).collect();
        sorted.sort_unstable();
        let micros = |index: usize| sorted[index.min(sorted.len() - 1)].as_micros();
        format!("{} / {} us", micros(turns / 2), micros(turns * 99 / 100))
    };
    let elements: usize = costs.iter().map(|cost| cost.elements).sum();
    let most = costs.iter().map(|cost| cost.elements).max().unwrap_or(0);
    let largest = costs.iter().map(|cost| cost.largest).max().unwrap_or(0);
    println!(
        "{what:45} compile {:>16}   commit {:>16}   both {:>16}   elements {} on average, {most} at most, {largest} in a transaction",
        at(|cost| cost.compiling),
        at(|cost| cost.committing),
        at(|cost| cost.compiling + cost.committing),
        elements / turns,
    );
}

/// The policies that select a pod of this node.
fn judging(cluster: &Cluster, endpoints: &[LocalEndpoint]) -> Vec<ObjectName> {
    let local: Vec<&Pod> = endpoints.iter().map(|it| &cluster.pods[&it.pod]).collect();
    let policies = cluster.network_policies.values();
    let judging = policies.filter(|policy| {
        local.iter().any(|pod| {
            pod.name.namespace == policy.name.namespace && policy.pod_selector.matches(&pod.labels)
        })
    });
    judging.map(|policy| policy.name.clone()).collect()
}

fn name(number: usize) -> ObjectName {
    let namespace = format!("ns-{}", number % NAMESPACES);
    ObjectName::new(&namespace, format!("pod-{number}"))
}

fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let resident = status.lines().find(|line| line.starts_with("VmRSS"));
    resident.unwrap_or_default().to_owned()
}

fn large() -> Cluster {
    let mut built = cluster();
    for number in 0..NODES {
        let address = format!("192.168.{number}.1");
        built = built.with(node(&format!("node-{number}"), &[&address]));
    }
    for number in 0..NAMESPACES {
        let team = format!("team-{}", number % 10);
        built = built.with(namespace(&format!("ns-{number}"), &[("team", &team)]));
    }
    for number in 0..PODS {
        let [.., high, middle, low] = number.to_be_bytes();
        built = built.with(
            pod(&name(number).to_string())
                .label("app", &format!("app-{}", number / NAMESPACES % 20))
                .label("tier", &format!("tier-{}", number % 3))
                .address(&format!("10.{high}.{middle}.{low}"))
                .on_node(&format!("node-{}", number % NODES)),
        );
    }
    for number in 0..POLICIES {
        let app = |offset: usize| format!("app-{}", (number / NAMESPACES + offset) % 20);
        let near = pods(labels(&[("app", &app(1))]));
        let team = format!("team-{}", number % 10);
        let far = namespaces(labels(&[("team", &team)]));
        let outside = block(&format!("203.0.{}.0/24", number % 200), &[]);
        built = built.with(
            policy(&format!("ns-{}/policy-{number}", number % NAMESPACES))
                .select(labels(&[("app", &app(0))]))
                .ingress(rule().peer(near).port(tcp(8080)))
                .ingress(rule().peer(far).port(tcp(9090)))
                .egress(rule().peer(outside).port(tcp(443))),
        );
    }
    built.build()
}

fn endpoints(cluster: &Cluster, count: usize) -> Vec<LocalEndpoint> {
    let chosen = cluster.pods.values().step_by(PODS / count);
    let wired = chosen.enumerate().map(|(number, pod)| LocalEndpoint {
        pod: pod.name.clone(),
        host_interface: format!("vethrf{number}"),
        addresses: pod.addresses.clone(),
    });
    wired.collect()
}
