//! The rules of loading (OB-1 to OB-16) and of what pods say about themselves (Q-4 to Q-6).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ringfence_model::{
    Cluster, ClusterIp, Diagnostic, EnvValue, Input, LoadOptions, Loaded, Object, ObjectKind,
    ObjectName, Phase, Pod, Service, Severity, TargetPort, UnknownFields, VolumeSource, assemble,
    load, load_json, read_json,
};

fn load_text(text: &str) -> Loaded {
    let input = Input {
        name: "m.yaml".to_owned(),
        text: text.to_owned(),
    };
    load(&[input], &LoadOptions::default())
}

fn written(diagnostics: &[Diagnostic]) -> Vec<String> {
    diagnostics
        .iter()
        .map(|found| {
            format!(
                "{}[{}] {}",
                found.severity,
                found.rule.unwrap_or("-"),
                found.message
            )
        })
        .collect()
}

fn problems(text: &str) -> Vec<String> {
    written(&load_text(text).diagnostics)
}

fn keys(text: &str) -> Vec<String> {
    let loaded = load_text(text);
    assert_eq!(written(&loaded.diagnostics), [""; 0], "{text}");
    loaded
        .objects
        .iter()
        .map(|object| object.key().to_string())
        .collect()
}

fn assembled(text: &str) -> (Cluster, Vec<String>) {
    let loaded = load_text(text);
    assert_eq!(written(&loaded.diagnostics), [""; 0], "{text}");
    let (cluster, diagnostics) = assemble(&loaded.objects);
    (cluster, written(&diagnostics))
}

fn pods(text: &str) -> Vec<String> {
    assembled(text)
        .0
        .pods
        .keys()
        .map(ToString::to_string)
        .collect()
}

fn only_pod(text: &str) -> Pod {
    let (cluster, _) = assembled(text);
    cluster.pods.into_values().next().unwrap()
}

fn only_service(text: &str) -> Service {
    let (cluster, _) = assembled(text);
    cluster.services.into_values().next().unwrap()
}

fn pod(name: &str, rest: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec: {{containers: [{{name: c, image: i}}]}}\n{rest}---\n"
    )
}

fn workload(version: &str, kind: &str, spec: &str) -> String {
    format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: w}}\nspec: {spec}\n---\n")
}

const TEMPLATE: &str =
    "template: {metadata: {labels: {app: a}}, spec: {containers: [{name: c, image: i}]}}";
const JOB_TEMPLATE: &str = "template: {metadata: {labels: {app: a}}, spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}";
const SELECTOR: &str = "selector: {matchLabels: {app: a}}";

fn deployment(fields: &str) -> String {
    workload(
        "apps/v1",
        "Deployment",
        &format!("{{{SELECTOR}, {TEMPLATE}{fields}}}"),
    )
}

