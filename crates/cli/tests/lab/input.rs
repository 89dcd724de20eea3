//! Input that cannot be used: what is said about it, and that nothing of it is done.

use crate::support::{Lab, Permit, processes_of};

const POD: &str = "
apiVersion: v1
kind: Pod
metadata: {name: there}
spec: {containers: [{name: c, image: x}]}
";

/// A policy of which one field is wrong, behind an object that is right.
fn after_a_good_one(bad: &str) -> String {
    format!("{}---\n{bad}", POD.replace("there", "never"))
}

/// What `lab apply` says to a manifest; nothing of it may be done.
#[track_caller]
fn refusal(lab: &Lab, manifest: &str) -> String {
    let before = lab.status();
    lab.file("bad.yaml", manifest);
    let said = lab.run(&["apply", "-f", "bad.yaml"]).expect_refused();
    let after = lab.status();
    assert_eq!(after.revision, before.revision);
    assert_eq!(after.pods.len(), before.pods.len());
    // A lab that does not run yet says the same, and does not start.
    let other = Lab::without_permit();
    other.file("bad.yaml", manifest);
    let up = other.run(&["up", "-f", "bad.yaml"]).expect_refused();
    assert_eq!(without_progress(&up), said);
    assert!(processes_of(&other.name).is_empty());
    said
}

/// Lines such as `  0.05 s 3 nodes: ...` tell how far the start has come.
fn without_progress(text: &str) -> String {
    let start = text.find("error: ").unwrap_or_default();
    text.split_at(start).1.to_owned()
}

