//! Pods of kinds that are none of Kubernetes' own.

use serde_json::Value;

use super::{CLOSED, audit, share};

fn rollout(labels: &str) -> String {
    format!(
        "---
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {{name: canary, namespace: legacy}}
spec:
  strategy: {{canary: {{steps: [{{setWeight: 20}}]}}}}
  template:
    metadata: {{labels: {labels}}}
    spec: {{containers: [{{name: c, image: postgres:9}}]}}
"
    )
}

/// The audit, and what is said beside it.
fn measured(more: &str) -> (Value, String) {
    let said = audit(
        &(CLOSED.to_owned() + more),
        &["-o", "json", "--fail-on", "never"],
    );
    assert_eq!(said.status.code(), Some(0), "{said:?}");
    (serde_json::from_str(&said.stdout).unwrap(), said.stderr)
}

#[test]
fn a_rollout_is_measured_as_a_deployment_would_be() {
    let (found, told) = measured(&rollout("{app: canary}"));
    assert_eq!(share(&found, "RA01"), (2, 3));
    assert_eq!(share(&found, "RA06"), (1, 2));
    let finding = &found["principles"][0]["findings"][0];
    assert_eq!(finding["workload"], "legacy/rollout/canary");
    assert!(
        told.contains("`Rollout` of `argoproj.io/v1alpha1` is judged by its pod template alone"),
        "{told}"
    );
    assert_eq!(found["not_measured"], serde_json::json!([]));
}

#[test]
fn what_may_make_other_pods_is_counted() {
    let scaled = "---
apiVersion: keda.sh/v1alpha1
kind: ScaledJob
metadata: {name: NAME, namespace: shop}
spec: {jobTargetRef: {template: {spec: {containers: [{name: c, image: worker}]}}}}
";
    let scaled = scaled.replace("NAME", "one") + &scaled.replace("NAME", "two");
    let (found, _) = measured(&scaled);
    assert_eq!(found["score"], 100);
    let line = CLOSED.lines().count() + 2;
    assert_eq!(
        found["not_measured"],
        serde_json::json!([{"kind": "ScaledJob.keda.sh", "objects": 2, "file": "<stdin>", "line": line}])
    );
    let said = audit(&(CLOSED.to_owned() + &scaled), &[]).stdout;
    let words = format!(
        "not measured, pods that 2 objects of kind ScaledJob.keda.sh may make (<stdin>:{line}:1)\n"
    );
    assert!(said.contains(&words), "{said}");
}

/// Each run of a CronJob has a name of its own: whoever selects by having one selects it.
#[test]
fn pods_of_a_cron_job_have_a_job_name() {
    let nightly = "---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly, namespace: legacy}
spec:
  schedule: '@daily'
  jobTemplate:
    spec:
      template:
        spec: {restartPolicy: Never, containers: [{name: c, image: dump}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: runs, namespace: legacy}
spec: {podSelector: {matchExpressions: [{key: job-name, operator: ASKED}]}}
";
    let holds = |asked: &str| share(&measured(&nightly.replace("ASKED", asked)).0, "RA01");
    assert_eq!(holds("Exists"), (3, 3));
    assert_eq!(holds("DoesNotExist"), (2, 3));
    assert_eq!(holds("In, values: [nightly-1]"), (2, 3));
    assert_eq!(holds("NotIn, values: [nightly-1]"), (3, 3));
}
