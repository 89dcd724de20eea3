//! Live tables against tables compiled from nothing but the cluster.

use std::collections::BTreeMap;

use ringfence_agent::status::Rules;
use ringfence_compile::{Enforcement, LocalEndpoint, NetworkConfig, NodeView, compile};
use ringfence_lab::lab::nodes::CAPACITY;
use ringfence_model::Cluster;

use crate::support::{Lab, eventually};

/// Each node's live table, once all agents are done.
fn live(lab: &Lab) -> BTreeMap<String, Rules> {
    eventually("every node enforces the last revision", || {
        let status = lab.status();
        let done = |node: &ringfence_lab::control::protocol::NodeStatus| {
            node.enforced_revision == Some(status.revision) && node.trouble.is_none()
        };
        status.nodes.iter().all(done).then_some(())
    });
    eventually("every agent says that its table is there", || {
        let tables = lab.client().rules(None).ok()?;
        tables
            .values()
            .all(|rules| rules.as_intended)
            .then_some(tables)
    })
}

#[track_caller]
pub(crate) fn equal_those_compiled_from_scratch(lab: &Lab) {
    let live = live(lab);
    let cluster = lab.cluster();
    for (node, rules) in &live {
        let expected = from_scratch(&cluster, node, rules);
        similar_or_panic(node, &expected, &rules.table_text);
    }
}

fn from_scratch(cluster: &Cluster, node: &str, rules: &Rules) -> String {
    let here = |pod: &&ringfence_model::Pod| {
        pod.node.as_deref() == Some(node) && !pod.host_network && pod.is_live()
    };
    let pods: Vec<_> = cluster.pods.values().filter(here).collect();
    assert_eq!(pods.len(), rules.endpoints.len(), "{node}: {rules:#?}");
    let endpoints: Vec<LocalEndpoint> = rules
        .endpoints
        .iter()
        .map(|(interface, pod)| LocalEndpoint {
            pod: pod.clone(),
            host_interface: interface.clone(),
            addresses: cluster.pods[pod].addresses.clone(),
        })
        .collect();
    let network = NetworkConfig {
        pod_cidrs: vec!["10.244.0.0/16".parse().unwrap()],
        service_cidrs: vec!["10.96.0.0/16".parse().unwrap()],
        tunnel_port: Some(8472),
        record: ringfence_compile::Record::Denied,
        capacity: CAPACITY,
    };
    let view = NodeView {
        name: node,
        endpoints: &endpoints,
        network: &network,
        enforcement: Enforcement::On,
    };
    compile(cluster, &view).unwrap().table.to_string()
}

fn similar_or_panic(node: &str, expected: &str, live: &str) {
    let different: Vec<_> = expected
        .lines()
        .zip(live.lines())
        .filter(|(expected, live)| expected != live)
        .collect();
    assert!(
        expected == live,
        "{node}: live table differs from the compiled one: {different:#?}"
    );
}
