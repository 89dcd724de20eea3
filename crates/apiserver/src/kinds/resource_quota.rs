//! `ResourceQuota`.

use serde_json::Value;

use super::schemas::tables;
use crate::kind::{Column, Kind, Subresources, age_column, words};
use crate::object::at;

tables! {
    QUOTA "ResourceQuota" { apiVersion: Text, kind: Text, metadata: Any, spec: SPEC, status: STATUS }
    SPEC "ResourceQuotaSpec" { hard: {Quantity}, scopeSelector: SCOPES, scopes: [Text] }
    STATUS "ResourceQuotaStatus" { hard: {Quantity}, used: {Quantity} }
    SCOPES "ScopeSelector" { matchExpressions: [SCOPE] }
    SCOPE "ScopedResourceSelectorRequirement" { operator: Text, scopeName: Text, values: [Text] }
}

pub(super) fn kind() -> Kind {
    Kind {
        short_names: words(&["quota"]),
        subresources: Subresources { status: true, scale: false },
        columns: vec![
            Column::new("Request", |quota, _| hard(quota, false).into()),
            Column::new("Limit", |quota, _| hard(quota, true).into()),
            age_column(),
        ],
        warnings: |_| vec!["stored, but not carried out: nothing is counted, and nothing refused for it".to_owned()],
        ..Kind::namespaced(
            "",
            "v1",
            "ResourceQuota",
            "resourcequotas",
            "ResourceQuota says how much the objects of its namespace may ask for together.",
            &QUOTA,
        )
    }
}

/// The limits, or all else, as `name: hard`: nobody counts what is used.
fn hard(quota: &Value, limits: bool) -> String {
    let all = at(quota, &["spec", "hard"]).and_then(Value::as_object);
    let chosen = all.into_iter().flatten().filter(|(name, _)| name.starts_with("limits.") == limits);
    let shown = chosen.map(|(name, value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        format!("{name}: {value}")
    });
    shown.collect::<Vec<_>>().join(", ")
}
