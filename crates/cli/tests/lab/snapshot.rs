//! A lab that keeps its objects in a file: another one goes on from there.

use std::os::unix::fs::PermissionsExt as _;

use ringfence_standin::probe::ProbeProtocol::Tcp;

use crate::kubectl::Cluster;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{Lab, Permit, Traces, eventually};

const OBJECTS: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: web, ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: open}
spec: {selector: {run: open}, ports: [{port: 80}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed}
spec: {podSelector: {matchLabels: {app: web}}}
---
apiVersion: v1
kind: Secret
metadata: {name: password}
stringData: {p: secret}
";

/// No node is like this, and there is no such Secret.
const WAITING: &str = "
apiVersion: v1
kind: Pod
metadata: {name: homeless, namespace: kube-public}
spec: {nodeSelector: {disk: tape}, containers: [{name: c, image: web}]}
---
apiVersion: v1
kind: Pod
metadata: {name: clueless, namespace: kube-public}
spec: {containers: [{name: c, image: web, envFrom: [{secretRef: {name: nowhere}}]}]}
";

#[test]
fn a_lab_goes_on_where_another_ended() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lab.json");
    let up = ["up", "--snapshot", file.to_str().unwrap()];
    let before = Cluster::up_with(&up);
    before.lab().apply(OBJECTS);
    for pod in ["open", "client"] {
        before.ok(&format!("run {pod} --image=web --port=80"));
    }
    before.ok("wait --for=condition=Ready pod --all --timeout=90s");
    before.ok("label node kind-worker disk=ssd");
    let waiting = before.lab().file("waiting.yaml", WAITING);
    before.ok(&format!("apply -f {}", waiting.display()));
    let identities =
        "get deploy/web svc/web secret/password pod/client -o jsonpath={.items[*].metadata.uid}";
    let addresses = "get svc web open -o jsonpath={.items[*].spec.clusterIP}";
    let asked = [identities, addresses].map(|question| before.ok(question));
    before.lab().ok(&["down"]);
    drop(before);
    let mode = file.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "it holds Secrets");

    let after = Lab::planned(Permit::shared());
    let started = after.run(&up);
    for missing in [
        "do not run: pod kube-public/clueless (Pod kube-public/clueless: variable envFrom needs Secret nowhere",
        "pod kube-public/homeless (0/3 nodes are available",
    ] {
        assert!(started.stderr.contains(missing), "{started:#?}");
    }
    let after = Cluster::of(after, &started.expect_ok());
    let phases = after.ok("get pods -o jsonpath={.items[*].status.phase}");
    assert_eq!(phases, "Running Running Running", "when it is ready");
    assert_eq!(
        [identities, addresses].map(|question| after.ok(question)),
        asked
    );
    after.ok("rollout status deploy/web --timeout=90s");
    let labels = after.ok("get node kind-worker -o jsonpath={.metadata.labels.disk}");
    assert_eq!(labels, "ssd");
    after.lab().reaches("client", "open", 80, Tcp);
    after.lab().is_denied("client", "web", 80, Tcp);
    // It is kept up to date, so a lab that is killed has lost nothing but the last second.
    after.ok("create cm late");
    eventually("the file has the last change", || {
        let text = std::fs::read_to_string(&file).unwrap();
        text.contains("\"late\"").then_some(())
    });
    // While it runs nobody else has the file, and when it is killed the next one has all of it.
    let next = Lab::without_permit();
    let refused = next.run(&up).expect_refused();
    let named = format!("the snapshot of the lab `{}`", after.lab().name);
    assert!(refused.contains(&named), "{refused}");
    let host = Traces::of(&after.lab().name).process("lab-host");
    kill(Pid::from_raw(host), Signal::SIGKILL).unwrap();
    let started = next.ok(&up);
    let next = Cluster::of(next, &started);
    next.ok("get cm/late svc/web pod/client");
}

#[test]
fn what_is_no_snapshot_starts_no_lab() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lab.json");
    std::fs::write(&file, "{}").unwrap();
    let lab = Lab::planned(Permit::shared());
    for (path, reason) in [
        (file.to_str().unwrap(), "not a snapshot of a lab"),
        ("/run/lab.json", "choose a file elsewhere"),
        ("/nowhere/at/all.json", "cannot use the folder"),
    ] {
        let refused = lab.run(&["up", "--snapshot", path]).expect_refused();
        assert!(refused.contains(reason), "{path}: {refused}");
    }
    let object = r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "default"}, "dat": {}}"#;
    let text = format!(
        r#"{{"apiVersion": "ringfence.dev/v1alpha1", "kind": "LabSnapshot", "objects": [{object}]}}"#
    );
    std::fs::write(&file, text).unwrap();
    let refused = lab.run(&["up", "--snapshot", file.to_str().unwrap()]);
    let refused = refused.expect_refused();
    assert!(
        refused.contains("ConfigMap default/a") && refused.contains("dat"),
        "{refused}"
    );
}
