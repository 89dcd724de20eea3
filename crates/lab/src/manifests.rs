//! Reading manifests for a lab: the same checks before it starts and when it changes.

use ringfence_model::{
    Diagnostic, Input, LoadOptions, Object, RenderStyle, Severity, Source, SourceMap,
};

use crate::cluster::system;

/// The objects of manifests that can be used.
#[derive(Clone, Debug, Default)]
pub struct Manifests {
    /// In order of appearance.
    pub objects: Vec<Object>,
    /// What their author may want to know, ready to print.
    pub warnings: Vec<String>,
    /// The texts, to quote from.
    pub sources: SourceMap,
}

/// Manifests that cannot be used: every reason, with its place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the manifests cannot be used; nothing was changed\n{}", .0.join("\n\n"))]
pub struct Refused(pub Vec<String>);

impl Refused {
    /// Refuses if there are `refusals`, quoting `sources`.
    ///
    /// # Errors
    /// Itself, with all of them.
    pub fn unless_empty(refusals: Vec<Refusal>, sources: &SourceMap) -> Result<(), Self> {
        if refusals.is_empty() {
            return Ok(());
        }
        let texts = refusals
            .into_iter()
            .map(|refusal| refusal.diagnostic().render(sources, RenderStyle::Plain));
        Err(Self(texts.collect()))
    }
}

/// Something asked for that this lab cannot have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    message: String,
    source: Option<Source>,
}

impl Refusal {
    /// Refuses with `message` what was asked for at `source`.
    #[must_use]
    pub fn new(message: String, source: Option<&Source>) -> Self {
        Self {
            message,
            source: source.cloned(),
        }
    }

    fn diagnostic(self) -> Diagnostic {
        Diagnostic::new(Severity::Error, self.message).with_source(self.source)
    }
}

/// Reads `inputs`; objects without namespace get `namespace`.
///
/// # Errors
/// [`Refused`], with all that is wrong.
pub fn load(inputs: &[Input], namespace: &str) -> Result<Manifests, Refused> {
    let options = LoadOptions {
        default_namespace: namespace.to_owned(),
    };
    let loaded = ringfence_model::load(inputs, &options);
    let (mut errors, warnings): (Vec<_>, Vec<_>) = loaded
        .diagnostics
        .into_iter()
        .partition(Diagnostic::is_error);
    errors.extend(
        loaded
            .objects
            .iter()
            .filter_map(not_in_a_lab)
            .map(Refusal::diagnostic),
    );
    let render = |diagnostics: Vec<Diagnostic>| -> Vec<String> {
        let lines = diagnostics.iter();
        lines
            .map(|diagnostic| diagnostic.render(&loaded.sources, RenderStyle::Plain))
            .collect()
    };
    if errors.is_empty() {
        Ok(Manifests {
            objects: loaded.objects,
            warnings: render(warnings),
            sources: loaded.sources,
        })
    } else {
        Err(Refused(render(errors)))
    }
}

fn not_in_a_lab(object: &Object) -> Option<Refusal> {
    let key = object.key();
    let message = if matches!(object, Object::Node(_) | Object::KindCluster(_)) {
        format!(
            "{key}: nodes of a lab come from its kind configuration: ringfence lab up --config FILE"
        )
    } else if system::is_own(&key) {
        format!("{key} is made by the lab itself; choose another name")
    } else {
        return None;
    };
    Some(Refusal::new(message, object.source()))
}
