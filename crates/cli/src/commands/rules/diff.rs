//! What changes in the kernel from one set of manifests to another.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::ensure;
use ringfence_compile::trace::{Caused, Line, Section, Sign, changes};
use serde::Serialize;

use super::arguments::RulesArguments;
use super::source::{Computed, warn_of};
use super::words;
use crate::arguments::OutputFormat;
use crate::inputs::cluster::is_cluster;
use crate::output::answer::{say, say_line};
use crate::{output, paint};

#[derive(Debug, Serialize)]
struct Difference {
    note: String,
    table: String,
    changes: Vec<Section>,
}

pub(super) fn run(arguments: &RulesArguments) -> anyhow::Result<ExitCode> {
    let difference = difference(arguments)?;
    match arguments.output {
        OutputFormat::Json => output::json::print(&difference)?,
        OutputFormat::Text => {
            say_line!("{}", paint::dim(&format!("# {}", difference.note)));
            say!("{}", render(&difference.changes));
        }
    }
    Ok(ExitCode::from(u8::from(!difference.changes.is_empty())))
}

fn difference(arguments: &RulesArguments) -> anyhow::Result<Difference> {
    let (before, after) = sides(arguments)?;
    let (mut old, mut new) = (
        arguments.options.load_silently(&before)?,
        arguments.options.load_silently(&after)?,
    );
    arguments.options.add_common_pods(&mut old, &mut new);
    old.print_diagnostics_besides(&new);
    new.print_diagnostics();
    warn_of(&old);
    warn_of(&new);
    let node = arguments.node.as_deref();
    let mut old = Computed::new(&old.cluster, node)?;
    let mut new = Computed::new(&new.cluster, node)?;
    // A set that outgrows its size is another layout, which is not what is asked about.
    new.compiled.keep_sizes(&old.compiled.table);
    old.compiled.keep_sizes(&new.compiled.table);
    let operations = ringfence_ruleset::diff(Some(&old.compiled.table), &new.compiled.table);
    Ok(Difference {
        note: new.note(),
        table: format!("inet {}", new.compiled.table.name),
        changes: changes(Some(caused(&old)), caused(&new), &operations),
    })
}

fn caused(computed: &Computed) -> Caused<'_> {
    Caused {
        table: &computed.compiled.table,
        origins: &computed.compiled.origins,
    }
}

/// The files of both sides.
fn sides(arguments: &RulesArguments) -> anyhow::Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let (before, after) = match arguments.diff.as_slice() {
        [before, after] => (Some(before), Some(after)),
        [added] => (None, Some(added)),
        _ => (None, None),
    };
    let shared = if arguments.diff.iter().any(|input| is_cluster(input)) {
        arguments.files.clone()
    } else {
        arguments.named()
    };
    let with = |own: Option<&PathBuf>| shared.iter().chain(own).cloned().collect();
    let (before, after): (Vec<PathBuf>, Vec<PathBuf>) = (with(before), with(after));
    ensure!(
        !before.is_empty(),
        "two sides are compared: name both, as in `--diff old/ new/`, or with -f what the one is added to"
    );
    Ok((before, after))
}

/// The changes as nft text with a sign before each line.
pub(super) fn render(sections: &[Section]) -> String {
    let mut text = String::new();
    for section in sections {
        let _ = writeln!(text, "{}", paint::heading(&section.object));
        for line in &section.lines {
            let _ = writeln!(text, "{}", render_line(line));
        }
    }
    let _ = writeln!(text, "{}", summary(sections));
    text
}

fn render_line(line: &Line) -> String {
    let shown = match line.sign {
        Sign::Added => paint::good(&format!("+ {}", line.text)),
        Sign::Removed => paint::bad(&format!("- {}", line.text)),
    };
    let causes = words::causes(&line.causes);
    let causes = causes.map(|causes| format!("  {}", paint::dim(&causes)));
    shown + &causes.unwrap_or_default()
}

fn summary(sections: &[Section]) -> String {
    let count = |sign: Sign| {
        let lines = sections.iter().flat_map(|section| &section.lines);
        lines.filter(|line| line.sign == sign).count()
    };
    match (count(Sign::Added), count(Sign::Removed)) {
        (0, 0) => "nothing changes in the kernel".to_owned(),
        (added, removed) => format!("{added} added, {removed} removed"),
    }
}
