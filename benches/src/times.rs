use std::fmt;
use std::time::{Duration, Instant};

/// The times of several runs of one thing.
#[derive(Clone, Debug, Default)]
pub struct Times {
    sorted: Vec<Duration>,
}

impl Times {
    /// The times of these runs, in any order.
    #[must_use]
    pub fn of(mut runs: Vec<Duration>) -> Self {
        runs.sort();
        Self { sorted: runs }
    }

    /// The least one, which other programs on the machine have disturbed least; nothing for none.
    #[must_use]
    pub fn least(&self) -> Duration {
        self.sorted.first().copied().unwrap_or_default()
    }

    /// How many times the least of `other` the least of these is.
    #[must_use]
    pub fn ratio(&self, other: &Self) -> f64 {
        self.least().as_secs_f64() / other.least().as_secs_f64().max(1e-12)
    }
}

impl fmt::Display for Times {
    /// `11.9 ms (to 14.0 ms)`: the least and the most; one alone if there is one run.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(self.least()))?;
        match self.sorted.as_slice() {
            [_, .., most] => write!(f, " (to {})", shown(*most)),
            [_] | [] => Ok(()),
        }
    }
}

/// With about three digits, in a unit that one can imagine.
pub(crate) fn shown(time: Duration) -> String {
    const UNITS: [(f64, &str); 4] = [(86_400.0, "days"), (3_600.0, "h"), (1.0, "s"), (1e-3, "ms")];
    let seconds = time.as_secs_f64();
    let fits = |(size, _): &(f64, &str)| seconds >= 2.0 * size;
    let (size, unit) = UNITS.into_iter().find(fits).unwrap_or((1e-3, "ms"));
    match seconds / size {
        large if large >= 100.0 => format!("{large:.0} {unit}"),
        middle if middle >= 1.0 => format!("{middle:.1} {unit}"),
        small => format!("{small:.4} {unit}"),
    }
}

/// How long `work` takes, with what it made.
pub fn time<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let made = work();
    (start.elapsed(), made)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(milliseconds: &[u64]) -> Times {
        let runs = milliseconds
            .iter()
            .map(|count| Duration::from_millis(*count));
        Times::of(runs.collect())
    }

    #[test]
    fn the_least_stands_for_all() {
        assert_eq!(times(&[140, 12, 13]).to_string(), "12.0 ms (to 140 ms)");
        assert!((times(&[30, 20]).ratio(&times(&[90, 10])) - 2.0).abs() < 1e-9);
        assert_eq!(times(&[]).least(), Duration::ZERO);
        assert_eq!(times(&[300_000_000]).to_string(), "3.5 days");
    }
}