#[test]
fn ob1_documents_and_lists() {
    let list = "\
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Namespace, metadata: {name: a}}
- apiVersion: v1
  kind: NamespaceList
  items:
  - {metadata: {name: b}}
  - {metadata: {name: c}, apiVersion: v1, kind: Namespace}
---
# nothing
---
{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"d\"}}
";
    assert_eq!(
        keys(list),
        [
            "Namespace a",
            "Namespace b",
            "Namespace c",
            "ConfigMap default/d"
        ]
    );
    let policies = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicyList\nmetadata: {resourceVersion: ''}\nitems: [{metadata: {name: p, namespace: m}, spec: {}}]";
    assert_eq!(keys(policies), ["NetworkPolicy m/p"]);
    assert_eq!(keys(""), [""; 0]);
}

#[test]
fn ob1_unknown_kinds() {
    let kind =
        |version: &str, kind: &str| problems(&format!("apiVersion: {version}\nkind: {kind}\n"));
    assert_eq!(
        kind("example.com/v1", "Foo"),
        ["note[OB-1] `Foo` of `example.com/v1` is not known here, and left aside"]
    );
    assert_eq!(
        kind("projectcalico.org/v3", "NetworkPolicy"),
        ["note[OB-1] `NetworkPolicy` of `projectcalico.org/v3` is not known here, and left aside"]
    );
    assert_eq!(
        kind("networking.k8s.io/v1", "NetworkPolcy"),
        ["error[OB-1] there is no `NetworkPolcy` in `networking.k8s.io/v1`"]
    );
    assert_eq!(
        kind("networking.k8s.io/v1beta1", "NetworkPolicy"),
        ["error[OB-1] there is no `NetworkPolicy` in `networking.k8s.io/v1beta1`"]
    );
    assert_eq!(
        problems("apiVersion: v1\nKind: Pod\n"),
        ["error[OB-1] not a Kubernetes object: it has no `kind`"]
    );
    assert_eq!(
        problems("- a\n"),
        ["error[OB-1] not a Kubernetes object: it has no `kind`"]
    );
    for (found, message) in [
        ("item: []", "unknown field `item`"),
        ("items: {a: b}", "items: expected a list, found a mapping"),
    ] {
        let list = format!("apiVersion: v1\nkind: List\n{found}\n");
        let rule = if message.starts_with("unknown") {
            "V-23"
        } else {
            "V-22"
        };
        assert_eq!(problems(&list), [format!("error[{rule}] {message}")]);
    }
}

#[test]
fn ob1_secrets_that_sops_has_encrypted_are_left_aside() {
    let of = |kind: &str, sops: &str| {
        problems(&format!(
            "apiVersion: v1\nkind: {kind}\nmetadata: {{name: a}}\ndata: {{key: 'ENC[AES256_GCM,data:x]'}}\n{sops}"
        ))
    };
    let sops = "sops: {mac: 'ENC[AES256_GCM,data:y]', version: 3.9.0}\n";
    for kind in ["Secret", "ConfigMap"] {
        assert_eq!(
            of(kind, sops),
            [format!(
                "note[OB-1] {kind} is encrypted by SOPS, and left aside: policy does not depend on it"
            )]
        );
    }
    assert_eq!(
        of("Secret", ""),
        ["error[V-22] data[key]: not base64; plain text belongs in `stringData`"]
    );
    assert_eq!(of("Secret", "sops: {}\n").len(), 2);
    let policy = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: a}\n";
    assert_eq!(
        problems(&format!("{policy}{sops}")),
        ["error[V-23] unknown field `sops`"]
    );
}

#[test]
fn ob2_namespaces() {
    let input = Input {
        name: "m".to_owned(),
        text: pod("a", ""),
    };
    let options = LoadOptions {
        default_namespace: "team".to_owned(),
        ..LoadOptions::default()
    };
    assert_eq!(
        load(&[input], &options).objects[0].key().to_string(),
        "Pod team/a"
    );
    assert_eq!(
        problems("apiVersion: v1\nkind: Namespace\nmetadata: {name: a, namespace: b}\n"),
        ["error[OB-2] metadata.namespace: Forbidden: not allowed on this type"]
    );
}

#[test]
fn ob3_duplicates() {
    let twice = pod("a", "") + &pod("a", "");
    assert_eq!(
        assembled(&twice).1,
        ["warning[OB-3] Pod default/a is given twice"]
    );
    let differs = pod("a", "") + &pod("a", "status: {podIP: 10.0.0.1}\n");
    assert_eq!(
        assembled(&differs).1,
        ["error[OB-3] Pod default/a is given twice, and differs"]
    );
    let policy = |port: u16| {
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p}}\nspec: {{ingress: [{{ports: [{{port: {port}}}]}}]}}\n---\n"
        )
    };
    assert_eq!(
        assembled(&(policy(80) + &policy(80))).1,
        ["warning[OB-3] NetworkPolicy default/p is given twice"]
    );
    assert_eq!(
        assembled(&(policy(80) + &policy(81))).1,
        ["error[OB-3] NetworkPolicy default/p is given twice, and differs"]
    );
}

