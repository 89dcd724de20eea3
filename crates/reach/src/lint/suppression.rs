//! Annotations that take findings back: `ringfence.dev/ignore: "RF003: both are meant; RF025: a sandbox"`.

use std::collections::BTreeSet;

use ringfence_model::{Annotation, Diagnostic, Documents, Object, Severity, Source};

use super::{Finding, Report, Subject, Suppressed, lint};

/// The annotation of an object that suppresses findings about it: `ID: reason` or `name: reason`, several with `;` between them.
pub const IGNORE_ANNOTATION: &str = "ringfence.dev/ignore";

/// Takes back what annotations say. What is refused is refused: an annotation speaks of warnings and notes.
pub(super) fn apply(findings: Vec<Finding>, subject: &Subject<'_>) -> Report {
    let mut report = Report::default();
    let annotations = subject.documents.annotations(IGNORE_ANNOTATION);
    let (entries, malformed) = entries(&annotations);
    let mut used = BTreeSet::new();
    for finding in findings {
        match entries
            .iter()
            .position(|entry| entry.covers(&finding, subject.documents))
        {
            Some(place) => {
                used.insert(place);
                let reason = entries.get(place).map(|entry| entry.reason.to_owned());
                let reason = reason.unwrap_or_default();
                report.suppressed.push(Suppressed { finding, reason });
            }
            None => report.findings.push(finding),
        }
    }
    let unused = entries.iter().enumerate();
    let unused = unused.filter(|(place, _)| !used.contains(place));
    let unused = unused.map(|(_, entry)| entry.unused(&report.findings, subject.documents));
    let notes = unused
        .chain(malformed)
        .filter_map(|note| note.into_finding(subject.objects));
    let notes: Vec<Finding> = notes.collect();
    report.findings.extend(notes);
    report
}

/// What is to be said about an annotation.
struct Note<'a> {
    annotation: &'a Annotation,
    lint: &'static str,
    message: String,
    help: String,
}

impl Note<'_> {
    fn into_finding(self, objects: &[Object]) -> Option<Finding> {
        let lint = lint(self.lint)?;
        let is_its = |object: &&Object| object.source() == Some(&self.annotation.object);
        let diagnostic = Diagnostic {
            rule: Some(lint.id),
            path: Some(format!("metadata.annotations[{IGNORE_ANNOTATION}]")),
            location: Some(self.annotation.location.clone()),
            help: Some(self.help),
            ..Diagnostic::new(lint.severity, self.message)
        };
        Some(Finding {
            diagnostic,
            lint: Some(lint),
            object: objects.iter().find(is_its).map(Object::key),
        })
    }
}

/// One `ID: reason`.
struct Entry<'a> {
    annotation: &'a Annotation,
    id: &'a str,
    reason: &'a str,
}

fn entries(annotations: &[Annotation]) -> (Vec<Entry<'_>>, Vec<Note<'_>>) {
    let (mut entries, mut malformed) = (Vec::new(), Vec::new());
    for annotation in annotations {
        let texts = annotation.value.split(';').map(str::trim);
        for text in texts.filter(|text| !text.is_empty()) {
            match text
                .split_once(':')
                .map(|(id, reason)| (id_of(id.trim()), reason.trim()))
            {
                Some((id, reason)) if is_word(id) && !reason.is_empty() => {
                    if is_id(id) && may_be_found(id) {
                        entries.push(Entry {
                            annotation,
                            id,
                            reason,
                        });
                    } else {
                        malformed.push(no_such_id(annotation, text, id));
                    }
                }
                Some(_) | None => malformed.push(not_an_entry(annotation, text)),
            }
        }
    }
    (entries, malformed)
}

/// The id of the lint of this name, or else the text itself.
fn id_of(text: &str) -> &str {
    lint(text).map_or(text, |lint| lint.id)
}

/// What may be meant for the id or name of a lint.
fn is_word(text: &str) -> bool {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    !text.is_empty() && text.chars().all(is_part)
}

/// Letters, then a number: `RF003`, `V-11`.
fn is_id(text: &str) -> bool {
    let number = text.trim_start_matches(|letter: char| letter.is_ascii_uppercase());
    let digits = number.strip_prefix('-').unwrap_or(number);
    number.len() < text.len()
        && !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// What rules of the specification begin with.
const RULES: [&str; 9] = ["AM", "AN", "AU", "CN", "DP", "NP", "OB", "Q", "V"];

/// Whether there is a lint `id`, or a kind of rules that it may be of.
fn may_be_found(id: &str) -> bool {
    let kind = id.trim_end_matches(|letter: char| letter == '-' || letter.is_ascii_digit());
    lint(id).is_some() || RULES.contains(&kind)
}

impl Entry<'_> {
    fn covers(&self, finding: &Finding, documents: &Documents) -> bool {
        finding.diagnostic.severity < Severity::Error && self.is_about(finding, documents)
    }

    fn is_about(&self, finding: &Finding, documents: &Documents) -> bool {
        let about = || -> Option<Source> {
            let location = finding.diagnostic.location.as_ref()?;
            documents.object_at(location)
        };
        finding.id() == Some(self.id) && about().as_ref() == Some(&self.annotation.object)
    }

    /// What is to be said of one that suppresses none of `findings`.
    fn unused(&self, findings: &[Finding], documents: &Documents) -> Note<'_> {
        let Self { id, reason, .. } = self;
        let is_refused = findings.iter().any(|found| self.is_about(found, documents));
        let why = match is_refused {
            true => "for which the object is refused: an error cannot be suppressed",
            false => "which is not found here",
        };
        Note {
            annotation: self.annotation,
            lint: "RF036",
            message: format!("the annotation suppresses {id}, {why}"),
            help: format!("remove `{id}: {reason}`"),
        }
    }
}

fn not_an_entry<'a>(annotation: &'a Annotation, text: &str) -> Note<'a> {
    let help = "name one finding and say why it does not matter, such as `RF003: both are meant`";
    Note {
        annotation,
        lint: "RF035",
        message: format!("`{text}` suppresses nothing: it is not of the form `ID: reason`"),
        help: help.to_owned(),
    }
}

fn no_such_id<'a>(annotation: &'a Annotation, text: &str, id: &str) -> Note<'a> {
    Note {
        annotation,
        lint: "RF035",
        message: format!("`{text}` suppresses nothing: there is no finding `{id}`"),
        help: "`ringfence check --list` lists the ids of all lints".to_owned(),
    }
}
