//! Writes that come through the API: refused if a lab cannot have them, and enforced before they are stored.

use std::sync::Weak;

use ipnet::IpNet;
use ringfence_apiserver::api::{Admission, Write};
use ringfence_apiserver::kind::Kind;
use ringfence_apiserver::object::{self, is_terminating, name, namespace};
use ringfence_apiserver::status::ApiError;
use ringfence_apiserver::store::Store;
use ringfence_controllers::ServiceRanges;
use ringfence_model::{ObjectKey, ObjectKind, ObjectName};
use serde_json::Value;

use super::super::{ENFORCE_LIMIT, Lab};
use crate::cluster::system;
use crate::control::protocol::ControlPlane;

/// Lets through what the nodes enforce.
#[derive(Debug)]
pub(super) struct Gate {
    lab: Weak<Lab>,
    ranges: ServiceRanges,
}

impl Gate {
    pub(super) const fn new(lab: Weak<Lab>, service_subnets: Vec<IpNet>) -> Self {
        Self {
            lab,
            ranges: ServiceRanges::new(service_subnets),
        }
    }
}

impl Admission for Gate {
    fn admit(&self, write: &Write<'_>) -> Result<(), ApiError> {
        let refused = |message: String| {
            let object = write.after.or(write.before).map_or("", name);
            ApiError::forbidden(&write.kind.resource(), object, &message)
        };
        let lab = self.lab.upgrade();
        let lab = lab.ok_or_else(|| refused("the lab ends".to_owned()))?;
        check(write, lab.config.control_plane).map_err(refused)?;
        let told = if lab.agents_follow_api() {
            // They hear of it when it is stored.
            lab.seen(write).map(drop)
        } else {
            lab.enforce(write)
        };
        told.map_err(|error| refused(format!("{error:#}")))
    }

    fn stored(&self, write: &Write<'_>) -> Result<(), ApiError> {
        let Some(lab) = self.lab.upgrade().filter(|lab| lab.agents_follow_api()) else {
            return Ok(());
        };
        lab.enforce_stored(write).map_err(|error| {
            let object = write.after.or(write.before).map_or("", name);
            ApiError::forbidden(&write.kind.resource(), object, &format!("{error:#}"))
        })
    }

    fn withdrawn(&self, write: &Write<'_>) {
        if let Some(lab) = self.lab.upgrade()
            && let Ok(seen) = lab.seen(write)
        {
            lab.feed.change(seen.apply, seen.delete);
        }
    }

    fn complete(
        &self,
        store: &Store,
        kind: &Kind,
        before: Option<&Value>,
        object: &mut Value,
    ) -> Result<(), ApiError> {
        Admission::complete(&self.ranges, store, kind, before, object)
    }
}

/// Whether a lab can have it.
fn check(write: &Write<'_>, control_plane: ControlPlane) -> Result<(), String> {
    let Some(object) = write.after.or(write.before) else {
        return Ok(());
    };
    match write.kind.kind.as_ref() {
        "Node" if is_of_people(write) => Ok(()),
        "Node" => Err(
            "nodes of a lab come from its kind configuration: ringfence lab up --config FILE"
                .to_owned(),
        ),
        "Namespace" => {
            let key = ObjectKey::cluster(ObjectKind::Namespace, name(object));
            if ends(write) && system::is_permanent(&key) {
                return Err(format!("{key} may not be deleted"));
            }
            Ok(())
        }
        "Service" => {
            let name = ObjectName::new(namespace(object), name(object));
            let key = ObjectKey::namespaced(ObjectKind::Service, &name);
            if system::is_own(&key) {
                return Err(format!("{key} is made by the lab itself"));
            }
            Ok(())
        }
        "EndpointSlice" if control_plane == ControlPlane::Provider => {
            let named = ObjectName::new(namespace(object), name(object));
            if named == system::api_service_name() {
                return Err(format!("EndpointSlice {named} is the provider's"));
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Whether a write of a node changes only what people decide about it: labels, annotations, which pods it takes.
fn is_of_people(write: &Write<'_>) -> bool {
    let (Some(before), Some(after)) = (write.before, write.after) else {
        return false;
    };
    let own = |node: &Value| {
        let mut node = node.clone();
        for field in [
            "labels",
            "annotations",
            "managedFields",
            "resourceVersion",
            "generation",
        ] {
            object::metadata(&mut node).shift_remove(field);
        }
        let spec = object::fields(object::child(&mut node, "spec"));
        for field in ["unschedulable", "taints"] {
            spec.shift_remove(field);
        }
        node
    };
    own(before) == own(after) && !is_terminating(after)
}

fn ends(write: &Write<'_>) -> bool {
    write.after.is_none_or(is_terminating)
}

impl Lab {
    /// Tells the agents of `write`, and waits for them where somebody may rely on it; takes it back if they do not come along.
    fn enforce(&self, write: &Write<'_>) -> anyhow::Result<()> {
        let seen = self.seen(write)?;
        let before = self.feed.before(&seen.apply, &seen.delete);
        let revision = self.feed.change(seen.apply, seen.delete);
        if !seen.is_awaited || self.feed.is_held() {
            return Ok(());
        }
        let enforced = self.wait_enforced(revision);
        if enforced.is_err() {
            self.feed.change(before.apply, before.delete);
        }
        enforced
    }

    /// Announces `write`, which is stored, and waits for the agents where somebody may rely on it.
    fn enforce_stored(&self, write: &Write<'_>) -> anyhow::Result<()> {
        let seen = self.seen(write)?;
        let revision = self.feed.change(seen.apply, seen.delete);
        if !seen.is_awaited || self.feed.is_held() {
            return Ok(());
        }
        self.wait_enforced(revision)
    }

    /// Names are answered by the new state as well, unless nobody answers them just now.
    fn wait_enforced(&self, revision: u64) -> anyhow::Result<()> {
        self.feed.wait_enforced(revision, ENFORCE_LIMIT)?;
        self.names.wait_if_served(revision, ENFORCE_LIMIT)
    }
}
