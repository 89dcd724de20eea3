//! `ringfence zones`: what may pass between trust zones, and whether that is what was intended.

mod arguments;
mod csv;
pub(crate) mod file;
mod findings;
mod json;
mod markdown;
mod path;
mod text;

use std::process::ExitCode;

use anyhow::ensure;
use ringfence_model::{Diagnostic, RenderStyle, Severity, Source, TrustZone, TrustZones};
use ringfence_policy::Engine;
use ringfence_reach::matrix::Matrix;
use ringfence_reach::own_node::doubt_of;
use ringfence_reach::workload::{Groups, Unit};
use ringfence_reach::zone::{Deviation, UNZONED, deviations, groups};

use arguments::Form;

use super::matrix::view::Names;
use super::matrix::{graph, is_unknown, svg};
use crate::inputs::hosts::Hosts;
use crate::output::answer::{say, say_line};
use crate::output::doubt::Doubt;
use crate::output::finding::home;
pub(crate) use arguments::{EXAMPLES, Profile, ZonesArguments, ZonesFileArguments};

pub(crate) fn run(arguments: &ZonesArguments) -> anyhow::Result<ExitCode> {
    if let Some(profile) = arguments.print {
        ensure!(
            arguments.output == Form::Text,
            "--print writes a file of zones to start from, which is YAML: leave -o out"
        );
        say!("{}", profile.text());
        return Ok(ExitCode::SUCCESS);
    }
    let file = file::read(&arguments.file)?;
    let mut loaded = arguments.manifests()?.load()?;
    loaded.tell_caveat();
    let missing = loaded.missing();
    let hosts = Hosts::settle(&mut loaded.cluster);
    let engine = Engine::new(loaded.cluster);
    if let [from, to] = arguments.path.as_slice() {
        hosts.tell();
        return path::run(&engine, &file.zones, (from, to), arguments, &missing);
    }
    let table = Table::of(&engine, &file);
    table.warn_of_empty_zones(&file);
    match arguments.output {
        Form::Text => say!("{}", text::render(&table, crate::paint::width())),
        Form::Json => say_line!("{}", json::render(&table, &hosts)?),
        Form::Markdown => say!("{}", markdown::render(&table)),
        Form::Csv => say!("{}", csv::render(&table)),
        Form::Dot => say!("{}", graph::dot(&table.matrix, &table.names())),
        Form::Mermaid => say!("{}", graph::mermaid(&table.matrix, &table.names())),
        Form::Svg => say!("{}", svg::render(&table.matrix, &table.names())),
        Form::Sarif => crate::output::json::print(&findings::sarif(&table))?,
        Form::Junit => say!("{}", findings::junit(&table)),
    }
    missing.tell_if(is_unknown(&table.matrix));
    hosts.tell();
    table.doubt.iter().for_each(Doubt::tell);
    Ok(if table.deviations.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What is possible between zones, and where it is not as intended.
struct Table {
    matrix: Matrix,
    deviations: Vec<Deviation>,
    /// Where an end of the first witness of each deviation is written.
    homes: Vec<Option<Source>>,
    /// The file that says what is intended.
    file: String,
    /// The zones of a user's file that nobody is in; those of a built-in one suit every cluster.
    empty: Vec<String>,
    /// Whom a firewall of its own node may keep from what a zone holds, if anybody (rule HF-9).
    doubt: Option<Doubt>,
}

impl Table {
    fn of(engine: &Engine, file: &file::ZonesFile) -> Self {
        let groups = groups(engine, &file.zones, true);
        let units = in_order(&file.zones, &groups);
        let matrix = Matrix::of(engine, &groups, units.clone(), units);
        let deviations = deviations(engine, &groups, &matrix, &file.zones, &file.intents);
        let home = |deviation: &Deviation| {
            let witness = deviation.evidence.first()?;
            home(engine.cluster(), &witness.query)
        };
        let is_empty = |zone: &&TrustZone| !matrix.sources.iter().any(|unit| is_zone(unit, zone));
        let empty = file.zones.zones.iter().filter(is_empty);
        let empty = empty.filter(|_| !file.is_built_in);
        Self {
            empty: empty.map(|zone| zone.name.clone()).collect(),
            homes: deviations.iter().map(home).collect(),
            file: file.name.clone(),
            doubt: doubt_of(engine, &groups, &matrix)
                .as_ref()
                .map(Doubt::of_own_node),
            matrix,
            deviations,
        }
    }

    /// A selector with a mistake selects nobody, and rows about its zone ask for nothing.
    fn warn_of_empty_zones(&self, file: &file::ZonesFile) {
        let zones = file.zones.zones.iter();
        for zone in zones.filter(|zone| self.empty.contains(&zone.name)) {
            let warning = Diagnostic::new(
                Severity::Warning,
                format!("nobody is in the zone {}", zone.name),
            );
            let help = "do its selectors agree with the labels? Who is in a zone before it is not in this one";
            let warning = warning.with_source(zone.source.clone()).with_help(help);
            let text = warning.render(&file.sources, RenderStyle::Colored);
            anstream::eprintln!("{text}\n");
        }
    }

    fn names(&self) -> Names {
        Names::of(&self.matrix.sources)
    }
}

fn is_zone(unit: &Unit, zone: &TrustZone) -> bool {
    matches!(unit, Unit::Zone(name) if *name == zone.name)
}

/// The zones that have members, as the file lists them, and last those whom none claims.
fn in_order(zones: &TrustZones, groups: &Groups) -> Vec<Unit> {
    let names = zones.zones.iter().map(|zone| zone.name.as_str());
    let listed = names
        .chain([UNZONED])
        .map(|name| Unit::Zone(name.to_owned()));
    listed
        .filter(|zone| groups.units().any(|unit| unit == zone))
        .collect()
}
