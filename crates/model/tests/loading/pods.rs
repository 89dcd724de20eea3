//! What pods say about themselves (OB-7, Q-4 to Q-6).

use ringfence_model::{EnvValue, Object, Phase, VolumeSource};

use crate::support::{assembled, load_text, only_pod, pod, problems, written};

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
