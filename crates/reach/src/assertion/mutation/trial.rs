//! Each mistake in turn: is it noticed, does it matter, what would notice it?

use std::collections::{BTreeMap, BTreeSet};

use ringfence_model::{
    Answer, Cluster, Direction, Expected, NetworkPolicy, ObjectName, Outcome, Party, Pod, Query,
};
use ringfence_policy::{Change, ClassSet, Engine};

use super::anchor::anchored;
use super::effect::{Effect, Rows, effects, rows};
use super::suggestion::suggest;
use super::{Changed, Mutant, Suggestion};
use crate::assertion::Claim;
use crate::assertion::question::judges;

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
    for mutant in mutants {
        let fate = bench.try_out(&mutant);
        found.tried.push(Tried { mutant, fate });
        progress();
    }
    found
}

struct Bench<'a> {
    cluster: &'a Cluster,
    asked: &'a [(Expected, Query)],
    /// Which of `asked` the policies of a pod judge, by direction.
    judged: BTreeMap<(Direction, ObjectName), Vec<usize>>,
    /// Answers single connections; nobody asks it for more, so that changes cost little.
    answering: Engine,
    /// Without mistakes, and with the one that is being tried. Both have the same classes.
    plain: Engine,
    changed: Engine,
    all: ClassSet,
    /// The rows of the last subjects without mistakes: mistakes of one policy come together.
    rows: Option<(Direction, ClassSet, Rows)>,
    suggestions: Vec<Suggestion>,
}

impl<'a> Bench<'a> {
    fn new(cluster: &'a Cluster, asked: &'a [(Expected, Query)]) -> Self {
        let answering = Engine::new(cluster.clone());
        let plain = anchored(cluster);
        let mut judged: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (place, (_, query)) in asked.iter().enumerate() {
            for subject in answering
                .answer(query)
                .map(|answer| subjects(&answer))
                .unwrap_or_default()
            {
                judged.entry(subject).or_default().push(place);
            }
        }
        Self {
            cluster,
            asked,
            judged,
            answering,
            all: plain.classes().map(|(class, _)| class).collect(),
            changed: plain.clone(),
            plain,
            rows: None,
            suggestions: Vec::new(),
        }
    }

    fn try_out(&mut self, mutant: &Mutant) -> Fate {
        apply(&mut self.answering, changes(mutant));
        let noticed = self.noticed_by(mutant);
        apply(&mut self.answering, undone(self.cluster, mutant));
        if let Some(by) = noticed {
            return Fate::Noticed { by };
        }
        apply(&mut self.changed, changes(mutant));
        let fate = self.fate_of_unnoticed(mutant);
        apply(&mut self.changed, undone(self.cluster, mutant));
        fate
    }

    fn fate_of_unnoticed(&mut self, mutant: &Mutant) -> Fate {
        if let Some(missed) = self.known_suggestion() {
            return Fate::Missed(Box::new(missed));
        }
        let effects = self.effects(mutant);
        if effects.is_empty() {
            return Fate::Harmless;
        }
        let missed = suggest(&self.plain, &self.changed, &effects)
            .and_then(|suggestion| self.missed(suggestion));
        missed.map_or(Fate::Unobservable, |missed| {
            self.suggestions.push(missed.suggestion.clone());
            Fate::Missed(Box::new(missed))
        })
    }

    /// The first of the connections that is not as an assertion says any more.
    fn noticed_by(&self, mutant: &Mutant) -> Option<usize> {
        let directions = mutant.mutation.directions();
        let touched = self.judged.iter().filter(|((direction, pod), _)| {
            directions.contains(direction) && self.is_subject(mutant, pod)
        });
        let places: BTreeSet<usize> = touched.flat_map(|(_, places)| places).copied().collect();
        places.into_iter().find(|place| {
            self.asked.get(*place).is_some_and(|(expected, query)| {
                let answer = self.answering.answer(query);
                !answer.is_ok_and(|answer| Claim::holds(*expected, &answer.outcome))
            })
        })
    }

    /// What was suggested for an earlier mistake may do for this one too.
    fn known_suggestion(&self) -> Option<Missed> {
        let mut known = self.suggestions.iter();
        known.find_map(|suggestion| self.missed(suggestion.clone()))
    }

