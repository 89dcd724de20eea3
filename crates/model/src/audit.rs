//! Audit mode: a policy that is watched before it is enforced (rules AU-*).

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Cluster, NetworkPolicy, Timestamp};

/// The annotation that puts a policy into audit mode: `SINCE/UNTIL`, two moments (rule AU-1).
pub const AUDIT_ANNOTATION: &str = "ringfence.dev/audit-mode";

/// Days that audit mode lasts at most (rule AU-2).
pub const LONGEST_AUDIT: i64 = 90;

/// Days before its end from which on it is said to end soon.
pub const AUDIT_WARNING: i64 = 7;

const DAY: i64 = 86_400_000;

/// How far audit mode has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuditPhase {
    /// It has not begun: the policy enforces.
    Ahead,
    /// It is in force.
    Running,
    /// It is in force, and ends within [`AUDIT_WARNING`] days.
    Ending,
    /// It is over: the policy enforces.
    Over,
}

/// When a policy is in audit mode, and whether it is now (rule AU-1). As long as nobody says which time it is, it
/// enforces (rule AU-5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AuditMode {
    /// From then on.
    since: Timestamp,
    /// Before then.
    until: Timestamp,
    /// Where it is at the moment that was last told; nowhere as long as none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    phase: Option<AuditPhase>,
}

/// A text that says no time of audit mode (rule AU-2).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadAuditMode(String);

impl AuditMode {
    /// When it begins.
    #[must_use]
    pub const fn since(&self) -> Timestamp {
        self.since
    }

    /// When it ends.
    #[must_use]
    pub const fn until(&self) -> Timestamp {
        self.until
    }

    /// Whether it is in force at the moment that was last told.
    #[must_use]
    pub const fn is_in_force(&self) -> bool {
        match self.phase {
            Some(AuditPhase::Running | AuditPhase::Ending) => true,
            Some(AuditPhase::Ahead | AuditPhase::Over) | None => false,
        }
    }

    /// How far it has come at the moment that was last told; `None` if none was.
    #[must_use]
    pub const fn phase(&self) -> Option<AuditPhase> {
        self.phase
    }

    /// Whether it lasts as long as it may (rule AU-2), wherever it comes from.
    fn is_bounded(&self) -> bool {
        self.since < self.until && self.until.before(LONGEST_AUDIT * DAY) <= self.since
    }

    fn tell(&mut self, now: Timestamp) {
        self.phase = Some(if !self.is_bounded() {
            AuditPhase::Over
        } else if now < self.since {
            AuditPhase::Ahead
        } else if now >= self.until {
            AuditPhase::Over
        } else if now >= self.until.before(AUDIT_WARNING * DAY) {
            AuditPhase::Ending
        } else {
            AuditPhase::Running
        });
    }

    /// When it begins or ends next.
    fn next(&self, now: Timestamp) -> Option<Timestamp> {
        [self.since, self.until].into_iter().find(|end| *end > now)
    }
}

impl fmt::Display for AuditMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.since, self.until)
    }
}

impl FromStr for AuditMode {
    type Err = BadAuditMode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (since, until) = text.split_once('/').ok_or_else(|| {
            BadAuditMode(
                "must be two times with a slash between them, such as \
                 2030-01-01T00:00:00Z/2030-01-31T00:00:00Z"
                    .to_owned(),
            )
        })?;
        let moment = |text: &str| -> Result<Timestamp, BadAuditMode> {
            let found = text.trim().parse();
            found.map_err(|error: crate::BadTimestamp| BadAuditMode(error.to_string()))
        };
        let (since, until) = (moment(since)?, moment(until)?);
        if until <= since {
            return Err(BadAuditMode("must end after it begins".to_owned()));
        }
        if until.before(LONGEST_AUDIT * DAY) > since {
            let message = format!("must not last longer than {LONGEST_AUDIT} days");
            return Err(BadAuditMode(message));
        }
        Ok(Self {
            since,
            until,
            phase: None,
        })
    }
}

impl NetworkPolicy {
    /// Whether it is in audit mode at the moment that was last told: then it decides nothing (rule AU-3).
    #[must_use]
    pub fn is_audited(&self) -> bool {
        self.audit.is_some_and(|mode| mode.is_in_force())
    }

    /// Tells it the time (rule AU-1).
    pub fn tell_time(&mut self, now: Timestamp) {
        if let Some(mode) = &mut self.audit {
            mode.tell(now);
        }
    }
}

