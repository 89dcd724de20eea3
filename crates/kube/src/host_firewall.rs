//! Reading and writing HostFirewalls: the one kind whose objects ringfence changes, when an operator says so.

use std::collections::BTreeMap;

use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams, PostParams};
use kube::{Api, Client};
use serde_json::Value;

use crate::snapshot::runtime;
use crate::{Access, ReadError};

/// Why a HostFirewall could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// No cluster is meant, or it cannot be asked.
    #[error(transparent)]
    Access(#[from] ReadError),
    /// The server does not know the kind.
    #[error(
        "the server has no HostFirewalls: apply the CustomResourceDefinition of ringfence first"
    )]
    NotServed,
    /// The server refused it.
    #[error("the server refuses it: {0}")]
    Refused(String),
    /// What is there does not allow the change.
    #[error("{0}")]
    Unfit(String),
}

/// A kind that is not there; an object that is not there is no error.
const NOT_FOUND: u16 = 404;

/// What is to become of an object: its spec and its status.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// `spec`.
    pub spec: Value,
    /// `status`.
    pub status: Value,
}

/// Every HostFirewall of the cluster, as stored.
///
/// # Errors
/// [`WriteError`].
pub fn list_host_firewalls(access: &Access) -> Result<Vec<Value>, WriteError> {
    runtime()?.block_on(async {
        let api = api(access, &resource()).await?;
        let found = api.list(&ListParams::default()).await.map_err(refusal)?;
        Ok(found.items.into_iter().map(document).collect())
    })
}

/// The labels of each node of the cluster.
///
/// # Errors
/// [`WriteError`].
pub fn list_node_labels(access: &Access) -> Result<Vec<BTreeMap<String, String>>, WriteError> {
    let kind = GroupVersionKind::gvk("", "v1", "Node");
    let nodes = ApiResource::from_gvk_with_plural(&kind, "nodes");
    runtime()?.block_on(async {
        let api = api(access, &nodes).await?;
        let found = api.list(&ListParams::default()).await.map_err(refusal)?;
        let labels = found.items.into_iter().map(|node| node.metadata.labels);
        Ok(labels.map(Option::unwrap_or_default).collect())
    })
}

/// Changes the HostFirewall `name` into what `change` makes of it; it gets `None` where there is none yet. An object that
/// somebody else changes meanwhile is not written.
///
/// # Errors
/// [`WriteError`]; [`WriteError::Unfit`] with what `change` says.
pub fn write_host_firewall(
    access: &Access,
    name: &str,
    change: impl FnOnce(Option<&Value>) -> Result<Written, String>,
) -> Result<(), WriteError> {
    runtime()?.block_on(async {
        let (api, post) = (api(access, &resource()).await?, PostParams::default());
        let found = api.get_opt(name).await.map_err(refusal)?;
        let before = found.clone().map(document);
        let written = change(before.as_ref()).map_err(WriteError::Unfit)?;
        let mut object = match found {
            Some(mut found) if found.data.get("spec") != Some(&written.spec) => {
                set(&mut found, "spec", written.spec);
                let put = api.replace(name, &post, &found);
                put.await.map_err(refusal)?
            }
            Some(found) => found,
            None => {
                let mut new = DynamicObject::new(name, &resource());
                set(&mut new, "spec", written.spec);
                let made = api.create(&post, &new);
                made.await.map_err(refusal)?
            }
        };
        // Until now nothing is in force that was not before: a status is what counts.
        set(&mut object, "status", written.status);
        let put = api.replace_status(name, &post, &object);
        put.await.map_err(refusal).map(drop)
    })
}

fn set(object: &mut DynamicObject, field: &str, value: Value) {
    if object.data.is_null() {
        object.data = Value::Object(serde_json::Map::new());
    }
    if let Value::Object(fields) = &mut object.data {
        fields.insert(field.to_owned(), value);
    }
}

fn resource() -> ApiResource {
    let kind = GroupVersionKind::gvk("ringfence.dev", "v1alpha1", "HostFirewall");
    ApiResource::from_gvk_with_plural(&kind, "hostfirewalls")
}

async fn api(access: &Access, kind: &ApiResource) -> Result<Api<DynamicObject>, WriteError> {
    let target = access.target().await.map_err(ReadError::from)?;
    let client = Client::try_from(target.config).map_err(refusal)?;
    Ok(Api::all_with(client, kind))
}

fn refusal(error: kube::Error) -> WriteError {
    let kube::Error::Api(status) = error else {
        return WriteError::Refused(error.to_string());
    };
    if status.code == NOT_FOUND {
        return WriteError::NotServed;
    }
    WriteError::Refused(status.message)
}

fn document(object: DynamicObject) -> Value {
    let mut document = object.data;
    if let Value::Object(fields) = &mut document {
        let metadata = serde_json::to_value(object.metadata).unwrap_or_default();
        fields.insert("metadata".to_owned(), metadata);
        fields.insert("apiVersion".to_owned(), "ringfence.dev/v1alpha1".into());
        fields.insert("kind".to_owned(), "HostFirewall".into());
    }
    document
}
