//! The numbers of an indexed Job's pods.

use std::collections::BTreeSet;

use ringfence_apiserver::object::{child, fields};
use serde_json::{Value, json};

use super::note_index;
use crate::template::annotation;

const INDEX: &str = "batch.kubernetes.io/job-completion-index";

/// The indexes below `completions` that these pods work on.
pub(super) fn of(pods: &[&Value], completions: i64) -> BTreeSet<i64> {
    let indexes = pods
        .iter()
        .filter_map(|pod| annotation(pod, INDEX).parse().ok());
    indexes
        .filter(|index| (0..completions).contains(index))
        .collect()
}

/// Tells a pod its index, in every way that Kubernetes has.
pub(super) fn number_pod(pod: &mut Value, job: &str, index: i64) {
    let index = index.to_string();
    note_index(pod, INDEX, &index);
    let spec = child(pod, "spec");
    fields(spec).insert("hostname".to_owned(), format!("{job}-{index}").into());
    for list in ["initContainers", "containers"] {
        let containers = spec.get_mut(list).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            let variable = json!({"name": "JOB_COMPLETION_INDEX", "value": index});
            let mut environment = container
                .get("env")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default();
            environment.push(variable);
            fields(container).insert("env".to_owned(), environment.into());
        }
    }
}

/// Ranges as `status.completedIndexes` has them: `0-2,5`.
pub(super) fn print(indexes: &BTreeSet<i64>) -> String {
    let mut ranges: Vec<(i64, i64)> = Vec::new();
    for index in indexes {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *index => *last = *index,
            Some(_) | None => ranges.push((*index, *index)),
        }
    }
    let print = |(first, last): &(i64, i64)| match last - first {
        0 => first.to_string(),
        1 => format!("{first},{last}"),
        _ => format!("{first}-{last}"),
    };
    ranges.iter().map(print).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_are_printed_as_ranges() {
        for (indexes, text) in [
            (vec![], ""),
            (vec![1], "1"),
            (vec![0, 1], "0,1"),
            (vec![0, 1, 2, 5, 7, 8], "0-2,5,7,8"),
        ] {
            assert_eq!(print(&indexes.into_iter().collect()), text);
        }
    }
}
