//! Collects the problems of one input.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Location, Severity};
use crate::view::Path;
use crate::yaml::{Span, YamlError};
use crate::{Source, UnknownFields};

/// The problems found so far in one file.
#[derive(Debug)]
pub(crate) struct Report {
    file: Arc<str>,
    text: Arc<str>,
    pub(crate) diagnostics: Vec<Diagnostic>,
    errors: usize,
    /// How many of these are about fields that are not known.
    refused_fields: usize,
    /// The mappings of the object at hand with a field that is not known: it may be the one that they lack.
    misspelt_in: BTreeSet<String>,
    unknown_fields: UnknownFields,
}

/// One problem, on its way into a [`Report`].
#[derive(Debug)]
pub(crate) struct Problem {
    span: Span,
    diagnostic: Diagnostic,
}

impl Problem {
    /// An error at `path`, whose message begins with it.
    pub(crate) fn new(
        rule: &'static str,
        path: &Path<'_>,
        span: Span,
        message: impl AsRef<str>,
    ) -> Self {
        let message = format!("{path}: {}", message.as_ref());
        Self::bare(rule, path, span, message)
    }

    /// An error at `path`, whose message stands alone.
    pub(crate) fn bare(
        rule: &'static str,
        path: &Path<'_>,
        span: Span,
        message: impl Into<String>,
    ) -> Self {
        let diagnostic = Diagnostic {
            rule: Some(rule),
            path: Some(path.to_string()).filter(|path| !path.is_empty()),
            ..Diagnostic::new(Severity::Error, message)
        };
        Self { span, diagnostic }
    }

    pub(crate) fn with_severity(mut self, severity: Severity) -> Self {
        self.diagnostic.severity = severity;
        self
    }

    pub(crate) fn with_label(mut self, label: impl Into<String>) -> Self {
        self.diagnostic.label = Some(label.into());
        self
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.diagnostic.help = Some(help.into());
        self
    }
}

impl Report {
    pub(crate) fn new(file: &str, text: &str) -> Self {
        Self {
            file: file.into(),
            text: text.into(),
            diagnostics: Vec::new(),
            errors: 0,
            refused_fields: 0,
            misspelt_in: BTreeSet::new(),
            unknown_fields: UnknownFields::Refuse,
        }
    }

    pub(crate) fn with_unknown_fields(self, unknown_fields: UnknownFields) -> Self {
        Self {
            unknown_fields,
            ..self
        }
    }

    /// One for the same text, without its problems: for what may turn out to be nothing of ours.
    pub(crate) fn aside(&self) -> Self {
        Self {
            file: Arc::clone(&self.file),
            text: Arc::clone(&self.text),
            diagnostics: Vec::new(),
            errors: 0,
            refused_fields: 0,
            misspelt_in: BTreeSet::new(),
            unknown_fields: UnknownFields::Ignore,
        }
    }

    /// A new object is looked at.
    pub(crate) fn begin_object(&mut self) {
        self.misspelt_in.clear();
    }

    /// Adds a problem with a field of the mapping at `parent` that is not known.
    pub(crate) fn add_unknown_field(&mut self, parent: &Path<'_>, problem: Problem) {
        match self.unknown_fields {
            UnknownFields::Refuse => {
                self.refused_fields += 1;
                self.misspelt_in.insert(parent.to_string());
                self.add(problem);
            }
            UnknownFields::Warn => self.add(problem.with_severity(Severity::Warning)),
            UnknownFields::Ignore => {}
        }
    }

    /// Adds the problem that something is missing, unless a field that is not known may have been meant.
    pub(crate) fn add_missing(&mut self, problem: Problem) {
        let at = problem.diagnostic.path.as_deref().unwrap_or_default();
        let parent = at.rsplit_once('.').map_or("", |(parent, _)| parent);
        if !self.misspelt_in.contains(at) && !self.misspelt_in.contains(parent) {
            self.add(problem);
        }
    }

    pub(crate) fn add(&mut self, problem: Problem) {
        let location = self.location(problem.span);
        self.errors += usize::from(problem.diagnostic.is_error());
        self.diagnostics.push(Diagnostic {
            location,
            ..problem.diagnostic
        });
    }

    pub(crate) fn add_yaml_error(&mut self, error: YamlError) {
        self.errors += 1;
        let template = self.line_at(error.span).contains("{{").then(|| {
            "this looks like a template: render it first, for example with `helm template`"
                .to_owned()
        });
        self.diagnostics.push(Diagnostic {
            rule: error.rule,
            location: self.location(error.span),
            help: error.help.or(template),
            ..Diagnostic::new(Severity::Error, error.message)
        });
    }

    /// The place of `span` for the objects; `None` for a value that was not read from a text.
    pub(crate) fn source(&self, span: Span) -> Option<Source> {
        (span != Span::NOWHERE).then(|| Source {
            file: Arc::clone(&self.file),
            line: span.line,
            column: span.column,
        })
    }

    /// The place of `span` with its bytes; `None` for a value that was not read from a text.
    pub(crate) fn location(&self, span: Span) -> Option<Location> {
        Some(Location {
            source: self.source(span)?,
            bytes: span.bytes(),
        })
    }

    /// What stands at `span`, for messages.
    pub(crate) fn quoted(&self, span: Span) -> String {
        self.text
            .get(span.bytes())
            .unwrap_or_default()
            .lines()
            .next()
            .unwrap_or_default()
            .trim_end()
            .to_owned()
    }

    /// The line that `span` begins in.
    fn line_at(&self, span: Span) -> &str {
        let before = self.text.get(..span.start).unwrap_or_default();
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let line = self.text.get(start..).unwrap_or_default().lines().next();
        line.unwrap_or_default()
    }

    /// How many errors there are.
    pub(crate) const fn errors(&self) -> usize {
        self.errors
    }

    /// How many there are that leave an object's fields unreadable: what is not known hides nothing that is.
    pub(crate) const fn errors_in_fields(&self) -> usize {
        self.errors - self.refused_fields
    }

    pub(crate) const fn file(&self) -> &Arc<str> {
        &self.file
    }

    pub(crate) const fn text(&self) -> &Arc<str> {
        &self.text
    }
}
