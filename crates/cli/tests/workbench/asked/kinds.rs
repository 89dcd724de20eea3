//! Namespaces that are called as a kind is (rule Q-2).

use super::World;

/// A Job `w`, a pod `p`, and things of those names in namespaces called `jobs` and `pods`.
fn world() -> World {
    World::of(
        "
apiVersion: batch/v1
kind: Job
metadata: {name: w, namespace: default}
spec: {template: {metadata: {labels: {app: job}}, spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}
---
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: default}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: v1
kind: Pod
metadata: {name: w, namespace: jobs}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: only, namespace: jobs}
spec: {selector: {matchLabels: {app: d}}, template: {metadata: {labels: {app: d}}, spec: {containers: [{name: c, image: i}]}}}
---
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: pods}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed, namespace: jobs}
spec: {podSelector: {}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed, namespace: pods}
spec: {podSelector: {}}
",
    )
}

/// The kind is meant, and the answer says how the other is asked; which is then asked indeed.
#[test]
fn a_word_for_a_kind_is_one_whatever_namespaces_there_are() {
    let world = world();
    for (text, meant, other) in [
        ("jobs/w", "default/job/w", "pod/jobs/w"),
        ("pods/p", "default/p", "pod/pods/p"),
    ] {
        let said = world.explain(&["10.0.0.9", text, "80"]).expect(0);
        let told = format!(
            "warning[Q-2]: `{text}` is read as the kind and the name of `{meant}`; what has that name in the namespace"
        );
        assert!(said.contains(&told), "{said}");
        assert!(said.contains(&format!("is `{other}`")), "{said}");
        let said = world.explain(&["10.0.0.9", other, "80"]).expect(1);
        assert!(!said.contains("warning[Q-2]"), "{said}");
        let tested = world.test("allow", ["10.0.0.9", text, "80"], &[]);
        assert_eq!(tested.status.code(), Some(0), "{tested:#?}");
        assert!(tested.stdout.contains(&told), "{tested:#?}");
        world.test("deny", ["10.0.0.9", other, "80"], &[]).expect(0);
    }
    world
        .explain(&["10.0.0.9", "job/other", "80"])
        .expect_refused();
}

#[test]
fn what_is_not_there_by_its_kind_is_found_in_the_namespace() {
    let world = world();
    for (text, meant) in [
        ("jobs/only", "(did you mean `deployment/jobs/only`?)"),
        ("job/only", "(did you mean `deployment/jobs/only`?)"),
    ] {
        let refused = world.explain(&["10.0.0.9", text, "80"]).expect_refused();
        assert!(refused.contains(meant), "{refused}");
        let refused = world.test("deny", ["10.0.0.9", text, "80"], &[]);
        let refused = refused.expect_refused();
        assert!(refused.contains(meant), "{refused}");
    }
    world
        .explain(&["10.0.0.9", "deployment/jobs/only", "80"])
        .expect(1);
    world
        .explain(&["10.0.0.9", "deploy/jobs/only", "80"])
        .expect(1);
}