impl Cluster {
    /// Tells its policies the time (rule AU-1). Without it all of them enforce.
    pub fn tell_time(&mut self, now: Timestamp) {
        let policies = self.network_policies.values_mut();
        policies.for_each(|policy| policy.tell_time(now));
    }

    /// The first moment after `now` at which a policy goes into audit mode or out of it.
    #[must_use]
    pub fn next_audit_change(&self, now: Timestamp) -> Option<Timestamp> {
        let modes = self.network_policies.values().filter_map(|it| it.audit);
        modes.filter_map(|mode| mode.next(now)).min()
    }

    /// Every moment after `now` at which a policy goes into audit mode or out of it.
    #[must_use]
    pub fn audit_changes(&self, now: Timestamp) -> BTreeSet<Timestamp> {
        let modes = self.network_policies.values().filter_map(|it| it.audit);
        let ends = modes
            .filter(AuditMode::is_bounded)
            .flat_map(|mode| [mode.since, mode.until]);
        ends.filter(|end| *end > now).collect()
    }

    /// Whether a policy is in audit mode at the moment that was last told.
    #[must_use]
    pub fn has_audited(&self) -> bool {
        self.network_policies
            .values()
            .any(NetworkPolicy::is_audited)
    }

    /// The same cluster if no policy were in audit mode.
    #[must_use]
    pub fn all_enforced(&self) -> Self {
        let mut cluster = self.clone();
        for policy in cluster.network_policies.values_mut() {
            policy.audit = None;
        }
        cluster
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODE: &str = "2026-11-25T00:00:00Z/2026-12-24T00:00:00Z";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn it_is_in_force_from_its_beginning_on_and_before_its_end() {
        let mut mode: AuditMode = MODE.parse().unwrap();
        assert_eq!(mode.to_string(), MODE);
        assert!(!mode.is_in_force());
        for (now, expected) in [
            ("2026-11-24T23:59:59.999Z", false),
            ("2026-11-25T00:00:00Z", true),
            ("2026-12-23T23:59:59.999Z", true),
            ("2026-12-24T00:00:00Z", false),
        ] {
            mode.tell(at(now));
            assert_eq!(mode.is_in_force(), expected, "{now}");
        }
    }

    #[test]
    fn one_that_lasts_too_long_is_never_in_force() {
        let day = 86_400_000;
        for (days, expected) in [(-1, false), (0, false), (90, true), (91, false)] {
            let since = at("2026-11-25T00:00:00Z");
            let mut mode = AuditMode {
                since,
                until: Timestamp(since.0 + days * day),
                phase: None,
            };
            mode.tell(since);
            assert_eq!(mode.is_in_force(), expected, "{days} days");
        }
    }

    #[test]
    fn its_last_week_is_told_apart() {
        let mut mode: AuditMode = MODE.parse().unwrap();
        assert_eq!(mode.phase(), None);
        for (now, expected) in [
            ("2026-11-24T23:59:59Z", AuditPhase::Ahead),
            ("2026-12-16T23:59:59Z", AuditPhase::Running),
            ("2026-12-17T00:00:00Z", AuditPhase::Ending),
            ("2026-12-24T00:00:00Z", AuditPhase::Over),
        ] {
            mode.tell(at(now));
            assert_eq!(mode.phase(), Some(expected), "{now}");
        }
    }

    #[test]
    fn its_ends_are_what_comes_next() {
        let mode: AuditMode = MODE.parse().unwrap();
        let next = |now| mode.next(at(now)).map(|next| next.to_string());
        let (since, until) = MODE.split_once('/').unwrap();
        assert_eq!(next("2026-11-01T00:00:00Z").as_deref(), Some(since));
        assert_eq!(next(since).as_deref(), Some(until));
        assert_eq!(next(until), None);
    }

    #[test]
    fn what_has_no_end_or_too_late_a_one_is_refused() {
        for text in [
            "",
            "2026-11-25T00:00:00Z",
            "2026-11-25T00:00:00Z/",
            "/2026-11-25T00:00:00Z",
            "2026-11-25/2026-12-24",
            "2026-11-25T00:00:00Z/2026-11-25T00:00:00Z",
            "2026-11-25T00:00:00Z/2026-11-24T00:00:00Z",
            "2026-11-25T00:00:00Z/2027-02-23T00:00:00.001Z",
        ] {
            assert!(text.parse::<AuditMode>().is_err(), "{text}");
        }
        let longest = "2026-11-25T00:00:00Z/2027-02-23T00:00:00Z";
        assert!(longest.parse::<AuditMode>().is_ok());
    }
}
