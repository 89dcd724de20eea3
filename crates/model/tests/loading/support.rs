//! Texts, and what is read from them.

use ringfence_model::{
    Cluster, Diagnostic, Input, LoadOptions, Loaded, Pod, Service, assemble, load,
};

pub(crate) fn load_text(text: &str) -> Loaded {
    let input = Input {
        name: "m.yaml".to_owned(),
        text: text.to_owned(),
    };
    load(&[input], &LoadOptions::default())
}

pub(crate) fn written(diagnostics: &[Diagnostic]) -> Vec<String> {
    diagnostics
        .iter()
        .map(|found| {
            format!(
                "{}[{}] {}",
                found.severity,
                found.rule.unwrap_or("-"),
                found.message
            )
        })
        .collect()
}

pub(crate) fn problems(text: &str) -> Vec<String> {
    written(&load_text(text).diagnostics)
}

pub(crate) fn keys(text: &str) -> Vec<String> {
    let loaded = load_text(text);
    assert_eq!(written(&loaded.diagnostics), [""; 0], "{text}");
    loaded
        .objects
        .iter()
        .map(|object| object.key().to_string())
        .collect()
}

pub(crate) fn assembled(text: &str) -> (Cluster, Vec<String>) {
    let loaded = load_text(text);
    assert_eq!(written(&loaded.diagnostics), [""; 0], "{text}");
    let (cluster, diagnostics) = assemble(&loaded.objects);
    (cluster, written(&diagnostics))
}

pub(crate) fn pods(text: &str) -> Vec<String> {
    assembled(text)
        .0
        .pods
        .keys()
        .map(ToString::to_string)
        .collect()
}

pub(crate) fn only_pod(text: &str) -> Pod {
    let (cluster, _) = assembled(text);
    cluster.pods.into_values().next().unwrap()
}

pub(crate) fn only_service(text: &str) -> Service {
    let (cluster, _) = assembled(text);
    cluster.services.into_values().next().unwrap()
}

pub(crate) fn pod(name: &str, rest: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec: {{containers: [{{name: c, image: i}}]}}\n{rest}---\n"
    )
}

pub(crate) fn workload(version: &str, kind: &str, spec: &str) -> String {
    format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: w}}\nspec: {spec}\n---\n")
}

pub(crate) const TEMPLATE: &str =
    "template: {metadata: {labels: {app: a}}, spec: {containers: [{name: c, image: i}]}}";
pub(crate) const JOB_TEMPLATE: &str = "template: {metadata: {labels: {app: a}}, spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}";
pub(crate) const SELECTOR: &str = "selector: {matchLabels: {app: a}}";

pub(crate) fn deployment(fields: &str) -> String {
    workload(
        "apps/v1",
        "Deployment",
        &format!("{{{SELECTOR}, {TEMPLATE}{fields}}}"),
    )
}
