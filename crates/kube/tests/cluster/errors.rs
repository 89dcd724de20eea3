use ringfence_apiserver::server::Identity;
use ringfence_kube::read;
use serde_json::json;

use super::fake::{Fake, status};
use super::server::{Bench, access};

fn message(fake: &Fake) -> String {
    read(&fake.access()).unwrap_err().to_string()
}

#[test]
fn all_that_is_forbidden_is_told_with_the_right_that_is_missing() {
    let fake = Fake::start(|path| match path.split('?').next().unwrap() {
        "/api/v1/pods" | "/apis/apps/v1/deployments" => status(403, "Forbidden"),
        _ => None,
    });
    let expected = "the user of context `lab` may not read the cluster: it needs the verb `list` in all namespaces on \
                    pods, deployments.apps, as `kubectl create clusterrole ringfence-reader --verb=list \
                    --resource=pods,deployments.apps` with a ClusterRoleBinding gives it";
    assert_eq!(message(&fake), expected);
}

#[test]
fn credentials_that_are_not_accepted_are_not_shown() {
    let fake = Fake::start(|_| status(401, "Unauthorized"));
    let told = message(&fake);
    assert!(told.contains("does not accept its credentials"), "{told}");
    assert!(!told.contains("s3cret"), "{told}");
}

#[test]
fn kinds_that_a_cluster_has_not_are_no_error_but_those_that_every_cluster_has() {
    let without = |missing: &'static str| {
        Fake::start(move |path| {
            path.starts_with(missing)
                .then(|| status(404, "NotFound").unwrap())
        })
    };
    let policies = without("/apis/policy.networking.k8s.io/");
    assert_eq!(read(&policies.access()).unwrap().policies, []);
    assert!(read(&without("/apis/batch/").access()).is_ok());
    let told = message(&without("/api/v1/pods"));
    assert!(
        told.ends_with("is no Kubernetes API: it has no list of `pods`"),
        "{told}"
    );
}

/// An answer without them would be wrong, and nobody would know.
#[test]
fn policies_in_a_version_that_is_not_known_are_refused() {
    let serving = |versions: &'static [&'static str]| {
        Fake::start(move |path| {
            if path == "/apis" {
                let versions: Vec<_> = versions
                    .iter()
                    .map(|found| json!({"version": found}))
                    .collect();
                let groups = json!([{"name": "policy.networking.k8s.io", "versions": versions}, {"name": "cilium.io"}]);
                return Some((200, json!({"groups": groups})));
            }
            let known = path.starts_with("/apis/policy.networking.k8s.io/v1alpha2/")
                && versions.contains(&"v1alpha2");
            let asked = path.starts_with("/apis/policy.networking.k8s.io/");
            (asked && !known).then(|| status(404, "NotFound").unwrap())
        })
    };
    let told = message(&serving(&["v2", "v2beta1"]));
    assert!(
        told.contains("policies of policy.networking.k8s.io in v2 and v2beta1, which"),
        "{told}"
    );
    let snapshot = read(&serving(&["v2", "v1alpha2"]).access()).unwrap();
    assert_eq!(
        snapshot.notes,
        ["the cluster serves kinds of cilium.io: policies of these are not judged"]
    );
}

#[test]
fn what_the_server_says_besides_is_repeated() {
    let fake = Fake::start(|path| {
        path.starts_with("/api/v1/nodes")
            .then(|| status(500, "InternalError").unwrap())
    });
    let told = message(&fake);
    assert_eq!(
        told,
        "the server of context `lab` does not list `nodes`: InternalError it is"
    );
}

#[test]
fn a_server_that_is_not_there_or_not_the_one_is_unreachable() {
    let bench = Bench::start();
    let stranger = Identity::generate(&["127.0.0.1"]).unwrap();
    let told = |kubeconfig: &str| {
        let file = bench.file("other", kubeconfig);
        read(&access(&file)).unwrap_err().to_string()
    };
    let untrusted = told(&stranger.kubeconfig("lab", bench.address()));
    assert!(
        untrusted.contains("cannot reach the server of context `lab` at https://127.0.0.1"),
        "{untrusted}"
    );
    assert!(
        untrusted.contains("invalid peer certificate"),
        "{untrusted}"
    );
    let nobody = told(&stranger.kubeconfig("lab", "127.0.0.1:1"));
    assert!(nobody.contains("refused"), "{nobody}");
    for text in [untrusted, nobody] {
        assert!(!text.contains(stranger.token()), "{text}");
    }
}
