use ringfence_model::Labels;

use super::*;
use crate::cluster::sample::objects;

fn nodes() -> [Candidate; 3] {
    [("cp", true), ("w1", false), ("w2", false)].map(|(name, reserved)| Candidate {
        name: name.to_owned(),
        labels: Labels::from([("name".to_owned(), name.to_owned())]),
        pod_cidrs: Vec::new(),
        reserved,
    })
}

fn pods(manifest: &str) -> Vec<DesiredPod> {
    desired_pods(&objects(manifest), &nodes()).unwrap()
}

fn names(pods: &[DesiredPod]) -> Vec<&str> {
    pods.iter().map(|pod| pod.pod.name.name.as_str()).collect()
}

fn workload(kind: &str, replicas: u32, image: &str) -> String {
    format!(
        "apiVersion: apps/v1
kind: {kind}
metadata: {{ name: web, namespace: shop }}
spec:
  replicas: {replicas}
  selector: {{ matchLabels: {{ app: web }} }}
  template:
    metadata: {{ labels: {{ app: web }} }}
    spec: {{ containers: [{{ name: web, image: {image} }}] }}
"
    )
}

fn job(kind: &str, spec: &str) -> String {
    format!(
        "apiVersion: batch/v1
kind: {kind}
metadata: {{ name: once }}
spec: {{ {spec} }}
"
    )
}

const JOB_TEMPLATE: &str =
    "template: {spec: {restartPolicy: Never, containers: [{name: a, image: b}]}}";

/// A pod `default/a` with one container of this YAML.
fn container(yaml: &str) -> String {
    format!(
        "apiVersion: v1
kind: Pod
metadata: {{ name: a }}
spec: {{ containers: [{{ name: c, {yaml} }}] }}
"
    )
}

#[test]
fn names_are_the_same_each_time_wherever_the_manifest_stands() {
    let manifest = workload("Deployment", 3, "nginx");
    let moved = format!("# a comment\n---\n{manifest}");
    assert_eq!(names(&pods(&manifest)), names(&pods(&moved)));
    for name in names(&pods(&manifest)) {
        let lengths: Vec<_> = name.split('-').map(str::len).collect();
        assert_eq!(lengths, [3, 8, 5], "{name}");
    }
}

#[test]
fn names_do_not_meet() {
    for kind in ["Deployment", "ReplicaSet"] {
        for image in ["nginx", "httpd", "redis"] {
            let pods = pods(&workload(kind, 3000, image));
            let distinct: std::collections::BTreeSet<_> = names(&pods).into_iter().collect();
            assert_eq!(distinct.len(), 3000, "{kind} {image}");
        }
    }
}

#[test]
fn scaling_adds_and_removes_at_the_end() {
    for kind in ["Deployment", "ReplicaSet", "StatefulSet"] {
        let (two, three) = (
            pods(&workload(kind, 2, "nginx")),
            pods(&workload(kind, 3, "nginx")),
        );
        assert_eq!(two, three[..2], "{kind}");
        assert_eq!(pods(&workload(kind, 0, "nginx")), []);
    }
}

#[test]
fn another_template_gives_a_deployment_other_pods_and_a_stateful_set_the_same_names() {
    let (old, new) = (
        pods(&workload("Deployment", 1, "nginx")),
        pods(&workload("Deployment", 1, "httpd")),
    );
    assert_ne!(names(&old), names(&new));
    let hash = |pods: &[DesiredPod]| pods[0].pod.labels["pod-template-hash"].clone();
    assert_ne!(hash(&old), hash(&new));
    assert!(names(&old)[0].starts_with(&format!("web-{}-", hash(&old))));

    let stateful = pods(&workload("StatefulSet", 2, "httpd"));
    assert_eq!(names(&stateful), ["web-0", "web-1"]);
    let expected = [
        ("app", "web"),
        ("apps.kubernetes.io/pod-index", "1"),
        ("statefulset.kubernetes.io/pod-name", "web-1"),
    ];
    let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(stateful[1].pod.labels, Labels::from(expected));
}

#[test]
fn a_daemon_set_has_a_pod_on_each_node_that_it_selects() {
    let places = |manifest: &str| -> Vec<String> {
        let pods = pods(manifest);
        pods.iter().filter_map(|pod| pod.pod.node.clone()).collect()
    };
    let everywhere = workload("DaemonSet", 9, "nginx").replace("  replicas: 9\n", "");
    assert_eq!(places(&everywhere), ["w1", "w2"]);
    let on = |node: &str| {
        everywhere.replace(
            "spec: { containers",
            &format!("spec: {{ nodeSelector: {{ name: {node} }}, containers"),
        )
    };
    assert_eq!(places(&on("w2")), ["w2"]);
    assert_eq!(places(&on("cp")), ["cp"]);
    assert_eq!(places(&on("nowhere")), [""; 0]);
}

#[test]
fn jobs_run_once_unless_suspended_and_schedules_never() {
    let once = pods(&job("Job", JOB_TEMPLATE));
    assert_eq!(once.len(), 1);
    assert_eq!(once[0].restart, ringfence_model::RestartPolicy::Never);
    assert_eq!(once[0].pod.labels["batch.kubernetes.io/job-name"], "once");
    assert_eq!(
        pods(&job("Job", &format!("suspend: true, {JOB_TEMPLATE}"))),
        []
    );
    let scheduled = format!("schedule: '* * * * *', jobTemplate: {{spec: {{{JOB_TEMPLATE}}}}}");
    assert_eq!(pods(&job("CronJob", &scheduled)), []);
}

