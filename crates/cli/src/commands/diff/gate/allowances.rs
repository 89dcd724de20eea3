//! Files of allowed access.

use std::fmt;
use std::path::Path;

use anyhow::{bail, ensure};
use ringfence_model::{
    Diagnostic, Permission, RenderStyle, Severity, Source, SourceMap, Written, allowed_access,
};
use ringfence_net::{ConnectionSet, PortSet};
use ringfence_reach::workload::Unit;

use crate::commands::matrix::pattern::{Pattern, World};
use crate::inputs::port::{PortArgument, ports};
use crate::inputs::{FileArguments, hint};
use crate::output::plain::plain;

/// What may be newly allowed.
#[derive(Debug, Default)]
pub(in crate::commands::diff) struct Allowances(Vec<Allowance>);

/// One row of the file.
#[derive(Debug)]
pub(in crate::commands::diff) struct Allowance {
    from: Vec<Pattern>,
    to: Vec<Pattern>,
    pub(in crate::commands::diff) connections: ConnectionSet,
    pub(in crate::commands::diff) reason: String,
    /// Both ends as they are written.
    ends: String,
    pub(in crate::commands::diff) source: Option<Source>,
}

impl Allowances {
    /// The rows of the file at `path`; names without namespace are in `namespace`.
    pub(in crate::commands::diff) fn read(path: &Path, namespace: &str) -> anyhow::Result<Self> {
        let files = FileArguments {
            files: vec![path.to_path_buf()],
            recursive: false,
        };
        let mut inputs = files.read()?;
        let (Some(input), true) = (inputs.pop(), inputs.is_empty()) else {
            bail!("{} is not one file of allowed access", path.display());
        };
        let mut sources = SourceMap::default();
        sources.insert(input.name.as_str(), input.text.as_str());
        let written = match allowed_access(&input) {
            Ok(written) => written,
            Err(wrong) => return Err(refusal(&wrong, &sources)),
        };
        let mut reader = Reader {
            namespace,
            wrong: Vec::new(),
        };
        let rows = written.allowed.iter().map(|row| reader.allowance(row));
        let rows = rows.collect();
        if reader.wrong.is_empty() {
            Ok(Self(rows))
        } else {
            Err(refusal(&reader.wrong, &sources))
        }
    }

    /// What rows name that is nowhere in `world`, each as a sentence with its place.
    pub(super) fn unknown(&self, world: World<'_>) -> Vec<String> {
        let names: Vec<String> = world.groups.units().map(ToString::to_string).collect();
        self.said_of_names(|pattern| {
            let text = pattern.text();
            if !pattern.is_unknown(world) {
                return None;
            }
            let similar = if world.cluster.namespaces.contains_key(text) {
                format!(" (everything of the namespace is `{text}/*`)")
            } else {
                hint(text, names.iter().map(String::as_str))
            };
            Some(format!(
                "there is no `{text}` after the change, so that it permits nothing{similar}"
            ))
        })
    }

    /// What rows name that several workloads of `world` are called, each as a sentence with its place.
    pub(super) fn ambiguous(&self, world: World<'_>) -> Vec<String> {
        self.said_of_names(|pattern| {
            let all = pattern.namesakes(world);
            if all.len() < 2 || all.iter().any(|unit| pattern.names_exactly(unit)) {
                return None;
            }
            let text = pattern.text();
            let all: Vec<String> = all.into_iter().map(Unit::full_name).collect();
            let all = all.join(" and ");
            Some(format!(
                "`{text}` is {all}, so that it permits nothing of either: write which of them is meant"
            ))
        })
    }

    /// What `say` has to say of the names in rows, each with the place of its row.
    fn said_of_names(&self, say: impl Fn(&Pattern) -> Option<String>) -> Vec<String> {
        let of_row = |row: &Allowance| -> Vec<String> {
            let place = row.source.as_ref().map(|source| format!("{source}: "));
            let place = place.unwrap_or_default();
            let said = row.from.iter().chain(&row.to).filter_map(&say);
            said.map(|said| format!("{place}{said}")).collect()
        };
        self.0.iter().flat_map(of_row).collect()
    }

    pub(super) fn entries(&self) -> &[Allowance] {
        &self.0
    }

