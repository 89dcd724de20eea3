use ringfence_model::{Input, LoadOptions, load};

use super::*;

fn paths(files: &[&str]) -> Vec<PathBuf> {
    files.iter().map(PathBuf::from).collect()
}

fn options(context: Option<&str>) -> ClusterArguments {
    ClusterArguments {
        kubeconfig: None,
        context: context.map(str::to_owned),
    }
}

#[test]
fn an_option_adds_the_cluster_unless_it_is_among_the_files() {
    let with = |context, files: &[&str]| options(context).with(&paths(files));
    assert_eq!(with(None, &["a.yaml"]), paths(&["a.yaml"]));
    assert_eq!(with(Some("x"), &[]), paths(&["cluster:"]));
    assert_eq!(with(Some("x"), &["a.yaml"]), paths(&["a.yaml", "cluster:"]));
    assert_eq!(with(Some("x"), &["cluster:y"]), paths(&["cluster:y"]));
}

#[test]
fn a_context_behind_the_colon_comes_before_that_of_the_option() {
    let context = |input: &str| options(Some("x")).access(Path::new(input)).unwrap().context;
    assert_eq!(context("cluster:").as_deref(), Some("x"));
    assert_eq!(context("cluster:y").as_deref(), Some("y"));
    let colons = "arn:aws:eks:eu-west-1:1:cluster/prod";
    assert_eq!(
        context(&format!("cluster:{colons}")).as_deref(),
        Some(colons)
    );
    assert!(options(None).access(Path::new("clusters/a.yaml")).is_none());
}

fn policy(name: &str, more: &str) -> Input {
    Input {
        name: name.to_owned(),
        text: format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: a, namespace: b}}\nspec: {{podSelector: {{}}{more}}}\n"
        ),
    }
}

#[test]
fn a_manifest_stands_for_what_the_cluster_has() {
    let mut files = load(&[policy("a.yaml", "")], &LoadOptions::default());
    let snapshot = Snapshot {
        policies: vec![policy(
            "cluster: NetworkPolicy b/a",
            ", egress: [{}], policyTypes: [Egress]",
        )],
        ..Snapshot::default()
    };
    add_behind(&mut files, super::load(&snapshot));
    let [only] = files.objects.as_slice() else {
        panic!("{:?}", files.objects)
    };
    assert_eq!(&*only.source().unwrap().file, "a.yaml");
    let told: Vec<String> = files.diagnostics.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "cluster: NetworkPolicy b/a: note[OB-3]: a manifest stands for the object of the same name in the cluster"
        ]
    );
}

#[test]
fn a_field_from_a_newer_kubernetes_is_told_of_a_policy_alone() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: b}\nspec: {newField: 1, containers: [{name: c, image: i}]}\n";
    let snapshot = Snapshot {
        policies: vec![policy("cluster: NetworkPolicy b/a", ", newField: 1")],
        objects: vec![Input {
            name: "cluster: Pod b/a".to_owned(),
            text: pod.to_owned(),
        }],
        ..Snapshot::default()
    };
    let loaded = super::load(&snapshot);
    assert_eq!(loaded.objects.len(), 2);
    let told: Vec<String> = loaded.diagnostics.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        ["cluster: NetworkPolicy b/a: warning[V-23]: unknown field `spec.newField`"]
    );
}
