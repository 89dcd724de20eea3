//! Writes that come through the API, made true in the lab before they are stored.

mod made;

use std::sync::{Arc, PoisonError, Weak};

use ringfence_apiserver::api::{Admission, Api, Moment, Write};
use ringfence_apiserver::object::{is_terminating, name, namespace, text};
use ringfence_apiserver::status::ApiError;
use ringfence_model::{
    LoadOptions, Object, ObjectKey, ObjectKind, ObjectName, SourceMap, UnknownFields,
};
use serde_json::Value;

use super::super::Lab;
use super::super::changes::{put, take_out};
use super::snapshot::RESOURCES;
use crate::cluster::system;
use crate::manifests;

/// The label of an EndpointSlice that names its Service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// Lets through what the lab has done.
#[derive(Debug)]
pub(super) struct Gate {
    lab: Weak<Lab>,
    authority: String,
}

impl Gate {
    pub(super) fn new(lab: &Arc<Lab>, authority: String) -> Self {
        Self {
            lab: Arc::downgrade(lab),
            authority,
        }
    }
}

impl Admission for Gate {
    fn admit(&self, write: &Write<'_>) -> Result<(), ApiError> {
        let refused = |message: &str| {
            let object = write.after.or(write.before).map_or("", name);
            ApiError::forbidden(&write.kind.resource(), object, message)
        };
        let lab = self.lab.upgrade().ok_or_else(|| refused("the lab ends"))?;
        match write.kind.kind.as_ref() {
            // Nobody in the lab reads them.
            "Event" | "Lease" => Ok(()),
            "Node" => Err(refused(
                "nodes of a lab come from its kind configuration: ringfence lab up --config FILE",
            )),
            _ => lab
                .check_endpoints(write)
                .and_then(|()| lab.make_true(write))
                .map_err(|error| refused(&format!("{error:#}"))),
        }
    }

    /// The next request sees the pods that this one made.
    fn show(&self, api: &Api, moment: &Moment<'_>) {
        if let Some(lab) = self.lab.upgrade() {
            api.mirror(&RESOURCES, || lab.snapshot(&self.authority), moment);
        }
    }
}

impl Lab {
    fn make_true(self: &Arc<Self>, write: &Write<'_>) -> anyhow::Result<()> {
        let begins_to_end =
            write.after.is_some_and(is_terminating) && !write.before.is_some_and(is_terminating);
        match (write.before, write.after) {
            (Some(object), Some(_)) if begins_to_end && write.kind.kind == "Namespace" => {
                self.take_away(object)
            }
            (_, Some(object)) if is_terminating(object) => Ok(()),
            (before, Some(object)) => self.put_there(before, object),
            (Some(object), None) => self.take_away(object),
            (None, None) => Ok(()),
        }
    }

    /// Makes `document` an object of the lab.
    fn put_there(self: &Arc<Self>, before: Option<&Value>, document: &Value) -> anyhow::Result<()> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut document = document.clone();
        let Some(key) = typed(&document).map(|object| object.key()) else {
            return Ok(());
        };
        if let Some(name) = self.made_pod(&key) {
            return made::change(self, &name, before, document);
        }
        self.forget_what_the_lab_adds(&key, &mut document);
        let object = typed(&document).ok_or_else(|| anyhow::anyhow!("it cannot be read again"))?;
        manifests::check(&object).map_err(|message| anyhow::anyhow!(message))?;
        let mut objects = self.lock().objects.clone();
        put(&mut objects, vec![object]);
        self.settle(objects, &SourceMap::default(), &mut |_| {})?;
        self.remember(key, document);
        Ok(())
    }

    /// Takes an object out of the lab, and with a namespace all in it. It may be gone already, with its namespace.
    fn take_away(self: &Arc<Self>, document: &Value) -> anyhow::Result<()> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(object) = typed(document) else {
            return Ok(());
        };
        let key = object.key();
        if let Some(name) = self.made_pod(&key) {
            return made::replace(self, &name);
        }
        let is_own = key.kind == ObjectKind::Service && system::is_own(&key);
        anyhow::ensure!(!is_own, "{key} is made by the lab itself");
        let mut objects = self.lock().objects.clone();
        if !objects.contains_key(&key) {
            return Ok(());
        }
        take_out(&mut objects, &[object])?;
        self.settle(objects, &SourceMap::default(), &mut |_| {})?;
        self.forget_documents();
        Ok(())
    }

    /// The name of a pod that no manifest names: a workload makes it, or the lab itself.
    fn made_pod(&self, key: &ObjectKey) -> Option<ObjectName> {
        let name = ObjectName::new(key.namespace.as_deref()?, key.name.clone());
        let state = self.lock();
        let is_made = key.kind == ObjectKind::Pod
            && !state.objects.contains_key(key)
            && state.pods.contains_key(&name);
        is_made.then_some(name)
    }

    /// The endpoints of a Service that selects pods are these.
    fn check_endpoints(&self, write: &Write<'_>) -> anyhow::Result<()> {
        let Some(object) = write.after.or(write.before) else {
            return Ok(());
        };
        let service = match write.kind.kind.as_ref() {
            "Endpoints" => name(object),
            "EndpointSlice" => text(object, &["metadata", "labels", SERVICE_NAME]),
            _ => return Ok(()),
        };
        let service = ObjectName::new(namespace(object), service);
        let (cluster, _) = self.feed.cluster();
        let service = cluster.services.get(&service);
        if let Some(service) = service.filter(|service| !service.selector.is_empty()) {
            anyhow::bail!(
                "Service {} has no endpoints but the pods it selects",
                service.name
            );
        }
        Ok(())
    }

    /// What is shown of an object and was not written: its status, its node, its addresses.
    fn forget_what_the_lab_adds(&self, key: &ObjectKey, document: &mut Value) {
        let state = self.lock();
        let written = state
            .documents
            .get(key)
            .and_then(|written| written.get("spec"));
        let is_new = !state.objects.contains_key(key);
        let Some(fields) = document.as_object_mut() else {
            return;
        };
        fields.shift_remove("status");
        let Some(spec) = fields
            .get_mut("spec")
            .and_then(Value::as_object_mut)
            .filter(|_| !is_new)
        else {
            return;
        };
        for field in ["nodeName", "clusterIP", "clusterIPs"] {
            if written.is_none_or(|written| written.get(field).is_none()) {
                spec.shift_remove(field);
            }
        }
    }
}

/// The object as the lab knows it; `None` for a kind that it does not know.
pub(super) fn typed(document: &Value) -> Option<Object> {
    let options = LoadOptions {
        unknown_fields: UnknownFields::Ignore,
        ..LoadOptions::default()
    };
    ringfence_model::load_json(document, &options)
        .objects
        .into_iter()
        .next()
}
