//! However it is spelled that everybody may come in and go out, it is worth nothing.

use serde_json::Value;

use super::{findings, json, share};

const NAMESPACES: [&str; 4] = ["north", "east", "south", "west"];

/// Two pods with addresses in each namespace, which deny everything both ways.
fn closed() -> String {
    let mut text = String::new();
    for (number, namespace) in (1..).zip(NAMESPACES) {
        text.push_str(&format!(
            "---
apiVersion: v1
kind: Namespace
metadata: {{name: {namespace}, labels: {{team: all, pod-security.kubernetes.io/enforce: baseline}}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: closed, namespace: {namespace}}}
spec: {{podSelector: {{}}, policyTypes: [Ingress, Egress]}}
"
        ));
        for (last, app) in (1..).zip(["one", "two"]) {
            text.push_str(&format!(
                "---
apiVersion: v1
kind: Pod
metadata: {{name: {app}, namespace: {namespace}, labels: {{app: {app}}}}}
spec: {{containers: [{{name: c, image: shop/{app}}}]}}
status: {{podIP: 10.244.{number}.{last}}}
"
            ));
        }
    }
    text
}

/// [`closed`] with a policy in each namespace that lets all of `peers` in and out.
fn letting_in(peers: &[String]) -> String {
    let peers = peers.join(", ");
    let policies = NAMESPACES.map(|namespace| {
        format!(
            "---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: open, namespace: {namespace}}}
spec: {{podSelector: {{}}, policyTypes: [Ingress, Egress], ingress: [{{from: [{peers}]}}], egress: [{{to: [{peers}]}}]}}
"
        )
    });
    closed() + &policies.concat()
}

fn measured(peers: &[String]) -> Value {
    json(&letting_in(peers), &["--fail-on", "never"], 0)
}

fn one(peer: &str) -> Vec<String> {
    vec![peer.to_owned()]
}

fn by_name(operator: &str) -> String {
    format!(
        "{{namespaceSelector: {{matchExpressions: [{{key: kubernetes.io/metadata.name, operator: {operator}}}]}}}}"
    )
}

#[test]
fn who_is_everybody_is_everybody_in_any_spelling() {
    let plain = measured(&one("{namespaceSelector: {}}"));
    let counted = ["RA01", "RA02", "RA08"];
    for id in counted {
        assert_eq!(share(&plain, id), (0, 8), "{id}");
    }
    let named = |namespace: &&str| {
        format!(
            "{{namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: {namespace}}}}}}}"
        )
    };
    let labelled = |app: &str| {
        let spaces = "{matchExpressions: [{key: kubernetes.io/metadata.name, operator: In, values: [north, east, south, west]}]}";
        format!("{{namespaceSelector: {spaces}, podSelector: {{matchLabels: {{app: {app}}}}}}}")
    };
    let addresses = (1..=4).flat_map(|number| (1..=2).map(move |last| (number, last)));
    let block = |(number, last)| format!("{{ipBlock: {{cidr: 10.244.{number}.{last}/32}}}}");
    let spellings: [(&str, Vec<String>); 9] = [
        ("by a label that all have", one(&by_name("Exists"))),
        (
            "not by a name that nobody has",
            one(&by_name("NotIn, values: [nothing]")),
        ),
        (
            "by a list of all",
            one(&by_name("In, values: [north, east, south, west]")),
        ),
        ("one by one", NAMESPACES.iter().map(named).collect()),
        (
            "by a team that all are of",
            one("{namespaceSelector: {matchLabels: {team: all}}}"),
        ),
        (
            "by a label of pods",
            one(
                "{namespaceSelector: {}, podSelector: {matchExpressions: [{key: app, operator: Exists}]}}",
            ),
        ),
        (
            "by all labels in all namespaces",
            vec![labelled("one"), labelled("two")],
        ),
        (
            "by the block of pods",
            one("{ipBlock: {cidr: 10.244.0.0/16}}"),
        ),
        ("by each address", addresses.map(block).collect()),
    ];
    for (spelling, peers) in spellings {
        let found = measured(&peers);
        for id in counted {
            assert_eq!(share(&found, id), (0, 8), "{spelling}: {id}");
        }
        assert!(
            found["score_millionths"].as_u64() <= plain["score_millionths"].as_u64(),
            "{spelling}"
        );
    }
}

#[test]
fn a_rule_of_the_cluster_for_everybody_is_no_better() {
    let accepting = "---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: everybody}
spec:
  tier: Admin
  priority: 1
  subject: {namespaces: {}}
  ingress: [{action: Accept, from: [{namespaces: {matchLabels: {team: all}}}]}]
  egress: [{action: Accept, to: [{namespaces: {matchLabels: {team: all}}}]}]
";
    let found = json(&(closed() + accepting), &[], 1);
    for id in ["RA01", "RA02", "RA08"] {
        assert_eq!(share(&found, id), (0, 8), "{id}");
    }
}

#[test]
fn to_leave_one_out_closes_nothing() {
    let named = ["north", "east", "south"].map(|namespace| {
        format!(
            "{{namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: {namespace}}}}}}}"
        )
    });
    let found = measured(&named);
    for id in ["RA01", "RA02", "RA08"] {
        assert_eq!(share(&found, id), (0, 8), "{id}");
    }
    let gap = &findings(&found, "RA01")[0]["gaps"][0];
    assert_eq!(gap["kind"], "flat-network");
    let message = gap["message"].as_str().unwrap();
    assert!(
        message.ends_with("in a cluster where most pairs are open"),
        "{message}"
    );
    assert_eq!(gap["witness"]["verdict"], "allow");
}

/// What the policies of others refuse is no merit of a workload's own.
#[test]
fn each_end_is_measured_by_its_own_policies() {
    let named = by_name("In, values: [north, east, south, west]");
    let outward = NAMESPACES.map(|namespace| {
        format!(
            "---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: out, namespace: {namespace}}}
spec: {{podSelector: {{}}, policyTypes: [Egress], egress: [{{to: [{named}]}}]}}
"
        )
    });
    let found = json(&(closed() + &outward.concat()), &["--fail-on", "never"], 0);
    assert_eq!(share(&found, "RA01"), (8, 8));
    assert_eq!(share(&found, "RA02"), (0, 8));
    assert!(findings(&found, "RA02")[0]["gaps"][0]["witness"].is_null());
}

#[test]
fn a_namespace_may_be_flat_by_itself() {
    let among = |apps: &str| {
        let peer = format!(
            "{{podSelector: {{matchExpressions: [{{key: app, operator: In, values: [{apps}]}}]}}}}"
        );
        let third = NAMESPACES.map(|namespace| {
            format!(
                "---
apiVersion: v1
kind: Pod
metadata: {{name: three, namespace: {namespace}, labels: {{app: three}}}}
spec: {{containers: [{{name: c, image: shop/three}}]}}
"
            )
        });
        json(
            &(letting_in(&[peer]) + &third.concat()),
            &["--fail-on", "never"],
            0,
        )
    };
    let flat = among("one, two, three");
    assert_eq!(share(&flat, "RA01"), (0, 12));
    let finding = &findings(&flat, "RA01")[0];
    assert_eq!(finding["gaps"][0]["kind"], "neighbours");
    assert_eq!(finding["severity"], "medium");
    assert_eq!(share(&flat, "RA08"), (12, 12));
    assert_eq!(share(&among("one"), "RA01"), (12, 12), "one is named");
}
