//! The suggestion against the needs: its text is read again, and the engine says what it allows.

mod compare;
mod scene;

use ringfence_model::{
    Answer, Diagnostic, Documents, Input, LoadOptions, Object, ObjectName, Query, SourceMap, load,
};
use ringfence_net::ConnectionSet;
use ringfence_policy::Engine;

use super::inhabitants::Inhabitants;
use super::{NamespaceSuggestion, Need, Options, Subject};
use crate::lint;
pub(super) use scene::{Scene, ports};

/// A difference between what is needed and what the suggestion allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deviation {
    /// Which way it goes.
    pub kind: DeviationKind,
    /// Who opens the connections, as [`End`](super::End) shows it.
    pub from: String,
    /// Who accepts them.
    pub to: String,
    /// Which connections.
    pub connections: ConnectionSet,
    /// One of them, and why it may or may not be opened.
    pub witness: Option<(Query, Answer)>,
}

/// Which way a [`Deviation`] goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeviationKind {
    /// Needed, and not allowed.
    Missing,
    /// Needed, and not known to be allowed: that depends on an address that nobody tells (rule AM-22).
    Unknown,
    /// Allowed, and not needed.
    Excess,
}

/// What is known about a suggestion.
pub(super) struct Proof {
    pub(super) deviations: Vec<Deviation>,
    /// How many more there are.
    pub(super) further: usize,
    pub(super) diagnostics: Vec<Diagnostic>,
    /// The cluster with the suggestion.
    pub(super) engine: Engine,
}

/// Reads the suggestion again, and compares what it allows with `needs`.
pub(super) fn prove(
    subject: &Subject<'_>,
    inhabitants: &Inhabitants<'_>,
    needs: &[Need],
    namespaces: &[NamespaceSuggestion],
    options: &Options,
) -> Proof {
    let inputs: Vec<Input> = namespaces.iter().map(input).collect();
    let loaded = load(&inputs, &LoadOptions::default());
    let mut cluster = subject.engine.cluster().clone();
    let mut objects: Vec<Object> = subject.objects.to_vec();
    if !options.keep {
        let stays = |policy: &ObjectName| !inhabitants.is_managed(&policy.namespace);
        cluster.network_policies.retain(|name, _| stays(name));
        objects.retain(
            |object| !matches!(object, Object::NetworkPolicy(policy) if !stays(&policy.name)),
        );
    }
    for object in &loaded.objects {
        if let Object::NetworkPolicy(policy) = object {
            cluster
                .network_policies
                .insert(policy.name.clone(), policy.clone());
        }
    }
    objects.extend(loaded.objects);
    let scene = Scene::set(&mut cluster, inhabitants, needs);
    let engine = Engine::new(cluster);
    let (deviations, further) = compare::compare(&engine, &scene, inhabitants, needs);
    let mut diagnostics = loaded.diagnostics;
    diagnostics.extend(lints(subject, &engine, &objects, &inputs));
    Proof {
        deviations,
        further,
        diagnostics,
        engine,
    }
}

/// The suggestion of a namespace as a file. Its name is none that a file can have.
fn input(found: &NamespaceSuggestion) -> Input {
    Input {
        name: format!("<suggestion for {}>", found.namespace),
        text: found.text.clone(),
    }
}

/// The errors that `check` finds in the suggestion.
fn lints(
    subject: &Subject<'_>,
    engine: &Engine,
    objects: &[Object],
    inputs: &[Input],
) -> Vec<Diagnostic> {
    let mut sources: SourceMap = subject.sources.clone();
    for input in inputs {
        sources.insert(input.name.as_str(), input.text.as_str());
    }
    let documents = Documents::new(&sources);
    let report = lint::check(&lint::Subject {
        engine,
        objects,
        documents: &documents,
        diagnostics: &[],
        // It matters to warnings alone.
        default_namespace: "",
    });
    let found = report
        .findings
        .into_iter()
        .map(|finding| finding.diagnostic);
    let suggested = |diagnostic: &Diagnostic| {
        let file = diagnostic
            .location
            .as_ref()
            .map(|location| &location.source.file);
        file.is_some_and(|file| inputs.iter().any(|input| *input.name == **file))
    };
    found
        .filter(|diagnostic| diagnostic.is_error() && suggested(diagnostic))
        .collect()
}
