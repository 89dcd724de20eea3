//! `--resolve`: names of policies, and the addresses that the user knows of them.

use crate::support::ringfence_reading;

const BY_NAME: &str = "apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: { name: to-vendor }
spec:
  tier: Admin
  priority: 10
  subject: { namespaces: {} }
  egress:
  - name: vendor
    action: Accept
    to: [{ domainNames: ['*.example.com'] }]
  - name: nothing-else
    action: Deny
    to: [{ networks: [0.0.0.0/0] }]
---
apiVersion: v1
kind: Namespace
metadata: { name: shop }
---
apiVersion: v1
kind: Pod
metadata: { name: web, namespace: shop }
spec: { containers: [{ name: web, image: web }] }
";

/// How the question ends, and what is warned of.
fn explain(more: &[&str]) -> (Option<i32>, String) {
    let question = ["explain", "-f", "-", "shop/web", "203.0.113.7", "tcp/443"];
    let finished = ringfence_reading(BY_NAME, &[question.as_slice(), more].concat());
    (finished.status.code(), finished.stderr)
}

#[test]
fn a_name_opens_the_addresses_that_are_given_for_it() {
    let (code, warned) = explain(&[]);
    assert_eq!(code, Some(1), "{warned}");
    assert!(warned.contains("--resolve NAME=ADDRESS"), "{warned}");
    let known = "API.example.com=203.0.113.7,2001:db8::7";
    assert_eq!(explain(&["--resolve", known]), (Some(0), String::new()));
    // The wildcard is for names below.
    let (code, warned) = explain(&["--resolve", "example.com=203.0.113.7"]);
    assert_eq!(code, Some(1), "{warned}");
}

#[test]
fn what_is_no_address_is_refused() {
    let arguments = ["check", "-f", "-", "--resolve", "a.com=b"];
    let said = ringfence_reading(BY_NAME, &arguments).expect_refused();
    assert!(said.contains("`b` is no IP address"), "{said}");
}

/// Repositories hold no addresses: policies alone say that there is IPv6.
#[test]
fn what_policies_open_to_ipv6_is_open_to_the_internet() {
    let cluster = "apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec: {containers: [{name: web, image: web}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: six, namespace: shop}
spec:
  podSelector: {}
  policyTypes: [Egress]
  egress: [{to: [{ipBlock: {cidr: '::/0'}}]}]
";
    for place in ["internet", "metadata"] {
        let question = ["explain", "-f", "-", "shop/web", place, "80"];
        let told = ringfence_reading(cluster, &question).expect(1);
        assert!(told.contains("partial"), "{told}");
        let six = ["--pod-cidr", "fd01::/64"];
        let told = ringfence_reading(cluster, &[&question[..], &six].concat()).expect(0);
        assert!(told.contains("allow"), "{told}");
    }
    let matrix = ringfence_reading(cluster, &["matrix", "-f", "-"]).expect(0);
    assert!(matrix.contains(" internet  internet-ipv6 "), "{matrix}");
}
