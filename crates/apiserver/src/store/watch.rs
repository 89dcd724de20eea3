//! Watches: what there is, where that is asked for, and then each change once.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use serde_json::{Value, json};

use super::{Change, Listed, Store, Text};
use crate::object;
use crate::selector::Filter;
use crate::status::ApiError;

/// How many events one look at the store may yield, so that a slow reader holds little.
const BATCH: usize = 64;

/// What a watch is asked for.
#[derive(Clone, Debug, Default)]
pub struct WatchRequest {
    /// Which objects.
    pub filter: Filter,
    /// Changes after this revision; without it, or with 0, all objects first.
    pub revision: Option<u64>,
    /// All objects first, and a bookmark behind the last of them.
    pub send_initial_events: bool,
    /// Whether the client understands bookmarks.
    pub bookmarks: bool,
}

/// What happened to an object, as its watcher sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchEventKind {
    /// It is there, or matches now.
    Added,
    /// It is different.
    Modified,
    /// It is gone, or no longer matches.
    Deleted,
    /// Nothing: everything up to this revision has been told.
    Bookmark,
    /// All that was there at the start has been told.
    InitialEnd,
}

/// One event.
#[derive(Clone, Debug)]
pub struct WatchEvent {
    /// What happened.
    pub kind: WatchEventKind,
    /// The object; its last matching state when it is gone; metadata only in bookmarks.
    pub object: Arc<Value>,
    /// The object as JSON, shared with all other watchers of the same change once one of them has written it. None where nobody else
    /// is told the same.
    pub text: Option<Text>,
}

/// How a change is told: made once, by the first watcher that needs it.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) after: Text,
    /// The state before, with the revision of its end.
    last: OnceLock<Arc<Value>>,
    last_text: Text,
}

/// How far a watcher has come.
#[derive(Debug)]
pub struct Watch {
    resource: String,
    filter: Filter,
    initial: VecDeque<Listed>,
    initial_end: bool,
    /// Changes up to this revision have been told.
    seen: u64,
}

impl WatchEventKind {
    /// The word on the wire.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
            Self::Bookmark | Self::InitialEnd => "BOOKMARK",
        }
    }
}

impl Watch {
    /// Begins a watch. That the revision is too old is said as the first event, and not here: some clients list anew only
    /// when they hear it there.
    ///
    /// # Errors
    /// 504 if the revision is still to come.
    pub fn start(store: &Store, resource: &str, request: WatchRequest) -> Result<Self, ApiError> {
        let from = request.revision.filter(|revision| *revision > 0);
        if let Some(revision) = from.filter(|revision| *revision > store.revision()) {
            return Err(super::too_large(revision, store.revision()));
        }
        let all_first = request.send_initial_events || from.is_none();
        let matching = store.held(resource).map(|(_, held)| held);
        let matching = matching.filter(|held| all_first && request.filter.matches(&held.object));
        let initial = matching.map(|held| Listed {
            object: Arc::clone(&held.object),
            text: Some(held.text()),
        });
        Ok(Self {
            resource: resource.to_owned(),
            initial: initial.collect(),
            initial_end: request.send_initial_events && request.bookmarks,
            filter: request.filter,
            seen: from.filter(|_| !all_first).unwrap_or(store.revision()),
        })
    }

    /// What is to be told now; nothing if all has been told.
    ///
    /// # Errors
    /// 410 if the reader was too slow, so that changes were forgotten before it heard of them.
    pub fn next(&mut self, store: &Store) -> Result<Vec<WatchEvent>, ApiError> {
        let count = self.initial.len().min(BATCH);
        let added = |listed: Listed| WatchEvent {
            kind: WatchEventKind::Added,
            object: listed.object,
            text: listed.text,
        };
        let mut events: Vec<WatchEvent> = self.initial.drain(..count).map(added).collect();
        if !self.initial.is_empty() {
            return Ok(events);
        }
        if std::mem::take(&mut self.initial_end) {
            events.push(self.mark(WatchEventKind::InitialEnd));
        }
        for change in store.changes_after(&self.resource, self.seen)? {
            if events.len() >= BATCH {
                return Ok(events);
            }
            events.extend(event(change, &self.filter));
            self.seen = change.revision;
        }
        self.seen = store.revision();
        Ok(events)
    }

    /// Says how far the watch has come.
    #[must_use]
    pub fn bookmark(&self) -> WatchEvent {
        self.mark(WatchEventKind::Bookmark)
    }

    fn mark(&self, kind: WatchEventKind) -> WatchEvent {
        let mut object = json!({"metadata": {"resourceVersion": self.seen.to_string()}});
        if kind == WatchEventKind::InitialEnd {
            let annotations = json!({"k8s.io/initial-events-end": "true"});
            object::metadata(&mut object).insert("annotations".to_owned(), annotations);
        }
        WatchEvent {
            kind,
            object: Arc::new(object),
            text: None,
        }
    }
}

/// What `change` is to somebody who sees only what `filter` lets through.
fn event(change: &Change, filter: &Filter) -> Option<WatchEvent> {
    let visible = |object: &Option<Arc<Value>>| {
        let seen = object.as_ref().filter(|object| filter.matches(object));
        seen.cloned()
    };
    let written = &change.written;
    let (kind, object, text) = match (visible(&change.before), visible(&change.after)) {
        (None, None) => return None,
        (None, Some(after)) => (WatchEventKind::Added, after, &written.after),
        (Some(_), Some(after)) => (WatchEventKind::Modified, after, &written.after),
        (Some(before), None) => {
            let last = || Arc::new(object::with_revision(&before, change.revision));
            let last = Arc::clone(written.last.get_or_init(last));
            (WatchEventKind::Deleted, last, &written.last_text)
        }
    };
    Some(WatchEvent {
        kind,
        object,
        text: Some(Arc::clone(text)),
    })
}
