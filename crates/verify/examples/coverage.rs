//! How long it takes to verify one node's table in a large cluster. Run it with `--release`.

#![expect(clippy::disallowed_methods, reason = "an example that measures time")]

use std::error::Error;
use std::time::Instant;

use ringfence_compile::{
    Capacity, Enforcement, LocalEndpoint, NetworkConfig, NodeView, Record, compile,
};
use ringfence_model::Cluster;
use ringfence_testkit::scale::{self, Size};
use ringfence_verify::{WiredPod, Wiring, verify};

const NODE: &str = "node-0";

fn main() -> Result<(), Box<dyn Error>> {
    let cluster = scale::with_services(scale::cluster(1, Size::LARGE));
    for local in [10, 100] {
        measure(&cluster, local)?;
    }
    Ok(())
}

fn measure(cluster: &Cluster, local: usize) -> Result<(), Box<dyn Error>> {
    let network = NetworkConfig {
        pod_cidrs: vec!["10.0.0.0/8".parse()?],
        service_cidrs: vec!["10.96.0.0/12".parse()?],
        tunnel_port: Some(8472),
        record: Record::Denied,
        capacity: Capacity::default(),
    };
    let pods = cluster.pods.values();
    let chosen = pods.filter(|pod| pod.node.as_deref() == Some(NODE) && pod.is_on_pod_network());
    let endpoints: Vec<LocalEndpoint> = chosen
        .take(local)
        .enumerate()
        .map(|(number, pod)| LocalEndpoint {
            pod: pod.name.clone(),
            host_interface: format!("vethrf{number}"),
            addresses: pod.addresses.clone(),
        })
        .collect();
    let view = NodeView {
        name: NODE,
        endpoints: &endpoints,
        network: &network,
        enforcement: Enforcement::On,
    };
    let table = compile(cluster, &view)?.table;
    let wired = endpoints.iter().map(|endpoint| WiredPod {
        pod: endpoint.pod.clone(),
        interface: endpoint.host_interface.clone(),
        addresses: endpoint.addresses.clone(),
    });
    let wiring = Wiring {
        node: NODE.to_owned(),
        endpoints: wired.collect(),
        interface_prefix: "vethrf".to_owned(),
        pod_blocks: network.pod_cidrs.clone(),
        service_blocks: network.service_cidrs.clone(),
        tunnel_port: network.tunnel_port,
        enforced: true,
    };
    let elements: usize = table.sets.values().map(|set| set.elements.len()).sum();
    let start = Instant::now();
    let report = verify(&table, cluster, &wiring)?;
    eprintln!(
        "{} pods, {} of them here, {elements} elements: {} differences in {:?}; {}",
        cluster.pods.len(),
        endpoints.len(),
        report.count,
        start.elapsed(),
        report.coverage
    );
    for found in report.differences.iter().take(3) {
        eprintln!(
            "{}: {}: {} instead of {}",
            found.hook, found.packet, found.kernel, found.expected
        );
    }
    Ok(())
}
