//! Policies of the cluster in tables: what a pod sends to itself, addresses of several pods, and rules that cost too much.

use std::net::IpAddr;

use ringfence_compile::{Compiled, Enforcement, Limits, NodeView, compile_within};
use ringfence_model::Cluster;
use ringfence_net::{IpProtocol, Packet, Protocol};
use ringfence_ruleset::{Hook, Outcome, evaluate};
use ringfence_testkit::builder::{
    ClusterBuilder, ClusterPolicyBuilder, accept, admin, baseline, cluster, deny, every_pod,
    labels, node, pass, pod, pods_anywhere, policy, rule,
};

use crate::world::{compile_node, endpoints, network, opening, wired_pod};

const GRE: u8 = 47;

/// `x/a` and `x/b` on n1.
fn base() -> ClusterBuilder {
    cluster()
        .with(node("n1", &["192.168.0.11", "fd01::11"]))
        .with(node("n2", &["192.168.0.12", "fd01::12"]))
        .with(wired_pod("a", 10))
        .with(wired_pod("b", 11))
}

fn interface(cluster: &Cluster, name: &str) -> String {
    let wired = endpoints(cluster, "n1");
    let found = wired.iter().find(|endpoint| endpoint.pod.name == name);
    found.unwrap().host_interface.clone()
}

/// From a local pod by name, or from elsewhere by address, to the local pod `to`.
fn outcome(
    cluster: &Cluster,
    compiled: &Compiled,
    from: (&str, IpAddr),
    to: (&str, IpAddr),
    (protocol, port): (IpProtocol, Option<u16>),
) -> Outcome {
    let input = match from.0 {
        "elsewhere" => "eth0".to_owned(),
        name => interface(cluster, name),
    };
    let packet = Packet {
        input_interface: input,
        output_interface: interface(cluster, to.0),
        ..opening(from.1, to.1, protocol, port)
    };
    evaluate(&compiled.table, Hook::Forward, &packet, &mut |_| 0).outcome
}

/// What becomes of what `x/a` sends to itself through a Service: TCP 80, 85 and 99, and GRE, in both families.
fn to_itself(own: ClusterPolicyBuilder) -> String {
    let cluster = base().with(own).build();
    let compiled = compile_node(&cluster, "n1", Enforcement::On);
    let tcp = |port| (Protocol::Tcp.into(), Some(port));
    let sent = [tcp(80), tcp(85), tcp(99), (IpProtocol(GRE), None)];
    let families = ["10.0.1.10", "fd00:10:1::10"].map(|address| {
        let own: IpAddr = address.parse().unwrap();
        let letters =
            sent.map(
                |what| match outcome(&cluster, &compiled, ("a", own), ("a", own), what) {
                    Outcome::Accept => 'a',
                    Outcome::Drop => 'd',
                    Outcome::Reject => 'r',
                },
            );
        letters.iter().collect::<String>()
    });
    let [v4, v6] = families;
    assert_eq!(v4, v6, "both families");
    v4
}

#[test]
fn what_a_pod_sends_to_itself_is_judged_by_the_tiers() {
    let everyone = every_pod;
    let deny_80 = || deny().pods(everyone()).port(Protocol::Tcp, 80);
    let deny_80_to_90 = || deny().pods(everyone()).ports(Protocol::Tcp, 80, 90);
    let all_but_80 = [
        accept().pods(everyone()).port(Protocol::Tcp, 80),
        deny().pods(everyone()),
    ];
    assert_eq!(to_itself(admin("p", 0).ingress(deny_80())), "daaa");
    assert_eq!(to_itself(admin("p", 0).egress(deny_80())), "daaa");
    assert_eq!(to_itself(admin("p", 0).ingress(deny_80_to_90())), "ddaa");
    assert_eq!(to_itself(admin("p", 0).egress(deny_80_to_90())), "ddaa");
    let [first, second] = all_but_80.clone();
    assert_eq!(
        to_itself(admin("p", 0).ingress(first).ingress(second)),
        "addd"
    );
    let [first, second] = all_but_80;
    assert_eq!(
        to_itself(baseline("p", 0).egress(first).egress(second)),
        "addd"
    );
    let by_address = deny().networks(&["10.0.1.10/32", "fd00:10:1::10/128"]);
    assert_eq!(to_itself(admin("p", 0).egress(by_address)), "dddd");
    let others = deny().pods(pods_anywhere(labels(&[("app", "b")])));
    assert_eq!(to_itself(admin("p", 0).ingress(others)), "aaaa");
}

/// AM-4, CN-25, CN-26: NetworkPolicy lets an isolated pod reach itself, and Baseline is not asked.
#[test]
fn networkpolicy_allows_a_pod_itself_before_baseline_is_asked() {
    let closed = || policy("x/closed");
    for tiered in [
        baseline("p", 0).ingress(deny().pods(every_pod())),
        admin("p", 0).ingress(pass().pods(every_pod())),
    ] {
        let cluster = base().with(closed()).with(tiered).build();
        let compiled = compile_node(&cluster, "n1", Enforcement::On);
        let own: IpAddr = "10.0.1.10".parse().unwrap();
        let sent = (Protocol::Tcp.into(), Some(80));
        let found = outcome(&cluster, &compiled, ("a", own), ("a", own), sent);
        assert_eq!(found, Outcome::Accept);
    }
}

