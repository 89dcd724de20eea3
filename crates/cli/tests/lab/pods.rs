//! What pods do that kubectl starts: their programs, how they end, and what their nodes are told.

use std::io::{BufRead, BufReader, Read};

use crate::kubectl::Cluster;
use crate::support::eventually;

#[test]
fn arguments_alone_run_as_a_command_does() {
    let cluster = Cluster::up();
    cluster.ok("run hello --image=busybox --restart=Never -- echo hello there");
    cluster.ok("wait --for=jsonpath={.status.phase}=Succeeded pod/hello --timeout=90s");
    assert_eq!(cluster.ok("logs hello"), "hello there\n");
    cluster.ok("run other --image=web --port=80 -- --no-program=here");
    cluster.ok("wait --for=condition=Ready pod/other --timeout=90s");
}

#[test]
fn a_command_that_is_attached_to_ends_its_pod_with_its_exit_code() {
    let cluster = Cluster::up();
    let run = "run -i --restart=Never --image=x --rm --quiet";
    let failed = cluster.run(&format!("{run} three -- sh -c echo~out;exit~3"));
    assert_eq!(failed.code(), Some(3), "{failed:?}");
    assert_eq!(failed.stdout, "out\n", "{failed:?}");
    assert_eq!(cluster.ok(&format!("{run} zero -- echo fine")), "fine\n");
}

#[test]
fn containers_are_added_to_look_into_a_pod() {
    let cluster = Cluster::up();
    let web = cluster.lab().file("web.yaml", WITH_VOLUMES);
    cluster.ok(&format!("apply -f {}", web.display()));
    cluster.ok("wait --for=condition=Ready pod/web --timeout=90s");
    cluster.ok("debug web --image=busybox -c look -- sh -c hostname;exec~sleep~1000");
    cluster.shows("logs web -c look", "web\n");
    let state = "get pod web -o jsonpath={.status.ephemeralContainerStatuses[*].state}";
    assert!(cluster.ok(state).contains("running"));
    // One that somebody is attached to ends with its command; the pod stays as it is.
    let asked =
        cluster.run("debug -i web --image=busybox -c ask --quiet -- sh -c echo~here;exit~3");
    assert!(asked.stdout.contains("here"), "{asked:?}");
    eventually("its end is told", || {
        cluster.ok(state).contains("\"exitCode\":3").then_some(())
    });
    sees_volumes(&cluster);
    let restarts =
        "get pod web -o jsonpath={.status.phase}{.status.containerStatuses[0].restartCount}";
    assert_eq!(cluster.ok(restarts), "Running0");
    // Of a node it is a pod, in the node's network, that sees the machine's files elsewhere.
    cluster
        .ok("debug node/kind-worker --image=busybox --profile=sysadmin -- sh -c hostname;ls~/host");
    let debugger = cluster.ok("get pods -o name");
    let debugger = debugger.lines().find(|name| name.contains("node-debugger"));
    let logs = format!("logs {}", debugger.unwrap());
    cluster.shows(&logs, "kind-worker\n");
    cluster.shows(&logs, "usr\n");
    let before = std::time::Instant::now();
    cluster.ok("delete pod web --timeout=90s");
    // Less than the time that pods have to end by themselves.
    assert!(before.elapsed() < std::time::Duration::from_secs(29));
}

/// `shown` is for whoever looks into it.
const WITH_VOLUMES: &str = "
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: default}
spec:
  containers: [{name: web, image: web, ports: [{containerPort: 80}], volumeMounts: [{name: work, mountPath: /rf-work}]}]
  volumes:
  - {name: work, emptyDir: {}}
  - {name: shown, configMap: {name: kube-root-ca.crt}}
";

