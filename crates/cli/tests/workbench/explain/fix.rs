//! What would turn an answer around.

use super::{explain, ringfence};

/// The part of an answer that is about edits.
#[track_caller]
fn edits(manifests: &str, question: &[&str], code: i32) -> String {
    let question = [question, &["--fix"]].concat();
    let said = explain(manifests, &question, code);
    let start = ["\nTo ", "\nNo edit"]
        .iter()
        .find_map(|title| said.find(title));
    let start = start.unwrap_or_default();
    said.split_at(start).1.to_owned()
}

const SHOP: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web, pod-template-hash: x1}}
spec: {containers: [{name: c, image: x}]}
status: {podIP: 10.0.0.1}
---
apiVersion: v1
kind: Pod
metadata: {name: jobs, namespace: shop, labels: {app: jobs}}
spec: {containers: [{name: c, image: x}]}
status: {podIP: 10.0.0.2}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: shop, labels: {app: db}}
spec: {containers: [{name: c, image: x}]}
status: {podIP: 10.0.0.3}
---
apiVersion: v1
kind: Pod
metadata: {name: far, namespace: other, labels: {app: web}}
spec: {containers: [{name: c, image: x}]}
status: {podIP: 10.0.0.4}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress:
  - from:  # who asks
    - podSelector: {matchLabels: {app: web}}
    ports:
    - port: 5432  # queries
    - {port: 8000, endPort: 8100}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: out, namespace: shop}
spec: {podSelector: {matchLabels: {app: jobs}}, policyTypes: [Egress], egress: [{to: [{podSelector: {matchLabels: {app: web}}}]}]}
";

