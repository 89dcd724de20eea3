//! Whether namespaces are apart.

use super::{CLOSED, findings, json, share};

#[test]
fn separate_namespaces_are_those_that_rules_name() {
    let other = "
---
apiVersion: v1
kind: Namespace
metadata: {name: front}
---
apiVersion: v1
kind: Pod
metadata: {name: front, namespace: front, labels: {app: front}}
spec: {containers: [{name: front, image: front}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed, namespace: front}
spec: {podSelector: {}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: from-front, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress: [{from: [{namespaceSelector: SELECTOR, podSelector: {matchLabels: {app: front}}}]}]
";
    let named = other.replace(
        "SELECTOR",
        "{matchLabels: {kubernetes.io/metadata.name: front}}",
    );
    let found = json(&format!("{CLOSED}{named}"), &[], 1);
    assert_eq!(share(&found, "RA08"), (3, 3));
    let anywhere = other.replace("SELECTOR", "{}");
    let found = json(&format!("{CLOSED}{anywhere}"), &[], 1);
    assert_eq!(share(&found, "RA08"), (2, 3));
    let finding = &findings(&found, "RA08")[0];
    assert_eq!(finding["workload"], "shop/deployment/web");
    assert_eq!(finding["gaps"][0]["witness"]["source"], "front/front");
    assert_eq!(share(&found, "RA01"), (2, 3), "anybody may be front");
}

#[test]
fn to_deny_those_who_are_not_there_separates_nothing() {
    let pods = "apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Namespace
metadata: {name: ops}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: web, image: web}]}
---
apiVersion: v1
kind: Pod
metadata: {name: agent, namespace: ops, labels: {app: agent}}
spec: {containers: [{name: agent, image: agent}]}
";
    let denying = |namespaces: &str| {
        format!(
            "---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {{name: closed}}
spec:
  tier: Admin
  priority: 1
  subject: {{namespaces: {{}}}}
  ingress:
  - {{action: Deny, from: [{{namespaces: {{matchExpressions: [{{key: kubernetes.io/metadata.name, operator: {namespaces}}}]}}}}]}}
"
        )
    };
    let without = json(pods, &[], 1);
    let unknown = format!("{pods}{}", denying("NotIn, values: [shop, ops]"));
    let unknown = json(&unknown, &[], 1);
    assert_eq!(share(&unknown, "RA08"), (0, 2));
    assert_eq!(unknown["score"], without["score"]);
    let gap = &findings(&unknown, "RA08")[0]["gaps"][0];
    assert_eq!(gap["witness"]["source"], "shop/web");
    let known = format!("{pods}{}", denying("NotIn, values: [ops]"));
    assert_eq!(share(&json(&known, &[], 1), "RA08"), (1, 2));
}
