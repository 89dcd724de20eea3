//! Real kubectl against a server with controllers and a kubelet that only says that pods run.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use ringfence_apiserver::server::{Identity, Server};
use ringfence_controllers::{Runner, RunnerConfig};

use super::cluster;
use super::kubelet::Kubelet;

struct Bench {
    _server: Server,
    _runner: Runner,
    _kubelet: Kubelet,
    directory: tempfile::TempDir,
}

impl Bench {
    fn start() -> Self {
        let api = cluster::api();
        let identity = Identity::generate(&["127.0.0.1"]).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let directory = tempfile::tempdir().unwrap();
        let address = listener.local_addr().unwrap().to_string();
        std::fs::write(
            directory.path().join("kubeconfig"),
            identity.kubeconfig("bench", &address),
        )
        .unwrap();
        Self {
            _runner: Runner::start(api.clone(), RunnerConfig::all(identity.authority())).unwrap(),
            _kubelet: Kubelet::start(api.clone()),
            _server: Server::start(api, listener, identity).unwrap(),
            directory,
        }
    }

    fn kubeconfig(&self) -> PathBuf {
        self.directory.path().join("kubeconfig")
    }

    /// Runs a command; `~` stands for a blank.
    fn run(&self, arguments: &str) -> Output {
        Command::new("kubectl")
            .args(
                arguments
                    .split_whitespace()
                    .map(|word| word.replace('~', " ")),
            )
            .env("KUBECONFIG", self.kubeconfig())
            .env("HOME", self.directory.path())
            .stdin(Stdio::null())
            .output()
            .expect("this test needs kubectl in PATH")
    }

    /// Runs a command that must succeed.
    #[track_caller]
    fn ok(&self, arguments: &str) -> String {
        let output = self.run(arguments);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "kubectl {arguments}\n{text}{errors}"
        );
        text
    }

    #[track_caller]
    fn has(&self, arguments: &str, words: &[&str]) {
        let text = self.ok(arguments);
        for word in words {
            assert!(
                text.contains(word),
                "kubectl {arguments}: {word:?} is not in\n{text}"
            );
        }
    }

    /// Runs a command until it prints exactly this.
    #[track_caller]
    fn becomes(&self, arguments: &str, expected: &str) {
        let start = Instant::now();
        loop {
            let output = self.run(arguments);
            if output.status.success() && String::from_utf8_lossy(&output.stdout).trim() == expected
            {
                return;
            }
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "kubectl {arguments}: {output:?}"
            );
        }
    }
}

#[test]
fn kubectl_rolls_out_and_back() {
    let bench = Bench::start();
    let rolled_out = "successfully rolled out";
    bench.ok("create deployment web --image=nginx:1 --replicas=3");
    bench.has("rollout status deployment/web --timeout=90s", &[rolled_out]);
    bench.ok("set image deployment/web nginx=nginx:2");
    bench.has("rollout status deployment/web --timeout=90s", &[rolled_out]);
    bench.has("rollout history deployment/web", &["\n1 ", "\n2 "]);
    bench.has("rollout history deployment/web --revision=1", &["nginx:1"]);
    bench.ok("rollout undo deployment/web");
    bench.has("rollout status deployment/web --timeout=90s", &[rolled_out]);
    let history = bench.ok("rollout history deployment/web");
    assert!(
        !history.contains("\n1 ") && history.contains("\n3 "),
        "{history}"
    );
    bench.becomes(
        "get pods -o jsonpath={.items[*].spec.containers[*].image}",
        "nginx:1 nginx:1 nginx:1",
    );
    bench.ok("scale deployment/web --replicas=5");
    bench.has("rollout status deployment/web --timeout=90s", &[rolled_out]);
    bench.has("get deployment web", &["5/5"]);
    bench.ok("wait --for=condition=available deployment/web --timeout=90s");
    bench.ok("expose deployment web --port=80 --target-port=8080");
    bench.becomes(
        "get service web -o jsonpath={.spec.clusterIP}",
        "10.96.0.16",
    );
    bench.becomes(
        "get endpoints web -o go-template={{len~(index~.subsets~0).addresses}}",
        "5",
    );
    bench.becomes("get endpointslices -l kubernetes.io/service-name=web -o jsonpath={.items[0].ports[0].port}", "8080");
    bench.has("get events", &["Successfully assigned default/web-"]);
    bench.ok("create namespace more");
    bench.becomes(
        "get serviceaccounts,configmaps -n more -o name",
        "serviceaccount/default\nconfigmap/kube-root-ca.crt",
    );
    bench.has("get leases -n kube-node-lease", &["n1"]);
    bench.ok("rollout restart deployment/web");
    bench.has("rollout status deployment/web --timeout=90s", &[rolled_out]);
    bench.ok("delete deployment web --cascade=orphan");
    bench.has("get replicasets", &["web-"]);
    bench.becomes(
        "get pods -o jsonpath={.items[*].status.phase}",
        "Running Running Running Running Running",
    );
    bench.ok("create deployment web --image=nginx:1 --replicas=2");
    bench.has("rollout status deployment/web --timeout=90s", &[rolled_out]);
    bench.ok("delete deployment web --cascade=foreground --timeout=90s");
    bench.becomes("get replicasets,pods -l app=web -o name", "");
}

const WORKLOADS: &str = "
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  replicas: 2
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: c, image: 'postgres:1'}]}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: log}
spec:
  selector: {matchLabels: {app: log}}
  template:
    metadata: {labels: {app: log}}
    spec: {containers: [{name: c, image: 'fluent:1'}]}
";

#[test]
fn kubectl_runs_the_other_workloads() {
    let bench = Bench::start();
    bench.ok("create job pi --image=busybox -- true");
    bench.ok("wait --for=condition=complete job/pi --timeout=90s");
    bench.has("get job pi", &["Complete", "1/1"]);
    bench.becomes(
        "get pods -l job-name=pi -o jsonpath={.items[*].status.phase}",
        "Succeeded",
    );
    bench.ok("create cronjob tick --image=busybox --schedule=0~0~1~1~* -- true");
    bench.has("get cronjob tick", &["0 0 1 1 *", "False"]);
    bench.ok("create job once --from=cronjob/tick");
    bench.ok("wait --for=condition=complete job/once --timeout=90s");
    let manifest = bench.directory.path().join("workloads.yaml");
    std::fs::write(&manifest, WORKLOADS).unwrap();
    bench.ok(&format!("create -f {}", manifest.display()));
    for (workload, ready) in [("statefulset/db", "2/2"), ("daemonset/log", "1 ")] {
        bench.ok(&format!("rollout status {workload} --timeout=90s"));
        bench.has(&format!("get {workload}"), &[ready]);
        bench.ok(&format!("set image {workload} c=other:2"));
        bench.ok(&format!("rollout status {workload} --timeout=90s"));
    }
    bench.becomes(
        "get pods -l app=db -o jsonpath={.items[*].spec.containers[*].image}",
        "other:2 other:2",
    );
    bench.ok("scale statefulset/db --replicas=1");
    bench.becomes("get pods -l app=db -o name", "pod/db-0");
    bench.ok("delete job pi");
    bench.becomes("get pods -l job-name=pi -o name", "");
}
