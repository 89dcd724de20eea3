//! An audit for people.

use std::fmt::Write as _;

use ringfence_reach::audit::{Finding, Gap, GapKind, Measured, Severity, Shown};

use super::arguments::AuditArguments;
use super::{Health, Report, score, words};
use crate::commands::matrix::view::flow;
use crate::output::plain::plain;
use crate::paint;

/// How many findings are shown of each principle.
const SHOWN: usize = 3;

/// What stands before the later lines of a paragraph.
const MARGIN: &str = "    ";

/// What the names of those mean who are in no manifest.
const STRANGERS: &str = "a stranger is a pod without labels, in a namespace that nobody has heard of or in one of the cluster's;\n\
                         another one is `labelled` as policies ask for. `ringfence explain 'nowhere/[]' POD` asks for one of\n\
                         the first kind what it may open, with labels in the brackets for one of the second";

pub(super) fn render(report: &Report, arguments: &AuditArguments) -> String {
    let audit = &report.audit;
    let mut out = score::headline(audit.score().as_ref());
    out.push('\n');
    for measured in audit.principles() {
        out.push_str(&line(measured));
    }
    for line in words::left_out(report) {
        let _ = writeln!(out, "{}", paint::dim(&line));
    }
    if arguments.explain_score {
        let _ = write!(out, "\n{}", score::explained(audit.score().as_ref()));
    }
    let most = if arguments.all { usize::MAX } else { SHOWN };
    let open = audit.principles().iter();
    for measured in open.filter(|measured| !measured.findings.is_empty()) {
        let _ = write!(out, "\n{}", section(measured, most));
    }
    if audit.findings().any(shows_stranger) {
        let lines = STRANGERS.lines().map(paint::dim);
        let _ = writeln!(out, "\n{}", lines.collect::<Vec<_>>().join("\n"));
    }
    let _ = write!(out, "\n{}", health(report.health));
    out
}

fn shows_stranger(finding: &Finding) -> bool {
    let mut kinds = finding.gaps.iter().map(|gap| &gap.kind);
    kinds.any(|kind| {
        matches!(
            kind,
            GapKind::Stranger
                | GapKind::Labelled(_)
                | GapKind::EveryNamespace { .. }
                | GapKind::Neighbour
                | GapKind::LabelledNeighbour(_)
        )
    })
}

/// A principle in the table at the top.
fn line(measured: &Measured) -> String {
    let about = measured.principle.about();
    let share = words::share(measured.holds, measured.measured());
    let padded = format!("{share:>12}");
    let painted = match measured.findings.iter().map(|found| found.severity).max() {
        _ if measured.measured() == 0 => paint::dim(&padded),
        None => paint::good(&padded),
        Some(Severity::Medium) => padded,
        Some(Severity::High) => paint::bad(&padded),
    };
    let accepted = measured
        .findings
        .iter()
        .filter(|found| found.accepted.is_some());
    let accepted = match accepted.count() {
        0 => String::new(),
        count => paint::dim(&format!(" ({count} accepted)")),
    };
    format!("  {} {painted}  {}{accepted}\n", about.id, about.title)
}

fn section(measured: &Measured, most: usize) -> String {
    let about = measured.principle.about();
    let heading = format!("{} {}: {}", about.id, about.name, about.title);
    let mut out = format!("{}\n", paint::heading(&heading));
    for finding in measured.findings.iter().take(most) {
        out.push_str(&one(finding));
    }
    if let Some(more @ 1..) = measured.findings.len().checked_sub(most) {
        let _ = writeln!(out, "  and {more} more; --all shows them");
    }
    out.push_str(&paragraph("why", about.reason));
    out.push_str(&paragraph("to mend it", about.mend));
    out
}

/// Words in as many lines as it takes.
fn paragraph(name: &str, text: &str) -> String {
    let width = paint::width().max(MARGIN.len() + 20);
    let mut lines = vec![format!("  {name}:")];
    for word in text.split(' ') {
        let room = lines
            .last()
            .map_or(0, |line| width.saturating_sub(line.chars().count() + 1));
        match lines.last_mut() {
            Some(line) if word.chars().count() <= room => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(format!("{MARGIN}{word}")),
        }
    }
    let lines = lines.iter().map(|line| format!("{}\n", paint::dim(line)));
    lines.collect()
}

fn one(finding: &Finding) -> String {
    let severity = match (&finding.accepted, finding.severity) {
        (Some(_), _) => paint::dim("accepted"),
        (None, Severity::High) => paint::bad(finding.severity.word()),
        (None, Severity::Medium) => finding.severity.word().to_owned(),
    };
    let place = finding.source.as_ref().map(|source| format!(" ({source})"));
    let unit = plain(&finding.unit.to_string());
    let mut out = format!("  {severity}: {unit}{}\n", place.unwrap_or_default());
    if let Some(accepted) = &finding.accepted {
        let _ = writeln!(out, "    {}", plain(&accepted.reason));
    }
    for gap in &finding.gaps {
        out.push_str(&opened(finding, gap, "    "));
    }
    out
}

/// What is open, and a connection that shows it.
pub(super) fn opened(finding: &Finding, gap: &Gap, indent: &str) -> String {
    let mut out = format!("{indent}{}\n", words::gap(finding.principle, gap));
    if let Some(shown) = &gap.shown {
        out.push_str(&witness(finding, shown, indent));
    }
    out
}

fn witness(finding: &Finding, shown: &Shown, indent: &str) -> String {
    let mut out = format!("{indent}  {}\n", flow(&shown.query));
    for told in words::reasons(finding.principle, shown) {
        let _ = writeln!(out, "{indent}    {}", told.headline);
        for line in told.lines {
            let place = line.source.map(|source| format!(" ({source})"));
            let place = place.unwrap_or_default();
            let _ = writeln!(out, "{indent}      {}{place}", line.text);
        }
    }
    out
}

pub(super) fn health(health: Health) -> String {
    let Health {
        errors, warnings, ..
    } = health;
    if errors + warnings == 0 {
        return "`ringfence check` finds nothing wrong with the manifests\n".to_owned();
    }
    let counted = |number: usize, word: &str| match number {
        0 => None,
        1 => Some(format!("1 {word}")),
        _ => Some(format!("{number} {word}s")),
    };
    let counts = [counted(errors, "error"), counted(warnings, "warning")];
    let counts: Vec<String> = counts.into_iter().flatten().collect();
    format!(
        "`ringfence check` has {} about the manifests\n",
        counts.join(" and ")
    )
}
