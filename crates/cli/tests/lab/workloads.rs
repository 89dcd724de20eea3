//! Objects come, change and go: workloads, labels, namespaces, containers that end.

use ringfence_standin::probe::ProbeProtocol;

use crate::support::{Lab, eventually};

const CLIENT_AND_SERVER: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Pod
metadata: {name: server, namespace: shop, labels: {app: server}}
spec: {containers: [{name: c, image: web, ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec: {containers: [{name: c, image: x}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: by-labels, namespace: shop}
spec:
  podSelector: {}
  ingress: [{from: [{namespaceSelector: {matchLabels: {purpose: frontend}}, podSelector: {matchLabels: {role: buyer}}}]}]
";

#[test]
fn labels_open_and_close() {
    let lab = Lab::up(CLIENT_AND_SERVER);
    let server = lab.address("shop/server");
    let tcp = || ProbeProtocol::Tcp;
    lab.is_denied("client", &server, 80, tcp());
    let set = lab.ok(&["label", "namespace", "default", "purpose=frontend"]);
    assert_eq!(set, "Namespace default configured\n");
    lab.is_denied("client", &server, 80, tcp());
    lab.ok(&["label", "pod", "client", "role=buyer", "tier=web"]);
    lab.reaches("client", &server, 80, tcp());
    let again = lab.ok(&["label", "pod", "client", "role=buyer"]);
    assert_eq!(again, "Pod default/client unchanged\n");
    lab.ok(&["label", "ns", "default", "purpose-"]);
    lab.is_denied("client", &server, 80, tcp());
    let before = lab.status().revision;
    let wrong = lab
        .run(&["label", "pod", "client", "role=not valid"])
        .expect_refused();
    snapbox::assert_data_eq!(
        wrong,
        snapbox::str![[r#"
error: label `role=not valid`: a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')

"#]]
    );
    let missing = lab.run(&["label", "pod", "nobody", "a=b"]).expect_refused();
    snapbox::assert_data_eq!(
        missing,
        snapbox::str![[r#"
error: Pod default/nobody does not exist

"#]]
    );
    assert_eq!(lab.status().revision, before);
}

#[test]
fn applying_again_changes_nothing_wherever_the_manifest_lies() {
    let lab = Lab::up(CLIENT_AND_SERVER);
    let (revision, address) = (lab.status().revision, lab.address("client"));
    let moved = lab.file(
        "moved.yaml",
        &format!("# one line more\n{CLIENT_AND_SERVER}"),
    );
    let printed = lab.ok(&["apply", "-f", moved.to_str().unwrap()]);
    assert_eq!(
        printed,
        "Namespace shop unchanged\nPod shop/server unchanged\nPod default/client unchanged\n\
         NetworkPolicy shop/by-labels unchanged\n"
    );
    assert_eq!(lab.address("client"), address);
    // Only the place where the policy was written is another one.
    assert!(lab.status().revision <= revision + 1);
    // What is stored and not carried out is said, as kubectl says it.
    let from = "{containerPort: 80}";
    let said =
        lab.try_apply(&CLIENT_AND_SERVER.replace(from, "{containerPort: 80, hostPort: 8080}"));
    let warning = "warning: Pod shop/server: spec.containers[0].ports[0].hostPort: stored, but not carried out";
    assert!(said.stderr.contains(warning), "{said:?}");
    assert!(said.expect_ok().contains("Pod shop/server configured"));
}

#[test]
fn a_namespace_takes_its_content_along() {
    let lab = Lab::up(CLIENT_AND_SERVER);
    let namespace = "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}";
    assert_eq!(lab.delete(namespace), "Namespace shop deleted\n");
    let status = lab.status();
    assert!(status.pods.iter().all(|pod| pod.name.namespace != "shop"));
    assert!(status.network_policies.is_empty());
    let tables = lab.rules();
    assert!(!tables.contains("shop/"), "{tables}");
    let again = lab.try_delete(namespace).expect_refused();
    snapbox::assert_data_eq!(
        again,
        snapbox::str![[r#"
error: not found, so nothing was deleted: Namespace shop

"#]]
    );
    let system = lab
        .try_delete("{apiVersion: v1, kind: Namespace, metadata: {name: kube-system}}")
        .expect_refused();
    snapbox::assert_data_eq!(
        system,
        snapbox::str![[r#"
error: Namespace kube-system may not be deleted; nothing was deleted

"#]]
    );
}

fn deployment(replicas: usize, image: &str) -> String {
    format!(
        "
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec: {{containers: [{{name: c, image: {image}, ports: [{{containerPort: 80}}]}}]}}
"
    )
}

fn web_pods(lab: &Lab) -> Vec<(String, String)> {
    let pods = lab.status().pods.into_iter();
    pods.filter(|pod| pod.name.name.starts_with("web-"))
        .map(|pod| (pod.name.name, pod.addresses[0].to_string()))
        .collect()
}

#[test]
fn a_deployment_scales_and_rolls() {
    let lab = Lab::up(&deployment(2, "web:1"));
    let two = web_pods(&lab);
    assert_eq!(two.len(), 2);
    lab.apply(&deployment(4, "web:1"));
    let four = web_pods(&lab);
    assert_eq!(four.len(), 4);
    assert!(two.iter().all(|pod| four.contains(pod)), "{two:?} {four:?}");
    lab.apply(&deployment(1, "web:1"));
    assert_eq!(web_pods(&lab).len(), 1);
    lab.apply(&deployment(2, "web:2"));
    let new = web_pods(&lab);
    assert_eq!(new.len(), 2);
    assert!(new.iter().all(|pod| !four.contains(pod)));
    lab.delete(&deployment(2, "web:2"));
    assert_eq!(web_pods(&lab), []);
}

fn job(restart: &str, script: &str) -> String {
    format!(
        "
apiVersion: v1
kind: Pod
metadata: {{name: job, labels: {{app: job}}}}
spec:
  restartPolicy: {restart}
  containers:
  - name: c
    image: busybox
    command: [sh, -c, '{script}']
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: job}}
spec: {{podSelector: {{matchLabels: {{app: job}}}}}}
"
    )
}

#[test]
fn a_program_of_the_machine_runs_and_its_words_are_kept() {
    let lab = Lab::up(&job(
        "Always",
        "echo hello from $HOSTNAME; echo oops >&2; sleep 1000",
    ));
    assert_eq!(lab.pod("job").phase, "Running");
    let logs = eventually("the words", || {
        let logs = lab.ok(&["logs", "job"]);
        logs.contains("oops").then_some(logs)
    });
    assert_eq!(logs, "hello from job\noops\n");
}

#[test]
fn a_pod_that_is_done_stays_done_and_leaves_the_tables() {
    for (script, phase, message) in [
        ("echo done", "Succeeded", None),
        (
            "echo failed; exit 3",
            "Failed",
            Some("container c ended with code 3"),
        ),
    ] {
        let lab = Lab::up(&job("Never", script));
        eventually("the pod has ended", || {
            (lab.pod("job").phase == phase).then_some(())
        });
        assert_eq!(lab.pod("job").message.as_deref(), message);
        assert_eq!(
            lab.ok(&["logs", "job"]),
            format!("{}\n", script.split([' ', ';']).nth(1).unwrap())
        );
        eventually("no table speaks of it", || {
            (!lab.rules().contains("default/job")).then_some(())
        });
        let refused = lab.exec("job", &["true"]).expect_refused();
        assert!(
            refused.starts_with("error: pod default/job is not running: "),
            "{refused}"
        );
        // It neither keeps others from changing nor comes back.
        lab.ok(&["label", "ns", "default", "a=b"]);
        assert_eq!(lab.pod("job").phase, phase);
        let client = "{apiVersion: v1, kind: Pod, metadata: {name: next}, spec: {containers: [{name: c, image: x}]}}";
        lab.apply(client);
        assert_eq!(lab.pod("next").phase, "Running");
    }
}

#[test]
fn a_container_that_ends_is_started_again() {
    let lab = Lab::up(&job("Always", "echo once more; sleep 0.05"));
    eventually("three starts", || {
        let message = lab.pod("job").message?;
        message.contains("ended with code 0, 2 times").then_some(())
    });
    assert_eq!(lab.pod("job").phase, "Running");
    // What it printed before is not what it prints now.
    eventually("the words of this run", || {
        let logs = lab.ok(&["logs", "job"]);
        assert!(logs.is_empty() || logs == "once more\n", "{logs}");
        (!logs.is_empty()).then_some(())
    });
}
