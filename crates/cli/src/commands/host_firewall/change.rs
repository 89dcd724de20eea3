//! What becomes of a stored HostFirewall (rules HF-3, HF-4).

use ringfence_kube::Written;
use ringfence_model::{LONGEST_TRIAL, Timestamp};
use serde_json::{Map, Value, json};

/// From now on, so long.
pub(super) const fn span(now: Timestamp, milliseconds: i64) -> (Timestamp, Timestamp) {
    (now, Timestamp(now.0.saturating_add(milliseconds)))
}

/// The same firewall while `spec` is tried out; what is confirmed stays so. Other rules that are being tried out are replaced only
/// where that is meant: whoever tries them would confirm what somebody else wrote.
pub(super) fn tried(
    stored: Option<&Value>,
    spec: Value,
    (since, until): (Timestamp, Timestamp),
    replaces: bool,
) -> Result<Written, String> {
    let mut status = status_of(stored);
    let running = status.get("trial").filter(|trial| runs(trial, since));
    if let Some(running) = running
        && !replaces
        && running.get("spec") != Some(&spec)
    {
        let end = self::until(running).map(|until| format!(" until {until}"));
        return Err(format!(
            "other rules of it are tried out{}: confirm or abort them first, or replace them with --replace",
            end.unwrap_or_default()
        ));
    }
    let trial = json!({
        "spec": spec,
        "since": since.to_string(),
        "until": until.to_string(),
    });
    status.insert("trial".to_owned(), trial);
    Ok(Written {
        spec,
        status: Value::Object(status),
    })
}

/// What is tried out stays. Nobody can know of a trial that is over whether the nodes can be reached.
pub(super) fn confirmed(stored: Option<&Value>, now: Timestamp) -> Result<Written, String> {
    let stored = stored.ok_or(ABSENT)?;
    let mut status = status_of(Some(stored));
    let trial = status.remove("trial").ok_or(NO_TRIAL)?;
    if !begins(&trial) {
        return Err(format!("{NEVER}; apply it again"));
    }
    if until(&trial).is_none_or(|until| until <= now) {
        return Err(
            "the trial is over and was taken back; apply it again, with more time".to_owned(),
        );
    }
    let spec = trial.get("spec").ok_or(NO_TRIAL)?.clone();
    status.insert("confirmed".to_owned(), spec.clone());
    Ok(Written {
        spec,
        status: Value::Object(status),
    })
}

/// What was before the trial.
pub(super) fn aborted(stored: Option<&Value>) -> Result<Written, String> {
    let stored = stored.ok_or(ABSENT)?;
    let mut status = status_of(Some(stored));
    status.remove("trial").ok_or(NO_TRIAL)?;
    Ok(Written {
        spec: stored.get("spec").cloned().unwrap_or_default(),
        status: Value::Object(status),
    })
}

const ABSENT: &str = "there is no such HostFirewall";
const NO_TRIAL: &str = "nothing of it is tried out";
const NEVER: &str = "its trial never begins, because it does not end within an hour";

/// One line: `workers: confirmed; tried out until 2030-01-31T18:00:00Z`
pub(super) fn in_words(stored: &Value, now: Timestamp) -> String {
    let name = stored.pointer("/metadata/name").and_then(Value::as_str);
    let status = status_of(Some(stored));
    let confirmed = match (status.get("confirmed"), stored.get("spec")) {
        (None, _) => "not in force, because nobody has confirmed it",
        (Some(confirmed), Some(spec)) if confirmed == spec => "confirmed",
        (Some(_), _) => "an earlier version is confirmed",
    };
    let trial = match status.get("trial").map(|trial| (trial, until(trial))) {
        Some((trial, _)) if !begins(trial) => format!("; {NEVER}"),
        Some((_, Some(until))) if until > now => format!("; tried out until {until}"),
        Some((_, Some(until))) => format!("; the trial was taken back at {until}"),
        Some((_, None)) | None => String::new(),
    };
    format!("{}: {confirmed}{trial}", name.unwrap_or_default())
}

/// Whether it has the bounds of one (rule HF-4).
fn begins(trial: &Value) -> bool {
    let length = moment(trial, "since")
        .zip(until(trial))
        .and_then(|(since, until)| until.0.checked_sub(since.0));
    length.is_some_and(|length| (1..=LONGEST_TRIAL).contains(&length))
}