#[test]
fn ob4_missing_namespaces_and_np18() {
    let text = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: x}\nspec: {}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: z, labels: {kubernetes.io/metadata.name: lie, a: b}}\n---\n";
    let (cluster, diagnostics) = assembled(&(text.to_owned() + &pod("a", "")));
    assert_eq!(
        diagnostics,
        ["warning[OB-4] namespace `x` is not given: it is taken to have no labels but its name"]
    );
    let labels = |name: &str| serde_json::to_string(&cluster.namespaces[name].labels).unwrap();
    assert_eq!(labels("x"), r#"{"kubernetes.io/metadata.name":"x"}"#);
    assert_eq!(
        labels("z"),
        r#"{"a":"b","kubernetes.io/metadata.name":"z"}"#
    );
    assert_eq!(
        labels("default"),
        r#"{"kubernetes.io/metadata.name":"default"}"#
    );
}

#[test]
fn ob5_yaml_traps() {
    let labels = |labels: &str| {
        problems(&format!(
            "apiVersion: v1\nkind: Namespace\nmetadata: {{name: a, labels: {labels}}}\n"
        ))
    };
    assert_eq!(
        labels("{a: off}"),
        ["error[OB-5] metadata.labels[a]: expected a string, found the boolean `off`"]
    );
    assert_eq!(
        labels("{on: a}"),
        [
            "error[OB-5] metadata.labels[true]: the key must be a string, but plain `on` is a boolean"
        ]
    );
    assert_eq!(labels("{a: b, a: b}"), ["error[OB-5] duplicate key `a`"]);
    assert_eq!(labels("{1: 'yes', a: ''}"), [""; 0]);
    assert_eq!(
        problems("apiVersion: v1\nkind: Namespace\nmetadata: {name: no}\n"),
        ["error[OB-5] metadata.name: expected a string, found the boolean `no`"]
    );
}

#[test]
fn ob6_removed_versions() {
    let found = load_text("apiVersion: extensions/v1beta1\nkind: NetworkPolicy\nspec: {}\n");
    assert_eq!(
        written(&found.diagnostics),
        ["error[OB-6] `NetworkPolicy` of `extensions/v1beta1` is not served any more"]
    );
    assert_eq!(
        found.diagnostics[0].help.as_deref(),
        Some("write `apiVersion: networking.k8s.io/v1`")
    );
}

fn containers(containers: &str) -> Vec<String> {
    problems(&format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec: {{containers: {containers}}}\n"
    ))
}

#[test]
fn ob7_containers_and_ports() {
    assert_eq!(
        containers("[]"),
        ["error[OB-7] spec.containers: Required value"]
    );
    assert_eq!(
        containers("[{}]"),
        [
            "error[OB-7] spec.containers[0].name: Required value",
            "error[OB-7] spec.containers[0].image: Required value"
        ]
    );
    assert_eq!(
        containers("[{name: a, image: i}, {name: a, image: i}]"),
        ["error[OB-7] spec.containers[1].name: Duplicate value: \"a\""]
    );
    let ports = |ports: &str| containers(&format!("[{{name: a, image: i, ports: {ports}}}]"));
    assert_eq!(
        ports("[{}]"),
        ["error[OB-7] spec.containers[0].ports[0].containerPort: Required value"]
    );
    assert_eq!(
        ports("[{containerPort: 70000}]"),
        [
            "error[OB-7] spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive"
        ]
    );
    assert_eq!(
        ports("[{containerPort: 80, protocol: HTTP}]"),
        [
            "error[OB-7] spec.containers[0].ports[0].protocol: Unsupported value: \"HTTP\": supported values: \"TCP\", \"UDP\", \"SCTP\""
        ]
    );
    assert_eq!(
        ports("[{containerPort: 80, name: web}, {containerPort: 81, name: web}]"),
        ["error[OB-7] spec.containers[0].ports[1].name: Duplicate value: \"web\""]
    );
    assert_eq!(
        containers(
            "[{name: a, image: i, ports: [{name: web, containerPort: 80}]}, {name: b, image: i, ports: [{name: web, containerPort: 81}]}]"
        ),
        [
            "warning[AM-12] spec.containers[1].ports[0].name: duplicate port name \"web\" with container \"a\": a Service uses the first, a policy both"
        ]
    );
}

