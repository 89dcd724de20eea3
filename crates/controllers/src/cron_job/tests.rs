use super::*;
use crate::Verb;
use crate::sample::{only, stored, told, view, with};

const NOON: Timestamp = Timestamp(1_773_144_000);

fn cron_job(spec: Value) -> Value {
    let mut spec = spec;
    let fields = object::fields(&mut spec);
    object::default(fields, "schedule", "*/10 * * * *");
    let template =
        json!({"spec": {"containers": [{"name": "c", "image": "i:1"}], "restartPolicy": "Never"}});
    object::default(
        fields,
        "jobTemplate",
        json!({"metadata": {"labels": {"a": "b"}}, "spec": {"template": template}}),
    );
    let made = Timestamp(NOON.0 - 3600).to_string();
    stored(&json!({
        "apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "tick", "creationTimestamp": made}, "spec": spec,
    }))
}

fn child(cron_job: &Value, time: Timestamp, end: Option<&str>) -> Value {
    let job = stored(&job(cron_job, time));
    let Some(end) = end else { return job };
    let at = Timestamp(time.0 + 5).to_string();
    let conditions = json!([{"type": end, "status": "True", "lastTransitionTime": at}]);
    let status =
        json!({"startTime": time.to_string(), "completionTime": at, "conditions": conditions});
    with(&job, &["status"], status)
}

fn changes(objects: &[Value], now: Timestamp) -> Vec<String> {
    let told = told(&decide(&view(objects), now)).into_iter();
    told.filter(|line| !line.starts_with("Status")).collect()
}

#[test]
fn each_time_of_the_schedule_makes_one_job() {
    let tick = cron_job(json!({}));
    let writes = decide(&view(std::slice::from_ref(&tick)), Timestamp(NOON.0 + 5));
    let made = only(&writes, Verb::Create, "Job");
    assert_eq!(object::name(made), format!("tick-{}", NOON.0 / 60));
    assert_eq!(annotation(made, SCHEDULED), NOON.to_string());
    assert_eq!(made["metadata"]["labels"]["a"], "b");
    let writes = decide(&view(&[tick, stored(made)]), Timestamp(NOON.0 + 6));
    let reported = only(&writes, Verb::Status, "CronJob");
    assert_eq!(reported["status"]["lastScheduleTime"], NOON.to_string());
    assert_eq!(
        reported["status"]["active"][0]["name"],
        format!("tick-{}", NOON.0 / 60)
    );
    assert_eq!(
        changes(std::slice::from_ref(reported), Timestamp(NOON.0 + 599)),
        Vec::<String>::new()
    );
    assert_eq!(
        changes(std::slice::from_ref(reported), Timestamp(NOON.0 + 600)).len(),
        1
    );
}

#[test]
fn what_still_runs_is_heeded_as_asked_for() {
    for (policy, expected) in [
        ("Allow", vec!["Create Job/tick-29552400".to_owned()]),
        ("Forbid", vec![]),
        (
            "Replace",
            vec![
                "Delete Job/tick-29552390".to_owned(),
                "Create Job/tick-29552400".to_owned(),
            ],
        ),
    ] {
        let tick = cron_job(json!({"concurrencyPolicy": policy}));
        let tick = with(
            &tick,
            &["status", "lastScheduleTime"],
            Timestamp(NOON.0 - 600).to_string(),
        );
        let running = child(&tick, Timestamp(NOON.0 - 600), None);
        assert_eq!(changes(&[tick, running], NOON), expected, "{policy}");
    }
}

#[test]
fn nothing_is_made_while_suspended_or_too_late() {
    let suspended = cron_job(json!({"suspend": true}));
    assert_eq!(changes(&[suspended], NOON), Vec::<String>::new());
    let late = cron_job(json!({"startingDeadlineSeconds": 30}));
    assert_eq!(
        changes(std::slice::from_ref(&late), Timestamp(NOON.0 + 31)),
        Vec::<String>::new()
    );
    assert_eq!(changes(&[late], Timestamp(NOON.0 + 30)).len(), 1);
}

#[test]
fn so_many_finished_jobs_are_kept() {
    let tick = cron_job(
        json!({"suspend": true, "successfulJobsHistoryLimit": 1, "failedJobsHistoryLimit": 0}),
    );
    let at = |minutes: i64| Timestamp(NOON.0 - minutes * 60);
    let objects = [
        tick.clone(),
        child(&tick, at(40), Some("Complete")),
        child(&tick, at(30), Some("Failed")),
        child(&tick, at(20), Some("Complete")),
        child(&tick, at(10), None),
    ];
    let minute = NOON.0 / 60;
    let expected = [
        format!("Delete Job/tick-{}", minute - 40),
        format!("Delete Job/tick-{}", minute - 30),
    ];
    assert_eq!(changes(&objects, NOON), expected);
    let writes = decide(&view(&objects), NOON);
    let status = &only(&writes, Verb::Status, "CronJob")["status"];
    assert_eq!(
        status["lastSuccessfulTime"],
        Timestamp(at(20).0 + 5).to_string()
    );
}

#[test]
fn a_schedule_that_is_none_is_told_of() {
    let writes = decide(&view(&[cron_job(json!({"schedule": "often"}))]), NOON);
    let event = only(&writes, Verb::Create, "Event");
    assert_eq!(event["reason"], "UnparseableSchedule");
    assert!(text(event, &["message"]).contains("five fields"));
}
