//! Nodes and clients outside that ask for a Service: where they come in, and what is there.

use serde_json::Value;

use super::World;

/// A Service of `kind`, its pod on w1, and `policy` for that.
fn cluster(kind: &str, policy: &str) -> World {
    World::of(&format!(
        "
apiVersion: v1
kind: Node
metadata: {{name: w1}}
status: {{addresses: [{{type: InternalIP, address: 10.9.0.1}}]}}
---
apiVersion: v1
kind: Node
metadata: {{name: w2}}
status: {{addresses: [{{type: InternalIP, address: 10.9.0.2}}, {{type: InternalIP, address: 'fd09::2'}}]}}
---
apiVersion: v1
kind: Pod
metadata: {{name: web, namespace: x, labels: {{app: web}}}}
spec: {{nodeName: w1, containers: [{{name: c, image: i}}]}}
status: {{podIP: 10.1.0.2}}
---
apiVersion: v1
kind: Service
metadata: {{name: web, namespace: x}}
spec: {{{kind}, selector: {{app: web}}, ports: [{{port: 80, targetPort: 8080}}]}}
status: {{loadBalancer: {{ingress: [{{ip: 203.0.113.80}}]}}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: web, namespace: x}}
spec: {{podSelector: {{matchLabels: {{app: web}}}}, ingress: [{policy}]}}
---
"
    ))
}

const BALANCED: &str = "type: LoadBalancer, clusterIP: 10.96.0.3";
const CLIENTS: &str = "{from: [{ipBlock: {cidr: 198.51.100.0/24}}]}";

/// What `explain` says of a client outside that dials `to`: how it ends, and the warnings of OB-19.
fn asked(world: &World, to: &str) -> (Option<i32>, Vec<String>) {
    let said = world.explain(&["198.51.100.7", to, "80", "-o", "json"]);
    let json: Value = serde_json::from_str(&said.stdout).unwrap();
    let warnings = json.get("warnings").and_then(Value::as_array).unwrap();
    let text = |warning: &Value, field: &str| {
        let found = warning.get(field).and_then(Value::as_str);
        found.unwrap_or_default().to_owned()
    };
    let warnings = warnings.iter();
    let of_rule = warnings.filter(|warning| text(warning, "rule") == "OB-19");
    let messages = of_rule.map(|warning| text(warning, "message"));
    (said.status.code(), messages.collect())
}

#[test]
fn a_client_that_a_backend_may_not_see_is_warned_of() {
    let warning = "svc/x/web lets clients in at any node: where 198.51.100.7 comes in at node/w2, x/web sees that node in its \
                   place, and denies it";
    let world = cluster(BALANCED, CLIENTS);
    for to in ["203.0.113.80", "svc/x/web"] {
        assert_eq!(
            asked(&world, to),
            (Some(0), vec![warning.to_owned()]),
            "{to}"
        );
    }
    let text = world
        .explain(&["198.51.100.7", "203.0.113.80", "80"])
        .stdout;
    assert!(
        text.contains("warning[OB-19]") && text.contains("externalTrafficPolicy: Local"),
        "{text}"
    );
    // The address of the cluster is none that clients outside reach by way of nodes.
    assert_eq!(asked(&world, "10.96.0.3").1, Vec::<String>::new());

    let nodes = cluster(BALANCED, "{from: [{ipBlock: {cidr: 10.9.0.0/16}}]}");
    let (code, found) = asked(&nodes, "svc/x/web");
    assert_eq!(code, Some(1));
    assert!(found[0].ends_with("and lets it in"), "{found:?}");
}

#[test]
fn nothing_is_said_where_the_node_makes_no_difference() {
    for (kind, policy) in [
        (BALANCED, "{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}"),
        (BALANCED, "{from: [{podSelector: {}}]}"),
        (
            "type: LoadBalancer, clusterIP: 10.96.0.3, externalTrafficPolicy: Local",
            CLIENTS,
        ),
    ] {
        let world = cluster(kind, policy);
        assert_eq!(
            asked(&world, "203.0.113.80").1,
            Vec::<String>::new(),
            "{kind} {policy}"
        );
    }
}

/// As in every repository: no nodes, and no addresses.
#[test]
fn where_no_node_is_known_one_is_imagined() {
    let repository = |policy: &str| {
        World::of(&format!(
            "
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, namespace: x}}
spec: {{selector: {{matchLabels: {{app: web}}}}, template: {{metadata: {{labels: {{app: web}}}}, spec: {{containers: [{{name: c, image: i}}]}}}}}}
---
apiVersion: v1
kind: Service
metadata: {{name: web, namespace: x}}
spec: {{type: LoadBalancer, selector: {{app: web}}, ports: [{{port: 80, targetPort: 8080}}]}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: web, namespace: x}}
spec: {{podSelector: {{}}, ingress: [{policy}]}}
---
"
        ))
    };
    let (code, found) = asked(&repository(CLIENTS), "svc/x/web");
    assert_eq!(code, Some(0));
    assert!(
        found[0].contains("at another node than the pod's, x/web-0 sees that node in its place, and what it says depends"),
        "{found:?}"
    );
    let open = repository("{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}");
    assert_eq!(asked(&open, "svc/x/web"), (Some(0), Vec::new()));
}

#[test]
fn tests_carry_the_warning() {
    let world = cluster(BALANCED, CLIENTS);
    let question = ["198.51.100.7", "svc/x/web", "80"];
    let said = world.test("allow", question, &["-o", "json"]);
    assert_eq!(said.status.code(), Some(0), "{said:?}");
    assert!(said.stderr.contains("warning[OB-19]"), "{said:?}");
    let json: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(json["warnings"][0]["rule"], "OB-19", "{json}");
    let open = cluster(BALANCED, "{}");
    let json: Value =
        serde_json::from_str(&open.test("allow", question, &["-o", "json"]).expect(0)).unwrap();
    assert_eq!(json["warnings"], Value::Array(Vec::new()));
}

#[test]
fn a_service_that_keeps_to_its_node_says_so() {
    let local = "type: NodePort, clusterIP: 10.96.0.3, externalTrafficPolicy: Local, internalTrafficPolicy: Local";
    let world = cluster(local, CLIENTS);
    let manifests = std::fs::read_to_string(world.path("manifests.yaml")).unwrap();
    let with_port = manifests.replace("targetPort: 8080", "targetPort: 8080, nodePort: 30080");
    std::fs::write(world.path("manifests.yaml"), with_port).unwrap();
    let said = world.explain(&["198.51.100.7", "node/w2", "30080"]).stdout;
    assert!(
        said.contains(
            "x/web is on w1, and `externalTrafficPolicy: Local` keeps to the node that is dialled"
        ),
        "{said}"
    );
    let said = world.explain(&["node/w2", "svc/x/web", "80"]).stdout;
    assert!(
        said.contains(
            "x/web is on w1, and `internalTrafficPolicy: Local` keeps to the client's node"
        ),
        "{said}"
    );
}

/// OB-13: the name has addresses of the families that the pods have.
#[test]
fn a_headless_service_is_dialled_over_the_families_of_its_pods() {
    let world = cluster("clusterIP: None", "{}");
    let said = world.explain(&["node/w2", "svc/x/web", "80"]).expect(0);
    assert!(!said.contains("leads to no pod"), "{said}");
    world
        .test("allow", ["node/w2", "svc/x/web", "80"], &[])
        .expect(0);
    let literal = world.explain(&["fd09::2", "svc/x/web", "80"]).stdout;
    assert!(
        literal.contains("has no address of the client's family"),
        "{literal}"
    );
}
