//! Annotations that accept findings: `ringfence.dev/accept: "RA04: it reads the host's counters"`.

use std::collections::BTreeMap;

use ringfence_model::{Annotation, Diagnostic, Documents, Severity, Source};

use super::{ACCEPT_ANNOTATION, Accepted, Finding, Measured, Principle};

/// What annotations say, by the object that carries them.
#[derive(Debug, Default)]
pub(super) struct Acceptances {
    entries: BTreeMap<(Source, Principle), Entry>,
    malformed: Vec<Diagnostic>,
}

#[derive(Debug)]
struct Entry {
    accepted: Accepted,
    annotation: Annotation,
}

impl Acceptances {
    pub(super) fn of(documents: &Documents) -> Self {
        let mut all = Self::default();
        for annotation in documents.annotations(ACCEPT_ANNOTATION) {
            let texts = annotation.value.split(';').map(str::trim);
            for text in texts.filter(|text| !text.is_empty()) {
                match acceptance(text) {
                    Some((principle, accepted)) => {
                        let key = (annotation.object.clone(), principle);
                        let annotation = annotation.clone();
                        let entry = Entry {
                            accepted,
                            annotation,
                        };
                        all.entries.insert(key, entry);
                    }
                    None => all.malformed.push(not_one(&annotation, text)),
                }
            }
        }
        all
    }

    /// Why the object at `source` is as it is in view of `principle`.
    pub(super) fn get(&self, source: Option<&Source>, principle: Principle) -> Option<Accepted> {
        let entry = self.entries.get(&(source?.clone(), principle))?;
        Some(entry.accepted.clone())
    }

    /// What is said and means nothing, in order of file and line.
    pub(super) fn notes(self, principles: &[Measured]) -> Vec<Diagnostic> {
        let findings = || principles.iter().flat_map(|found| &found.findings);
        let is_used = |(source, principle): &(Source, Principle)| {
            let is_it = |found: &Finding| {
                found.source.as_ref() == Some(source) && found.principle == *principle
            };
            findings().any(is_it)
        };
        let entries = self.entries.into_iter();
        let unused = entries.filter(|(key, _)| !is_used(key));
        let unused = unused.map(|((_, principle), entry)| not_found(&entry.annotation, principle));
        let mut notes: Vec<Diagnostic> = self.malformed.into_iter().chain(unused).collect();
        notes.sort_by(|a, b| place(a).cmp(&place(b)));
        notes
    }
}

fn place(note: &Diagnostic) -> impl Ord + '_ {
    let location = note.location.as_ref();
    (location.map(|location| &location.source), &note.message)
}

fn note(annotation: &Annotation, message: String, help: &str) -> Diagnostic {
    Diagnostic {
        location: Some(annotation.location.clone()),
        path: Some(format!("metadata.annotations[{ACCEPT_ANNOTATION}]")),
        ..Diagnostic::new(Severity::Warning, message).with_help(help)
    }
}

fn not_one(annotation: &Annotation, text: &str) -> Diagnostic {
    let message = format!("`{text}` accepts nothing: it is not of the form `ID: reason`");
    let help = "name one principle and say why, such as `RA04: it reads the host's counters`";
    note(annotation, message, help)
}

fn not_found(annotation: &Annotation, principle: Principle) -> Diagnostic {
    let id = principle.about().id;
    let message = format!("the annotation accepts {id}, which is not found here");
    note(
        annotation,
        message,
        "remove what nothing has to be accepted for",
    )
}

fn acceptance(text: &str) -> Option<(Principle, Accepted)> {
    let (id, reason) = text.split_once(':')?;
    let principle = Principle::named(id.trim())?;
    let reason = reason.trim();
    let accepted = Accepted {
        reason: reason.to_owned(),
    };
    (!reason.is_empty()).then_some((principle, accepted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acceptance_names_a_principle_and_a_reason() {
        let (principle, accepted) = acceptance(" RA04: counts packets: all of them ").unwrap();
        assert_eq!(principle, Principle::HostNetwork);
        assert_eq!(accepted.reason, "counts packets: all of them");
        for text in [
            "RA04",
            "RA04:",
            "RA04:  ",
            "RA99: no such principle",
            "*: all",
        ] {
            assert!(acceptance(text).is_none(), "{text}");
        }
    }
}
