//! Notes in few words: a chart may hold a hundred objects that policy does not depend on.

use std::fmt::Write as _;

use ringfence_model::{Diagnostic, Severity, Source};

use crate::paint;

/// A line for each different note, with the first place that it is about.
pub(crate) fn summary(diagnostics: &[Diagnostic]) -> String {
    let lines: Vec<String> = grouped(diagnostics).iter().map(Group::line).collect();
    lines.join("\n")
}

struct Group<'a> {
    message: &'a str,
    first: Option<&'a Source>,
    others: usize,
}

fn grouped(diagnostics: &[Diagnostic]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for note in diagnostics
        .iter()
        .filter(|found| found.severity == Severity::Note)
    {
        match groups
            .iter_mut()
            .find(|group| group.message == note.message)
        {
            Some(group) => group.others += 1,
            None => groups.push(Group {
                message: &note.message,
                first: note.location.as_ref().map(|location| &location.source),
                others: 0,
            }),
        }
    }
    groups
}

impl Group<'_> {
    fn line(&self) -> String {
        let mut line = format!("{}: {}", paint::dim("note"), self.message);
        let place = match (self.first, self.others) {
            (None, 0) => String::new(),
            (None, others) => format!(" (and {others} more)"),
            (Some(source), 0) => format!(" ({source})"),
            (Some(source), others) => format!(" ({source} and {others} more)"),
        };
        // Writing to a string cannot fail.
        let _ = write!(line, "{}", paint::dim(&place));
        line
    }
}