#[test]
fn what_runs_for_a_container() {
    let program = |yaml: &str| {
        pods(&container(yaml))
            .remove(0)
            .containers
            .remove(0)
            .program
    };
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    for (yaml, expected) in [
        ("image: nginx", Program::Responder),
        (
            "image: nginx, args: [-g, x]",
            Program::Arguments(words("-g x")),
        ),
        (
            "image: busybox, command: [sh], stdin: true",
            Program::Responder,
        ),
        (
            "image: busybox, command: [sh], tty: true",
            Program::Responder,
        ),
        (
            "image: busybox, command: [sleep], args: ['9']",
            Program::Machine(words("sleep 9")),
        ),
        (
            "image: registry.k8s.io/e2e-test-images/agnhost:2.47, args: [netexec, --http-port=80]",
            Program::Agnhost(words("netexec --http-port=80")),
        ),
        (
            "image: mine, command: [/agnhost, pause]",
            Program::Agnhost(words("pause")),
        ),
    ] {
        assert_eq!(program(yaml), expected, "{yaml}");
    }
}

#[test]
fn sidecars_run_beside_containers_and_other_init_containers_do_not() {
    let manifest = "
apiVersion: v1
kind: Pod
metadata: { name: a }
spec:
  hostname: other
  initContainers:
    - { name: first, image: nginx, ports: [{ containerPort: 1 }] }
    - { name: proxy, image: nginx, restartPolicy: Always, ports: [{ containerPort: 2 }] }
  containers:
    - { name: main, image: nginx, ports: [{ containerPort: 3 }] }
";
    let pod = pods(manifest).remove(0);
    let containers: Vec<_> = pod.containers.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(containers, ["main", "proxy"]);
    let ports: Vec<_> = pod.pod.ports.iter().map(|it| it.port).collect();
    assert_eq!((ports, pod.hostname.as_str()), (vec![3, 2], "other"));
}

const DATA: &str = "
apiVersion: v1
kind: Secret
metadata: { name: login }
stringData: { user: me, word: open sesame }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: settings }
data: { level: debug, user: nobody }
---
";

fn variables(yaml: &str) -> Result<BTreeMap<String, String>, WorkloadError> {
    let manifest = format!("{DATA}{}", container(&format!("image: nginx, {yaml}")));
    let mut pods = desired_pods(&objects(&manifest), &nodes())?;
    Ok(pods.remove(0).containers.remove(0).environment)
}

fn given(pairs: &[(&str, &str)]) -> Result<BTreeMap<String, String>, WorkloadError> {
    let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    Ok(pairs.iter().map(owned).collect())
}

#[test]
fn variables_come_from_secrets_config_maps_and_the_pod() {
    let yaml = "
envFrom: [{secretRef: {name: login}}, {prefix: S_, configMapRef: {name: settings}}],
env: [
  {name: user, value: somebody},
  {name: WORD, valueFrom: {secretKeyRef: {name: login, key: word}}},
  {name: LEVEL, valueFrom: {configMapKeyRef: {name: settings, key: level}}},
  {name: NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}},
  {name: SPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}]";
    let expected = given(&[
        ("LEVEL", "debug"),
        ("NAME", "a"),
        ("SPACE", "default"),
        ("S_level", "debug"),
        ("S_user", "nobody"),
        ("WORD", "open sesame"),
        ("user", "somebody"),
        ("word", "open sesame"),
    ]);
    assert_eq!(variables(&yaml.replace('\n', " ")), expected);
}

#[test]
fn a_reference_to_nothing_is_named_unless_it_is_optional() {
    for (yaml, message) in [
        (
            "env: [{name: X, valueFrom: {secretKeyRef: {name: gone, key: k}}}]",
            "Pod default/a: variable X needs key k of Secret gone, which does not exist",
        ),
        (
            "env: [{name: X, valueFrom: {configMapKeyRef: {name: settings, key: k}}}]",
            "Pod default/a: variable X needs key k of ConfigMap settings, which does not exist",
        ),
        (
            "envFrom: [{configMapRef: {name: gone}}]",
            "Pod default/a: variable envFrom needs ConfigMap gone, which does not exist",
        ),
    ] {
        assert_eq!(variables(yaml).unwrap_err().to_string(), message);
    }
    for yaml in [
        "env: [{name: X, valueFrom: {secretKeyRef: {name: gone, key: k, optional: true}}}]",
        "envFrom: [{configMapRef: {name: gone, optional: true}}]",
    ] {
        assert_eq!(variables(yaml), given(&[]));
    }
}

#[test]
fn variables_are_expanded_in_others_and_in_commands() {
    let variables = BTreeMap::from([("A".to_owned(), "1".to_owned())]);
    for (text, expected) in [
        ("x", "x"),
        ("$(A)-$(A)", "1-1"),
        ("$(B)", "$(B)"),
        ("$$(A)", "$(A)"),
        ("$A $", "$A $"),
    ] {
        assert_eq!(expand(text, &variables), expected, "{text}");
    }
    let yaml =
        "image: i, env: [{name: A, value: b}, {name: C, value: $(A)c}], command: [echo, $(C)]";
    let pod = &pods(&container(yaml))[0];
    let expected = ["echo", "bc"].map(str::to_owned).to_vec();
    assert_eq!(pod.containers[0].program, Program::Machine(expected));
}

#[test]
fn what_runs_first_and_ends_is_kept_apart_from_sidecars() {
    let manifest = "apiVersion: v1
kind: Pod
metadata: { name: a }
spec:
  initContainers: [{name: first, image: i}, {name: side, image: i, restartPolicy: Always}]
  containers: [{name: c, image: i}]
";
    let pod = &pods(manifest)[0];
    let names = |containers: &[DesiredContainer]| {
        let names = containers.iter().map(|one| one.name.clone());
        names.collect::<Vec<_>>()
    };
    assert_eq!(names(&pod.init), ["first"]);
    assert_eq!(names(&pod.containers), ["c", "side"]);
}
