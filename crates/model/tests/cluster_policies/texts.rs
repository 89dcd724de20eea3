//! Manifests that differ in one place, and what is said about them.

use ringfence_model::{Input, LoadOptions, Loaded, Severity, UnknownFields, load};

pub(crate) fn load_with(text: &str, unknown_fields: UnknownFields) -> Loaded {
    let input = Input {
        name: "p.yaml".to_owned(),
        text: text.to_owned(),
    };
    let options = LoadOptions {
        unknown_fields,
        ..LoadOptions::default()
    };
    load(&[input], &options)
}

/// `RULE message` of each problem.
pub(crate) fn problems(text: &str) -> Vec<String> {
    let loaded = load_with(text, UnknownFields::Refuse);
    let refused = loaded
        .diagnostics
        .iter()
        .any(|found| found.severity == Severity::Error);
    assert_eq!(
        loaded.objects.is_empty(),
        refused,
        "an object with errors is left out: {text}"
    );
    loaded
        .diagnostics
        .iter()
        .map(|found| {
            let path = found.path.as_deref().unwrap_or_default();
            assert!(found.message.contains(path), "{}", found.message);
            assert!(found.location.is_some());
            format!("{} {}", found.rule.unwrap_or("-"), found.message)
        })
        .collect()
}

#[track_caller]
pub(crate) fn check(cases: &[(String, &[&str])]) {
    for (text, expected) in cases {
        assert_eq!(problems(text), *expected, "{text}");
    }
}

pub(crate) const SUBJECT: &str = "subject: {namespaces: {}}";
pub(crate) const EVERYBODY: &str = "[{namespaces: {}}]";

pub(crate) fn cluster(spec: &str) -> String {
    format!(
        "apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {{name: p}}\nspec: {{{spec}}}\n"
    )
}

pub(crate) fn admin(spec: &str) -> String {
    format!(
        "apiVersion: policy.networking.k8s.io/v1alpha1\nkind: AdminNetworkPolicy\nmetadata: {{name: p}}\nspec: {{{spec}}}\n"
    )
}

pub(crate) fn baseline(spec: &str) -> String {
    format!(
        "apiVersion: policy.networking.k8s.io/v1alpha1\nkind: BaselineAdminNetworkPolicy\nmetadata: {{name: default}}\nspec: {{{spec}}}\n"
    )
}

/// Each kind with one rule that is `rule` in this direction.
pub(crate) fn cluster_rule(direction: &str, rule: &str) -> String {
    cluster(&format!(
        "tier: Admin, priority: 1, {SUBJECT}, {direction}: [{{{rule}}}]"
    ))
}

pub(crate) fn admin_rule(direction: &str, rule: &str) -> String {
    admin(&format!(
        "priority: 1, {SUBJECT}, {direction}: [{{{rule}}}]"
    ))
}

pub(crate) fn baseline_rule(direction: &str, rule: &str) -> String {
    baseline(&format!("{SUBJECT}, {direction}: [{{{rule}}}]"))
}

pub(crate) fn cluster_to(peer: &str) -> String {
    cluster_rule("egress", &format!("action: Accept, to: [{peer}]"))
}

pub(crate) fn cluster_protocol(item: &str) -> String {
    cluster_rule(
        "egress",
        &format!("action: Accept, to: {EVERYBODY}, protocols: [{item}]"),
    )
}

pub(crate) fn admin_port(item: &str) -> String {
    admin_rule(
        "ingress",
        &format!("action: Allow, from: {EVERYBODY}, ports: [{item}]"),
    )
}

/// `item` so many times.
pub(crate) fn times(item: &str, count: usize) -> String {
    vec![item; count].join(", ")
}
