//! EndpointSlice: the addresses behind a Service, by family and by the ports that its pods have.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use ringfence_apiserver::object::{self, is_terminating, items, text};
use ringfence_apiserver::time::Timestamp;
use serde_json::{Map, Value, json};

use crate::backend::{self, Backend};
use crate::name::{Endings, beginning};
use crate::node::NODES;
use crate::owner;
use crate::selector::label;
use crate::service_address::SERVICES;
use crate::view::View;
use crate::write::{Write, Writes};

const SLICES: &str = "endpointslices.discovery.k8s.io";
const SERVICE_NAME: &str = "kubernetes.io/service-name";
const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
const ZONE: &str = "topology.kubernetes.io/zone";
const MANAGER: &str = "endpointslice-controller.k8s.io";
/// Endpoints in one slice.
const LARGEST: usize = 100;

/// What is due for the EndpointSlices of Services with a selector.
#[must_use]
pub fn decide(view: &View, _: Timestamp) -> Vec<Write> {
    let mut writes = Writes::default();
    for service in view.objects(SERVICES) {
        let mut present: Vec<&Value> = view
            .held(SLICES, object::namespace(service), object::uid(service))
            .filter(|slice| label(slice, MANAGED_BY) == Some(MANAGER))
            .collect();
        let contents = if backend::has_backends(service) {
            contents(view, service)
        } else {
            Vec::new()
        };
        fit(view, service, contents, &mut present, &mut writes);
        for surplus in present {
            writes.delete(surplus);
        }
    }
    writes.into_list()
}

/// What one slice is to hold.
struct Content {
    family: &'static str,
    ports: Vec<Value>,
    endpoints: Vec<Value>,
}

/// Each family has a slice at least, an empty one if need be.
fn contents(view: &View, service: &Value) -> Vec<Content> {
    let mut contents = Vec::new();
    for family in backend::families(service) {
        let mut groups: BTreeMap<String, (Vec<Value>, Vec<Value>)> = BTreeMap::new();
        for backend in backend::of(view, service, family) {
            let ports = backend::ports(service, backend.pod);
            let group = groups
                .entry(json!(ports).to_string())
                .or_insert((ports, Vec::new()));
            group.1.push(endpoint(view, service, &backend));
        }
        if groups.is_empty() {
            groups.insert(String::new(), (Vec::new(), Vec::new()));
        }
        for (ports, endpoints) in groups.into_values() {
            let mut parts: Vec<Vec<Value>> =
                endpoints.chunks(LARGEST).map(<[Value]>::to_vec).collect();
            if parts.is_empty() {
                parts.push(Vec::new());
            }
            contents.extend(parts.into_iter().map(|endpoints| Content {
                family,
                ports: ports.clone(),
                endpoints,
            }));
        }
    }
    contents
}

fn endpoint(view: &View, service: &Value, backend: &Backend<'_>) -> Value {
    let terminating = is_terminating(backend.pod);
    let ready = backend::publishes_unready(service) || (backend.ready && !terminating);
    let mut endpoint = json!({
        "addresses": [backend.address],
        "conditions": {"ready": ready, "serving": backend.ready, "terminating": terminating},
        "targetRef": backend::target_reference(backend.pod),
    });
    backend::set_place(&mut endpoint, service, backend);
    let node = text(backend.pod, &["spec", "nodeName"]);
    let zone = view.get(NODES, "", node).and_then(|node| label(node, ZONE));
    let fields = object::fields(&mut endpoint);
    object::set(fields, "zone", zone.map(Value::from));
    object::set(fields, "hints", hints(service, node, zone));
    endpoint
}

/// Who is to get this endpoint rather than another, if the Service prefers any.
fn hints(service: &Value, node: &str, zone: Option<&str>) -> Option<Value> {
    let prefers_node = match text(service, &["spec", "trafficDistribution"]) {
        "PreferClose" | "PreferSameZone" => false,
        "PreferSameNode" => true,
        _ => return None,
    };
    let mut hints = Map::new();
    let named = |name: &str| json!([{"name": name}]);
    if let Some(zone) = zone {
        hints.insert("forZones".to_owned(), named(zone));
    }
    if prefers_node && !node.is_empty() {
        hints.insert("forNodes".to_owned(), named(node));
    }
    (!hints.is_empty()).then(|| hints.into())
}

/// Writes the contents into the slices there are, into those of the same ports first, and makes what is missing. What is
/// left in `present` is not needed.
fn fit(
    view: &View,
    service: &Value,
    contents: Vec<Content>,
    present: &mut Vec<&Value>,
    writes: &mut Writes,
) {
    let namespace = object::namespace(service);
    let mut endings = Endings::new(view.seed(), object::uid(service));
    let mut rest = Vec::new();
    for content in contents {
        match take(present, |slice| {
            text(slice, &["addressType"]) == content.family
                && items(slice, &["ports"]) == content.ports
        }) {
            Some(slice) => writes.replace(
                slice,
                slice_of(service, object::name(slice), &content, Some(slice)),
            ),
            None => rest.push(content),
        }
    }
    for content in rest {
        if let Some(slice) = take(present, |slice| {
            text(slice, &["addressType"]) == content.family
        }) {
            writes.replace(
                slice,
                slice_of(service, object::name(slice), &content, Some(slice)),
            );
            continue;
        }
        let start = beginning(object::name(service));
        let name = endings.name(&start, |name| view.get(SLICES, namespace, name).is_some());
        writes.create(slice_of(service, &name, &content, None));
    }
}

fn take<'a>(present: &mut Vec<&'a Value>, fits: impl Fn(&Value) -> bool) -> Option<&'a Value> {
    let position = present.iter().position(|slice| fits(slice))?;
    Some(present.remove(position))
}

fn slice_of(service: &Value, name: &str, content: &Content, present: Option<&Value>) -> Value {
    let mut slice = present.cloned().unwrap_or_else(|| {
        json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {
                "name": name, "generateName": beginning(object::name(service)),
                "namespace": object::namespace(service), "ownerReferences": [owner::reference(service)],
            },
            "addressType": content.family,
        })
    });
    let mut labels = backend::labels(service);
    labels.insert(SERVICE_NAME.to_owned(), object::name(service).into());
    labels.insert(MANAGED_BY.to_owned(), MANAGER.into());
    object::metadata(&mut slice).insert("labels".to_owned(), labels.into());
    let fields = object::fields(&mut slice);
    fields.insert("endpoints".to_owned(), content.endpoints.clone().into());
    fields.insert("ports".to_owned(), content.ports.clone().into());
    slice
}
