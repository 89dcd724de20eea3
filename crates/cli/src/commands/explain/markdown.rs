//! The answer for a comment under a change.

use ringfence_model::RenderStyle;

use super::family;
use super::ports;
use super::reason::Reason;
use super::render::render;
use super::story::{Chapter, Story};
use super::text::likewise;
use super::verdict::Verdict;
use super::warning::Warning;
use crate::output::markdown::fenced;

pub(super) fn markdown(story: &Story<'_>, all: bool) -> String {
    let mut parts = vec![headline(story)];
    if !story.question.is_about_one_port() {
        parts.push(summary(story));
    }
    if !story.chapters.is_empty() {
        parts.push(table(story, all));
    }
    let more = story.chapters.len().saturating_sub(story.explained);
    if more > 0 {
        parts.push(format!(
            "{more} more kinds of connections; `--all` shows them"
        ));
    }
    let mut told: Vec<&Reason> = Vec::new();
    let reasons = story.chapters.iter().flat_map(Chapter::reasons);
    for reason in reasons.chain(&story.nobody) {
        if !told.contains(&reason) {
            told.push(reason);
        }
    }
    if !told.is_empty() {
        parts.push(details(&told));
    }
    parts.extend(story.warnings.iter().map(warning));
    parts.join("\n\n")
}

fn headline(story: &Story<'_>) -> String {
    let question = story.question;
    let port = question.port_behind();
    format!(
        "### {} {}: `{}` → `{}`{port}",
        sign(story.verdict),
        story.verdict,
        question.source,
        question.destination
    )
}

const fn sign(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Allow => "✅",
        Verdict::Deny | Verdict::NoEndpoints | Verdict::NotServed => "⛔",
        Verdict::Partial | Verdict::Unknown => "⚠️",
    }
}

fn summary(story: &Story<'_>) -> String {
    let lines = story.ports.iter().rev();
    let lines: Vec<String> = lines
        .map(|(verdict, ports)| format!("- **{verdict}** {}", ports::asked(story.question, ports)))
        .collect();
    lines.join("\n")
}

fn table(story: &Story<'_>, all: bool) -> String {
    let mut lines = vec![
        "| verdict | connection | port | egress | ingress |".to_owned(),
        "| --- | --- | --- | --- | --- |".to_owned(),
    ];
    let shown = story.chapters.iter().take(story.explained);
    lines.extend(shown.map(|chapter| row(story, chapter, all)));
    lines.join("\n")
}

fn row(story: &Story<'_>, chapter: &Chapter, all: bool) -> String {
    let group = &chapter.group;
    let connection = &group.connection;
    format!(
        "| {} | `{}` → `{}`{}{} | {} | {} | {} |",
        Verdict::from(connection.verdict()),
        connection.source,
        connection.destination,
        family::over(story, group),
        likewise(group, all),
        ports::asked(story.question, &group.asked),
        chapter.egress.chain,
        chapter.ingress.chain,
    )
}

fn details(reasons: &[&Reason]) -> String {
    let texts: Vec<String> = reasons
        .iter()
        .map(|reason| render(reason, RenderStyle::Plain))
        .collect();
    let text = texts.join("\n\n");
    let text = fenced(&text);
    format!("<details open><summary>Why</summary>\n\n{text}\n</details>")
}

fn warning(warning: &Warning) -> String {
    let help = warning
        .help
        .as_ref()
        .map_or_else(String::new, |help| format!("; {help}"));
    format!("> **{}**: {}{help}.", warning.rule, warning.message)
}
