//! Which crate may use which: what cargo knows of the workspace, compared with a table.
//!
//! The table is in [`table`]; the same check is a test, so that `cargo test` alone finds a wrong edge.

mod graph;
mod table;

use anyhow::{Result, bail};
use graph::{Edge, Graph, Kind};
use std::path::Path;
use table::{Duty, Layer};

/// Compares the workspace's manifests with the table.
pub(crate) fn check(root: &Path) -> Result<()> {
    let graph = Graph::load(root)?;
    let violations = violations(&graph);
    if violations.is_empty() {
        println!(
            "{} crates, {} edges: each is in the table",
            graph.crates.len(),
            graph.edges.len()
        );
        return Ok(());
    }
    bail!(
        "dependencies that the layers do not allow:\n\n{}",
        violations.join("\n\n")
    )
}

/// Everything that is wrong with `graph`, in the order of its crates and manifests.
fn violations(graph: &Graph) -> Vec<String> {
    let unknown = graph
        .crates
        .iter()
        .filter(|name| table::layer(name).is_none())
        .map(|name| {
            format!(
                "crates/{name}: not in the table of layers.\n  \
             Add it to xtask/src/layers/table.rs with what it may use, and why that is its place."
            )
        });
    let edges = graph.edges.iter().filter_map(judge);
    let closures = graph.reached.iter().map(|reach| {
        format!(
            "crates/{}: reaches `{}` through {}.\n  {}",
            reach.from,
            reach.to,
            reach.path.join(" -> "),
            table::WHY_PURE
        )
    });
    unknown.chain(edges).chain(closures).collect()
}

fn judge(edge: &Edge) -> Option<String> {
    let layer = table::layer(&edge.from)?;
    let problem = if edge.own {
        inside(layer, edge)?
    } else {
        outside(layer, edge)?
    };
    Some(format!(
        "{}:{}: `{}`\n  {problem}",
        edge.manifest, edge.line, edge.text
    ))
}

/// An edge between two crates of ringfence.
fn inside(layer: &Layer, edge: &Edge) -> Option<String> {
    let to = table::layer(&edge.to)?;
    if edge.kind == Kind::Development {
        let fine = layer.duty != Duty::Pure || to.duty != Duty::Io;
        return (!fine).then(|| {
            format!(
                "tests of a pure crate stay pure: `{}` does input and output.",
                to.name
            )
        });
    }
    if to.duty == Duty::DevelopmentOnly && layer.duty != Duty::DevelopmentOnly {
        return Some(format!(
            "`{}` is for tests: move it to [dev-dependencies].",
            to.name
        ));
    }
    (!layer.uses.contains(&to.name)).then(|| {
        format!(
            "`{}` may use {}: {}.",
            layer.name,
            words(layer.uses),
            layer.because
        )
    })
}

/// An edge to a crate of somebody else.
fn outside(layer: &Layer, edge: &Edge) -> Option<String> {
    let free = layer.duty != Duty::Pure || edge.kind == Kind::Development;
    if free || table::PURE_LIBRARIES.contains(&edge.to.as_str()) {
        return None;
    }
    Some(format!(
        "`{}` is pure and may use only {}. {}",
        layer.name,
        words(table::PURE_LIBRARIES),
        table::WHY_PURE
    ))
}

fn words(names: &[&str]) -> String {
    if names.is_empty() {
        return "no other crate of ringfence".to_owned();
    }
    names.join(", ")
}

/// The crates that compute and never touch the world, by the names of their folders.
pub(crate) fn pure_crates() -> impl Iterator<Item = &'static str> {
    table::LAYERS
        .iter()
        .filter(|layer| layer.duty == Duty::Pure)
        .map(|layer| layer.name)
}

#[cfg(test)]
mod tests;
