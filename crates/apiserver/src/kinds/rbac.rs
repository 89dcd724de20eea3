//! What roles and their bindings have in common. They hold accounts with tokens of their own ([`crate::permission`]).

use serde_json::{Value, json};

use super::schemas::{LABEL_SELECTOR, tables};
use crate::kind::{Column, Kind};
use crate::object::{at, child, default, fields, items, text};
use crate::status::Cause;

pub(super) const GROUP: &str = "rbac.authorization.k8s.io";

tables! {
    ROLE "Role" { apiVersion: Text, kind: Text, metadata: Any, rules: [RULE] }
    CLUSTER_ROLE "ClusterRole" {
        aggregationRule: AGGREGATION, apiVersion: Text, kind: Text, metadata: Any, rules: [RULE],
    }
    BINDING "RoleBinding" { apiVersion: Text, kind: Text, metadata: Any, roleRef: ROLE_REF, subjects: [SUBJECT] }
    RULE "PolicyRule" {
        apiGroups: [Text], nonResourceURLs: [Text], resourceNames: [Text], resources: [Text], verbs: [Text],
    }
    AGGREGATION "AggregationRule" { clusterRoleSelectors: [LABEL_SELECTOR] }
    ROLE_REF "RoleRef" { apiGroup: Text, kind: Text, name: Text }
    SUBJECT "Subject" { apiGroup: Text, kind: Text, name: Text, namespace: Text }
}

/// What whoever writes one is told.
fn warnings(_: &Value) -> Vec<String> {
    let warning = "stored, but not carried out for whoever has the token of this API: it may do everything, and only accounts \
                   with a token of their own are held to roles";
    vec![warning.to_owned()]
}

fn of_group(kind: Kind) -> Kind {
    Kind {
        has_path_names: true,
        warnings,
        ..kind
    }
}

pub(super) fn role(kind: &'static str, plural: &'static str, description: &'static str) -> Kind {
    let is_namespaced = kind == "Role";
    let schema = if is_namespaced { &ROLE } else { &CLUSTER_ROLE };
    of_group(Kind {
        columns: vec![Column::new("Created At", |role, _| {
            text(role, &["metadata", "creationTimestamp"]).into()
        })],
        validate: if is_namespaced {
            |role, causes| check_rules(role, true, causes)
        } else {
            |role, causes| check_rules(role, false, causes)
        },
        ..Kind::namespaced(GROUP, "v1", kind, plural, description, schema)
    })
}

/// As Kubernetes checks them: a rule says what may be done, and with what.
fn check_rules(role: &Value, is_namespaced: bool, causes: &mut Vec<Cause>) {
    for (index, rule) in items(role, &["rules"]).iter().enumerate() {
        let given = |field| !items(rule, &[field]).is_empty();
        let place = |field: &str| format!("rules[{index}].{field}");
        if !given("verbs") {
            causes.push(Cause::required(
                &place("verbs"),
                "verbs must contain at least one value",
            ));
        }
        if given("nonResourceURLs") {
            let urls = place("nonResourceURLs");
            let value = at(rule, &["nonResourceURLs"]).unwrap_or(&Value::Null);
            if is_namespaced {
                let message = "namespaced rules cannot apply to non-resource URLs";
                causes.push(Cause::invalid(&urls, value, message));
            } else if ["apiGroups", "resources", "resourceNames"]
                .into_iter()
                .any(given)
            {
                let message = "rules cannot apply to both regular resources and non-resource URLs";
                causes.push(Cause::invalid(&urls, value, message));
            }
            continue;
        }
        for (field, message) in [
            (
                "apiGroups",
                "resource rules must supply at least one api group",
            ),
            (
                "resources",
                "resource rules must supply at least one resource",
            ),
        ] {
            if !given(field) {
                causes.push(Cause::required(&place(field), message));
            }
        }
    }
}

