//! `ringfence diff`: what may be opened now and could not before, and the reverse.

pub(crate) mod arguments;
mod csv;
mod findings;
mod gate;
mod html;
mod json;
mod markdown;
mod one;
pub(crate) mod sides;
pub(crate) mod text;
mod words;

use std::process::ExitCode;

use anyhow::Context as _;
use ringfence_reach::diff::Difference;

use crate::output::answer::say;
use crate::{output, paint};
use arguments::{DiffArguments, DiffFormat};
use gate::Judged;
use sides::{Comparison, Side};
pub(crate) use words::Extent;

pub(crate) fn run(arguments: &DiffArguments) -> anyhow::Result<ExitCode> {
    let allowances = arguments.allowances()?;
    let (before, after) = arguments.sides()?;
    let comparison = Comparison::of(&before, &after);
    let judged = allowances.map(|allowances| {
        allowances.warn_of_names(&comparison);
        allowances.judge(&comparison)
    });
    let extent = arguments.extent();
    let difference = &comparison.difference;
    print(difference, judged.as_ref(), arguments.output, extent)?;
    comparison.tell_missing();
    let passed = judged.map_or(comparison.difference.is_empty(), |judged| judged.passed());
    Ok(ExitCode::from(u8::from(!passed)))
}

/// Prints the difference in one of its forms.
pub(crate) fn print(
    difference: &Difference,
    judged: Option<&Judged>,
    format: DiffFormat,
    extent: Extent,
) -> anyhow::Result<()> {
    let text = match format {
        DiffFormat::Text => text::render(difference, judged, extent),
        DiffFormat::Json => {
            json::write(difference, judged);
            return Ok(());
        }
        DiffFormat::Markdown => markdown::render(difference, judged, extent),
        DiffFormat::Html => html::render(difference, judged),
        DiffFormat::Csv => {
            csv::write(difference);
            return Ok(());
        }
        DiffFormat::Sarif => {
            let log = findings::sarif(difference, of_gate(judged)?);
            return output::json::print(&log);
        }
        DiffFormat::Junit => findings::junit(difference, of_gate(judged)?),
    };
    say!("{text}");
    Ok(())
}

fn of_gate(judged: Option<&Judged>) -> anyhow::Result<&Judged> {
    judged.context("SARIF and JUnit tell what a gate says: add `--gate no-new-access`")
}

/// Warns of what is missing from an answer.
pub(crate) fn warn_of(side: &Side) {
    if let Some(caveat) = side.caveat() {
        anstream::eprintln!("{}: {caveat}", paint::bad("warning"));
    }
}