#[test]
fn np36_sidecars_count_and_other_init_containers_do_not() {
    let pod = only_pod(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  initContainers:\n  - {name: s, image: i, restartPolicy: Always, ports: [{name: m, containerPort: 9, protocol: UDP}]}\n  - {name: t, image: i, ports: [{containerPort: 7}]}\n  containers:\n  - {name: c, image: i, ports: [{containerPort: 8}]}\n",
    );
    let ports: Vec<String> = pod
        .ports
        .iter()
        .map(|port| format!("{:?} {}/{}", port.name, port.port, port.protocol))
        .collect();
    assert_eq!(ports, ["None 8/TCP", "Some(\"m\") 9/UDP"]);
}

#[test]
fn q4_to_q6_pod_status() {
    let pod_with = |rest: &str| only_pod(&pod("a", rest));
    let plain = pod_with("");
    assert_eq!(
        (plain.phase, plain.ready, plain.terminating),
        (Phase::Unknown, true, false)
    );
    assert!(plain.is_live());
    assert!(!pod_with("status: {phase: Succeeded}\n").is_live());
    assert!(pod_with("status: {phase: Pending}\n").is_live());
    let not_ready = pod_with("status: {conditions: [{type: Ready, status: 'False'}]}\n");
    assert!(!not_ready.ready);
    assert!(pod_with("status: {conditions: [{type: Ready, status: 'True'}]}\n").ready);
    let addressed = pod_with(
        "status: {podIP: 10.0.0.1, podIPs: [{ip: 10.0.0.1}, {ip: 'fd00::1'}], hostIP: 192.0.2.1}\n",
    );
    assert_eq!(addressed.addresses.len(), 2);
    assert_eq!(
        addressed.host_addresses,
        ["192.0.2.1".parse::<std::net::IpAddr>().unwrap()]
    );
    assert_eq!(pod_with("status: {podIP: 10.0.0.9}\n").addresses.len(), 1);
    assert_eq!(
        problems(&pod("a", "status: {phase: Running!}\n")),
        [
            "error[Q-4] status.phase: Unsupported value: \"Running!\": supported values: \"Pending\", \"Running\", \"Succeeded\", \"Failed\", \"Unknown\""
        ]
    );
    assert_eq!(
        problems(&pod("a", "status: {podIP: 10.0.0}\n")),
        [
            "error[Q-6] status.podIP: Invalid value: \"10.0.0\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
        ]
    );
    let shared = pod("a", "status: {podIP: 10.0.0.1}\n") + &pod("b", "status: {podIP: 10.0.0.1}\n");
    assert_eq!(
        assembled(&shared).1,
        ["error[Q-6] pods default/a and default/b have the same address 10.0.0.1"]
    );
    let finished = pod("a", "status: {podIP: 10.0.0.1}\n")
        + &pod("b", "status: {podIP: 10.0.0.1, phase: Failed}\n");
    assert_eq!(assembled(&finished).1, [""; 0]);
}

#[test]
fn ob8_workloads() {
    assert_eq!(keys(&deployment("")), ["Deployment default/w"]);
    let spec = |spec: &str| problems(&workload("apps/v1", "Deployment", spec));
    assert_eq!(
        spec(&format!("{{{TEMPLATE}}}")),
        ["error[OB-8] spec.selector: Required value"]
    );
    assert_eq!(
        spec(&format!("{{selector: {{}}, {TEMPLATE}}}")),
        ["error[OB-8] spec.selector: Invalid value: {}: empty selector is invalid for deployment"]
    );
    assert_eq!(
        spec(&format!(
            "{{selector: {{matchLabels: {{app: b}}}}, {TEMPLATE}}}"
        )),
        [
            "error[OB-8] spec.template.metadata.labels: Invalid value: {\"app\":\"a\"}: `selector` does not match template `labels`"
        ]
    );
    assert_eq!(
        spec(&format!("{{{SELECTOR}}}")),
        ["error[OB-8] spec.template: Required value"]
    );
    assert_eq!(
        spec(&format!("{{replicas: -1, {SELECTOR}, {TEMPLATE}}}")),
        ["error[OB-9] spec.replicas: Invalid value: -1: must be greater than or equal to 0"]
    );
    assert_eq!(
        spec(&format!("{{{SELECTOR}, {JOB_TEMPLATE}}}")),
        [
            "error[OB-8] spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: \"Always\""
        ]
    );
    assert_eq!(
        problems(&workload("batch/v1", "Job", &format!("{{{TEMPLATE}}}"))),
        [
            "error[OB-8] spec.template.spec.restartPolicy: Required value: valid values: \"OnFailure\", \"Never\""
        ]
    );
}