    /// With the first connection of `suggestion` that is not as it says; `None` if the mistake breaks none.
    fn missed(&self, suggestion: Suggestion) -> Option<Missed> {
        let broken = suggestion
            .queries(self.cluster)
            .into_iter()
            .find_map(|query| {
                let after = self
                    .changed
                    .answer(&query)
                    .ok()
                    .map(|answer| answer.outcome);
                let holds = after
                    .as_ref()
                    .is_some_and(|after| Claim::holds(suggestion.expected, after));
                (!holds).then_some((query, after))
            });
        let (witness, after) = broken?;
        let before = match suggestion.expected {
            Expected::Allow => Outcome::Allow,
            Expected::Deny => Outcome::Deny,
        };
        Some(Missed {
            witness,
            before,
            after,
            suggestion,
        })
    }

    fn effects(&mut self, mutant: &Mutant) -> Vec<Effect> {
        let subjects = self.classes_of_subjects(mutant);
        let mut found = Vec::new();
        for direction in mutant.mutation.directions() {
            let after = rows(&self.changed, direction, &subjects);
            let all = self.all.clone();
            let before = self.rows_without_mistake(direction, &subjects);
            found.extend(effects(direction, before, &after, &all));
        }
        found
    }

    fn rows_without_mistake(&mut self, direction: Direction, subjects: &ClassSet) -> &Rows {
        let kept = self
            .rows
            .take()
            .filter(|(kept, of, _)| *kept == direction && of == subjects);
        let (_, _, rows) = self.rows.insert(kept.unwrap_or_else(|| {
            (
                direction,
                subjects.clone(),
                rows(&self.plain, direction, subjects),
            )
        }));
        rows
    }

    fn classes_of_subjects(&self, mutant: &Mutant) -> ClassSet {
        let pods = self
            .cluster
            .pods
            .keys()
            .filter(|name| self.is_subject(mutant, name));
        pods.filter_map(|name| self.plain.class_of_pod(name))
            .collect()
    }

    /// Whether a policy that the mistake is in selects the pod. A mistake does not change whom a policy selects.
    fn is_subject(&self, mutant: &Mutant, name: &ObjectName) -> bool {
        let Some(pod) = self.cluster.pods.get(name) else {
            return false;
        };
        mutant.changed.iter().any(|changed| match changed {
            Changed::Network(name, _) => {
                let policy = self.cluster.network_policies.get(name);
                policy.is_some_and(|policy| selects(policy, pod))
            }
            Changed::Cluster(name, _) => {
                let policy = self.cluster.cluster_policies.get(name);
                policy.is_some_and(|policy| judges(self.cluster, policy, pod))
            }
        })
    }
}

/// The pods whose policies judged `answer`, by direction.
fn subjects(answer: &Answer) -> BTreeSet<(Direction, ObjectName)> {
    let ends = answer
        .connections
        .iter()
        .flat_map(|found| [&found.egress, &found.ingress]);
    ends.filter_map(|end| match &end.subject {
        Party::Pod { name, .. } => Some((end.direction, name.clone())),
        Party::Node { .. } | Party::Other(_) | Party::Loopback(_) => None,
    })
    .collect()
}

/// NP-1: whether the policy selects the pod.
fn selects(policy: &NetworkPolicy, pod: &Pod) -> bool {
    policy.name.namespace == pod.name.namespace && policy.pod_selector.matches(&pod.labels)
}

fn changes(mutant: &Mutant) -> Vec<Change> {
    let changed = mutant.changed.iter().cloned();
    changed
        .map(|changed| match changed {
            Changed::Network(_, Some(policy)) => Change::SetNetworkPolicy(policy),
            Changed::Network(name, None) => Change::RemoveNetworkPolicy(name),
            Changed::Cluster(_, Some(policy)) => Change::SetClusterPolicy(policy),
            Changed::Cluster(name, None) => Change::RemoveClusterPolicy(name),
        })
        .collect()
}

/// The changes that take the mistake back.
fn undone(cluster: &Cluster, mutant: &Mutant) -> Vec<Change> {
    let original = mutant.changed.iter().filter_map(|changed| match changed {
        Changed::Network(name, _) => {
            let policy = cluster.network_policies.get(name)?;
            Some(Change::SetNetworkPolicy(policy.clone()))
        }
        Changed::Cluster(name, _) => {
            let policy = cluster.cluster_policies.get(name)?;
            Some(Change::SetClusterPolicy(policy.clone()))
        }
    });
    original.collect()
}

fn apply(engine: &mut Engine, changes: Vec<Change>) {
    for change in changes {
        engine.apply(change);
    }
}

#[cfg(test)]
mod tests;
