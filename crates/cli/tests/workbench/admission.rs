//! The admission policy of `ringfence audit --admission`, evaluated as an API server does.
#![expect(clippy::indexing_slicing, reason = "test code")]

use cel::{Context, Program, Value as Cel};
use ringfence_model::{Input, read_json};
use serde_json::{Map, Value, json};

use crate::support::{ringfence, ringfence_reading};

/// The policy and its binding.
fn printed(arguments: &[&str]) -> [Value; 2] {
    let said = ringfence(&[&["audit", "--admission"], arguments].concat()).expect(0);
    documents(said)
}

fn documents(text: String) -> [Value; 2] {
    let name = "admission.yaml".to_owned();
    let documents = read_json(&Input { name, text }).unwrap();
    documents.try_into().unwrap()
}

fn evaluated(expression: &Value, object: &Value, variables: &Map<String, Value>) -> Value {
    let program = Program::compile(expression.as_str().unwrap()).unwrap();
    let mut context = Context::default();
    context.add_variable("object", object.clone()).unwrap();
    context
        .add_variable("variables", variables.clone())
        .unwrap();
    let value: Cel = program.execute(&context).unwrap();
    value.json().unwrap()
}

/// The messages of what refuses `object`.
fn refusals(policy: &Value, object: &Value) -> Vec<String> {
    let spec = &policy["spec"];
    let list = |key: &str| spec[key].as_array().unwrap().clone();
    let mut variables = Map::new();
    let is_true = |found: &Value, variables: &Map<String, Value>| {
        evaluated(&found["expression"], object, variables) == json!(true)
    };
    if !list("matchConditions")
        .iter()
        .all(|one| is_true(one, &variables))
    {
        return Vec::new();
    }
    for variable in list("variables") {
        let value = evaluated(&variable["expression"], object, &variables);
        variables.insert(variable["name"].as_str().unwrap().to_owned(), value);
    }
    let validations = list("validations").into_iter();
    let refusing = validations.filter(|one| !is_true(one, &variables));
    refusing
        .map(|one| one["message"].as_str().unwrap().to_owned())
        .collect()
}

/// Everything that makes a pod with this spec.
fn makers(spec: &Value) -> Vec<Value> {
    let object =
        |kind: &str, spec: Value| json!({"kind": kind, "metadata": {"name": "x"}, "spec": spec});
    let template = json!({"template": {"metadata": {}, "spec": spec}});
    let templated = [
        "Deployment",
        "DaemonSet",
        "StatefulSet",
        "ReplicaSet",
        "ReplicationController",
        "Job",
    ];
    let mut all = vec![
        object("Pod", spec.clone()),
        object(
            "CronJob",
            json!({"jobTemplate": {"spec": template.clone()}}),
        ),
    ];
    all.extend(templated.map(|kind| object(kind, template.clone())));
    all
}

#[test]
fn pods_on_the_host_network_are_refused_whoever_makes_them() {
    let [policy, _] = printed(&[]);
    let plain = json!({"containers": [{"name": "a", "ports": [{"containerPort": 80}]}]});
    let with = |key: &str, value: Value| {
        let mut spec = plain.clone();
        spec[key] = value;
        spec
    };
    let port =
        |number: u16| json!([{"name": "b", "ports": [{"containerPort": 53, "hostPort": number}]}]);
    let accepted = [
        plain.clone(),
        with("hostNetwork", json!(false)),
        with("initContainers", json!([{"name": "b"}])),
        with("containers", port(0)),
        with("hostPID", json!(true)),
    ];
    for spec in &accepted {
        for object in makers(spec) {
            assert_eq!(refusals(&policy, &object), [""; 0], "{object}");
        }
    }
    let refused = [
        (with("hostNetwork", json!(true)), "hostNetwork"),
        (with("containers", port(53)), "hostPort"),
        (with("initContainers", port(53)), "hostPort"),
    ];
    for (spec, word) in &refused {
        for mut object in makers(spec) {
            let said = refusals(&policy, &object);
            assert!(
                said.len() == 1 && said[0].starts_with(word),
                "{object}: {said:?}"
            );
            object["metadata"]["deletionTimestamp"] = json!("2025-01-28T00:00:00Z");
            assert_eq!(refusals(&policy, &object), [""; 0], "it is being deleted");
        }
    }
}

