//! Documents, kinds, names and duplicates (OB-1 to OB-6).

use ringfence_model::{
    Input, LoadOptions, ObjectKind, ObjectName, Severity, UnknownFields, assemble, load, load_json,
    read_json,
};

use crate::support::{assembled, keys, load_text, pod, problems, written};

#[test]
fn ob1_documents_and_lists() {
    let list = "\
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Namespace, metadata: {name: a}}
- apiVersion: v1
  kind: NamespaceList
  items:
  - {metadata: {name: b}}
  - {metadata: {name: c}, apiVersion: v1, kind: Namespace}
---
# nothing
---
{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"d\"}}
";
    assert_eq!(
        keys(list),
        [
            "Namespace a",
            "Namespace b",
            "Namespace c",
            "ConfigMap default/d"
        ]
    );
    let policies = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicyList\nmetadata: {resourceVersion: ''}\nitems: [{metadata: {name: p, namespace: m}, spec: {}}]";
    assert_eq!(keys(policies), ["NetworkPolicy m/p"]);
    assert_eq!(keys(""), [""; 0]);
}

#[test]
fn ob1_unknown_kinds() {
    let kind =
        |version: &str, kind: &str| problems(&format!("apiVersion: {version}\nkind: {kind}\n"));
    assert_eq!(
        kind("example.com/v1", "Foo"),
        ["note[OB-1] `Foo` of `example.com/v1` is not known here, and left aside"]
    );
    assert_eq!(
        kind("projectcalico.org/v3", "NetworkPolicy"),
        ["note[OB-1] `NetworkPolicy` of `projectcalico.org/v3` is not known here, and left aside"]
    );
    assert_eq!(
        kind("networking.k8s.io/v1", "NetworkPolcy"),
        ["error[OB-1] there is no `NetworkPolcy` in `networking.k8s.io/v1`"]
    );
    assert_eq!(
        kind("networking.k8s.io/v1beta1", "NetworkPolicy"),
        ["error[OB-1] there is no `NetworkPolicy` in `networking.k8s.io/v1beta1`"]
    );
    assert_eq!(
        problems("apiVersion: v1\nKind: Pod\n"),
        ["error[OB-1] not a Kubernetes object: it has no `kind`"]
    );
    assert_eq!(
        problems("- a\n"),
        ["error[OB-1] not a Kubernetes object: it has no `kind`"]
    );
    for (found, message) in [
        ("item: []", "unknown field `item`"),
        ("items: {a: b}", "items: expected a list, found a mapping"),
    ] {
        let list = format!("apiVersion: v1\nkind: List\n{found}\n");
        let rule = if message.starts_with("unknown") {
            "V-23"
        } else {
            "V-22"
        };
        assert_eq!(problems(&list), [format!("error[{rule}] {message}")]);
    }
}

#[test]
fn ob1_secrets_that_sops_has_encrypted_are_left_aside() {
    let of = |kind: &str, sops: &str| {
        problems(&format!(
            "apiVersion: v1\nkind: {kind}\nmetadata: {{name: a}}\ndata: {{key: 'ENC[AES256_GCM,data:x]'}}\n{sops}"
        ))
    };
    let sops = "sops: {mac: 'ENC[AES256_GCM,data:y]', version: 3.9.0}\n";
    for kind in ["Secret", "ConfigMap"] {
        assert_eq!(
            of(kind, sops),
            [format!(
                "note[OB-1] {kind} is encrypted by SOPS, and left aside: policy does not depend on it"
            )]
        );
    }
    assert_eq!(
        of("Secret", ""),
        ["error[V-22] data[key]: not base64; plain text belongs in `stringData`"]
    );
    assert_eq!(of("Secret", "sops: {}\n").len(), 2);
    let policy = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: a}\n";
    assert_eq!(
        problems(&format!("{policy}{sops}")),
        ["error[V-23] unknown field `sops`"]
    );
}

#[test]
fn ob2_namespaces() {
    let input = Input {
        name: "m".to_owned(),
        text: pod("a", ""),
    };
    let options = LoadOptions {
        default_namespace: "team".to_owned(),
        ..LoadOptions::default()
    };
    assert_eq!(
        load(&[input], &options).objects[0].key().to_string(),
        "Pod team/a"
    );
    assert_eq!(
        problems("apiVersion: v1\nkind: Namespace\nmetadata: {name: a, namespace: b}\n"),
        ["error[OB-2] metadata.namespace: Forbidden: not allowed on this type"]
    );
}

#[test]
fn ob3_duplicates() {
    let twice = pod("a", "") + &pod("a", "");
    assert_eq!(
        assembled(&twice).1,
        ["warning[OB-3] Pod default/a is given twice"]
    );
    let differs = pod("a", "") + &pod("a", "status: {podIP: 10.0.0.1}\n");
    assert_eq!(
        assembled(&differs).1,
        ["error[OB-3] Pod default/a is given twice, and differs"]
    );
    let policy = |port: u16| {
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p}}\nspec: {{ingress: [{{ports: [{{port: {port}}}]}}]}}\n---\n"
        )
    };
    assert_eq!(
        assembled(&(policy(80) + &policy(80))).1,
        ["warning[OB-3] NetworkPolicy default/p is given twice"]
    );
    assert_eq!(
        assembled(&(policy(80) + &policy(81))).1,
        ["error[OB-3] NetworkPolicy default/p is given twice, and differs"]
    );
}

