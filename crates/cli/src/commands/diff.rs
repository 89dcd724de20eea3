//! `ringfence diff`: what may be opened now and could not before, and the reverse.

pub(crate) mod arguments;
mod csv;
mod gate;
mod json;
mod markdown;
pub(crate) mod sides;
pub(crate) mod text;
mod words;

use std::process::ExitCode;

use ringfence_reach::diff::Difference;

use crate::paint;
use arguments::{DiffArguments, Form};
use gate::Judged;
use sides::{Comparison, Side};

pub(crate) fn run(arguments: &DiffArguments) -> anyhow::Result<ExitCode> {
    let allowances = arguments.allowances()?;
    let (before, after) = arguments.sides()?;
    let comparison = Comparison::of(&before, &after);
    let judged = allowances.map(|allowances| allowances.judge(&comparison));
    print(&comparison.difference, judged.as_ref(), arguments.output)?;
    let passed = judged.map_or(comparison.difference.is_empty(), |judged| judged.passed());
    Ok(ExitCode::from(u8::from(!passed)))
}

/// Prints the difference in one of its forms.
pub(crate) fn print(
    difference: &Difference,
    judged: Option<&Judged>,
    form: Form,
) -> anyhow::Result<()> {
    let text = match form {
        Form::Text => text::render(difference, judged),
        Form::Json => json::render(difference, judged)?,
        Form::Md => markdown::render(difference, judged),
        Form::Csv => csv::render(difference),
    };
    anstream::print!("{text}");
    Ok(())
}

/// Warns of what is missing from an answer.
fn warn_of(side: &Side) {
    if let Some(caveat) = side.caveat() {
        anstream::eprintln!("{}: {caveat}", paint::bad("warning"));
    }
}
