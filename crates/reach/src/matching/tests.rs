use ringfence_model::{
    Because, Cluster, Connection, Direction, DirectionDecision, JudgedRule, SelectorOperator,
};
use ringfence_net::Protocol;
use ringfence_testkit::builder::{
    block, cluster, labels, namespace, namespaces, pod, pods, policy, port_named, requirement,
    rule, tcp, udp,
};
use ringfence_testkit::flows;
use ringfence_testkit::generate::{self, Shape};
use ringfence_testkit::random::Random;

use super::*;

/// Clusters that are drawn.
const SEEDS: u64 = 300;
/// Connections that are tried in each.
const FLOWS: usize = 60;

fn decisions(connection: &Connection) -> [&DirectionDecision; 2] {
    [&connection.egress, &connection.ingress]
}

/// What the reference says of the rules of one direction: each with what of it matches.
fn judged(decision: &DirectionDecision) -> Vec<JudgedRule> {
    match &decision.because {
        Because::NoRuleMatched { rules, .. } => rules.clone(),
        Because::Rules { allowed_by } => allowed_by
            .iter()
            .map(|rule| JudgedRule {
                rule: rule.clone(),
                peer: Match::Yes,
                port: Match::Yes,
            })
            .collect(),
        Because::NoSubject
        | Because::Host(_)
        | Because::Loopback
        | Because::OwnAddress
        | Because::ClusterRule(_)
        | Because::LocalNode { .. }
        | Because::OwnService { .. }
        | Because::AddressUnknown { .. }
        | Because::NotIsolated => Vec::new(),
    }
}

#[test]
fn parts_match_where_the_reference_says_so() {
    let (mut rules, mut cluster_rules) = (0, 0);
    for seed in 0..SEEDS {
        let cluster = generate::cluster(seed, Shape::TIERED);
        for flow in flows::sample(&cluster, FLOWS, &mut Random::new(seed)) {
            let Ok(answer) = ringfence_reference::answer(&cluster, &flow) else {
                continue;
            };
            for connection in &answer.connections {
                for decision in decisions(connection) {
                    for judged in judged(decision) {
                        let found = of_rule(&cluster, connection, &judged.rule).unwrap();
                        let parts = (found.peer(), found.port());
                        assert_eq!(parts, (judged.peer, judged.port), "{seed} {judged}");
                        rules += 1;
                    }
                    cluster_rules += deciding_rules_match(&cluster, connection, decision);
                }
            }
        }
    }
    assert!(
        rules > 1000 && cluster_rules > 1000,
        "{rules} {cluster_rules}"
    );
}

fn deciding_rules_match(
    cluster: &Cluster,
    connection: &Connection,
    decision: &DirectionDecision,
) -> usize {
    let deciding = match &decision.because {
        Because::ClusterRule(rule) => Some(rule),
        Because::NoSubject
        | Because::Host(_)
        | Because::Loopback
        | Because::OwnAddress
        | Because::LocalNode { .. }
        | Because::OwnService { .. }
        | Because::Rules { .. }
        | Because::NoRuleMatched { .. }
        | Because::AddressUnknown { .. }
        | Because::NotIsolated => None,
    };
    let met = decision.passed.iter().chain(deciding);
    let known = met.filter(|rule| !is_unrecognized(cluster, rule));
    known
        .map(|rule| {
            let found = of_cluster_rule(cluster, connection, rule).unwrap();
            assert_eq!(
                (found.peer(), found.port()),
                (Match::Yes, Match::Yes),
                "{rule}"
            );
        })
        .count()
}

/// CN-38: such a rule decides without matching.
fn is_unrecognized(cluster: &Cluster, rule: &ClusterRuleRef) -> bool {
    let found = cluster_rule(cluster, rule).unwrap();
    found
        .peers
        .contains(&ringfence_model::ClusterPeer::Unrecognized)
}

/// The rules that did not let `a/client` to `a/web` on tcp/80, nearest first, with what is wrong with them.
fn misses(cluster: &Cluster, from: &str) -> Vec<Vec<String>> {
    let query = ringfence_model::Query {
        source: match from.parse() {
            Ok(address) => ringfence_model::Endpoint::Address(address),
            Err(_) => ringfence_model::Endpoint::Pod(from.parse().unwrap()),
        },
        destination: ringfence_model::Endpoint::Pod("a/web".parse().unwrap()),
        protocol: Protocol::Tcp.into(),
        port: Some(80),
    };
    let answer = ringfence_reference::answer(cluster, &query).unwrap();
    let connection = &answer.connections[0];
    let rules = judged(&connection.ingress);
    let mut found: Vec<RuleMatching> = rules
        .iter()
        .map(|judged| of_rule(cluster, connection, &judged.rule).unwrap())
        .collect();
    found.sort_by_key(RuleMatching::distance);
    let words = |found: &RuleMatching| {
        let parts = found.peers.iter().chain(&found.ports);
        parts
            .flat_map(|part| &part.misses)
            .map(ToString::to_string)
            .collect()
    };
    found.iter().map(words).collect()
}

