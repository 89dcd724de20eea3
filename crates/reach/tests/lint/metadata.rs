//! What is said about each lint, in the table and in its page.

use std::collections::BTreeSet;
use std::path::Path;

use ringfence_reach::lint::{LINTS, lint};

#[test]
fn ids_and_names_are_used_once_and_in_order() {
    let ids: Vec<&str> = LINTS.iter().map(|lint| lint.id).collect();
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
    let names: BTreeSet<&str> = LINTS.iter().map(|lint| lint.name).collect();
    assert_eq!(names.len(), ids.len());
}

#[test]
fn a_lint_is_found_by_id_and_by_name() {
    let by_id = lint("rf001").unwrap();
    assert_eq!(by_id.name, "policy-selects-nothing");
    assert_eq!(lint(by_id.name).unwrap().id, "RF001");
    assert!(lint("RF999").is_none());
}

/// What a page has, in this order.
const PARTS: [&str; 4] = ["## Why", "## Example", "## Fix", "## When to suppress"];

#[test]
fn every_page_has_its_parts() {
    for lint in LINTS {
        let page = lint.explanation;
        let title = format!("# {} {}\n", lint.id, lint.name);
        assert!(
            page.starts_with(&title),
            "{lint:?}: begins otherwise than {title}"
        );
        let places: Vec<_> = PARTS.iter().map(|part| page.find(part)).collect();
        assert!(
            places.iter().all(Option::is_some) && places.is_sorted(),
            "{lint:?}: {places:?}"
        );
        assert!(page.lines().count() < 60, "{lint:?}: short is better");
    }
}

#[test]
fn the_index_lists_every_lint() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/lints");
    let index = std::fs::read_to_string(directory.join("README.md")).unwrap();
    let rows = LINTS.iter().map(|lint| {
        let (id, name) = (lint.id, lint.name);
        format!(
            "| [{id}]({id}.md) | `{name}` | {} | {} |\n",
            lint.severity, lint.summary
        )
    });
    let table: String = rows.collect();
    assert!(
        index.contains(&table),
        "the table of {} is\n{table}",
        directory.display()
    );
}