#[test]
fn ob4_missing_namespaces_and_np18() {
    let text = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: x}\nspec: {}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: z, labels: {kubernetes.io/metadata.name: lie, a: b}}\n---\n";
    let loaded = load_text(&(text.to_owned() + &pod("a", "")));
    assert_eq!(
        written(&loaded.diagnostics),
        [
            "warning[NP-18] `kubernetes.io/metadata.name` is always the namespace's own name: `lie` becomes `z`"
        ]
    );
    let (cluster, diagnostics) = assemble(&loaded.objects);
    assert_eq!(
        written(&diagnostics),
        ["warning[OB-4] namespace `x` is not given: it is taken to have no labels but its name"]
    );
    let labels = |name: &str| serde_json::to_string(&cluster.namespaces[name].labels).unwrap();
    assert_eq!(labels("x"), r#"{"kubernetes.io/metadata.name":"x"}"#);
    assert_eq!(
        labels("z"),
        r#"{"a":"b","kubernetes.io/metadata.name":"z"}"#
    );
    assert_eq!(
        labels("default"),
        r#"{"kubernetes.io/metadata.name":"default"}"#
    );
}

#[test]
fn ob5_yaml_traps() {
    let labels = |labels: &str| {
        problems(&format!(
            "apiVersion: v1\nkind: Namespace\nmetadata: {{name: a, labels: {labels}}}\n"
        ))
    };
    assert_eq!(
        labels("{a: off}"),
        ["error[OB-5] metadata.labels[a]: expected a string, found the boolean `off`"]
    );
    assert_eq!(
        labels("{on: a}"),
        [
            "error[OB-5] metadata.labels[true]: the key must be a string, but plain `on` is a boolean"
        ]
    );
    assert_eq!(labels("{a: b, a: b}"), ["error[OB-5] duplicate key `a`"]);
    assert_eq!(labels("{1: 'yes', a: ''}"), [""; 0]);
    assert_eq!(
        problems("apiVersion: v1\nkind: Namespace\nmetadata: {name: no}\n"),
        ["error[OB-5] metadata.name: expected a string, found the boolean `no`"]
    );
}

#[test]
fn ob6_removed_versions() {
    let found = load_text("apiVersion: extensions/v1beta1\nkind: NetworkPolicy\nspec: {}\n");
    assert_eq!(
        written(&found.diagnostics),
        ["error[OB-6] `NetworkPolicy` of `extensions/v1beta1` is not served any more"]
    );
    assert_eq!(
        found.diagnostics[0].help.as_deref(),
        Some("write `apiVersion: networking.k8s.io/v1`")
    );
}

#[test]
fn one_bad_object_does_not_hide_the_others() {
    let text =
        pod("a", "") + "a: [\n---\n" + &pod("B", "") + &pod("c", "extra: 1\n") + &pod("d", "");
    let loaded = load_text(&text);
    let keys: Vec<ObjectName> = loaded
        .objects
        .iter()
        .map(|object| object.key())
        .inspect(|key| assert_eq!(key.kind, ObjectKind::Pod))
        .map(|key| ObjectName::new(key.namespace.unwrap(), key.name))
        .collect();
    assert_eq!(
        keys,
        [
            ObjectName::new("default", "a"),
            ObjectName::new("default", "d")
        ]
    );
    assert_eq!(loaded.diagnostics.len(), 3);
    assert!(
        loaded
            .diagnostics
            .iter()
            .all(|found| found.severity == Severity::Error)
    );
}

const fn tolerant(unknown_fields: UnknownFields) -> LoadOptions {
    LoadOptions {
        default_namespace: String::new(),
        unknown_fields,
    }
}

#[test]
fn v23_unknown_fields_of_texts_are_what_the_caller_says() {
    let input = Input {
        name: "m.yaml".to_owned(),
        text: "apiVersion: v1\nkind: NamespaceList\nitem: []\nitems: [{metadata: {name: a, nam: b}}]\n"
            .to_owned(),
    };
    let loaded = |unknown_fields| load(std::slice::from_ref(&input), &tolerant(unknown_fields));
    let refused = loaded(UnknownFields::Refuse);
    let expected = ["unknown field `item`", "unknown field `metadata.nam`"];
    let as_written = |severity: &str| expected.map(|text| format!("{severity}[V-23] {text}"));
    assert_eq!(written(&refused.diagnostics), as_written("error"));
    assert!(refused.objects.is_empty());
    let warned = loaded(UnknownFields::Warn);
    assert_eq!(written(&warned.diagnostics), as_written("warning"));
    assert_eq!(warned.objects.len(), 1);
    let ignored = loaded(UnknownFields::Ignore);
    assert_eq!((ignored.objects.len(), ignored.diagnostics.len()), (1, 0));
}

#[test]
fn json_values_load_without_positions() {
    let value = serde_json::json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": "p", "namespace": "n"},
        "spec": {"podSelectorr": {}}
    });
    let refused = load_json(&value, &LoadOptions::default());
    assert_eq!(
        written(&refused.diagnostics),
        ["error[V-23] unknown field `spec.podSelectorr`"]
    );
    assert_eq!(
        refused.diagnostics[0].path.as_deref(),
        Some("spec.podSelectorr")
    );
    assert!(refused.objects.is_empty() && refused.diagnostics[0].location.is_none());
    let warned = load_json(&value, &tolerant(UnknownFields::Warn));
    assert_eq!((warned.objects.len(), warned.diagnostics.len()), (1, 1));
    let ignored = load_json(&value, &tolerant(UnknownFields::Ignore));
    assert_eq!((ignored.objects.len(), ignored.diagnostics.len()), (1, 0));
    assert_eq!(ignored.objects[0].source(), None);
}

#[test]
fn documents_as_json() {
    let input = Input {
        name: "m".to_owned(),
        text: "a: yes\n---\n- 1\n".to_owned(),
    };
    let values = read_json(&input).unwrap();
    assert_eq!(
        values,
        [serde_json::json!({"a": true}), serde_json::json!([1])]
    );
}
