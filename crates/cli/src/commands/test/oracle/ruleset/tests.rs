use ringfence_model::{ClusterPeer, Expected};
use ringfence_net::ConnectionSet;
use ringfence_reach::assertion::{Claim, questions};
use ringfence_reference::answer;
use ringfence_testkit::builder::{block, cluster, labels, node, pod, policy, rule, service, tcp};
use ringfence_testkit::generate::{self, Shape};

use super::*;

/// Every end of a cluster, nodes and what is outside by their addresses too.
fn ends(cluster: &Cluster) -> BTreeSet<Endpoint> {
    let nodes = cluster.nodes.values().flat_map(|node| &node.addresses);
    let reported = cluster.pods.values().flat_map(|pod| &pod.host_addresses);
    let services = cluster.services.values();
    let external = services.flat_map(|service| &service.external_addresses);
    let addresses = nodes.chain(reported).chain(external).copied();
    let addresses = addresses.map(Endpoint::Address);
    let pods = cluster.pods.keys().cloned().map(Endpoint::Pod);
    let nodes = cluster.nodes.keys().cloned().map(Endpoint::Node);
    let services = cluster.services.keys().cloned().map(Endpoint::Service);
    let outside = [
        "203.0.113.9".parse().unwrap(),
        "2001:db8::9".parse().unwrap(),
    ];
    let outside = outside.map(Endpoint::Address);
    let named = pods.chain(nodes).chain(services).chain(outside);
    named.chain(addresses).collect()
}

/// Asks about every connection, of reference and tables, and counts the answers.
fn agree(case: &str, cluster: &Cluster, seen: &mut BTreeMap<String, usize>) {
    let engine = Engine::new(cluster.clone());
    let tables = Tables::new(engine.cluster(), &BTreeSet::new()).unwrap();
    let mut ruleset = Ruleset::new(&engine, &tables);
    let ends = ends(cluster);
    for (source, destination) in ends
        .iter()
        .flat_map(|from| ends.iter().map(move |to| (from, to)))
    {
        let claim = Claim {
            expected: Expected::Allow,
            source: source.clone(),
            destination: destination.clone(),
            connections: ConnectionSet::all(),
        };
        let asked = questions(cluster, &claim);
        let queries: Vec<Query> = asked.into_iter().map(|asked| asked.query).collect();
        for (query, found) in queries.iter().zip(ruleset.ask(&queries).unwrap()) {
            let wanted = match answer(cluster, query) {
                Ok(answer) => Verdict::Found(answer.outcome),
                Err(error) => Verdict::NoAnswer(error.to_string()),
            };
            *seen.entry(word(&wanted)).or_insert(0) += 1;
            assert_eq!(found, wanted, "{case}: {query:?}");
        }
    }
}

#[test]
fn tables_agree_with_the_policies_they_are_compiled_from() {
    let mut seen = BTreeMap::new();
    for seed in 0..60 {
        let mut cluster = generate::cluster(seed, Shape::TIERED);
        forget_unknown_peers(&mut cluster);
        agree(&format!("seed {seed}"), &cluster, &mut seen);
    }
    for word in [
        "allow",
        "deny",
        "no-endpoints",
        "unknown",
        "partial",
        "error",
    ] {
        assert!(
            seen.get(word).is_some_and(|count| *count > 10),
            "{word}: {seen:?}"
        );
    }
}

