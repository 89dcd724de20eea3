//! Controllers at work in a lab, as kubectl sees them on any cluster.

use ringfence_standin::probe::ProbeProtocol;

use crate::kubectl::Cluster;
use crate::support::{Lab, Permit, eventually};

const ROLLED_OUT: &str = "successfully rolled out";

impl Cluster {
    #[track_caller]
    fn has(&self, arguments: &str, words: &[&str]) {
        let text = self.ok(arguments);
        for word in words {
            assert!(
                text.contains(word),
                "{arguments}: {word:?} is not in\n{text}"
            );
        }
    }

    #[track_caller]
    fn becomes(&self, arguments: &str, expected: &str) {
        eventually(expected, || {
            let shown = self.run(arguments);
            (shown.status.success() && shown.stdout.trim() == expected).then_some(())
        });
    }
}

#[test]
fn a_deployment_rolls_out_and_back_and_makes_up_for_lost_pods() {
    let cluster = Cluster::up();
    let rolled_out = || cluster.has("rollout status deploy/web --timeout=90s", &[ROLLED_OUT]);
    cluster.ok("create deploy web --image=nginx:1 --port=80 --replicas=2");
    rolled_out();
    cluster.ok("set image deploy/web nginx=nginx:2");
    rolled_out();
    cluster.has("rollout history deploy/web", &["\n1 ", "\n2 "]);
    let sets = cluster.ok("get rs -l app=web --no-headers");
    assert_eq!(sets.lines().count(), 2, "{sets}");
    cluster.ok("rollout undo deploy/web");
    rolled_out();
    let images = "get pods -l app=web -o jsonpath={.items[*].spec.containers[*].image}";
    cluster.becomes(images, "nginx:1 nginx:1");
    cluster.ok("scale deploy/web --replicas=1");
    let names = "get pods -l app=web -o name";
    let one = eventually("one pod", || {
        let name = cluster.ok(names);
        (name.lines().count() == 1).then_some(name)
    });
    let owner = "-o jsonpath={.metadata.ownerReferences[0].kind}";
    assert_eq!(
        cluster.ok(&format!("get {} {owner}", one.trim())),
        "ReplicaSet"
    );
    cluster.ok(&format!("delete {}", one.trim()));
    cluster.ok("wait --for=condition=available deploy/web --timeout=90s");
    rolled_out();
    let other = cluster.ok(names);
    assert_ne!(one, other);
    cluster.has(
        "get events",
        &[
            "ScalingReplicaSet",
            "SuccessfulCreate",
            "Scheduled",
            "Started",
            "Killing",
        ],
    );
    cluster.has("describe deploy web", &["Scaled up replica set web-"]);
    cluster.has("get svc kubernetes", &["10.96.0.1 ", "443/TCP"]);
    cluster.ok("expose deploy web --port=80");
    cluster.ok("run client --image=x");
    cluster.ok("wait --for=condition=Ready pod/client --timeout=90s");
    cluster.ok("exec client -- curl -sS -m 5 web");
    cluster.ok("delete deploy web --cascade=foreground --timeout=90s");
    cluster.becomes("get rs,pods -l app=web -o name", "");
}

#[test]
fn jobs_end_and_their_words_stay() {
    let cluster = Cluster::up();
    cluster.ok("create job hello --image=busybox -- echo well done");
    cluster.ok("wait --for=condition=complete job/hello --timeout=90s");
    assert_eq!(cluster.ok("logs job/hello"), "well done\n");
    cluster.has("get job hello", &["Complete", "1/1"]);
    cluster.has("get events", &["Job completed", "Created pod: hello-"]);
    cluster.ok("create cronjob tick --image=busybox --schedule=0~0~1~1~* -- true");
    cluster.ok("create job once --from=cronjob/tick");
    cluster.ok("wait --for=condition=complete job/once --timeout=90s");
    cluster.ok("delete job hello");
    cluster.becomes("get pods -l job-name=hello -o name", "");
}

