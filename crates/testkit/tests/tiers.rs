//! The tiers around NetworkPolicy, rule by rule (rules Q-10, CN-*, AM-13, AM-14, AM-18 to AM-22).

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use ringfence_model::{
    Because, Cluster, ClusterPeer, Direction, DirectionDecision, DirectionVerdict, Endpoint, Match,
    Outcome, Query,
};
use ringfence_net::{IpProtocol, Protocol};
use ringfence_reference::answer;
use ringfence_testkit::builder::{
    ClusterBuilder, accept, address, admin, admin_network_policy, baseline,
    baseline_admin_network_policy, block, cluster, deny, every_pod, labels, name, namespace, node,
    pass, pod, pods, pods_anywhere, pods_of, pods_within, policy, rule, service, tcp, udp,
};

use DirectionVerdict::{Allow, Deny, Unknown};

/// Two namespaces, two nodes; `shop/late` and `shop/later` have no address yet.
fn shop() -> ClusterBuilder {
    let mut gateway = node("n2", &["192.168.0.12", "198.51.100.12"]);
    gateway
        .labels
        .insert("role".to_owned(), "gateway".to_owned());
    cluster()
        .with(namespace("shop", &[("team", "a")]))
        .with(namespace("tools", &[("team", "b")]))
        .with(node("n1", &["192.168.0.11"]))
        .with(gateway)
        .with(
            pod("shop/web")
                .label("app", "web")
                .address("10.0.1.10")
                .address("fd00::10")
                .port("http", tcp(8080))
                .on_node("n1"),
        )
        .with(
            pod("shop/db")
                .label("app", "db")
                .address("10.0.1.11")
                .address("fd00::11")
                .port("http", tcp(9090))
                .port("http", udp(9091))
                .on_node("n2"),
        )
        .with(
            pod("tools/scan")
                .label("app", "web")
                .address("10.0.2.10")
                .on_node("n2"),
        )
        .with(
            pod("tools/host")
                .label("app", "web")
                .address("192.168.0.12")
                .host_network()
                .on_node("n2"),
        )
        .with(pod("shop/late").label("app", "late"))
        .with(
            service("shop/web")
                .select("app", "web")
                .address("10.96.0.10")
                .port(tcp(8080), 8080),
        )
}

fn endpoint(text: &str) -> Endpoint {
    if let Ok(address) = text.parse() {
        return Endpoint::Address(address);
    }
    if let Some(service) = text.strip_prefix("svc/") {
        return Endpoint::Service(name(service));
    }
    match text.strip_prefix("node/") {
        Some(node) => Endpoint::Node(node.to_owned()),
        None => Endpoint::Pod(name(text)),
    }
}

fn ask(
    cluster: &Cluster,
    from: &str,
    to: &str,
    port: (IpProtocol, Option<u16>),
) -> Vec<DirectionDecision> {
    let query = Query {
        source: endpoint(from),
        destination: endpoint(to),
        protocol: port.0,
        port: port.1,
    };
    let answer = answer(cluster, &query).unwrap();
    let connections = answer.connections.into_iter();
    connections
        .flat_map(|found| [found.egress, found.ingress])
        .collect()
}

const HTTP: (IpProtocol, Option<u16>) = (IpProtocol(6), Some(8080));

fn egress(cluster: &Cluster, from: &str, to: &str) -> DirectionDecision {
    ask(cluster, from, to, HTTP).swap_remove(0)
}

fn ingress(cluster: &Cluster, from: &str, to: &str) -> DirectionDecision {
    ask(cluster, from, to, HTTP).swap_remove(1)
}

/// The cluster rule that decided, as `kind/name[index]`.
fn decided_by(decision: &DirectionDecision) -> String {
    let Because::ClusterRule(rule) = &decision.because else {
        panic!("not by a cluster rule: {decision}");
    };
    format!("{}[{}]", rule.policy, rule.index)
}

