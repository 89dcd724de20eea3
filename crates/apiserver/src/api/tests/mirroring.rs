//! What the cluster says about itself.

use super::*;

#[test]
fn the_cluster_is_shown_as_it_is_and_keeps_its_identity() {
    let client = client();
    let random = || 7;
    let moment = |now| Moment {
        now: Timestamp(now),
        random: &random,
    };
    let pods = |phase: &str| {
        let mut object = pod("a");
        object["apiVersion"] = "v1".into();
        object["kind"] = "Pod".into();
        object["metadata"]["namespace"] = "d".into();
        object["status"] = json!({"phase": phase});
        vec![object]
    };
    client.api.mirror(&["pods"], || pods("Pending"), &moment(1));
    let first = client.get(&format!("{PODS}/a"));
    let revision = client.api.store().revision();
    client.api.mirror(&["pods"], || pods("Pending"), &moment(2));
    assert_eq!(client.api.store().revision(), revision, "nothing is new");
    client.api.mirror(&["pods"], || pods("Running"), &moment(3));
    let second = client.get(&format!("{PODS}/a"));
    assert_eq!(object::uid(&first), object::uid(&second));
    assert_eq!(
        second["metadata"]["creationTimestamp"],
        "1970-01-01T00:00:01Z"
    );
    assert_eq!(
        (
            &second["status"]["phase"],
            &second["metadata"]["generation"]
        ),
        (&json!("Running"), &json!(1))
    );
    client.api.mirror(&["pods"], Vec::new, &moment(4));
    assert_eq!(
        (
            client.code(&format!("{PODS}/a")),
            client.code("/api/v1/namespaces/d")
        ),
        (404, 200)
    );
}

#[test]
fn a_status_speaks_of_the_newest_generation() {
    let client = client();
    let random = || 7;
    let moment = Moment {
        now: Timestamp(1),
        random: &random,
    };
    for (replicas, generation) in [(1, 1), (1, 1), (2, 2)] {
        let deployment = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a", "namespace": "d"},
            "spec": {"replicas": replicas}, "status": {"observedGeneration": 0},
        });
        client
            .api
            .mirror(&["deployments.apps"], || vec![deployment], &moment);
        let shown = client.get("/apis/apps/v1/namespaces/d/deployments/a");
        assert_eq!(shown["metadata"]["generation"], generation);
        assert_eq!(shown["status"]["observedGeneration"], generation);
    }
}