#[test]
fn the_article_ends_well() {
    let arguments = [
        "explain",
        "default/client",
        "svc/netpol-demo/web-app",
        "tcp/80",
        "-f",
        "examples/netpol-demo",
        "--fix",
    ];
    let said = ringfence(&arguments).expect(1);
    let start = said.find("\nTo ").unwrap();
    snapbox::assert_data_eq!(
        said.split_at(start).1,
        snapbox::str![[r#"

To allow it, one of these:

1. add a peer to netpol-demo/web-allow-frontend ingress[0]
   --> examples/netpol-demo/web-allow-frontend.yaml:15
            matchLabels:
              purpose: frontend
   +    - namespaceSelector:
   +        matchLabels:
   +          kubernetes.io/metadata.name: default
   +      podSelector:
   +        matchLabels:
   +          run: client
        ports:
        - protocol: TCP
   nothing else changes

2. add an ingress rule to netpol-demo/default-deny-ingress
   --> examples/netpol-demo/default-deny-ingress.yaml:9
      policyTypes:
      - Ingress
   +  ingress:
   +  - from:
   +    - namespaceSelector:
   +        matchLabels:
   +          kubernetes.io/metadata.name: default
   +      podSelector:
   +        matchLabels:
   +          run: client
   +    ports:
   +    - protocol: TCP
   +      port: 80
   nothing else changes

3. label the namespace default with purpose=frontend
   --> a new document
   +apiVersion: v1
   +kind: Namespace
   +metadata:
   +  name: default
   +  labels:
   +    purpose: frontend
   nothing else changes

1 more; --all shows them

"#]]
    );
}

#[test]
fn a_port_is_added_where_the_peer_matches() {
    snapbox::assert_data_eq!(
        edits(SHOP, &["shop/web", "shop/db", "22"], 1),
        snapbox::str![[r#"

To allow it, one of these:

1. add a port to shop/db ingress[0]
   --> <stdin>:39
        - port: 5432  # queries
        - {port: 8000, endPort: 8100}
   +    - protocol: TCP
   +      port: 22
    ---
    apiVersion: networking.k8s.io/v1
   nothing else changes

2. add an ingress rule to shop/db
   --> <stdin>:39
        - port: 5432  # queries
        - {port: 8000, endPort: 8100}
   +  - from:
   +    - podSelector:
   +        matchLabels:
   +          app: web
   +    ports:
   +    - protocol: TCP
   +      port: 22
    ---
    apiVersion: networking.k8s.io/v1
   nothing else changes

3. add the NetworkPolicy shop/db-from-web
   --> a new document
   +apiVersion: networking.k8s.io/v1
   +kind: NetworkPolicy
   +metadata:
   +  name: db-from-web
   +  namespace: shop
   +spec:
   +  podSelector:
   +    matchLabels:
   +      app: db
   +  policyTypes:
   +  - Ingress
   +  ingress:
   +  - from:
   +    - podSelector:
   +        matchLabels:
   +          app: web
   +    ports:
   +    - protocol: TCP
   +      port: 22
   nothing else changes

"#]]
    );
}

#[test]
fn a_peer_of_another_namespace_is_named_with_its_namespace() {
    snapbox::assert_data_eq!(
        edits(SHOP, &["other/far", "shop/db", "5432"], 1),
        snapbox::str![[r#"

To allow it, one of these:

1. add an ingress rule to shop/db
   --> <stdin>:39
        - port: 5432  # queries
        - {port: 8000, endPort: 8100}
   +  - from:
   +    - namespaceSelector:
   +        matchLabels:
   +          kubernetes.io/metadata.name: other
   +      podSelector:
   +        matchLabels:
   +          app: web
   +    ports:
   +    - protocol: TCP
   +      port: 5432
    ---
    apiVersion: networking.k8s.io/v1
   nothing else changes

2. add the NetworkPolicy shop/db-from-far
   --> a new document
   +apiVersion: networking.k8s.io/v1
   +kind: NetworkPolicy
   +metadata:
   +  name: db-from-far
   +  namespace: shop
   +spec:
   +  podSelector:
   +    matchLabels:
   +      app: db
   +  policyTypes:
   +  - Ingress
   +  ingress:
   +  - from:
   +    - namespaceSelector:
   +        matchLabels:
   +          kubernetes.io/metadata.name: other
   +      podSelector:
   +        matchLabels:
   +          app: web
   +    ports:
   +    - protocol: TCP
   +      port: 5432
   nothing else changes

3. add a peer to shop/db ingress[0]
   --> <stdin>:36
      - from:  # who asks
        - podSelector: {matchLabels: {app: web}}
   +    - namespaceSelector:
   +        matchLabels:
   +          kubernetes.io/metadata.name: other
   +      podSelector:
   +        matchLabels:
   +          app: web
        ports:
        - port: 5432  # queries
   it also opens other/far -> shop/db tcp/8000-8100

"#]]
    );
}

#[test]
fn both_ends_are_opened_where_both_refuse() {
    snapbox::assert_data_eq!(
        edits(SHOP, &["shop/jobs", "shop/db", "5432"], 1),
        snapbox::str![[r#"

To allow it, one of these:

1. add a peer to shop/out egress[0]
   --> <stdin>:43
    kind: NetworkPolicy
    metadata: {name: out, namespace: shop}
   -spec: {podSelector: {matchLabels: {app: jobs}}, policyTypes: [Egress], egress: [{to: [{podSelector: {matchLabels: {app: web}}}]}]}
   +spec: {podSelector: {matchLabels: {app: jobs}}, policyTypes: [Egress], egress: [{to: [{podSelector: {matchLabels: {app: web}}}, {podSelector: {matchLabels: {app: db}}}]}]}
   and add an ingress rule to shop/db
   --> <stdin>:39
        - port: 5432  # queries
        - {port: 8000, endPort: 8100}
   +  - from:
   +    - podSelector:
   +        matchLabels:
   +          app: jobs
   +    ports:
   +    - protocol: TCP
   +      port: 5432
    ---
    apiVersion: networking.k8s.io/v1
   nothing else changes

2. add a peer to shop/out egress[0]
   --> <stdin>:43
    kind: NetworkPolicy
    metadata: {name: out, namespace: shop}
   -spec: {podSelector: {matchLabels: {app: jobs}}, policyTypes: [Egress], egress: [{to: [{podSelector: {matchLabels: {app: web}}}]}]}
   +spec: {podSelector: {matchLabels: {app: jobs}}, policyTypes: [Egress], egress: [{to: [{podSelector: {matchLabels: {app: web}}}, {podSelector: {matchLabels: {app: db}}}]}]}
   and add the NetworkPolicy shop/db-from-jobs
   --> a new document
   +apiVersion: networking.k8s.io/v1
   +kind: NetworkPolicy
   +metadata:
   +  name: db-from-jobs
   +  namespace: shop
   +spec:
   +  podSelector:
   +    matchLabels:
   +      app: db
   +  policyTypes:
   +  - Ingress
   +  ingress:
   +  - from:
   +    - podSelector:
   +        matchLabels:
   +          app: jobs
   +    ports:
   +    - protocol: TCP
   +      port: 5432
   nothing else changes

3. add an egress rule to shop/out
   --> <stdin>:43
    kind: NetworkPolicy
    metadata: {name: out, namespace: shop}
   -spec: {podSelector: {matchLabels: {app: jobs}}, policyTypes: [Egress], egress: [{to: [{podSelector: {matchLabels: {app: web}}}]}]}
   +spec: {podSelector: {matchLabels: {app: jobs}}, policyTypes: [Egress], egress: [{to: [{podSelector: {matchLabels: {app: web}}}]}, {to: [{podSelector: {matchLabels: {app: db}}}], ports: [{protocol: TCP, port: 5432}]}]}
   and add a peer to shop/db ingress[0]
   --> <stdin>:36
      - from:  # who asks
        - podSelector: {matchLabels: {app: web}}
   +    - podSelector:
   +        matchLabels:
   +          app: jobs
        ports:
        - port: 5432  # queries
   nothing else changes

6 more; --all shows them

"#]]
    );
}

#[test]
fn what_is_allowed_is_denied_by_less_of_a_rule() {
    snapbox::assert_data_eq!(
        edits(SHOP, &["shop/web", "shop/db", "8050"], 0),
        snapbox::str![[r#"

To deny it, one of these:

1. narrow ports[1] of shop/db ingress[0]
   --> <stdin>:38
        ports:
        - port: 5432  # queries
   -    - {port: 8000, endPort: 8100}
   +    - protocol: TCP
   +      port: 8000
   +      endPort: 8049
   +    - protocol: TCP
   +      port: 8051
   +      endPort: 8100
    ---
    apiVersion: networking.k8s.io/v1
   nothing else changes

2. add the ClusterNetworkPolicy/deny-web-to-db
   --> a new document
   +apiVersion: policy.networking.k8s.io/v1alpha2
   +kind: ClusterNetworkPolicy
   +metadata:
   +  name: deny-web-to-db
   +spec:
   +  tier: Admin
   +  priority: 100
   +  subject:
   +    pods:
   +      namespaceSelector:
   +        matchLabels:
   +          kubernetes.io/metadata.name: shop
   +      podSelector:
   +        matchLabels:
   +          app: web
   +  egress:
   +  - action: Deny
   +    to:
   +    - pods:
   +        namespaceSelector:
   +          matchLabels:
   +            kubernetes.io/metadata.name: shop
   +        podSelector:
   +          matchLabels:
   +            app: db
   +    protocols:
   +    - tcp:
   +        destinationPort:
   +          number: 8050
   nothing else changes

3. remove shop/db ingress[0]
   --> <stdin>:33
    spec:
      podSelector: {matchLabels: {app: db}}
   -  ingress:
   -  - from:  # who asks
   -    - podSelector: {matchLabels: {app: web}}
   -    ports:
   -    - port: 5432  # queries
   -    - {port: 8000, endPort: 8100}
   +  ingress: []
    ---
    apiVersion: networking.k8s.io/v1
   it also closes shop/web -> shop/db tcp/5432,8000-8049,8051-8100

1 more; --all shows them

"#]]
    );
}

#[test]
fn what_no_policy_judges_is_isolated_or_denied() {
    snapbox::assert_data_eq!(
        edits(SHOP, &["shop/web", "10.9.9.9", "443"], 0),
        snapbox::str![[r#"

To deny it, one of these:

1. add the ClusterNetworkPolicy/deny-web-to-10-9-9-9
   --> a new document
   +apiVersion: policy.networking.k8s.io/v1alpha2
   +kind: ClusterNetworkPolicy
   +metadata:
   +  name: deny-web-to-10-9-9-9
   +spec:
   +  tier: Admin
   +  priority: 100
   +  subject:
   +    pods:
   +      namespaceSelector:
   +        matchLabels:
   +          kubernetes.io/metadata.name: shop
   +      podSelector:
   +        matchLabels:
   +          app: web
   +  egress:
   +  - action: Deny
   +    to:
   +    - networks:
   +      - 10.9.9.9/32
   +    protocols:
   +    - tcp:
   +        destinationPort:
   +          number: 443
   nothing else changes

2. add the NetworkPolicy shop/isolate-web-to-10-9-9-9
   --> a new document
   +apiVersion: networking.k8s.io/v1
   +kind: NetworkPolicy
   +metadata:
   +  name: isolate-web-to-10-9-9-9
   +  namespace: shop
   +spec:
   +  podSelector:
   +    matchLabels:
   +      app: web
   +  policyTypes:
   +  - Egress
   it also closes shop/web -> other/far all
   it also closes shop/web -> shop/db tcp/5432,8000-8100
   it also closes shop/web -> shop/jobs all
   it also closes shop/web -> internet all
   it also closes shop/web -> metadata all
   and 2 more; --all shows them

"#]]
    );
}

#[test]
fn the_internet_is_more_than_its_example() {
    let said = edits(SHOP, &["shop/jobs", "internet", "443"], 1);
    assert!(
        said.contains("0.0.0.0/0") && said.contains("172.16.0.0/12"),
        "{said}"
    );
    assert!(!said.contains("1.1.1.1"), "{said}");
}

#[test]
fn an_admin_deny_is_preceded() {
    let policies = format!(
        "{SHOP}---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {{name: guard}}
spec:
  tier: Admin
  priority: 10
  subject: {{namespaces: {{}}}}
  ingress:
  - name: no-strangers
    action: Deny
    from:
    - namespaces: {{matchLabels: {{kubernetes.io/metadata.name: other}}}}
"
    );
    snapbox::assert_data_eq!(
        edits(&policies, &["other/far", "shop/web", "80"], 1),
        snapbox::str![[r#"

To allow it, one of these:

1. insert a rule with Pass before ClusterNetworkPolicy/guard ingress[0]
   --> <stdin>:53
      subject: {namespaces: {}}
      ingress:
   +  - action: Pass
   +    from:
   +    - pods:
   +        namespaceSelector:
   +          matchLabels:
   +            kubernetes.io/metadata.name: other
   +        podSelector:
   +          matchLabels:
   +            app: web
   +    protocols:
   +    - tcp:
   +        destinationPort:
   +          number: 80
      - name: no-strangers
        action: Deny
   it also opens other/far -> shop/jobs tcp/80

2. remove ClusterNetworkPolicy/guard ingress[0]
   --> <stdin>:52
      priority: 10
      subject: {namespaces: {}}
   -  ingress:
   -  - name: no-strangers
   -    action: Deny
   -    from:
   -    - namespaces: {matchLabels: {kubernetes.io/metadata.name: other}}
   +  ingress: []
   it also opens other/far -> shop/jobs all
   it also opens other/far -> shop/web tcp/1-79,81-65535 udp/* sctp/* other-protocols

"#]]
    );
}

#[test]
fn where_nothing_helps_it_says_so() {
    let node = format!(
        "{SHOP}---
apiVersion: v1
kind: Node
metadata: {{name: n1}}
status: {{addresses: [{{type: InternalIP, address: 192.168.0.1}}]}}
"
    );
    let said = edits(&node, &["node/n1", "192.168.0.1", "80"], 0);
    assert!(
        said.contains("No edit of policies was found that would deny it"),
        "{said}"
    );
    let refused = ["explain", "shop/web", "shop/db", "--fix", "-f", "-"];
    let said = super::ringfence_reading(SHOP, &refused).expect_refused();
    assert!(said.starts_with("error: --fix needs a PORT"), "{said}");
}

#[test]
fn machines_get_patches() {
    let question = ["shop/web", "shop/db", "22", "--fix", "-o", "json"];
    let said = explain(SHOP, &question, 1);
    let json: serde_json::Value = serde_json::from_str(&said).unwrap();
    let fix = &json["fix"];
    assert_eq!(fix["goal"], "allow");
    let edit = &fix["fixes"][0]["edits"][0];
    let patch = edit["patch"].as_str().unwrap();
    snapbox::assert_data_eq!(
        patch,
        snapbox::str![[r#"
--- a/<stdin>
+++ b/<stdin>
@@ -39,4 +39,6 @@
     - port: 5432  # queries
     - {port: 8000, endPort: 8100}
+    - protocol: TCP
+      port: 22
 ---
 apiVersion: networking.k8s.io/v1

"#]]
    );
    assert_eq!(fix["fixes"][0]["besides"], serde_json::json!([]));
}

/// The shop with addresses of both families.
fn dual_stack() -> String {
    (1..5).fold(SHOP.to_owned(), |shop, number| {
        let both = format!("podIPs: [{{ip: 10.0.0.{number}}}, {{ip: \"fd00::{number}\"}}]");
        shop.replace(&format!("podIP: 10.0.0.{number}"), &both)
    })
}

/// The fixes as machines get them.
#[track_caller]
fn machines(manifests: &str, question: &[&str], code: i32) -> Vec<serde_json::Value> {
    let question = [question, &["--fix", "--all", "-o", "json"]].concat();
    let said: serde_json::Value =
        serde_json::from_str(&explain(manifests, &question, code)).unwrap();
    said.pointer("/fix/fixes")
        .unwrap()
        .as_array()
        .unwrap()
        .clone()
}

fn texts(fixes: &[serde_json::Value], field: &str) -> Vec<String> {
    let edits = fixes
        .iter()
        .flat_map(|fix| fix["edits"].as_array().unwrap());
    let texts = edits.filter_map(|edit| edit[field].as_str());
    texts.map(str::to_owned).collect()
}

#[test]
fn the_internet_is_denied_to_its_last_block() {
    let shop = dual_stack();
    let fixes = machines(&shop, &["shop/web", "internet", "443"], 0);
    let documents = texts(&fixes, "document");
    let policies = documents
        .iter()
        .filter(|text| text.contains("ClusterNetworkPolicy"));
    let mut applied = 0;
    for policy in policies {
        assert!(
            policy.contains("- 0.0.0.0/5") && policy.contains("2000::/3"),
            "{policy}"
        );
        let said = explain(
            &format!("{shop}---\n{policy}"),
            &["shop/web", "internet", "443"],
            1,
        );
        assert!(said.starts_with("deny"), "{said}");
        applied += 1;
    }
    assert!(applied > 0, "{documents:?}");
}

#[test]
fn the_internet_is_accepted_to_its_last_block() {
    let denied = "
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: inside}
spec:
  tier: Admin
  priority: 10
  subject: {namespaces: {}}
  egress:
  - action: Deny
    to: [{networks: [0.0.0.0/0, \"::/0\"]}]
";
    let shop = format!("{}{denied}", dual_stack());
    let fixes = machines(&shop, &["shop/web", "internet", "443"], 1);
    let patches = texts(&fixes, "patch");
    let inserted = patches
        .iter()
        .filter(|text| text.contains("+    - networks") || text.contains("+  - action"));
    let inserted: Vec<&String> = inserted.collect();
    assert!(!inserted.is_empty(), "{fixes:?}");
    for patch in inserted {
        assert!(
            patch.contains("- 0.0.0.0/5") && patch.contains("2000::/3"),
            "{patch}"
        );
        assert!(!patch.contains("1.1.1.1"), "{patch}");
    }
}

#[test]
fn patches_of_one_line_are_made_one_after_the_other() {
    let fixes = machines(&dual_stack(), &["shop/jobs", "internet", "443"], 1);
    let of_line = |sign: char, patch: &str| {
        let lines = patch.lines().filter(|line| line.starts_with(sign));
        let lines = lines.filter(|line| line.contains("podSelector"));
        lines
            .map(|line| line.split_at(1).1.to_owned())
            .collect::<Vec<_>>()
    };
    let mut compared = 0;
    for fix in &fixes {
        let patches = texts(std::slice::from_ref(fix), "patch");
        for pair in patches.windows(2) {
            assert_eq!(
                of_line('+', &pair[0]),
                of_line('-', &pair[1]),
                "{patches:?}"
            );
            compared += of_line('-', &pair[1]).len();
        }
    }
    assert!(compared > 0, "{fixes:?}");
}

#[test]
fn a_file_that_no_line_break_ends_is_patched_as_it_is() {
    let shop = SHOP.trim_end();
    let fixes = machines(shop, &["shop/jobs", "shop/db", "5432"], 1);
    let patches = texts(&fixes, "patch");
    let last = patches
        .iter()
        .filter(|text| text.contains("metadata: {name: out"));
    let marked = "\n\\ No newline at end of file";
    let last: Vec<&String> = last.collect();
    assert!(!last.is_empty(), "{patches:?}");
    assert!(last.iter().all(|text| text.contains(marked)), "{last:?}");
}

/// AN-1: these policies say `Allow`.
#[test]
fn an_action_is_called_as_its_policy_writes_it() {
    let baseline = "
---
apiVersion: policy.networking.k8s.io/v1alpha1
kind: BaselineAdminNetworkPolicy
metadata: {name: default}
spec:
  subject: {namespaces: {}}
  ingress:
  - action: Deny
    from: [{namespaces: {}}]
";
    let said = edits(
        &format!("{SHOP}{baseline}"),
        &["other/far", "shop/web", "80", "--all"],
        1,
    );
    assert!(said.contains("insert a rule with Allow before"), "{said}");
}

#[test]
fn other_pods_of_the_asked_workload_are_told() {
    let set = "
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: ss, namespace: b}
spec:
  replicas: 3
  serviceName: ss
  selector: {matchLabels: {app: ss}}
  template:
    metadata: {labels: {app: ss}}
    spec: {containers: [{name: c, image: x}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed, namespace: b}
spec: {podSelector: {}}
";
    let manifests = format!("{SHOP}{set}");
    let one = edits(&manifests, &["shop/web", "b/ss-1", "5432", "--all"], 1);
    assert!(
        one.contains("it also opens some shop/web -> b/ss tcp/5432"),
        "{one}"
    );
    let all = edits(&manifests, &["shop/web", "b/ss", "5432", "--all"], 1);
    assert!(!all.contains("shop/web -> b/ss tcp/5432"), "{all}");
}
