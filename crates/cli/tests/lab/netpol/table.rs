//! What is expected between nine pods, written as a suite's author would: everything, but.

use std::collections::BTreeMap;
use std::fmt;

/// `x/a` to `z/c`.
pub(super) const PODS: [&str; 9] = [
    "x/a", "x/b", "x/c", "y/a", "y/b", "y/c", "z/a", "z/b", "z/c",
];

/// Whether a connection opens, by source and destination. A pod is not asked about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table(BTreeMap<(&'static str, &'static str), bool>);

impl Table {
    /// Everybody reaches everybody.
    pub(super) fn all() -> Self {
        Self(pairs().map(|pair| (pair, true)).collect())
    }

    pub(super) fn of(
        found: impl IntoIterator<Item = ((&'static str, &'static str), bool)>,
    ) -> Self {
        Self(found.into_iter().collect())
    }

    /// `*` stands for any namespace or any pod.
    pub(super) fn deny(self, from: &str, to: &str) -> Self {
        self.with(from, to, false)
    }

    pub(super) fn allow(self, from: &str, to: &str) -> Self {
        self.with(from, to, true)
    }

    fn with(mut self, from: &str, to: &str, opens: bool) -> Self {
        let mut meant = 0;
        for ((source, destination), cell) in &mut self.0 {
            if means(from, source) && means(to, destination) {
                *cell = opens;
                meant += 1;
            }
        }
        assert!(meant > 0, "{from} -> {to} means no pair");
        self
    }

    pub(super) fn opens(&self, pair: (&'static str, &'static str)) -> bool {
        self.0[&pair]
    }
}

/// Every pod to every other.
pub(super) fn pairs() -> impl Iterator<Item = (&'static str, &'static str)> {
    let all = PODS.into_iter().flat_map(|source| {
        PODS.into_iter()
            .map(move |destination| (source, destination))
    });
    all.filter(|(source, destination)| source != destination)
}

fn means(pattern: &str, pod: &str) -> bool {
    let (pattern, pod) = (
        pattern.split_once('/').unwrap(),
        pod.split_once('/').unwrap(),
    );
    let is = |pattern: &str, word: &str| pattern == "*" || pattern == word;
    is(pattern.0, pod.0) && is(pattern.1, pod.1)
}

/// A row for each source: `.` opens, `X` does not.
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "     {}", PODS.join(" "))?;
        for source in PODS {
            let cells = PODS.map(|destination| match self.0.get(&(source, destination)) {
                None => " - ",
                Some(true) => " . ",
                Some(false) => " X ",
            });
            writeln!(f, "{source}  {}", cells.join(" "))?;
        }
        Ok(())
    }
}
