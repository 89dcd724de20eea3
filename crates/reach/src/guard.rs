//! The guard of the instance metadata service: which policies keep pods from it, and whether they do.
//!
//! A guard is ordinary ClusterNetworkPolicies of the Admin tier, so that explanations, matrices and nodes need to know
//! nothing new. [`Guard::yaml`] writes them, [`prove`] asks the engine about every pod of a cluster that has them.

mod addresses;
mod policies;
mod proof;
#[cfg(test)]
mod tests;

use std::fmt;

use ringfence_model::{LabelSelector, Pod, Requirement, SelectorOperator};

pub use addresses::{ADDRESSES, MetadataAddress};
pub use proof::{Open, Proof, prove};

/// What the names of a guard's policies begin with.
pub const NAME: &str = "guard-metadata";

/// Most grants: each is a policy with a priority of its own, and there are priorities from 0 to 1000.
pub const MOST_GRANTS: usize = 200;

/// Policies that keep every pod from the metadata addresses of clouds, but those that are granted them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    /// Who is left to NetworkPolicy.
    pub grants: Vec<Grant>,
    /// Priority of the first policy; each has one more than the one before. Whatever comes earlier in the Admin tier
    /// is asked before the guard (rule CN-21).
    pub priority: u16,
}

/// Pods for which the guard decides nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Their namespace.
    pub namespace: String,
    /// Which of its pods; an empty selector is all.
    pub pods: LabelSelector,
}

impl Grant {
    /// Whether `pod` is granted.
    #[must_use]
    pub fn covers(&self, pod: &Pod) -> bool {
        pod.name.namespace == self.namespace && self.pods.matches(&pod.labels)
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let equal = self.pods.match_labels.iter();
        let equal = equal.map(|(key, value)| format!("{key}={value}"));
        let others = self.pods.match_expressions.iter().map(written);
        let parts: Vec<String> = equal.chain(others).collect();
        if parts.is_empty() {
            return f.write_str(&self.namespace);
        }
        write!(f, "{}/[{}]", self.namespace, parts.join(","))
    }
}

fn written(requirement: &Requirement) -> String {
    let (key, values) = (&requirement.key, requirement.values.join("|"));
    match requirement.operator {
        SelectorOperator::In => format!("{key}={values}"),
        SelectorOperator::NotIn => format!("{key}!={values}"),
        SelectorOperator::Exists => key.clone(),
        SelectorOperator::DoesNotExist => format!("!{key}"),
    }
}
