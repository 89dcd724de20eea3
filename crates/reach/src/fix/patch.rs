//! Edits of the text of manifests, which keep everything else as it was written.

mod splice;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use ringfence_model::{Cluster, ClusterPolicyName, Direction, Source, SourceTree};

use super::edit::{RuleOf, peers_field};
use super::{Edit, yaml};
use crate::assertion::RulePlace;
use crate::matching::Step;
use crate::yaml::Yaml;
use splice::{Operation, applied};

/// Lines that an edit changes, with a few around them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hunk {
    /// The number of the first line, before.
    pub line: usize,
    /// How many lines of before there are, and of after.
    pub lines: (usize, usize),
    /// Each line with ` `, `-` or `+` before it, or `\` where it says that no line break ends the line above.
    pub text: Vec<String>,
}

/// Lines around a change.
const AROUND: usize = 2;

impl Edit {
    /// Where the object that is edited was written; `None` if it is new, or was not written.
    #[must_use]
    pub fn source<'a>(&self, cluster: &'a Cluster) -> Option<&'a Source> {
        let of_cluster = |name: &ClusterPolicyName| {
            cluster
                .cluster_policies
                .get(name)
                .and_then(|found| found.source.as_ref())
        };
        match self {
            Self::AddPorts(rule, _)
            | Self::AddPeer(rule, _)
            | Self::ReplacePort(rule, ..)
            | Self::AddException(rule, ..)
            | Self::RemovePeer(rule, _)
            | Self::RemoveRule(rule) => cluster.network_policies.get(&rule.policy)?.source.as_ref(),
            Self::AddRule(policy, ..) => cluster.network_policies.get(policy)?.source.as_ref(),
            Self::LabelNamespace(name, _) => cluster.namespaces.get(name)?.source.as_ref(),
            Self::InsertClusterRule(name, ..)
            | Self::RemoveClusterPeer(name, ..)
            | Self::RemoveClusterRule(name, _) => of_cluster(name),
            Self::NewPolicy(_) | Self::NewClusterPolicy(_) => None,
        }
    }
}

/// `text` after `edit` of the object that begins at `source`; `None` if it is written in a way that is not understood.
/// Whether it says what is meant is for the caller to find out by reading it.
#[must_use]
pub fn edited(text: &str, source: &Source, edit: &Edit) -> Option<String> {
    let tree = SourceTree::read(text);
    applied(text, tree.at(source)?, &operation(edit)?)
}

/// Manifests as some edits leave them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patched {
    /// The files that change, by name.
    pub files: BTreeMap<Arc<str>, String>,
    /// Documents of new objects.
    pub documents: Vec<String>,
    /// What changes in files, each edit with the lines as the edits before it leave them.
    pub steps: Vec<PatchStep>,
}

/// One edit of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatchStep {
    /// Which.
    pub edit: Edit,
    /// The name of the file.
    pub file: Arc<str>,
    /// What it changes.
    pub hunk: Hunk,
}

/// What `edits` make of the manifests that `cluster` was read from; `None` if one of them cannot be made there.
#[must_use]
pub fn patched<'a>(
    edits: &[Edit],
    cluster: &Cluster,
    text: impl Fn(&str) -> Option<&'a str>,
) -> Option<Patched> {
    let mut patched = Patched {
        files: BTreeMap::new(),
        documents: Vec::new(),
        steps: Vec::new(),
    };
    let mut in_place: Vec<(&Source, &Edit)> = Vec::new();
    for edit in edits {
        match edit.source(cluster) {
            Some(source) => in_place.push((source, edit)),
            None => patched.documents.push(new_document(edit)?),
        }
    }
    // From the end, so that what is still to be edited stays where it is.
    let files: Vec<&Arc<str>> = in_place.iter().map(|(source, _)| &source.file).collect();
    let file = |source: &Source| files.iter().position(|name| **name == source.file);
    in_place.sort_by_key(|(source, _)| (file(source), Reverse((source.line, source.column))));
    for (source, edit) in in_place {
        let known = patched.files.get(&source.file).map(String::as_str);
        let before = known.or_else(|| text(&source.file))?;
        let after = edited(before, source, edit)?;
        patched.steps.push(PatchStep {
            edit: edit.clone(),
            file: Arc::clone(&source.file),
            hunk: hunk(before, &after),
        });
        patched.files.insert(Arc::clone(&source.file), after);
    }
    Some(patched)
}

/// The document of an object that is new, or that has no manifest to be edited.
#[must_use]
pub fn new_document(edit: &Edit) -> Option<String> {
    let document = match edit {
        Edit::NewPolicy(policy) => yaml::policy(policy),
        Edit::NewClusterPolicy(policy) => yaml::cluster_policy(policy),
        Edit::LabelNamespace(name, label) => yaml::namespace(name, label),
        Edit::AddPorts(..)
        | Edit::AddPeer(..)
        | Edit::AddRule(..)
        | Edit::ReplacePort(..)
        | Edit::AddException(..)
        | Edit::RemovePeer(..)
        | Edit::RemoveRule(_)
        | Edit::InsertClusterRule(..)
        | Edit::RemoveClusterPeer(..)
        | Edit::RemoveClusterRule(..) => return None,
    };
    Some(document.block(0))
}