fn runs(trial: &Value, now: Timestamp) -> bool {
    begins(trial) && until(trial).is_some_and(|until| until > now)
}

fn until(trial: &Value) -> Option<Timestamp> {
    moment(trial, "until")
}

fn moment(trial: &Value, field: &str) -> Option<Timestamp> {
    trial.get(field)?.as_str()?.parse().ok()
}

fn status_of(stored: Option<&Value>) -> Map<String, Value> {
    let status = stored.and_then(|stored| stored.get("status"));
    status
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_900_000_000_000);

    fn after(milliseconds: i64) -> Timestamp {
        Timestamp(NOW.0 + milliseconds)
    }

    fn stored(written: &Written) -> Value {
        json!({"metadata": {"name": "workers"}, "spec": written.spec, "status": written.status})
    }

    #[test]
    fn a_trial_is_confirmed_in_time_or_not_at_all() {
        let first = json!({"nodeSelector": {}});
        let tried = tried(None, first.clone(), span(NOW, 60_000), false).unwrap();
        assert_eq!(tried.status.get("confirmed"), None);
        let tried = stored(&tried);
        assert!(confirmed(Some(&tried), after(60_000)).is_err(), "too late");
        let kept = confirmed(Some(&tried), after(59_999)).unwrap();
        assert_eq!(kept.status, json!({"confirmed": first}));
        assert!(confirmed(Some(&stored(&kept)), NOW).is_err(), "no trial");
    }

    #[test]
    fn a_trial_that_never_begins_is_told_and_not_confirmed() {
        for (since, until) in [
            (NOW, after(LONGEST_TRIAL + 1)),
            (after(1_000), NOW),
            (NOW, NOW),
        ] {
            let written = tried(None, json!({"nodeSelector": {}}), (since, until), false);
            let written = stored(&written.unwrap());
            let words = in_words(&written, NOW);
            assert!(
                words.ends_with("; its trial never begins, because it does not end within an hour")
            );
            let refused = confirmed(Some(&written), NOW).unwrap_err();
            assert!(refused.contains("never begins"), "{refused}");
        }
        let written = tried(None, json!({}), (NOW, after(LONGEST_TRIAL)), false);
        let written = stored(&written.unwrap());
        assert!(in_words(&written, NOW).contains("; tried out until"));
    }

    #[test]
    fn a_trial_is_replaced_by_other_rules_only_where_that_is_meant() {
        let [mine, other] = [json!({"nodeSelector": {}}), json!({"ingress": []})];
        let trial = span(NOW, 60_000);
        let running = stored(&tried(None, mine.clone(), trial, false).unwrap());
        let again = |spec: &Value, at: i64, replaces| {
            tried(
                Some(&running),
                spec.clone(),
                span(after(at), 60_000),
                replaces,
            )
        };
        let refused = again(&other, 59_999, false).unwrap_err();
        let end = format!("tried out until {}: confirm or abort", trial.1);
        assert!(
            refused.contains(&end) && refused.contains("--replace"),
            "{refused}"
        );
        assert!(again(&other, 59_999, true).is_ok());
        assert!(again(&other, 60_000, false).is_ok(), "it is over");
        let longer = again(&mine, 30_000, false).unwrap();
        assert_eq!(longer.status["trial"]["until"], after(90_000).to_string());
    }

    #[test]
    fn what_was_confirmed_stays_beside_a_trial_and_after_it() {
        let (since, until) = span(NOW, 60_000);
        let old = json!({"nodeSelector": {}});
        let new = json!({"nodeSelector": {}, "ingress": []});
        let before = json!({"spec": old, "status": {"confirmed": old}});
        let during = tried(Some(&before), new.clone(), (since, until), false).unwrap();
        assert_eq!(during.status["confirmed"], old);
        let during = stored(&during);
        let words = in_words(&during, NOW);
        assert!(words.starts_with("workers: an earlier version is confirmed; tried out until"));
        assert!(in_words(&during, until).contains("was taken back"));
        let ended = aborted(Some(&during)).unwrap();
        assert_eq!(ended.status, json!({"confirmed": old}));
        let kept = confirmed(Some(&during), NOW).unwrap();
        assert_eq!(kept.status, json!({"confirmed": new}));
    }
}
