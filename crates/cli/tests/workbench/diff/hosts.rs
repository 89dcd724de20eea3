//! Workloads that move onto the network of their nodes, where no policy holds them (rules NP-53, CN-2).

use std::fs;

use super::two::Two;
use crate::diff::gate::allowing;
use crate::support::{Finished, ringfence};

/// A workload with its pods on the pod network, or on that of their nodes.
fn manifests(host_network: bool) -> String {
    format!(
        "apiVersion: v1
kind: Namespace
metadata: {{name: shop}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, namespace: shop}}
spec:
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec: {{hostNetwork: {host_network}, containers: [{{name: c, image: i}}]}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: closed, namespace: shop}}
spec: {{podSelector: {{}}, policyTypes: [Ingress, Egress]}}
"
    )
}

/// What changes when the workload moves.
fn moved(more: &[&str], allowed: &str) -> Finished {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let before = file("before.yaml", &manifests(false));
    let after = file("after.yaml", &manifests(true));
    let allowed = file("allowed.yaml", &allowing(allowed));
    let gate = ["diff", &before, &after, "--gate", "no-new-access"];
    let all = [&gate[..], &["--allow", &allowed], more].concat();
    let finished = ringfence(&all);
    let home = format!("{}/", folder.path().display());
    Finished {
        stdout: finished.stdout.replace(&home, ""),
        ..finished
    }
}

const OTHER: &str = "- {from: 'ops/*', to: 'shop/*', reason: none of it}\n";

#[test]
fn a_gate_refuses_a_workload_that_no_policy_holds_any_more() {
    let failed = moved(&[], OTHER);
    assert_eq!(failed.status.code(), Some(1), "{failed:?}");
    let heading = "On the network of its node now, where no policy holds it: shop/web\n";
    assert!(failed.stdout.contains(heading), "{failed:?}");
    assert!(!failed.stdout.contains("Gone"), "{failed:?}");
    assert!(
        failed.stdout.contains("failed: 1 change is not permitted"),
        "{failed:?}"
    );
}

#[test]
fn every_form_tells_it() {
    let sentence = "shop/web is on the network of its node now: no policy holds it (not permitted)";
    for (form, expected) in [
        (
            "md",
            "On the network of its node now, where no policy holds it: shop/web",
        ),
        (
            "html",
            "On the network of its node now, where no policy holds it: shop/web",
        ),
        ("csv", "host-network,shop/web,,,,,\n"),
        (
            "json",
            "\"unit\": \"shop/deployment/web\",\n      \"gate\": {\n        \"refused\"",
        ),
        ("sarif", sentence),
        ("junit", sentence),
    ] {
        let told = moved(&["-o", form], OTHER);
        assert_eq!(told.status.code(), Some(1), "{told:?}");
        assert!(told.stdout.contains(expected), "{form}: {}", told.stdout);
    }
    let sarif = moved(&["-o", "sarif"], OTHER).stdout;
    assert!(sarif.contains("after.yaml"), "{sarif}");
}

#[test]
fn only_who_may_do_everything_may_leave_the_policies() {
    let partial = moved(&[], "- {from: shop/*, to: shop/*, reason: one team}\n");
    assert_eq!(partial.status.code(), Some(1), "{partial:?}");
    let ports = moved(
        &[],
        "- {from: shop/web, to: '*', ports: 80, reason: one port}\n",
    );
    assert_eq!(ports.status.code(), Some(1), "{ports:?}");
    let permitted = moved(
        &[],
        "- {from: shop/web, to: '*', reason: it is the node's proxy}\n",
    );
    assert_eq!(permitted.status.code(), Some(0), "{permitted:?}");
    assert!(!permitted.stdout.contains("unused"), "{permitted:?}");
}

#[test]
fn a_lock_notices_it() {
    let two = Two::of(&manifests(false), &manifests(true));
    let heading = "where no policy holds it: shop/web";
    for told in [two.check(), two.between_locks(&[])] {
        let told = told.expect(1);
        assert!(told.contains(heading), "{told}");
    }
}

const NOBODY: &str = "apiVersion: v1
kind: Namespace
metadata: {name: shop}
";

#[test]
fn a_new_workload_is_refused_as_one_that_moves() {
    let two = Two::of(NOBODY, &manifests(true));
    let other = "- {from: 'ops/*', to: 'shop/*', reason: none of it}\n";
    let refused = two.gate("").expect(1);
    let heading = "On the network of its node now, where no policy holds it: shop/web\n";
    assert!(refused.contains(heading), "{refused}");
    assert!(two.gate(other).expect(1).contains("(none of it)"));
    let permitted = "- {from: shop/web, to: '*', reason: it is the node's proxy}\n";
    two.gate(permitted).expect(0);
    for (form, expected) in [
        ("md", "where no policy holds it: shop/web"),
        ("html", "where no policy holds it: shop/web"),
        ("csv", "host-network,shop/web,,,,,\n"),
        (
            "json",
            "\"unbound\": [\n    {\n      \"unit\": \"shop/deployment/web\"",
        ),
        ("sarif", "no policy holds it (not permitted)"),
        ("junit", "no policy holds it (not permitted)"),
    ] {
        let told = two.gate_as("", form).expect(1);
        assert!(told.contains(expected), "{form}: {told}");
    }
}

#[test]
fn a_lock_holds_who_is_there() {
    let two = Two::of(NOBODY, &manifests(true));
    let lock = two.lock("after.yaml").expect(0);
    assert!(lock.contains("\nhost shop/deployment/web\n"), "{lock}");
    for told in [two.check(), two.between_locks(&[])] {
        assert!(
            told.expect(1)
                .contains("where no policy holds it: shop/web")
        );
    }
    let same = Two::of(&manifests(true), &manifests(true));
    assert_eq!(same.check().expect(0), "no difference\n");
    let gone = Two::of(&manifests(true), NOBODY);
    let heading = "Not on the network of its node any more: shop/web\n";
    for told in [gone.check(), gone.diff(&[]), gone.between_locks(&[])] {
        assert!(told.expect(1).contains(heading));
    }
    // The policy of the namespace goes with it.
    let rows =
        "- {from: '*', to: 'shop/[]', reason: gone}\n- {from: 'shop/[]', to: '*', reason: gone}\n";
    gone.gate(rows).expect(0);
}
