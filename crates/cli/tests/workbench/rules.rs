//! `ringfence rules --diff`: what two sets of policies put into the kernel, from manifests alone.

use std::path::Path;

use serde_json::Value;

use crate::support::{Finished, ringfence};

const APP: &str = "apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: c, image: i}]}
status: {podIP: 10.1.0.1}
---
apiVersion: v1
kind: Pod
metadata: {name: api, namespace: shop, labels: {app: api}}
spec: {containers: [{name: c, image: i}]}
status: {podIP: 10.1.0.2}
";

fn policy(port: u16) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: to-api, namespace: shop}}
spec:
  podSelector: {{matchLabels: {{app: api}}}}
  ingress:
  - from: [{{podSelector: {{matchLabels: {{app: web}}}}}}]
    ports: [{{port: {port}}}]
"
    )
}

/// Runs the command in a folder with the pods and both sets of policies, without the folder in what it says.
fn rules(arguments: &[&str]) -> Finished {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("app.yaml", APP);
    write("before.yaml", &policy(80));
    write("after.yaml", &policy(8080));
    let at = |argument: &&str| match Path::new(argument).extension() {
        Some(_) => folder.path().join(argument).display().to_string(),
        None => (*argument).to_owned(),
    };
    let arguments: Vec<String> = ["rules"].iter().chain(arguments).map(at).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let said = ringfence(&arguments);
    let place = format!("{}/", folder.path().display());
    Finished {
        status: said.status,
        stdout: said.stdout.replace(&place, ""),
        stderr: said.stderr.replace(&place, ""),
    }
}

#[test]
fn another_port_is_one_element_that_comes_and_one_that_goes() {
    let said = rules(&["-f", "app.yaml", "--diff", "before.yaml", "after.yaml"]);
    snapbox::assert_data_eq!(
        said.expect(1),
        snapbox::str![[r#"
# computed from manifests for one node that runs every pod; interfaces are made up from the pods' names
map ingress-ports4
- 10.1.0.2 . 976:c117 . tcp . 80 comment "shop/to-api ingress[0]" : return  # NetworkPolicy shop/to-api ingress[0] (before.yaml:7:5)
+ 10.1.0.2 . 976:c117 . tcp . 8080 comment "shop/to-api ingress[0]" : return  # NetworkPolicy shop/to-api ingress[0] (after.yaml:7:5)
1 added, 1 removed

"#]]
    );
}

#[test]
fn the_same_for_machines() {
    let question = [
        "-f",
        "app.yaml",
        "--diff",
        "before.yaml",
        "after.yaml",
        "-o",
        "json",
    ];
    let said: Value = serde_json::from_str(&rules(&question).expect(1)).unwrap();
    let element = |port: u16| {
        format!("10.1.0.2 . 976:c117 . tcp . {port} comment \"shop/to-api ingress[0]\" : return")
    };
    let line = |sign: &str, port: u16, file: &str| {
        serde_json::json!({
            "sign": sign,
            "text": element(port),
            "causes": [{
                "policy": "shop/to-api",
                "direction": "Ingress",
                "rule": 0,
                "source": {"file": file, "line": 7, "column": 5},
            }],
        })
    };
    let expected = serde_json::json!([{
        "object": "map ingress-ports4",
        "lines": [line("removed", 80, "before.yaml"), line("added", 8080, "after.yaml")],
    }]);
    assert_eq!(said.get("changes"), Some(&expected), "{said:#}");
    assert_eq!(said.get("table"), Some(&Value::from("inet ringfence")));
}

#[test]
fn what_is_the_same_changes_nothing() {
    let question = ["-f", "app.yaml", "--diff", "before.yaml", "before.yaml"];
    let said = rules(&question).expect(0);
    assert!(
        said.ends_with("\nnothing changes in the kernel\n"),
        "{said}"
    );
    let said = rules(&[&question[..], &["-o", "json"]].concat()).expect(0);
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said.get("changes"), Some(&Value::Array(Vec::new())));
}

/// One set is what is added to the files: the isolation, the rule, and who is meant by it.
#[test]
fn one_set_is_added_to_the_files() {
    let said = rules(&["-f", "app.yaml", "--diff", "before.yaml"]).expect(1);
    for line in [
        "map ingress-ports4\n+ 10.1.0.2 . 976:c117 . tcp . 80 ",
        "map ingress4\n+ 10.1.0.2 comment \"shop/to-api\" : continue ",
        "map peers4\n+ 10.1.0.1 comment \"shop/web\" : 976:c117\n3 added, 0 removed\n",
    ] {
        assert!(said.contains(line), "{said}");
    }
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let said = rules(&["--diff", "before.yaml"]).expect_refused();
    assert!(said.contains("two sides are compared: name both"), "{said}");
    let said = rules(&["-f", "app.yaml", "--diff", "before.yaml", "nowhere.yaml"]);
    let said = said.expect_refused();
    assert!(said.contains("cannot read nowhere.yaml"), "{said}");
}