#[test]
fn priority_orders_and_the_first_match_decides() {
    // CN-21
    let cluster = shop()
        .with(admin("a", 20).egress(accept().pods(every_pod())))
        .with(
            admin("z", 10)
                .egress(deny().pods(pods_of(labels(&[("team", "b")]))))
                .egress(deny().pods(every_pod())),
        )
        .build();
    let found = egress(&cluster, "shop/web", "shop/db");
    assert_eq!(
        (found.verdict, decided_by(&found)),
        (Deny, "ClusterNetworkPolicy/z[1]".to_owned())
    );
    let found = egress(&cluster, "shop/web", "tools/scan");
    assert_eq!(decided_by(&found), "ClusterNetworkPolicy/z[0]");
}

#[test]
fn equal_priorities_go_by_kind_and_name() {
    // CN-22, AM-13, AM-20
    let with_admin = shop().with(admin_network_policy("a", 10).egress(deny().pods(every_pod())));
    let found = egress(&with_admin.clone().build(), "shop/web", "shop/db");
    assert_eq!(decided_by(&found), "AdminNetworkPolicy/a[0]");
    let both = with_admin.with(admin("b", 10).egress(accept().pods(every_pod())));
    let found = egress(&both.clone().build(), "shop/web", "shop/db");
    assert_eq!(decided_by(&found), "ClusterNetworkPolicy/b[0]");
    let three = both.with(admin("B", 10).egress(deny().pods(every_pod())));
    let found = egress(&three.build(), "shop/web", "shop/db");
    assert_eq!(decided_by(&found), "ClusterNetworkPolicy/B[0]");
}

#[test]
fn the_baseline_admin_network_policy_is_asked_last() {
    // AM-20
    let cluster = shop()
        .with(baseline_admin_network_policy().egress(deny().pods(every_pod())))
        .with(baseline("z", 1000).egress(accept().pods(pods_of(labels(&[("team", "a")])))))
        .build();
    let found = egress(&cluster, "shop/web", "shop/db");
    assert_eq!(decided_by(&found), "ClusterNetworkPolicy/z[0]");
    let found = egress(&cluster, "shop/web", "tools/scan");
    assert_eq!(decided_by(&found), "BaselineAdminNetworkPolicy/default[0]");
}

#[test]
fn pass_leads_to_network_policy_and_hides_what_is_below() {
    // CN-25, CN-27
    let tiers = shop()
        .with(admin("first", 10).egress(pass().pods(every_pod())))
        .with(admin("second", 20).egress(deny().pods(every_pod())))
        .with(baseline("last", 0).egress(accept().pods(every_pod())));
    let found = egress(&tiers.clone().build(), "shop/web", "shop/db");
    assert_eq!(found.verdict, Allow);
    assert_eq!(decided_by(&found), "ClusterNetworkPolicy/last[0]");
    assert_eq!(found.passed.len(), 1);
    let isolated = tiers
        .with(policy("shop/none").types(&[Direction::Egress]))
        .build();
    let found = egress(&isolated, "shop/web", "shop/db");
    assert_eq!(found.verdict, Deny);
    assert!(
        matches!(found.because, Because::NoRuleMatched { .. }),
        "{found}"
    );
    assert_eq!(found.passed[0].policy.name, "first");
}

#[test]
fn a_pass_of_the_last_tier_is_the_default() {
    // CN-25
    let cluster = shop()
        .with(
            baseline("a", 0)
                .egress(pass().pods(every_pod()))
                .egress(deny().pods(every_pod())),
        )
        .build();
    let found = egress(&cluster, "shop/web", "shop/db");
    assert_eq!(
        (found.verdict, &found.because),
        (Allow, &Because::NotIsolated)
    );
    assert_eq!(found.passed.len(), 1);
}

#[test]
fn accept_skips_network_policy_in_its_direction_alone() {
    // CN-23
    let cluster = shop()
        .with(admin("a", 0).egress(accept().pods(every_pod())))
        .with(policy("shop/none").types(&Direction::ALL))
        .build();
    assert_eq!(egress(&cluster, "shop/web", "shop/db").verdict, Allow);
    assert_eq!(ingress(&cluster, "shop/web", "shop/db").verdict, Deny);
}

