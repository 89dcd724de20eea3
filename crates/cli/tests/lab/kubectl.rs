//! kubectl against a lab: what it shows is what there is, and what it writes is enforced when it returns.

mod transcript;

use std::path::{Path, PathBuf};
use std::process::Command;

use ringfence_standin::probe::ProbeProtocol;

use crate::support::{Finished, Lab, Permit, Run as _, eventually};

/// A lab and the kubeconfig that its start has printed.
pub(crate) struct Cluster {
    lab: Lab,
    kubeconfig: String,
    kubectl: PathBuf,
}

impl Cluster {
    pub(crate) fn up() -> Self {
        Self::up_with(&["up"])
    }

    pub(crate) fn up_with(arguments: &[&str]) -> Self {
        let lab = Lab::planned(Permit::shared());
        let printed = lab.ok(arguments);
        Self::of(lab, &printed)
    }

    /// A lab that runs, and what its start has printed.
    pub(crate) fn of(lab: Lab, printed: &str) -> Self {
        let found = printed
            .lines()
            .find_map(|line| line.strip_prefix("kubectl: export KUBECONFIG="));
        let kubeconfig = found.unwrap().to_owned();
        let kubectl = PathBuf::from("kubectl");
        Self {
            lab,
            kubeconfig,
            kubectl,
        }
    }

    /// The path that the lab's start has printed.
    pub(crate) fn kubeconfig(&self) -> &str {
        &self.kubeconfig
    }

    pub(crate) const fn lab(&self) -> &Lab {
        &self.lab
    }

    /// Words are separated by blanks; `~` in one stands for a blank.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        let words = arguments.split_whitespace();
        let mut command = Command::new(&self.kubectl);
        command
            .args(words.map(|word| word.replace('~', " ")))
            .env("KUBECONFIG", &self.kubeconfig)
            .env("HOME", self.lab.folder.path());
        command
    }

    pub(crate) fn run(&self, arguments: &str) -> Finished {
        self.command(arguments).finish()
    }

    /// A file that goes with the lab.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.lab.folder.path().join(name)
    }

    #[track_caller]
    pub(crate) fn ok(&self, arguments: &str) -> String {
        self.run(arguments).expect_ok()
    }

    #[track_caller]
    fn is_refused(&self, arguments: &str, reason: &str) {
        let refused = self.run(arguments);
        assert!(!refused.status.success(), "{arguments}");
        let said = &refused.stderr;
        assert!(said.contains(reason), "{arguments}: {said}");
    }

    fn file(&self, name: &str, text: &str) -> String {
        self.lab.file(name, text).display().to_string()
    }

    fn example(name: &str) -> String {
        format!(
            "{}/../../examples/netpol-demo/{name}",
            env!("CARGO_MANIFEST_DIR")
        )
    }

    pub(crate) fn apply(&self, example: &str) -> String {
        self.ok(&format!("apply -f {}", Self::example(example)))
    }
}

#[test]
fn what_others_change_is_shown() {
    let cluster = Cluster::up();
    cluster.lab.apply(
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: made, annotations: {note: kept}}\n---\n\
         apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: closed, namespace: made}\nspec: {podSelector: {}}\n",
    );
    let shown = eventually("the policy is shown", || {
        let shown = cluster.run("get netpol closed -n made -o yaml");
        shown.status.success().then_some(shown.stdout)
    });
    assert!(shown.contains("policyTypes:\n  - Ingress"), "{shown}");
    let note = cluster.ok("get ns made -o jsonpath={.metadata.annotations.note}");
    assert_eq!(note, "kept");
    let nodes = cluster.ok("get nodes --no-headers");
    assert_eq!(nodes.matches(" Ready ").count(), 3, "{nodes}");
    cluster.lab.ok(&["label", "namespace", "made", "x=y"]);
    eventually("the label is shown", || {
        let shown = cluster.ok("get ns made --show-labels");
        shown.contains("x=y").then_some(())
    });
    let given = cluster.ok("get sa,cm -n made -o name");
    let expected = ["serviceaccount/default", "configmap/kube-root-ca.crt"];
    assert_eq!(given.lines().collect::<Vec<_>>(), expected);
    let certificate = cluster.ok("get cm kube-root-ca.crt -n made -o jsonpath={.data.ca\\.crt}");
    assert!(
        certificate.starts_with("-----BEGIN CERTIFICATE-----"),
        "{certificate}"
    );
}

#[test]
fn what_a_lab_cannot_have_is_refused_with_its_reason() {
    let cluster = Cluster::up();
    cluster.is_refused("delete ns default", "may not be deleted");
    cluster.is_refused(
        "delete svc kube-dns -n kube-system",
        "made by the lab itself",
    );
    cluster.is_refused("label svc kubernetes x=y", "made by the lab itself");
    cluster.is_refused(
        "patch node kind-worker -p {\"spec\":{\"providerID\":\"x\"}}",
        "nodes of a lab come from its kind configuration",
    );
}

