//! `ringfence convert` through the program.

use crate::support::{Finished, ringfence, ringfence_reading};

const NAMESPACES: &str = "docs/examples/migration/namespaces.yaml";
const CALICO: &str = "docs/examples/migration/calico.yaml";
const REFUSED: &str = "docs/examples/migration/calico-refused.yaml";

fn code(finished: &Finished) -> i32 {
    finished.status.code().unwrap()
}

#[test]
fn what_is_written_is_what_the_other_commands_understand() {
    let converted = ringfence(&["convert", "-f", NAMESPACES, "-f", CALICO]);
    assert_eq!(code(&converted), 0, "{}", converted.stderr);
    let checked = ringfence_reading(&converted.stdout, &["check", "-f", "-"]);
    assert!(!checked.stdout.contains("error"), "{}", checked.stdout);
    let again = ringfence_reading(&converted.stdout, &["convert", "-f", "-"]);
    assert_eq!(code(&again), 2, "{}", again.stdout);
    assert!(
        again.stderr.contains("no object of Calico or Cilium"),
        "{}",
        again.stderr
    );
}

#[test]
fn items_of_a_typed_list_are_of_its_kind() {
    let list = "
apiVersion: projectcalico.org/v3
kind: NetworkPolicyList
items:
- metadata: {name: first, namespace: shop}
  spec: {selector: app == 'web', types: [Ingress]}
- metadata: {name: second, namespace: shop}
  spec: {selector: app == 'db', types: [Ingress], ingress: [{action: Log}]}
";
    let converted = ringfence_reading(list, &["convert", "-f", "-"]);
    assert_eq!(code(&converted), 1, "{converted:?}");
    assert!(converted.stdout.contains("name: first"), "{converted:?}");
    let refused = "NetworkPolicy/shop/second: spec.ingress[0].action: logs packets";
    assert!(converted.stderr.contains(refused), "{converted:?}");
}

#[test]
fn policies_of_cilium_are_converted_or_refused_one_by_one() {
    let cilium = "
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: web, namespace: shop}
spec: {endpointSelector: {}, ingress: [{fromEndpoints: [{}]}]}
---
apiVersion: cilium.io/v2
kind: CiliumEndpoint
metadata: {name: web-1, namespace: shop}
---
apiVersion: cilium.io/v2
kind: CiliumClusterwideNetworkPolicy
metadata: {name: out}
spec: {endpointSelector: {matchLabels: {'k8s:io.kubernetes.pod.namespace': shop}}, egress: [{toEntities: [world]}]}
";
    let alone = ringfence_reading(cilium, &["convert", "-f", "-"]);
    assert_eq!(code(&alone), 1, "{alone:?}");
    assert!(alone.stdout.contains("name: web"), "{alone:?}");
    let expected = [
        "CiliumClusterwideNetworkPolicy/out: spec.egress[0].toEntities[0]: tells the outside",
        "<stdin>:14:",
        "--pod-cidr and --node-cidr",
        "CiliumEndpoint/shop/web-1 is no policy, and left aside",
    ];
    for text in expected {
        assert!(alone.stderr.contains(text), "{text}: {alone:?}");
    }
    let blocks = [
        "--pod-cidr",
        "10.244.0.0/16",
        "--node-cidr",
        "192.168.10.0/24",
    ];
    let known = ringfence_reading(cilium, &[&["convert", "-f", "-"], &blocks[..]].concat());
    assert_eq!(code(&known), 0, "{known:?}");
    let outside = "except: [10.244.0.0/16, 192.168.10.0/24]";
    assert!(known.stdout.contains(outside), "{known:?}");
}

#[test]
fn policies_of_cilium_beside_those_of_calico_are_refused() {
    let both = "
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: web, namespace: shop}
spec: {endpointSelector: {}, ingress: [{}]}
---
apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec: {selector: app == 'db', types: [Ingress]}
";
    let converted = ringfence_reading(both, &["convert", "-f", "-"]);
    assert_eq!(code(&converted), 1, "{converted:?}");
    assert!(converted.stdout.contains("name: db"), "{converted:?}");
    let refused =
        "CiliumNetworkPolicy/shop/web: kind: is a policy of Cilium beside policies of Calico";
    assert!(converted.stderr.contains(refused), "{converted:?}");
}

#[test]
fn a_policy_that_selects_no_pod_is_named() {
    for (kind, selector) in [
        ("GlobalNetworkPolicy", "'!has(projectcalico.org/namespace)'"),
        ("NetworkPolicy", "global()"),
    ] {
        let calico = format!(
            "apiVersion: projectcalico.org/v3
kind: {kind}
metadata: {{name: hosts}}
spec: {{selector: {selector}, types: [Ingress]}}
"
        );
        let converted = ringfence_reading(&calico, &["convert", "-f", "-"]);
        assert_eq!(code(&converted), 0, "{converted:?}");
        let note = format!("note: {kind}/hosts selects no pod");
        assert!(converted.stderr.contains(&note), "{converted:?}");
    }
}

#[test]
fn refusals_name_object_field_line_and_what_to_do() {
    let refused = ringfence(&["convert", "-f", REFUSED]);
    assert_eq!(code(&refused), 1, "{}", refused.stderr);
    assert!(
        refused
            .stdout
            .starts_with("# Incomplete: 2 objects are refused"),
        "{}",
        refused.stdout
    );
    let expected = [
        "NetworkPolicy/shop/catalogue: spec.ingress[0].action: logs packets",
        "spec.ingress[1].source.serviceAccounts: selects by service account",
        "spec.ingress[1].http: speaks of HTTP requests",
        "NetworkPolicy/shop/outside: spec.ingress[0]: denies what comes from addresses",
        "calico-refused.yaml:30",
        "help: leave the addresses out of the rules that allow them",
    ];
    for text in expected {
        assert!(
            refused.stderr.contains(text),
            "no `{text}`: {}",
            refused.stderr
        );
    }
}

#[test]
fn machines_read_policies_and_reasons() {
    let refused = ringfence(&[
        "convert", "-f", REFUSED, "-f", CALICO, "-f", NAMESPACES, "-o", "json",
    ]);
    assert_eq!(code(&refused), 1, "{}", refused.stderr);
    let json: serde_json::Value = serde_json::from_str(&refused.stdout).unwrap();
    assert_eq!(json["complete"], false);
    assert_eq!(
        json["refusals"][0]["object"],
        "NetworkPolicy/shop/catalogue"
    );
    assert_eq!(
        json["refusals"][0]["reasons"][0]["path"],
        "spec.ingress[0].action"
    );
    assert_eq!(
        json["policies"][0]["manifest"]["kind"],
        "ClusterNetworkPolicy"
    );
    assert_eq!(json["policies"][0]["object"], "NetworkPolicy/shop/database");
}

#[test]
fn what_cannot_be_read_is_bad_input() {
    for text in ["a: [", "kind: A\nkind: B\n", ""] {
        let answer = ringfence_reading(text, &["convert", "-f", "-"]);
        assert_eq!(code(&answer), 2, "{text}: {}", answer.stdout);
        assert!(answer.stdout.is_empty(), "{}", answer.stdout);
    }
}
