//! What a controller sees: everything that is there at one revision.

use std::collections::BTreeMap;
use std::sync::Arc;

use ringfence_apiserver::object;
use ringfence_apiserver::store::{Name, Store};
use serde_json::Value;

use crate::owner;

/// What a view does not find in the store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Where the names of new objects come from.
    pub seed: u64,
    /// The certificate, in PEM, that pods are to know the API by.
    pub authority: Arc<str>,
}

/// The objects of a store at one revision, and whom they belong to.
#[derive(Clone, Debug)]
pub struct View {
    settings: Settings,
    revision: u64,
    resources: BTreeMap<String, BTreeMap<Name, Arc<Value>>>,
    held: BTreeMap<Holder, Vec<Arc<Value>>>,
}

/// Whose objects: resource, namespace, and the controller's uid, empty for those that nobody controls.
type Holder = (String, String, String);

impl View {
    /// What `store` holds. Names of new objects come from the seed and the store's revision.
    #[must_use]
    pub fn of(store: &Store, settings: &Settings) -> Self {
        let mut view = Self {
            settings: settings.clone(),
            revision: store.revision(),
            resources: BTreeMap::new(),
            held: BTreeMap::new(),
        };
        for (resource, name, object) in store.everything() {
            view.add(resource, name, object);
        }
        view
    }

    fn add(&mut self, resource: &str, name: &Name, object: &Arc<Value>) {
        let uid = owner::controller(object).map_or("", |owner| object::text(owner, &["uid"]));
        let holder = (resource.to_owned(), name.namespace.clone(), uid.to_owned());
        self.held
            .entry(holder)
            .or_default()
            .push(Arc::clone(object));
        let objects = self.resources.entry(resource.to_owned()).or_default();
        objects.insert(name.clone(), Arc::clone(object));
    }

    /// What new names are derived from: the same for the same store and seed, another after each write.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        self.settings.seed ^ self.revision.rotate_left(32)
    }

    /// The certificate that pods are to know the API by.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.settings.authority
    }

    /// The revision that is seen.
    #[must_use]
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// The objects of a resource, by namespace and name.
    pub fn objects(&self, resource: &str) -> impl Iterator<Item = &Value> {
        let objects = self.resources.get(resource).into_iter();
        objects.flat_map(BTreeMap::values).map(AsRef::as_ref)
    }

    /// Those of a namespace, by name.
    pub fn within<'a>(
        &'a self,
        resource: &str,
        namespace: &'a str,
    ) -> impl Iterator<Item = &'a Value> {
        let first = Name {
            namespace: namespace.to_owned(),
            name: String::new(),
        };
        let objects = self.resources.get(resource).into_iter();
        objects
            .flat_map(move |objects| objects.range(first.clone()..))
            .take_while(move |(name, _)| name.namespace == namespace)
            .map(|(_, object)| object.as_ref())
    }

    /// One object; the namespace is empty for one of the whole cluster.
    #[must_use]
    pub fn get(&self, resource: &str, namespace: &str, name: &str) -> Option<&Value> {
        let name = Name {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        Some(self.resources.get(resource)?.get(&name)?)
    }

    /// What the object with this uid controls, by name; for the empty one what nobody controls.
    pub fn held(&self, resource: &str, namespace: &str, uid: &str) -> impl Iterator<Item = &Value> {
        let holder = (resource.to_owned(), namespace.to_owned(), uid.to_owned());
        let held = self.held.get(&holder).into_iter();
        held.flatten().map(AsRef::as_ref)
    }
}