/// The lines that differ. `before` and `after` differ in one place.
#[must_use]
pub fn hunk<'a>(before: &'a str, after: &'a str) -> Hunk {
    let lines = |text: &'a str| text.split_inclusive('\n').collect();
    let (old, new): (Vec<&str>, Vec<&str>) = (lines(before), lines(after));
    let same = old
        .iter()
        .zip(&new)
        .take_while(|(one, other)| one == other)
        .count();
    let left = old.len().min(new.len()) - same;
    let ends = old.iter().rev().zip(new.iter().rev());
    let same_after = ends
        .take(left)
        .take_while(|(one, other)| one == other)
        .count();
    let first = same.saturating_sub(AROUND);
    let behind = same_after.min(AROUND);
    let part = |lines: &[&str], from: usize, to: usize, sign: char| -> Vec<String> {
        let lines = lines.get(from..to).unwrap_or_default();
        lines.iter().flat_map(|line| marked(sign, line)).collect()
    };
    let (old_end, new_end) = (old.len() - same_after, new.len() - same_after);
    let text = [
        part(&old, first, same, ' '),
        part(&old, same, old_end, '-'),
        part(&new, same, new_end, '+'),
        part(&old, old_end, old_end + behind, ' '),
    ];
    Hunk {
        line: first + 1,
        lines: (old_end + behind - first, new_end + behind - first),
        text: text.concat(),
    }
}

/// A line as patches have it; one that no line break ends says so.
fn marked(sign: char, line: &str) -> Vec<String> {
    match line.strip_suffix('\n') {
        Some(line) => vec![format!("{sign}{line}")],
        None => vec![
            format!("{sign}{line}"),
            "\\ No newline at end of file".to_owned(),
        ],
    }
}

fn operation(edit: &Edit) -> Option<Operation> {
    Some(match edit {
        Edit::AddPorts(rule, ports) => {
            append(list(rule, "ports"), ports.iter().map(yaml::port).collect())
        }
        Edit::AddPeer(rule, peer) => append(peers(rule), vec![yaml::peer(peer)]),
        Edit::AddRule(_, direction, rule) => {
            append(rules(*direction), vec![yaml::rule(rule, *direction)])
        }
        Edit::LabelNamespace(_, (key, value)) => Operation::Field {
            path: vec![field("metadata"), field("labels")],
            key: key.clone(),
            value: Yaml::Text(value.clone()),
        },
        Edit::ReplacePort(rule, item, by) => splice(
            list(rule, "ports"),
            *item,
            1,
            by.iter().map(yaml::port).collect(),
        ),
        Edit::AddException(rule, item, except) => {
            let mut path = peers(rule);
            path.extend([Step::Item(*item), field("ipBlock"), field("except")]);
            append(path, vec![Yaml::Text(except.to_string())])
        }
        Edit::RemovePeer(rule, item) => splice(peers(rule), *item, 1, Vec::new()),
        Edit::RemoveRule(RuleOf { place, .. }) => {
            splice(rules(place.direction), place.index, 1, Vec::new())
        }
        Edit::InsertClusterRule(name, place, rule) => {
            let rule = yaml::cluster_rule(rule, name.kind, place.direction);
            splice(rules(place.direction), place.index, 0, vec![rule])
        }
        Edit::RemoveClusterPeer(_, RulePlace { direction, index }, item) => {
            let mut path = rules(*direction);
            path.extend([Step::Item(*index), field(peers_field(*direction))]);
            splice(path, *item, 1, Vec::new())
        }
        Edit::RemoveClusterRule(_, place) => {
            splice(rules(place.direction), place.index, 1, Vec::new())
        }
        Edit::NewPolicy(_) | Edit::NewClusterPolicy(_) => return None,
    })
}

fn field(name: &str) -> Step {
    Step::Field(name.to_owned())
}

fn rules(direction: Direction) -> Vec<Step> {
    vec![field("spec"), field(&direction.to_string())]
}

fn list(rule: &RuleOf, name: &str) -> Vec<Step> {
    let mut path = rules(rule.place.direction);
    path.extend([Step::Item(rule.place.index), field(name)]);
    path
}

fn peers(rule: &RuleOf) -> Vec<Step> {
    list(rule, peers_field(rule.place.direction))
}

const fn append(path: Vec<Step>, insert: Vec<Yaml>) -> Operation {
    splice(path, usize::MAX, 0, insert)
}

const fn splice(path: Vec<Step>, at: usize, remove: usize, insert: Vec<Yaml>) -> Operation {
    Operation::Items {
        path,
        at,
        remove,
        insert,
    }
}
