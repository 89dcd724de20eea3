//! Moments, as RFC 3339 writes them. Pure: whoever needs the present has to bring it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, PrimitiveDateTime};

const MILLIS: i64 = 1_000;
const NANOS_A_MILLI: i128 = 1_000_000;

/// A moment: milliseconds since 1970-01-01T00:00:00Z, without leap seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Timestamp(pub i64);

/// Text that is no moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no time like 2030-01-31T18:00:00Z (RFC 3339)")]
pub struct BadTimestamp(pub String);

impl Timestamp {
    /// The moment so many milliseconds earlier.
    #[must_use]
    pub const fn before(self, milliseconds: i64) -> Self {
        Self(self.0.saturating_sub(milliseconds))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = civil(*self);
        let (date, clock) = (moment.date(), moment.time());
        write!(
            f,
            "{date}T{:02}:{:02}:{:02}",
            clock.hour(),
            clock.minute(),
            clock.second()
        )?;
        match self.0.rem_euclid(MILLIS) {
            0 => f.write_str("Z"),
            millis => write!(f, ".{millis:03}Z"),
        }
    }
}

impl FromStr for Timestamp {
    type Err = BadTimestamp;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| BadTimestamp(text.to_owned()))
    }
}

impl From<Timestamp> for String {
    fn from(moment: Timestamp) -> Self {
        moment.to_string()
    }
}

impl TryFrom<String> for Timestamp {
    type Error = BadTimestamp;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

fn parse(text: &str) -> Option<Timestamp> {
    // RFC 3339 lets applications put a space for the T; Kubernetes does not.
    (!text.contains(' ')).then_some(())?;
    let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    let millis = moment.unix_timestamp_nanos().div_euclid(NANOS_A_MILLI);
    Some(Timestamp(i64::try_from(millis).ok()?))
}

/// Date and time of day in UTC; of moments that no calendar of four digits knows, its first or last.
fn civil(moment: Timestamp) -> OffsetDateTime {
    let found = OffsetDateTime::from_unix_timestamp_nanos(i128::from(moment.0) * NANOS_A_MILLI);
    found.unwrap_or(if moment.0 < 0 {
        PrimitiveDateTime::MIN.assume_utc()
    } else {
        PrimitiveDateTime::MAX.assume_utc()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().0
    }

    #[test]
    fn moments_are_read() {
        assert_eq!(at("1970-01-01T00:00:00Z"), 0);
        assert_eq!(at("2000-02-29T12:34:56.5Z"), 951_827_696_500);
        assert_eq!(at("2026-11-25T19:35:00+01:00"), at("2026-11-25T18:35:00z"));
        assert_eq!(at("2026-11-25T19:35:00-00:30"), at("2026-11-25T20:05:00Z"));
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "2026-11-25",
            "2026-11-25T19:35Z",
            "2026-11-25T19:35:00",
            "2026-13-25T19:35:00Z",
            "2023-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2026-11-25T24:00:00Z",
            "2026-11-25T19:35:00.Z",
            "2026-11-25 19:35:00Z",
            "+026-11-25T19:35:00Z",
            "2026-11-25T19:35:00Zz",
            "2026-11-31T19:35:00Z",
            "2026-11-25T19:35:00+1:00",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read(millis in 0_i64..253_402_300_800_000) {
            let moment = Timestamp(millis);
            assert_eq!(moment.to_string().parse(), Ok(moment));
        }

        #[test]
        fn any_text_is_read_without_panic(text: String) {
            let _ = text.parse::<Timestamp>();
        }

        #[test]
        fn text_like_a_moment_is_read_without_panic(text in "[0-9TZtz:.+-]{0,30}") {
            let _ = text.parse::<Timestamp>();
        }
    }
}
