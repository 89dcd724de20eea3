//! Each mistake in turn: is it noticed, does it matter, what would notice it?

mod bench;
mod judged;

use ringfence_model::{Cluster, Expected, Outcome, Query};
use ringfence_policy::ClassSet;

use super::{Mutant, MutatedPolicy, Suggestion};
use bench::Bench;

/// What became of mistakes, in the order in which they were made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mutations {
    /// Each mistake once.
    pub tried: Vec<Tried>,
}

/// What became of one mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// The mistake.
    pub mutant: Mutant,
    /// Whether somebody noticed.
    pub fate: Fate,
}

/// Whether a mistake is noticed, and whether it matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// A connection is not as an assertion says any more; the first such, by its place among those that were asked.
    Noticed {
        /// The place, counted from 0.
        by: usize,
    },
    /// All is as the assertions say, and yet not as it was.
    Missed(Box<Missed>),
    /// Whoever could for certain open a connection still can, and nobody else: the engine has compared all of them.
    Harmless,
    /// Something is judged in another way, but nothing that an assertion could name alone: a pod's connections to itself,
    /// or an end that has no address.
    Unobservable,
}

/// What shows a mistake that no assertion notices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// A connection that the mistake changes.
    pub witness: Query,
    /// What becomes of it now.
    pub before: Outcome,
    /// What becomes of it with the mistake; nothing if it cannot be asked about any more.
    pub after: Option<Outcome>,
    /// An assertion that holds, and would notice.
    pub suggestion: Suggestion,
}

impl Mutations {
    /// How many mistakes an assertion notices.
    #[must_use]
    pub fn noticed(&self) -> usize {
        self.count(|fate| matches!(fate, Fate::Noticed { .. }))
    }

    /// How many mistakes change nothing.
    #[must_use]
    pub fn harmless(&self) -> usize {
        self.count(|fate| matches!(fate, Fate::Harmless))
    }

    /// How many mistakes no assertion can notice.
    #[must_use]
    pub fn unobservable(&self) -> usize {
        self.count(|fate| matches!(fate, Fate::Unobservable))
    }

    /// The mistakes that matter and that no assertion notices.
    pub fn missed(&self) -> impl Iterator<Item = (&Mutant, &Missed)> {
        self.tried.iter().filter_map(|tried| match &tried.fate {
            Fate::Missed(missed) => Some((&tried.mutant, missed.as_ref())),
            Fate::Noticed { .. } | Fate::Harmless | Fate::Unobservable => None,
        })
    }

    /// How many mistakes are noticed, in hundredths of those that an assertion can notice, rounded down.
    #[must_use]
    pub fn percent(&self) -> usize {
        let noticed = self.noticed();
        crate::assertion::percent(noticed, noticed + self.missed().count())
    }

    fn count(&self, is: impl Fn(&Fate) -> bool) -> usize {
        self.tried.iter().filter(|tried| is(&tried.fate)).count()
    }
}

/// Makes each of `mutants` in turn and asks again what assertions ask. `asked` are connections of assertions that hold,
/// and what must become of them; `progress` hears of each mistake.
pub fn mutate(
    cluster: &Cluster,
    asked: &[(Expected, Query)],
    mutants: impl IntoIterator<Item = Mutant>,
    mut progress: impl FnMut(),
) -> Mutations {
    let mut bench = Bench::new(cluster, asked);
    let mut found = Mutations::default();
    let mut last: Option<(Vec<MutatedPolicy>, ClassSet)> = None;
    for mutant in mutants {
        let policies = mutant.policies();
        let known = last.take().filter(|(of, _)| *of == policies);
        let subjects = known.map_or_else(|| bench.subjects(&policies), |(_, subjects)| subjects);
        let fate = bench.try_out(&mutant, &subjects);
        last = Some((policies, subjects));
        found.tried.push(Tried { mutant, fate });
        progress();
    }
    found
}

#[cfg(test)]
mod tests;
