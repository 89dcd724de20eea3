use super::*;
use crate::Verb;
use crate::sample::{NOW, only, pod, told, view, with, workload};

fn job(spec: Value) -> Value {
    let job = workload("batch/v1", "Job", "pi", spec);
    let job = with(
        &job,
        &["spec", "template", "spec", "restartPolicy"],
        "Never",
    );
    with(
        &job,
        &["status", "startTime"],
        Timestamp(NOW.0 - 100).to_string(),
    )
}

fn attempt(job: &Value, name: &str, phase: &str, ended: i64) -> Value {
    let pod = with(&pod(job, name, 5), &["status", "phase"], phase);
    let at = Timestamp(NOW.0 - ended).to_string();
    let ready = if phase == "Running" { "True" } else { "False" };
    with(
        &pod,
        &["status", "conditions"],
        json!([{"type": "Ready", "status": ready, "lastTransitionTime": at}]),
    )
}

fn writes(objects: &[Value]) -> Vec<Write> {
    decide(&view(objects), NOW)
}

fn made(objects: &[Value]) -> usize {
    writes(objects)
        .iter()
        .filter(|write| write.verb == Verb::Create)
        .count()
}

fn condition_of(objects: &[Value]) -> (String, String) {
    let writes = writes(objects);
    let condition = only(&writes, Verb::Status, "Job")["status"]["conditions"][0].clone();
    (
        text(&condition, &["type"]).to_owned(),
        text(&condition, &["reason"]).to_owned(),
    )
}

#[test]
fn so_many_pods_run_at_a_time_as_are_still_needed() {
    for (completions, parallelism, succeeded, expected) in
        [(3, 2, 0, 2), (3, 2, 2, 1), (3, 5, 1, 2), (1, 0, 0, 0)]
    {
        let job = job(json!({"completions": completions, "parallelism": parallelism}));
        let mut objects = vec![job.clone()];
        objects.extend(
            (0..succeeded).map(|number| attempt(&job, &format!("s{number}"), "Succeeded", 50)),
        );
        assert_eq!(
            made(&objects),
            expected,
            "{completions} {parallelism} {succeeded}"
        );
    }
}

#[test]
fn a_pod_says_whose_it_is() {
    let writes = writes(&[job(json!({}))]);
    let pod = only(&writes, Verb::Create, "Pod");
    let labels = &pod["metadata"]["labels"];
    assert_eq!(
        (&labels["job-name"], &labels["batch.kubernetes.io/job-name"]),
        (&json!("pi"), &json!("pi"))
    );
    assert_eq!(labels["batch.kubernetes.io/controller-uid"], "uid-pi");
    let status = &only(&writes, Verb::Status, "Job")["status"];
    assert_eq!(
        (&status["active"], &status["ready"]),
        (&json!(1), &json!(0))
    );
}

#[test]
fn a_job_is_complete_when_enough_pods_have_succeeded() {
    let job = job(json!({"completions": 2, "parallelism": 2}));
    let done = attempt(&job, "a", "Succeeded", 20);
    let counted = with(&job, &["status", "succeeded"], 1);
    assert_eq!(
        condition_of(&[
            job.clone(),
            done.clone(),
            attempt(&job, "b", "Succeeded", 5)
        ]),
        ("Complete".into(), "CompletionsReached".into())
    );
    assert_eq!(made(&[counted, done]), 1, "none is counted twice");
}

#[test]
fn a_failure_is_tried_again_later_each_time() {
    let job = job(json!({"backoffLimit": 3}));
    let failed = |ended: &[i64]| {
        let mut objects = vec![job.clone()];
        objects.extend(
            ended
                .iter()
                .map(|ended| attempt(&job, &format!("f{ended}"), "Failed", *ended)),
        );
        objects
    };
    assert_eq!(made(&failed(&[9])), 0);
    assert_eq!(made(&failed(&[10])), 1);
    assert_eq!(made(&failed(&[19, 60])), 0);
    assert_eq!(made(&failed(&[20, 60])), 1);
    assert_eq!(
        condition_of(&failed(&[1, 2, 3, 4])),
        ("Failed".into(), "BackoffLimitExceeded".into())
    );
}

#[test]
fn a_failed_job_ends_what_still_runs() {
    let job = job(json!({"backoffLimit": 0, "parallelism": 2, "completions": 2}));
    let objects = [
        job.clone(),
        attempt(&job, "f", "Failed", 1),
        attempt(&job, "r", "Running", 1),
    ];
    assert_eq!(told(&writes(&objects)), ["Delete Pod/r", "Status Job/pi"]);
}

