//! `--explain` and `--list`: what is measured.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use ringfence_reach::audit::{About, Principle};
use serde::Serialize;

use super::arguments::AuditFormat;
use crate::output;
use crate::output::answer::{say_line, write_out};
use crate::paint;

#[derive(Debug, Serialize)]
struct AboutJson {
    id: &'static str,
    name: &'static str,
    title: &'static str,
    weight: u32,
    measure: &'static str,
    reason: &'static str,
    mend: &'static str,
}

impl AboutJson {
    const fn of(about: &About) -> Self {
        Self {
            id: about.id,
            name: about.name,
            title: about.title,
            weight: about.weight,
            measure: about.measure,
            reason: about.reason,
            mend: about.mend,
        }
    }
}

pub(super) fn explain(id: &str, format: AuditFormat) -> anyhow::Result<ExitCode> {
    let found = Principle::named(id);
    let found = found.with_context(|| {
        format!("there is no principle `{id}`; `ringfence audit --list` names them all")
    })?;
    match format {
        AuditFormat::Text | AuditFormat::Markdown => write_out!("{}", page(found.about())),
        AuditFormat::Json => output::json::print(&AboutJson::of(found.about()))?,
        AuditFormat::Html | AuditFormat::Sarif => {
            bail!("a principle is explained as text, md or json")
        }
    }
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

pub(super) fn list(format: AuditFormat) -> anyhow::Result<ExitCode> {
    let all = || Principle::ALL.into_iter().map(Principle::about);
    match format {
        AuditFormat::Text => all().for_each(line),
        AuditFormat::Json => {
            let principles: Vec<AboutJson> = all().map(AboutJson::of).collect();
            output::json::print(&principles)?;
        }
        AuditFormat::Markdown | AuditFormat::Html | AuditFormat::Sarif => {
            bail!("principles are listed as text or json")
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn line(about: &About) {
    let About {
        id,
        name,
        title,
        weight,
        ..
    } = about;
    say_line!("{id} {weight:>3}  {name:<24} {}", paint::dim(title));
}
