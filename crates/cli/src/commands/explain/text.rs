//! The answer for people at a terminal.

use ringfence_model::{Party, RenderStyle};
use ringfence_net::PortRange;

use super::family;
use super::judge::{Group, Other};
use super::ports;
use super::reason::Reason;
use super::render::render;
use super::story::{Chapter, Side, Story};
use super::verdict::Verdict;
use super::warning::Warning;
use crate::paint;

/// Ends that are named, unless everything is to be shown.
const MOST_ENDS: usize = 3;

/// Everything, with colours, which the stream takes out where nobody sees them.
pub(super) fn text(story: &Story<'_>, all: bool) -> String {
    let mut parts = vec![headline(story)];
    parts.extend(summary(story));
    let shown = story.explained;
    let with_lines = all || story.question.port.is_some();
    let mut told: Vec<&Reason> = Vec::new();
    for chapter in story.chapters.iter().take(shown) {
        parts.push(way(story, chapter, all));
        for reason in chapter.reasons().filter(|_| with_lines) {
            if !told.contains(&reason) {
                parts.push(render(reason, RenderStyle::Colored));
                told.push(reason);
            }
        }
    }
    let more = story.chapters.len().saturating_sub(shown);
    if more > 0 {
        parts.push(format!(
            "{more} more kinds of connections; --all shows them"
        ));
    }
    if !with_lines && !story.chapters.is_empty() {
        parts.push(
            "The lines behind it are shown for one port or a range, and with --all.".to_owned(),
        );
    }
    let nobody = story.nobody.iter();
    parts.extend(nobody.map(|reason| render(reason, RenderStyle::Colored)));
    parts.extend(story.warnings.iter().map(warning));
    parts.join("\n\n")
}

/// `deny: default/client -> svc/netpol-demo/web-app tcp/80`
fn headline(story: &Story<'_>) -> String {
    let question = story.question;
    let port = question.port_behind();
    format!(
        "{}: {} -> {}{port}",
        verdict(story.verdict),
        question.source,
        question.destination
    )
}

fn verdict(verdict: Verdict) -> String {
    match verdict {
        Verdict::Allow => paint::good(verdict.word()),
        Verdict::Deny
        | Verdict::NoEndpoints
        | Verdict::NotServed
        | Verdict::Partial
        | Verdict::Unknown => paint::bad(verdict.word()),
    }
}

/// Which ports pass and which do not, where several are asked.
fn summary(story: &Story<'_>) -> Option<String> {
    if story.question.is_about_one_port() {
        return None;
    }
    let widths = story.ports.iter().map(|(of, _)| of.word().len());
    let width = widths.max().unwrap_or_default();
    let lines = story.ports.iter().rev().map(|(of, ports)| {
        let padding = " ".repeat(width - of.word().len());
        let ports = ports::asked(story.question, ports);
        format!("  {}{padding}  {ports}", verdict(*of))
    });
    Some(lines.collect::<Vec<_>>().join("\n"))
}

/// The connection, and below it what each tier of each direction said.
fn way(story: &Story<'_>, chapter: &Chapter, all: bool) -> String {
    let connection = &chapter.group.connection;
    let mut lines = Vec::new();
    if let Some(headline) = headline_of_way(story, chapter, all) {
        lines.push(headline);
    }
    lines.push(direction("egress", &connection.source, &chapter.egress));
    lines.push(direction(
        "ingress",
        &connection.destination,
        &chapter.ingress,
    ));
    lines.join("\n")
}

/// `  ingress netpol-demo/web-app-0: NetworkPolicy: not isolated -> allow`
fn direction(word: &str, subject: &Party, side: &Side) -> String {
    format!("  {word:<7} {subject}: {}", side.chain)
}

/// Nothing where the headline of the whole has said it.
fn headline_of_way(story: &Story<'_>, chapter: &Chapter, all: bool) -> Option<String> {
    let group = &chapter.group;
    let connection = &group.connection;
    let question = story.question;
    let is_all = story.chapters.len() == 1
        && group.others.is_empty()
        && connection.source.to_string() == question.source.to_string()
        && connection.destination.to_string() == question.destination.to_string();
    if is_all && question.is_about_one_port() {
        return None;
    }
    Some(format!(
        "{} {} -> {} {}{}{}",
        verdict(connection.verdict().into()),
        connection.source,
        connection.destination,
        reached(story, group),
        family::over(story, group),
        likewise(group, all),
    ))
}

/// The ports that were asked, and the one that is reached if it is another.
fn reached(story: &Story<'_>, group: &Group) -> String {
    let asked = ports::asked(story.question, &group.asked);
    let reached = group.connection.port;
    let single = reached.map(PortRange::single);
    let shifted = group
        .asked
        .iter()
        .any(|(_, ports)| group.is_led_on() && single.is_some_and(|port| ports.ranges() != [port]));
    match reached.filter(|_| shifted) {
        Some(port) => format!("{asked} ({port} behind it)"),
        None => asked,
    }
}

/// Who else connects alike.
pub(super) fn likewise(group: &Group, all: bool) -> String {
    let shown = if all { usize::MAX } else { MOST_ENDS };
    let (source, destination) = group.ends();
    let mut others = group.others.iter();
    let is_mixed = others.clone().any(|other| other.source != *source)
        && others.any(|other| other.destination != *destination);
    let names: Vec<String> = group
        .others
        .iter()
        .take(shown)
        .map(|found| other(group, found, is_mixed))
        .collect();
    let more = group.ways().saturating_sub(1 + names.len());
    match (names.is_empty(), more) {
        (true, 0) => String::new(),
        (true, more) => format!(", and {more} more like it"),
        (false, 0) => format!(", and likewise {}", names.join(", ")),
        (false, more) => format!(", and likewise {} and {more} more", names.join(", ")),
    }
}

/// Both ends where the list is mixed, else the one that differs; the family, if nothing else does.
fn other(group: &Group, other: &Other, is_mixed: bool) -> String {
    let Other {
        source,
        destination,
        ..
    } = other;
    if let Some(family) = family::instead_of(group, (source, destination)) {
        family
    } else if is_mixed {
        format!("{source} -> {destination}")
    } else if *source == group.connection.source {
        destination.to_string()
    } else if *destination == group.connection.destination {
        source.to_string()
    } else {
        format!("{source} -> {destination}")
    }
}

fn warning(warning: &Warning) -> String {
    let help = warning
        .help
        .as_ref()
        .map_or_else(String::new, |help| format!("\n  = help: {help}"));
    format!(
        "{}[{}]: {}{help}",
        paint::bad("warning"),
        warning.rule,
        warning.message
    )
}
