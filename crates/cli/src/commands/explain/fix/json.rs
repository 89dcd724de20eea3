use ringfence_net::ConnectionSet;
use ringfence_reach::diff::Kind;
use serde::Serialize;

use super::{Patch, Remedy, Shown, Site};

/// The fixes for machines.
#[derive(Serialize)]
pub(in crate::commands::explain) struct Fixes<'a> {
    /// `allow` or `deny`.
    goal: &'static str,
    /// The best first. Each is verified: with its edits the answer is the goal.
    fixes: Vec<OneFix<'a>>,
    /// How many are left out without `--all`.
    more: usize,
    /// Why there is none.
    obstacle: Option<&'a str>,
}

#[derive(Serialize)]
struct OneFix<'a> {
    edits: Vec<OneEdit<'a>>,
    /// What changes besides what was asked about.
    besides: Vec<Besides<'a>>,
}

#[derive(Serialize)]
struct OneEdit<'a> {
    what: &'a str,
    /// Null for a new document.
    file: Option<&'a str>,
    /// The first line of the patch, before it.
    line: Option<usize>,
    /// A unified diff, to be given to `patch -p1`.
    patch: Option<String>,
    /// A new document.
    document: Option<&'a str>,
}

#[derive(Serialize)]
struct Besides<'a> {
    kind: Kind,
    source: String,
    destination: String,
    connections: &'a ConnectionSet,
    /// Whether it is so for some pairs of their pods and not for all.
    partial: bool,
}

impl<'a> Fixes<'a> {
    pub(in crate::commands::explain) fn new(remedy: &'a Remedy) -> Self {
        Self {
            goal: remedy.word(),
            fixes: remedy.fixes.iter().map(one_fix).collect(),
            more: remedy.more,
            obstacle: remedy.obstacle,
        }
    }
}

fn one_fix(shown: &Shown) -> OneFix<'_> {
    let pairs = shown.fix.besides.iter();
    let besides = pairs.flat_map(|pair| {
        pair.changes.iter().map(move |change| Besides {
            kind: change.kind,
            source: pair.source.full_name(),
            destination: pair.destination.full_name(),
            connections: &change.connections,
            partial: change.partial,
        })
    });
    OneFix {
        edits: shown.patches.iter().map(one_edit).collect(),
        besides: besides.collect(),
    }
}

fn one_edit(patch: &Patch) -> OneEdit<'_> {
    let what = &patch.what;
    match &patch.site {
        Site::Lines { file, hunk } => {
            let ((before, after), line) = (hunk.lines, hunk.line);
            let text = hunk.text.join("\n");
            OneEdit {
                what,
                file: Some(file),
                line: Some(line),
                patch: Some(format!(
                    "--- a/{file}\n+++ b/{file}\n@@ -{line},{before} +{line},{after} @@\n{text}\n"
                )),
                document: None,
            }
        }
        Site::Document(text) => OneEdit {
            what,
            file: None,
            line: None,
            patch: None,
            document: Some(text),
        },
    }
}