fn two_pods() -> ringfence_testkit::builder::ClusterBuilder {
    cluster()
        .with(namespace("a", &[("team", "one")]))
        .with(
            pod("a/web")
                .label("app", "web")
                .address("10.0.0.2")
                .port("http", tcp(8080)),
        )
        .with(pod("a/client").label("app", "client").address("10.0.0.1"))
        .with(pod("b/client").label("app", "client").address("10.0.1.1"))
}

#[test]
fn the_field_that_is_wrong_is_named() {
    let other = requirement("app", SelectorOperator::NotIn, &["client"]);
    let cluster = two_pods()
        .with(
            policy("a/p")
                .select(labels(&[("app", "web")]))
                .ingress(rule().peer(pods(labels(&[("app", "db")]))))
                .ingress(rule().peer(pods(labels(&[("tier", "db")]))))
                .ingress(rule().peer(pods(other)))
                .ingress(rule().peer(namespaces(labels(&[("team", "two")]))))
                .ingress(rule().peer(block("10.9.0.0/16", &[])))
                .ingress(rule().peer(block("10.0.0.0/8", &["10.0.0.0/24"])))
                .ingress(rule().peer(block("fd00::/8", &[]))),
        )
        .build();
    assert_eq!(
        misses(&cluster, "a/client"),
        [
            ["from[0].podSelector.matchLabels.app: a/client has `app: client`"],
            ["from[0].podSelector.matchLabels.tier: a/client has no label `tier`"],
            ["from[0].podSelector.matchExpressions[0]: a/client has `app: client`"],
            ["from[0].namespaceSelector.matchLabels.team: namespace a has `team: one`"],
            ["from[0].ipBlock.except[0]: 10.0.0.1 is excepted"],
            ["from[0].ipBlock.cidr: 10.0.0.1 is outside"],
            ["from[0].ipBlock.cidr: 10.0.0.1 is IPv4"],
        ]
    );
}

#[test]
fn wrong_ports_are_nearer_than_wrong_peers_and_both_are_last() {
    let client = || pods(labels(&[("app", "client")]));
    let other = || pods(labels(&[("app", "other")]));
    let cluster = two_pods()
        .with(
            policy("a/p")
                .ingress(rule().peer(other()).port(tcp(81)))
                .ingress(rule().peer(other()).port(tcp(80)))
                .ingress(rule().peer(client()).port(udp(80)))
                .ingress(
                    rule()
                        .peer(client())
                        .port(port_named(Protocol::Tcp, "http")),
                )
                .ingress(rule().peer(client()).port(port_named(Protocol::Tcp, "web"))),
        )
        .build();
    assert_eq!(
        misses(&cluster, "a/client"),
        [
            vec!["ports[0].port: this is 8080 on a/web"],
            vec!["ports[0].protocol: not TCP"],
            vec!["ports[0].port: a/web has no TCP port of this name"],
            vec![
                "from[0].podSelector.matchLabels.app: a/client has `app: other`"
                    .replace("other", "client")
                    .as_str()
            ],
            vec![
                "from[0].podSelector.matchLabels.app: a/client has `app: client`",
                "ports[0].port: not 80"
            ],
        ]
    );
}

#[test]
fn pods_of_other_namespaces_and_addresses_are_told_apart() {
    let cluster = two_pods()
        .with(policy("a/p").ingress(rule().peer(pods(labels(&[("app", "client")])))))
        .build();
    assert_eq!(
        misses(&cluster, "b/client"),
        [["from[0].podSelector: this means pods of `a` alone, and b/client is not one"]]
    );
    assert_eq!(
        misses(&cluster, "203.0.113.9"),
        [["from[0]: selectors match pods alone, and 203.0.113.9 is not one"]]
    );
    assert_eq!(misses(&cluster, "a/client"), [Vec::<String>::new()]);
    let direction = Direction::Ingress;
    assert_eq!(path(&[peers_field(direction), Step::Item(3)]), "from[3]");
}
