use ringfence_model::{Diagnostic, ObjectKey};

use super::Lint;

/// One thing that is wrong with the manifests: refused by validation, or found by a lint.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What, where, how bad, and what to do about it. Its rule is the lint's id, or a rule of the specification.
    pub diagnostic: Diagnostic,
    /// The lint; `None` for what validation and assembly say.
    pub lint: Option<&'static Lint>,
    /// The object that it is about, where that is known.
    pub object: Option<ObjectKey>,
}

impl Finding {
    /// The id to select or suppress it by, such as `RF003` or `V-11`.
    #[must_use]
    pub const fn id(&self) -> Option<&'static str> {
        self.diagnostic.rule
    }

    pub(super) fn order(&self) -> impl Ord + '_ {
        let Diagnostic {
            location,
            rule,
            path,
            message,
            ..
        } = &self.diagnostic;
        let place = location.as_ref().map(|location| &location.source);
        (place, rule, &self.object, path, message)
    }
}

impl From<Diagnostic> for Finding {
    fn from(diagnostic: Diagnostic) -> Self {
        Self {
            diagnostic,
            lint: None,
            object: None,
        }
    }
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// In order of file and line; those without a place come first.
    pub findings: Vec<Finding>,
    /// Those that an annotation takes back, in the same order.
    pub suppressed: Vec<Suppressed>,
}

/// A finding that its object's annotation takes back.
#[derive(Clone, Debug)]
pub struct Suppressed {
    /// The finding.
    pub finding: Finding,
    /// Why it does not matter, as the annotation says.
    pub reason: String,
}
