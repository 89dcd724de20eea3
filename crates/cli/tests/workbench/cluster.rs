//! Live clusters, which the embedded API server plays: what is judged, how it is named, and what is refused.

use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;

use ringfence_apiserver::api::{AdmitAll, Api, ApiConfig};
use ringfence_apiserver::server::{Identity, Server};
use ringfence_model::{Input, read_json};

use crate::support::{Finished, RINGFENCE, ringfence, root, text, without_surroundings};

/// The objects of the demonstration.
const DEMO: &str = "examples/netpol-demo";

struct Cluster {
    _server: Server,
    _directory: tempfile::TempDir,
    kubeconfig: String,
}

fn demo() -> Cluster {
    let config = ApiConfig {
        first_revision: 1,
        ends_pods: false,
    };
    let api = Arc::new(Api::new(config, Box::new(AdmitAll)));
    for entry in std::fs::read_dir(root().join(DEMO)).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|found| found == "yaml") {
            record(&api, &std::fs::read_to_string(path).unwrap());
        }
    }
    let identity = Identity::generate(&["127.0.0.1"]).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let directory = tempfile::tempdir().unwrap();
    let kubeconfig = directory.path().join("kubeconfig");
    std::fs::write(&kubeconfig, identity.kubeconfig("lab", &address)).unwrap();
    Cluster {
        _server: Server::start(api, listener, identity).unwrap(),
        _directory: directory,
        kubeconfig: kubeconfig.display().to_string(),
    }
}

fn record(api: &Api, text: &str) {
    let input = Input {
        name: String::new(),
        text: text.to_owned(),
    };
    for mut object in read_json(&input).unwrap() {
        let text = |key: &str| object.get(key)?.as_str();
        let (version, name) = (text("apiVersion").unwrap(), text("kind").unwrap());
        // A configuration of kind is none of the cluster's objects.
        let Some(kind) = api.kinds().of_object(version, name) else {
            continue;
        };
        let metadata = object.get_mut("metadata").unwrap().as_object_mut().unwrap();
        if kind.is_namespaced() {
            let namespace = metadata.entry("namespace");
            namespace.or_insert_with(|| "default".into());
        }
        api.record(kind, &object);
    }
}

#[test]
fn a_cluster_is_judged_like_its_manifests_and_says_where_everything_is() {
    let cluster = demo();
    let live = ["--kubeconfig", &cluster.kubeconfig];
    let matrix = |input: &[&str]| ringfence(&[&["matrix", "-o", "json"], input].concat()).expect(0);
    assert_eq!(matrix(&live), matrix(&["-f", DEMO]));

    let question = [
        "explain",
        "default/client",
        "svc/netpol-demo/web-app",
        "tcp/80",
    ];
    let finished = ringfence(&[&question[..], &live[..]].concat());
    let told = finished.expect(1);
    let quoted = " --> cluster: NetworkPolicy netpol-demo/default-deny-ingress\n";
    assert!(told.contains(quoted), "{told}");
    assert!(told.contains("purpose: frontend\n"), "{told}");
    assert!(
        !told.contains(".yaml") && !told.contains("ingress:"),
        "{told}"
    );

    let frontend = "examples/netpol-demo/frontend";
    let with = ["-f", frontend];
    ringfence(&[&question[..], &live[..], &with[..]].concat()).expect(0);
    let context = ["--context", "lab"];
    for command in ["check", "audit", "zones", "lock", "suggest", "rules"] {
        let finished = ringfence(&[&[command][..], &live[..], &context[..]].concat());
        assert_ne!(finished.status.code(), Some(2), "{finished:#?}");
        assert_ne!(finished.stdout, "", "{finished:#?}");
    }
    let test = ["test", "examples/netpol-demo/policy-tests.yaml"];
    let of_files = ringfence(&[&test[..], &["-f", DEMO]].concat());
    let of_cluster = ringfence(&[&test[..], &live[..]].concat());
    assert_eq!(
        of_cluster.status.code(),
        of_files.status.code(),
        "{of_cluster:#?}"
    );
}

/// kubectl runs the program by another name, and hands over what stands behind it.
#[test]
fn as_a_plugin_of_kubectl_it_judges_the_current_context() {
    let cluster = demo();
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("kubectl-ringfence");
    std::os::unix::fs::symlink(RINGFENCE, &program).unwrap();
    let kubectl = |arguments: &[&str]| {
        let output = without_surroundings(&mut Command::new(&program))
            .env("KUBECONFIG", &cluster.kubeconfig)
            .args(arguments)
            .output()
            .unwrap();
        Finished {
            status: output.status,
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    };
    let live = ["--kubeconfig", &cluster.kubeconfig];
    let question = [
        "explain",
        "default/client",
        "svc/netpol-demo/web-app",
        "tcp/80",
    ];
    let told = kubectl(&question).stdout;
    assert_eq!(told, ringfence(&[&question[..], &live[..]].concat()).stdout);
    assert!(told.contains("cluster: NetworkPolicy"), "{told}");
    let frontend = [&question[..], &["-f", "examples/netpol-demo/frontend"]].concat();
    assert_eq!(kubectl(&frontend).status.code(), Some(0));
    for command in [
        "matrix", "check", "audit", "zones", "lock", "suggest", "rules",
    ] {
        let finished = kubectl(&[command]);
        let same = ringfence(&[&[command][..], &live[..]].concat());
        assert_eq!(finished.stdout, same.stdout, "{command}: {finished:#?}");
        assert_ne!(finished.stdout, "", "{command}: {finished:#?}");
    }
    let side = kubectl(&["diff", "cluster:", DEMO]);
    assert_eq!(side.status.code(), Some(0), "{side:#?}");
    let usage = kubectl(&["explain", "--help"]).stdout;
    assert!(
        usage.contains("Usage: kubectl ringfence explain"),
        "{usage}"
    );
    let unknown = kubectl(&["matrix", "--context", "prod"]);
    assert!(
        unknown.stderr.contains("there is no context `prod`"),
        "{unknown:#?}"
    );
}

#[test]
fn a_side_of_a_comparison_can_be_a_cluster() {
    let cluster = demo();
    let diff = |more: &[&str]| {
        let options = ["diff", "--kubeconfig", &cluster.kubeconfig];
        ringfence(&[&options, more].concat())
    };
    diff(&["cluster:", DEMO]).expect(0);
    diff(&[DEMO, "cluster:lab"]).expect(0);
    diff(&["cluster:", "cluster:lab"]).expect(0);
    let opened = diff(&["--b", "examples/netpol-demo/frontend"]).expect(1);
    assert!(opened.contains("now      ingress allowed: netpol-demo/web-allow-frontend ingress[0] (cluster: NetworkPolicy netpol-demo/web-allow-frontend)"), "{opened}");
}

#[test]
fn what_names_no_cluster_is_refused() {
    let cluster = demo();
    let refused = |arguments: &[&str]| ringfence(arguments).expect_refused();
    let unknown = refused(&[
        "matrix",
        "--kubeconfig",
        &cluster.kubeconfig,
        "--context",
        "prod",
    ]);
    assert_eq!(
        unknown,
        "error: there is no context `prod`; there are: lab\n"
    );
    let here = refused(&["test", "cluster:", "-f", DEMO]);
    assert!(
        here.contains("`cluster:` names a live cluster, which is not read here"),
        "{here}"
    );
    let kernels = refused(&["rules", "--kubeconfig", &cluster.kubeconfig, "--unused"]);
    assert!(
        kernels.contains("the API of a cluster knows nothing of its kernels"),
        "{kernels}"
    );
}
