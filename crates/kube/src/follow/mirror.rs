//! From changes of kinds, which come and break apart from each other, to one story. Decides alone: no sockets, no clock.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use ringfence_model::{Object, ObjectKey, ObjectKind, ObjectName, add_endpoints};

use super::Word;
use super::translate::is_vital;

/// What happened to a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// All objects are told anew.
    Begin,
    /// All objects were told.
    Done,
    /// The object exists and looks like this.
    Apply(Box<Object>),
    /// The object exists, and is not understood.
    Unreadable { key: ObjectKey, message: String },
    /// The object is gone.
    Delete(ObjectKey),
    /// The cluster has not the kind.
    NotServed,
}

/// How far a kind was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Progress {
    /// Its objects are being told; these were.
    Hearing(BTreeSet<ObjectKey>),
    Following,
}

/// What the sources have said, and what was said of it.
#[derive(Debug)]
pub(super) struct Mirror {
    progress: Vec<Progress>,
    /// The objects of each source, EndpointSlices too.
    heard: Vec<BTreeMap<ObjectKey, Object>>,
    /// Objects that are gone, but may not be said to be yet.
    doomed: Vec<BTreeSet<ObjectKey>>,
    /// Objects of each source that matter and are not understood: nothing is in sync with them.
    unreadable: Vec<BTreeSet<ObjectKey>>,
    /// What the listener was told.
    told: BTreeMap<ObjectKey, Object>,
    /// What may have to be told.
    stale: BTreeSet<ObjectKey>,
    /// Whether something was told that no [`Word::Synced`] has followed yet.
    owes: bool,
    revision: u64,
}

impl Mirror {
    /// Of so many sources.
    pub(super) fn new(sources: usize) -> Self {
        Self {
            progress: vec![Progress::Hearing(BTreeSet::new()); sources],
            heard: vec![BTreeMap::new(); sources],
            doomed: vec![BTreeSet::new(); sources],
            unreadable: vec![BTreeSet::new(); sources],
            told: BTreeMap::new(),
            stale: BTreeSet::new(),
            owes: true,
            revision: 0,
        }
    }

    /// Takes a change in, and says what follows from it.
    pub(super) fn take(&mut self, source: usize, change: Change) -> Vec<Word> {
        match change {
            Change::Begin => self.begin(source),
            Change::Done => self.done(source),
            Change::Apply(object) => self.apply(source, *object),
            Change::Unreadable { key, message } => self.unreadable(source, key, &message),
            Change::Delete(key) => self.delete(source, key),
            Change::NotServed => self.not_served(source),
        }
        self.words()
    }

    /// The revision up to which all is said that was heard; `None` while something is being heard anew.
    pub(super) fn said(&self) -> Option<u64> {
        (self.is_synced() && !self.owes).then_some(self.revision)
    }

    fn begin(&mut self, source: usize) {
        if let Some(progress) = self.progress.get_mut(source) {
            *progress = Progress::Hearing(BTreeSet::new());
        }
    }

    /// What was not told this time is gone.
    fn done(&mut self, source: usize) {
        let (Some(progress), Some(heard), Some(doomed), Some(unreadable)) = (
            self.progress.get_mut(source),
            self.heard.get(source),
            self.doomed.get_mut(source),
            self.unreadable.get_mut(source),
        ) else {
            return;
        };
        if let Progress::Hearing(seen) = std::mem::replace(progress, Progress::Following) {
            let gone = heard.keys().filter(|key| !seen.contains(key));
            doomed.extend(gone.cloned());
            unreadable.retain(|key| seen.contains(key));
        }
    }

    fn apply(&mut self, source: usize, object: Object) {
        let key = object.key();
        self.saw(source, &key);
        self.is_understood(source, &key);
        if let Some(heard) = self.heard.get_mut(source) {
            let before = heard.insert(key.clone(), object);
            self.mark(key, before.as_ref());
        }
    }

    /// What was understood of it last stays.
    fn unreadable(&mut self, source: usize, key: ObjectKey, message: &str) {
        tracing::warn!(object = %key, message, "an object of the cluster is not understood");
        self.saw(source, &key);
        if is_vital(key.kind)
            && let Some(unreadable) = self.unreadable.get_mut(source)
        {
            unreadable.insert(key);
        }
    }

    fn is_understood(&mut self, source: usize, key: &ObjectKey) {
        if let Some(unreadable) = self.unreadable.get_mut(source) {
            unreadable.remove(key);
        }
    }

    fn delete(&mut self, source: usize, key: ObjectKey) {
        self.is_understood(source, &key);
        if let Some(Progress::Hearing(seen)) = self.progress.get_mut(source) {
            seen.remove(&key);
        }
        if let Some(doomed) = self.doomed.get_mut(source) {
            doomed.insert(key);
        }
    }