#[test]
fn baseline_speaks_where_no_network_policy_isolates_in_this_direction() {
    // CN-26, AM-14
    let cluster = shop()
        .with(
            baseline("deny", 0)
                .egress(deny().pods(every_pod()))
                .ingress(deny().pods(every_pod())),
        )
        .with(
            policy("shop/out")
                .types(&[Direction::Egress])
                .egress(rule()),
        )
        .build();
    let found = egress(&cluster, "shop/web", "shop/db");
    assert!(matches!(found.because, Because::Rules { .. }), "{found}");
    let found = ingress(&cluster, "shop/web", "shop/db");
    assert_eq!(
        (found.verdict, decided_by(&found)),
        (Deny, "ClusterNetworkPolicy/deny[0]".to_owned())
    );
}

#[test]
fn subjects_are_pods_of_the_pod_network_in_all_namespaces() {
    // CN-2, CN-3, CN-4
    let by_label = shop()
        .with(
            admin("a", 0)
                .subject(pods_anywhere(labels(&[("app", "web")])))
                .egress(deny().networks(&["0.0.0.0/0"])),
        )
        .build();
    for (from, verdict) in [
        ("shop/web", Deny),
        ("tools/scan", Deny),
        ("shop/db", Allow),
        ("tools/host", Allow),
    ] {
        assert_eq!(
            egress(&by_label, from, "203.0.113.9").verdict,
            verdict,
            "{from}"
        );
    }
    let within = pods_within(labels(&[("team", "b")]), labels(&[("app", "web")]));
    let narrow = shop()
        .with(
            admin("a", 0)
                .subject(within)
                .egress(deny().networks(&["0.0.0.0/0"])),
        )
        .build();
    for (from, verdict) in [("shop/web", Allow), ("tools/scan", Deny)] {
        assert_eq!(
            egress(&narrow, from, "203.0.113.9").verdict,
            verdict,
            "{from}"
        );
    }
}

#[test]
fn networks_match_whoever_has_the_address() {
    // CN-34
    let cluster = shop()
        .with(baseline("a", 0).egress(deny().networks(&["0.0.0.0/0"])))
        .build();
    for to in ["shop/db", "10.0.1.11", "node/n2", "203.0.113.9"] {
        assert_eq!(egress(&cluster, "shop/web", to).verdict, Deny, "{to}");
    }
    for to in ["fd00::11", "2001:db8::9"] {
        assert_eq!(egress(&cluster, "shop/web", to).verdict, Allow, "{to}");
    }
}

#[test]
fn nodes_match_addresses_of_nodes_and_host_pods() {
    // CN-35, AM-18
    let gateways = labels(&[("role", "gateway")]);
    let cluster = shop()
        .with(admin("a", 0).egress(deny().nodes(gateways)))
        .build();
    for to in ["node/n2", "198.51.100.12", "tools/host"] {
        assert_eq!(egress(&cluster, "shop/web", to).verdict, Deny, "{to}");
    }
    for to in ["node/n1", "shop/db", "tools/scan", "203.0.113.9"] {
        assert_eq!(egress(&cluster, "shop/web", to).verdict, Allow, "{to}");
    }
}

#[test]
fn ingress_never_matches_nodes_or_the_outside() {
    // CN-36
    let cluster = shop()
        .with(admin("a", 0).ingress(deny().pods(every_pod())))
        .build();
    for from in ["node/n1", "node/n2", "tools/host", "203.0.113.9"] {
        assert_eq!(ingress(&cluster, from, "shop/web").verdict, Allow, "{from}");
    }
    assert_eq!(ingress(&cluster, "shop/db", "shop/web").verdict, Deny);
    let invalid = shop()
        .with(
            admin("a", 0).ingress(
                deny()
                    .networks(&["0.0.0.0/0"])
                    .nodes(labels(&[]))
                    .domains(&["*.org"]),
            ),
        )
        .domain("a.org", &["203.0.113.9"])
        .build();
    assert_eq!(ingress(&invalid, "203.0.113.9", "shop/web").verdict, Allow);
}

