use std::collections::BTreeSet;

use ringfence_model::{Cluster, Direction, Expected, NetworkPolicy, ObjectName, Outcome, Query};
use ringfence_policy::{Change, ClassKind, ClassSet, Engine};

use super::judged::{Judged, Likeness};
use super::{Fate, Missed};
use crate::assertion::Claim;
use crate::assertion::mutation::anchor::anchored;
use crate::assertion::mutation::effect::{Effect, Rows, effects};
use crate::assertion::mutation::footprint::Footprint;
use crate::assertion::mutation::suggestion::suggest;
use crate::assertion::mutation::{Changed, Mutant, MutatedPolicy, Suggestion};
use crate::assertion::question::judges;

/// Makes mistakes one after another, and takes each back.
pub(super) struct Bench<'a> {
    cluster: &'a Cluster,
    asked: &'a [(Expected, Query)],
    /// Which of `asked` the policies of a pod judge.
    judged: Judged,
    /// Answers single connections; nobody asks it for more, so that changes cost little.
    answering: Engine,
    /// Without mistakes, and with the one that is being tried. Both have the same classes.
    plain: Engine,
    changed: Engine,
    all: ClassSet,
    /// The classes with addresses of both families.
    both: ClassSet,
    /// The rows of the last subjects without mistakes: mistakes of one policy come together.
    rows: Option<(Direction, ClassSet, Rows)>,
    suggestions: Vec<(Suggestion, Vec<Query>)>,
    /// Which of `suggestions` the policies of a pod judge.
    suggested: Judged,
}

impl<'a> Bench<'a> {
    pub(super) fn new(cluster: &'a Cluster, asked: &'a [(Expected, Query)]) -> Self {
        let answering = Engine::new(cluster.clone());
        let plain = anchored(cluster);
        let mut judged = Judged::default();
        let mut known = BTreeSet::new();
        for (place, (expected, query)) in asked.iter().enumerate() {
            let likeness = Likeness::of(&plain, query);
            if likeness.is_none_or(|likeness| known.insert((*expected, likeness))) {
                judged.add(&plain, query, place);
            }
        }
        Self {
            cluster,
            asked,
            judged,
            answering,
            all: plain.classes().map(|(class, _)| class).collect(),
            both: with_both_families(&plain),
            changed: plain.clone(),
            plain,
            rows: None,
            suggestions: Vec::new(),
            suggested: Judged::default(),
        }
    }

    pub(super) fn try_out(&mut self, mutant: &Mutant, subjects: &ClassSet) -> Fate {
        let footprint = Footprint::of(self.cluster, mutant);
        if let Some(by) = self.noticed_by(mutant, &footprint, subjects) {
            return Fate::Noticed { by };
        }
        apply(&mut self.changed, changes(self.cluster, mutant));
        let fate = self.fate_of_unnoticed(mutant, &footprint, subjects);
        apply(&mut self.changed, undone(self.cluster, mutant));
        fate
    }

    fn fate_of_unnoticed(
        &mut self,
        mutant: &Mutant,
        footprint: &Footprint<'_>,
        subjects: &ClassSet,
    ) -> Fate {
        if let Some(missed) = self.known_suggestion(mutant, footprint, subjects) {
            return Fate::Missed(Box::new(missed));
        }
        let effects = self.effects(mutant, subjects);
        if effects.is_empty() {
            return Fate::Harmless;
        }
        let missed = suggest(&self.plain, &self.changed, &effects).and_then(|suggestion| {
            let queries = suggestion.queries(self.cluster);
            let missed = self.missed(&suggestion, &queries)?;
            self.keep(suggestion, queries);
            Some(missed)
        });
        missed.map_or(Fate::Unobservable, |missed| Fate::Missed(Box::new(missed)))
    }

    /// The first of the connections that is not as an assertion says any more.
    fn noticed_by(
        &mut self,
        mutant: &Mutant,
        footprint: &Footprint<'_>,
        subjects: &ClassSet,
    ) -> Option<usize> {
        let places = self.judged.of(mutant, footprint, subjects);
        if places.is_empty() {
            return None;
        }
        apply(&mut self.answering, changes(self.cluster, mutant));
        let noticed = places.into_iter().find(|place| {
            self.asked.get(*place).is_some_and(|(expected, query)| {
                let answer = self.answering.answer(query);
                !answer.is_ok_and(|answer| Claim::holds(*expected, &answer.outcome))
            })
        });
        apply(&mut self.answering, undone(self.cluster, mutant));
        noticed
    }

