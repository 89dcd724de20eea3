//! What becomes of the input.

use std::collections::BTreeSet;

use ringfence_model::{
    ClusterPolicy, Diagnostic, Input, LoadOptions, NetworkPolicy, Severity, Source, SourceMap, load,
};

use crate::input::Given;
use crate::write;
use crate::written::Written;

/// The result of a conversion.
#[derive(Clone, Debug, Default)]
pub struct Conversion {
    /// How many objects of a known dialect there were, whatever became of them.
    pub read: usize,
    /// The policies: those of the whole cluster in order of priority, then those of namespaces.
    pub objects: Vec<Converted>,
    /// What has no equivalent, in order of appearance. While there is any, `objects` do not say what the input says.
    pub refusals: Vec<Refusal>,
    /// What else the reader may want to know: kinds left aside, and what holds for the given namespaces alone.
    pub notes: Vec<Diagnostic>,
    /// The texts, to quote from.
    pub sources: SourceMap,
    names: BTreeSet<(String, String)>,
}

/// One policy of Kubernetes, and what it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Converted {
    /// The policy.
    pub policy: KubernetesPolicy,
    /// The object that it says a part of, or all.
    pub origin: Origin,
}

/// A policy that Kubernetes knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KubernetesPolicy {
    /// A NetworkPolicy of `networking.k8s.io/v1`.
    Network(NetworkPolicy),
    /// A ClusterNetworkPolicy of `policy.networking.k8s.io/v1alpha2`.
    Cluster(ClusterPolicy),
}

/// An object of the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Its kind, namespace and name: `GlobalNetworkPolicy/default-deny`, `NetworkPolicy/shop/web`.
    pub object: String,
    /// Where it was written.
    pub source: Source,
}

/// An object that is not converted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The object.
    pub origin: Origin,
    /// Why, once for each field that has no equivalent; never empty.
    pub reasons: Vec<Diagnostic>,
}

impl Converted {
    /// The policy as one YAML document, with a comment that says where it came from.
    #[must_use]
    pub fn yaml(&self) -> String {
        let Origin { object, source } = &self.origin;
        let manifest = write::yaml(&self.json());
        format!(
            "# From {object}, {}:{}\n{manifest}",
            source.file, source.line
        )
    }

    /// The policy as a JSON value.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        match &self.policy {
            KubernetesPolicy::Network(policy) => write::network_policy(policy),
            KubernetesPolicy::Cluster(policy) => write::cluster_policy(policy),
        }
    }
}

impl Conversion {
    /// A name for an object in `namespace` (empty for one of the cluster) that nothing else has.
    pub(crate) fn name(&mut self, namespace: &str, wanted: &str) -> String {
        let mut name = wanted.to_owned();
        let mut count = 1_usize;
        while !self.names.insert((namespace.to_owned(), name.clone())) {
            count += 1;
            name = format!("{wanted}-{count}");
        }
        name
    }

    /// Says that `written` is not converted, and `why` that changes no meaning.
    pub(crate) fn leave_aside(&mut self, written: &Written, why: &str, given: &Given<'_>) {
        let mut note = Diagnostic::new(Severity::Note, format!("{} {why}", name_of(written)));
        note.location = given.documents.locate(&written.source, "kind");
        self.notes.push(note);
    }

    /// Keeps the names of policies that are in the input already.
    pub(crate) fn reserve(&mut self, given: &Given<'_>) {
        for policy in &given.network_policies {
            let name = &policy.name;
            self.names
                .insert((name.namespace.clone(), name.name.clone()));
        }
        for policy in &given.cluster_policies {
            self.names.insert((String::new(), policy.name.name.clone()));
        }
    }

    /// Leaves out what came of refused objects, and gathers the reasons.
    pub(crate) fn finish(&mut self, given: &Given<'_>) {
        let refused = |source: &Source| {
            let mut foreign = given.foreign.iter();
            foreign.any(|written| written.source == *source && written.is_refused())
        };
        self.read = given.foreign.len();
        self.check(given);
        self.objects
            .retain(|object| !refused(&object.origin.source));
        let refused = given.foreign.iter().filter(|written| written.is_refused());
        let refusal = |written: &Written| Refusal {
            origin: origin(written),
            reasons: written.located(&given.documents),
        };
        self.refusals = refused.map(refusal).collect();
        let converted = given.foreign.iter().filter(|written| !written.is_refused());
        self.notes
            .extend(converted.flat_map(|written| remarks(written, given)));
        self.sources = given.sources.clone();
    }

    /// Refuses what became an object that Kubernetes would refuse.
    fn check(&self, given: &Given<'_>) {
        for object in &self.objects {
            let input = Input {
                name: String::new(),
                text: object.yaml(),
            };
            let loaded = load(&[input], &LoadOptions::default());
            let source = &object.origin.source;
            let Some(written) = given
                .foreign
                .iter()
                .find(|written| written.source == *source)
            else {
                continue;
            };
            for found in loaded.diagnostics.iter().filter(|found| found.is_error()) {
                let why = format!(
                    "becomes a policy that Kubernetes refuses: {}",
                    found.message
                );
                let instead = "correct the field that this came from";
                written
                    .root()
                    .refuse(&why, found.help.as_deref().unwrap_or(instead));
            }
        }
    }
}

/// What is to be said of a converted object, with its name.
fn remarks(written: &Written, given: &Given<'_>) -> Vec<Diagnostic> {
    let name = name_of(written);
    let remarks = written.remarked(&given.documents).into_iter();
    let named = remarks.map(|remark| Diagnostic {
        message: format!("{name}: {}", remark.message),
        ..remark
    });
    named.collect()
}

pub(crate) fn origin(written: &Written) -> Origin {
    Origin {
        object: name_of(written),
        source: written.source.clone(),
    }
}

/// Kind, namespace and name, as far as they are written.
pub(crate) fn name_of(written: &Written) -> String {
    let (kind, _) = written.type_of();
    let parts = [
        kind,
        written.metadata("namespace"),
        written.metadata("name"),
    ];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("/")
}