#[test]
fn names_match_the_addresses_that_are_known() {
    // CN-37, AM-19
    let tiers = shop()
        .with(
            admin("a", 0)
                .egress(accept().domains(&["*.example.com"]))
                .egress(deny().networks(&["0.0.0.0/0"])),
        )
        .domain("example.com", &["203.0.113.8"])
        .domain("A.b.Example.com.", &["203.0.113.9"])
        .build();
    assert_eq!(egress(&tiers, "shop/web", "203.0.113.9").verdict, Allow);
    assert_eq!(egress(&tiers, "shop/web", "203.0.113.8").verdict, Deny);
}

#[test]
fn ports_name_their_protocol_and_names_bring_it() {
    // CN-31, CN-32, CN-33
    let cluster = shop()
        .with(
            admin("a", 0).egress(
                deny()
                    .pods(every_pod())
                    .ports(Protocol::Tcp, 80, 90)
                    .port_named("http"),
            ),
        )
        .build();
    let verdict = |to: &str, protocol: Protocol, port: u16| {
        ask(&cluster, "tools/scan", to, (protocol.into(), Some(port)))[0].verdict
    };
    for (port, expected) in [(79, Allow), (80, Deny), (90, Deny), (91, Allow)] {
        assert_eq!(verdict("shop/web", Protocol::Tcp, port), expected, "{port}");
        assert_eq!(verdict("shop/web", Protocol::Udp, port), Allow, "{port}");
    }
    assert_eq!(verdict("shop/web", Protocol::Tcp, 8080), Deny);
    assert_eq!(verdict("shop/web", Protocol::Tcp, 9090), Allow);
    assert_eq!(verdict("shop/db", Protocol::Tcp, 9090), Deny);
    assert_eq!(verdict("shop/db", Protocol::Udp, 9091), Deny);
    assert_eq!(verdict("shop/db", Protocol::Tcp, 9091), Allow);
    let icmp = ask(&cluster, "tools/scan", "shop/web", (IpProtocol::ICMP, None));
    assert_eq!(icmp[0].verdict, Allow);
}

#[test]
fn an_unknown_kind_of_peer_closes_its_rule() {
    // CN-38
    let accepting = accept().pods(every_pod()).peer(ClusterPeer::Unrecognized);
    let cluster = shop()
        .with(
            admin("a", 0)
                .egress(accepting)
                .egress(deny().pods(every_pod())),
        )
        .build();
    assert_eq!(
        decided_by(&egress(&cluster, "shop/web", "shop/db")),
        "ClusterNetworkPolicy/a[1]"
    );
    let passing = pass()
        .peer(ClusterPeer::Unrecognized)
        .port(Protocol::Udp, 1);
    let cluster = shop().with(admin("a", 0).egress(passing)).build();
    for to in ["shop/db", "203.0.113.9", "node/n1"] {
        let found = egress(&cluster, "shop/web", to);
        assert_eq!(
            (found.verdict, decided_by(&found)),
            (Deny, "ClusterNetworkPolicy/a[0]".to_owned()),
            "{to}"
        );
        assert_eq!(found.passed, []);
    }
}

#[test]
fn a_pod_meets_the_tiers_through_a_service_only() {
    // CN-40, AM-4
    let judged = |cluster: &Cluster, to: &str| ingress(cluster, "shop/web", to);
    let denying = shop()
        .with(admin("a", 0).ingress(deny().pods(every_pod())))
        .build();
    assert_eq!(judged(&denying, "10.0.1.10").because, Because::OwnAddress);
    assert_eq!(judged(&denying, "svc/shop/web").verdict, Deny);
    let basic = shop().with(baseline("a", 0).ingress(deny().pods(every_pod())));
    assert_eq!(judged(&basic.clone().build(), "svc/shop/web").verdict, Deny);
    let isolated = basic
        .with(policy("shop/none").types(&[Direction::Ingress]))
        .build();
    let found = judged(&isolated, "svc/shop/web");
    assert!(
        matches!(found.because, Because::OwnService { .. }),
        "{found}"
    );
}

/// What leaves an unknown verdict open: the cluster rules by index, and how many NetworkPolicy rules.
fn open(decision: &DirectionDecision) -> (Vec<usize>, usize) {
    let Because::AddressUnknown {
        cluster_rules,
        rules,
        ..
    } = &decision.because
    else {
        panic!("nothing is open: {decision}");
    };
    let indexes = cluster_rules.iter().map(|rule| rule.index);
    (indexes.collect(), rules.len())
}

