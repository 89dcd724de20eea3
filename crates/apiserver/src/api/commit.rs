//! Carrying out what was decided.

use std::fmt;
use std::sync::{Arc, PoisonError};

use serde_json::Value;

use super::answer::Answer;
use super::route::Route;
use super::table::Form;
use super::update::settle;
use super::{Api, Moment, Request, garbage};
use crate::kind::Kind;
use crate::managed::{self, Entry};
use crate::status::ApiError;
use crate::store::{Id, Name, Store};

/// The resource of the definitions of custom resources.
pub(super) const DEFINITIONS: &str = "customresourcedefinitions.apiextensions.k8s.io";

/// A write that was found valid and is about to happen.
#[derive(Clone, Copy, Debug)]
pub struct Write<'a> {
    /// The kind of the object.
    pub kind: &'a Kind,
    /// The object as it is; `None` if it is new.
    pub before: Option<&'a Value>,
    /// The object as it will be; `None` if it goes.
    pub after: Option<&'a Value>,
}

/// Whoever must agree to a write, and makes it true elsewhere before it is stored.
pub trait Admission: fmt::Debug + Send + Sync {
    /// Agrees to `write`, or says why not.
    ///
    /// # Errors
    /// What the client is told; nothing is stored then.
    fn admit(&self, write: &Write<'_>) -> Result<(), ApiError>;

    /// Waits, where somebody may rely on it, until `write`, which is stored, is true elsewhere.
    ///
    /// # Errors
    /// What the client is told; what was there before is stored again then, and [`Admission::withdrawn`] is told so.
    fn stored(&self, write: &Write<'_>) -> Result<(), ApiError> {
        let _ = write;
        Ok(())
    }

    /// Takes note of `write`, by which one was taken back.
    fn withdrawn(&self, write: &Write<'_>) {
        let _ = write;
    }

    /// Gives `object`, which is to take the place of `before`, what only the cluster can give, such as an address of those
    /// that `store` leaves free. Nothing is kept elsewhere: a rehearsal asks too.
    ///
    /// # Errors
    /// What the client is told; nothing is stored then.
    fn complete(
        &self,
        store: &Store,
        kind: &Kind,
        before: Option<&Value>,
        object: &mut Value,
    ) -> Result<(), ApiError> {
        let _ = (store, kind, before, object);
        Ok(())
    }
}

/// Agrees to everything.
#[derive(Clone, Copy, Debug)]
pub struct AdmitAll;

impl Admission for AdmitAll {
    fn admit(&self, _: &Write<'_>) -> Result<(), ApiError> {
        Ok(())
    }
}

/// What a write comes to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// The object is to be this.
    Put(Value),
    /// The object is to go; this is its last state.
    Remove(Value),
    /// It is already as asked for.
    Same(Value),
}

impl Outcome {
    pub(crate) const fn object(&self) -> &Value {
        match self {
            Self::Put(object) | Self::Remove(object) | Self::Same(object) => object,
        }
    }
}

/// A write, decided.
#[derive(Clone, Debug)]
pub(crate) struct Decision {
    pub(crate) outcome: Outcome,
    pub(crate) warnings: Vec<String>,
    pub(crate) created: bool,
}

impl Decision {
    /// Notes who manages the fields of a new object.
    pub(super) fn record(&mut self, entries: &[Entry]) {
        if let Outcome::Put(object) = &mut self.outcome {
            managed::record(object, entries);
        }
    }

    /// Notes who manages the fields of an object that was `current`.
    pub(super) fn record_over(&mut self, current: &Value, entries: &[Entry]) {
        if let Outcome::Put(object) | Outcome::Same(object) = &self.outcome {
            let mut object = object.clone();
            managed::record(&mut object, entries);
            self.outcome = settle(current, object);
        }
    }
}

impl Api {
    /// Decides, carries out unless it is a rehearsal, and answers with the object.
    pub(super) fn write(
        &self,
        request: &Request,
        route: &Route,
        moment: &Moment<'_>,
        decide: impl FnOnce() -> Result<Decision, ApiError>,
    ) -> Result<Answer, ApiError> {
        let form = Form::of(request)?;
        let rehearsal = request.dry_run()?;
        let writing = self.begin_writing();
        let mut decision = decide()?;
        self.complete(&route.kind, &mut decision)?;
        let object = if rehearsal {
            Arc::new(decision.outcome.object().clone())
        } else {
            self.commit(&route.kind, &decision.outcome)?
        };
        if !rehearsal {
            self.collect_garbage(moment);
        }
        drop(writing);
        let object = super::read::in_version(&object, &route.kind, &route.version);
        let code = if decision.created { 201 } else { 200 };
        let answer = form.one(code, &object, &route.kind, moment.now);
        Ok(Answer {
            warnings: decision.warnings,
            ..answer
        })
    }