#[test]
fn manifests_that_cannot_be_used() {
    let lab = Lab::up(POD);
    let broken = refusal(
        &lab,
        &after_a_good_one("kind: NetworkPolicy\nmetadata: {name: [}\n"),
    );
    snapbox::assert_data_eq!(
        broken,
        snapbox::str![[r#"
error: these manifests cannot be used, so nothing was done

error: broken YAML: mismatched bracket '[' closed by '}'
 --> bad.yaml:8:18
  |
8 | metadata: {name: [}
  |                  ^

"#]]
    );
    let typo = refusal(
        &lab,
        &after_a_good_one(
            "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: typo}
spec:
  podSelectorr:
    matchLabels: {app: web}
",
        ),
    );
    snapbox::assert_data_eq!(
        typo,
        snapbox::str![[r#"
error: these manifests cannot be used, so nothing was done

error[V-23]: unknown field `spec.podSelectorr`
  --> bad.yaml:11:3
   |
11 |   podSelectorr:
   |   ^^^^^^^^^^^^ did you mean `podSelector`?

"#]]
    );
    let except = refusal(
        &lab,
        &after_a_good_one(
            "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: except}
spec:
  podSelector: {}
  ingress:
  - from:
    - ipBlock:
        cidr: 10.0.0.0/16
        except:
        - 10.1.0.0/24
",
        ),
    );
    snapbox::assert_data_eq!(
        except,
        snapbox::str![[r#"
error: these manifests cannot be used, so nothing was done

error[V-11]: spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: "10.1.0.0/24": must be a strict subset of `cidr`
  --> bad.yaml:17:11
   |
17 |         - 10.1.0.0/24
   |           ^^^^^^^^^^^

"#]]
    );
    let end_port = refusal(
        &lab,
        &after_a_good_one(
            "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: range}
spec:
  podSelector: {}
  ingress:
  - ports:
    - port: 9000
      endPort: 8000
",
        ),
    );
    snapbox::assert_data_eq!(
        end_port,
        snapbox::str![[r#"
error: these manifests cannot be used, so nothing was done

error[V-6]: spec.ingress[0].ports[0].endPort: Invalid value: 8000: must be greater than or equal to `port`
  --> bad.yaml:15:16
   |
15 |       endPort: 8000
   |                ^^^^

"#]]
    );
}

#[test]
fn manifests_that_this_lab_cannot_have() {
    let lab = Lab::up(POD);
    let node = refusal(
        &lab,
        &after_a_good_one(
            "apiVersion: v1
kind: Pod
metadata:
  name: lost
spec:
  nodeName: kind-worker9
  containers: [{name: c, image: x}]
",
        ),
    );
    snapbox::assert_data_eq!(
        node,
        snapbox::str![[r#"
error: these manifests cannot be used, so nothing was done

error: Pod default/lost: node `kind-worker9` does not exist; the nodes are kind-control-plane, kind-worker, kind-worker2
  --> bad.yaml:12:3
   |
12 |   nodeName: kind-worker9
   |   ^^^^^^^^^^^^^^^^^^^^^^

"#]]
    );
    let namespace = refusal(
        &lab,
        &after_a_good_one(
            "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: homeless, namespace: nowhere}
spec: {podSelector: {}}
",
        ),
    );
    snapbox::assert_data_eq!(
        namespace,
        snapbox::str![[r#"
error: these manifests cannot be used, so nothing was done

error: NetworkPolicy nowhere/homeless: namespaces "nowhere" not found; create it first, or in the same manifests
 --> bad.yaml:9:28
  |
9 | metadata: {name: homeless, namespace: nowhere}
  |                            ^^^^^^^^^^^^^^^^^^

"#]]
    );
    let secret = refusal(
        &lab,
        &after_a_good_one(
            "apiVersion: v1
kind: Pod
metadata: {name: needy}
spec:
  containers:
  - name: c
    image: x
    env: [{name: PASSWORD, valueFrom: {secretKeyRef: {name: login, key: password}}}]
",
        ),
    );
    snapbox::assert_data_eq!(
        secret,
        snapbox::str![[r#"
error: these manifests cannot be used, so nothing was done

error: Pod default/needy: variable PASSWORD needs key password of Secret login, which does not exist
  --> bad.yaml:14:18
   |
14 |     env: [{name: PASSWORD, valueFrom: {secretKeyRef: {name: login, key: password}}}]
   |                  ^^^^^^^^

"#]]
    );
    let taken = refusal(
        &lab,
        &after_a_good_one(
            "apiVersion: v1
kind: Service
metadata: {name: thief}
spec: {clusterIP: 10.96.0.10, ports: [{port: 80}]}
",
        ),
    );
    snapbox::assert_data_eq!(
        taken,
        snapbox::str![[r#"
error: these manifests cannot be used, so nothing was done

error: Service default/thief: clusterIP 10.96.0.10 is already taken
  --> bad.yaml:10:8
   |
10 | spec: {clusterIP: 10.96.0.10, ports: [{port: 80}]}
   |        ^^^^^^^^^^^^^^^^^^^^^

"#]]
    );
    let a_node = refusal(
        &lab,
        &after_a_good_one("apiVersion: v1\nkind: Node\nmetadata: {name: another}\n"),
    );
    snapbox::assert_data_eq!(
        a_node,
        snapbox::str![[r#"
error: these manifests cannot be used, so nothing was done

error: Node another: nodes of a lab come from its kind configuration: ringfence lab up --config FILE
 --> bad.yaml:9:12
  |
9 | metadata: {name: another}
  |            ^^^^^^^^^^^^^

"#]]
    );
}

#[test]
fn a_change_that_does_not_come_about_is_taken_back() {
    let lab = Lab::up(POD);
    let before = lab.status();
    let manifest = after_a_good_one(
        "apiVersion: v1
kind: Pod
metadata: {name: wrong}
spec: {containers: [{name: c, image: x, command: [no-such-program]}]}
",
    );
    let said = lab.try_apply(&manifest).expect_refused();
    snapbox::assert_data_eq!(
        said,
        snapbox::str![[r#"
error: pod default/wrong does not run: container c: cannot start `no-such-program`: no such program on this machine; pods run its programs, not those of their images
  the change was taken back, the lab is as before

"#]]
    );
    let after = lab.status();
    assert_eq!(format!("{:?}", after.pods), format!("{:?}", before.pods));
    let tables = lab.rules();
    assert!(
        !tables.contains("default/wrong") && !tables.contains("default/never"),
        "{tables}"
    );
    // The next change is not hindered.
    lab.apply(&POD.replace("there", "next"));
    assert_eq!(lab.pod("next").phase, "Running");
}

#[test]
fn a_used_up_address_pool_is_named_and_nothing_is_done() {
    let lab = Lab::up_on(
        "kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
networking: {podSubnet: 10.244.0.0/29}
",
        POD,
    );
    let before = lab.status();
    lab.file(
        "many.yaml",
        "apiVersion: apps/v1
kind: Deployment
metadata: {name: many}
spec:
  replicas: 9
  selector: {matchLabels: {app: many}}
  template:
    metadata: {labels: {app: many}}
    spec: {containers: [{name: c, image: x}]}
",
    );
    let said = lab.run(&["apply", "-f", "many.yaml"]).expect_refused();
    snapbox::assert_data_eq!(
        said,
        snapbox::str![[r#"
error: these manifests cannot be used, so nothing was done

error: Deployment default/many: 6 of its pods: no pod address is free: kind-control-plane has 5 of 10.244.0.0/29
 --> many.yaml:5:3
  |
5 |   replicas: 9
  |   ^^^^^^^^^^^

"#]]
    );
    let after = lab.status();
    assert_eq!(after.revision, before.revision);
    assert_eq!(format!("{:?}", after.pods), format!("{:?}", before.pods));
    // As many as fit come up, and those with their node's address always do.
    for name in ["a", "b", "c"] {
        lab.apply(&POD.replace("there", name));
    }
    lab.try_apply(&POD.replace("there", "d")).expect_refused();
    lab.apply(
        &POD.replace("there", "h")
            .replace("spec: {", "spec: {hostNetwork: true, "),
    );
    lab.delete(&POD.replace("there", "a"));
    lab.apply(&POD.replace("there", "d"));
}

#[test]
fn a_used_up_service_subnet_is_named_and_nothing_is_done() {
    let lab = Lab::up_on(
        "kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
networking: {serviceSubnet: 10.96.0.0/28}
",
        POD,
    );
    let before = lab.status().revision;
    lab.file(
        "service.yaml",
        "apiVersion: v1
kind: Service
metadata: {name: one-too-many}
spec: {ports: [{port: 80}]}
",
    );
    let said = lab.run(&["apply", "-f", "service.yaml"]).expect_refused();
    snapbox::assert_data_eq!(
        said,
        snapbox::str![[r#"
error: these manifests cannot be used, so nothing was done

error: Service default/one-too-many: the service subnet 10.96.0.0/28 has no free address
 --> service.yaml:1:1
  |
1 | apiVersion: v1
  | ^^^^^^^^^^^^^^

"#]]
    );
    assert_eq!(lab.status().revision, before);
}

/// What `lab up` says to a kind configuration.
fn kind_refusal(config: &str) -> String {
    let lab = Lab::planned(Permit::shared());
    lab.file("kind.yaml", config);
    let up = lab.run(&["up", "--config", "kind.yaml"]);
    assert!(processes_of(&lab.name).is_empty());
    without_progress(&up.expect_refused())
}

#[test]
fn kind_configurations_that_cannot_be_used() {
    let role = kind_refusal(
        "kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
nodes:
- role: control-plane
- role: workerr
",
    );
    snapbox::assert_data_eq!(
        role,
        snapbox::str![[r#"
error: the kind configuration cannot be used

error[kind]: nodes[1].role: "workerr" is not a valid node role
 --> kind.yaml:5:9
  |
5 | - role: workerr
  |         ^^^^^^^ did you mean `worker`?
  |
  = help: a node is either `control-plane` or `worker`

"#]]
    );
    let field = kind_refusal(
        "kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
networking:
  podSubnets: 10.0.0.0/16
",
    );
    snapbox::assert_data_eq!(
        field,
        snapbox::str![[r#"
error: the kind configuration cannot be used

error[V-23]: unknown field `networking.podSubnets`
 --> kind.yaml:4:3
  |
4 |   podSubnets: 10.0.0.0/16
  |   ^^^^^^^^^^ did you mean `podSubnet`?

"#]]
    );
    let small = kind_refusal(
        "kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
networking: {podSubnet: 10.0.0.0/24}
nodes: [{role: control-plane}, {role: worker}]
",
    );
    snapbox::assert_data_eq!(
        small,
        snapbox::str![[r#"
error: the kind configuration cannot be used: pod subnet 10.0.0.0/24 has no room for 2 nodes: each takes a /24

"#]]
    );
}

#[test]
fn commands_that_cannot_be_used() {
    let lab = Lab::up(POD);
    let file = lab.run(&["apply", "-f", "nowhere.yaml"]).expect_refused();
    snapbox::assert_data_eq!(
        file,
        snapbox::str![[r#"
error: cannot read nowhere.yaml: No such file or directory (os error 2)

"#]]
    );
    std::fs::create_dir(lab.folder.path().join("empty")).unwrap();
    let folder = lab.run(&["apply", "-f", "empty"]).expect_refused();
    snapbox::assert_data_eq!(
        folder,
        snapbox::str![[r#"
error: empty holds no .yaml, .yml or .json file

"#]]
    );
    let node = lab.run(&["kill-agent", "kind-worker9"]).expect_refused();
    snapbox::assert_data_eq!(
        node,
        snapbox::str![[r#"
error: no node `kind-worker9`; the nodes are kind-control-plane, kind-worker, kind-worker2

"#]]
    );
    let label = lab
        .run(&["label", "pod", "there", "nonsense"])
        .expect_refused();
    snapbox::assert_data_eq!(
        label,
        snapbox::str![[r#"
error: `nonsense` is neither KEY=VALUE nor KEY-

"#]]
    );
    let twice = ["label", "pod", "there", "a=b", "a-"];
    snapbox::assert_data_eq!(
        lab.run(&twice).expect_refused(),
        snapbox::str![[r#"
error: `a-` is the second change of the label a: say one

"#]]
    );
    lab.file("comment.yaml", "# nothing yet\n");
    for command in ["apply", "delete"] {
        let nothing = lab.run(&[command, "-f", "comment.yaml", "-f", "/dev/null"]);
        snapbox::assert_data_eq!(
            nothing.expect_refused(),
            snapbox::str![[r#"
error: there is no object in comment.yaml, /dev/null

"#]]
        );
    }
    let port = lab.run(&["probe", "there", "127.0.0.1", "0"]);
    assert!(port.expect_refused().contains("0 is not in 1..=65535"));
    let labs: Vec<String> = serde_json::from_str(&lab.ok(&["list", "-o", "json"])).unwrap();
    assert!(labs.contains(&lab.name), "{labs:?}");
}

/// A directory may hold the nodes too, as that of the example does.
#[test]
fn nodes_are_those_of_a_kind_configuration_among_the_manifests() {
    let lab = Lab::planned(Permit::shared());
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/netpol-demo");
    let up = lab.run(&["up", "-f", example]);
    assert_eq!(up.code(), Some(0), "{up:?}");
    let said = format!("nodes as in {example}/multi-node-kind.yaml");
    assert!(up.stderr.contains(&said), "{up:?}");
    let nodes: Vec<String> = lab.cluster().nodes.into_keys().collect();
    let expected = ["control-plane", "worker", "worker2"].map(|node| format!("multi-node-{node}"));
    assert_eq!(nodes, expected);
    assert_eq!(lab.pod("intruder").phase, "Running");
}

#[test]
fn two_kind_configurations_among_the_manifests_are_refused() {
    let lab = Lab::planned(Permit::shared());
    folder(&lab);
    let config = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n";
    lab.file("all/a.yaml", config);
    lab.file("all/b.yaml", config);
    let refused = lab.run(&["up", "-f", "all"]).expect_refused();
    assert!(
        refused.contains("all/a.yaml and all/b.yaml are both kind configurations"),
        "{refused}"
    );
}

/// Makes the folder `all` among the files of the test.
fn folder(lab: &Lab) {
    let beside = lab.file("beside", "");
    std::fs::create_dir(beside.with_file_name("all")).unwrap();
}
