//! An entry as it is written for every member of a group.

use std::sync::Arc;

use super::{Entry, Extent, Group};
use crate::{Origin, comment};

/// The comment of what no rule decides and is therefore allowed (rules NP-1, CN-27): it is there because some policy
/// judges the pod.
const UNMATCHED: &str = "no rule denies";

/// What becomes of something, and where that comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) extent: Extent,
    pub(crate) permits: bool,
    pub(crate) origins: Vec<Origin>,
    pub(crate) comment: String,
}

/// The rows of one group for one class; many classes share them.
pub(super) type Rows = Arc<[Row]>;

pub(super) fn rows(group: &Group, entries: &[Entry]) -> Rows {
    entries.iter().map(|entry| row(group, entry)).collect()
}

fn row(group: &Group, entry: &Entry) -> Row {
    let rules = entry.rules.iter();
    let mut origins: Vec<Origin> = rules
        .filter_map(|position| group.origin(*position).cloned())
        .collect();
    if entry.isolated {
        origins.extend(group.isolation());
    }
    let comment = if origins.is_empty() {
        origins.extend(group.judgement());
        UNMATCHED.to_owned()
    } else {
        comment::joined(origins.iter().map(comment::origin))
    };
    group.keep_own(&mut origins);
    Row {
        extent: entry.extent,
        permits: entry.permits,
        origins,
        comment,
    }
}
