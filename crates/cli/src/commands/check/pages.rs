//! `--explain` and `--list`: what there is to find.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use ringfence_reach::lint::{LINTS, Lint, lint};
use serde::Serialize;

use super::arguments::CheckFormat;
use crate::output;
use crate::output::answer::{say_line, write_line};
use crate::paint;

/// The specification, which has the rules that validation goes by.
const SPECIFICATION: &str = include_str!("../../../../../docs/specification.md");

/// A lint, or a rule of the specification.
#[derive(Debug, Serialize)]
struct PageJson<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    severity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<&'a str>,
}

impl<'a> PageJson<'a> {
    fn of_lint(lint: &'a Lint) -> Self {
        Self {
            id: lint.id,
            name: Some(lint.name),
            severity: Some(lint.severity.to_string()),
            summary: Some(lint.summary),
            explanation: None,
        }
    }

    const fn of_rule(id: &'a str) -> Self {
        Self {
            id,
            name: None,
            severity: None,
            summary: None,
            explanation: None,
        }
    }
}

pub(super) fn explain(id: &str, format: CheckFormat) -> anyhow::Result<ExitCode> {
    let (lint, upper) = (lint(id), id.to_ascii_uppercase());
    let page = lint.map(|lint| lint.explanation.trim_end().to_owned());
    let page = page.or_else(|| rule(&upper)).with_context(|| {
        format!("there is no finding `{id}`; `ringfence check --list` names them all")
    })?;
    match format {
        CheckFormat::Text | CheckFormat::Markdown => write_line!("{page}"),
        CheckFormat::Json => {
            let about = lint.map_or_else(|| PageJson::of_rule(&upper), PageJson::of_lint);
            let explanation = Some(page.as_str());
            output::json::print(&PageJson {
                explanation,
                ..about
            })?;
        }
        CheckFormat::Sarif | CheckFormat::Junit => {
            bail!("a finding is explained as text, md or json")
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What the specification says under `id`: a row of a table, or an item of a list.
pub(super) fn rule(id: &str) -> Option<String> {
    let (row, item) = (format!("| **{id}** |"), format!("- **{id}** "));
    let mut lines = SPECIFICATION.lines();
    let first = lines.find(|line| line.starts_with(&row) || line.starts_with(&item))?;
    let more = lines.take_while(|line| first.starts_with('-') && line.starts_with(' '));
    let text: Vec<&str> = std::iter::once(first).chain(more).collect();
    Some(text.join("\n"))
}

/// Whether ids of the specification begin with `letters`.
pub(super) fn has_rules(letters: &str) -> bool {
    SPECIFICATION.contains(&format!("**{letters}-"))
}

pub(super) fn list(format: CheckFormat) -> anyhow::Result<ExitCode> {
    match format {
        CheckFormat::Text => LINTS.iter().for_each(line),
        CheckFormat::Json => {
            let lints: Vec<PageJson<'_>> = LINTS.iter().map(PageJson::of_lint).collect();
            output::json::print(&lints)?;
        }
        CheckFormat::Markdown | CheckFormat::Sarif | CheckFormat::Junit => {
            bail!("lints are listed as text or json")
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn line(lint: &Lint) {
    let severity = format!("{:<7}", lint.severity);
    let (name, summary) = (format!("{:<26}", lint.name), lint.summary);
    say_line!("{} {severity} {name} {}", lint.id, paint::dim(summary));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_of_the_specification_are_found() {
        assert!(rule("V-11").unwrap().contains("except"));
        assert!(rule("NP-14").unwrap().lines().count() > 1);
        assert!(rule("V-1").unwrap().starts_with("| **V-1** |"));
        assert!(rule("V-999").is_none());
    }
}
