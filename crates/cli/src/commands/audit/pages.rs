//! `--explain` and `--list`: what is measured.

use std::process::ExitCode;

use anyhow::Context as _;
use ringfence_reach::audit::{About, Principle};

use crate::output::answer::{say_line, write_out};
use crate::paint;

pub(super) fn explain(id: &str) -> anyhow::Result<ExitCode> {
    let found = Principle::named(id);
    let found = found.with_context(|| {
        format!("there is no principle `{id}`; `ringfence audit --list` names them all")
    })?;
    write_out!("{}", page(found.about()));
    Ok(ExitCode::SUCCESS)
}

/// A principle at length, as Markdown.
pub(super) fn page(about: &About) -> String {
    let About {
        id,
        name,
        title,
        measure,
        weight,
        reason,
        mend,
    } = about;
    format!(
        "# {id} {name}\n\n{title}.\n\n{reason}\n\n- It holds for a workload if {measure}.\n- Weight in the score: {weight} of 100.\n\
         - To mend it: {mend}.\n"
    )
}

pub(super) fn list() {
    for principle in Principle::ALL {
        let About {
            id,
            name,
            title,
            weight,
            ..
        } = principle.about();
        say_line!("{id} {weight:>3}  {name:<24} {}", paint::dim(title));
    }
}
