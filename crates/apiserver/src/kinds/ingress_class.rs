//! `IngressClass`.

use super::schemas::tables;
use crate::kind::{Column, Kind, Scope, age_column};
use crate::object::text;

tables! {
    INGRESS_CLASS "IngressClass" { apiVersion: Text, kind: Text, metadata: Any, spec: SPEC }
    SPEC "IngressClassSpec" { controller: Text, parameters: PARAMETERS }
    PARAMETERS "IngressClassParametersReference" {
        apiGroup: Text, kind: Text, name: Text, namespace: Text, scope: Text,
    }
}

pub(super) fn kind() -> Kind {
    Kind {
        scope: Scope::Cluster,
        columns: vec![
            Column::new("Controller", |class, _| text(class, &["spec", "controller"]).into()),
            Column::new("Parameters", |class, _| parameters(class).into()),
            age_column(),
        ],
        immutable: &[("spec.controller", "field is immutable")],
        ..Kind::namespaced(
            "networking.k8s.io",
            "v1",
            "IngressClass",
            "ingressclasses",
            "IngressClass names the controller that looks after Ingresses of this class.",
            &INGRESS_CLASS,
        )
    }
}

fn parameters(class: &serde_json::Value) -> String {
    let part = |field| text(class, &["spec", "parameters", field]);
    match (part("apiGroup"), part("kind")) {
        (_, "") => "<none>".to_owned(),
        ("", kind) => format!("{kind}/{}", part("name")),
        (group, kind) => format!("{kind}.{group}/{}", part("name")),
    }
}