#[test]
fn an_unknown_address_leaves_open_what_depends_on_it_and_nothing_else() {
    // AM-22
    let somewhere = &["10.0.0.0/8"];
    let late = |tiers: ClusterBuilder| egress(&tiers.build(), "shop/web", "shop/late");
    let agreeing = admin("a", 0)
        .egress(deny().networks(somewhere))
        .egress(deny().pods(every_pod()));
    let found = late(shop().with(agreeing));
    assert_eq!(
        (found.verdict, decided_by(&found)),
        (Deny, "ClusterNetworkPolicy/a[1]".to_owned())
    );

    let opposed = admin("a", 0)
        .egress(accept().networks(somewhere))
        .egress(deny().pods(every_pod()))
        .egress(accept().networks(somewhere));
    let found = late(shop().with(opposed));
    assert_eq!((found.verdict, open(&found)), (Unknown, (vec![0], 0)));

    let passing = admin("a", 0)
        .egress(pass().networks(somewhere))
        .egress(deny().pods(every_pod()));
    let found = late(shop().with(passing.clone()));
    assert_eq!((found.verdict, open(&found)), (Unknown, (vec![0], 0)));
    let blocks = policy("shop/some")
        .types(&[Direction::Egress])
        .egress(rule().peer(block("10.0.0.0/8", &[])));
    let found = late(shop().with(passing).with(blocks.clone()));
    assert_eq!((found.verdict, open(&found)), (Unknown, (vec![0], 1)));

    let certain = admin("a", 0)
        .egress(pass().pods(every_pod()))
        .egress(deny().networks(somewhere));
    let found = late(shop().with(certain).with(blocks));
    assert_eq!((found.verdict, open(&found)), (Unknown, (vec![], 1)));
    assert_eq!(found.passed.len(), 1);
}

#[test]
fn a_test_against_no_address_at_all_depends_on_none() {
    // AM-22, CN-35, AM-19
    let nobody = labels(&[("role", "nobody")]);
    let cluster = shop()
        .with(
            admin("a", 0)
                .egress(deny().nodes(nobody))
                .egress(accept().domains(&["example.com"])),
        )
        .with(baseline("b", 0).egress(deny().pods(every_pod())))
        .build();
    let found = egress(&cluster, "shop/web", "shop/late");
    assert_eq!(decided_by(&found), "ClusterNetworkPolicy/b[0]");
    let gateways = shop()
        .with(admin("a", 0).egress(deny().nodes(labels(&[("role", "gateway")]))))
        .build();
    assert_eq!(egress(&gateways, "shop/web", "shop/late").verdict, Unknown);
}

#[test]
fn a_tier_that_does_not_speak_leaves_the_rest_as_it_was() {
    // CN-10
    let cluster = shop()
        .with(admin("a", 0).ingress(deny().pods(every_pod())))
        .with(
            policy("shop/db")
                .types(&[Direction::Egress])
                .egress(rule().peer(pods(labels(&[("app", "db")])))),
        )
        .build();
    assert_eq!(egress(&cluster, "shop/web", "shop/db").verdict, Allow);
    let found = egress(&cluster, "shop/web", "tools/scan");
    let Because::NoRuleMatched { rules, .. } = found.because else {
        panic!("not isolated: {found}");
    };
    assert_eq!(rules[0].peer, Match::No);
}

#[test]
fn an_unknown_outcome_names_whose_address_is_missing() {
    let cluster = shop()
        .with(admin("a", 0).egress(deny().networks(&["10.0.0.0/8"])))
        .build();
    let query = Query {
        source: Endpoint::Address(address("10.0.1.10")),
        destination: endpoint("shop/late"),
        protocol: IpProtocol(6),
        port: Some(80),
    };
    let found = answer(&cluster, &query).unwrap();
    assert_eq!(
        found.outcome,
        Outcome::Unknown {
            missing: ["shop/late".to_owned()].into()
        }
    );
}
