//! kubectl against a lab: what it shows is what there is, and what it writes is enforced when it returns.

use std::process::Command;

use ringfence_standin::probe::ProbeProtocol;

use crate::support::{Finished, Lab, Permit, Run as _, eventually};

/// A lab and the kubeconfig that its start has printed.
struct Cluster {
    lab: Lab,
    kubeconfig: String,
}

impl Cluster {
    fn up() -> Self {
        let lab = Lab::planned(Permit::shared());
        let printed = lab.ok(&["up"]);
        let found = printed
            .lines()
            .find_map(|line| line.strip_prefix("kubectl: export KUBECONFIG="));
        let kubeconfig = found.unwrap().to_owned();
        Self { lab, kubeconfig }
    }

    fn run(&self, arguments: &str) -> Finished {
        let mut command = Command::new("kubectl");
        command
            .args(arguments.split_whitespace())
            .env("KUBECONFIG", &self.kubeconfig)
            .env("HOME", self.lab.folder.path());
        command.finish()
    }

    #[track_caller]
    fn ok(&self, arguments: &str) -> String {
        self.run(arguments).expect_ok()
    }

    fn example(name: &str) -> String {
        format!(
            "{}/../../examples/netpol-demo/{name}",
            env!("CARGO_MANIFEST_DIR")
        )
    }

    fn apply(&self, example: &str) -> String {
        self.ok(&format!("apply -f {}", Self::example(example)))
    }
}

#[test]
fn the_demonstration_works_with_kubectl() {
    let cluster = Cluster::up();
    cluster.apply("demo-app.yaml");
    let pods = cluster.ok("get pods -n netpol-demo --no-headers -o wide");
    assert_eq!(pods.matches("Running").count(), 3, "{pods}");
    cluster.ok("run client --image=raesene/alpine-containertools");
    let web = cluster.ok("get svc web-app -n netpol-demo -o jsonpath={.spec.clusterIP}");
    let lab = &cluster.lab;
    lab.reaches("client", &web, 80, ProbeProtocol::Tcp);
    cluster.apply("default-deny-ingress.yaml");
    lab.is_denied("client", &web, 80, ProbeProtocol::Tcp);
    cluster.apply("web-allow-frontend.yaml");
    lab.is_denied("client", &web, 80, ProbeProtocol::Tcp);
    cluster.ok("label ns default purpose=frontend");
    lab.reaches("client", &web, 80, ProbeProtocol::Tcp);
    cluster.ok("delete netpol web-allow-frontend -n netpol-demo");
    lab.is_denied("client", &web, 80, ProbeProtocol::Tcp);
    cluster.ok("delete netpol default-deny-ingress -n netpol-demo");
    lab.reaches("client", &web, 80, ProbeProtocol::Tcp);
    cluster.ok("scale deploy web-app -n netpol-demo --replicas=1");
    cluster.ok("delete pod client");
    cluster.ok("delete ns netpol-demo");
    let left = cluster.ok("get pods,svc,netpol -A -o name");
    let own = ["pod/ringfence-dns", "service/kube-dns"];
    assert_eq!(left.lines().collect::<Vec<_>>(), own, "{left}");
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
        cluster
            .ok("get ns made --show-labels")
            .contains("x=y")
            .then_some(())
    });
}

#[test]
fn what_a_lab_cannot_have_is_refused_with_its_reason() {
    let cluster = Cluster::up();
    cluster.apply("demo-app.yaml");
    let pod = cluster.ok("get pods -n netpol-demo -o name");
    let pod = pod.lines().next().unwrap();
    for (arguments, reason) in [
        (
            format!("delete {pod} -n netpol-demo"),
            "scale or delete the workload",
        ),
        (
            format!("label {pod} -n netpol-demo x=y"),
            "change the template of the workload",
        ),
        ("delete ns default".to_owned(), "may not be deleted"),
        (
            "label node kind-worker x=y".to_owned(),
            "nodes of a lab come from its kind configuration",
        ),
    ] {
        let refused = cluster.run(&arguments);
        assert!(!refused.status.success(), "{arguments}");
        assert!(
            refused.stderr.contains(reason),
            "{arguments}: {}",
            refused.stderr
        );
    }
    assert!(cluster.ok("get pods -n netpol-demo -o name").contains(pod));
}