#[test]
fn everything_that_makes_pods_is_matched() {
    let [policy, binding] = printed(&[]);
    assert_eq!(policy["apiVersion"], "admissionregistration.k8s.io/v1");
    assert_eq!(policy["kind"], "ValidatingAdmissionPolicy");
    assert_eq!(policy["spec"]["failurePolicy"], "Fail");
    let rules = policy["spec"]["matchConstraints"]["resourceRules"]
        .as_array()
        .unwrap();
    let mut resources: Vec<&str> = rules
        .iter()
        .flat_map(|rule| rule["resources"].as_array().unwrap())
        .map(|name| name.as_str().unwrap())
        .collect();
    resources.sort_unstable();
    assert_eq!(
        resources,
        [
            "cronjobs",
            "daemonsets",
            "deployments",
            "jobs",
            "pods",
            "replicasets",
            "replicationcontrollers",
            "statefulsets"
        ]
    );
    assert_eq!(binding["kind"], "ValidatingAdmissionPolicyBinding");
    assert_eq!(binding["spec"]["policyName"], policy["metadata"]["name"]);
    assert_eq!(binding["spec"]["validationActions"], json!(["Deny"]));
}

fn exempt(binding: &Value) -> &Value {
    let selector = &binding["spec"]["matchResources"]["namespaceSelector"];
    let by_name = &selector["matchExpressions"][0];
    assert_eq!(by_name["key"], "kubernetes.io/metadata.name");
    assert_eq!(by_name["operator"], "NotIn");
    &by_name["values"]
}

#[test]
fn namespaces_are_exempt_by_name() {
    let [_, binding] = printed(&["--exempt", "monitoring", "--exempt", "ingress"]);
    assert_eq!(
        exempt(&binding),
        &json!(["ingress", "kube-system", "monitoring"])
    );
    let said = ringfence(&["audit", "--admission", "--exempt", "No\nname"]).expect_refused();
    assert!(said.contains("no name of a namespace"), "{said}");
}

/// Two agents on the host network, the first of them accepted.
const AGENTS: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: monitoring}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Pod
metadata: {name: agent, namespace: monitoring, annotations: {ringfence.dev/accept: "RA04: counts packets"}}
spec: {hostNetwork: true, containers: [{name: a, image: a}]}
---
apiVersion: v1
kind: Pod
metadata: {name: agent, namespace: shop}
spec: {hostNetwork: true, containers: [{name: a, image: a}]}
"#;

#[test]
fn manifests_say_who_is_exempt_and_who_would_be_refused() {
    let said = ringfence_reading(AGENTS, &["audit", "--admission", "-f", "-"]).expect(0);
    assert!(said.contains("#   shop/pod/agent\n"), "{said}");
    assert!(!said.contains("#   monitoring/pod/agent\n"), "{said}");
    let [_, binding] = documents(said);
    assert_eq!(exempt(&binding), &json!(["kube-system", "monitoring"]));
}

/// How many namespaces keep pods off the host network, of how many.
fn guarded(manifests: &str) -> (u64, u64) {
    let said = ringfence_reading(manifests, &["audit", "-f", "-", "-o", "json"]);
    let audit: Value = serde_json::from_str(&said.stdout).unwrap();
    let found = &audit["principles"][4];
    assert_eq!(found["id"], "RA05");
    (
        found["holds"].as_u64().unwrap(),
        found["measured"].as_u64().unwrap(),
    )
}

#[test]
fn the_policy_among_the_manifests_is_known_where_it_is_bound() {
    let printed = ringfence(&["audit", "--admission", "--exempt", "monitoring"]).expect(0);
    let with = |policy: &str| guarded(&format!("{AGENTS}---\n{policy}"));
    assert_eq!(guarded(AGENTS), (0, 2));
    assert_eq!(with(&printed), (1, 2), "monitoring is exempt");
    let weakened = [
        ("failurePolicy: Fail", "failurePolicy: Ignore"),
        ("[\"Deny\"]", "[\"Audit\"]"),
        ("policyName: ringfence-host-network", "policyName: another"),
        ("!variables.pod.hostNetwork\"", "true\""),
        ("resources: [\"pods\"]", "resources: [\"services\"]"),
    ];
    for (from, to) in weakened {
        assert!(printed.contains(from), "{from}");
        assert_eq!(with(&printed.replace(from, to)), (0, 2), "{to}");
    }
    let given_back = printed
        .replace(
            "resources: [\"pods\"]",
            "resources: [\"pods\"]\n      scope: \"*\"",
        )
        .replace(
            "matchPolicy: Equivalent",
            "matchPolicy: Equivalent\n    objectSelector: {}",
        )
        .replace(
            "matchResources:",
            "matchResources:\n    matchPolicy: Equivalent\n    objectSelector: {}",
        );
    assert_eq!(with(&given_back), (1, 2), "as an API server gives it back");
    let exempt = AGENTS.replace(
        "{name: shop}",
        "{name: shop, labels: {ringfence.dev/host-network: allowed}}",
    );
    assert_eq!(guarded(&format!("{exempt}---\n{printed}")), (0, 2));
}