/// Volumes of the pod that nobody has mounted yet are there for who is added, and what is mounted stays.
fn sees_volumes(cluster: &Cluster) {
    let debug = |name: &str, mounts: &str, command: &str| {
        let custom = cluster
            .lab()
            .file(name, &format!("{{\"volumeMounts\": [{mounts}]}}"));
        let custom = custom.display();
        cluster.run(&format!(
            "debug web --image=busybox -c {name} --profile=general --custom={custom} -- {command}"
        ))
    };
    let shown = r#"{"name": "shown", "mountPath": "/rf-shown"}"#;
    let inner = r#"{"name": "shown", "mountPath": "/rf-work/inner", "readOnly": true}"#;
    let command = "sh -c echo~kept>/rf-work/note;touch~/rf-work/inner/x||ls~/rf-shown~/rf-work/inner~/rf-work";
    let added = debug("volumes", &format!("{shown}, {inner}"), command);
    assert!(added.status.success(), "{added:?}");
    eventually("it sees them", || {
        let seen = cluster.ok("logs web -c volumes");
        let lists = seen.matches("ca.crt\n").count() == 2 && seen.contains("inner\nnote\n");
        lists.then_some(())
    });
    let kept = cluster.ok("exec web -- sh -c cat~/rf-work/note;ls~/rf-shown");
    assert_eq!(kept, "kept\nca.crt\n");
    let taken = debug(
        "taken",
        r#"{"name": "work", "mountPath": "/rf-shown"}"#,
        "true",
    );
    assert!(taken.status.success(), "{taken:?}");
    eventually("why it does not start is told", || {
        let events = cluster.ok("get events --field-selector=reason=Failed");
        events
            .contains("different volumes at /rf-shown")
            .then_some(())
    });
    let again = debug("again", inner, "ls /rf-work/inner");
    assert!(again.status.success(), "{again:?}");
    cluster.shows("logs web -c again", "ca.crt\n");
    for (mount, reason) in [
        (
            r#"{"name": "none", "mountPath": "/x"}"#,
            "volumeMounts[0].name: Not found: \"none\"",
        ),
        (
            r#"{"name": "work", "mountPath": "/x", "subPath": "a"}"#,
            "volumeMounts[0].subPath: Forbidden",
        ),
    ] {
        let refused = debug("refused", mount, "true");
        assert!(refused.stderr.contains(reason), "{refused:?}");
    }
}

#[test]
fn people_say_which_pods_a_node_takes() {
    let cluster = Cluster::up();
    cluster.ok("cordon kind-worker");
    cluster.ok("label node kind-worker2 disk=ssd");
    cluster.ok("annotate node kind-worker2 note=here");
    cluster.ok("create deploy web --image=web --port=80 --replicas=3");
    cluster.ok("rollout status deploy/web --timeout=90s");
    let nodes = cluster.ok("get pods -o jsonpath={.items[*].spec.nodeName}");
    assert_eq!(nodes, ["kind-worker2"; 3].join(" "));
    let picked = "{\"spec\":{\"nodeSelector\":{\"disk\":\"ssd\"}}}";
    cluster.ok(&format!("run picked --image=web --overrides={picked}"));
    cluster.ok("wait --for=condition=Ready pod/picked --timeout=90s");
    let states = cluster.ok("get nodes --no-headers");
    assert!(states.contains("Ready,SchedulingDisabled"), "{states}");
    cluster.ok("uncordon kind-worker");
    cluster.ok("taint node kind-worker2 full=yes:NoSchedule");
    cluster.ok("run late --image=web");
    eventually("it has a node", || {
        let node = cluster.ok("get pod late -o jsonpath={.spec.nodeName}");
        (node == "kind-worker").then_some(())
    });
    let refused = cluster.run("delete node kind-worker");
    assert!(refused.stderr.contains("nodes of a lab"), "{refused:?}");
}

