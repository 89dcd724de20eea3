//! What `rules` says of a lab's kernels: the objects of a policy, the policies of an object, and what was matched.

use serde_json::Value;

use ringfence_standin::probe::ProbeProtocol;

use crate::support::{Lab, ringfence};

const PODS: &str = "
apiVersion: v1
kind: Pod
metadata: {name: server, labels: {app: server}}
spec:
  nodeName: kind-worker
  containers: [{name: c, image: web, ports: [{containerPort: 80}, {containerPort: 8080}]}]
---
apiVersion: v1
kind: Pod
metadata: {name: client, labels: {app: client}}
spec: {nodeName: kind-worker2, containers: [{name: c, image: x}]}
";

const POLICY: &str = "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: some}
spec:
  podSelector: {matchLabels: {app: server}}
  ingress:
  - from: [{podSelector: {matchLabels: {app: client}}}]
    ports: [{port: 80}]
  - from: [{podSelector: {matchLabels: {app: client}}}]
    ports: [{port: 9}]
";

struct Answer {
    code: i32,
    text: String,
}

fn rules(lab: &Lab, arguments: &[&str]) -> Answer {
    let output = ringfence(&["rules", "--lab", &lab.name])
        .args(arguments)
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    Answer {
        code: output.status.code().unwrap(),
        text: String::from_utf8(text).unwrap(),
    }
}

fn json(lab: &Lab, arguments: &[&str]) -> Value {
    let answer = rules(lab, &[arguments, &["-o", "json"]].concat());
    serde_json::from_str(&answer.text).unwrap()
}

#[test]
fn policies_and_kernels_lead_to_each_other() {
    let lab = Lab::up(PODS);
    lab.apply(POLICY);
    let server = lab.address("server");

    let policy = json(&lab, &["default/some"]);
    let parts = policy["nodes"]["kind-worker"]["parts"].as_array().unwrap();
    assert_eq!(parts.len(), 3, "{policy:#}");
    assert_eq!(parts[0]["elements"][0]["set"], "ingress4");
    assert_eq!(parts[0]["elements"][0]["key"], *server);
    assert_eq!(parts[1]["elements"][0]["set"], "ingress-ports4");
    assert_eq!(parts[1]["elements"][0]["pod"], "default/server");
    let elsewhere = rules(&lab, &["some", "--node", "kind-worker2"]);
    assert_eq!(elsewhere.code, 1, "{}", elsewhere.text);
    assert_eq!(rules(&lab, &["other"]).code, 2);

    let object = rules(&lab, &["--object", &format!("ingress4 {{ {server} }}")]);
    assert_eq!(object.code, 0);
    assert!(
        object
            .text
            .contains("NetworkPolicy default/some isolates for ingress"),
        "{}",
        object.text
    );
    assert_eq!(rules(&lab, &["--object", "ingress4 192.0.2.1"]).code, 1);

    let whole = rules(&lab, &["--node", "kind-worker"]);
    assert!(
        whole.text.contains("chain ingress-judge4 {"),
        "{}",
        whole.text
    );
}

#[test]
fn rules_count_the_connections_that_they_judge() {
    let lab = Lab::up(PODS);
    lab.apply(POLICY);
    let server = lab.address("server");
    let unused = rules(&lab, &["--unused"]);
    assert_eq!(unused.code, 1);
    assert!(
        unused.text.contains("default/some ingress[0]"),
        "{}",
        unused.text
    );

    lab.reaches("client", &server, 80, ProbeProtocol::Tcp);
    lab.reaches("client", &server, 80, ProbeProtocol::Tcp);
    let counted = json(&lab, &["some"]);
    let parts = &counted["nodes"]["kind-worker"]["parts"];
    let first = parts[1]["packets"].as_u64().unwrap();
    assert!(first >= 2, "{parts:#}");
    assert_eq!(parts[2]["packets"], 0);
    let unused = rules(&lab, &["--unused"]);
    assert!(!unused.text.contains("ingress[0]"), "{}", unused.text);
    assert!(
        unused.text.contains("default/some ingress[1]"),
        "{}",
        unused.text
    );

    // A change of another policy leaves the counters alone.
    lab.apply(
        &POLICY
            .replace("name: some", "name: other")
            .replace("app: server", "app: nobody"),
    );
    let counted = json(&lab, &["some"]);
    assert_eq!(
        counted["nodes"]["kind-worker"]["parts"][1]["packets"],
        first
    );
    let text = rules(&lab, &["--counters"]).text;
    assert!(text.contains("count"), "{text}");
    let line = format!("{first}         1  NetworkPolicy default/some ingress[0]");
    assert!(text.contains(&line), "{text}");
}

/// What the packet filter was before can be kept, and compared with what it is.
#[test]
fn what_has_changed_since_a_moment_is_shown() {
    let lab = Lab::up(PODS);
    let server = lab.address("server");
    let before = rules(&lab, &["-o", "json"]).text;
    let file = lab.file("before.json", &before);
    let since = |file: &str| rules(&lab, &["--since", file, "--node", "kind-worker"]);
    let file = file.to_str().unwrap();

    let nothing = since(file);
    assert_eq!(
        (nothing.code, nothing.text.as_str()),
        (0, "# node kind-worker\nnothing changes in the kernel\n")
    );
    lab.apply(POLICY);
    let changed = since(file);
    assert_eq!(changed.code, 1);
    let line = format!("+ {server} comment \"default/some\" : continue");
    assert!(changed.text.contains(&line), "{}", changed.text);

    let other = lab.file("policy.json", &rules(&lab, &["some", "-o", "json"]).text);
    let refused = since(other.to_str().unwrap());
    assert_eq!(refused.code, 2);
    assert!(
        refused.text.contains("does not hold whole tables"),
        "{}",
        refused.text
    );
}
