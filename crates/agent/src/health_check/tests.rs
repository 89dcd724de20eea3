use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use ringfence_testkit::builder::{cluster, pod, service, tcp};

use super::*;

/// A Service of `app: web`, and one of endpoints, each with a port to ask at.
fn world() -> Cluster {
    let mut selected = service("x/web")
        .select("app", "web")
        .port(tcp(80), 8080)
        .build();
    selected.traffic.health_port = Some(32_001);
    let listed = service("x/listed").port(tcp(80), 8080);
    let listed = listed.endpoint("10.1.0.7", 80).endpoint("10.1.0.7", 81);
    let mut listed = listed
        .endpoint("10.1.0.8", 80)
        .endpoint("10.1.0.9", 80)
        .build();
    for (endpoint, node) in listed.endpoints.iter_mut().zip(["n1", "n1", "n2", "n1"]) {
        endpoint.node = Some(node.to_owned());
    }
    listed.endpoints[3].ready = false;
    listed.endpoints[3].serving = false;
    listed.traffic.health_port = Some(32_002);
    let web = |name: &str, node: &str| pod(name).label("app", "web").on_node(node).build();
    let mut ends = web("x/c", "n1");
    ends.terminating = true;
    let mut unready = web("x/d", "n1");
    unready.ready = false;
    cluster()
        .with(selected)
        .with(listed)
        .with(
            service("x/unasked")
                .select("app", "web")
                .port(tcp(80), 8080),
        )
        .with(web("x/a", "n1"))
        .with(web("x/b", "n2"))
        .with(ends)
        .with(unready)
        .with(web("y/a", "n1"))
        .build()
}

#[test]
fn ready_backends_on_the_node_are_counted_once_each() {
    let said = |node: &str| -> Vec<(u16, String, usize)> {
        let checks = health_checks(&world(), node, std::iter::empty());
        let said = checks.into_iter();
        said.map(|(port, check)| (port, check.service.to_string(), check.endpoints))
            .collect()
    };
    let expected = |web, listed| {
        vec![
            (32_001, "x/web".to_owned(), web),
            (32_002, "x/listed".to_owned(), listed),
        ]
    };
    assert_eq!(said("n1"), expected(1, 1));
    assert_eq!(said("n2"), expected(1, 1));
    assert_eq!(said("n3"), expected(0, 0));
    let wired = LocalEndpoint {
        pod: "x/b".parse().unwrap(),
        host_interface: "vethrf1".to_owned(),
        addresses: Vec::new(),
    };
    let checks = health_checks(&world(), "n3", [&wired].into_iter());
    assert_eq!(
        checks[&32_001].endpoints, 1,
        "a wired pod is here, whatever its status says yet"
    );
}

fn check(endpoints: usize) -> HealthCheck {
    HealthCheck {
        service: "x/web".parse().unwrap(),
        endpoints,
    }
}

fn ask(address: &str, port: u16) -> String {
    let mut stream = TcpStream::connect((address, port)).unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_port_is_answered_in_both_families_until_its_service_goes() {
    // A port that nobody has.
    let free = TcpListener::bind("[::]:0").unwrap();
    let port = free.local_addr().unwrap().port();
    let mut servers = Servers::default();
    servers.answer([(port, check(2))].into());
    assert!(servers.open.is_empty(), "somebody else has the port");
    drop(free);
    servers.answer([(port, check(2))].into());
    for address in ["127.0.0.1", "::1"] {
        let answer = ask(address, port);
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(
            answer.contains("X-Load-Balancing-Endpoint-Weight: 2\r\n"),
            "{answer}"
        );
        let body = answer.split("\r\n\r\n").nth(1).unwrap();
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        let expected = serde_json::json!({
            "service": { "namespace": "x", "name": "web" }, "localEndpoints": 2, "serviceProxyHealthy": true,
        });
        assert_eq!(body, expected);
    }
    servers.answer([(port, check(0))].into());
    let answer = ask("127.0.0.1", port);
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    servers.answer(BTreeMap::new());
    let deadline = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(("127.0.0.1", port)).is_ok() {
        assert!(Instant::now() < deadline, "the port stays open");
    }
}