#[test]
fn restarts_in_place_count_as_failures() {
    let job = with(
        &job(json!({"backoffLimit": 2})),
        &["spec", "template", "spec", "restartPolicy"],
        "OnFailure",
    );
    let pod = |count: i64| {
        with(
            &attempt(&job, "a", "Running", 1),
            &["status", "containerStatuses"],
            json!([{"restartCount": count}]),
        )
    };
    assert_eq!(
        condition_of(&[job.clone(), pod(2)]).1,
        "BackoffLimitExceeded"
    );
    assert_eq!(told(&writes(&[job.clone(), pod(1)])), ["Status Job/pi"]);
}

#[test]
fn a_deadline_ends_it() {
    let late = job(json!({"activeDeadlineSeconds": 100}));
    assert_eq!(
        condition_of(&[late]),
        ("Failed".into(), "DeadlineExceeded".into())
    );
    assert_eq!(made(&[job(json!({"activeDeadlineSeconds": 101}))]), 1);
}

#[test]
fn a_work_queue_ends_with_its_last_pod() {
    let job = job(json!({"parallelism": 3}));
    let mut job = job;
    fields_of_spec(&mut job).shift_remove("completions");
    let done = attempt(&job, "d", "Succeeded", 1);
    assert_eq!(made(&[job.clone()]), 3);
    assert_eq!(
        made(&[job.clone(), done.clone(), attempt(&job, "r", "Running", 1)]),
        0
    );
    assert_eq!(condition_of(&[job, done]).0, "Complete");
}

fn fields_of_spec(job: &mut Value) -> &mut Map<String, Value> {
    object::fields(object::child(job, "spec"))
}

#[test]
fn a_suspended_job_runs_nothing_and_its_time_begins_anew() {
    let job = job(json!({"suspend": true}));
    let writes = writes(&[job.clone(), attempt(&job, "r", "Running", 1)]);
    assert_eq!(told(&writes)[0], "Delete Pod/r");
    let suspended = only(&writes, Verb::Status, "Job");
    assert_eq!(suspended["status"].get("startTime"), None);
    assert_eq!(
        suspended["status"]["conditions"][0]["reason"],
        "JobSuspended"
    );
    let resumed = with(suspended, &["spec", "suspend"], false);
    let writes = self::writes(&[resumed]);
    let resumed = only(&writes, Verb::Status, "Job");
    assert_eq!(resumed["status"]["startTime"], NOW.to_string());
    assert_eq!(resumed["status"]["conditions"][0]["status"], "False");
}

#[test]
fn each_index_is_done_once() {
    let job = job(json!({"completions": 4, "parallelism": 2, "completionMode": "Indexed"}));
    let indexed = |name: &str, phase: &str, index: &str| {
        with(
            &attempt(&job, name, phase, 60),
            &[
                "metadata",
                "annotations",
                "batch.kubernetes.io/job-completion-index",
            ],
            index,
        )
    };
    let objects = [
        job.clone(),
        indexed("a", "Succeeded", "0"),
        indexed("b", "Succeeded", "0"),
        indexed("c", "Running", "2"),
    ];
    let writes = writes(&objects);
    let pod = only(&writes, Verb::Create, "Pod");
    assert!(object::name(pod).starts_with("pi-1-"), "{pod}");
    assert_eq!(pod["spec"]["hostname"], "pi-1");
    assert_eq!(
        pod["spec"]["containers"][0]["env"][0],
        json!({"name": "JOB_COMPLETION_INDEX", "value": "1"})
    );
    let status = &only(&writes, Verb::Status, "Job")["status"];
    assert_eq!(
        (&status["succeeded"], &status["completedIndexes"]),
        (&json!(1), &json!("0"))
    );
}

#[test]
fn a_finished_job_goes_when_its_time_is_over_and_makes_nothing_before() {
    let finished = json!([{"type": "Complete", "status": "True", "lastTransitionTime": Timestamp(NOW.0 - 30).to_string()}]);
    let kept = with(
        &job(json!({"ttlSecondsAfterFinished": 31})),
        &["status", "conditions"],
        finished.clone(),
    );
    assert_eq!(
        told(&writes(&[with(&kept, &["status", "terminating"], 0)])),
        Vec::<String>::new()
    );
    let over = with(
        &job(json!({"ttlSecondsAfterFinished": 30})),
        &["status", "conditions"],
        finished,
    );
    assert_eq!(told(&writes(&[over])), ["Delete Job/pi"]);
}