    fn complete(&self, kind: &Kind, decision: &mut Decision) -> Result<(), ApiError> {
        let Outcome::Put(object) = &mut decision.outcome else {
            return Ok(());
        };
        let store = self.store();
        let before = store.get(&kind.resource(), &Name::of(object)).cloned();
        self.admission
            .complete(&store, kind, before.as_deref(), object)?;
        if before.as_deref() == Some(&*object) {
            decision.outcome = Outcome::Same(object.clone());
        }
        Ok(())
    }

    /// Makes an outcome true; the caller holds the right to write.
    pub(super) fn commit(&self, kind: &Kind, outcome: &Outcome) -> Result<Arc<Value>, ApiError> {
        let resource = kind.resource();
        let name = Name::of(outcome.object());
        let before = self.store().get(&resource, &name).cloned();
        let after = match outcome {
            Outcome::Same(object) => return Ok(Arc::new(object.clone())),
            Outcome::Put(object) => Some(object),
            Outcome::Remove(last) if before.is_none() => return Ok(Arc::new(last.clone())),
            Outcome::Remove(_) => None,
        };
        let write = Write {
            kind,
            before: before.as_deref(),
            after,
        };
        self.admission.admit(&write)?;
        let written = match after {
            Some(object) => self.change(|store| store.put(&resource, object)),
            None => {
                let last = self.change(|store| store.remove(&resource, &name));
                Arc::new(last.unwrap_or_else(|| outcome.object().clone()))
            }
        };
        if let Err(error) = self.admission.stored(&write) {
            self.take_back(&resource, &name, &write);
            return Err(error);
        }
        if resource == DEFINITIONS {
            self.define();
        }
        Ok(written)
    }

    /// Stores what was there before `write`.
    fn take_back(&self, resource: &str, name: &Name, write: &Write<'_>) {
        self.change(|store| match write.before {
            Some(before) => drop(store.put(resource, before)),
            None => drop(store.remove(resource, name)),
        });
        self.admission.withdrawn(&Write {
            kind: write.kind,
            before: write.after,
            after: write.before,
        });
    }

    /// Serves what is defined now.
    pub(super) fn define(&self) {
        let store = self.store();
        let definitions = store
            .objects(DEFINITIONS)
            .map(|(_, object)| object.as_ref());
        let kinds = Arc::new(self.kinds.with(definitions));
        drop(store);
        *self.served.write().unwrap_or_else(PoisonError::into_inner) = kinds;
    }

    /// Takes away what has lost its reason to be there, until nothing more has.
    pub(super) fn collect_garbage(&self, moment: &Moment<'_>) {
        loop {
            let written = self.store_mut().take_unsettled();
            let (kinds, ends_pods) = (self.served(), self.config.ends_pods);
            let work = garbage::sweep(&self.store(), &kinds, &written, ends_pods, moment.now);
            let mut done = 0;
            for (kind, outcome) in work {
                match self.commit(&kind, &outcome) {
                    Ok(_) => done += 1,
                    Err(error) => {
                        let name = Name::of(outcome.object());
                        tracing::warn!(kind = %kind.kind, name = name.name, %error, "garbage stays");
                        let resource = kind.resource();
                        self.store_mut().unsettle(Id { resource, name });
                    }
                }
            }
            if done == 0 {
                return;
            }
        }
    }

    /// Writes an object that needs neither checks nor agreement, because it comes from the cluster itself. Nothing happens
    /// if it is so already.
    pub fn record(&self, kind: &Kind, object: &Value) {
        let resource = kind.resource();
        let same = self
            .store()
            .get(&resource, &Name::of(object))
            .is_some_and(|old| {
                let mut old = Value::clone(old);
                let mut new = object.clone();
                for value in [&mut old, &mut new] {
                    crate::object::metadata(value).shift_remove("resourceVersion");
                }
                old == new
            });
        if !same {
            self.change(|store| store.put(&resource, object));
        }
    }

    /// Removes an object of the cluster itself, if it is there.
    pub fn forget(&self, kind: &Kind, name: &Name) {
        let resource = kind.resource();
        if self.store().get(&resource, name).is_some() {
            self.change(|store| store.remove(&resource, name));
        }
    }
}
