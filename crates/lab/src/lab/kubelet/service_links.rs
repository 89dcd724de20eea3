//! The variables that name the Services of a pod's namespace.

use std::collections::BTreeMap;
use std::sync::Arc;

use ringfence_apiserver::object::{items, name, namespace, number, text};
use serde_json::Value;

/// Those of a pod in `namespace`: of its Services with an address, and of the Service `kubernetes`.
pub(super) fn service_variables(services: &[Arc<Value>], of: &str) -> BTreeMap<String, String> {
    let is_api = |service: &Value| namespace(service) == "default" && name(service) == "kubernetes";
    let (own, api): (Vec<&Arc<Value>>, Vec<_>) =
        services.iter().partition(|service| !is_api(service));
    let own = own.into_iter().filter(|service| namespace(service) == of);
    own.chain(api)
        .flat_map(|service| variables(service))
        .collect()
}

fn variables(service: &Value) -> Vec<(String, String)> {
    let address = text(service, &["spec", "clusterIP"]);
    let ports = items(service, &["spec", "ports"]);
    let (Some(first), false) = (ports.first(), matches!(address, "" | "None")) else {
        return Vec::new();
    };
    let prefix = name(service).to_uppercase().replace('-', "_");
    let number = |port: &Value| number(port, &["port"]).unwrap_or_default();
    let mut variables = vec![
        (format!("{prefix}_SERVICE_HOST"), address.to_owned()),
        (format!("{prefix}_SERVICE_PORT"), number(first).to_string()),
    ];
    for port in ports {
        let name = text(port, &["name"]).to_uppercase().replace('-', "_");
        if !name.is_empty() {
            let variable = format!("{prefix}_SERVICE_PORT_{name}");
            variables.push((variable, number(port).to_string()));
        }
    }
    variables
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn services_with_an_address_are_named() {
        let service = |namespace: &str, name: &str, address: &str| {
            Arc::new(json!({
                "metadata": {"name": name, "namespace": namespace},
                "spec": {"clusterIP": address, "ports": [{"port": 80, "name": "http"}]},
            }))
        };
        let services = [
            service("shop", "web-app", "10.96.0.7"),
            service("shop", "headless", "None"),
            service("other", "web", "10.96.0.8"),
            service("default", "kubernetes", "10.96.0.1"),
        ];
        let found = service_variables(&services, "shop");
        let names: Vec<&str> = found.keys().map(String::as_str).collect();
        let expected = [
            "KUBERNETES_SERVICE_HOST",
            "KUBERNETES_SERVICE_PORT",
            "KUBERNETES_SERVICE_PORT_HTTP",
            "WEB_APP_SERVICE_HOST",
            "WEB_APP_SERVICE_PORT",
            "WEB_APP_SERVICE_PORT_HTTP",
        ];
        assert_eq!(names, expected);
        assert_eq!(found["WEB_APP_SERVICE_HOST"], "10.96.0.7");
    }
}
