use std::collections::{BTreeMap, BTreeSet};

use super::registry::{Found, all};
use super::{Schema, Type, find};

fn visit(schema: &'static Schema, seen: &mut BTreeMap<*const Schema, &'static Schema>) {
    if seen.insert(schema, schema).is_none() {
        for (_, kind) in schema.fields {
            visit_type(kind, seen);
        }
    }
}

fn visit_type(kind: &'static Type, seen: &mut BTreeMap<*const Schema, &'static Schema>) {
    match kind {
        Type::Object(schema) => visit(schema, seen),
        Type::List(inner) | Type::OneOrMore(inner) | Type::Map(inner) => visit_type(inner, seen),
        Type::Text
        | Type::Bool
        | Type::Int32
        | Type::Int64
        | Type::IntOrString
        | Type::Quantity
        | Type::Time
        | Type::Bytes
        | Type::Any => {}
    }
}

fn schemas() -> Vec<&'static Schema> {
    let mut seen = BTreeMap::new();
    for schema in all() {
        visit(schema, &mut seen);
    }
    seen.into_values().collect()
}

#[test]
fn no_field_is_listed_twice() {
    let schemas = schemas();
    assert!(
        schemas.len() > 180,
        "only {} types are reachable",
        schemas.len()
    );
    for schema in schemas {
        let names: BTreeSet<_> = schema.fields.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), schema.fields.len(), "{}", schema.name);
    }
}

/// Counts from the Kubernetes 1.32 API reference: a table that lost a field would refuse real manifests.
#[test]
fn the_large_types_are_complete() {
    let at_least = [
        ("PodSpec", 40),
        ("Container", 24),
        ("ServiceSpec", 20),
        ("Probe", 10),
        ("Volume", 31),
    ];
    let schemas = schemas();
    for (name, fields) in at_least {
        let schema = schemas.iter().find(|schema| schema.name == name).unwrap();
        assert!(
            schema.fields.len() >= fields,
            "{name}: {}",
            schema.fields.len()
        );
    }
}

#[test]
fn kinds_are_found_by_group() {
    let found = |version, kind| match find(version, kind) {
        Found::Known { .. } => "known",
        Found::List {
            item_kind: Some(_), ..
        } => "typed list",
        Found::List {
            item_kind: None, ..
        } => "list",
        Found::Removed { .. } => "removed",
        Found::OtherVersion { .. } => "other version",
        Found::Unknown => "unknown",
    };
    let cases = [
        ("networking.k8s.io/v1", "NetworkPolicy", "known"),
        ("networking.k8s.io/v1", "NetworkPolicyList", "typed list"),
        ("v1", "List", "list"),
        ("extensions/v1beta1", "NetworkPolicy", "removed"),
        (
            "networking.k8s.io/v1beta1",
            "NetworkPolicy",
            "other version",
        ),
        ("v1", "NetworkPolicy", "other version"),
        ("apps/v1", "Service", "other version"),
        ("projectcalico.org/v3", "NetworkPolicy", "unknown"),
        ("serving.knative.dev/v1", "Service", "unknown"),
        ("networking.k8s.io/v1", "Ingress", "unknown"),
    ];
    for (version, kind, expected) in cases {
        assert_eq!(found(version, kind), expected, "{version} {kind}");
    }
}

/// The other kinds of our groups are nobody's typos.
#[test]
fn foreign_kinds_are_not_taken_for_ours() {
    let foreign = [
        (
            "v1",
            "Binding ComponentStatus Event LimitRange PersistentVolume PersistentVolumeClaim PodTemplate \
             ResourceQuota",
        ),
        ("apps/v1", "ControllerRevision"),
        (
            "networking.k8s.io/v1",
            "IPAddress Ingress IngressClass ServiceCIDR",
        ),
    ];
    for (version, kinds) in foreign {
        for kind in kinds.split_whitespace() {
            let taken_for = super::nearest(kind, super::kinds(version));
            assert_eq!(taken_for, None, "{kind}");
            assert!(matches!(find(version, kind), Found::Unknown), "{kind}");
        }
    }
}
