use ringfence_netlink::route::RouteSocket;

use super::api::{Bench, deny, namespace, node, pod};
use super::node::Node;

const CLIENT: &str = "10.244.1.2";
const SERVER: &str = "10.244.1.3";

/// What happens while nobody is connected is done afterwards, within seconds; what there was is enforced meanwhile.
pub(crate) fn an_agent_follows_an_api_through_cuts_and_restarts() {
    let mut machine = Node::new();
    let objects = [
        namespace(),
        node(),
        pod("client", CLIENT),
        pod("server", SERVER),
    ];
    let mut bench = Bench::start(&objects);
    bench.write_kubeconfig(&machine.path("kubeconfig"));
    machine.start();
    let is_ready = || {
        machine
            .page("/readyz")
            .is_some_and(|page| page.contains(" 200 "))
    };
    machine.eventually("readiness", is_ready);
    let (client, server) = (
        machine.wire("client", CLIENT),
        machine.wire("server", SERVER),
    );
    server.serve();
    machine.eventually("a connection", || client.reaches(SERVER));

    bench.record(&deny("server"));
    machine.eventually("a policy", || !client.reaches(SERVER));

    let server_at = bench.cut();
    bench.forget(&deny("server"));
    assert!(!client.reaches(SERVER), "a cut opens nothing");
    assert!(is_ready(), "an agent without its API enforces all the same");
    bench.mend(server_at);
    machine.eventually("the end of a policy", || client.reaches(SERVER));

    bench.restart(
        &objects
            .iter()
            .cloned()
            .chain([deny("server")])
            .collect::<Vec<_>>(),
    );
    machine.eventually("a policy of another server", || !client.reaches(SERVER));

    for (name, least) in [
        ("ringfence_apply_seconds_count", 3.0),
        ("ringfence_source_failures_total{about=\"pods\"}", 1.0),
        ("ringfence_enforced_revision", 3.0),
        ("ringfence_table_rules", 11.0),
    ] {
        // Packets show a change before the numbers do.
        machine.eventually(name, || {
            let metrics = machine.page("/metrics").unwrap();
            let line = metrics.lines().find_map(|line| line.strip_prefix(name));
            line.expect(name).trim().parse::<f64>().unwrap() >= least
        });
    }

    assert!(machine.end().success(), "{}", machine.log());
    assert!(!client.reaches(SERVER), "the end of an agent opens nothing");
    let log = machine.log();
    assert!(
        log.lines()
            .all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()),
        "{log}"
    );
}

/// Nobody has to guess why a node is not ready.
pub(crate) fn an_agent_without_its_cluster_says_what_it_waits_for() {
    let mut machine = Node::new();
    let bench = Bench::start(&[namespace(), node()]);
    let server_at = bench.cut();
    bench.write_kubeconfig(&machine.path("kubeconfig"));
    machine.start();
    let names_it = || {
        let page = machine.page("/readyz").unwrap_or_default();
        page.contains(" 503 ") && page.contains("\nnetworkpolicies.networking.k8s.io: ")
    };
    machine.eventually("a reason", names_it);
    assert!(machine.page("/healthz").unwrap().contains(" 200 "));
    bench.mend(server_at);
    let is_ready = || {
        machine
            .page("/readyz")
            .is_some_and(|page| page.contains(" 200 "))
    };
    machine.eventually("readiness", is_ready);
}

/// Policy that packets pass by is none: the agent says so, and does not begin.
pub(crate) fn an_agent_refuses_a_node_whose_services_are_balanced_by_ipvs() {
    let mut machine = Node::new();
    let mut routes = RouteSocket::open().unwrap();
    routes.create_bridge("kube-ipvs0").unwrap();
    let bench = Bench::start(&[namespace(), node()]);
    bench.write_kubeconfig(&machine.path("kubeconfig"));
    machine.start_with("services: none\n");
    let code = machine.wait();
    assert_eq!(code.code(), Some(2), "{}", machine.log());
    let log = machine.log();
    assert!(log.contains("`kube-ipvs0` is one of kube-proxy"), "{log}");
    assert!(log.contains("--proxy-mode nftables"), "{log}");
    // What this table translates does not come to IPVS.
    machine.start_with("services: nftables\n");
    let is_ready = || {
        machine
            .page("/readyz")
            .is_some_and(|page| page.contains(" 200 "))
    };
    machine.eventually("readiness", is_ready);
    assert!(
        machine.log().contains("beside this agent"),
        "{}",
        machine.log()
    );
}
