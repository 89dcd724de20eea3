//! `ringfence test --against lab`: assertions judged by real packets, in a lab of their own.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{
    Finished, Permit, Run, Surroundings, eventually, processes_of, ringfence, unique_name,
};

const MANIFESTS: &str = "
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: shop, labels: {app: client}}
spec: {containers: [{name: c, image: x}]}
---
apiVersion: v1
kind: Pod
metadata: {name: other, namespace: shop, labels: {app: other}}
spec: {containers: [{name: c, image: x}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: x, ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 8080, targetPort: 80}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress:
  - {from: [{podSelector: {matchLabels: {app: client}}}], ports: [{port: 80}]}
";

const HOLDS: &str = "
- name: the client reaches the web tier
  allow:
  - {from: shop/client, to: svc/shop/web}
  - {from: shop/client, to: shop/deploy/web, ports: tcp/80}
- name: nobody else does
  deny:
  - {from: shop/other, to: shop/deploy/web, ports: [tcp/80, udp/80]}
  - {from: shop/client, to: shop/deploy/web, ports: tcp/81}
  - {from: shop/other, to: svc/shop/web}
- name: the web tier reaches the outside world
  allow: {from: shop/deploy/web, to: 203.0.113.10, ports: tcp/80}
- name: packets that a lab does not send
  deny: {from: shop/other, to: shop/deploy/web, ports: [sctp/80, icmp]}
- name: hosts that a lab does not have
  allow: {from: shop/client, to: 192.0.2.7, ports: tcp/80}
- name: ways that a lab does not have
  deny: {from: 203.0.113.10, to: shop/deploy/web, ports: tcp/80}
";

fn tests(folder: &tempfile::TempDir, tests: &str) -> String {
    let file = folder.path().join("tests.yaml");
    let head = "apiVersion: ringfence.dev/v1alpha1\nkind: PolicyTest\ntests:";
    std::fs::write(&file, format!("{head}{tests}")).unwrap();
    file.to_str().unwrap().to_owned()
}

fn command(file: &str, more: &[&str]) -> Command {
    let mut command = ringfence(&["test", file, "-f", "-", "--against", "lab"]);
    command.args(more);
    command
}

fn judged(manifests: &str, assertions: &str, more: &[&str]) -> Finished {
    let _permit = Permit::shared();
    let folder = tempfile::tempdir().unwrap();
    let file = tests(&folder, assertions);
    command(&file, more).finish_with_input(manifests.as_bytes())
}

fn statuses(said: &str) -> Vec<String> {
    let told: Value = serde_json::from_str(said).unwrap();
    let tests = told["tests"].as_array().unwrap();
    let status = |test: &Value| test["status"].as_str().unwrap().to_owned();
    tests.iter().map(status).collect()
}

#[test]
fn packets_agree_with_the_policies_and_what_cannot_be_sent_is_skipped() {
    let finished = judged(MANIFESTS, HOLDS, &["-o", "json"]);
    let said = finished.expect_ok();
    let expected = [
        "passed", "passed", "passed", "skipped", "skipped", "skipped",
    ];
    assert_eq!(statuses(&said), expected, "{said}");
    let told: Value = serde_json::from_str(&said).unwrap();
    let reason = |test: usize, place: usize| {
        let skipped = &told["tests"][test]["skipped"][place];
        skipped["reason"].as_str().unwrap().to_owned()
    };
    assert_eq!(reason(3, 0), "a lab opens no SCTP connections");
    assert_eq!(reason(3, 1), "a lab opens connections of TCP and UDP only");
    assert!(reason(4, 0).starts_with("nobody in a lab has the address 192.0.2.7"));
    let no_way = "the host outside of a lab has a way to nodes alone, and 10.244.";
    assert!(reason(5, 0).starts_with(no_way), "{said}");
}

/// Each assertion turned round fails, so that nothing passes unmeasured.
#[test]
fn what_packets_do_is_what_fails() {
    let turned = HOLDS
        .replace("allow:", "ALLOW:")
        .replace("deny:", "allow:")
        .replace("ALLOW:", "deny:");
    let finished = judged(MANIFESTS, &turned, &["-o", "json"]);
    assert_eq!(finished.code(), Some(1), "{finished:#?}");
    let expected = [
        "failed", "failed", "failed", "skipped", "skipped", "skipped",
    ];
    assert_eq!(statuses(&finished.stdout), expected, "{}", finished.stdout);
}

#[test]
fn where_everything_is_skipped_nothing_passes() {
    let only = "\n- {name: one, deny: {from: shop/other, to: shop/client, ports: icmp}}\n";
    let finished = judged(MANIFESTS, only, &[]);
    assert_eq!(finished.code(), Some(1), "{finished:#?}");
    assert!(
        finished
            .stdout
            .ends_with("1 skipped\nevery connection was skipped: nothing is known\n"),
        "{finished:#?}"
    );
}

/// A policy that tells apart addresses which a lab gives in its own way.
#[test]
fn addresses_that_a_lab_does_not_give_are_not_taken_for_its_own() {
    let manifests = "
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: shop, labels: {app: client}}
spec: {containers: [{name: c, image: x}]}
status: {phase: Running, podIP: 192.168.7.7, podIPs: [{ip: 192.168.7.7}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: c, image: x}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress: [{from: [{ipBlock: {cidr: 192.168.7.0/24}}]}]
";
    let assertions = "\n- {name: one, allow: {from: shop/client, to: shop/web, ports: tcp/80}}\n";
    let finished = judged(manifests, assertions, &[]);
    assert_eq!(finished.code(), Some(1), "{finished:#?}");
    assert!(
        finished
            .stdout
            .contains("the policies say `deny` instead of `allow`"),
        "{finished:#?}"
    );
}

#[test]
fn what_a_lab_refuses_is_named_and_no_lab_starts() {
    let node = "
---
apiVersion: v1
kind: Node
metadata: {name: another}
";
    let finished = judged(&format!("{MANIFESTS}{node}"), HOLDS, &[]);
    let said = finished.expect_refused();
    assert!(said.contains("Node another"), "{said}");
}

#[test]
fn the_example_holds_with_the_nodes_of_its_kind_configuration() {
    let _permit = Permit::shared();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut command = ringfence(&["test", "examples/netpol-demo/policy-tests.yaml"]);
    let folder = "examples/netpol-demo";
    let files = ["-f", folder, "-f", "examples/netpol-demo/frontend"];
    command.current_dir(root).args(files);
    command.args(["--against", "lab"]);
    let finished = command.finish();
    assert_eq!(finished.code(), Some(0), "{finished:#?}");
    let summary = "5 tests, 65 connections: 3 passed, 2 skipped\n";
    assert!(finished.stdout.ends_with(summary), "{finished:#?}");
}

/// The lab is gone with the command: when it ends, and when it is killed.
#[test]
fn nothing_is_left_of_the_lab() {
    let _permit = Permit::alone();
    let folder = tempfile::tempdir().unwrap();
    let scratch = folder.path().join("scratch");
    std::fs::create_dir_all(&scratch).unwrap();
    let before = Surroundings::now(&scratch);
    let file = tests(&folder, HOLDS);
    // What processes of labs are told apart by; the command itself does not look at it.
    let lab = unique_name();
    let of_it = |command: &mut Command| {
        command
            .env("RINGFENCE_LAB", &lab)
            .env("TMPDIR", &scratch)
            .env("XDG_RUNTIME_DIR", &scratch)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    for kill in [false, true] {
        let mut child = of_it(&mut command(&file, &[]));
        let mut input = child.stdin.take().unwrap();
        std::io::Write::write_all(&mut input, MANIFESTS.as_bytes()).unwrap();
        drop(input);
        eventually("the lab runs", || {
            (processes_of(&lab).len() > 3).then_some(())
        });
        if kill {
            child.kill().unwrap();
        }
        child.wait().unwrap();
        eventually("the lab is gone", || {
            processes_of(&lab).is_empty().then_some(())
        });
    }
    assert_eq!(Surroundings::now(&scratch), before);
}