#[test]
fn what_keeps_a_pod_from_running_is_shown_and_tried_again() {
    let cluster = Cluster::up();
    cluster.ok("run bad --image=x --command -- no-such-program");
    eventually("the reason", || {
        let shown = cluster.ok("get pod bad --no-headers");
        shown.contains("RunContainerError").then_some(())
    });
    cluster.has("describe pod bad", &["no such program on this machine"]);
    let needy = cluster.path("needy.yaml");
    std::fs::write(
        &needy,
        "apiVersion: v1\nkind: Pod\nmetadata: {name: needy}\nspec:\n  containers:\n  - name: c\n    image: x\n    \
         env: [{name: WORD, valueFrom: {secretKeyRef: {name: login, key: word}}}]\n",
    )
    .unwrap();
    cluster.ok(&format!("apply -f {}", needy.display()));
    eventually("the reason", || {
        let shown = cluster.ok("get pod needy --no-headers");
        shown.contains("CreateContainerConfigError").then_some(())
    });
    cluster.ok("create secret generic login --from-literal=word=opened");
    cluster.ok("wait --for=condition=Ready pod/needy --timeout=90s");
    assert_eq!(cluster.ok("exec needy -- printenv WORD"), "opened\n");
    cluster.ok("run lost --image=x --overrides={\"spec\":{\"nodeSelector\":{\"disk\":\"none\"}}}");
    eventually("the scheduler's reason", || {
        let shown = cluster.ok("get events --field-selector=reason=FailedScheduling");
        shown.contains("0/3 nodes are available").then_some(())
    });
    cluster.ok("run never --image=x --restart=Never --command -- no-such-program");
    cluster.becomes("get pod never -o jsonpath={.status.phase}", "Failed");
    cluster.ok("delete pod bad lost never");
}

/// A pod that is deleted while it starts gives its address back.
#[test]
fn pods_that_never_came_up_leave_nothing() {
    let lab = Lab::planned(Permit::shared());
    let kind = lab.file(
        "kind.yaml",
        "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnetworking: {podSubnet: 10.244.0.0/29}\n",
    );
    let printed = lab.ok(&["up", "--config", kind.to_str().unwrap()]);
    let cluster = Cluster::of(lab, &printed);
    for number in 0..8 {
        cluster.ok(&format!("run p{number} --image=x"));
        cluster.ok(&format!("delete pod p{number}"));
    }
    for number in 0..4 {
        cluster.ok(&format!("run q{number} --image=x"));
    }
    cluster.ok("wait --for=condition=Ready pod --all --timeout=90s");
    let used = cluster.lab().status().pods;
    assert_eq!(
        used.iter().filter(|pod| !pod.addresses.is_empty()).count(),
        5
    );
}

#[test]
fn a_stateful_set_keeps_names_and_order() {
    let cluster = Cluster::up();
    let manifest = cluster.path("db.yaml");
    std::fs::write(
        &manifest,
        "apiVersion: v1\nkind: Service\nmetadata: {name: db}\nspec: {clusterIP: None, selector: {app: db}, ports: [{port: 80}]}\n---\n\
         apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db}\nspec:\n  replicas: 2\n  serviceName: db\n  \
         selector: {matchLabels: {app: db}}\n  template:\n    metadata: {labels: {app: db}}\n    \
         spec: {containers: [{name: c, image: x, ports: [{containerPort: 80}]}]}\n",
    )
    .unwrap();
    let printed = cluster
        .lab()
        .ok(&["apply", "-f", manifest.to_str().unwrap()]);
    assert_eq!(
        printed,
        "Service default/db created\nStatefulSet default/db created\n"
    );
    assert_eq!(
        cluster.ok("get pods -l app=db -o name"),
        "pod/db-0\npod/db-1\n"
    );
    cluster
        .lab()
        .reaches("db-0", "db-1.db", 80, ProbeProtocol::Tcp);
    let uid = "get pod db-0 -o jsonpath={.metadata.uid}";
    let first = cluster.ok(uid);
    // kubectl looks at the pod, lists its name and then waits for the end of what it has listed: for ever, if that is already the
    // next pod of this name.
    cluster.ok("delete pod db-0 --wait=false");
    eventually("the next pod of this name", || {
        let shown = cluster.run(uid);
        (shown.status.success() && shown.stdout != first).then_some(())
    });
    cluster.ok("rollout status sts/db --timeout=90s");
    cluster.ok("scale sts/db --replicas=1");
    cluster.becomes("get pods -l app=db -o name", "pod/db-0");
    cluster.ok("set image sts/db c=y");
    let image = "get pod db-0 -o jsonpath={.spec.containers[0].image}";
    cluster.becomes(image, "y");
    let history = cluster.ok("rollout history sts/db");
    let numbers = history
        .lines()
        .filter(|line| line.starts_with(['1', '2', '3']));
    assert_eq!(numbers.count(), 2, "{history}");
    cluster.ok("rollout undo sts/db");
    cluster.becomes(image, "x");
}
