use std::collections::BTreeMap;
use std::fmt;

use ringfence_net::ConnectionSet;

use super::Lock;
use crate::matrix::Cell;
use crate::workload::{Place, Unit};

/// The first line, which says how the others are to be read.
pub const HEADER: &str = "ringfence-lock 1";

const COMMENT: &str =
    "# What may be opened in this cluster. Written by `ringfence lock`; do not edit.";

/// The header, a comment, the units, those on the network of their nodes, names that are accepted, the pairs; each sorted
/// as bytes.
impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut units: Vec<String> = self.units.iter().flat_map(names).collect();
        let mut known = Known::default();
        let pairs = self.cells.iter();
        let pairs = pairs.flat_map(|(source, destination, cell)| {
            known.lines((&**source, &**destination, &**cell))
        });
        let mut pairs: Vec<String> = pairs.collect();
        units.sort();
        pairs.sort_unstable();
        writeln!(f, "{HEADER}\n{COMMENT}")?;
        for unit in units {
            writeln!(f, "unit {unit}")?;
        }
        let mut hosts: Vec<String> = self.hosts.iter().flat_map(names).collect();
        hosts.sort();
        for unit in hosts {
            writeln!(f, "host {unit}")?;
        }
        let mut accepted: Vec<String> = self.names.iter().flat_map(accepted).collect();
        accepted.sort();
        for line in accepted {
            writeln!(f, "name {line}")?;
        }
        pairs.iter().try_for_each(|pair| writeln!(f, "{pair}"))
    }
}

/// Names and sets in words: the same stand in many lines.
#[derive(Default)]
struct Known<'a> {
    names: BTreeMap<&'a Unit, Vec<String>>,
    sets: BTreeMap<&'a Cell, String>,
}

impl<'a> Known<'a> {
    fn lines(
        &mut self,
        (source, destination, cell): (&'a Unit, &'a Unit, &'a Cell),
    ) -> Vec<String> {
        for unit in [source, destination] {
            self.names.entry(unit).or_insert_with(|| names(unit));
        }
        let cell = self.sets.entry(cell).or_insert_with(|| sets(cell));
        let [sources, destinations] =
            [source, destination].map(|unit| self.names.get(unit).into_iter().flatten());
        let from = |source: &String| -> Vec<String> {
            let line = |destination| format!("{source} -> {destination}: {cell}");
            destinations.clone().map(line).collect()
        };
        sources.flat_map(from).collect()
    }
}

fn accepted(((unit, name), set): (&(Unit, String), &ConnectionSet)) -> Vec<String> {
    let line = |unit| format!("{unit} -> {}: {set}", escaped_name(name));
    names(unit).into_iter().map(line).collect()
}

/// A name in `domainNames` may begin with `*.`.
fn escaped_name(name: &str) -> String {
    match name.strip_prefix("*.") {
        Some(parent) => format!("*.{}", escaped(parent)),
        None => escaped(name),
    }
}

fn sets(cell: &Cell) -> String {
    let word = |word: &str, set: &ConnectionSet| (!set.is_empty()).then(|| format!("{word}{set}"));
    let sets = [
        word("", &cell.all),
        word("some ", &cell.some),
        word("unknown ", &cell.unknown),
    ];
    let sets: Vec<String> = sets.into_iter().flatten().collect();
    sets.join("; ")
}

/// The name of a unit as one word; of several blocks each.
fn names(unit: &Unit) -> Vec<String> {
    match unit {
        Unit::Workload {
            namespace,
            name,
            kind,
        } => vec![[namespace, kind, name].map(|part| escaped(part)).join("/")],
        Unit::Namespace(name) => vec![format!("namespace/{}", escaped(name))],
        Unit::Zone(name) => vec![format!("zone/{}", escaped(name))],
        Unit::Nodes => vec!["nodes".to_owned()],
        Unit::Node(name) => vec![format!("node/{}", escaped(name))],
        Unit::Place(Place::Blocks(blocks)) => blocks.iter().map(ToString::to_string).collect(),
        Unit::Place(place) => vec![place.to_string()],
    }
}

/// Names are of letters, digits, `-`, `_` and `.`, and of pods that manifests do not hold their labels, `[app=web]`. Another
/// byte, such as one that only a reference to an owner can hold, becomes `%` and two digits.
fn escaped(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.[]=,".contains(&byte);
    name.bytes()
        .map(|byte| match plain(byte) {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02x}"),
        })
        .collect()
}
