//! The lines of manifests that are quoted.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use ringfence_model::{Cluster, Place, Source, SourceMap, SourceTree};
use ringfence_reach::matching::Step;

/// A rule that is longer is shown by the lines that matter alone.
const LONGEST: usize = 24;

/// The texts that can be quoted, each read for its places when it is first needed.
pub(super) struct Excerpts<'a> {
    sources: &'a SourceMap,
    trees: BTreeMap<Arc<str>, OnceCell<SourceTree>>,
}

/// Lines of a file with marks under some of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Quote {
    pub(super) file: Arc<str>,
    /// The number of the first line.
    pub(super) first_line: usize,
    /// The lines.
    pub(super) text: String,
    /// Whether all lines are shown, or those with marks alone.
    pub(super) whole: bool,
    pub(super) marks: Vec<Mark>,
}

/// A mark under a part of one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// Bytes of the quoted text.
    pub(super) bytes: Range<usize>,
    pub(super) label: String,
    /// Whether this is what the quote is about.
    pub(super) primary: bool,
}

/// A part to mark, by the way to it from the object that is quoted.
#[derive(Clone, Debug)]
pub(super) struct Marked {
    pub(super) place: Vec<Step>,
    pub(super) label: String,
    pub(super) primary: bool,
}

impl<'a> Excerpts<'a> {
    /// The texts that hold the policies and Services of `cluster`.
    pub(super) fn new(sources: &'a SourceMap, cluster: &Cluster) -> Self {
        let policies = cluster.network_policies.values().map(|found| &found.source);
        let cluster_policies = cluster.cluster_policies.values().map(|found| &found.source);
        let services = cluster.services.values().map(|found| &found.source);
        let written = policies.chain(cluster_policies).chain(services).flatten();
        Self {
            sources,
            trees: written
                .map(|source| (Arc::clone(&source.file), OnceCell::new()))
                .collect(),
        }
    }

    /// The object or rule that begins at `source`, all of it, with marks.
    pub(super) fn whole(&self, source: &Source, marked: &[Marked]) -> Option<Quote> {
        let object = self.object(source)?;
        self.quote(source, object, object.bytes(), marked)
    }

    /// One part of the object that begins at `source`, with marks.
    pub(super) fn part(&self, source: &Source, part: &[Step], marked: &[Marked]) -> Option<Quote> {
        let object = self.object(source)?;
        let bytes = nearest(object, part).bytes();
        self.quote(source, object, bytes, marked)
    }

    fn object(&self, source: &Source) -> Option<Place<'_>> {
        let text = self.sources.text(&source.file)?;
        let tree = self.trees.get(&source.file)?;
        tree.get_or_init(|| SourceTree::read(text)).at(source)
    }

    fn quote(
        &self,
        source: &Source,
        object: Place<'_>,
        bytes: Range<usize>,
        marked: &[Marked],
    ) -> Option<Quote> {
        let all = self.sources.text(&source.file)?;
        let lines = full_lines(all, bytes)?;
        let text = all.get(lines.clone())?;
        let marks = marked.iter().filter_map(|marked| {
            let place = nearest(object, &marked.place);
            Some(Mark {
                bytes: within(text, lines.start, place.bytes())?,
                label: marked.label.clone(),
                primary: marked.primary,
            })
        });
        Some(Quote {
            file: Arc::clone(&source.file),
            first_line: all.get(..lines.start)?.matches('\n').count() + 1,
            // What ends lines of Windows would be drawn.
            text: text.replace('\r', " "),
            whole: text.lines().count() <= LONGEST,
            marks: marks.collect(),
        })
    }
}

/// The part that `steps` lead to, or what is there of the way: a field that is left to its default has no place.
fn nearest<'a>(object: Place<'a>, steps: &[Step]) -> Place<'a> {
    let mut found = object;
    for step in steps {
        let next = match step {
            Step::Field(name) => found.field(name),
            Step::Item(index) => found.item(*index),
        };
        let Some(next) = next else { break };
        found = next;
    }
    found
}

/// The lines that hold `bytes`, without the end of the last one.
fn full_lines(text: &str, bytes: Range<usize>) -> Option<Range<usize>> {
    let start = text
        .get(..bytes.start)?
        .rfind('\n')
        .map_or(0, |end| end + 1);
    let last = text.get(..bytes.end)?.trim_end().len().max(start);
    let end = text
        .get(last..)?
        .find('\n')
        .map_or(text.len(), |length| last + length);
    Some(start..end)
}

/// The first line of `bytes`, in a quote that begins at `start`.
fn within(quoted: &str, start: usize, bytes: Range<usize>) -> Option<Range<usize>> {
    let first = bytes.start.checked_sub(start)?;
    let last = bytes.end.checked_sub(start)?.min(quoted.len());
    let line = quoted.get(first..last)?.lines().next().unwrap_or_default();
    Some(first..first + line.trim_end().len().max(1))
}
