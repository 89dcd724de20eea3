//! Problems of the input, with the place they were found at.

mod render;
mod sources;

use std::fmt;
use std::ops::Range;

use serde::Serialize;

use crate::Source;

pub use render::RenderStyle;
pub use sources::SourceMap;

/// How bad a [`Diagnostic`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something was left aside that ringfence does not judge.
    Note,
    /// The object is used, and probably means something else than its author thinks.
    Warning,
    /// The object is refused.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// A place in the input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Location {
    /// File, line and column of its first character.
    #[serde(flatten)]
    pub source: Source,
    /// Its bytes in the file.
    pub bytes: Range<usize>,
}

/// One problem of the input: what is wrong, where, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// The rule of the specification that it breaks, such as `V-11`.
    pub rule: Option<&'static str>,
    /// What is wrong; begins with the path where there is one, as the API server writes it.
    pub message: String,
    /// The field, such as `spec.ingress[0].from[1].ipBlock.cidr`.
    pub path: Option<String>,
    /// Where it was written.
    pub location: Option<Location>,
    /// A few words for the caret under the source line.
    pub label: Option<String>,
    /// What to do about it.
    pub help: Option<String>,
}

/// The end of what is said of an object of a kind that is not known.
pub(crate) const UNKNOWN_KIND: &str = "is not known here, and left aside";

/// The end of what is said of one whose pod template cannot be used.
pub(crate) const UNJUDGED: &str = "its pods are not judged";

impl Diagnostic {
    /// Whether it says that an object was left aside because its kind is not known: what it does is not judged
    /// (rule OB-1).
    #[must_use]
    pub fn is_unknown_kind(&self) -> bool {
        self.severity == Severity::Note
            && (self.message.ends_with(UNKNOWN_KIND) || self.message.ends_with(UNJUDGED))
    }

    /// A diagnostic without place.
    #[must_use]
    pub fn new(severity: Severity, message: impl Into<String>) -> Self {
        Self {
            severity,
            rule: None,
            message: message.into(),
            path: None,
            location: None,
            label: None,
            help: None,
        }
    }

    /// Names the rule of the specification.
    #[must_use]
    pub fn with_rule(self, rule: &'static str) -> Self {
        Self {
            rule: Some(rule),
            ..self
        }
    }

    /// Says what to do about it.
    #[must_use]
    pub fn with_help(self, help: impl Into<String>) -> Self {
        Self {
            help: Some(help.into()),
            ..self
        }
    }

    /// Names the place. The bytes are unknown, so the whole line is shown.
    #[must_use]
    pub fn with_source(self, source: Option<Source>) -> Self {
        Self {
            location: source.map(|source| Location {
                source,
                bytes: 0..0,
            }),
            ..self
        }
    }

    /// Whether the object it is about is refused.
    #[must_use]
    pub const fn is_error(&self) -> bool {
        matches!(self.severity, Severity::Error)
    }
}

/// One line: place, severity, rule and message, as compilers print them for other programs.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(location) = &self.location {
            write!(f, "{}: ", location.source)?;
        }
        match self.rule {
            Some(rule) => write!(f, "{}[{rule}]: {}", self.severity, self.message),
            None => write!(f, "{}: {}", self.severity, self.message),
        }
    }
}
