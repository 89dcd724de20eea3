//! A difference for people.

use ringfence_reach::diff::{Difference, Kind};

use super::gate::Judged;
use super::words::{
    DOUBTS, Extent, Section, Told, doubts, grouped, names, sections, summary, unused,
};
use crate::commands::matrix::view::Names;
use crate::paint;

pub(crate) fn render(difference: &Difference, judged: Option<&Judged>, extent: Extent) -> String {
    let names = names(difference);
    let doubtful = doubtful(&doubts(difference, &names, judged));
    let sections = sections(difference);
    let sections: String = sections
        .iter()
        .map(|section| format!("{}\n", render_section(section, &names, judged, extent)))
        .collect();
    let verdict = judged.map_or_else(String::new, verdict);
    format!(
        "{doubtful}{sections}{}\n{verdict}",
        summary(difference, &names)
    )
}

fn doubtful(doubts: &[String]) -> String {
    if doubts.is_empty() {
        return String::new();
    }
    let lines = doubts.iter();
    let lines: String = lines
        .map(|doubt| format!("  {} {doubt}\n", paint::bad("?+")))
        .collect();
    format!("{}\n{lines}\n", paint::heading(DOUBTS))
}

fn render_section(
    section: &Section<'_>,
    names: &Names,
    judged: Option<&Judged>,
    extent: Extent,
) -> String {
    let heading = paint::heading(&section.heading(names));
    let (groups, left) = extent.of(grouped(section, names, judged));
    let groups: String = groups.iter().map(group).collect();
    let left = match left {
        0 => String::new(),
        left => format!("  and {left} more; --all shows them\n"),
    };
    format!("{heading}\n{groups}{left}")
}

/// A group of changes with everything that is known of them.
fn group(told: &Told) -> String {
    let ends = [&told.sources, &told.destinations].map(|names| names.join(", "));
    let mark = told.what.mark.as_ref();
    let mark = mark.map(|mark| paint::dim(&format!("  ({mark})")));
    let mut lines = vec![format!(
        "  {} {}: {}{}",
        sign(told.what.kind),
        ends.join(" -> "),
        told.what.ports,
        mark.unwrap_or_default()
    )];
    let example = told.example.as_ref();
    lines.extend(example.map(|example| paint::dim(&format!("      example  {example}"))));
    lines.extend(
        told.what
            .before
            .iter()
            .map(|line| format!("      before   {line}")),
    );
    lines.extend(
        told.what
            .after
            .iter()
            .map(|line| format!("      now      {line}")),
    );
    lines.join("\n") + "\n"
}

fn sign(kind: Kind) -> String {
    match kind {
        Kind::Opened => paint::bad("+"),
        Kind::MayOpen => paint::bad("?+"),
        Kind::Closed => paint::good("-"),
        Kind::MayClose => paint::good("?-"),
    }
}

fn verdict(judged: &Judged) -> String {
    let unused: String = judged
        .unused()
        .iter()
        .map(|allowance| format!("{}\n", paint::heading(&unused(allowance))))
        .collect();
    let verdict = if judged.passed() {
        let passed = "passed: nothing is newly allowed that is not permitted";
        paint::good(&format!("{passed}{}", judged.aside()))
    } else {
        let count = judged.refused();
        let what = if count == 1 {
            "change is"
        } else {
            "changes are"
        };
        paint::bad(&format!("failed: {count} {what} not permitted"))
    };
    format!("{unused}{verdict}\n")
}
