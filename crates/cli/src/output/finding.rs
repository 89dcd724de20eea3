//! Something that was found in manifests, whoever found it.

use ringfence_model::{Cluster, Diagnostic, Endpoint, Query, Severity, Source};

/// The rule of findings that have none: the manifests cannot be used as they are.
pub(crate) const MANIFEST_RULE: &str = "manifest";

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The id of the rule that it is against.
    pub(crate) rule: String,
    pub(crate) level: Severity,
    pub(crate) message: String,
    pub(crate) place: Option<Source>,
    /// What to do about it.
    pub(crate) help: Option<String>,
    /// Other places that have to do with it, and how.
    pub(crate) related: Vec<Related>,
    /// Why it does not matter, if somebody said so beside it.
    pub(crate) suppressed: Option<String>,
}

/// A place that a finding refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Related {
    pub(crate) message: String,
    pub(crate) place: Source,
}

/// What a rule is about, to be told once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) id: String,
    /// The id for people, in words joined by hyphens.
    pub(crate) name: Option<String>,
    /// In one sentence.
    pub(crate) summary: String,
    /// At length, as Markdown.
    pub(crate) page: Option<String>,
    /// How bad a finding usually is.
    pub(crate) level: Severity,
}

/// Where an end of the connection is written, its destination before its source: what no rule decides is told there.
pub(crate) fn home(cluster: &Cluster, query: &Query) -> Option<Source> {
    let written = |end: &Endpoint| match end {
        Endpoint::Pod(name) => cluster.pods.get(name)?.source.clone(),
        Endpoint::Node(name) => cluster.nodes.get(name)?.source.clone(),
        Endpoint::Service(name) => cluster.services.get(name)?.source.clone(),
        Endpoint::Address(_) => None,
    };
    written(&query.destination).or_else(|| written(&query.source))
}

impl From<&Diagnostic> for Finding {
    fn from(diagnostic: &Diagnostic) -> Self {
        let location = diagnostic.location.as_ref();
        Self {
            rule: diagnostic.rule.unwrap_or(MANIFEST_RULE).to_owned(),
            level: diagnostic.severity,
            message: diagnostic.message.clone(),
            place: location.map(|location| location.source.clone()),
            help: diagnostic.help.clone(),
            related: Vec::new(),
            suppressed: None,
        }
    }
}
