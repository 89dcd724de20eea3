//! Everything there is, in memory, under one revision counter, and what happened lately.
//!
//! Decides nothing: what is put in is there. Each write takes a new revision, a removal too; each resource remembers its
//! last changes, so that a watch continues from any of their revisions without gap or repeat.

mod held;
mod list;
mod relations;
mod watch;

#[cfg(test)]
mod tests;

pub use held::Text;
pub use list::{ListRequest, Listed, Listing};
pub(crate) use relations::owners;
pub use relations::{Id, Unsettled};
pub use watch::{Watch, WatchEvent, WatchEventKind, WatchRequest};

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde_json::Value;

use crate::object;
use crate::status::ApiError;
use held::Held;
use relations::Relations;
use watch::Written;

/// How many changes a resource remembers.
const REMEMBERED: usize = 2_048;

/// What names an object among those of its resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    /// Empty for an object of the whole cluster.
    pub namespace: String,
    /// Its own name.
    pub name: String,
}

impl Name {
    /// The name that `object` says it has.
    #[must_use]
    pub fn of(object: &Value) -> Self {
        Self {
            namespace: object::namespace(object).to_owned(),
            name: object::name(object).to_owned(),
        }
    }
}

/// A write: what an object was before and is after.
#[derive(Clone, Debug)]
pub struct Change {
    /// The revision that it took.
    pub revision: u64,
    /// The object.
    pub name: Name,
    /// `None` if it was not there.
    pub before: Option<Arc<Value>>,
    /// `None` if it is gone.
    pub after: Option<Arc<Value>>,
    /// How it is told, once for all who watch.
    written: Arc<Written>,
}

/// The objects by resource, such as `deployments.apps`.
#[derive(Debug)]
pub struct Store {
    revision: u64,
    /// The revision it began with: what lies before is not known.
    first: u64,
    remembered: usize,
    resources: BTreeMap<String, Resource>,
    relations: Relations,
}

#[derive(Debug)]
struct Resource {
    objects: BTreeMap<Name, Held>,
    changes: VecDeque<Change>,
    /// The last revision of which the change is forgotten.
    forgotten: u64,
}

impl Store {
    /// An empty store whose first write takes the revision after `first`.
    #[must_use]
    pub fn new(first: u64) -> Self {
        Self {
            revision: first,
            first,
            remembered: REMEMBERED,
            resources: BTreeMap::new(),
            relations: Relations::default(),
        }
    }

    /// Remembers no more than `count` changes of each resource.
    #[must_use]
    pub const fn remembering(mut self, count: usize) -> Self {
        self.remembered = count;
        self
    }

    /// The revision of the last write.
    #[must_use]
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// One object.
    #[must_use]
    pub fn get(&self, resource: &str, name: &Name) -> Option<&Arc<Value>> {
        let held = self.resources.get(resource)?.objects.get(name)?;
        Some(&held.object)
    }

    /// The objects of a resource, by namespace and name.
    pub fn objects(&self, resource: &str) -> impl Iterator<Item = (&Name, &Arc<Value>)> {
        self.held(resource).map(|(name, held)| (name, &held.object))
    }

    fn held(&self, resource: &str) -> impl Iterator<Item = (&Name, &Held)> {
        let content = self.resources.get(resource).into_iter();
        content.flat_map(|content| &content.objects)
    }

    /// All objects with their resources.
    pub fn everything(&self) -> impl Iterator<Item = (&str, &Name, &Arc<Value>)> {
        self.resources.iter().flat_map(|(resource, content)| {
            let objects = content.objects.iter();
            objects.map(move |(name, held)| (resource.as_str(), name, &held.object))
        })
    }

    /// The objects of a namespace, of all resources.
    pub fn within<'a>(&'a self, namespace: &'a str) -> impl Iterator<Item = Id> + 'a {
        let first = Name {
            namespace: namespace.to_owned(),
            name: String::new(),
        };
        self.resources.iter().flat_map(move |(resource, content)| {
            let names = content.objects.range(first.clone()..).map(|(name, _)| name);
            let inside = names.take_while(move |name| name.namespace == namespace);
            inside.map(|name| Id {
                resource: resource.clone(),
                name: name.clone(),
            })
        })
    }

    /// The objects with the identity `uid`.
    pub fn holders(&self, uid: &str) -> impl Iterator<Item = (&Id, &Arc<Value>)> {
        self.found(self.relations.holders(uid))
    }

    /// The objects that name the identity `uid` as an owner.
    pub fn dependents(&self, uid: &str) -> impl Iterator<Item = (&Id, &Arc<Value>)> {
        self.found(self.relations.dependents(uid))
    }

