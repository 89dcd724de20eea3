//! Findings for people: each with the line it is about, then how many there are.

use ringfence_model::{Diagnostic, RenderStyle, Severity};
use ringfence_reach::lint::{Finding, Report};

use crate::inputs::manifests::{LoadedManifests, note_summary};
use crate::output::answer::say_line;
use crate::paint;

pub(super) fn print(report: &Report, loaded: &LoadedManifests, show_suppressed: bool) {
    let mut parts = Vec::new();
    parts.extend(quoted(report, loaded));
    parts.extend(Some(left_aside(report)).filter(|text| !text.is_empty()));
    if show_suppressed && !report.suppressed.is_empty() {
        parts.push(suppressed(report));
    }
    parts.push(summary(report, loaded));
    say_line!("{}", parts.join("\n\n"));
}

/// What is wrong, with the lines of the manifests.
fn quoted(report: &Report, loaded: &LoadedManifests) -> Vec<String> {
    let findings = report
        .findings
        .iter()
        .filter(|finding| !is_left_aside(finding));
    let rendered = findings.map(|finding| {
        let diagnostic = &finding.diagnostic;
        diagnostic.render(&loaded.sources, RenderStyle::Colored)
    });
    rendered.collect()
}

/// Notes of what was read and not used, a line for each sort.
fn left_aside(report: &Report) -> String {
    let notes = report
        .findings
        .iter()
        .filter(|finding| is_left_aside(finding));
    let notes: Vec<Diagnostic> = notes.map(|finding| finding.diagnostic.clone()).collect();
    note_summary(&notes)
}

fn is_left_aside(finding: &Finding) -> bool {
    finding.lint.is_none() && finding.diagnostic.severity == Severity::Note
}

fn suppressed(report: &Report) -> String {
    let lines = report.suppressed.iter().map(|one| {
        let reason = paint::dim(&format!("suppressed: {}", one.reason));
        format!("{}\n  {reason}", one.finding.diagnostic)
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn summary(report: &Report, loaded: &LoadedManifests) -> String {
    let counts = Counts::of(report);
    let objects = counted(loaded.objects.len(), "object");
    let found = counts.in_words();
    if found.is_empty() {
        let suppressed = counts.suppressed_in_words();
        return format!("{} in {objects}{suppressed}", paint::good("nothing found"));
    }
    let mut text = match loaded.objects.len() {
        0 if counts.errors > 0 => format!("{found}, and no object that could be used"),
        _ => format!("{found} in {objects}"),
    };
    text.push_str(&counts.suppressed_in_words());
    let first = report.findings.iter().find_map(|finding| finding.lint);
    if let Some(lint) = first {
        let more = format!(
            "`ringfence check --explain {}` says more about a finding",
            lint.id
        );
        text = format!("{text}\n{}", paint::dim(&more));
    }
    text
}

/// How many findings there are.
pub(super) struct Counts {
    pub(super) errors: usize,
    pub(super) warnings: usize,
    pub(super) notes: usize,
    pub(super) suppressed: usize,
}

impl Counts {
    pub(super) fn of(report: &Report) -> Self {
        let of = |severity: Severity| {
            let findings = report.findings.iter();
            findings
                .filter(|finding| finding.diagnostic.severity == severity)
                .count()
        };
        Self {
            errors: of(Severity::Error),
            warnings: of(Severity::Warning),
            notes: of(Severity::Note),
            suppressed: report.suppressed.len(),
        }
    }

    /// `1 error, 2 warnings, 1 note`; empty if there is nothing.
    pub(super) fn in_words(&self) -> String {
        let all = [
            (self.errors, "error"),
            (self.warnings, "warning"),
            (self.notes, "note"),
        ];
        let some = all.into_iter().filter(|(number, _)| *number > 0);
        let words = some.map(|(number, word)| counted(number, word));
        words.collect::<Vec<_>>().join(", ")
    }

    fn suppressed_in_words(&self) -> String {
        match self.suppressed {
            0 => String::new(),
            number => format!(", {number} suppressed"),
        }
    }
}

fn counted(number: usize, word: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {word}{plural}")
}
