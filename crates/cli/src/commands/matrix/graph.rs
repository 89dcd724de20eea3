//! A matrix as a graph, in the languages of Graphviz and Mermaid.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ringfence_reach::matrix::{Cell, Matrix, Summary};
use ringfence_reach::workload::Unit;

use super::view::{Names, cell_text};

/// The units of a matrix with a number each, by the namespace they lie in.
struct Nodes<'a> {
    numbers: BTreeMap<&'a Unit, usize>,
    namespaces: BTreeMap<Option<&'a str>, Vec<&'a Unit>>,
}

impl<'a> Nodes<'a> {
    fn of(matrix: &'a Matrix) -> Self {
        let mut units: Vec<&Unit> = matrix.sources.iter().chain(&matrix.destinations).collect();
        units.sort();
        units.dedup();
        let mut namespaces: BTreeMap<Option<&str>, Vec<&Unit>> = BTreeMap::new();
        for unit in &units {
            let namespace = match unit {
                Unit::Workload { namespace, .. } => Some(namespace.as_str()),
                Unit::Namespace(_)
                | Unit::Zone(_)
                | Unit::Nodes
                | Unit::Node(_)
                | Unit::Place(_) => None,
            };
            namespaces.entry(namespace).or_default().push(unit);
        }
        let numbers = units
            .iter()
            .enumerate()
            .map(|(number, unit)| (*unit, number));
        Self {
            numbers: numbers.collect(),
            namespaces,
        }
    }

    fn number(&self, unit: &Unit) -> usize {
        self.numbers.get(unit).copied().unwrap_or_default()
    }
}

/// Every pair that may open something.
fn edges(matrix: &Matrix) -> impl Iterator<Item = (&Unit, &Unit, &Cell)> {
    matrix.cells().filter(|(_, _, cell)| !cell.is_nothing())
}

/// For `dot -Tsvg` of Graphviz: a cluster for each namespace.
pub(crate) fn dot(matrix: &Matrix, names: &Names) -> String {
    let nodes = Nodes::of(matrix);
    let mut out = String::from(
        "digraph connectivity {\n  rankdir=LR;\n  node [shape=box, style=rounded, fontname=\"sans-serif\"];\n  edge [fontname=\"sans-serif\", fontsize=10];\n",
    );
    for (index, (namespace, units)) in nodes.namespaces.iter().enumerate() {
        let indent = if let Some(namespace) = namespace {
            let label = in_quotes(namespace);
            let _ = writeln!(out, "  subgraph cluster_{index} {{\n    label={label};");
            "    "
        } else {
            "  "
        };
        for unit in units {
            let label = in_quotes(&short(unit, names));
            let shape = if unit.is_place() {
                ", shape=ellipse"
            } else {
                ""
            };
            let _ = writeln!(
                out,
                "{indent}n{} [label={label}{shape}];",
                nodes.number(unit)
            );
        }
        if namespace.is_some() {
            out.push_str("  }\n");
        }
    }
    for (source, destination, cell) in edges(matrix) {
        let (from, to) = (nodes.number(source), nodes.number(destination));
        let label = in_quotes(&cell_text(cell));
        let style = match cell.summary() {
            Summary::All => ", style=bold",
            Summary::Ports | Summary::Nothing => "",
            Summary::Partial => ", style=dashed",
            Summary::Unknown => ", style=dotted",
        };
        let _ = writeln!(out, "  n{from} -> n{to} [label={label}{style}];");
    }
    out + "}\n"
}

/// For documents that draw Mermaid: a subgraph for each namespace.
pub(crate) fn mermaid(matrix: &Matrix, names: &Names) -> String {
    let nodes = Nodes::of(matrix);
    let mut out = String::from("flowchart LR\n");
    for (index, (namespace, units)) in nodes.namespaces.iter().enumerate() {
        let indent = if let Some(namespace) = namespace {
            let label = as_entities(namespace);
            let _ = writeln!(out, "  subgraph s{index} [\"{label}\"]");
            "    "
        } else {
            "  "
        };
        for unit in units {
            let label = as_entities(&short(unit, names));
            let number = nodes.number(unit);
            let (open, close) = if unit.is_place() {
                ("([", "])")
            } else {
                ("[", "]")
            };
            let _ = writeln!(out, "{indent}n{number}{open}\"{label}\"{close}");
        }
        if namespace.is_some() {
            out.push_str("  end\n");
        }
    }
    for (source, destination, cell) in edges(matrix) {
        let (from, to) = (nodes.number(source), nodes.number(destination));
        let label = as_entities(&cell_text(cell));
        let arrow = match cell.summary() {
            Summary::All => "==>",
            Summary::Ports | Summary::Nothing => "-->",
            Summary::Partial | Summary::Unknown => "-.->",
        };
        let _ = writeln!(out, "  n{from} {arrow}|\"{label}\"| n{to}");
    }
    out
}

/// Inside of its namespace a workload needs its own name only.
fn short(unit: &Unit, names: &Names) -> String {
    let name = names.of_unit(unit);
    let inside = match unit {
        Unit::Workload { namespace, .. } => name
            .strip_prefix(namespace.as_str())
            .and_then(|rest| rest.strip_prefix('/')),
        Unit::Namespace(_) | Unit::Zone(_) | Unit::Nodes | Unit::Node(_) | Unit::Place(_) => None,
    };
    inside.map_or_else(|| name.clone(), str::to_owned)
}

fn in_quotes(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Everything but letters, digits and a few signs as Mermaid's entities, which are numbers between `#` and `;`.
fn as_entities(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || " -_./:,*".contains(c);
    let shown = |c: char| {
        if plain(c) {
            c.to_string()
        } else {
            format!("#{};", u32::from(c))
        }
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_quotes() {
        assert_eq!(in_quotes("a\"]; x\\"), "\"a\\\"]; x\\\\\"");
        assert_eq!(as_entities("a\"]; #<b"), "a#34;#93;#59; #35;#60;b");
    }
}
