//! Ingresses, routes of the Gateway API, webhooks, and aggregated APIs.

use super::{Backend, BackendPort, BackendUser, Described, Wiring};
use crate::{Field, ObjectName};

const ROUTES: [&str; 5] = ["HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute", "UDPRoute"];
const WEBHOOKS: [&str; 2] = [
    "ValidatingWebhookConfiguration",
    "MutatingWebhookConfiguration",
];
/// The port of a webhook's or aggregated API's Service if nothing else is written.
const HTTPS: u16 = 443;

/// Adds the backends of `object`.
pub(super) fn read(object: &Described<'_>, wiring: &mut Wiring) {
    if object.is("networking.k8s.io", &["Ingress"]) {
        ingress(object, wiring);
    } else if object.is("gateway.networking.k8s.io", &ROUTES) {
        route(object, wiring);
    } else if object.is("admissionregistration.k8s.io", &WEBHOOKS) {
        for hook in object.field.items_at("webhooks") {
            called_by_api_server(object, &hook, "clientConfig.service", wiring);
        }
    } else if object.is("apiextensions.k8s.io", &["CustomResourceDefinition"]) {
        let path = "spec.conversion.webhook.clientConfig.service";
        called_by_api_server(object, object.field, path, wiring);
    } else if object.is("apiregistration.k8s.io", &["APIService"]) {
        called_by_api_server(object, object.field, "spec.service", wiring);
    }
}

fn ingress(object: &Described<'_>, wiring: &mut Wiring) {
    let annotation = "metadata.annotations[kubernetes.io/ingress.class]";
    let class = object.field.text_at("spec.ingressClassName");
    let class = class.or_else(|| object.field.text_at(annotation));
    let paths = object.field.items_at("spec.rules").into_iter();
    let paths = paths.flat_map(|rule| rule.items_at("http.paths"));
    let services = paths.filter_map(|path| path.get("backend.service"));
    let default = object.field.get("spec.defaultBackend.service");
    for at in default.into_iter().chain(services) {
        let port = ingress_port(&at, wiring);
        let user = BackendUser::IngressController {
            class: class.clone(),
        };
        add(
            object,
            user,
            &at,
            object.name.namespace.clone(),
            port,
            wiring,
        );
    }
}

fn ingress_port(at: &Field<'_>, wiring: &mut Wiring) -> Option<BackendPort> {
    let name = at.text_at("port.name").map(BackendPort::Name);
    name.or_else(|| number(at, "port.number", wiring))
}

fn route(object: &Described<'_>, wiring: &mut Wiring) {
    let gateways = BackendUser::Gateways(gateways(object));
    for rule in object.field.items_at("spec.rules") {
        let mirrors = rule.items_at("filters").into_iter();
        let mirrors = mirrors.filter_map(|filter| filter.get("requestMirror.backendRef"));
        for at in rule.items_at("backendRefs").into_iter().chain(mirrors) {
            if at.text_at("kind").is_none_or(|kind| kind == "Service") {
                let own = || object.name.namespace.clone();
                let namespace = at.text_at("namespace").unwrap_or_else(own);
                let port = number(&at, "port", wiring);
                add(object, gateways.clone(), &at, namespace, port, wiring);
            }
        }
    }
}

fn gateways(object: &Described<'_>) -> Vec<ObjectName> {
    let parents = object.field.items_at("spec.parentRefs").into_iter();
    let gateways =
        parents.filter(|parent| parent.text_at("kind").is_none_or(|kind| kind == "Gateway"));
    gateways
        .filter_map(|parent| {
            let namespace = parent.text_at("namespace");
            let namespace = namespace.unwrap_or_else(|| object.name.namespace.clone());
            Some(ObjectName::new(namespace, parent.text_at("name")?))
        })
        .collect()
}

fn called_by_api_server(object: &Described<'_>, at: &Field<'_>, path: &str, wiring: &mut Wiring) {
    let Some(at) = at.get(path).filter(|at| !at.is_null()) else {
        return;
    };
    let Some(namespace) = at.text_at("namespace") else {
        let message = format!(
            "{} {} names a Service without namespace",
            object.kind, object.name.name
        );
        wiring.malformed(at.location(), message);
        return;
    };
    let port = number(&at, "port", wiring).unwrap_or(BackendPort::Number(HTTPS));
    add(
        object,
        BackendUser::ApiServer,
        &at,
        namespace,
        Some(port),
        wiring,
    );
}

fn number(at: &Field<'_>, path: &str, wiring: &mut Wiring) -> Option<BackendPort> {
    let field = at.get(path).filter(|field| !field.is_null())?;
    let number = field.number().and_then(|number| u16::try_from(number).ok());
    let number = number.filter(|number| *number > 0);
    if number.is_none() {
        let message = "a port of a backend is a number from 1 to 65535".to_owned();
        wiring.malformed(field.location(), message);
    }
    number.map(BackendPort::Number)
}

fn add(
    object: &Described<'_>,
    user: BackendUser,
    at: &Field<'_>,
    namespace: String,
    port: Option<BackendPort>,
    wiring: &mut Wiring,
) {
    let Some(name) = at.text_at("name") else {
        let message = format!(
            "{} {} has a backend without name",
            object.kind, object.name.name
        );
        wiring.malformed(at.location(), message);
        return;
    };
    let name_at = at.get("name").unwrap_or_else(|| at.clone());
    let api_server = matches!(user, BackendUser::ApiServer);
    let own = if api_server {
        ""
    } else {
        &object.name.namespace
    };
    wiring.backends.push(Backend {
        user,
        kind: object.kind.clone(),
        object: ObjectName::new(own, &object.name.name),
        service: ObjectName::new(namespace, name),
        port,
        source: name_at.location().source,
    });
}