    fn found<'a>(
        &'a self,
        ids: impl Iterator<Item = &'a Id>,
    ) -> impl Iterator<Item = (&'a Id, &'a Arc<Value>)> {
        ids.filter_map(|id| Some((id, self.get(&id.resource, &id.name)?)))
    }

    /// What was written since this was asked the last time.
    pub fn take_unsettled(&mut self) -> Unsettled {
        self.relations.take_unsettled()
    }

    /// An object is to be looked at again.
    pub fn unsettle(&mut self, id: Id) {
        self.relations.unsettle(id);
    }

    /// Writes an object and returns it with its revision.
    pub fn put(&mut self, resource: &str, object: &Value) -> Arc<Value> {
        let after = Arc::new(object::with_revision(object, self.revision + 1));
        self.record(resource, Name::of(object), Some(Arc::clone(&after)));
        after
    }

    /// Removes an object and returns its last state with the revision of its removal.
    pub fn remove(&mut self, resource: &str, name: &Name) -> Option<Value> {
        let before = Arc::clone(self.get(resource, name)?);
        self.record(resource, name.clone(), None);
        Some(object::with_revision(&before, self.revision))
    }

    fn record(&mut self, resource: &str, name: Name, after: Option<Arc<Value>>) {
        self.revision += 1;
        let first = self.first;
        let content = self.resources.entry(resource.to_owned());
        let content = content.or_insert_with(|| Resource::new(first));
        let written = Arc::<Written>::default();
        let before = match &after {
            Some(object) => {
                let held = Held::new(Arc::clone(object), &written.after);
                content.objects.insert(name.clone(), held)
            }
            None => content.objects.remove(&name),
        };
        let before = before.map(|held| held.object);
        let id = Id {
            resource: resource.to_owned(),
            name: name.clone(),
        };
        self.relations.note(id, before.as_deref(), after.as_deref());
        let revision = self.revision;
        content.changes.push_back(Change {
            revision,
            name,
            before,
            after,
            written,
        });
        content.forget(self.remembered);
    }

    /// The changes of a resource after `revision`, in order.
    ///
    /// # Errors
    /// 410 if they are no longer all known, 504 if that revision is still to come.
    pub fn changes_after(
        &self,
        resource: &str,
        revision: u64,
    ) -> Result<impl Iterator<Item = &Change>, ApiError> {
        self.check_revision(resource, revision)?;
        let changes = self.resources.get(resource).map(|content| &content.changes);
        let from = changes.map_or(0, |changes| {
            changes.partition_point(|change| change.revision <= revision)
        });
        Ok(changes
            .into_iter()
            .flat_map(move |changes| changes.range(from..)))
    }

    /// The objects of a resource as they were at `revision`.
    ///
    /// # Errors
    /// As [`Store::changes_after`].
    pub fn objects_at(
        &self,
        resource: &str,
        revision: u64,
    ) -> Result<BTreeMap<Name, Arc<Value>>, ApiError> {
        let later: Vec<&Change> = self.changes_after(resource, revision)?.collect();
        let objects = self.objects(resource);
        let mut objects: BTreeMap<_, _> = objects
            .map(|(name, object)| (name.clone(), Arc::clone(object)))
            .collect();
        for change in later.into_iter().rev() {
            match &change.before {
                Some(before) => objects.insert(change.name.clone(), Arc::clone(before)),
                None => objects.remove(&change.name),
            };
        }
        Ok(objects)
    }

    fn check_revision(&self, resource: &str, revision: u64) -> Result<(), ApiError> {
        let content = self.resources.get(resource);
        let forgotten = content.map_or(self.first, |content| content.forgotten);
        if revision < forgotten {
            let message = format!("too old resource version: {revision} ({forgotten})");
            return Err(ApiError::expired(message));
        }
        if revision > self.revision {
            return Err(too_large(revision, self.revision));
        }
        Ok(())
    }
}

impl Resource {
    const fn new(first: u64) -> Self {
        Self {
            objects: BTreeMap::new(),
            changes: VecDeque::new(),
            forgotten: first,
        }
    }

    fn forget(&mut self, remembered: usize) {
        while self.changes.len() > remembered {
            if let Some(change) = self.changes.pop_front() {
                self.forgotten = change.revision;
            }
        }
    }
}

fn too_large(revision: u64, current: u64) -> ApiError {
    let message = format!("Too large resource version: {revision}, current: {current}");
    ApiError::new(504, "Timeout", message).because(
        "ResourceVersionTooLarge",
        "Too large resource version",
        "",
    )
}
