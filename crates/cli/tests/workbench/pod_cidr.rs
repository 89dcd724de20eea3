//! Answers that depend on addresses of pods which manifests do not say (rule AM-22): which fact is missing, and what tells it.

use std::path::Path;

use crate::support::{Finished, ringfence, ringfence_reading};

/// A tier of each of two Deployments, whose pods have no address.
const SHOP: &str = "\
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: i}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: db, namespace: shop}
spec:
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: c, image: i}]}
---
";

/// A policy that speaks of a block of addresses.
const BLOCK: &str = "\
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: others}
spec:
  tier: Admin
  priority: 0
  subject: {namespaces: {}}
  egress:
  - {action: Deny, to: [{networks: [172.16.0.0/12]}]}
";

const NOTE: &str =
    "note: shop/db, shop/web have no address, and what is unknown here depends on it (AM-22)";

/// Every command says once what is missing, and is silent where the option says it.
#[test]
fn what_is_missing_is_said_once_and_how_to_give_it() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let shop = write("shop.yaml", SHOP);
    let guard = write("guard.yaml", BLOCK);
    let lock = write("before.lock", "");
    let tests = write(
        "tests.yaml",
        "apiVersion: ringfence.dev/v1alpha1\nkind: PolicyTest\ntests:\n- name: t\n  allow: {from: shop/web-0, to: shop/db-0, ports: 80}\n",
    );
    let both = ["-f", shop.as_str(), "-f", guard.as_str()];
    let commands: [(&[&str], &[&str]); 7] = [
        (&["matrix"], &both),
        (&["zones"], &both),
        (&["zones", "--path", "shop/web", "shop/db"], &both),
        (&["diff", "--b", &guard], &["-f", &shop]),
        (&["lock", "--output-file", &lock], &both),
        (&["test", &tests], &both),
        (&["audit"], &both),
    ];
    for (command, files) in commands {
        let run = |more: &[&str]| ringfence(&[command, files, more].concat());
        let unknown = run(&[]);
        assert_ne!(unknown.status.code(), Some(2), "{command:?} {unknown:#?}");
        assert_eq!(
            unknown.stderr.matches(NOTE).count(),
            1,
            "{command:?} {unknown:#?}"
        );
        let help =
            "  = help: say where pods get their addresses from, as in `--pod-cidr 10.244.0.0/16`\n";
        assert!(unknown.stderr.contains(help), "{command:?} {unknown:#?}");
        let known = run(&[
            "--pod-cidr",
            "10.244.0.0/16",
            "--pod-cidr",
            "fd00:10:244::/56",
        ]);
        assert_ne!(known.status.code(), Some(2), "{command:?} {known:#?}");
        assert!(!known.stderr.contains("AM-22"), "{command:?} {known:#?}");
    }
    assert!(Path::new(&lock).is_file());
}

/// No pod has an address of the link, so that the guard of the metadata service leaves nothing open.
#[test]
fn the_guard_of_the_metadata_service_makes_nothing_unknown() {
    let guard = ringfence(&["guard", "metadata"]).stdout;
    let found = ringfence_reading(&format!("{SHOP}{guard}"), &["matrix", "-f", "-"]).expect(0);
    assert!(!found.contains("unknown"), "{found}");
    assert!(
        found.contains("shop/db\n  -> shop/web, internet"),
        "{found}"
    );
}

fn explained(more: &str) -> Finished {
    let manifests = format!("{SHOP}{BLOCK}---\n{more}");
    let question = ["explain", "shop/web-0", "shop/db-0", "80", "-f", "-"];
    ringfence_reading(&manifests, &question)
}

/// What manifests say of it is proposed and never taken for granted: a network may take its addresses from elsewhere (rule OB-16).
#[test]
fn the_block_that_manifests_speak_of_is_proposed() {
    let node = |name: &str, block: &str| {
        format!(
            "---\napiVersion: v1\nkind: Node\nmetadata: {{name: {name}}}\nspec: {{podCIDR: {block}, podCIDRs: [{block}]}}\n"
        )
    };
    let nodes = [node("n1", "10.42.0.0/24"), node("n2", "10.42.1.0/24")].concat();
    let kubeadm = "\
---
apiVersion: v1
kind: ConfigMap
metadata: {name: kubeadm-config, namespace: kube-system}
data:
  ClusterConfiguration: |
    kind: ClusterConfiguration
    networking:
      serviceSubnet: 10.96.0.0/12
      podSubnet: \"10.42.0.0/16,fd00:42::/56\" # both families
";
    let proxy = "\
---
apiVersion: v1
kind: ConfigMap
metadata: {name: kube-proxy, namespace: kube-system}
data:
  config.conf: |-
    kind: KubeProxyConfiguration
    clusterCIDR: 10.43.0.0/16
";
    let kind = "\
---
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
networking: {podSubnet: 10.44.0.0/16}
";
    let table = [
        (
            nodes.as_str(),
            "by `spec.podCIDRs` of the Nodes with `--pod-cidr 10.42.0.0/23`",
        ),
        (
            kubeadm,
            "by `podSubnet` in configmap/kube-system/kubeadm-config with `--pod-cidr 10.42.0.0/16 --pod-cidr fd00:42::/56`",
        ),
        (
            proxy,
            "by `clusterCIDR` in configmap/kube-system/kube-proxy with `--pod-cidr 10.43.0.0/16`",
        ),
        (
            kind,
            "by `networking.podSubnet` of the kind cluster with `--pod-cidr 10.44.0.0/16`",
        ),
    ];
    for (manifests, expected) in table {
        let said = explained(manifests);
        assert_eq!(said.status.code(), Some(1), "{said:#?}");
        assert!(said.stdout.starts_with("unknown: "), "{said:#?}");
        let help = format!("say where pods get their addresses from: {expected}");
        assert!(said.stdout.contains(&help), "{said:#?}");
    }
    let broken = kubeadm.replace("10.42.0.0/16,", "10.42.0.0/99,");
    let said = explained(&broken).stdout;
    assert!(said.contains("as in `--pod-cidr 10.244.0.0/16`"), "{said}");
}