/// A Job that ends, a pod that ends again and again, a Deployment that scales.
#[test]
fn pods_and_workloads_say_how_they_are() {
    let cluster = Cluster::up();
    let manifests = cluster.file(
        "w.yaml",
        "apiVersion: batch/v1\nkind: Job\nmetadata: {name: once, namespace: default}\n\
         spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: i, command: ['true']}]}}}\n---\n\
         apiVersion: v1\nkind: Pod\nmetadata: {name: again, namespace: default}\n\
         spec: {containers: [{name: c, image: i, command: ['false']}]}\n---\n\
         apiVersion: v1\nkind: Service\nmetadata: {name: d, namespace: default}\n\
         spec: {selector: {app: d}, ports: [{port: 80, targetPort: http}]}\n",
    );
    cluster.ok(&format!("apply -f {manifests}"));
    cluster.ok("wait --for=condition=Complete job/once --timeout=90s");
    eventually("the pod is started again", || {
        let count = cluster.ok(
            "get pod again -o jsonpath={.status.containerStatuses[0].restartCount}/{.status.containerStatuses[0].lastState.terminated.exitCode}",
        );
        (count != "0/" && count.ends_with("/1")).then_some(())
    });
    cluster.ok("create deploy d --image=nginx --port=80 --replicas=2");
    cluster.ok("rollout status deploy/d --timeout=90s");
    cluster.ok("wait --for=condition=Ready pod -l app=d --timeout=90s");
    cluster.ok("scale deploy d --replicas=3");
    cluster.ok("rollout status deploy/d --timeout=90s");
    let line = cluster.ok("get deploy d --no-headers");
    assert_eq!(line.split_whitespace().nth(1), Some("3/3"), "{line}");
    // The port of the Deployment has no name, so nothing serves the Service's.
    let ports = cluster
        .ok("get endpointslices -l kubernetes.io/service-name=d -o jsonpath={.items[*].ports}");
    assert_eq!(ports, "[]");
    let facts =
        "jsonpath={.items[0].status.podIP}@{.items[0].status.hostIP}@{.items[0].spec.nodeName}";
    let shown = cluster.ok(&format!("get pods -l app=d -o {facts}"));
    let name = cluster.ok("get pods -l app=d -o jsonpath={.items[0].metadata.name}");
    let pod = cluster.lab.pod(&format!("default/{name}"));
    let node = pod.node.unwrap();
    let status = cluster.lab.status();
    let host = status.nodes.iter().find(|one| one.name == node).unwrap();
    let expected = format!("{}@{}@{node}", pod.addresses[0], host.addresses[0]);
    assert_eq!(shown, expected);
}

/// Labels of a pod that a Deployment makes are policy, too; one that is no longer selected is replaced and stays.
#[test]
fn a_pod_of_a_workload_can_be_labelled_and_deleted() {
    let cluster = Cluster::up();
    cluster.apply("demo-app.yaml");
    cluster.ok("run client --image=raesene/alpine-containertools");
    cluster.ok("wait --for=condition=Ready pod/client --timeout=90s");
    for name in ["web-app", "database"] {
        cluster.ok(&format!(
            "rollout status deploy/{name} -n netpol-demo --timeout=90s"
        ));
    }
    let closed = cluster.file(
        "closed.yaml",
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: closed, namespace: netpol-demo}\n\
         spec: {podSelector: {matchLabels: {closed: 'yes'}}}\n",
    );
    cluster.ok(&format!("apply -f {closed}"));
    let name = || {
        let names = "get pods -n netpol-demo -l app=db -o jsonpath={.items[*].metadata.name}";
        cluster.ok(names)
    };
    let (lab, first) = (&cluster.lab, name());
    let address = |pod: &str| lab.address(&format!("netpol-demo/{pod}"));
    lab.reaches("client", &address(&first), 5432, ProbeProtocol::Tcp);
    cluster.ok(&format!("label pod {first} -n netpol-demo closed=yes"));
    lab.is_denied("client", &address(&first), 5432, ProbeProtocol::Tcp);
    cluster.ok(&format!("label pod {first} -n netpol-demo app-"));
    let second = eventually("another pod takes its place", || {
        let now = name();
        (!now.is_empty() && now != first).then_some(now)
    });
    cluster.ok("rollout status deploy/database -n netpol-demo --timeout=90s");
    lab.reaches("client", &address(&second), 5432, ProbeProtocol::Tcp);
    lab.is_denied("client", &address(&first), 5432, ProbeProtocol::Tcp);
    cluster.ok(&format!("delete pod {second} -n netpol-demo"));
    cluster.ok("rollout status deploy/database -n netpol-demo --timeout=90s");
    assert_ne!(name(), second);
}

#[test]
fn a_kubeconfig_of_ones_own_is_for_its_owner_alone() {
    let lab = Lab::planned(Permit::shared());
    let path = lab.folder.path().join("config");
    std::fs::write(&path, "old").unwrap();
    lab.ok(&["up", "--kubeconfig", path.to_str().unwrap()]);
    let mode = std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let mut command = Command::new("kubectl");
    command.args(["get", "nodes", "-o", "name"]);
    command
        .env("KUBECONFIG", &path)
        .env("HOME", lab.folder.path());
    let nodes = command.finish().expect_ok();
    assert_eq!(nodes.lines().count(), 3, "{nodes}");
}

/// The kubectls of this machine, oldest first: those of versions from `oldest` on that lie beside the one in the path.
fn kubectls(oldest: u32) -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .find_map(|folder| folder.join("kubectl").canonicalize().ok())
        .expect("this test needs kubectl in PATH");
    let beside = found.parent().unwrap();
    let version = |path: &Path| {
        let name = path.file_name()?.to_str()?;
        name.strip_prefix("kubectl.1.")?.parse::<u32>().ok()
    };
    let files = beside.read_dir().unwrap();
    let mut all: Vec<(u32, PathBuf)> = files
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter_map(|path| Some((version(&path)?, path)))
        .filter(|(version, _)| *version >= oldest)
        .collect();
    all.sort();
    if all.is_empty() {
        return vec![found];
    }
    all.into_iter().map(|(_, path)| path).collect()
}