const FULL: &str = "
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: default}
data: {mode: prod, page: hello}
---
apiVersion: v1
kind: Secret
metadata: {name: keys, namespace: default}
stringData: {token: s3cret}
---
apiVersion: v1
kind: Pod
metadata: {name: full, namespace: default, labels: {app: full}}
spec:
  initContainers:
  - {name: first, image: busybox, command: [sh, -c, 'echo made > /rf-work/inside/file'], volumeMounts: [{name: work, mountPath: /rf-work/inside}]}
  - {name: migrate, image: example/migrate}
  containers:
  - name: web
    image: nginx
    ports: [{containerPort: 80}]
    env:
    - {name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
    - {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
    - {name: APP, valueFrom: {fieldRef: {fieldPath: \"metadata.labels['app']\"}}}
    - {name: URL, value: 'http://$(IP)/'}
    - {name: MODE, valueFrom: {configMapKeyRef: {name: settings, key: mode}}}
    volumeMounts:
    - {name: work, mountPath: /rf-work/inside}
    - {name: settings, mountPath: /etc/rf-settings}
    - {name: keys, mountPath: /usr/share/rf-keys/token, subPath: token, readOnly: true}
    - {name: about, mountPath: /rf-about}
    - {name: claim, mountPath: /rf-claim}
    resources: {limits: {cpu: 100m, memory: 64Mi}}
  - {name: side, image: busybox, command: [sleep, '1000']}
  volumes:
  - {name: work, emptyDir: {}}
  - {name: settings, configMap: {name: settings, items: [{key: page, path: deep/page.txt}]}}
  - {name: keys, secret: {secretName: keys}}
  - {name: about, projected: {sources: [{downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}]}}]}}
  - {name: claim, persistentVolumeClaim: {claimName: data}}
";

impl Cluster {
    fn applies(&self, name: &str, manifests: &str) {
        let file = self.path(name);
        std::fs::write(&file, manifests).unwrap();
        self.ok(&format!("apply -f {}", file.display()));
    }

    #[track_caller]
    fn shows(&self, arguments: &str, word: &str) {
        eventually(word, || {
            let shown = self.run(arguments);
            shown.stdout.contains(word).then_some(())
        });
    }
}

#[test]
fn volumes_variables_and_what_runs_first() {
    let cluster = Cluster::up();
    cluster.applies("full.yaml", FULL);
    cluster.ok("wait --for=condition=Ready pod/full --timeout=90s");
    let files = "/rf-work/inside/file /etc/rf-settings/deep/page.txt /usr/share/rf-keys/token /rf-about/labels";
    let read = cluster.ok(&format!("exec full -c web -- cat {files}"));
    assert_eq!(read, "made\nhellos3cretapp=\"full\"");
    let script =
        "echo~$NODE~$APP~$URL~$MODE~$KUBERNETES_SERVICE_HOST;touch~/rf-claim/x~/rf-work/inside/y";
    let said = cluster.ok(&format!("exec full -c web -- sh -c {script}"));
    let address = cluster.ok("get pod full -o jsonpath={.status.podIP}");
    let node = cluster.ok("get pod full -o jsonpath={.spec.nodeName}");
    assert_eq!(
        said,
        format!("{node} full http://{address}/ prod 10.96.0.1\n")
    );
    let denied = cluster.run("exec full -c web -- sh -c echo~x>/usr/share/rf-keys/token");
    assert!(!denied.status.success(), "{denied:?}");
    assert!(!std::path::Path::new("/rf-work").exists());
    let line = cluster.ok("get pod full --no-headers");
    assert!(line.contains("2/2") && line.contains("Running"), "{line}");
    let ends = "get pod full -o jsonpath={.status.initContainerStatuses[*].state.terminated.reason}/{.status.qosClass}";
    assert_eq!(cluster.ok(ends), "Completed Completed/Burstable");
    cluster.shows("get events", "volume claim is an empty folder");
    cluster.applies(
        "late.yaml",
        &FULL
            .replace("name: full", "name: late")
            .replace("{name: settings, items", "{name: nothing, items"),
    );
    cluster.shows("get events", "configmap \"nothing\" not found");
    let line = cluster.ok("get pod late --no-headers");
    assert!(line.contains("0/2") && !line.contains("Running"), "{line}");
}

#[test]
fn what_runs_first_and_fails_keeps_the_others_back() {
    let cluster = Cluster::up();
    cluster.applies(
        "init.yaml",
        "
apiVersion: v1
kind: Pod
metadata: {name: never, namespace: default}
spec:
  restartPolicy: Never
  initContainers: [{name: first, image: x, command: ['false']}]
  containers: [{name: c, image: x}]
---
apiVersion: v1
kind: Pod
metadata: {name: again, namespace: default}
spec:
  initContainers: [{name: first, image: x, command: ['false']}]
  containers: [{name: c, image: x}]
---
apiVersion: batch/v1
kind: Job
metadata: {name: beside, namespace: default}
spec:
  template:
    spec:
      restartPolicy: Never
      initContainers: [{name: side, image: x, restartPolicy: Always, command: [sleep, '1000']}]
      containers: [{name: c, image: x, command: ['true']}]
",
    );
    cluster.shows("get pods", "Init:Error");
    cluster.shows("get pods", "Init:CrashLoopBackOff");
    assert_eq!(
        cluster.ok("get pod never -o jsonpath={.status.phase}"),
        "Failed"
    );
    cluster.ok("wait --for=condition=Complete job/beside --timeout=90s");
}

#[test]
fn probes_decide_who_is_ready_and_who_is_started_again() {
    let cluster = Cluster::up();
    cluster.applies(
        "probes.yaml",
        "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed, namespace: default}
spec: {podSelector: {}, policyTypes: [Ingress]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: default, labels: {app: web}}
spec:
  containers:
  - name: c
    image: nginx
    ports: [{containerPort: 80, name: http}]
    startupProbe: {tcpSocket: {port: http}, periodSeconds: 1}
    readinessProbe: {httpGet: {path: /, port: 8081}, periodSeconds: 1}
    livenessProbe: {exec: {command: [no-such-program]}, periodSeconds: 1, failureThreshold: 1}
---
apiVersion: v1
kind: Pod
metadata: {name: gate, namespace: default, labels: {app: web}}
spec:
  volumes: [{name: state, emptyDir: {}}]
  containers:
  - name: c
    image: busybox
    command: [sleep, '1000']
    volumeMounts: [{name: state, mountPath: /rf-state}]
    readinessProbe: {exec: {command: [cat, /rf-state/open]}, periodSeconds: 1, failureThreshold: 1}
---
apiVersion: v1
kind: Pod
metadata: {name: ill, namespace: default}
spec:
  containers:
  - name: c
    image: busybox
    command: [sleep, '1000']
    livenessProbe: {tcpSocket: {port: 81}, periodSeconds: 1, failureThreshold: 1}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec: {selector: {app: web}, ports: [{port: 80}]}
",
    );
    cluster.ok("wait --for=condition=Ready pod/web --timeout=90s");
    let ready =
        "get pods web gate --no-headers -o custom-columns=R:.status.containerStatuses[0].ready";
    assert_eq!(cluster.ok(ready), "true\nfalse\n");
    let addresses = "get endpoints web -o jsonpath={.subsets[*].addresses[*].targetRef.name}";
    cluster.shows(addresses, "web");
    assert_eq!(cluster.ok(addresses), "web");
    cluster.ok("exec gate -- touch /rf-state/open");
    cluster.ok("wait --for=condition=Ready pod/gate --timeout=90s");
    cluster.ok("exec gate -- rm /rf-state/open");
    cluster.ok("wait --for=condition=Ready=false pod/gate --timeout=90s");
    eventually("it is started again", || {
        let count =
            cluster.ok("get pod ill -o jsonpath={.status.containerStatuses[0].restartCount}");
        (count != "0").then_some(())
    });
    let events = cluster.ok("get events");
    for word in [
        "Liveness probe failed",
        "Readiness probe failed",
        "will be restarted",
    ] {
        assert!(events.contains(word), "{word}: {events}");
    }
    assert_eq!(
        cluster.ok("get pod web -o jsonpath={.status.containerStatuses[0].restartCount}"),
        "0"
    );
}

#[test]
fn a_pod_that_is_deleted_may_put_its_things_in_order() {
    let cluster = Cluster::up();
    cluster.ok("run tidy --image=x --command -- sh -c trap~'echo~bye;exit~0'~TERM;echo~up;while~:;do~sleep~0.1;done");
    cluster.shows("logs tidy", "up");
    let mut logs = cluster.command("logs -f tidy");
    let mut logs = logs.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut printed = BufReader::new(logs.stdout.take().unwrap());
    let mut first = String::new();
    printed.read_line(&mut first).unwrap();
    cluster.ok("delete pod tidy --timeout=90s");
    let mut rest = String::new();
    printed.read_to_string(&mut rest).unwrap();
    logs.wait().unwrap();
    assert_eq!((first.as_str(), rest.as_str()), ("up\n", "bye\n"));
    cluster.ok(
        "run stubborn --image=x --command -- sh -c trap~''~TERM;echo~up;while~:;do~sleep~0.1;done",
    );
    cluster.shows("logs stubborn", "up");
    let before = std::time::Instant::now();
    cluster.ok("delete pod stubborn --grace-period=1 --timeout=90s");
    assert!(before.elapsed() >= std::time::Duration::from_secs(1));
}
