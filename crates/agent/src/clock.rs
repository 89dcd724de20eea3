use std::time::{SystemTime, UNIX_EPOCH};

use ringfence_model::Timestamp;

/// What time of day the machine says it is.
pub(crate) fn time_of_day() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = since.map_or(0, |since| since.as_millis());
    Timestamp(i64::try_from(millis).unwrap_or(i64::MAX))
}
