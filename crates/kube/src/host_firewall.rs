//! Reading and writing HostFirewalls: the one kind whose objects ringfence changes, when an operator says so.

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
    list(access, &resource())
}

/// Every Node of the cluster, as stored.
///
/// # Errors
/// [`WriteError`].
pub fn list_nodes(access: &Access) -> Result<Vec<Value>, WriteError> {
    let nodes = GroupVersionKind::gvk("", "v1", "Node");
    list(access, &ApiResource::from_gvk_with_plural(&nodes, "nodes"))
}

/// The EndpointSlices of the API server itself, as stored.
///
/// # Errors
/// [`WriteError`].
pub fn list_api_servers(access: &Access) -> Result<Vec<Value>, WriteError> {
    let slices = GroupVersionKind::gvk("discovery.k8s.io", "v1", "EndpointSlice");
    let slices = ApiResource::from_gvk_with_plural(&slices, "endpointslices");
    let own = ListParams::default().labels("kubernetes.io/service-name=kubernetes");
    runtime()?.block_on(async {
        let api: Api<DynamicObject> =
            Api::namespaced_with(client(access).await?, "default", &slices);
        let found = api.list(&own).await.map_err(refusal)?.items.into_iter();
        Ok(found.map(|slice| document(slice, &slices)).collect())
    })
}

fn list(access: &Access, kind: &ApiResource) -> Result<Vec<Value>, WriteError> {
    runtime()?.block_on(async {
        let api = api(access, kind).await?;
        let found = api.list(&ListParams::default()).await.map_err(refusal)?;
        let found = found.items.into_iter();
        Ok(found.map(|object| document(object, kind)).collect())
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
        let before = found.clone().map(|stored| document(stored, &resource()));
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
    Ok(Api::all_with(client(access).await?, kind))
}

async fn client(access: &Access) -> Result<Client, WriteError> {
    let target = access.target().await.map_err(ReadError::from)?;
    Client::try_from(target.config).map_err(refusal)
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

fn document(object: DynamicObject, kind: &ApiResource) -> Value {
    let mut document = object.data;
    if let Value::Object(fields) = &mut document {
        let metadata = serde_json::to_value(object.metadata).unwrap_or_default();
        fields.insert("metadata".to_owned(), metadata);
        fields.insert("apiVersion".to_owned(), kind.api_version.clone().into());
        fields.insert("kind".to_owned(), kind.kind.clone().into());
    }
    document
}