#[test]
fn ob9_representatives() {
    assert_eq!(pods(&deployment("")), ["default/w-0"]);
    assert_eq!(
        pods(&deployment(", replicas: 5")),
        ["default/w-0", "default/w-1"]
    );
    assert_eq!(pods(&deployment(", replicas: 0")), [""; 0]);
    let daemons = workload(
        "apps/v1",
        "DaemonSet",
        &format!("{{{SELECTOR}, {TEMPLATE}}}"),
    );
    assert_eq!(pods(&daemons), ["default/w-0", "default/w-1"]);
    let job = workload(
        "batch/v1",
        "Job",
        &format!("{{parallelism: 3, {JOB_TEMPLATE}}}"),
    );
    assert_eq!(pods(&job), ["default/w-0", "default/w-1"]);
    let cron = workload(
        "batch/v1",
        "CronJob",
        &format!("{{schedule: '* * * * *', jobTemplate: {{spec: {{{JOB_TEMPLATE}}}}}}}"),
    );
    assert_eq!(pods(&cron), ["default/w-0"]);
    let controller = workload("v1", "ReplicationController", &format!("{{{TEMPLATE}}}"));
    assert_eq!(pods(&controller), ["default/w-0"]);
}

#[test]
fn ob9_workloads_of_one_name_have_pods_of_their_own() {
    let set = workload(
        "apps/v1",
        "StatefulSet",
        &format!("{{{SELECTOR}, {TEMPLATE}}}"),
    );
    assert_eq!(
        pods(&(deployment("") + &set)),
        ["default/w-0", "default/w-0-deployment"]
    );
    assert_eq!(
        pods(&(deployment("") + &pod("w-0", ""))),
        ["default/w-0", "default/w-0-representative"]
    );
}

#[test]
fn ob9_pods_of_a_running_cluster_stand_for_themselves() {
    let owner = |kind: &str, name: &str| {
        format!(
            "ownerReferences: [{{apiVersion: apps/v1, kind: {kind}, name: {name}, uid: u, controller: true}}]"
        )
    };
    let set = format!(
        "apiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {{name: w-5f, {}}}\nspec: {{{SELECTOR}, {TEMPLATE}}}\n---\n",
        owner("Deployment", "w")
    );
    let made = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: w-5f-x, labels: {{app: a}}, {}}}\nspec: {{containers: [{{name: c, image: i}}]}}\n---\n",
        owner("ReplicaSet", "w-5f")
    );
    assert_eq!(pods(&(deployment("") + &set)), ["default/w-0"]);
    assert_eq!(pods(&(deployment("") + &set + &made)), ["default/w-5f-x"]);
    assert_eq!(pods(&set), ["default/w-5f-0"]);
}

