use ringfence_model::Input;

use super::*;

const POD: &str = "apiVersion: v1
kind: Pod
metadata: {name: web, namespace: demo}
spec: {containers: [{name: c, image: x}]}
";
const NAMESPACE: &str = "apiVersion: v1
kind: Namespace
metadata: {name: demo}
";
const TYPO: &str = "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: typo, namespace: demo}
spec: {podSelector: {}, policyType: [Egress]}
";

fn options(skip_invalid: bool) -> ManifestOptions {
    ManifestOptions {
        recursive: false,
        namespace: "default".to_owned(),
        skip_invalid,
        allow_unknown_fields: false,
        resolve: Vec::new(),
        pod_cidr: Vec::new(),
        at: None,
        cluster: ClusterArguments::default(),
    }
}

fn inputs(texts: &[&str]) -> Inputs {
    let numbered = texts.iter().zip(1..);
    let input = |(text, number): (&&str, i32)| Input {
        name: format!("{number}.yaml"),
        text: (*text).to_owned(),
    };
    Inputs {
        texts: numbered.map(input).collect(),
        warnings: Vec::new(),
        clusters: Vec::new(),
    }
}

fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

#[test]
fn one_error_refuses_everything_and_quotes_its_line() {
    let error = options(false)
        .check_all(inputs(&[NAMESPACE, POD, TYPO]))
        .unwrap_err();
    let text = plain(&error.to_string());
    let (headline, rest) = text.split_once("\n\n").unwrap();
    assert_eq!(
        headline,
        "these manifests cannot be used; --skip-invalid judges without what is refused"
    );
    assert!(
        rest.starts_with("error[V-23]: unknown field `spec.policyType`"),
        "{rest}"
    );
    assert!(rest.contains("--> 3.yaml:4:25"), "{rest}");
}

#[test]
fn errors_of_the_whole_cluster_refuse_as_well() {
    let other = POD.replace("image: x", "image: other");
    let error = options(false)
        .check_all(inputs(&[NAMESPACE, POD, &other]))
        .unwrap_err();
    let text = plain(&error.to_string());
    assert!(
        text.contains("error[OB-3]: Pod demo/web is given twice, and differs"),
        "{text}"
    );
}

#[test]
fn what_is_refused_is_skipped_if_asked_for_and_every_answer_says_so() {
    let loaded = options(true)
        .check_all(inputs(&[NAMESPACE, POD, TYPO]))
        .unwrap();
    assert_eq!(loaded.cluster.pods.len(), 1);
    assert!(loaded.cluster.network_policies.is_empty());
    assert_eq!(
        loaded.caveat().as_deref(),
        Some("what has an error in the manifests is left out of this answer")
    );
    assert!(plain(&loaded.told()).starts_with("error[V-23]"));
}

#[test]
fn unknown_fields_are_warnings_if_allowed() {
    let options = ManifestOptions {
        allow_unknown_fields: true,
        ..options(false)
    };
    let loaded = options.check_all(inputs(&[NAMESPACE, TYPO])).unwrap();
    assert_eq!(loaded.cluster.network_policies.len(), 1);
    assert_eq!(loaded.caveat(), None);
    let told = plain(&loaded.told());
    assert!(
        told.starts_with("warning[V-23]: unknown field `spec.policyType`"),
        "{told}"
    );
}

#[test]
fn sound_manifests_have_no_caveat_and_nothing_to_tell() {
    for skip_invalid in [false, true] {
        let loaded = options(skip_invalid)
            .check_all(inputs(&[NAMESPACE, POD]))
            .unwrap();
        assert_eq!(loaded.objects.len(), 2);
        assert_eq!(loaded.caveat(), None);
        assert_eq!(loaded.told(), "");
    }
}

#[test]
fn objects_without_namespace_are_in_the_one_named() {
    let options = ManifestOptions {
        namespace: "prod".to_owned(),
        ..options(false)
    };
    let pod = POD.replace(", namespace: demo", "");
    let loaded = options.check_all(inputs(&[&pod])).unwrap();
    let names: Vec<String> = loaded
        .cluster
        .pods
        .keys()
        .map(ToString::to_string)
        .collect();
    assert_eq!(names, ["prod/web"]);
}

#[test]
fn equal_notes_are_told_once_and_warnings_before_them() {
    let certificate = "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: a}\n";
    let twice = format!("{certificate}---\n{certificate}");
    let loaded = options(false).check_all(inputs(&[&twice, POD])).unwrap();
    let told = plain(&loaded.told());
    let (warning, note) = told.split_once("\n\n").unwrap();
    assert!(
        warning.starts_with("warning[OB-4]: namespace `demo` is not given"),
        "{told}"
    );
    assert_eq!(
        note,
        "note: `Certificate` of `cert-manager.io/v1` is not known here, and left aside (1.yaml:2:7 and 1 more)"
    );
}

#[derive(Debug, clap::Parser)]
struct Command {
    #[command(flatten)]
    manifests: ManifestArguments,
}

fn command(arguments: &[&str]) -> Result<Command, clap::Error> {
    use clap::Parser as _;
    Command::try_parse_from([&["command"], arguments].concat())
}

#[test]
fn the_command_line_says_what_is_read_and_how() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("below")).unwrap();
    let nameless = POD.replace(", namespace: demo", "");
    std::fs::write(directory.path().join("below/pod.yaml"), nameless).unwrap();
    std::fs::write(directory.path().join("typo.yaml"), TYPO).unwrap();
    let path = directory.path().display().to_string();

    let strict = command(&["-f", &path, "-R"]).unwrap().manifests;
    assert!(strict.load().is_err());
    let lenient = command(&["-f", &path, "-R", "-n", "prod", "--skip-invalid"]).unwrap();
    let loaded = lenient.manifests.load().unwrap();
    assert!(
        loaded
            .cluster
            .pods
            .contains_key(&"prod/web".parse().unwrap())
    );
    let flat = command(&["-f", &path, "--skip-invalid"]).unwrap().manifests;
    assert!(flat.load().unwrap().cluster.pods.is_empty());
    let missing = command(&[]).unwrap_err().to_string();
    assert!(
        missing.contains("--filename <FILE|DIR|REV:PATH|->"),
        "{missing}"
    );
}