/// Two pods that claim one address: only one of them is denied, so that the address is.
#[test]
fn an_address_of_two_pods_gets_what_the_stricter_rule_says() {
    let twin = |name: &str| {
        pod(&format!("x/{name}"))
            .label("twin", name)
            .address("10.0.2.20")
            .on_node("n2")
    };
    let first = || pods_anywhere(labels(&[("twin", "one")]));
    let cases = [
        (admin("p", 0).ingress(deny().pods(first())), Outcome::Drop),
        (admin("p", 0).ingress(pass().pods(first())), Outcome::Drop),
        (
            admin("p", 0)
                .ingress(accept().pods(first()))
                .ingress(deny().pods(every_pod())),
            Outcome::Drop,
        ),
        (
            admin("p", 0).ingress(accept().pods(first())),
            Outcome::Accept,
        ),
    ];
    for (own, expected) in cases {
        let base = base().with(twin("one")).with(twin("two"));
        let cluster = base.with(own).build();
        let compiled = compile_node(&cluster, "n1", Enforcement::On);
        let from = ("elsewhere", "10.0.2.20".parse().unwrap());
        let to = ("a", "10.0.1.10".parse().unwrap());
        let sent = (Protocol::Tcp.into(), Some(80));
        let found = outcome(&cluster, &compiled, from, to, sent);
        assert_eq!(found, expected, "{:?}", cluster.cluster_policies);
    }
}

fn compiled_within(cluster: &Cluster, limits: Limits) -> Compiled {
    let endpoints = endpoints(cluster, "n1");
    let network = network();
    let view = NodeView {
        name: "n1",
        endpoints: &endpoints,
        network: &network,
        enforcement: Enforcement::On,
    };
    compile_within(cluster, &view, limits).unwrap()
}

/// AM-21: an Accept that costs too much opens nothing, a Deny or Pass closes everything.
#[test]
fn a_rule_that_costs_too_much_never_opens() {
    let many = |rule: ringfence_testkit::builder::ClusterRuleBuilder| {
        (0..20).fold(rule.pods(every_pod()), |rule, port| {
            rule.port(Protocol::Tcp, 8000 + 2 * port)
        })
    };
    let limits = Limits {
        elements_per_rule: 8,
        elements_per_node: 1_000,
    };
    let from = ("b", "10.0.1.11".parse().unwrap());
    let to = ("a", "10.0.1.10".parse().unwrap());
    let cases = [
        (many(accept()), false, Outcome::Accept),
        (many(deny()), true, Outcome::Drop),
        (many(pass()), true, Outcome::Drop),
    ];
    for (costly, closes, expected) in cases {
        let cluster = base().with(admin("p", 0).ingress(costly)).build();
        let compiled = compiled_within(&cluster, limits);
        let [refused] = &compiled.refused[..] else {
            panic!("{:?}", compiled.refused)
        };
        assert_eq!(refused.closes, closes);
        let sent = (Protocol::Tcp.into(), Some(80));
        let found = outcome(&cluster, &compiled, from, to, sent);
        assert_eq!(found, expected, "{refused}");
        if closes {
            assert_eq!(
                refused.to_string(),
                "policy ClusterNetworkPolicy/p ingress[0] denies all ingress of its pods: it takes 20 set elements per pod address, and 8 are allowed"
            );
        }
    }
}

/// However many rules stand before it, a default for everybody is one element for each pod and class.
#[test]
fn a_default_for_all_pods_takes_one_element_of_each_class() {
    let cluster = base()
        .with(baseline("p", 0).ingress(deny().pods(every_pod())))
        .build();
    let compiled = compile_node(&cluster, "n1", Enforcement::On);
    let count = |set: &str| compiled.table.sets[set].elements.len();
    // Each of two pods: the class of pods is denied, itself is denied, anyone else is allowed.
    assert_eq!(count("ingress-peers4"), 6);
    assert_eq!(count("ingress-ports4") + count("ingress-ranges4"), 0);
    let others = cluster.pods.len() + 2;
    assert_eq!(others, 4);
    let rule_of = compiled.origins.values().flatten();
    let rules = rule_of.filter(|origin| origin.rule == Some(0));
    assert_eq!(rules.count(), 8, "in both families");
}

/// The order of tiers, one packet after the other.
#[test]
fn the_first_rule_that_matches_decides() {
    let cluster = base()
        .with(policy("x/closed").ingress(rule()))
        .with(
            admin("first", 1)
                .ingress(deny().pods(every_pod()).port(Protocol::Tcp, 22))
                .ingress(pass().pods(every_pod()).port(Protocol::Tcp, 23)),
        )
        .with(admin("second", 2).ingress(deny().pods(every_pod()).ports(Protocol::Tcp, 20, 29)))
        .build();
    let compiled = compile_node(&cluster, "n1", Enforcement::On);
    let dial = |port| {
        let from = ("b", "10.0.1.11".parse().unwrap());
        let to = ("a", "10.0.1.10".parse().unwrap());
        outcome(
            &cluster,
            &compiled,
            from,
            to,
            (Protocol::Tcp.into(), Some(port)),
        )
    };
    assert_eq!([dial(22), dial(24)], [Outcome::Drop; 2]);
    assert_eq!([dial(23), dial(30), dial(80)], [Outcome::Accept; 3]);
}
