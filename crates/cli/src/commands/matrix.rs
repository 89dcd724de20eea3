//! `ringfence matrix`: what every workload may open to every other.

pub(crate) mod arguments;
mod csv;
pub(crate) mod graph;
mod html;
mod json;
pub(crate) mod markdown;
pub(crate) mod pattern;
pub(crate) mod reason;
pub(crate) mod svg;
pub(crate) mod text;
pub(crate) mod view;

use std::io::{self, BufWriter, StdoutLock, Write as _};
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use ringfence_model::Cluster;
use ringfence_policy::Engine;
use ringfence_reach::matrix::{Cell, Matrix};
use ringfence_reach::own_node::doubt_of;
use ringfence_reach::workload::{Groups, Outside, Place, Unit, by_namespace, by_pod, by_workload};
use ringfence_reach::zone;

use super::zones;
use crate::inputs::hosts::Hosts;
use crate::output::answer::say;
use crate::output::doubt::Doubt;
use crate::progress::Progress;
use arguments::{By, Form, MatrixArguments};
use pattern::{Pattern, World};
use view::Names;

pub(crate) fn run(arguments: &MatrixArguments) -> anyhow::Result<ExitCode> {
    let mut loaded = arguments.manifests.load()?;
    loaded.tell_caveat();
    let missing = loaded.missing();
    let hosts = Hosts::settle(&mut loaded.cluster);
    let engine = Engine::new(loaded.cluster);
    let groups = chosen_groups(&engine, arguments)?;
    let matrix = matrix(&engine, &groups, arguments)?;
    ensure_drawable(&matrix, arguments.output)?;
    print((&engine, &groups), &matrix, &hosts, arguments.output)?;
    missing.tell_if(is_unknown(&matrix));
    hosts.tell();
    if let Some(doubt) = doubt_of(&engine, &groups, &matrix) {
        Doubt::of_own_node(&doubt).tell();
    }
    Ok(ExitCode::SUCCESS)
}

fn print(
    (engine, groups): (&Engine, &Groups),
    matrix: &Matrix,
    hosts: &Hosts,
    form: Form,
) -> anyhow::Result<()> {
    let names = Names::of(matrix.sources.iter().chain(&matrix.destinations));
    let text = match form {
        Form::Json => return written(|out| json::write(out, matrix, hosts)),
        Form::Csv => {
            let mut progress = Progress::beside_answer("writing row", matrix.sources.len());
            let written = written(|out| Ok(csv::write(out, matrix, &names, || progress.step())?));
            progress.end();
            return written;
        }
        Form::Text => text::render(matrix, &names, crate::paint::width()),
        Form::Md => markdown::render(matrix, &names),
        Form::Dot => graph::dot(matrix, &names),
        Form::Mermaid => graph::mermaid(matrix, &names),
        Form::Svg => svg::render(matrix, &names),
        Form::Html => {
            let page = html::Page::of(engine, groups, matrix, &names);
            html::render(matrix, &names, &page)
        }
    };
    say!("{text}");
    Ok(())
}

/// Whether a cell depends on an address that is not known (rule AM-22).
pub(crate) fn is_unknown(matrix: &Matrix) -> bool {
    let is_unknown = |cell: Option<&Cell>| cell.is_some_and(|cell| !cell.unknown.is_empty());
    let unknown: Vec<bool> = matrix.distinct_cells().map(is_unknown).collect();
    let is_one = |number: &u32| unknown.get(*number as usize) == Some(&true);
    unknown.contains(&true)
        && matrix
            .numbered_rows()
            .any(|(_, row)| row.iter().any(is_one))
}

