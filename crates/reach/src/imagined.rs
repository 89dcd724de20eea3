//! Pods that rules name and manifests do not hold: for each peer that matches none of them an imagined pod that it does match.
//!
//! What a rule opens to pods of another repository, or to such as are yet to come, no pod of the manifests shows. An imagined
//! pod takes part only in what is decided by a rule that names it and matches no pod. Start with [`Imagined::of`].

mod labels;
mod naming;
mod open;
mod stage;
mod widened;

use std::collections::{BTreeMap, BTreeSet};

use ringfence_model::{
    Because, Cluster, DirectionDecision, Endpoint, Labels, Namespace, ObjectName,
};

use crate::diff::Shown;
use crate::workload::Unit;
pub(crate) use labels::fitting;
use naming::{Naming, RuleId};
pub use stage::Stage;

/// The imagined pods of a cluster, and which rules name them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Imagined {
    pods: BTreeMap<ObjectName, Labels>,
    /// The namespaces that they are in, whether there are such or not.
    namespaces: BTreeMap<String, Namespace>,
    rules: BTreeMap<RuleId, Naming>,
}

impl Imagined {
    /// One pod or more for each peer that matches no pod, of rules that judge one.
    pub(crate) fn of(cluster: &Cluster) -> Self {
        naming::imagined(cluster)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pods.is_empty()
    }

    /// The pods of both, and who names them in either.
    pub(crate) fn with(&self, other: &Self) -> Self {
        let mut all = self.clone();
        all.pods.extend(other.pods.clone());
        for (name, namespace) in &other.namespaces {
            all.add_namespace(name, namespace);
        }
        for (rule, naming) in &other.rules {
            all.rules.entry(rule.clone()).or_default().extend(naming);
        }
        all
    }

    /// Its name.
    fn add_pod(&mut self, namespace: &Namespace, labels: Labels) -> ObjectName {
        let name = ObjectName::by_labels(&namespace.name, &labels);
        self.pods.insert(name.clone(), labels);
        self.add_namespace(&namespace.name, namespace);
        name
    }

    /// Labels that are asked for here and there are of one namespace as far as they have different keys.
    fn add_namespace(&mut self, name: &str, namespace: &Namespace) {
        let known = self.namespaces.entry(name.to_owned());
        let known = known.or_insert_with(|| namespace.clone());
        for (key, value) in &namespace.labels {
            let label = known.labels.entry(key.clone());
            label.or_insert_with(|| value.clone());
        }
    }

    /// Source and destination of what rules that name imagined pods judge.
    pub(crate) fn pairs(&self) -> BTreeSet<(Unit, Unit)> {
        let rules = self.rules.iter();
        rules
            .flat_map(|(rule, naming)| naming.pairs(rule.direction))
            .collect()
    }

    /// Whether a rule decides what is shown that names the imagined end of it.
    pub(crate) fn decide(&self, shown: &Shown) -> bool {
        let connections = shown.answer.connections.iter();
        let decisions = connections.flat_map(|found| [&found.egress, &found.ingress]);
        let rules = decisions.flat_map(deciding);
        let mut naming = rules.filter_map(|rule| self.rules.get(&rule));
        let ends = [&shown.query.source, &shown.query.destination];
        naming.any(|naming| ends.into_iter().any(|end| is_named(naming, end)))
    }
}

fn is_named(naming: &Naming, end: &Endpoint) -> bool {
    match end {
        Endpoint::Pod(name) => naming.pods.contains(name),
        Endpoint::Node(_) | Endpoint::Address(_) | Endpoint::Service(_) => false,
    }
}

/// Whether `unit` is an imagined pod: the names of real ones have no brackets.
pub(crate) fn is_imagined(unit: &Unit) -> bool {
    match unit {
        Unit::Workload { name, .. } => name.starts_with('['),
        Unit::Namespace(_) | Unit::Zone(_) | Unit::Nodes | Unit::Node(_) | Unit::Place(_) => false,
    }
}

/// The rules that decide, and those that pass on to the next tier.
fn deciding(decision: &DirectionDecision) -> Vec<RuleId> {
    let mut found: Vec<RuleId> = decision.passed.iter().map(RuleId::of_cluster).collect();
    match &decision.because {
        Because::ClusterRule(rule) => found.push(RuleId::of_cluster(rule)),
        Because::Rules { allowed_by } => found.extend(allowed_by.iter().map(RuleId::of)),
        Because::AddressUnknown {
            cluster_rules,
            rules,
            ..
        } => {
            found.extend(cluster_rules.iter().map(RuleId::of_cluster));
            found.extend(rules.iter().map(RuleId::of));
        }
        Because::NoSubject
        | Because::Loopback
        | Because::OwnAddress
        | Because::LocalNode { .. }
        | Because::OwnService { .. }
        | Because::NoRuleMatched { .. }
        | Because::NotIsolated
        | Because::Host(_) => {}
    }
    found
}
