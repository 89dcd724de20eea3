use ringfence_model::{ClusterPeer, Expected, TrafficPolicy};
use ringfence_net::ConnectionSet;
use ringfence_reach::assertion::{Claim, questions};
use ringfence_reference::answer;
use ringfence_testkit::builder::{block, cluster, node, pod, policy, rule};
use ringfence_testkit::generate::{self, Shape};

use super::*;

/// Every way between the ends of a random cluster.
fn ends(cluster: &Cluster) -> Vec<Endpoint> {
    let pods = cluster.pods.keys().cloned().map(Endpoint::Pod);
    let nodes = cluster.nodes.keys().cloned().map(Endpoint::Node);
    let services = cluster.services.keys().cloned().map(Endpoint::Service);
    let outside = [
        "203.0.113.9".parse().unwrap(),
        "2001:db8::9".parse().unwrap(),
    ];
    let outside = outside.map(Endpoint::Address);
    pods.chain(nodes).chain(services).chain(outside).collect()
}

#[test]
fn tables_agree_with_the_policies_they_are_compiled_from() {
    let mut seen = BTreeMap::new();
    for seed in 0..60 {
        let mut cluster = generate::cluster(seed, Shape::TIERED);
        forget_unknown_peers(&mut cluster);
        let engine = Engine::new(cluster.clone());
        let mut ruleset = Ruleset::new(&engine, &BTreeSet::new()).unwrap();
        let ends = ends(&cluster);
        let pairs = ends
            .iter()
            .flat_map(|from| ends.iter().map(move |to| (from, to)));
        for (source, destination) in pairs.filter(|pair| has_one_answer(&cluster, *pair)) {
            let claim = Claim {
                expected: Expected::Allow,
                source: source.clone(),
                destination: destination.clone(),
                connections: ConnectionSet::all(),
            };
            let asked = questions(&cluster, &claim);
            let queries: Vec<Query> = asked.into_iter().map(|asked| asked.query).collect();
            for (query, found) in queries.iter().zip(ruleset.ask(&queries).unwrap()) {
                let wanted = answer(&cluster, query);
                let wanted = match wanted {
                    Ok(answer) => Verdict::Found(answer.outcome),
                    Err(error) => Verdict::NoAnswer(error.to_string()),
                };
                *seen.entry(word(&wanted)).or_insert(0) += 1;
                assert_eq!(found, wanted, "seed {seed}: {query:?}");
            }
        }
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
            let mut ruleset = Ruleset::new(&engine, &BTreeSet::new()).unwrap();
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

/// OB-18: what a Local Service does for a client from outside depends on the node that the client comes in by, which
/// no question says.
fn has_one_answer(cluster: &Cluster, pair: (&Endpoint, &Endpoint)) -> bool {
    let (Endpoint::Address(_), Endpoint::Service(name)) = pair else {
        return true;
    };
    let service = cluster.services.get(name);
    service.is_none_or(|service| service.traffic.internal == TrafficPolicy::Cluster)
}

fn word(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Found(Outcome::Unknown { .. }) => "unknown".to_owned(),
        Verdict::Found(outcome) => outcome.to_string(),
        Verdict::NoAnswer(_) => "error".to_owned(),
        Verdict::Skipped(reason) => reason.clone(),
    }
}
