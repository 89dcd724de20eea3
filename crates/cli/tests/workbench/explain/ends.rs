//! Ends of many kinds, and many ports at once.

use super::explain;
use crate::support::ringfence_reading;

/// Two kinds of web servers, of which policy tells one apart.
const SHOP: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: x, ports: [{name: http, containerPort: 8080}]}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop}
spec:
  replicas: 2
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: c, image: x}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress:
  - from: [{podSelector: {matchLabels: {app: web}}}]
    ports: [{port: 5432}, {port: 8000, endPort: 8100}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: first, namespace: shop}
spec:
  podSelector: {matchLabels: {statefulset.kubernetes.io/pod-name: db-0}}
  ingress:
  - ports: [{port: 22}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: out, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Egress]
  egress:
  - to: [{ipBlock: {cidr: 0.0.0.0/0, except: [1.0.0.0/8]}}]
    ports: [{port: 443}]
  - to: [{podSelector: {}}, {namespaceSelector: {}, podSelector: {matchLabels: {k8s-app: kube-dns}}}]
---
apiVersion: v1
kind: Node
metadata: {name: control, labels: {node-role.kubernetes.io/control-plane: ''}}
status: {addresses: [{type: InternalIP, address: 192.168.0.1}]}
";

#[test]
fn pods_of_a_workload_that_no_policy_tells_apart_are_asked_once() {
    snapbox::assert_data_eq!(
        explain(SHOP, &["shop/deploy/web", "shop/sts/db", "22"], 1),
        snapbox::str![[r#"
partial: shop/deployment/web -> shop/statefulset/db tcp/22

deny shop/web-0 -> shop/db-1 tcp/22, and 1 more like it
  egress  shop/web-0: NetworkPolicy: shop/out egress[1] -> allow
  ingress shop/db-1: NetworkPolicy: isolated by shop/db, no rule matches -> deny

allowed: egress from shop/web-0 by shop/out egress[1]
  --> <stdin>:53:10
   |
53 |   - to: [{podSelector: {}}, {namespaceSelector: {}, podSelector: {matchLabels: {k8s-app: kube-dns}}}]
   |          ^^^^^^^^^^^^^^^^^ matches shop/db-1

denied: ingress to shop/db-1: isolated by shop/db, and no rule matches shop/web-0 on tcp/22
  --> <stdin>:31:3
   |
31 |   podSelector: {matchLabels: {app: db}}
   |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ shop/db selects shop/db-1 for ingress

no match: shop/db ingress[0]: the source matches, the port does not
  --> <stdin>:34:14
   |
33 |   - from: [{podSelector: {matchLabels: {app: web}}}]
   |            ---------------------------------------- matches shop/web-0
34 |     ports: [{port: 5432}, {port: 8000, endPort: 8100}]
   |              ^^^^^^^^^^    ^^^^^^^^^^ not 22
   |              |
   |              not 22

allow shop/web-0 -> shop/db-0 tcp/22, and 1 more like it
  egress  shop/web-0: NetworkPolicy: shop/out egress[1] -> allow
  ingress shop/db-0: NetworkPolicy: shop/first ingress[0] -> allow

allowed: egress from shop/web-0 by shop/out egress[1]
  --> <stdin>:53:10
   |
53 |   - to: [{podSelector: {}}, {namespaceSelector: {}, podSelector: {matchLabels: {k8s-app: kube-dns}}}]
   |          ^^^^^^^^^^^^^^^^^ matches shop/db-0

allowed: ingress to shop/db-0 by shop/first ingress[0]
  --> <stdin>:42:14
   |
42 |   - ports: [{port: 22}]
   |              ^^^^^^^^ matches tcp/22

"#]]
    );
}

#[test]
fn a_pod_that_does_not_exist_yet() {
    snapbox::assert_data_eq!(
        explain(SHOP, &["shop/[app=new]", "shop/db-1", "5432"], 1),
        snapbox::str![[r#"
deny: shop/[app=new] -> shop/db-1 tcp/5432

  egress  shop/[app=new]: NetworkPolicy: not isolated -> allow
  ingress shop/db-1: NetworkPolicy: isolated by shop/db, no rule matches -> deny

denied: ingress to shop/db-1: isolated by shop/db, and no rule matches shop/[app=new] on tcp/5432
  --> <stdin>:31:3
   |
31 |   podSelector: {matchLabels: {app: db}}
   |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ shop/db selects shop/db-1 for ingress

no match: shop/db ingress[0]: the port matches, the source does not
  --> <stdin>:33:41
   |
33 |   - from: [{podSelector: {matchLabels: {app: web}}}]
   |                                         ^^^^^^^^ shop/[app=new] has `app: new`
34 |     ports: [{port: 5432}, {port: 8000, endPort: 8100}]
   |              ---------- matches tcp/5432

"#]]
    );
}

#[test]
fn parts_of_the_internet_that_differ() {
    snapbox::assert_data_eq!(
        explain(SHOP, &["shop/web-0", "internet", "443"], 1),
        snapbox::str![[r#"
partial: shop/web-0 -> internet tcp/443

deny shop/web-0 -> 1.1.1.1 tcp/443
  egress  shop/web-0: NetworkPolicy: isolated by shop/out, no rule matches -> deny
  ingress 1.1.1.1: no policy applies -> allow

denied: egress from shop/web-0: isolated by shop/out, and no rule matches 1.1.1.1 on tcp/443
  --> <stdin>:48:3
   |
48 |   podSelector: {matchLabels: {app: web}}
   |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ shop/out selects shop/web-0 for egress

no match: shop/out egress[0]: the port matches, the destination does not
  --> <stdin>:51:47
   |
51 |   - to: [{ipBlock: {cidr: 0.0.0.0/0, except: [1.0.0.0/8]}}]
   |                                               ^^^^^^^^^ 1.1.1.1 is excepted
52 |     ports: [{port: 443}]
   |              --------- matches tcp/443

no match: shop/out egress[1]: the port matches, the destination does not
  --> <stdin>:53:10
   |
53 |   - to: [{podSelector: {}}, {namespaceSelector: {}, podSelector: {matchLabels: {k8s-app: kube-dns}}}]
   |          ^^^^^^^^^^^^^^^^^  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ selectors match pods alone, and 1.1.1.1 is not one
   |          |
   |          selectors match pods alone, and 1.1.1.1 is not one

allow shop/web-0 -> 2.0.0.0 tcp/443
  egress  shop/web-0: NetworkPolicy: shop/out egress[0] -> allow
  ingress 2.0.0.0: no policy applies -> allow

allowed: egress from shop/web-0 by shop/out egress[0]
  --> <stdin>:51:10
   |
51 |   - to: [{ipBlock: {cidr: 0.0.0.0/0, except: [1.0.0.0/8]}}]
   |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ matches 2.0.0.0
52 |     ports: [{port: 443}]
   |              ^^^^^^^^^ matches tcp/443

"#]]
    );
}

#[test]
fn the_api_server_is_asked_on_its_nodes_port() {
    let said = explain(SHOP, &["shop/web-0", "apiserver"], 1);
    assert!(
        said.contains("deny shop/web-0 -> node/control tcp/6443\n"),
        "{said}"
    );
    let said = explain(SHOP, &["shop/web-0", "apiserver", "443"], 1);
    assert!(
        said.contains("deny shop/web-0 -> node/control tcp/6443\n"),
        "{said}"
    );
    let said = explain(SHOP, &["shop/web-0", "apiserver", "22"], 1);
    assert!(
        said.contains("deny shop/web-0 -> node/control tcp/22\n"),
        "{said}"
    );
    let said = explain(SHOP, &["apiserver", "shop/db-1", "22"], 1);
    assert!(
        said.contains("deny node/control -> shop/db-1 tcp/22\n"),
        "{said}"
    );
}

#[test]
fn the_clusters_dns_is_there_in_every_cluster() {
    let said = explain(SHOP, &["shop/web-0", "dns", "udp/53"], 0);
    assert!(
        said.contains("allow shop/web-0 -> kube-system/[k8s-app=kube-dns] udp/53\n"),
        "{said}"
    );
    explain(SHOP, &["shop/db-0", "dns", "udp/53"], 0);
}

#[test]
fn every_port_is_summed_up() {
    snapbox::assert_data_eq!(
        explain(SHOP, &["shop/web-0", "shop/db-1"], 1),
        snapbox::str![[r#"
partial: shop/web-0 -> shop/db-1

  allow  tcp/5432,8000-8100
  deny   tcp/1-5431,5433-7999,8101-65535 udp/* sctp/* other-protocols

deny shop/web-0 -> shop/db-1 tcp/1-5431,5433-7999,8101-65535 udp/* sctp/* other-protocols
  egress  shop/web-0: NetworkPolicy: shop/out egress[1] -> allow
  ingress shop/db-1: NetworkPolicy: isolated by shop/db, no rule matches -> deny

allow shop/web-0 -> shop/db-1 tcp/5432,8000-8100
  egress  shop/web-0: NetworkPolicy: shop/out egress[1] -> allow
  ingress shop/db-1: NetworkPolicy: shop/db ingress[0] -> allow

The lines behind it are shown for one port or a range, and with --all.

"#]]
    );
}

#[test]
fn a_range_is_exact() {
    snapbox::assert_data_eq!(
        explain(SHOP, &["shop/web-0", "shop/db-1", "7999-8001"], 1),
        snapbox::str![[r#"
partial: shop/web-0 -> shop/db-1 tcp/7999-8001

  allow  tcp/8000-8001
  deny   tcp/7999

deny shop/web-0 -> shop/db-1 tcp/7999
  egress  shop/web-0: NetworkPolicy: shop/out egress[1] -> allow
  ingress shop/db-1: NetworkPolicy: isolated by shop/db, no rule matches -> deny

allowed: egress from shop/web-0 by shop/out egress[1]
  --> <stdin>:53:10
   |
53 |   - to: [{podSelector: {}}, {namespaceSelector: {}, podSelector: {matchLabels: {k8s-app: kube-dns}}}]
   |          ^^^^^^^^^^^^^^^^^ matches shop/db-1

denied: ingress to shop/db-1: isolated by shop/db, and no rule matches shop/web-0 on tcp/7999
  --> <stdin>:31:3
   |
31 |   podSelector: {matchLabels: {app: db}}
   |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ shop/db selects shop/db-1 for ingress

no match: shop/db ingress[0]: the source matches, the port does not
  --> <stdin>:34:14
   |
33 |   - from: [{podSelector: {matchLabels: {app: web}}}]
   |            ---------------------------------------- matches shop/web-0
34 |     ports: [{port: 5432}, {port: 8000, endPort: 8100}]
   |              ^^^^^^^^^^    ^^^^^^^^^^ not 7999
   |              |
   |              not 7999

allow shop/web-0 -> shop/db-1 tcp/8000-8001
  egress  shop/web-0: NetworkPolicy: shop/out egress[1] -> allow
  ingress shop/db-1: NetworkPolicy: shop/db ingress[0] -> allow

allowed: ingress to shop/db-1 by shop/db ingress[0]
  --> <stdin>:33:12
   |
33 |   - from: [{podSelector: {matchLabels: {app: web}}}]
   |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ matches shop/web-0
34 |     ports: [{port: 5432}, {port: 8000, endPort: 8100}]
   |                            ^^^^^^^^^^ matches tcp/8000

"#]]
    );
    explain(SHOP, &["shop/web-0", "shop/db-1", "8000-8100"], 0);
}

/// A range of a Service's ports is as good as what it serves of them, whether the Service has an address or not.
#[test]
fn ports_of_a_range_that_no_service_has_are_told() {
    for address in ["", "clusterIP: 10.96.0.7, "] {
        let service = format!(
            "---
apiVersion: v1
kind: Service
metadata: {{name: web, namespace: shop}}
spec: {{{address}selector: {{app: web}}, ports: [{{name: a, port: 80, targetPort: http}}, {{name: b, port: 81}}]}}
"
        );
        let manifests = format!("{SHOP}{service}");
        let said = explain(&manifests, &["shop/db-0", "svc/shop/web", "80-90"], 1);
        let told = "partial: shop/db-0 -> svc/shop/web tcp/80-90

  allow       tcp/80-81
  not-served  tcp/82-90

allow ";
        assert!(said.starts_with(told), "{said}");
        let whole = explain(&manifests, &["shop/db-0", "svc/shop/web", "80-81"], 0);
        assert!(!whole.contains("not-served"), "{whole}");
        let said = explain(&manifests, &["shop/db-0", "svc/shop/web"], 0);
        let told = "allow: shop/db-0 -> svc/shop/web on the ports that it serves

  allow  tcp/80-81

allow ";
        assert!(said.starts_with(told), "{said}");
        let question = ["shop/db-0", "svc/shop/web", "80-90", "-o", "json"];
        let said = explain(&manifests, &question, 1);
        let json: serde_json::Value = serde_json::from_str(&said).unwrap();
        assert_eq!(
            json.get("ports").unwrap().to_string(),
            r#"{"allow":{"tcp":["80-81"]},"not-served":{"tcp":["82-90"]}}"#
        );
    }
}

#[test]
fn protocols_without_ports() {
    let said = explain(SHOP, &["shop/web-0", "shop/db-1", "proto/47"], 1);
    assert!(
        said.starts_with("deny: shop/web-0 -> shop/db-1 gre\n"),
        "{said}"
    );
    assert!(said.contains("protocol 47 has no ports"), "{said}");
}

#[test]
fn a_named_port_is_the_destinations() {
    let said = explain(SHOP, &["shop/db-0", "shop/web-0", "http"], 0);
    assert!(said.contains("db-0 -> shop/web-0 tcp/http"), "{said}");
}

/// Rule OB-13: the name of a headless Service stands for its pods, in every family, at their own ports.
#[test]
fn a_headless_service_is_its_pods() {
    let pod = |name: &str, app: &str, addresses: &str| {
        format!(
            "apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: db, labels: {{app: {app}}}}}
spec: {{containers: [{{name: c, image: i, ports: [{{name: sql, containerPort: 5432}}]}}]}}
status: {{phase: Running, podIPs: [{addresses}]}}
---
"
        )
    };
    let policies = "apiVersion: v1
kind: Service
metadata: {name: pg, namespace: db}
spec: {clusterIP: None, selector: {app: pg}, ports: [{port: 15432, targetPort: sql}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: pg, namespace: db}
spec:
  podSelector: {matchLabels: {app: pg}}
  ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}], ports: [{port: 5432}]}]
";
    let manifests = |second: &str| {
        let client = pod("client", "client", &format!("{{ip: 10.0.0.9}}{second}"));
        let pods = ["pg-0", "pg-1"].map(|name| {
            let last = name.trim_start_matches("pg-");
            let second = second.replace("::9", &format!("::{last}"));
            pod(name, "pg", &format!("{{ip: 10.0.1.{last}}}{second}"))
        });
        [client, pods.concat(), policies.to_owned()].concat()
    };
    let ask = |second: &str| {
        let question = ["explain", "db/client", "svc/db/pg", "15432", "-f", "-"];
        ringfence_reading(&manifests(second), &question).stdout
    };
    let said = ask("");
    assert!(
        said.starts_with("allow: db/client -> svc/db/pg tcp/15432"),
        "{said}"
    );
    assert!(
        said.contains("db/pg-0 tcp/15432 (5432 behind it), and likewise db/pg-1"),
        "{said}"
    );
    assert!(
        said.contains("[OB-13]") && said.contains("clients must dial 5432 at db/pg-0"),
        "{said}"
    );
    let said = ask(", {ip: \"fd00::9\"}");
    assert!(said.starts_with("partial: "), "{said}");
    assert!(said.contains("over IPv6"), "{said}");
}

/// Each way is told once, whatever stands at its other end.
#[test]
fn pods_that_are_alike_are_counted_once() {
    let pod = |name: &str, app: &str, owners: &str| {
        format!(
            "apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: a, labels: {{app: {app}}}, ownerReferences: [{owners}]}}
spec: {{containers: [{{name: c, image: i}}]}}
---
"
        )
    };
    let owner = "{apiVersion: apps/v1, kind: ReplicaSet, name: web, uid: u, controller: true}";
    let web = (0..50).map(|number| pod(&format!("web-{number}"), "web", owner));
    let manifests = web.collect::<String>()
        + &pod("db", "db", "")
        + "apiVersion: v1
kind: Namespace
metadata: {name: a}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: a}
spec: {selector: {app: db}, ports: [{port: 80}]}
";
    for (source, destination, ways) in [
        ("a/replicaset/web", "svc/a/db", 50),
        ("a/replicaset/web", "a/db", 50),
        ("a/replicaset/web", "203.0.113.9", 50),
        ("203.0.113.9", "a/replicaset/web", 50),
        ("a/replicaset/web", "a/replicaset/web", 50 * 49),
        ("a/web-7", "svc/a/db", 1),
    ] {
        let arguments = [
            "explain",
            source,
            destination,
            "80",
            "-f",
            "-",
            "-o",
            "json",
        ];
        let found = ringfence_reading(&manifests, &arguments);
        let json: serde_json::Value = serde_json::from_str(&found.stdout).unwrap_or_default();
        let connections = json["connections"].as_array();
        let connections = connections.into_iter().flatten();
        let counted = connections.map(|one| one["alike"].as_u64().unwrap());
        let counted: u64 = counted.sum();
        assert_eq!(counted, ways, "{source} -> {destination}: {}", found.stderr);
    }
}

/// Three pods of one workload that no policy tells apart, on two nodes, and a Service that has a backend on the first.
fn scattered(policy_traffic: &str) -> String {
    let pod = |name: &str, node: &str, address: &str| {
        format!(
            "
---
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: a, labels: {{app: w}}, ownerReferences: [{{apiVersion: apps/v1, kind: StatefulSet, name: w, uid: u, controller: true}}]}}
spec: {{nodeName: {node}, containers: [{{name: c, image: x}}]}}
status: {{phase: Running, podIP: {address}}}"
        )
    };
    format!(
        "
apiVersion: v1
kind: Node
metadata: {{name: n1}}
status: {{addresses: [{{type: InternalIP, address: 172.18.0.1}}]}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: deny, namespace: a}}
spec: {{podSelector: {{}}}}
---
apiVersion: v1
kind: Service
metadata: {{name: s, namespace: b}}
spec: {{clusterIP: 10.96.0.5, {policy_traffic} selector: {{app: x}}, ports: [{{port: 80}}]}}
---
apiVersion: v1
kind: Pod
metadata: {{name: x, namespace: b, labels: {{app: x}}}}
spec: {{nodeName: n1, containers: [{{name: c, image: x}}]}}
status: {{phase: Running, podIP: 10.244.1.9}}{}{}{}",
        pod("w-a", "n1", "10.244.1.1"),
        pod("w-b", "n1", "10.244.1.2"),
        pod("w-c", "n2", "10.244.2.1"),
    )
}

/// The first line of what is said, and the connections.
fn told(manifests: &str, question: [&str; 3], code: i32) -> Vec<String> {
    let text = explain(manifests, &question, code);
    let lines = text.lines().filter(|line| {
        let starts = |start: &&str| line.starts_with(start);
        ["allow", "deny", "partial", "no-endpoints"]
            .iter()
            .any(starts)
            && !line.contains("ed: ")
    });
    lines.map(str::to_owned).collect()
}

/// Rule NP-50: the node that runs a pod always reaches it, and does not reach one like it elsewhere.
#[test]
fn nodes_are_asked_about_pods_of_their_own_and_of_others() {
    let manifests = scattered("");
    let control = [
        "partial: node/n1 -> a/statefulset/w tcp/80",
        "deny node/n1 -> a/w-c tcp/80",
        "allow node/n1 -> a/w-a tcp/80, and likewise a/w-b",
    ];
    assert_eq!(
        told(&manifests, ["node/n1", "a/statefulset/w", "80"], 1),
        control
    );
    let by_address = told(&manifests, ["172.18.0.1", "a/statefulset/w", "80"], 1);
    assert!(by_address[0].starts_with("partial: "), "{by_address:?}");
}

/// Rule OB-18: a Service that keeps to the client's node has a backend for pods on that of its backend alone.
#[test]
fn a_service_that_keeps_to_the_node_is_asked_about_from_each() {
    let manifests = scattered("internalTrafficPolicy: Local,");
    for service in ["svc/b/s", "10.96.0.5"] {
        let said = told(&manifests, ["a/statefulset/w", service, "80"], 1);
        assert!(said[0].starts_with("partial: "), "{said:?}");
    }
    let anywhere = told(&scattered(""), ["a/statefulset/w", "svc/b/s", "80"], 0);
    assert!(anywhere[0].starts_with("allow: "), "{anywhere:?}");
}

/// Rule NP-34: nobody knows which names the ports of a pod will have that does not exist yet.
#[test]
fn a_pod_by_labels_names_no_ports_and_that_is_said() {
    let manifests = "
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: a}
spec: {containers: [{name: c, image: x}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: cache, namespace: a}
spec:
  podSelector: {matchLabels: {app: cache}}
  ingress: [{ports: [{port: redis}]}]
";
    let said = |destination: &str, port: &str, code: i32| {
        let text = explain(manifests, &["a/client", destination, port], code);
        text.lines()
            .filter(|line| line.contains("NP-34"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        said("a/[app=cache]", "6379", 1),
        [
            "warning[NP-34]: a/[app=cache] is known by its labels alone, and rules name the port `redis`: what depends on the ports that it will declare is unknown"
        ]
    );
    assert!(said("a/[app=other]", "6379", 0).is_empty());
}
