//! `--explain` and `--list`: what there is to find.

use std::process::ExitCode;

use anyhow::Context as _;
use ringfence_reach::lint::{LINTS, lint};

use crate::output::answer::{say_line, write_line};
use crate::paint;

/// The specification, which has the rules that validation goes by.
const SPECIFICATION: &str = include_str!("../../../../../docs/specification.md");

pub(super) fn explain(id: &str) -> anyhow::Result<ExitCode> {
    let page = lint(id).map(|lint| lint.explanation.trim_end().to_owned());
    let page = page.or_else(|| rule(&id.to_ascii_uppercase()));
    let page = page.with_context(|| {
        format!("there is no finding `{id}`; `ringfence check --list` names them all")
    })?;
    write_line!("{page}");
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

pub(super) fn list() {
    for lint in LINTS {
        let severity = format!("{:<7}", lint.severity);
        let (name, summary) = (format!("{:<26}", lint.name), lint.summary);
        say_line!("{} {severity} {name} {}", lint.id, paint::dim(summary));
    }
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