    pub(super) fn into_entries(self) -> Vec<Allowance> {
        self.0
    }
}

fn refusal(wrong: &[Diagnostic], sources: &SourceMap) -> anyhow::Error {
    let text = sources.render(wrong, RenderStyle::Colored);
    anyhow::anyhow!("this file of allowed access cannot be used\n\n{text}")
}

impl Allowance {
    /// Whether it is about all of both units.
    pub(super) fn covers(
        &self,
        world: Option<World<'_>>,
        (source, destination): (&Unit, &Unit),
    ) -> bool {
        self.covers_source(world, source) && self.covers_destination(world, destination)
    }

    /// Whether it is about all of what `unit` opens to some other.
    pub(super) fn covers_source(&self, world: Option<World<'_>>, unit: &Unit) -> bool {
        self.from.iter().any(|pattern| pattern.covers(world, unit))
    }

    /// Whether it is about all of what some other opens to `unit`.
    pub(super) fn covers_destination(&self, world: Option<World<'_>>, unit: &Unit) -> bool {
        self.to.iter().any(|pattern| pattern.covers(world, unit))
    }
}

/// As it is written, but for the place.
impl fmt::Display for Allowance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} ({})",
            self.ends,
            self.connections,
            plain(&self.reason)
        )
    }
}

/// Keeps what is wrong, with its place.
struct Reader<'a> {
    namespace: &'a str,
    wrong: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn allowance(&mut self, row: &Permission) -> Allowance {
        let words = |written: &[Written]| -> String {
            let texts: Vec<&str> = written.iter().map(|word| word.text.as_str()).collect();
            texts.join(", ")
        };
        Allowance {
            from: self.patterns(&row.from),
            to: self.patterns(&row.to),
            connections: self.connections(&row.ports),
            reason: row.reason.clone(),
            ends: plain(&format!("{} -> {}", words(&row.from), words(&row.to))),
            source: row.source.clone(),
        }
    }

    fn patterns(&mut self, written: &[Written]) -> Vec<Pattern> {
        let namespace = self.namespace;
        let found = written.iter().filter_map(|word| {
            let pattern = Pattern::parse_with_absent(&word.text, namespace);
            self.keep(word, pattern)
        });
        found.collect()
    }

    /// Every port where none is named.
    fn connections(&mut self, written: &[Written]) -> ConnectionSet {
        if written.is_empty() {
            return ConnectionSet::all();
        }
        let found = written
            .iter()
            .filter_map(|word| self.keep(word, of_ports(&word.text)));
        found.fold(ConnectionSet::none(), |set, found| set.union(&found))
    }

    /// The first line of an error is what is wrong, the others how it would be right.
    fn keep<T>(&mut self, written: &Written, found: anyhow::Result<T>) -> Option<T> {
        let error = match found {
            Ok(found) => return Some(found),
            Err(error) => format!("{error:#}"),
        };
        let (message, help) = match error.split_once('\n') {
            Some((message, help)) => (message, Some(help.to_owned())),
            None => (error.as_str(), None),
        };
        self.wrong.push(Diagnostic {
            location: written.location.clone(),
            help,
            ..Diagnostic::new(Severity::Error, message)
        });
        None
    }
}

fn of_ports(text: &str) -> anyhow::Result<ConnectionSet> {
    match text {
        "all" => return Ok(ConnectionSet::all()),
        "other" => return Ok(ConnectionSet::other_protocols()),
        _ => {}
    }
    let found = ports(text)?;
    ensure!(!found.is_empty(), "`{text}` names no port");
    let mut all = ConnectionSet::none();
    for port in &found {
        all = all.union(&of_port(port, text)?);
    }
    Ok(all)
}

fn of_port(port: &PortArgument, text: &str) -> anyhow::Result<ConnectionSet> {
    match port {
        PortArgument::Numbers(protocol, range) => {
            Ok(ConnectionSet::of(*protocol, PortSet::from_range(*range)))
        }
        PortArgument::Named(_, name) => {
            bail!("`{name}` may be another port on each pod: write its number")
        }
        PortArgument::Portless(_) => bail!(
            "policy does not tell protocols without ports apart: write `other` for all of them instead of `{text}`"
        ),
    }
}