/// Writes to standard output what would be large in memory.
fn written(
    write: impl FnOnce(&mut BufWriter<StdoutLock<'static>>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    let answer = write(&mut out).and_then(|()| Ok(out.flush()?));
    answer.context("cannot write the answer")
}

/// With more cells no browser shows a page, and no program a picture.
const MOST_DRAWN: usize = 400_000;

fn ensure_drawable(matrix: &Matrix, form: Form) -> anyhow::Result<()> {
    let (rows, columns) = (matrix.sources.len(), matrix.destinations.len());
    ensure!(
        !form.is_drawn() || rows.saturating_mul(columns) <= MOST_DRAWN,
        "{rows} rows and {columns} columns are too many to be drawn: choose some by --from and --to, ask --by namespace, or leave addresses out by --no-external; -o csv and -o json hold all of them"
    );
    Ok(())
}

/// With more workloads nobody reads a matrix of all of them.
const ROLLED_UP: usize = 120;

/// The units that were asked for. Where nothing was, workloads, or if these are too many for people to read namespaces.
fn chosen_groups(engine: &Engine, arguments: &MatrixArguments) -> anyhow::Result<Groups> {
    ensure!(
        arguments.by == Some(By::Zone) || !arguments.zones.is_given(),
        "--zones and --profile say which zones there are: add `--by zone`"
    );
    let groups = groups(engine, arguments, arguments.by.unwrap_or(By::Workload))?;
    let is_narrowed = !arguments.from.is_empty() || !arguments.to.is_empty();
    let units = groups.units().count();
    if arguments.by.is_some() || is_narrowed || arguments.output.is_data() || units <= ROLLED_UP {
        return Ok(groups);
    }
    anstream::eprintln!(
        "{}: {units} rows and columns are shown by namespace; --by workload shows all of them, --from and --to some",
        crate::paint::heading("note")
    );
    self::groups(engine, arguments, By::Namespace)
}

fn groups(engine: &Engine, arguments: &MatrixArguments, by: By) -> anyhow::Result<Groups> {
    let outside = if arguments.no_external {
        Outside::nothing()
    } else {
        Outside::of(engine.cluster())
    };
    let groups = match by {
        By::Workload => Groups::of(engine, &outside, by_workload),
        By::Namespace => Groups::of(engine, &outside, by_namespace),
        By::Pod => Groups::of(engine, &outside, by_pod),
        By::Zone => {
            let zones = zones::file::read(&arguments.zones)?.zones;
            zone::groups(engine, &zones, !arguments.no_external)
        }
    };
    Ok(groups.with_like_blocks_joined())
}

fn matrix(engine: &Engine, groups: &Groups, arguments: &MatrixArguments) -> anyhow::Result<Matrix> {
    let namespace = &arguments.manifests.options.namespace;
    let cluster = engine.cluster();
    let sources = selected(cluster, groups, &arguments.from, namespace)?;
    let destinations = selected(cluster, groups, &arguments.to, namespace)?;
    let inside = groups.units().filter(|unit| !unit.is_place()).count();
    ensure!(
        inside > 0,
        "these manifests hold no pods, so there is nobody to talk"
    );
    Ok(Matrix::of(engine, groups, sources, destinations))
}

/// The units that any of `patterns` means; all that people ask for if there is none.
fn selected(
    cluster: &Cluster,
    groups: &Groups,
    patterns: &[String],
    namespace: &str,
) -> anyhow::Result<Vec<Unit>> {
    if patterns.is_empty() {
        return Ok(groups
            .units()
            .filter(|unit| !is_special(unit))
            .cloned()
            .collect());
    }
    let world = World { cluster, groups };
    let mut meant: Vec<Unit> = Vec::new();
    for text in patterns {
        let pattern = Pattern::parse(text, namespace)?;
        let before = meant.len();
        meant.extend(
            groups
                .units()
                .filter(|unit| pattern.matches(world, unit))
                .cloned(),
        );
        ensure!(
            meant.len() > before,
            "`{text}` matches nothing; `ringfence matrix` without --from and --to shows what there is"
        );
    }
    meant.sort();
    meant.dedup();
    Ok(meant)
}

/// Link-local, multicast and reserved addresses, about which nobody asks unless by name.
const fn is_special(unit: &Unit) -> bool {
    matches!(unit, Unit::Place(Place::Special(_)))
}
