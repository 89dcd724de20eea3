//! `Ingress`.

use serde_json::Value;

use super::schemas::tables;
use crate::kind::{Column, Kind, Subresources, age_column, words};
use crate::object::{at, items, text};
use crate::status::Cause;

tables! {
    INGRESS "Ingress" { apiVersion: Text, kind: Text, metadata: Any, spec: SPEC, status: STATUS }
    SPEC "IngressSpec" { defaultBackend: BACKEND, ingressClassName: Text, rules: [RULE], tls: [TLS] }
    BACKEND "IngressBackend" { resource: RESOURCE, service: SERVICE }
    RESOURCE "TypedLocalObjectReference" { apiGroup: Text, kind: Text, name: Text }
    SERVICE "IngressServiceBackend" { name: Text, port: PORT }
    PORT "ServiceBackendPort" { name: Text, number: Int32 }
    RULE "IngressRule" { host: Text, http: HTTP }
    HTTP "HTTPIngressRuleValue" { paths: [HTTP_PATH] }
    HTTP_PATH "HTTPIngressPath" { backend: BACKEND, path: Text, pathType: Text }
    TLS "IngressTLS" { hosts: [Text], secretName: Text }
    STATUS "IngressStatus" { loadBalancer: BALANCER }
    BALANCER "IngressLoadBalancerStatus" { ingress: [POINT] }
    POINT "IngressLoadBalancerIngress" { hostname: Text, ip: Text, ports: [POINT_PORT] }
    POINT_PORT "IngressPortStatus" { error: Text, port: Int32, protocol: Text }
}

pub(super) fn kind() -> Kind {
    Kind {
        short_names: words(&["ing"]),
        subresources: Subresources { status: true, scale: false },
        columns: columns(),
        validate,
        warnings: |_| {
            let warning = "stored, but not carried out: nothing listens for it; reach its Services themselves, or by a node port";
            vec![warning.to_owned()]
        },
        ..Kind::namespaced(
            "networking.k8s.io",
            "v1",
            "Ingress",
            "ingresses",
            "Ingress says which Services answer HTTP from outside, by host and path.",
            &INGRESS,
        )
    }
}

fn columns() -> Vec<Column> {
    vec![
        Column::new("Class", |ingress, _| match text(ingress, &["spec", "ingressClassName"]) {
            "" => "<none>".into(),
            class => class.into(),
        }),
        Column::new("Hosts", |ingress, _| hosts(ingress).into()),
        Column::new("Address", |ingress, _| addresses(ingress).into()),
        Column::new("Ports", |ingress, _| {
            let has_tls = !items(ingress, &["spec", "tls"]).is_empty();
            if has_tls { "80, 443" } else { "80" }.into()
        }),
        age_column(),
    ]
}

fn hosts(ingress: &Value) -> String {
    let rules = items(ingress, &["spec", "rules"]).iter();
    let hosts = rules.map(|rule| text(rule, &["host"])).filter(|host| !host.is_empty());
    let hosts: Vec<&str> = hosts.collect();
    if hosts.is_empty() { "*".to_owned() } else { hosts.join(",") }
}

fn addresses(ingress: &Value) -> String {
    let points = items(ingress, &["status", "loadBalancer", "ingress"]).iter();
    let address = |point| [text(point, &["ip"]), text(point, &["hostname"])].concat();
    points.map(address).collect::<Vec<_>>().join(",")
}

/// As Kubernetes checks it, as far as it says where requests go.
fn validate(ingress: &Value, causes: &mut Vec<Cause>) {
    let rules = items(ingress, &["spec", "rules"]);
    let default = at(ingress, &["spec", "defaultBackend"]);
    if rules.is_empty() && default.is_none() {
        let message = "either `defaultBackend` or `rules` must be specified";
        causes.push(Cause::invalid("spec", &Value::Null, message));
    }
    if let Some(backend) = default {
        check_backend(backend, "spec.defaultBackend", causes);
    }
    for (index, rule) in rules.iter().enumerate() {
        let paths = items(rule, &["http", "paths"]);
        let place = format!("spec.rules[{index}].http.paths");
        if at(rule, &["http"]).is_some() && paths.is_empty() {
            causes.push(Cause::required(&place, ""));
        }
        for (index, path) in paths.iter().enumerate() {
            check_path(path, &format!("{place}[{index}]"), causes);
        }
    }
}

fn check_path(path: &Value, place: &str, causes: &mut Vec<Cause>) {
    let (text_of, kind) = (text(path, &["path"]), text(path, &["pathType"]));
    match kind {
        "" => causes.push(Cause::required(&format!("{place}.pathType"), "pathType must be specified")),
        "Exact" | "Prefix" if !text_of.starts_with('/') => {
            causes.push(Cause::invalid(&format!("{place}.path"), &text_of.into(), "must be an absolute path"));
        }
        "Exact" | "Prefix" | "ImplementationSpecific" => {}
        other => causes.push(Cause {
            reason: "FieldValueNotSupported",
            message: format!(
                "Unsupported value: {other:?}: supported values: \"Exact\", \"ImplementationSpecific\", \"Prefix\""
            ),
            field: format!("{place}.pathType"),
        }),
    }
    check_backend(at(path, &["backend"]).unwrap_or(&Value::Null), &format!("{place}.backend"), causes);
}

fn check_backend(backend: &Value, place: &str, causes: &mut Vec<Cause>) {
    match (at(backend, &["service"]), at(backend, &["resource"])) {
        (Some(service), None) => {
            if text(service, &["name"]).is_empty() {
                causes.push(Cause::required(&format!("{place}.service.name"), ""));
            }
            let port = ["name", "number"].map(|field| at(service, &["port", field]).is_some());
            if port.iter().filter(|given| **given).count() != 1 {
                let message = "either port name or number must be set";
                causes.push(Cause::required(&format!("{place}.service.port"), message));
            }
        }
        (None, Some(_)) => {}
        (Some(_), Some(_)) => {
            let message = "cannot set both `resource` and `service`";
            causes.push(Cause::invalid(place, backend, message));
        }
        (None, None) => {
            causes.push(Cause::required(place, "either `service` or `resource` must be set"));
        }
    }
}
