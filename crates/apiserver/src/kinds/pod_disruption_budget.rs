//! `PodDisruptionBudget`.

use serde_json::Value;

use super::schemas::{LABEL_SELECTOR, tables};
use crate::kind::{Column, Kind, Subresources, age_column, count, words};
use crate::object::at;
use crate::status::Cause;

tables! {
    BUDGET "PodDisruptionBudget" { apiVersion: Text, kind: Text, metadata: Any, spec: SPEC, status: Any }
    SPEC "PodDisruptionBudgetSpec" {
        maxUnavailable: IntOrString, minAvailable: IntOrString, selector: LABEL_SELECTOR,
        unhealthyPodEvictionPolicy: Text,
    }
}

pub(super) fn kind() -> Kind {
    Kind {
        short_names: words(&["pdb"]),
        subresources: Subresources { status: true, scale: false },
        columns: vec![
            Column::new("Min Available", |budget, _| number(budget, "minAvailable")),
            Column::new("Max Unavailable", |budget, _| number(budget, "maxUnavailable")),
            Column::number("Allowed Disruptions", |budget, _| {
                count(budget, &["status", "disruptionsAllowed"])
            }),
            age_column(),
        ],
        validate: |budget, causes| {
            let given = ["minAvailable", "maxUnavailable"];
            if given.iter().all(|field| at(budget, &["spec", field]).is_some()) {
                let message = "minAvailable and maxUnavailable cannot be both set";
                causes.push(Cause::invalid("spec", &Value::Null, message));
            }
        },
        warnings: |_| {
            vec!["stored, but not carried out: evictions, and so `kubectl drain`, are not held back".to_owned()]
        },
        ..Kind::namespaced(
            "policy",
            "v1",
            "PodDisruptionBudget",
            "poddisruptionbudgets",
            "PodDisruptionBudget says how many of some pods may be evicted at the same time.",
            &BUDGET,
        )
    }
}

fn number(budget: &Value, field: &str) -> Value {
    match at(budget, &["spec", field]) {
        Some(Value::String(share)) => share.as_str().into(),
        Some(number) => number.to_string().into(),
        None => "N/A".into(),
    }
}