#[test]
fn ob10_labels_of_controllers() {
    let labels = |text: &str| serde_json::to_string(&only_pod(text).labels).unwrap();
    let set = workload(
        "apps/v1",
        "StatefulSet",
        &format!("{{{SELECTOR}, {TEMPLATE}}}"),
    );
    assert_eq!(
        labels(&set),
        r#"{"app":"a","apps.kubernetes.io/pod-index":"0","statefulset.kubernetes.io/pod-name":"w-0"}"#
    );
    let job = workload("batch/v1", "Job", &format!("{{{JOB_TEMPLATE}}}"));
    assert_eq!(
        labels(&job),
        r#"{"app":"a","batch.kubernetes.io/job-name":"w","job-name":"w"}"#
    );
    assert_eq!(labels(&deployment("")), r#"{"app":"a"}"#);
    let policy = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\nspec: {podSelector: {matchExpressions: [{key: pod-template-hash, operator: Exists}]}}\n";
    assert_eq!(
        assembled(policy).1,
        [
            "warning[OB-10] NetworkPolicy default/p selects by `pod-template-hash`, which only a running cluster knows"
        ]
    );
}

fn service(spec: &str) -> String {
    format!("apiVersion: v1\nkind: Service\nmetadata: {{name: s}}\nspec: {spec}\n---\n")
}

#[test]
fn ob11_service_ports() {
    let targets = |ports: &str| -> Vec<TargetPort> {
        let service = only_service(&service(&format!("{{ports: {ports}}}")));
        service.ports.into_iter().map(|port| port.target).collect()
    };
    assert_eq!(targets("[{port: 80}]"), [TargetPort::Number(80)]);
    assert_eq!(
        targets("[{port: 80, targetPort: 0}]"),
        [TargetPort::Number(80)]
    );
    assert_eq!(
        targets("[{port: 80, targetPort: ''}]"),
        [TargetPort::Number(80)]
    );
    assert_eq!(
        targets("[{port: 80, targetPort: 8080}]"),
        [TargetPort::Number(8080)]
    );
    assert_eq!(
        targets("[{port: 80, targetPort: web}]"),
        [TargetPort::Name("web".to_owned())]
    );
    let refused = |spec: &str| problems(&service(spec));
    assert_eq!(refused("{}"), ["error[OB-11] spec.ports: Required value"]);
    assert_eq!(
        refused("{ports: [{port: 80}, {port: 80, name: b}]}"),
        [
            "error[OB-11] spec.ports[0].name: Required value",
            "error[OB-11] spec.ports[1]: Duplicate value: \"80/TCP\""
        ]
    );
    assert_eq!(
        refused("{ports: [{port: 0}]}"),
        [
            "error[OB-11] spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive"
        ]
    );
    assert_eq!(
        refused("{type: Loadbalancer, ports: [{port: 1}]}"),
        [
            "error[OB-11] spec.type: Unsupported value: \"Loadbalancer\": supported values: \"ClusterIP\", \"ExternalName\", \"LoadBalancer\", \"NodePort\""
        ]
    );
}

#[test]
fn ob13_service_addresses() {
    let headless = only_service(&service("{clusterIP: None, selector: {a: b}}"));
    assert_eq!(headless.cluster_ip, ClusterIp::Headless);
    let external = only_service(&service(
        "{type: ExternalName, externalName: db.example.com}",
    ));
    assert_eq!(external.external_name.as_deref(), Some("db.example.com"));
    assert_eq!(
        problems(&service("{type: ExternalName}")),
        ["error[OB-13] spec.externalName: Required value"]
    );
    let text = service("{clusterIP: 10.96.0.9, clusterIPs: [10.96.0.9, 'fd00::9'], externalIPs: [192.0.2.7], ports: [{port: 1}]}")
        .replace("---\n", "status: {loadBalancer: {ingress: [{ip: 198.51.100.3}, {hostname: h}]}}\n");
    let assigned = only_service(&text);
    assert!(matches!(&assigned.cluster_ip, ClusterIp::Assigned(found) if found.len() == 2));
    assert_eq!(assigned.external_addresses.len(), 2);
    assert_eq!(
        problems(&service(
            "{externalIPs: [169.254.169.254, 127.0.0.1], ports: [{port: 1}]}"
        )),
        [
            "error[Q-8] spec.externalIPs[0]: Invalid value: \"169.254.169.254\": \
             may not be in the link-local range (169.254.0.0/16, fe80::/10)",
            "error[Q-8] spec.externalIPs[1]: Invalid value: \"127.0.0.1\": \
             may not be in the loopback range (127.0.0.0/8, ::1/128)",
        ]
    );
    assert_eq!(
        problems(&service("{clusterIP: none, ports: [{port: 1}]}")),
        [
            "error[Q-8] spec.clusterIP: Invalid value: \"none\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
        ]
    );
}

#[test]
fn ob15_names() {
    let named = |version: &str, kind: &str, name: &str| {
        let text = format!(
            "apiVersion: {version}\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {{ports: [{{port: 1}}]}}\n"
        );
        problems(&text.replace(
            "spec: {ports: [{port: 1}]}\n",
            if kind == "Service" {
                "spec: {ports: [{port: 1}]}\n"
            } else {
                ""
            },
        ))
    };
    assert_eq!(
        named("v1", "Namespace", "a.b"),
        ["error[V-1] metadata.name: Invalid value: \"a.b\": must not contain dots"]
    );
    assert_eq!(named("v1", "Node", "a.b"), [""; 0]);
    assert_eq!(
        named("v1", "Service", "'1a'"),
        [
            "error[V-1] metadata.name: Invalid value: \"1a\": a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
        ]
    );
}

#[test]
fn ob16_nodes() {
    let text = "apiVersion: v1\nkind: Node\nmetadata: {name: node, labels: {a: b}}\nspec: {podCIDR: 10.244.1.0/24, podCIDRs: [10.244.1.0/24, 'fd00::/64']}\nstatus: {addresses: [{type: InternalIP, address: 192.0.2.1}, {type: Hostname, address: node}, {type: ExternalIP, address: 'fd00::7'}]}\n";
    let (cluster, _) = assembled(text);
    let node = &cluster.nodes["node"];
    assert_eq!((node.addresses.len(), node.pod_cidrs.len()), (2, 2));
}

#[test]
fn the_runnable_pod() {
    let text = "\
apiVersion: v1
kind: Pod
metadata: {name: a}
spec:
  nodeSelector: {disk: ssd}
  terminationGracePeriodSeconds: 5
  hostname: h
  tolerations: [{operator: Exists}]
  volumes:
  - {name: v, emptyDir: {}}
  - {name: s, secret: {secretName: t}}
  - {name: h, hostPath: {path: /x}}
  containers:
  - name: c
    image: agnhost
    command: [/agnhost]
    args: [netexec, --http-port=8080]
    workingDir: /tmp
    env:
    - {name: A, value: \"1\"}
    - {name: B, valueFrom: {secretKeyRef: {name: s, key: k}}}
    - {name: C, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
    - {name: D}
    volumeMounts: [{name: v, mountPath: /data, readOnly: true}]
    resources: {limits: {cpu: 1, memory: 64Mi}}
    readinessProbe: {httpGet: {path: /, port: 8080}}
";
    let loaded = load_text(text);
    assert_eq!(written(&loaded.diagnostics), [""; 0]);
    let Object::Pod(found) = &loaded.objects[0] else {
        panic!("no pod")
    };
    let (spec, container) = (&found.spec, &found.spec.containers[0]);
    assert_eq!(container.args, ["netexec", "--http-port=8080"]);
    assert_eq!(container.env[0].value, EnvValue::Literal("1".to_owned()));
    assert!(matches!(&container.env[1].value, EnvValue::Secret(found) if found.key == "k"));
    assert_eq!(
        container.env[2].value,
        EnvValue::Field("status.podIP".to_owned())
    );
    assert_eq!(container.env[3].value, EnvValue::Literal(String::new()));
    let sources: Vec<&VolumeSource> = spec.volumes.iter().map(|volume| &volume.source).collect();
    assert_eq!(
        sources,
        [
            &VolumeSource::EmptyDir,
            &VolumeSource::Secret("t".to_owned()),
            &VolumeSource::Other("hostPath".to_owned())
        ]
    );
    assert_eq!(
        (spec.termination_grace_seconds, spec.hostname.as_deref()),
        (5, Some("h"))
    );
    let again: Object =
        serde_json::from_str(&serde_json::to_string(&loaded.objects[0]).unwrap()).unwrap();
    assert_eq!(again, loaded.objects[0]);
}

#[test]
fn secrets_are_decoded_and_not_shown() {
    let text = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {a: cGFzcw==, b: eA==}\nstringData: {b: plain}\n";
    let loaded = load_text(text);
    let Object::Secret(secret) = &loaded.objects[0] else {
        panic!("no secret")
    };
    assert_eq!(secret.data["a"], b"pass");
    assert_eq!(secret.data["b"], b"plain");
    assert!(!format!("{secret:?}").contains("112"), "{secret:?}");
    assert_eq!(
        problems("apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {a: plain!}\n"),
        ["error[V-22] data[a]: not base64; plain text belongs in `stringData`"]
    );
}

#[test]
fn one_bad_object_does_not_hide_the_others() {
    let text =
        pod("a", "") + "a: [\n---\n" + &pod("B", "") + &pod("c", "extra: 1\n") + &pod("d", "");
    let loaded = load_text(&text);
    let keys: Vec<ObjectName> = loaded
        .objects
        .iter()
        .map(|object| object.key())
        .inspect(|key| assert_eq!(key.kind, ObjectKind::Pod))
        .map(|key| ObjectName::new(key.namespace.unwrap(), key.name))
        .collect();
    assert_eq!(
        keys,
        [
            ObjectName::new("default", "a"),
            ObjectName::new("default", "d")
        ]
    );
    assert_eq!(loaded.diagnostics.len(), 3);
    assert!(
        loaded
            .diagnostics
            .iter()
            .all(|found| found.severity == Severity::Error)
    );
}

const fn tolerant(unknown_fields: UnknownFields) -> LoadOptions {
    LoadOptions {
        default_namespace: String::new(),
        unknown_fields,
    }
}

#[test]
fn v23_unknown_fields_of_texts_are_what_the_caller_says() {
    let input = Input {
        name: "m.yaml".to_owned(),
        text: "apiVersion: v1\nkind: NamespaceList\nitem: []\nitems: [{metadata: {name: a, nam: b}}]\n"
            .to_owned(),
    };
    let loaded = |unknown_fields| load(std::slice::from_ref(&input), &tolerant(unknown_fields));
    let refused = loaded(UnknownFields::Refuse);
    let expected = ["unknown field `item`", "unknown field `metadata.nam`"];
    let as_written = |severity: &str| expected.map(|text| format!("{severity}[V-23] {text}"));
    assert_eq!(written(&refused.diagnostics), as_written("error"));
    assert!(refused.objects.is_empty());
    let warned = loaded(UnknownFields::Warn);
    assert_eq!(written(&warned.diagnostics), as_written("warning"));
    assert_eq!(warned.objects.len(), 1);
    let ignored = loaded(UnknownFields::Ignore);
    assert_eq!((ignored.objects.len(), ignored.diagnostics.len()), (1, 0));
}

#[test]
fn json_values_load_without_positions() {
    let value = serde_json::json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": "p", "namespace": "n"},
        "spec": {"podSelectorr": {}}
    });
    let refused = load_json(&value, &LoadOptions::default());
    assert_eq!(
        written(&refused.diagnostics),
        ["error[V-23] unknown field `spec.podSelectorr`"]
    );
    assert_eq!(
        refused.diagnostics[0].path.as_deref(),
        Some("spec.podSelectorr")
    );
    assert!(refused.objects.is_empty() && refused.diagnostics[0].location.is_none());
    let warned = load_json(&value, &tolerant(UnknownFields::Warn));
    assert_eq!((warned.objects.len(), warned.diagnostics.len()), (1, 1));
    let ignored = load_json(&value, &tolerant(UnknownFields::Ignore));
    assert_eq!((ignored.objects.len(), ignored.diagnostics.len()), (1, 0));
    assert_eq!(ignored.objects[0].source(), None);
}

#[test]
fn documents_as_json() {
    let input = Input {
        name: "m".to_owned(),
        text: "a: yes\n---\n- 1\n".to_owned(),
    };
    let values = read_json(&input).unwrap();
    assert_eq!(
        values,
        [serde_json::json!({"a": true}), serde_json::json!([1])]
    );
}