    fn keep(&mut self, suggestion: Suggestion, mut queries: Vec<Query>) {
        let mut known = BTreeSet::new();
        queries.retain(|query| {
            let likeness = Likeness::of(&self.plain, query);
            likeness.is_none_or(|likeness| known.insert(likeness))
        });
        for query in &queries {
            self.suggested
                .add(&self.plain, query, self.suggestions.len());
        }
        self.suggestions.push((suggestion, queries));
    }

    /// What was suggested for an earlier mistake may do for this one too.
    fn known_suggestion(
        &self,
        mutant: &Mutant,
        footprint: &Footprint<'_>,
        subjects: &ClassSet,
    ) -> Option<Missed> {
        let mut places = self.suggested.of(mutant, footprint, subjects).into_iter();
        places.find_map(|place| {
            let (suggestion, queries) = self.suggestions.get(place)?;
            self.missed(suggestion, queries)
        })
    }

    /// With the first connection of `suggestion` that is not as it says; `None` if the mistake breaks none.
    fn missed(&self, suggestion: &Suggestion, queries: &[Query]) -> Option<Missed> {
        let broken = queries.iter().find_map(|query| {
            let after = self.changed.answer(query).ok();
            let after = after.map(|answer| answer.outcome);
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
            witness: witness.clone(),
            before,
            after,
            suggestion: suggestion.clone(),
        })
    }

    fn effects(&mut self, mutant: &Mutant, subjects: &ClassSet) -> Vec<Effect> {
        let mut found = Vec::new();
        for direction in mutant.mutation.directions() {
            let after = Rows::of(&self.changed, direction, subjects);
            let (all, both) = (self.all.clone(), self.both.clone());
            let before = self.rows_without_mistake(direction, subjects);
            found.extend(effects(direction, before, &after, (&all, &both)));
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
                Rows::of(&self.plain, direction, subjects),
            )
        }));
        rows
    }

    /// The classes of the pods that these policies select. A mistake does not change whom a policy selects, and pods of one
    /// class are selected together.
    pub(super) fn subjects(&self, policies: &[MutatedPolicy]) -> ClassSet {
        let classes = self.plain.classes();
        let subjects = classes.filter(|(_, class)| {
            let mut policies = policies.iter();
            policies.any(|policy| self.selects(policy, &class.kind))
        });
        subjects.map(|(class, _)| class).collect()
    }

    fn selects(&self, policy: &MutatedPolicy, kind: &ClassKind) -> bool {
        match policy {
            MutatedPolicy::Network(name) => {
                let policy = self.cluster.network_policies.get(name);
                policy.is_some_and(|policy| selects(policy, kind))
            }
            MutatedPolicy::Cluster(name) => {
                let policy = self.cluster.cluster_policies.get(name);
                let mut pods = members(kind)
                    .iter()
                    .filter_map(|name| self.cluster.pods.get(name));
                let pod = pods.next();
                policy
                    .zip(pod)
                    .is_some_and(|(policy, pod)| judges(self.cluster, policy, pod))
            }
        }
    }
}

fn with_both_families(engine: &Engine) -> ClassSet {
    let classes = engine.classes().map(|(class, _)| class);
    let both = classes.filter(|class| engine.preferred_of_both(*class).is_some());
    both.collect()
}

/// NP-1: whether the policy selects the pods of the class.
fn selects(policy: &NetworkPolicy, kind: &ClassKind) -> bool {
    match kind {
        ClassKind::Pods {
            namespace, labels, ..
        } => policy.name.namespace == *namespace && policy.pod_selector.matches(labels),
        ClassKind::Node { .. } | ClassKind::Addresses { .. } => false,
    }
}

pub(super) fn changes(cluster: &Cluster, mutant: &Mutant) -> Vec<Change> {
    let changed = mutant.changed(cluster).into_iter();
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
    let original = mutant
        .policies()
        .into_iter()
        .filter_map(|policy| match policy {
            MutatedPolicy::Network(name) => {
                let policy = cluster.network_policies.get(&name)?;
                Some(Change::SetNetworkPolicy(policy.clone()))
            }
            MutatedPolicy::Cluster(name) => {
                let policy = cluster.cluster_policies.get(&name)?;
                Some(Change::SetClusterPolicy(policy.clone()))
            }
        });
    original.collect()
}

pub(super) fn apply(engine: &mut Engine, changes: Vec<Change>) {
    for change in changes {
        engine.apply(change);
    }
}

fn members(kind: &ClassKind) -> &[ObjectName] {
    match kind {
        ClassKind::Pods { members, .. } => members,
        ClassKind::Node { .. } | ClassKind::Addresses { .. } => &[],
    }
}
