//! Firewalls of nodes in answers from manifests (rules HF-*), and what `host-firewall` takes.

use std::fs;

use crate::support::{ringfence, ringfence_reading};

/// `n1` is closed but for a port; a Service has a port at both nodes, and so has one of a pod in the network of `n1`.
const CLUSTER: &str = "
apiVersion: v1
kind: Node
metadata: {name: n1, labels: {name: n1}}
status: {addresses: [{type: InternalIP, address: 192.168.0.1}, {type: InternalIP, address: 'fd00::1'}]}
---
apiVersion: v1
kind: Node
metadata: {name: n2, labels: {name: n2}}
status: {addresses: [{type: InternalIP, address: 192.168.0.2}, {type: InternalIP, address: 'fd00::2'}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: default, labels: {app: web}}
spec: {nodeName: n1, containers: [{name: c, image: i, ports: [{containerPort: 8080}]}]}
status: {phase: Running, podIPs: [{ip: 10.0.0.1}, {ip: 'fd01::1'}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec:
  type: NodePort
  clusterIPs: [10.96.0.1, 'fd02::1']
  ipFamilies: [IPv4, IPv6]
  ipFamilyPolicy: RequireDualStack
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080, nodePort: 30080}]
---
apiVersion: v1
kind: Pod
metadata: {name: exporter, namespace: default, labels: {app: exporter}}
spec: {nodeName: n1, hostNetwork: true, containers: [{name: c, image: i, ports: [{containerPort: 9100}]}]}
status: {phase: Running, hostIP: 192.168.0.1, podIP: 192.168.0.1}
---
apiVersion: v1
kind: Service
metadata: {name: exporter, namespace: default}
spec:
  type: NodePort
  clusterIP: 10.96.0.2
  selector: {app: exporter}
  ports: [{port: 9100, nodePort: 30910}]
";

const FIREWALL: &str = "
apiVersion: ringfence.dev/v1alpha1
kind: HostFirewall
metadata: {name: w}
spec:
  nodeSelector: {matchLabels: {name: n1}}
  ingress:
  - from: [{nodes: {}}]
    ports: [{protocol: TCP, port: 9100}]
";

const TESTS: &str = "
apiVersion: ringfence.dev/v1alpha1
kind: PolicyTest
metadata: {name: ports}
tests:
- name: a closed node leads nowhere
  deny: {from: 203.0.113.10, to: [192.168.0.1], ports: [tcp/30080, tcp/30910, tcp/9100]}
- name: another one does
  allow: {from: 203.0.113.10, to: [192.168.0.2], ports: [tcp/30080, tcp/30910]}
- name: what stays open is told apart
  allow: {from: 203.0.113.10, to: [192.168.0.1], ports: [tcp/22, tcp/6443]}
  deny: {from: 203.0.113.10, to: [192.168.0.1], ports: [tcp/1-21, tcp/23-6442, tcp/6444-10249, tcp/10251-65535]}
";

#[test]
fn ports_of_services_at_a_closed_node_are_closed() {
    let folder = tempfile::tempdir().unwrap();
    let (manifests, tests) = (folder.path().join("m.yaml"), folder.path().join("t.yaml"));
    fs::write(&manifests, format!("{CLUSTER}---{FIREWALL}")).unwrap();
    fs::write(&tests, TESTS).unwrap();
    let (file, tests) = (manifests.to_str().unwrap(), tests.to_str().unwrap());
    let explain = |from: &str, to: &str, port: &str| {
        let said = ringfence(&["explain", from, to, port, "-f", file]);
        (said.status.code(), said.stdout)
    };
    for (from, to) in [
        ("203.0.113.10", "192.168.0.1"),
        ("203.0.113.10", "node/n1"),
        ("2001:db8::9", "fd00::1"),
    ] {
        let (code, said) = explain(from, to, "30080");
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("closed by HostFirewall w"), "{said}");
    }
    // Those in the cluster are led there by their own node, and host pods see the node that forwards.
    for (from, to, port) in [
        ("node/n2", "192.168.0.1", "30080"),
        ("203.0.113.10", "192.168.0.2", "30080"),
        ("203.0.113.10", "192.168.0.2", "30910"),
    ] {
        let (code, said) = explain(from, to, port);
        assert_eq!(code, Some(0), "{said}");
    }
    let (_, said) = explain("203.0.113.10", "192.168.0.2", "30910");
    assert!(said.contains("node/n2 -> default/exporter"), "{said}");
    let (_, said) = explain("203.0.113.10", "192.168.0.1", "tcp/1-65535");
    assert!(said.contains("  allow  tcp/22,6443,10250\n"), "{said}");
    for judge in ["manifests", "ruleset"] {
        let said = ringfence(&["test", tests, "-f", file, "--against", judge]);
        assert_eq!(said.status.code(), Some(0), "{judge}: {}", said.stdout);
    }
    // HF-7: the kubelet listens where its node says.
    let told = "status: {daemonEndpoints: {kubeletEndpoint: {Port: 10300}}, addresses:";
    let elsewhere = CLUSTER.replacen("status: {addresses:", told, 1);
    fs::write(&manifests, format!("{elsewhere}---{FIREWALL}")).unwrap();
    let (_, said) = explain("203.0.113.10", "192.168.0.1", "tcp/1-65535");
    assert!(said.contains("  allow  tcp/22,6443,10300\n"), "{said}");
}