/// Rules Q-5, OB-16, OB-18 and OB-19, of ends and ways that random clusters seldom have.
#[test]
fn tables_know_the_addresses_and_ports_of_nodes() {
    let web = || pod("shop/web").label("app", "web").address("10.0.0.1");
    let service = || {
        let service = service("shop/web")
            .select("app", "web")
            .address("10.96.0.1");
        service.port(tcp(80), 8080).node_port(30_080)
    };
    let nodes = || {
        cluster()
            .with(node("n1", &["192.168.0.1"]))
            .with(node("n2", &["192.168.0.2"]))
            .with(pod("shop/client").address("10.0.0.2").on_node("n2"))
    };
    let closed = || policy("shop/closed").select(labels(&[("app", "web")]));
    for (case, cluster) in [
        (
            "a pod names its node by address",
            nodes()
                .with(web().host_address("192.168.0.1"))
                .with(closed()),
        ),
        (
            "a port at nodes",
            nodes()
                .with(web().on_node("n1"))
                .with(service())
                .with(closed()),
        ),
        ("its Service has nobody", nodes().with(service())),
        (
            "it stays on its node",
            nodes()
                .with(web().on_node("n1"))
                .with(service().external_local()),
        ),
        (
            "its Service stays on the node",
            nodes()
                .with(web().on_node("n1"))
                .with(service().internal_local()),
        ),
        (
            "its node has an address that pods alone report",
            nodes()
                .with(web().on_node("n1").host_address("192.168.7.1"))
                .with(service())
                .with(closed()),
        ),
    ] {
        let mut seen = BTreeMap::new();
        agree(case, &cluster.build(), &mut seen);
        assert!(seen.len() > 1, "{case}: {seen:?}");
    }
}

/// the manifests say that two nodes have one address; which of them a packet comes from is not known.
#[test]
fn an_address_of_two_nodes_sends_nothing() {
    let cluster = cluster()
        .with(node("n1", &["192.168.0.1", "192.168.9.9"]))
        .with(node("n2", &["192.168.0.2", "192.168.9.9"]))
        .with(pod("shop/web").address("10.0.0.1").on_node("n2"));
    let engine = Engine::new(cluster.with(policy("shop/closed")).build());
    let query = Query {
        source: Endpoint::Address("192.168.9.9".parse().unwrap()),
        destination: Endpoint::Pod("shop/web".parse().unwrap()),
        protocol: ringfence_net::Protocol::Tcp.into(),
        port: Some(80),
    };
    let tables = Tables::new(engine.cluster(), &BTreeSet::new()).unwrap();
    let mut ruleset = Ruleset::new(&engine, &tables);
    let found = ruleset.ask(&[query]).unwrap();
    assert!(
        matches!(found.as_slice(), [Verdict::Skipped(why)] if why.contains("several nodes")),
        "{found:?}"
    );
}

/// a pod without address goes along with the first address of the other end, wherever pods get theirs from. Found by
/// seed 21 above.
#[test]
fn the_end_with_addresses_decides_the_family() {
    let open_to_v6 = policy("shop/web").ingress(rule().peer(block("fd00::/8", &[])));
    for (addresses, expected) in [
        (["192.168.0.11", "fd01::11"], Outcome::Deny),
        (["fd01::11", "192.168.0.11"], Outcome::Allow),
    ] {
        for blocks in [&["fd00:10::/64"][..], &["10.244.0.0/16"], &[]] {
            let cluster = cluster()
                .with(node("n1", &addresses))
                .with(pod("shop/web").on_node("n2"))
                .with(open_to_v6.clone())
                .pod_blocks(blocks)
                .build();
            let query = Query {
                source: Endpoint::Node("n1".to_owned()),
                destination: Endpoint::Pod("shop/web".parse().unwrap()),
                protocol: ringfence_net::Protocol::Tcp.into(),
                port: Some(80),
            };
            assert_eq!(answer(&cluster, &query).unwrap().outcome, expected);
            let engine = Engine::new(cluster);
            let tables = Tables::new(engine.cluster(), &BTreeSet::new()).unwrap();
            let mut ruleset = Ruleset::new(&engine, &tables);
            let found = ruleset.ask(&[query]).unwrap();
            assert_eq!(
                found,
                [Verdict::Found(expected.clone())],
                "{addresses:?} {blocks:?}"
            );
        }
    }
}

/// Manifests with peers of unknown kind are refused (rule CN-51).
fn forget_unknown_peers(cluster: &mut Cluster) {
    for policy in cluster.cluster_policies.values_mut() {
        for rules in [&mut policy.ingress, &mut policy.egress] {
            rules.retain(|rule| !rule.peers.contains(&ClusterPeer::Unrecognized));
        }
    }
}

fn word(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Found(Outcome::Unknown { .. }) => "unknown".to_owned(),
        Verdict::Found(outcome) => outcome.to_string(),
        Verdict::NoAnswer(_) => "error".to_owned(),
        Verdict::Skipped(reason) => reason.clone(),
    }
}
