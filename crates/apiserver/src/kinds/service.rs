//! `Service`.

use serde_json::{Value, json};

use crate::kind::{Column, Kind, Subresources, age_column, words};
use crate::object::{at, child, default, fields, items, number, text};

pub(super) fn kind() -> Kind {
    Kind {
        short_names: words(&["svc"]),
        categories: words(&["all"]),
        subresources: Subresources { status: true, scale: false },
        selectable: &["spec.clusterIP", "spec.type"],
        columns: columns(),
        defaults,
        immutable: &[("spec.clusterIP", "may not change once set")],
        ..Kind::namespaced(
            "",
            "v1",
            "Service",
            "services",
            "Service is one name and address for the pods that it selects.",
            super::schema("v1", "Service"),
        )
    }
}

fn columns() -> Vec<Column> {
    vec![
        Column::new("Type", |service, _| text(service, &["spec", "type"]).into()),
        Column::new("Cluster-IP", |service, _| or_none(text(service, &["spec", "clusterIP"]))),
        Column::new("External-IP", |service, _| external(service).into()),
        Column::new("Port(s)", |service, _| ports(service).into()),
        age_column(),
        Column::new("Selector", |service, _| selector(service).into()).wide(),
    ]
}

fn or_none(text: &str) -> Value {
    if text.is_empty() { "<none>".into() } else { text.into() }
}

fn external(service: &Value) -> String {
    let balancer = items(service, &["status", "loadBalancer", "ingress"]).iter();
    let balancer = balancer.map(|item| {
        let ip = text(item, &["ip"]);
        if ip.is_empty() { text(item, &["hostname"]) } else { ip }
    });
    let own = items(service, &["spec", "externalIPs"]).iter().filter_map(Value::as_str);
    let all: Vec<&str> = balancer.chain(own).collect();
    match text(service, &["spec", "type"]) {
        "ExternalName" => text(service, &["spec", "externalName"]).to_owned(),
        "LoadBalancer" if all.is_empty() => "<pending>".to_owned(),
        _ if all.is_empty() => "<none>".to_owned(),
        _ => all.join(","),
    }
}

fn ports(service: &Value) -> String {
    let ports = items(service, &["spec", "ports"]).iter().map(|port| {
        let number_of = |field| number(port, &[field]).unwrap_or_default();
        let node_port = match number_of("nodePort") {
            0 => String::new(),
            node_port => format!(":{node_port}"),
        };
        format!("{}{node_port}/{}", number_of("port"), text(port, &["protocol"]))
    });
    let ports: Vec<String> = ports.collect();
    if ports.is_empty() { "<none>".to_owned() } else { ports.join(",") }
}

fn selector(service: &Value) -> String {
    let labels = at(service, &["spec", "selector"]).and_then(Value::as_object);
    let mut labels: Vec<String> = labels
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    labels.sort();
    if labels.is_empty() { "<none>".to_owned() } else { labels.join(",") }
}

fn defaults(service: &mut Value) {
    let spec = fields(child(service, "spec"));
    default(spec, "type", "ClusterIP");
    default(spec, "sessionAffinity", "None");
    if spec.get("sessionAffinity").and_then(Value::as_str) == Some("ClientIP") {
        default(spec, "sessionAffinityConfig", json!({"clientIP": {"timeoutSeconds": 10_800}}));
    }
    let kind = spec.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    if kind != "ExternalName" {
        default(spec, "internalTrafficPolicy", "Cluster");
    }
    if matches!(kind.as_str(), "NodePort" | "LoadBalancer") {
        default(spec, "externalTrafficPolicy", "Cluster");
    }
    let ports = spec.get_mut("ports").and_then(Value::as_array_mut);
    for port in ports.into_iter().flatten().map(fields) {
        default(port, "protocol", "TCP");
        let number = port.get("port").cloned().unwrap_or_default();
        default(port, "targetPort", number);
    }
    default(fields(child(service, "status")), "loadBalancer", json!({}));
}
