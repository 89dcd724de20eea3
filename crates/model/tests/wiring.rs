//! What says, beside containers, who talks to whom.

use ringfence_model::{
    Backend, BackendPort, BackendUser, Documents, ObjectName, SourceMap, Wiring,
};

fn wiring(text: &str) -> Wiring {
    let mut sources = SourceMap::default();
    sources.insert("w.yaml", text);
    Wiring::of(&Documents::new(&sources), "shop")
}

fn shown(backend: &Backend) -> String {
    let port = match &backend.port {
        Some(BackendPort::Number(number)) => number.to_string(),
        Some(BackendPort::Name(name)) => name.clone(),
        None => "any".to_owned(),
    };
    let Backend {
        kind,
        object,
        service,
        source,
        ..
    } = backend;
    format!(
        "{kind} {object} {service}:{port} at {}:{}",
        source.line, source.column
    )
}

#[test]
fn ingresses_lead_to_services_of_their_namespace() {
    let found = wiring(
        "apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  ingressClassName: nginx
  defaultBackend: {service: {name: fallback, port: {number: 80}}}
  rules:
  - http:
      paths:
      - backend: {service: {name: web, port: {name: http}}}
      - backend: {resource: {kind: Bucket, name: pictures}}
",
    );
    let expected = [
        "Ingress shop/web shop/fallback:80 at 6:36",
        "Ingress shop/web shop/web:http at 10:35",
    ];
    assert_eq!(
        found.backends.iter().map(shown).collect::<Vec<_>>(),
        expected
    );
    let class = Some("nginx".to_owned());
    assert_eq!(
        found.backends[0].user,
        BackendUser::IngressController { class }
    );
}

#[test]
fn routes_lead_from_their_gateways_to_services_of_any_namespace() {
    let found = wiring(
        "apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web, namespace: front}
spec:
  parentRefs: [{name: own}, {name: public, namespace: edge}, {kind: Service, name: mesh}]
  rules:
  - backendRefs: [{name: web, port: 80}, {name: api, namespace: back, port: 8080}, {kind: Other, name: x}]
    filters: [{type: RequestMirror, requestMirror: {backendRef: {name: copy, port: 81}}}]
",
    );
    let expected = [
        "HTTPRoute front/web front/web:80 at 7:26",
        "HTTPRoute front/web back/api:8080 at 7:49",
        "HTTPRoute front/web front/copy:81 at 8:72",
    ];
    assert_eq!(
        found.backends.iter().map(shown).collect::<Vec<_>>(),
        expected
    );
    let gateways = [
        ObjectName::new("front", "own"),
        ObjectName::new("edge", "public"),
    ];
    assert_eq!(
        found.backends[0].user,
        BackendUser::Gateways(gateways.into())
    );
}

#[test]
fn the_api_server_calls_webhooks_and_aggregated_apis() {
    let found = wiring(
        "apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: guard}
webhooks:
- clientConfig: {service: {name: guard, namespace: guards}}
- clientConfig: {url: 'https://example.com'}
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1.metrics}
spec: {service: {name: metrics, namespace: kube-system, port: 8443}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: a.example.com}
spec: {conversion: {webhook: {clientConfig: {service: {name: convert, namespace: guards}}}}}
",
    );
    let services: Vec<String> = found
        .backends
        .iter()
        .map(|found| found.service.to_string())
        .collect();
    assert_eq!(
        services,
        ["guards/guard", "kube-system/metrics", "guards/convert"]
    );
    let ports: Vec<_> = found
        .backends
        .iter()
        .filter_map(|found| found.port.clone())
        .collect();
    assert_eq!(ports, [443, 8443, 443].map(BackendPort::Number));
    assert!(
        found
            .backends
            .iter()
            .all(|found| found.user == BackendUser::ApiServer)
    );
}

#[test]
fn services_are_open_to_ranges_or_everybody() {
    let service = |name: &str, spec: &str| {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n---\n"
        )
    };
    let found = wiring(
        &(service(
            "a",
            "type: LoadBalancer, loadBalancerSourceRanges: [192.0.2.1/24, nonsense]",
        ) + &service("b", "type: NodePort")
            + &service("c", "externalIPs: [192.0.2.7]")
            + &service("d", "type: ClusterIP")
            + &service(
                "e",
                "type: LoadBalancer, loadBalancerSourceRanges: [nonsense]",
            )),
    );
    let ways: Vec<&str> = found.exposures.iter().map(|found| found.way).collect();
    assert_eq!(ways, ["LoadBalancer", "NodePort", "externalIPs"]);
    let ranges: Vec<String> = found.exposures[0]
        .ranges
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(ranges, ["192.0.2.0/24"]);
    assert_eq!(found.diagnostics.len(), 2, "{:?}", found.diagnostics);
}

#[test]
fn accounts_are_bound_by_name() {
    let found = wiring(
        "apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: readers}
subjects:
- {kind: ServiceAccount, name: own}
- {kind: ServiceAccount, name: other, namespace: back}
- {kind: Group, name: 'system:serviceaccounts'}
- {kind: Group, name: 'system:serviceaccounts:back'}
- {kind: ServiceAccount}
",
    );
    let accounts: Vec<String> = found
        .bindings
        .iter()
        .map(|found| found.account.to_string())
        .collect();
    assert_eq!(accounts, ["shop/own", "back/other"]);
    assert_eq!(found.bindings[0].binding, "RoleBinding readers");
    let groups = found.group_bindings.iter();
    let groups: Vec<Option<&str>> = groups.map(|found| found.namespace.as_deref()).collect();
    assert_eq!(groups, [None, Some("back")]);
    assert_eq!(found.diagnostics.len(), 1, "{:?}", found.diagnostics);
}

#[test]
fn what_is_malformed_is_reported_and_hides_nothing() {
    let found = wiring(
        "apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  rules:
  - http:
      paths:
      - backend: {service: {port: {number: 80}}}
      - backend: {service: {name: web, port: {number: 99999}}}
",
    );
    let messages: Vec<&str> = found
        .diagnostics
        .iter()
        .map(|found| found.message.as_str())
        .collect();
    let expected = [
        "Ingress web has a backend without name",
        "a port of a backend is a number from 1 to 65535",
    ];
    assert_eq!(messages, expected);
    assert_eq!(found.backends.len(), 1);
}

/// A file is read if it may say what is looked for, whichever way that is written.
#[test]
fn kinds_that_are_written_with_escapes_are_found() {
    let found = wiring(
        r#"{"apiVersion": "networking.k8s.io/v1", "kind": "In\u0067ress", "metadata": {"name": "web"},
            "spec": {"defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}}}"#,
    );
    assert_eq!(found.backends.len(), 1);
}
