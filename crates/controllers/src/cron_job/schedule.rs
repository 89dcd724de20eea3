//! Schedules, and the times they name.

use std::str::FromStr as _;

use croner::Cron;
use jiff::tz::TimeZone;
use ringfence_apiserver::time::Timestamp;

/// Why a schedule cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ScheduleError {
    #[error("{0}")]
    Pattern(String),
    #[error("expected five fields or a name such as @hourly")]
    Fields,
    #[error("unknown time zone `{0}`")]
    Zone(String),
}

/// The last time of the schedule up to `now`, if there ever was one. Without a zone its hours are those of UTC.
pub(super) fn last(
    schedule: &str,
    zone: &str,
    now: Timestamp,
) -> Result<Option<Timestamp>, ScheduleError> {
    if schedule.split_whitespace().count() != 5 && !schedule.starts_with('@') {
        return Err(ScheduleError::Fields);
    }
    let cron =
        Cron::from_str(schedule).map_err(|error| ScheduleError::Pattern(error.to_string()))?;
    let zone = match zone {
        "" => TimeZone::UTC,
        name => TimeZone::get(name).map_err(|_| ScheduleError::Zone(name.to_owned()))?,
    };
    let Ok(now) = jiff::Timestamp::from_second(now.0) else {
        return Ok(None);
    };
    let last = cron.find_previous_occurrence(&now.to_zoned(zone), true);
    Ok(last
        .ok()
        .map(|last| Timestamp(last.timestamp().as_second())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_time_is_that_of_the_schedule_in_its_zone() {
        let now = Timestamp::parse("2026-03-10T12:34:56Z").unwrap();
        for (schedule, zone, expected) in [
            ("* * * * *", "", "2026-03-10T12:34:00Z"),
            ("*/5 * * * *", "", "2026-03-10T12:30:00Z"),
            ("0 0 * * *", "", "2026-03-10T00:00:00Z"),
            ("0 0 * * *", "Europe/Berlin", "2026-03-09T23:00:00Z"),
            ("0 0 * * SUN", "", "2026-03-08T00:00:00Z"),
            ("@hourly", "", "2026-03-10T12:00:00Z"),
            ("30 6 1 1 *", "", "2026-01-01T06:30:00Z"),
        ] {
            let last = last(schedule, zone, now).unwrap().unwrap();
            assert_eq!(last.to_string(), expected, "{schedule} {zone}");
        }
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        let now = Timestamp(0);
        assert_eq!(last("* * * *", "", now), Err(ScheduleError::Fields));
        assert_eq!(
            last("* * * * * *", "", now),
            Err(ScheduleError::Fields),
            "no seconds"
        );
        assert!(matches!(
            last("61 * * * *", "", now),
            Err(ScheduleError::Pattern(_))
        ));
        let zone = last("* * * * *", "Atlantis", now).unwrap_err();
        assert_eq!(zone.to_string(), "unknown time zone `Atlantis`");
    }
}
