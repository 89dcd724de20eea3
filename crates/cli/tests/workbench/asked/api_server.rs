//! The API server is dialled at the port of its Service, and judged at the one that it listens on (rule NP-33).

use super::World;

/// A pod that may open `ports` and nothing else.
fn client(ports: &str) -> String {
    format!(
        "
apiVersion: v1
kind: Pod
metadata: {{name: client, namespace: shop}}
spec: {{containers: [{{name: c, image: i}}]}}
status: {{podIP: 10.0.0.1}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: out, namespace: shop}}
spec: {{podSelector: {{}}, policyTypes: [Egress], egress: [{{ports: [{{port: {ports}}}]}}]}}
"
    )
}

const NODE: &str = "---
apiVersion: v1
kind: Node
metadata: {name: control, labels: {node-role.kubernetes.io/control-plane: ''}}
status: {addresses: [{type: InternalIP, address: 192.168.0.1}]}
";

fn service(target: u16) -> String {
    format!(
        "---
apiVersion: v1
kind: Service
metadata: {{name: kubernetes, namespace: default}}
spec: {{clusterIP: 10.96.0.1, ports: [{{name: https, port: 443, targetPort: {target}}}]}}
"
    )
}

const SLICE: &str = "---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: kubernetes, namespace: default, labels: {kubernetes.io/service-name: kubernetes}}
addressType: IPv4
endpoints: [{addresses: [192.168.0.1]}, {addresses: [192.168.0.2]}]
ports: [{name: https, port: 6443}]
";

/// Asked by the port of the Service or by its own, the API server is judged at its own: with nodes alone, with its Service
/// and no endpoints, and with both.
#[test]
fn both_its_ports_are_judged_at_the_one_that_it_listens_on() {
    let service = service(6443);
    for known in [
        NODE.to_owned(),
        [NODE, &service].concat(),
        [service.as_str(), SLICE].concat(),
        [NODE, &service, SLICE].concat(),
    ] {
        for (opened, code, other) in [("6443", 0, "deny"), ("443", 1, "allow")] {
            let world = World::of(&[&client(opened), known.as_str()].concat());
            for asked in ["443", "6443"] {
                let said = world
                    .explain(&["shop/client", "apiserver", asked])
                    .expect(code);
                assert!(said.contains("6443"), "{said}");
                let held = if code == 0 { "allow" } else { "deny" };
                for against in ["manifests", "ruleset"] {
                    let question = ["shop/client", "apiserver", asked];
                    let more = ["--against", against];
                    let held = world.test(held, question, &more);
                    assert_eq!(held.status.code(), Some(0), "{held:#?}");
                    let failed = world.test(other, question, &more);
                    assert_eq!(failed.status.code(), Some(1), "{failed:#?}");
                }
            }
        }
    }
}

#[test]
fn why_another_port_is_judged_is_told() {
    let world = World::of(&[&client("6443"), NODE].concat());
    let said = world
        .explain(&["shop/client", "apiserver", "443"])
        .expect(0);
    let told = "warning[NP-33]: tcp/443 of the API server is the port of its Service: policies see tcp/6443, where it listens on its nodes";
    assert!(said.contains(told), "{said}");
    let said = world
        .explain(&["shop/client", "apiserver", "6443"])
        .expect(0);
    assert!(!said.contains("warning"), "{said}");
    let service = service(6443);
    let world = World::of(&[&client("6443"), service.as_str(), SLICE].concat());
    let said = world
        .explain(&["shop/client", "apiserver", "443"])
        .expect(0);
    assert!(said.contains("tcp/443 (6443 behind it)"), "{said}");
    let said = world
        .explain(&["shop/client", "apiserver", "6443"])
        .expect(0);
    let told = "warning[NP-33]: svc/default/kubernetes does not serve tcp/6443: its endpoints listen there, and are dialled themselves";
    assert!(said.contains(told), "{said}");
    let refused = world
        .explain(&["shop/client", "apiserver", "8080"])
        .expect_refused();
    assert!(
        refused.contains("svc/default/kubernetes does not serve tcp/8080"),
        "{refused}"
    );
}

#[test]
fn both_its_ports_are_asked_at_once() {
    let service = service(6443);
    let world = World::of(&[&client("6443"), service.as_str(), SLICE].concat());
    for against in ["manifests", "ruleset"] {
        for ports in ["443,6443", "443", "6443"] {
            let question = ["shop/client", "apiserver", ports];
            let held = world.test("allow", question, &["--against", against]);
            assert_eq!(held.status.code(), Some(0), "{held:#?}");
        }
        let question = ["shop/client", "apiserver", "443,8080"];
        let refused = world.test("deny", question, &["--against", against]);
        let refused = refused.expect_refused();
        let told = "it serves tcp/443, and its endpoints tcp/6443";
        assert!(refused.contains(told), "{refused}");
    }
    let said = world
        .explain(&["shop/client", "apiserver", "400-7000"])
        .expect(1);
    let told = "  allow       tcp/443,6443\n  not-served  tcp/400-442,444-6442,6444-7000\n";
    assert!(said.contains(told), "{said}");
}

/// The Service says where it leads to, even if nobody is listed behind it.
#[test]
fn another_port_that_it_listens_on_is_that_of_its_service() {
    let service = service(16443);
    let world = World::of(&[&client("16443"), NODE, service.as_str()].concat());
    for asked in ["443", "16443"] {
        world
            .explain(&["shop/client", "apiserver", asked])
            .expect(0);
    }
    world
        .explain(&["shop/client", "apiserver", "6443"])
        .expect(1);
}

#[test]
fn a_matrix_knows_its_nodes_by_that_word() {
    let world = World::of(&[&client("6443"), NODE].concat());
    let said = world
        .ask(&["matrix", "--to", "apiserver", "-o", "csv"])
        .expect(0);
    assert!(said.contains("nodes"), "{said}");
    let said = world.ask(&["matrix", "--by", "pod", "--to", "apiserver", "-o", "csv"]);
    let said = said.expect(0);
    assert!(said.contains("node/control"), "{said}");
}
