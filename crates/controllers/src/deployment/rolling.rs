//! How many pods each ReplicaSet of a Deployment is to have next.

use ringfence_apiserver::object::{at, child, fields, number};
use serde_json::Value;

use super::{Rollout, Set, revision};
use crate::template::annotate;
use crate::write::Writes;

/// How far a rolling update may leave the number of pods that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// Pods beyond it.
    pub(super) surge: i64,
    /// Pods short of it.
    pub(super) unavailable: i64,
}

impl Limits {
    pub(super) fn of(deployment: &Value) -> Self {
        let replicas = number(deployment, &["spec", "replicas"]).unwrap_or(1);
        let rolling = at(deployment, &["spec", "strategy", "rollingUpdate"]);
        let Some(rolling) = rolling.filter(|rolling| rolling.is_object()) else {
            return Self {
                surge: 0,
                unavailable: 0,
            };
        };
        let surge = share(at(rolling, &["maxSurge"]), replicas, true);
        let unavailable = share(at(rolling, &["maxUnavailable"]), replicas, false);
        Self {
            surge,
            // With neither nothing would ever happen.
            unavailable: if surge == 0 && unavailable == 0 {
                1
            } else {
                unavailable
            }
            .min(replicas),
        }
    }
}

/// A number, or so many per cent of `whole`.
pub(crate) fn share(value: Option<&Value>, whole: i64, round_up: bool) -> i64 {
    let per_cent = value
        .and_then(Value::as_str)
        .and_then(|text| text.strip_suffix('%'));
    match per_cent.and_then(|text| text.parse::<i64>().ok()) {
        Some(per_cent) => (whole * per_cent + if round_up { 99 } else { 0 }) / 100,
        None => value.and_then(Value::as_i64).unwrap_or_default(),
    }
    .max(0)
}

/// The next step of a rolling update: pods of the new template while there is room, then fewer of the old.
pub(super) fn roll(rollout: &Rollout<'_>, writes: &mut Writes) {
    let limits = Limits::of(rollout.deployment);
    let Some(new) = rollout.new else {
        let room = (rollout.replicas() + limits.surge - rollout.sum(Set::size)).max(0);
        return revision::create(rollout, room.min(rollout.replicas()), writes);
    };
    let wanted = new_size(rollout, &new, limits);
    if wanted != new.wanted {
        return adjust(rollout, &new, wanted, writes);
    }
    adjust(rollout, &new, wanted, writes);
    shrink_old(rollout, &new, limits, writes);
}

fn new_size(rollout: &Rollout<'_>, new: &Set<'_>, limits: Limits) -> i64 {
    let replicas = rollout.replicas();
    if new.wanted >= replicas {
        return replicas;
    }
    let others: i64 = rollout.old.iter().map(Set::size).sum();
    let room = replicas + limits.surge - others;
    new.wanted.max(room.min(replicas))
}

/// Takes away old pods: those that are not available first, then as many others as may be missing.
fn shrink_old(rollout: &Rollout<'_>, new: &Set<'_>, limits: Limits, writes: &mut Writes) {
    let least = rollout.replicas() - limits.unavailable;
    let missing = (new.wanted - new.available).max(0);
    let spare = rollout.sum(|set| set.wanted) - least - missing;
    let mut spare = spare.max(0);
    let mut gone = Vec::new();
    for set in &rollout.old {
        let idle = (set.wanted - set.staying()).min(spare);
        spare -= idle;
        gone.push(idle);
    }
    let mut spare = (rollout.sum(Set::staying) - least).clamp(0, spare);
    for (set, idle) in rollout.old.iter().zip(gone) {
        let busy = set.staying().min(spare);
        spare -= busy;
        if idle + busy > 0 {
            adjust(rollout, set, set.wanted - idle - busy, writes);
        }
    }
}

/// Ends all old pods before it makes the first new one.
pub(super) fn recreate(rollout: &Rollout<'_>, writes: &mut Writes) {
    let standing = rollout.old.iter().filter(|set| set.wanted > 0);
    for set in standing {
        adjust(rollout, set, 0, writes);
    }
    if rollout
        .old
        .iter()
        .any(|set| set.wanted > 0 || set.unfinished > 0)
    {
        return;
    }
    match &rollout.new {
        Some(new) => adjust(rollout, new, rollout.replicas(), writes),
        None => revision::create(rollout, rollout.replicas(), writes),
    }
}

/// A paused Deployment is scaled without going on: the newest ReplicaSet in use takes the difference, older ones only what
/// it cannot give.
pub(super) fn keep_size(rollout: &Rollout<'_>, writes: &mut Writes) {
    let mut in_use: Vec<&Set<'_>> = rollout.sets().filter(|set| set.wanted > 0).collect();
    if in_use.is_empty() {
        in_use.extend(rollout.sets().last());
    }
    let mut extra = rollout.sum(|set| set.wanted) - rollout.replicas();
    let surge = Limits::of(rollout.deployment).surge;
    if in_use.len() > 1 && (0..=surge).contains(&extra) {
        return;
    }
    for set in in_use.into_iter().rev() {
        let wanted = (set.wanted - extra).max(0);
        extra -= set.wanted - wanted;
        if wanted != set.wanted {
            adjust(rollout, set, wanted, writes);
        }
    }
}

/// Asks a ReplicaSet for so many pods, and, if it is that of the present template, for what else the Deployment says.
fn adjust(rollout: &Rollout<'_>, set: &Set<'_>, wanted: i64, writes: &mut Writes) {
    let is_new = rollout
        .new
        .is_some_and(|new| std::ptr::eq(new.object, set.object));
    let mut object = set.object.clone();
    if is_new {
        revision::update(rollout, &mut object);
    }
    fields(child(&mut object, "spec")).insert("replicas".to_owned(), wanted.into());
    if is_new || wanted != set.wanted {
        note_size(rollout, &mut object);
    }
    writes.replace(set.object, object);
}

/// Notes on a ReplicaSet what size the Deployment had when it was last looked at.
pub(super) fn note_size(rollout: &Rollout<'_>, set: &mut Value) {
    let (replicas, limits) = (rollout.replicas(), Limits::of(rollout.deployment));
    annotate(
        set,
        "deployment.kubernetes.io/desired-replicas",
        &replicas.to_string(),
    );
    annotate(
        set,
        "deployment.kubernetes.io/max-replicas",
        &(replicas + limits.surge).to_string(),
    );
}
