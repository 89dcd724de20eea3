//! How long one node's table takes to compile, diff and evaluate in a large cluster. Run it with `--release`.

#![expect(clippy::disallowed_methods, reason = "an example that measures time")]

use std::error::Error;
use std::time::Instant;

use ringfence_compile::{Capacity, Enforcement, LocalEndpoint, NetworkConfig, NodeView, compile};
use ringfence_model::Cluster;
use ringfence_ruleset::{apply, diff, validate};
use ringfence_testkit::builder::{
    block, cluster, labels, namespace, namespaces, node, pod, pods, policy, rule, tcp,
};

const NAMESPACES: usize = 50;
const PODS: usize = 10_000;
const POLICIES: usize = 1_000;
const NODES: usize = 100;

fn main() -> Result<(), Box<dyn Error>> {
    let cluster = large();
    let network = NetworkConfig {
        pod_cidrs: vec!["10.0.0.0/8".parse()?],
        service_cidrs: vec!["172.20.0.0/16".parse()?],
        tunnel_port: None,
        record: ringfence_compile::Record::Denied,
        capacity: Capacity::default(),
    };
    for local in [PODS / NODES, 1_000] {
        let endpoints = endpoints(&cluster, local);
        let view = NodeView {
            name: "node-0",
            endpoints: &endpoints,
            network: &network,
            enforcement: Enforcement::On,
        };
        let start = Instant::now();
        let compiled = compile(&cluster, &view)?;
        let compiling = start.elapsed();
        let elements: usize = compiled
            .table
            .sets
            .values()
            .map(|set| set.elements.len())
            .sum();
        let start = Instant::now();
        validate(&compiled.table).map_err(|errors| format!("{errors:?}"))?;
        let validating = start.elapsed();
        let start = Instant::now();
        let operations = diff(None, &compiled.table);
        let diffing = start.elapsed();
        let mut state = None;
        apply(&mut state, &operations)?;
        let start = Instant::now();
        let nothing = diff(state.as_ref(), &compiled.table);
        eprintln!(
            "{local} local pods: {elements} elements, compile {compiling:?}, validate {validating:?}, \
             first transaction {diffing:?}, no change ({} operations) {:?}",
            nothing.len(),
            start.elapsed()
        );
    }
    Ok(())
}

fn large() -> Cluster {
    let mut built = cluster();
    for number in 0..NODES {
        built = built.with(node(
            &format!("node-{number}"),
            &[&format!("192.168.{number}.1")],
        ));
    }
    for number in 0..NAMESPACES {
        let team = format!("team-{}", number % 10);
        built = built.with(namespace(&format!("ns-{number}"), &[("team", &team)]));
    }
    for number in 0..PODS {
        let name = format!("ns-{}/pod-{number}", number % NAMESPACES);
        let address = format!(
            "10.{}.{}.{}",
            number / 65_536,
            number / 256 % 256,
            number % 256
        );
        built = built.with(
            pod(&name)
                .label("app", &format!("app-{}", number / NAMESPACES % 20))
                .label("tier", &format!("tier-{}", number % 3))
                .address(&address)
                .on_node(&format!("node-{}", number % NODES)),
        );
    }
    for number in 0..POLICIES {
        let app = |offset: usize| format!("app-{}", (number / NAMESPACES + offset) % 20);
        let own = labels(&[("app", &app(0))]);
        let near = pods(labels(&[("app", &app(1))]));
        let team = format!("team-{}", number % 10);
        let far = namespaces(labels(&[("team", &team)]));
        let outside = block(&format!("203.0.{}.0/24", number % 200), &[]);
        built = built.with(
            policy(&format!("ns-{}/policy-{number}", number % NAMESPACES))
                .select(own)
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
