//! What explanations look like to whoever reads them (rule Q-11).

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

use ringfence_model::{Cluster, Direction, Source};
use ringfence_model::{Endpoint, Query};
use ringfence_reference::answer;
use ringfence_testkit::builder::{
    accept, address, admin, baseline, block, cluster, deny, every_pod, labels, name, pass, pod,
    pods, pods_anywhere, policy, rule, service, tcp,
};

fn source(file: &str, line: u32) -> Option<Source> {
    Some(Source {
        file: file.into(),
        line,
        column: 1,
    })
}

fn shop() -> Cluster {
    let mut deny = policy("shop/default-deny")
        .types(&[Direction::Ingress])
        .build();
    deny.source = source("deny.yaml", 1);
    let mut db = policy("shop/db")
        .select(labels(&[("app", "db")]))
        .ingress(rule().peer(pods(labels(&[("app", "api")]))).port(tcp(5432)))
        .ingress(rule().peer(block("10.0.9.0/24", &[])))
        .build();
    db.source = source("db.yaml", 3);
    db.ingress[0].source = source("db.yaml", 9);
    cluster()
        .with(
            pod("shop/web")
                .label("app", "web")
                .address("10.0.1.10")
                .on_node("n1"),
        )
        .with(
            pod("shop/api")
                .label("app", "api")
                .address("10.0.1.11")
                .on_node("n1"),
        )
        .with(
            pod("shop/db")
                .label("app", "db")
                .address("10.0.1.12")
                .on_node("n1"),
        )
        .with(pod("shop/job").label("app", "job"))
        .with(
            service("shop/db")
                .select("app", "db")
                .address("10.96.0.10")
                .port(tcp(80), 5432),
        )
        .with(deny)
        .with(db)
        .build()
}

fn explain(from: Endpoint, to: Endpoint, port: u16) -> String {
    explain_in(&shop(), from, to, port)
}

fn explain_in(cluster: &Cluster, from: Endpoint, to: Endpoint, port: u16) -> String {
    let protocol = ringfence_net::Protocol::Tcp.into();
    let query = Query {
        source: from,
        destination: to,
        protocol,
        port: Some(port),
    };
    answer(cluster, &query).unwrap().to_string()
}

fn named(text: &str) -> Endpoint {
    Endpoint::Pod(name(text))
}

#[test]
fn a_refusal_names_the_policies_and_what_failed() {
    assert_eq!(
        explain(named("shop/web"), named("shop/db"), 5432),
        "deny\n\
         shop/web -> shop/db\n  \
         allowed: egress from shop/web: no policy isolates it for egress\n  \
         denied: ingress to shop/db: isolated by shop/db (db.yaml:3:1), \
         shop/default-deny (deny.yaml:1:1); \
         rule shop/db ingress[0] (db.yaml:9:1): peer does not match; \
         rule shop/db ingress[1]: peer does not match"
    );
}

#[test]
fn a_wrong_port_is_told_from_a_wrong_peer() {
    let text = explain(named("shop/api"), named("shop/db"), 5433);
    assert!(
        text.contains("shop/db ingress[0] (db.yaml:9:1): port does not match"),
        "{text}"
    );
    assert!(
        text.contains("shop/db ingress[1]: peer does not match"),
        "{text}"
    );
    let text = explain(named("shop/web"), named("shop/db"), 5433);
    assert!(
        text.contains("(db.yaml:9:1): neither peer nor port matches"),
        "{text}"
    );
}

#[test]
fn a_refusal_without_rules_says_so() {
    assert_eq!(
        explain(
            Endpoint::Address(address("203.0.113.9")),
            named("shop/web"),
            80
        ),
        "deny\n\
         203.0.113.9 -> shop/web\n  \
         allowed: egress from 203.0.113.9: policy applies to pods on the pod network only\n  \
         denied: ingress to shop/web: isolated by shop/default-deny (deny.yaml:1:1); \
         there is no rule that could allow it"
    );
}

#[test]
fn an_allowance_names_its_rule() {
    let text = explain(named("shop/api"), named("shop/db"), 5432);
    assert!(text.starts_with("allow\n"), "{text}");
    assert!(
        text.contains("allowed: ingress to shop/db: allowed by shop/db ingress[0] (db.yaml:9:1)"),
        "{text}"
    );
}

#[test]
fn a_service_lists_its_backends() {
    let text = explain(named("shop/api"), Endpoint::Service(name("shop/db")), 80);
    assert!(text.contains("shop/api -> shop/db"), "{text}");
}

#[test]
fn special_rules_are_named_with_what_they_override() {
    let text = explain(Endpoint::Node("n1".to_owned()), named("shop/web"), 80);
    assert!(
        text.contains("(NP-50), although isolated by shop/default-deny"),
        "{text}"
    );
    let text = explain(named("shop/db"), Endpoint::Service(name("shop/db")), 80);
    assert!(
        text.contains("(NP-62), although isolated by shop/db"),
        "{text}"
    );
    let text = explain(named("shop/web"), named("shop/web"), 80);
    assert!(text.contains("its own address (NP-60)"), "{text}");
}

#[test]
fn a_missing_address_is_named() {
    assert_eq!(
        explain(named("shop/job"), named("shop/db"), 80)
            .lines()
            .next(),
        Some("unknown: no address of shop/job")
    );
    let text = explain(named("shop/job"), named("shop/db"), 80);
    assert!(
        text.contains("the address of shop/job is not known, and shop/db ingress[1] depends on it"),
        "{text}"
    );
}

/// The shop with rules of both tiers about what `shop/web` opens.
fn tiered() -> Cluster {
    let db = || pods_anywhere(labels(&[("app", "db")]));
    let mut first = admin("first", 10)
        .subject(pods_anywhere(labels(&[("app", "web")])))
        .egress(
            deny()
                .named("no-api")
                .pods(pods_anywhere(labels(&[("app", "api")]))),
        )
        .egress(pass().pods(db()))
        .egress(accept().networks(&["10.0.9.0/24"]))
        .build();
    first.egress[0].source = source("first.yaml", 9);
    let last = baseline("last", 0).egress(deny().named("default").pods(every_pod()));
    let mut shop = shop();
    for policy in [first, last.build()] {
        shop.cluster_policies.insert(policy.name.clone(), policy);
    }
    shop
}

#[test]
fn a_cluster_rule_is_named_with_its_tier_and_action() {
    let text = explain_in(&tiered(), named("shop/web"), named("shop/api"), 80);
    assert!(
        text.contains(
            "denied: egress from shop/web: decided by Admin Deny by ClusterNetworkPolicy/first \
             egress[0] \"no-api\" (first.yaml:9:1)\n"
        ),
        "{text}"
    );
}

#[test]
fn a_pass_is_named_before_what_decides() {
    let text = explain_in(&tiered(), named("shop/web"), named("shop/db"), 80);
    assert!(
        text.contains(
            "denied: egress from shop/web: Admin Pass by ClusterNetworkPolicy/first egress[1] \
             passes on; decided by Baseline Deny by ClusterNetworkPolicy/last egress[0] \"default\"\n"
        ),
        "{text}"
    );
}

#[test]
fn a_cluster_rule_that_needs_an_address_is_named() {
    let text = explain_in(&tiered(), named("shop/web"), named("shop/job"), 80);
    assert!(
        text.contains(
            "unknown: egress from shop/web: the address of shop/job is not known, and Admin Accept \
             by ClusterNetworkPolicy/first egress[2] depends on it\n"
        ),
        "{text}"
    );
}
