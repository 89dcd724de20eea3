//! The least policies for what manifests show is needed.
//!
//! What workloads need is read out of their manifests: addresses in variables, arguments and configuration that lead
//! to Services, Ingresses and webhooks, Services that are open to the outside, accounts with rights at the API server.
//! From that come a default deny for each namespace and one policy for each workload, written as YAML, read again,
//! and compared with the needs by the engine. Start with [`suggest`].

mod draft;
mod facts;
mod gather;
mod inhabitants;
mod need;
mod open;
mod options;
mod proof;
mod resolve;
mod selection;
mod text;
mod yaml;

use ringfence_model::{Diagnostic, Documents, Object, ObjectName, SourceMap};
use ringfence_policy::Engine;

pub use draft::{Draft, DraftPeer, DraftRule};
pub use need::{End, Evidence, Need, NeededPort, Unresolved};
pub use open::Pairs;
pub use options::{IngressFrom, Options};
pub use proof::{Deviation, DeviationKind};

use gather::Gathered;
use inhabitants::Inhabitants;

/// What there is to look at.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The cluster that the manifests describe.
    pub engine: &'a Engine,
    /// The objects it was put together from.
    pub objects: &'a [Object],
    /// The manifests as they were written.
    pub sources: &'a SourceMap,
}

/// What is suggested, and what is known about it.
#[derive(Clone, Debug)]
pub struct Suggestion {
    /// The policies, namespace by namespace; nothing for a namespace whose own policies do already.
    pub namespaces: Vec<NamespaceSuggestion>,
    /// What workloads need, in order.
    pub needs: Vec<Need>,
    /// What a human has to decide, in order.
    pub unresolved: Vec<Unresolved>,
    /// Services that nothing in the manifests leads to, in order: their users are elsewhere, or nobody needs them.
    pub idle: Vec<ObjectName>,
    /// Where the policies and the needs differ, in order; none is the rule.
    pub deviations: Vec<Deviation>,
    /// How many more differences there are than are listed.
    pub further: usize,
    /// Errors in the suggested text, and what is malformed in the manifests that it was read from.
    pub diagnostics: Vec<Diagnostic>,
    /// How much is open as the manifests stand.
    pub before: Pairs,
    /// How much is open with the suggestion.
    pub after: Pairs,
}

/// The policies of one namespace.
#[derive(Clone, Debug)]
pub struct NamespaceSuggestion {
    /// The namespace.
    pub namespace: String,
    /// Its policies, the default deny first.
    pub policies: Vec<Draft>,
    /// They as YAML, with their evidence as comments.
    pub text: String,
}

impl Suggestion {
    /// Whether nothing is left for a human to decide, and the policies allow exactly what is needed.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.unresolved.is_empty() && self.deviations.is_empty() && self.diagnostics.is_empty()
    }

    /// Whether something of it depends on an address that nobody tells (rule AM-22).
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        let mut kinds = self.deviations.iter().map(|deviation| deviation.kind);
        self.before.unknown + self.after.unknown > 0
            || kinds.any(|kind| kind == DeviationKind::Unknown)
    }
}

/// The least policies for what `subject` needs.
#[must_use]
pub fn suggest(subject: &Subject<'_>, options: &Options) -> Suggestion {
    let documents = Documents::new(subject.sources);
    let inhabitants = Inhabitants::of(subject.engine.cluster(), options);
    let Gathered {
        needs,
        mut unresolved,
        mut diagnostics,
        idle,
    } = gather::gather(subject, &documents, &inhabitants, options);
    let existing = options.keep.then(|| subject.engine.cluster());
    let drafted = draft::drafts(&needs, &inhabitants, existing);
    unresolved.extend(drafted.unresolved);
    unresolved.sort();
    unresolved.dedup();
    let namespaces = yaml::by_namespace(drafted.policies, &unresolved);
    let proof = proof::prove(subject, &inhabitants, &needs, &namespaces, options);
    diagnostics.extend(proof.diagnostics);
    Suggestion {
        needs,
        unresolved,
        idle,
        deviations: proof.deviations,
        further: proof.further,
        diagnostics,
        before: open::pairs(subject.engine, &inhabitants),
        after: open::pairs(&proof.engine, &inhabitants),
        namespaces,
    }
}
