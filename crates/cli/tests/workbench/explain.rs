//! `ringfence explain`: the verdict on one flow, and its reasons.

use crate::support::{ringfence, ringfence_reading};

const CLIENT_TO_WEB: [&str; 4] = ["explain", "default/client", "svc/netpol-demo/web-app", "80"];

#[test]
fn what_no_policy_restricts_is_allowed() {
    let files = [
        "-f",
        "examples/netpol-demo/demo-app.yaml",
        "-f",
        "examples/netpol-demo/client.yaml",
    ];
    let said = ringfence(&[CLIENT_TO_WEB.as_slice(), &files].concat()).expect(0);
    assert!(said.starts_with("allow\n"), "{said}");
}

#[test]
fn manifests_that_cannot_be_used_are_no_verdict() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {container: []}\n";
    let said = ringfence_reading(pod, &["explain", "a", "a", "80", "-f", "-"]).expect_refused();
    assert!(said.contains("<stdin>:4:8"), "{said}");
}