    /// A kind that was never there is heard to its end. One that was there a moment ago may be there again: what there was
    /// of it stays.
    fn not_served(&mut self, source: usize) {
        let nothing = self.heard.get(source).is_some_and(BTreeMap::is_empty);
        if let Some(progress) = self.progress.get_mut(source)
            && nothing
        {
            *progress = Progress::Following;
        }
    }

    fn saw(&mut self, source: usize, key: &ObjectKey) {
        if let Some(Progress::Hearing(seen)) = self.progress.get_mut(source) {
            seen.insert(key.clone());
        }
        if let Some(doomed) = self.doomed.get_mut(source) {
            doomed.remove(key);
        }
    }

    /// Notes what may have to be told because of `key`, which was `before`.
    fn mark(&mut self, key: ObjectKey, before: Option<&Object>) {
        if key.kind != ObjectKind::EndpointSlice {
            self.stale.insert(key);
            return;
        }
        let now = self.find(&key).and_then(service_of);
        let services = before.and_then(service_of).into_iter().chain(now);
        let keys = services.map(|name| ObjectKey::namespaced(ObjectKind::Service, &name));
        let keys: Vec<ObjectKey> = keys.collect();
        self.stale.extend(keys);
    }

    fn words(&mut self) -> Vec<Word> {
        let is_synced = self.is_synced();
        if self.revision == 0 && !is_synced {
            return Vec::new();
        }
        if is_synced {
            self.bury();
        }
        let mut words = self.tell();
        self.owes |= !words.is_empty();
        if self.revision == 0 {
            words.insert(0, Word::Reset);
        }
        if is_synced && std::mem::take(&mut self.owes) {
            self.revision += 1;
            words.push(Word::Synced {
                revision: self.revision,
            });
        }
        words
    }

    fn is_synced(&self) -> bool {
        let mut progress = self.progress.iter();
        progress.all(|found| *found == Progress::Following)
            && self.unreadable.iter().all(BTreeSet::is_empty)
    }

    /// Forgets what is gone.
    fn bury(&mut self) {
        for source in 0..self.doomed.len() {
            let doomed = self.doomed.get_mut(source).map(std::mem::take);
            for key in doomed.unwrap_or_default() {
                let heard = self.heard.get_mut(source);
                let before = heard.and_then(|heard| heard.remove(&key));
                self.mark(key, before.as_ref());
            }
        }
    }

    /// Tells what differs from what was told.
    fn tell(&mut self) -> Vec<Word> {
        let mut words = Vec::new();
        for key in std::mem::take(&mut self.stale) {
            match self.now(&key) {
                Some(object) if self.told.get(&key) != Some(&object) => {
                    self.told.insert(key, object.clone());
                    words.push(Word::Apply(Box::new(object)));
                }
                None if self.told.remove(&key).is_some() => words.push(Word::Delete(key)),
                Some(_) | None => {}
            }
        }
        words
    }

    /// The object as it is told: a Service with the backends that its EndpointSlices list.
    fn now(&self, key: &ObjectKey) -> Option<Object> {
        let found = self.find(key)?;
        let Object::Service(service) = found else {
            return Some(found.clone());
        };
        let slices = self.slices(&service.name);
        let mut service = service.clone();
        // What belongs to no Service is nobody's.
        let _ = add_endpoints([&mut service], slices);
        Some(Object::Service(service))
    }

    fn find(&self, key: &ObjectKey) -> Option<&Object> {
        self.heard.iter().find_map(|heard| heard.get(key))
    }

    fn slices<'a>(&'a self, service: &'a ObjectName) -> impl Iterator<Item = &'a Object> {
        let first = ObjectKey {
            kind: ObjectKind::EndpointSlice,
            namespace: Some(service.namespace.clone()),
            name: String::new(),
        };
        let of_namespace = self.heard.iter().flat_map(move |heard| {
            let from_here = heard.range(first.clone()..);
            from_here.take_while(move |(key, _)| {
                key.kind == ObjectKind::EndpointSlice
                    && key.namespace.as_ref() == Some(&service.namespace)
            })
        });
        let objects = of_namespace.map(|(_, object)| object);
        objects.filter(|object| service_of(object).as_ref() == Some(service))
    }
}

/// The Service that an EndpointSlice belongs to.
fn service_of(object: &Object) -> Option<ObjectName> {
    let Object::Endpoints(found) = object else {
        return None;
    };
    let service = found.service.as_ref()?;
    Some(ObjectName::new(&found.name.namespace, service))
}
