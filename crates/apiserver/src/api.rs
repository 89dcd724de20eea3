//! Requests and their answers, without sockets: what is asked, who may be asked for it, what comes of it.
//!
//! A write is decided as a function of what there is, and carried out in one place, one after the other, with an
//! [`Admission`] in between that may refuse it.

mod answer;
mod apply;
mod authorize;
mod body;
mod commit;
mod create;
mod delete;
mod discovery;
mod dispatch;
mod finish;
mod garbage;
mod mirror;
mod openapi;
mod patching;
mod pods;
mod read;
mod request;
mod restore;
mod reviews;
mod route;
mod scale;
mod streams;
mod table;
mod update;

#[cfg(test)]
mod tests;

pub use answer::{Answer, Body, List, Watching};
pub use commit::{Admission, AdmitAll, Write};
pub use request::{Method, Moment, Request};
pub use restore::RestoreError;
pub use streams::Streaming;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio::sync::watch;

use crate::kinds::Kinds;
use crate::store::Store;

/// What an [`Api`] is made with.
#[derive(Clone, Copy, Debug)]
pub struct ApiConfig {
    /// The revision before the first write. One that grows from one start to the next makes clients of an earlier server list
    /// anew instead of missing changes.
    pub first_revision: u64,
    /// Whether something ends pods that are to be deleted. Without it they are gone at once.
    pub ends_pods: bool,
}

/// A Kubernetes API over a store.
#[derive(Debug)]
pub struct Api {
    config: ApiConfig,
    kinds: Kinds,
    /// The kinds of ours, and those that are defined in the store.
    served: RwLock<Arc<Kinds>>,
    store: RwLock<Store>,
    /// Held during a write, so that each is decided by what the last one left.
    writing: Mutex<()>,
    admission: Box<dyn Admission>,
    /// The revision, for watchers to wait for.
    revision: watch::Sender<u64>,
}

impl Api {
    /// An API with nothing in it.
    #[must_use]
    pub fn new(config: ApiConfig, admission: Box<dyn Admission>) -> Self {
        let kinds = Kinds::default();
        Self {
            config,
            served: RwLock::new(Arc::new(kinds.clone())),
            kinds,
            store: RwLock::new(Store::new(config.first_revision)),
            writing: Mutex::new(()),
            admission,
            revision: watch::Sender::new(config.first_revision),
        }
    }

    /// Becomes another value with each write.
    #[must_use]
    pub fn revisions(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    /// The kinds of ours. What CustomResourceDefinitions add is in [`Api::served`].
    #[must_use]
    pub const fn kinds(&self) -> &Kinds {
        &self.kinds
    }

    /// All kinds that are served now.
    #[must_use]
    pub fn served(&self) -> Arc<Kinds> {
        Arc::clone(&self.served.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What there is. Held shortly: nobody writes meanwhile.
    pub fn store(&self) -> RwLockReadGuard<'_, Store> {
        self.store.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Store) -> T) -> T {
        let mut store = self.store_mut();
        let result = change(&mut store);
        let revision = store.revision();
        drop(store);
        self.revision.send_replace(revision);
        result
    }

    /// For what watchers need not hear of.
    fn store_mut(&self) -> RwLockWriteGuard<'_, Store> {
        self.store.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin_writing(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
