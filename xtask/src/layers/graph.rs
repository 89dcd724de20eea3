//! The workspace's crates and dependencies, from `cargo metadata`, with the lines that declare them.

use super::table::IMPURE_LIBRARIES;
use anyhow::{Context as _, Result};
use cargo_metadata::{
    DependencyKind, Metadata, MetadataCommand, Node, NodeDep, Package, PackageId,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// What the check needs to know of the workspace.
#[derive(Debug, Default)]
pub(super) struct Graph {
    /// The folders in `crates/`.
    pub(super) crates: BTreeSet<String>,
    /// Direct dependencies of these crates.
    pub(super) edges: Vec<Edge>,
    /// Pure crates that reach an impure library indirectly.
    pub(super) reached: Vec<Reach>,
}

/// One dependency, as a manifest declares it.
#[derive(Clone, Debug)]
pub(super) struct Edge {
    pub(super) from: String,
    pub(super) to: String,
    /// Whether that is a crate of ringfence: a library may be called like one of its folders.
    pub(super) own: bool,
    pub(super) kind: Kind,
    /// Relative to the root of the workspace.
    pub(super) manifest: String,
    /// Counted from 1.
    pub(super) line: usize,
    pub(super) text: String,
}

/// When a dependency is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Always, or while building.
    Normal,
    /// In tests only.
    Development,
}

/// A way from a crate to a library that it must not use.
#[derive(Clone, Debug)]
pub(super) struct Reach {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) path: Vec<String>,
}

impl Graph {
    pub(super) fn load(root: &Path) -> Result<Self> {
        let metadata = MetadataCommand::new()
            .manifest_path(root.join("Cargo.toml"))
            .other_options(["--locked".to_owned()])
            .exec()
            .context("cannot ask cargo about the workspace")?;
        let folders = folders(&metadata, root);
        let mut edges = Vec::new();
        for package in metadata.workspace_packages() {
            if let Some(folder) = folders.get(package.name.as_str()) {
                edges.extend(edges_of(root, folder, package, &folders)?);
            }
        }
        let reached = reached(&metadata, &folders);
        Ok(Self {
            crates: folders.into_values().collect(),
            edges,
            reached,
        })
    }
}

/// The crates by the names of their packages, with their folders in `crates/`.
fn folders(metadata: &Metadata, root: &Path) -> BTreeMap<String, String> {
    let crates = root.join("crates");
    metadata
        .workspace_packages()
        .into_iter()
        .filter_map(|package| {
            let folder = package.manifest_path.parent()?;
            let inside = folder.as_std_path().strip_prefix(&crates).ok()?;
            Some((package.name.to_string(), inside.to_str()?.to_owned()))
        })
        .collect()
}

fn edges_of(
    root: &Path,
    folder: &str,
    package: &Package,
    folders: &BTreeMap<String, String>,
) -> Result<Vec<Edge>> {
    let path = package.manifest_path.as_std_path();
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let manifest = path
        .strip_prefix(root)
        .unwrap_or(path)
        .display()
        .to_string();
    let edge = |dependency: &cargo_metadata::Dependency| {
        let development = dependency.kind == DependencyKind::Development;
        let kind = if development {
            Kind::Development
        } else {
            Kind::Normal
        };
        let (line, text) = declaration(&text, &dependency.name, kind);
        Edge {
            from: folder.to_owned(),
            to: folders
                .get(&dependency.name)
                .unwrap_or(&dependency.name)
                .clone(),
            own: folders.contains_key(&dependency.name),
            kind,
            manifest: manifest.clone(),
            line,
            text: text.to_owned(),
        }
    };
    Ok(package.dependencies.iter().map(edge).collect())
}

/// The line of a manifest that declares `name`, or the first line if it is written in another way.
pub(super) fn declaration<'a>(manifest: &'a str, name: &'a str, kind: Kind) -> (usize, &'a str) {
    let mut section = "";
    for (number, line) in manifest.lines().enumerate() {
        if line.starts_with('[') {
            section = line;
        }
        let declares = line
            .strip_prefix(name)
            .is_some_and(|rest| rest.starts_with(['.', ' ', '=']));
        let development = section.contains("dev-dependencies");
        if declares && development == (kind == Kind::Development) {
            return (number + 1, line);
        }
    }
    (1, name)
}

fn reached(metadata: &Metadata, folders: &BTreeMap<String, String>) -> Vec<Reach> {
    let names: BTreeMap<&PackageId, &str> = metadata
        .packages
        .iter()
        .map(|package| (&package.id, package.name.as_str()))
        .collect();
    let nodes: BTreeMap<&PackageId, &Node> = metadata
        .resolve
        .iter()
        .flat_map(|resolve| &resolve.nodes)
        .map(|node| (&node.id, node))
        .collect();
    let pure = metadata
        .workspace_packages()
        .into_iter()
        .filter_map(|package| {
            let folder = folders.get(package.name.as_str())?;
            super::pure_crates()
                .any(|pure| pure == folder)
                .then_some((folder, &package.id))
        });
    pure.filter_map(|(folder, id)| {
        let path = walk(id, &names, &nodes)?;
        Some(Reach {
            from: folder.clone(),
            to: path.last()?.clone(),
            path,
        })
    })
    .collect()
}

/// The way to the first impure library, by name, breadth first.
fn walk(
    start: &PackageId,
    names: &BTreeMap<&PackageId, &str>,
    nodes: &BTreeMap<&PackageId, &Node>,
) -> Option<Vec<String>> {
    let mut seen = BTreeSet::from([start]);
    let mut ways = std::collections::VecDeque::from([(start, Vec::new())]);
    while let Some((at, mut way)) = ways.pop_front() {
        let name = names.get(at)?;
        way.push((*name).to_owned());
        if IMPURE_LIBRARIES.contains(name) {
            return Some(way);
        }
        for next in nodes
            .get(at)?
            .deps
            .iter()
            .filter(|next| is_in_the_program(next))
        {
            if let Some((id, _)) = nodes.get_key_value(&next.pkg)
                && seen.insert(id)
            {
                ways.push_back((id, way.clone()));
            }
        }
    }
    None
}

/// Whether a dependency ends up in what is built, unlike one of tests or of build scripts.
fn is_in_the_program(dependency: &NodeDep) -> bool {
    dependency
        .dep_kinds
        .iter()
        .any(|kind| kind.kind == DependencyKind::Normal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_adapter_reaches_is_found_in_the_real_graph() {
        let metadata = MetadataCommand::new().exec().unwrap();
        let names: BTreeMap<_, _> = metadata
            .packages
            .iter()
            .map(|package| (&package.id, package.name.as_str()))
            .collect();
        let resolve = metadata.resolve.as_ref().unwrap();
        let nodes: BTreeMap<_, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
        let adapter = names
            .iter()
            .find(|(_, name)| **name == "ringfence-netlink")
            .unwrap()
            .0;
        let way = walk(adapter, &names, &nodes).unwrap();
        assert_eq!(way.first().map(String::as_str), Some("ringfence-netlink"));
        assert!(
            IMPURE_LIBRARIES.contains(&way.last().unwrap().as_str()),
            "{way:?}"
        );
    }
}
