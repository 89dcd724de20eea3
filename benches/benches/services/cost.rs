//! What some work takes, by the clock and of the processor: beside others on the machine the clock says little.

use std::time::Duration;

use anyhow::{Context as _, Result};
use ringfence_benches::time;

/// What a run took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    pub(crate) clock: Duration,
    /// Of this thread, the kernel's part included.
    pub(crate) processor: Duration,
}

impl Cost {
    pub(crate) fn of<T>(work: impl FnOnce() -> Result<T>) -> Result<(Self, T)> {
        let before = on_processor()?;
        let (clock, done) = time(work);
        let processor = on_processor()?.saturating_sub(before);
        Ok((Self { clock, processor }, done?))
    }
}

/// How long the thread has been on a processor (`/proc/thread-self/schedstat`, its first number, in nanoseconds).
fn on_processor() -> Result<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = text
        .split_whitespace()
        .next()
        .context("an empty schedstat")?;
    Ok(Duration::from_nanos(nanoseconds.parse()?))
}

/// The least, half of them, and all but a hundredth.
pub(crate) fn spread(mut all: Vec<Duration>) -> [Duration; 3] {
    all.sort();
    let at = |hundredth: usize| {
        let place = all.len().saturating_sub(1) * hundredth / 100;
        all.get(place).copied().unwrap_or_default()
    };
    [at(0), at(50), at(99)]
}

/// `0.07, 0.08, 0.30 ms`
pub(crate) fn shown(all: &[Duration]) -> String {
    let milliseconds = |time: Duration| format!("{:.3}", time.as_secs_f64() * 1e3);
    let [least, half, most] = spread(all.to_vec()).map(milliseconds);
    format!("{least}, {half}, {most} ms")
}
