//! Who belongs to whom, kept as objects come and go: nobody has to look at everything to find out what a write means to others.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::sync::Arc;

use serde_json::Value;

use super::Name;
use crate::object::{self, items, text};

/// What names an object among all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id {
    /// Such as `deployments.apps`.
    pub resource: String,
    /// Its name there.
    pub name: Name,
}

/// Objects by the identity that they have, and by those that they belong to.
#[derive(Clone, Debug, Default)]
pub(super) struct Relations {
    holders: Index,
    dependents: Index,
    unsettled: Unsettled,
}

type Index = BTreeMap<String, BTreeSet<Arc<Id>>>;

/// What has been written since somebody looked: the objects, and the identities that they have or had, and that their owners
/// have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unsettled {
    /// Objects that were written or removed.
    pub objects: BTreeSet<Id>,
    /// Their identities.
    pub uids: BTreeSet<String>,
    /// The identities of their owners.
    pub owners: BTreeSet<String>,
}

/// The identities of an object's owners.
pub(crate) fn owners(object: &Value) -> impl Iterator<Item = &str> {
    let owners = items(object, &["metadata", "ownerReferences"]).iter();
    owners.map(|owner| text(owner, &["uid"]))
}

impl Relations {
    /// An object was `before` and is `after`.
    pub(super) fn note(&mut self, id: Id, before: Option<&Value>, after: Option<&Value>) {
        let id = Arc::new(id);
        if let Some(before) = before {
            take(&mut self.holders, object::uid(before), &id);
            owners(before).for_each(|owner| take(&mut self.dependents, owner, &id));
        }
        if let Some(after) = after {
            put(&mut self.holders, object::uid(after), &id);
            owners(after).for_each(|owner| put(&mut self.dependents, owner, &id));
        }
        for object in [before, after].into_iter().flatten() {
            self.unsettled.uids.insert(object::uid(object).to_owned());
            let owners = owners(object).map(str::to_owned);
            self.unsettled.owners.extend(owners);
        }
        self.unsettled.objects.insert(Id::clone(&id));
    }

    /// The objects with this identity: one, unless somebody has given it to several.
    pub(super) fn holders(&self, uid: &str) -> impl Iterator<Item = &Id> {
        find(&self.holders, uid)
    }

    /// The objects that name this identity as an owner.
    pub(super) fn dependents(&self, uid: &str) -> impl Iterator<Item = &Id> {
        find(&self.dependents, uid)
    }

    pub(super) fn take_unsettled(&mut self) -> Unsettled {
        mem::take(&mut self.unsettled)
    }

    pub(super) fn unsettle(&mut self, id: Id) {
        self.unsettled.objects.insert(id);
    }
}

fn find<'a>(index: &'a Index, uid: &str) -> impl Iterator<Item = &'a Id> {
    let found = index.get(uid).into_iter().flatten();
    found.map(AsRef::as_ref)
}

fn put(index: &mut Index, uid: &str, id: &Arc<Id>) {
    let entry = index.entry(uid.to_owned()).or_default();
    entry.insert(Arc::clone(id));
}

fn take(index: &mut Index, uid: &str, id: &Arc<Id>) {
    if let Some(ids) = index.get_mut(uid) {
        ids.remove(id);
        if ids.is_empty() {
            index.remove(uid);
        }
    }
}