pub(super) fn binding(kind: &'static str, plural: &'static str, description: &'static str) -> Kind {
    let is_namespaced = kind == "RoleBinding";
    of_group(Kind {
        columns: binding_columns(),
        defaults: binding_defaults,
        validate: if is_namespaced {
            |binding, causes| check_binding(binding, &["Role", "ClusterRole"], causes)
        } else {
            |binding, causes| check_binding(binding, &["ClusterRole"], causes)
        },
        immutable: &[("roleRef", "cannot change roleRef")],
        ..Kind::namespaced(GROUP, "v1", kind, plural, description, &BINDING)
    })
}

fn binding_columns() -> Vec<Column> {
    let role = Column::new("Role", |binding, _| {
        let part = |field| text(binding, &["roleRef", field]);
        format!("{}/{}", part("kind"), part("name")).into()
    });
    vec![
        role,
        crate::kind::age_column(),
        Column::new("Users", |binding, _| subjects(binding, "User")).wide(),
        Column::new("Groups", |binding, _| subjects(binding, "Group")).wide(),
        Column::new("ServiceAccounts", |binding, _| {
            subjects(binding, "ServiceAccount")
        })
        .wide(),
    ]
}

fn subjects(binding: &Value, kind: &str) -> Value {
    let all = items(binding, &["subjects"]).iter();
    let named = all
        .filter(|subject| text(subject, &["kind"]) == kind)
        .map(|subject| match text(subject, &["namespace"]) {
            "" => text(subject, &["name"]).to_owned(),
            namespace => format!("{namespace}/{}", text(subject, &["name"])),
        });
    named.collect::<Vec<_>>().join(", ").into()
}

fn binding_defaults(binding: &mut Value) {
    default(fields(child(binding, "roleRef")), "apiGroup", GROUP);
    let subjects = binding.get_mut("subjects").and_then(Value::as_array_mut);
    for subject in subjects.into_iter().flatten() {
        let group = if text(subject, &["kind"]) == "ServiceAccount" {
            ""
        } else {
            GROUP
        };
        let subject = fields(subject);
        default(subject, "apiGroup", group);
        if subject.get("apiGroup") == Some(&json!("")) {
            subject.shift_remove("apiGroup");
        }
    }
}

fn check_binding(binding: &Value, roles: &[&str], causes: &mut Vec<Cause>) {
    let role = |field| text(binding, &["roleRef", field]);
    if role("apiGroup") != GROUP {
        causes.push(not_one_of("roleRef.apiGroup", role("apiGroup"), &[GROUP]));
    }
    if !roles.contains(&role("kind")) {
        causes.push(not_one_of("roleRef.kind", role("kind"), roles));
    }
    if role("name").is_empty() {
        causes.push(Cause::required("roleRef.name", ""));
    }
    for (index, subject) in items(binding, &["subjects"]).iter().enumerate() {
        check_subject(subject, &format!("subjects[{index}]"), causes);
    }
}

fn check_subject(subject: &Value, place: &str, causes: &mut Vec<Cause>) {
    let part = |field| text(subject, &[field]);
    let (group, needs_namespace) = match part("kind") {
        "ServiceAccount" => ("", true),
        "User" | "Group" => (GROUP, false),
        other => {
            let known = ["ServiceAccount", "User", "Group"];
            causes.push(not_one_of(&format!("{place}.kind"), other, &known));
            return;
        }
    };
    if part("apiGroup") != group {
        causes.push(not_one_of(
            &format!("{place}.apiGroup"),
            part("apiGroup"),
            &[group],
        ));
    }
    if part("name").is_empty() {
        causes.push(Cause::required(&format!("{place}.name"), ""));
    }
    if needs_namespace && part("namespace").is_empty() {
        causes.push(Cause::required(&format!("{place}.namespace"), ""));
    }
}

fn not_one_of(field: &str, value: &str, known: &[&str]) -> Cause {
    let known: Vec<String> = known.iter().map(|one| format!("{one:?}")).collect();
    Cause {
        reason: "FieldValueNotSupported",
        message: format!(
            "Unsupported value: {value:?}: supported values: {}",
            known.join(", ")
        ),
        field: field.to_owned(),
    }
}
