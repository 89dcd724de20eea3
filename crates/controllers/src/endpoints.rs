//! Endpoints: the older form of the same, of the Service's first family alone.

use std::collections::BTreeMap;

use ringfence_apiserver::object::{self, is_terminating, set};
use ringfence_apiserver::time::Timestamp;
use serde_json::{Value, json};

use crate::backend::{self, Backend};
use crate::selector::label;
use crate::service_address::SERVICES;
use crate::view::View;
use crate::write::{Write, Writes};

const ENDPOINTS: &str = "endpoints";
const MANAGED_BY: &str = "endpoints.kubernetes.io/managed-by";
const MANAGER: &str = "endpoint-controller";

/// What is due for the Endpoints of Services with a selector.
#[must_use]
pub fn decide(view: &View, _: Timestamp) -> Vec<Write> {
    let mut writes = Writes::default();
    for service in view
        .objects(SERVICES)
        .filter(|service| backend::has_backends(service))
    {
        let (namespace, name) = (object::namespace(service), object::name(service));
        match view.get(ENDPOINTS, namespace, name) {
            Some(present) => writes.replace(present, filled(view, service, present.clone())),
            None => writes.create(filled(view, service, json!({
                "apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": name, "namespace": namespace},
            }))),
        }
    }
    for endpoints in view.objects(ENDPOINTS) {
        let service = view.get(
            SERVICES,
            object::namespace(endpoints),
            object::name(endpoints),
        );
        let ours = label(endpoints, MANAGED_BY) == Some(MANAGER);
        if ours && !service.is_some_and(backend::has_backends) {
            writes.delete(endpoints);
        }
    }
    writes.into_list()
}

fn filled(view: &View, service: &Value, mut endpoints: Value) -> Value {
    let mut labels = backend::labels(service);
    labels.insert(MANAGED_BY.to_owned(), MANAGER.into());
    object::metadata(&mut endpoints).insert("labels".to_owned(), labels.into());
    let subsets = subsets(view, service);
    let subsets = (!subsets.is_empty()).then(|| subsets.into());
    set(object::fields(&mut endpoints), "subsets", subsets);
    endpoints
}

/// One for each list of ports that the pods have.
fn subsets(view: &View, service: &Value) -> Vec<Value> {
    let family = backend::families(service)
        .first()
        .copied()
        .unwrap_or("IPv4");
    let unready = backend::publishes_unready(service);
    let mut groups: BTreeMap<String, Subset> = BTreeMap::new();
    for backend in backend::of(view, service, family) {
        if is_terminating(backend.pod) && !unready {
            continue;
        }
        let ports = backend::ports(service, backend.pod);
        let group = groups.entry(json!(ports).to_string()).or_default();
        group.ports = ports;
        let list = if backend.ready || unready {
            &mut group.ready
        } else {
            &mut group.unready
        };
        list.push(address(service, &backend));
    }
    groups.into_values().map(Subset::into_value).collect()
}

#[derive(Default)]
struct Subset {
    ready: Vec<Value>,
    unready: Vec<Value>,
    ports: Vec<Value>,
}

impl Subset {
    fn into_value(self) -> Value {
        let mut subset = json!({});
        let fields = object::fields(&mut subset);
        for (field, list) in [
            ("addresses", self.ready),
            ("notReadyAddresses", self.unready),
            ("ports", self.ports),
        ] {
            set(fields, field, (!list.is_empty()).then(|| list.into()));
        }
        subset
    }
}

fn address(service: &Value, backend: &Backend<'_>) -> Value {
    let mut address =
        json!({"ip": backend.address, "targetRef": backend::target_reference(backend.pod)});
    backend::set_place(&mut address, service, backend);
    address
}
