//! Changes that are the same but for their ends, told together.

use std::collections::BTreeMap;
use std::sync::Arc;

use ringfence_reach::diff::Change;
use ringfence_reach::workload::Unit;

use super::{Section, Told, What, example, what};
use crate::commands::diff::gate::{Judged, Mark};
use crate::commands::diff::one::One;
use crate::commands::matrix::view::Names;
use crate::merged::Merged;

/// How much of a report is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// As much as people read.
    Few,
    /// Everything.
    All,
}

/// As many groups are shown of a section.
const MOST_GROUPS: usize = 40;

/// As many ends are named on either side of a group.
const MOST_NAMES: usize = 20;

impl Extent {
    /// The first of `groups`, those first that a gate refuses, with the first of their names; and how many groups are
    /// left out.
    pub(in crate::commands::diff) fn of(self, mut groups: Vec<Told>) -> (Vec<Told>, usize) {
        if self == Self::All {
            return (groups, 0);
        }
        let left = groups.len().saturating_sub(MOST_GROUPS);
        if left > 0 {
            groups.sort_by_key(|told| !told.what.is_refused);
            groups.truncate(MOST_GROUPS);
        }
        for told in &mut groups {
            shorten(&mut told.sources);
            shorten(&mut told.destinations);
        }
        (groups, left)
    }
}

fn shorten(names: &mut Vec<String>) {
    let left = names.len().saturating_sub(MOST_NAMES);
    if left > 0 {
        names.truncate(MOST_NAMES);
        names.push(format!("{left} more"));
    }
}

/// The changes of a section, those that have an end and everything else in common as one.
pub(in crate::commands::diff) fn grouped(
    section: &Section<'_>,
    names: &Names,
    judged: Option<&Judged>,
) -> Vec<Told> {
    let mut words = Words::default();
    let mut by_destination: Merged<(usize, usize), Vec<usize>> = Merged::default();
    for one in &section.changes {
        let (source, destination) = (&one.pair.source, &one.pair.destination);
        let destination = words.name(destination, names);
        let key = (destination, words.what(*one, judged));
        let source = words.name(source, names);
        by_destination.of(key, Vec::new).push(source);
    }
    let mut grouped: Merged<(Vec<usize>, usize), Vec<usize>> = Merged::default();
    for ((destination, what), sources) in by_destination.in_order() {
        grouped.of((sources, what), Vec::new).push(destination);
    }
    let grouped = grouped.in_order();
    let told = grouped.filter_map(|((sources, what), destinations)| {
        let (what, example) = words.whats.get(what)?;
        Some(Told {
            sources: words.names(&sources),
            destinations: words.names(&destinations),
            example: example.clone(),
            what: what.clone(),
        })
    });
    told.collect()
}

/// Words that many changes have in common, by numbers: there may be millions of changes.
#[derive(Default)]
struct Words {
    names: Vec<String>,
    by_name: BTreeMap<String, usize>,
    units: BTreeMap<*const Unit, usize>,
    /// Each with the first connection to try.
    whats: Vec<(What, Option<String>)>,
    by_what: BTreeMap<What, usize>,
    changes: BTreeMap<(*const Change, Option<*const Mark>), usize>,
}

impl Words {
    fn name(&mut self, unit: &Arc<Unit>, names: &Names) -> usize {
        if let Some(known) = self.units.get(&Arc::as_ptr(unit)) {
            return *known;
        }
        let name = names.of_unit(unit);
        let number = *self.by_name.entry(name).or_insert_with_key(|name| {
            self.names.push(name.clone());
            self.names.len() - 1
        });
        self.units.insert(Arc::as_ptr(unit), number);
        number
    }

    fn what(&mut self, one: One<'_>, judged: Option<&Judged>) -> usize {
        let mark = judged.and_then(|judged| judged.mark(one));
        let key = (&raw const *one.change, mark.map(|mark| &raw const *mark));
        if let Some(known) = self.changes.get(&key) {
            return *known;
        }
        let words = what(one, judged);
        let number = *self.by_what.entry(words).or_insert_with_key(|words| {
            self.whats.push((words.clone(), example(one.change)));
            self.whats.len() - 1
        });
        self.changes.insert(key, number);
        number
    }

    fn names(&self, numbers: &[usize]) -> Vec<String> {
        let names = numbers.iter().filter_map(|number| self.names.get(*number));
        names.cloned().collect()
    }
}
