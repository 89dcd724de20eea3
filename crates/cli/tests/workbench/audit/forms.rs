//! The forms for other programs and for browsers, and the pages of the principles.

use serde_json::Value;

use super::{ALLOW_ALL, CLOSED, audit};
use crate::support::ringfence;

#[test]
fn sarif_has_every_finding_and_what_is_accepted() {
    let said = audit(&format!("{CLOSED}{ALLOW_ALL}"), &["-o", "sarif"]).expect(1);
    let log: Value = serde_json::from_str(&said).unwrap();
    let run = &log["runs"][0];
    assert_eq!(run["tool"]["driver"]["rules"].as_array().unwrap().len(), 8);
    let results = run["results"].as_array().unwrap();
    assert_eq!(results[0]["ruleId"], "RA01");
    assert_eq!(results[0]["level"], "error");
    assert!(results.iter().any(|result| result["level"] == "warning"));
}

#[test]
fn a_page_shows_everything_and_runs_nothing() {
    let hostile = r#"{ringfence.dev/accept: "RA04: <script>alert(1)</script>"}"#;
    let agent = format!(
        "
---
apiVersion: v1
kind: Pod
metadata: {{name: agent, namespace: shop, annotations: {hostile}}}
spec: {{hostNetwork: true, containers: [{{name: agent, image: agent}}]}}
"
    );
    let said = audit(&format!("{CLOSED}{ALLOW_ALL}{agent}"), &["-o", "html"]).expect(1);
    assert!(
        said.contains("nowhere/stranger -&gt; shop/web-0 tcp/8080"),
        "{said}"
    );
    assert!(
        said.contains("shop/anything ingress[0] (&lt;stdin&gt;"),
        "{said}"
    );
    assert!(
        said.contains("&lt;script&gt;alert(1)") && !said.contains("<script"),
        "{said}"
    );
}

#[test]
fn principles_are_listed_and_explained() {
    let said = ringfence(&["audit", "--list"]).expect(0);
    assert_eq!(said.lines().count(), 8);
    let by_id = ringfence(&["audit", "--explain", "ra03"]).expect(0);
    assert_eq!(
        by_id,
        ringfence(&["audit", "--explain", "metadata-closed"]).expect(0)
    );
    assert!(by_id.starts_with("# RA03 metadata-closed\n"), "{by_id}");
    let said = ringfence(&["audit", "--explain", "RA99"]).expect_refused();
    assert!(said.contains("--list"), "{said}");
}
