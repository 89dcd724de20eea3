//! What was written at a field, and where.

use ringfence_model::{Documents, Input, LoadOptions, load};

const MANIFESTS: &str = "\
# a comment
apiVersion: v1
kind: List
items:
- apiVersion: networking.k8s.io/v1
  kind: NetworkPolicy
  metadata:
    name: p
    annotations:
      ringfence.dev/ignore: \"RF001: not yet\"
  spec:
    podSelector:
    ingress:
    - from:
      - namespaceSelector:
        podSelector: { matchLabels: { app.kubernetes.io/name: web } }
---
apiVersion: v1
kind: Namespace
metadata: { name: x }
";

fn loaded() -> (Documents, Vec<ringfence_model::Source>) {
    let input = Input {
        name: "p.yaml".to_owned(),
        text: MANIFESTS.to_owned(),
    };
    let loaded = load(&[input], &LoadOptions::default());
    let sources = loaded.objects.iter().filter_map(|o| o.source().cloned());
    (Documents::new(&loaded.sources), sources.collect())
}

#[test]
fn a_field_is_found_by_its_path() {
    let (documents, objects) = loaded();
    let at = |path: &str| documents.field(&objects[0], path);
    let label = "spec.ingress[0].from[0].podSelector.matchLabels[app.kubernetes.io/name]";
    assert_eq!(at(label).unwrap().text(), Some("web"));
    assert_eq!(at("metadata.name").unwrap().location().source.line, 8);
    assert!(
        at("spec.ingress[0].from[0].namespaceSelector")
            .unwrap()
            .is_null()
    );
    assert!(at("spec.ingress[1]").is_none() && at("spec.egress").is_none());
    assert!(at("metadata.name.more").is_none());
    assert_eq!(
        documents
            .field(&objects[1], "metadata.name")
            .unwrap()
            .text(),
        Some("x")
    );
}

#[test]
fn a_missing_field_is_located_by_what_is_around_it() {
    let (documents, objects) = loaded();
    let line = |path: &str| documents.locate(&objects[0], path).unwrap().source.line;
    assert_eq!(line("spec.ingress[0].from[0].ipBlock.cidr"), 15);
    assert_eq!(line("spec.podSelector"), 12);
    assert_eq!(line("spec.policyTypes"), 12);
    assert_eq!(line("status"), 5);
}

#[test]
fn annotations_know_their_object() {
    let (documents, objects) = loaded();
    let found = documents.annotations("ringfence.dev/ignore");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].value, "RF001: not yet");
    assert_eq!(
        (&found[0].object, found[0].location.source.line),
        (&objects[0], 10)
    );
    let place = documents.locate(&objects[0], "spec.ingress[0]").unwrap();
    assert_eq!(documents.object_at(&place).as_ref(), Some(&objects[0]));
    let place = documents.locate(&objects[1], "metadata").unwrap();
    assert_eq!(documents.object_at(&place).as_ref(), Some(&objects[1]));
}

#[test]
fn nothing_is_known_of_other_texts() {
    let (documents, objects) = loaded();
    let elsewhere = ringfence_model::Source {
        line: 6,
        ..objects[0].clone()
    };
    assert!(documents.field(&elsewhere, "kind").is_none());
    assert!(Documents::default().locate(&objects[0], "kind").is_none());
}

#[test]
fn versions_are_found_however_they_are_written() {
    let read = |text: &str| -> Vec<String> {
        let input = Input {
            name: "p.yaml".to_owned(),
            text: text.to_owned(),
        };
        let loaded = load(&[input], &LoadOptions::default());
        let documents = Documents::new(&loaded.sources);
        let found = documents.objects_of_versions(|version| version.starts_with("x.io/"));
        found.filter_map(|object| object.text_at("kind")).collect()
    };
    for text in [
        "apiVersion: x.io/v1\nkind: X\n",
        "kind: X\napiVersion: \"x.io/v1\" # why\n",
        "{\"kind\": \"X\", \"apiVersion\" : 'x.io/v1'}",
        "{kind: X, apiVersion: x.io/v1}",
        "apiVersion: &a x.io/v1\nkind: X\n",
        "apiVersion:\n  x.io/v1\nkind: X\n",
        "apiVersion: >-\n  x.io/v1\nkind: X\n",
        "\"api\\u0056ersion\": x.io/v1\nkind: X\n",
    ] {
        assert_eq!(read(text), ["X"], "{text}");
    }
    // What is nowhere wanted is not read, and a file is read whole.
    assert!(read("apiVersion: v1\nkind: Pod\n").is_empty());
    let both = "apiVersion: v1\nkind: Pod\n---\napiVersion: x.io/v1\nkind: X\n";
    assert_eq!(read(both), ["Pod", "X"]);
}