/// HF-9: of a server of the node that no object tells of, the answer says that the firewall judges it.
#[test]
fn what_may_stand_on_the_pods_own_node_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let manifests = folder.path().join("m.yaml");
    let asked = |cluster: &str, to: &str, port: &str| {
        fs::write(&manifests, format!("{cluster}---{FIREWALL}")).unwrap();
        let said = ringfence(&[
            "explain",
            "default/web",
            to,
            port,
            "-f",
            manifests.to_str().unwrap(),
        ]);
        assert_eq!(said.status.code(), Some(0), "{said:?}");
        said.stdout
    };
    let warns = |said: &str| said.contains("[HF-9]");
    let elsewhere = CLUSTER.replacen("nodeName: n1", "nodeName: n2", 1);
    for to in [
        "169.254.20.10",
        "fe80::53",
        "fd00:ec2::254",
        "168.63.129.16",
    ] {
        let said = asked(CLUSTER, to, "udp/53");
        assert!(warns(&said), "{said}");
        assert!(
            said.contains("node/n1 itself, which HostFirewall w closes to default/web"),
            "{said}"
        );
        assert!(!warns(&asked(&elsewhere, to, "udp/53")), "{to}");
        // A port that stays open.
        assert!(!warns(&asked(CLUSTER, to, "tcp/22")), "{to}");
    }
    assert!(!warns(&asked(CLUSTER, "203.0.113.9", "udp/53")));
}

/// HF-9: other commands give the same verdict, and the same warning.
#[test]
fn what_may_stand_on_the_pods_own_node_is_told_by_all() {
    let folder = tempfile::tempdir().unwrap();
    let (manifests, tests) = (folder.path().join("m.yaml"), folder.path().join("t.yaml"));
    let [file, tests] = [&manifests, &tests].map(|path| path.to_str().unwrap());
    let write = |cluster: &str| fs::write(&manifests, format!("{cluster}---{FIREWALL}")).unwrap();
    let asked = |to: &str, port: u16| {
        let text = format!(
            "apiVersion: ringfence.dev/v1alpha1\nkind: PolicyTest\nmetadata: {{name: t}}\ntests:\n- name: it passes\n  allow: {{from: default/web, to: [{to}], ports: [udp/{port}]}}\n"
        );
        fs::write(tests, text).unwrap();
        ["manifests", "ruleset"].map(|judge| {
            let said = ringfence(&["test", tests, "-f", file, "--against", judge]);
            assert_eq!(said.status.code(), Some(0), "{said:?}");
            said.stderr
        })
    };
    let shown = |arguments: &[&str]| ringfence(&[arguments, &["-f", file]].concat()).stderr;
    let elsewhere = CLUSTER.replacen("nodeName: n1", "nodeName: n2", 1);
    for (cluster, expected) in [(CLUSTER, true), (elsewhere.as_str(), false)] {
        write(cluster);
        let warns = |said: &str| said.contains("warning[HF-9]: ");
        for said in asked("169.254.20.10", 53) {
            assert_eq!(warns(&said), expected, "{said}");
            let closes = "node/n1 itself, which HostFirewall w closes to default/web at that port";
            assert_eq!(said.contains(closes), expected, "{said}");
        }
        assert!(!asked("203.0.113.9", 53).iter().any(|said| warns(said)));
        for arguments in [
            ["matrix", "--to", "special"].as_slice(),
            &["matrix", "-o", "json"],
            &["zones"],
        ] {
            let said = shown(arguments);
            assert_eq!(warns(&said), expected, "{arguments:?}: {said}");
        }
    }
    write(CLUSTER);
    assert_eq!(shown(&["matrix", "--no-external"]), "");
}

#[test]
fn what_is_applied_is_read_as_by_other_commands() {
    let apply = |text: &str| {
        let said = ringfence_reading(text, &["host-firewall", "apply", "-f", "-"]);
        said.expect_refused()
    };
    let said = apply(&format!("{FIREWALL}---{FIREWALL}"));
    assert!(said.starts_with("error: nothing is tried out\n"), "{said}");
    assert!(
        said.contains("[OB-3]: HostFirewall w is given twice"),
        "{said}"
    );
    assert!(said.contains("<stdin>:11:1"), "{said}");
    let said = apply(&FIREWALL.replace("nodeSelector", "nodes"));
    assert!(
        said.starts_with("error: nothing is tried out\n\nerror["),
        "{said}"
    );
}

/// From a firewall to what it became on its node, and back.
#[test]
fn rules_name_the_firewall_behind_an_element() {
    let folder = tempfile::tempdir().unwrap();
    let manifests = folder.path().join("m.yaml");
    fs::write(&manifests, format!("{CLUSTER}---{FIREWALL}")).unwrap();
    let rules = |node: &str, what: &[&str]| {
        let from = ["rules", "-f", manifests.to_str().unwrap(), "--node", node];
        ringfence(&[&from, what].concat())
    };
    let became = rules("n1", &["hostfirewall/w"]).expect(0);
    for set in [
        "host4",
        "host6",
        "host-peers4",
        "host-ports4",
        "host-ports6",
    ] {
        assert!(became.contains(&format!("map {set}\n")), "{set}: {became}");
    }
    assert!(
        became.contains(" . tcp . 9100 comment \"HostFirewall w ingress[0]\""),
        "{became}"
    );
    let elsewhere = rules("n2", &["hostfirewall/w"]).expect(1);
    assert!(
        elsewhere.contains("HostFirewall w does not select this node"),
        "{elsewhere}"
    );
    for (object, behind) in [
        ("host4", "HostFirewall w\n"),
        ("host-ports4", "HostFirewall w ingress[0]\n"),
        ("host-judge4", "HostFirewall w ingress[0]\n"),
    ] {
        let said = rules("n1", &["--object", object]).expect(0);
        assert!(
            said.contains(behind) && !said.contains("no policy"),
            "{object}: {said}"
        );
    }
}
