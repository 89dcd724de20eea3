//! The pods behind a Service, with their addresses and ports: what Endpoints and EndpointSlices are made of.

use ringfence_apiserver::object::{self, at, fields, items, number, set, text};
use serde_json::{Map, Value, json};

use crate::pod::{PODS, has_ended, is_ready};
use crate::selector::has_labels;
use crate::view::View;

/// A pod with an address of the family that was asked for.
pub(crate) struct Backend<'a> {
    pub(crate) pod: &'a Value,
    pub(crate) address: &'a str,
    pub(crate) ready: bool,
}

/// Whether the Service's endpoints are those of pods, and not written by hand.
pub(crate) fn has_backends(service: &Value) -> bool {
    let selector = at(service, &["spec", "selector"]).and_then(Value::as_object);
    let external = text(service, &["spec", "type"]) == "ExternalName";
    !external && selector.is_some_and(|selector| !selector.is_empty())
}

/// The pods that the Service selects and that have an address of this family, those that end among them, by name.
pub(crate) fn of<'a>(
    view: &'a View,
    service: &'a Value,
    family: &'a str,
) -> impl Iterator<Item = Backend<'a>> {
    let selector = at(service, &["spec", "selector"]);
    let pods = view.within(PODS, object::namespace(service));
    let pods = pods.filter(move |pod| !has_ended(pod) && has_labels(selector, pod));
    pods.filter_map(move |pod| {
        Some(Backend {
            pod,
            address: address(pod, family)?,
            ready: is_ready(pod),
        })
    })
}

fn address<'a>(pod: &'a Value, family: &str) -> Option<&'a str> {
    let all = items(pod, &["status", "podIPs"])
        .iter()
        .map(|one| text(one, &["ip"]));
    let first = std::iter::once(text(pod, &["status", "podIP"]));
    let mut all = all.chain(first).filter(|ip| !ip.is_empty());
    all.find(|ip| ip.contains(':') == (family == "IPv6"))
}

/// Says of an address of `backend` on which node it is, and which name it has in the Service.
pub(crate) fn set_place(address: &mut Value, service: &Value, backend: &Backend<'_>) {
    let fields = fields(address);
    let node = at(backend.pod, &["spec", "nodeName"]).cloned();
    set(fields, "nodeName", node);
    let hostname = hostname(service, backend.pod).map(Value::from);
    set(fields, "hostname", hostname);
}

/// The families that the Service has, the first of them first.
pub(crate) fn families(service: &Value) -> Vec<&'static str> {
    let words = items(service, &["spec", "ipFamilies"]).iter();
    let words = words.map(|word| if word == "IPv6" { "IPv6" } else { "IPv4" });
    let mut families: Vec<&'static str> = words.collect();
    if families.is_empty() {
        families.push("IPv4");
    }
    families
}

/// The Service's ports as this pod has them. A port whose name the pod does not know is not there.
pub(crate) fn ports(service: &Value, pod: &Value) -> Vec<Value> {
    let ports = items(service, &["spec", "ports"]).iter();
    let resolved = ports.filter_map(|port| {
        let number = target(service_target(port), text(port, &["protocol"]), pod)?;
        let mut resolved = json!({
            "name": text(port, &["name"]), "port": number, "protocol": text(port, &["protocol"]),
        });
        set(
            fields(&mut resolved),
            "appProtocol",
            at(port, &["appProtocol"]).cloned(),
        );
        Some(resolved)
    });
    resolved.collect()
}

fn service_target(port: &Value) -> Option<&Value> {
    at(port, &["targetPort"]).or_else(|| at(port, &["port"]))
}

fn target(target: Option<&Value>, protocol: &str, pod: &Value) -> Option<i64> {
    let target = target?;
    if let Some(number) = target.as_i64() {
        return Some(number);
    }
    let sidecars = items(pod, &["spec", "initContainers"]).iter();
    let sidecars = sidecars.filter(|container| text(container, &["restartPolicy"]) == "Always");
    let containers = items(pod, &["spec", "containers"]).iter().chain(sidecars);
    let mut ports = containers.flat_map(|container| items(container, &["ports"]));
    let port = ports
        .find(|port| at(port, &["name"]) == Some(target) && text(port, &["protocol"]) == protocol);
    number(port?, &["containerPort"])
}

/// Whether clients are to find pods that are not ready.
pub(crate) fn publishes_unready(service: &Value) -> bool {
    at(service, &["spec", "publishNotReadyAddresses"]) == Some(&Value::Bool(true))
}

/// The name by which the pod is found below the Service's, if it asks for one there.
pub(crate) fn hostname<'a>(service: &Value, pod: &'a Value) -> Option<&'a str> {
    let here = text(pod, &["spec", "subdomain"]) == object::name(service);
    Some(text(pod, &["spec", "hostname"])).filter(|name| here && !name.is_empty())
}

/// Which pod an endpoint is.
pub(crate) fn target_reference(pod: &Value) -> Value {
    json!({
        "kind": "Pod", "namespace": object::namespace(pod), "name": object::name(pod), "uid": object::uid(pod),
    })
}

/// The labels that endpoints take over from their Service.
pub(crate) fn labels(service: &Value) -> Map<String, Value> {
    let labels = at(service, &["metadata", "labels"]).and_then(Value::as_object);
    let mut labels = labels.cloned().unwrap_or_default();
    if text(service, &["spec", "clusterIP"]) == "None" {
        labels.insert("service.kubernetes.io/headless".to_owned(), "".into());
    }
    labels
}
