//! `ringfence suggest` through the program.

mod complete;
mod told;

use std::path::PathBuf;

use crate::support::{Finished, ringfence, ringfence_reading, root};

const SHOP: &str = "docs/examples/shop";

/// An empty directory of the test `name` alone.
fn directory(name: &str) -> PathBuf {
    let path = root().join(format!("target/tmp/suggest-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

fn suggest(manifests: &str, arguments: &[&str]) -> Finished {
    ringfence_reading(manifests, &[&["suggest", "-f", "-"], arguments].concat())
}

/// A Deployment of the namespace `ns` with the label `app` and this further line in its container.
fn deployment(name: &str, container: &str) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: ns}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      containers:
      - name: c
        image: i
        ports: [{{name: http, containerPort: 8080}}]
        {container}
---
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: ns}}
spec: {{selector: {{app: {name}}}, ports: [{{port: 80, targetPort: http}}]}}
---
"
    )
}

fn namespace() -> String {
    "apiVersion: v1\nkind: Namespace\nmetadata: {name: ns}\n---\n".to_owned()
}

#[test]
fn the_demonstration_gets_a_default_deny() {
    let found = ringfence(&["suggest", "-f", "examples/netpol-demo/demo-app.yaml"]);
    assert_eq!(found.status.code(), Some(0), "{found:#?}");
    assert!(found.stdout.contains("podSelector: {}"), "{found:#?}");
    assert!(
        found.stderr.contains(
            "nothing in these manifests leads to svc/netpol-demo/postgres, svc/netpol-demo/web-app"
        ),
        "{found:#?}"
    );
    assert!(
        found.stderr.contains("2 of 2 pairs before, 0 after"),
        "{found:#?}"
    );
}

#[test]
fn services_that_nobody_needs_are_named_up_to_a_few() {
    let served = (10..32).map(|number| deployment(&format!("s{number}"), "args: []"));
    let manifests = namespace() + &served.collect::<String>();
    let told = suggest(&manifests, &[]).stderr;
    assert!(told.contains("svc/ns/s29 and 2 more Services\n"), "{told}");
}

#[test]
fn no_value_of_a_variable_is_printed() {
    for form in ["yaml", "text", "json", "md"] {
        let found = ringfence(&["suggest", "-f", SHOP, "-o", form]);
        let all = found.stdout + &found.stderr;
        assert!(all.contains("DATABASE_URL"), "{form}");
        assert!(
            !all.contains("correct-horse") && !all.contains("sslmode"),
            "{form}"
        );
    }
}

#[test]
fn a_password_that_looks_like_a_host_is_not_printed() {
    let env =
        "env: [{name: DATABASE_URL, value: \"postgres://u:1234/geheim@nowhere.example.com/x\"}]";
    let found = suggest(&(namespace() + &deployment("a", env)), &["-o", "json"]);
    let all = found.stdout + &found.stderr;
    assert!(all.contains("names a host outside of the cluster"), "{all}");
    assert!(!all.contains("geheim") && !all.contains("1234"), "{all}");
}

#[test]
fn what_is_suggested_is_complete_beside_itself() {
    let directory = directory("again");
    let path = directory.to_str().unwrap();
    let first = ringfence(&["suggest", "-f", SHOP, "--output-dir", path]);
    assert_eq!(first.status.code(), Some(1), "{first:#?}");
    assert_eq!(first.stdout, "");
    let again = ringfence(&["suggest", "-f", SHOP, "-f", path, "--keep"]);
    assert_eq!(again.stdout, "", "{again:#?}");
    assert!(
        again.stderr.contains("0 policies for 26 needs"),
        "{again:#?}"
    );
}

/// A controller that dials its backends by address needs no names, which RF023 cannot know.
#[test]
fn check_finds_no_fault_in_what_is_suggested() {
    let directory = directory("check");
    let path = directory.to_str().unwrap();
    ringfence(&["suggest", "-f", SHOP, "--output-dir", path]);
    let checked = ringfence(&["check", "-f", SHOP, "-f", path, "--ignore", "RF023"]);
    let lines: Vec<&str> = checked
        .stdout
        .lines()
        .filter(|line| line.contains(path))
        .collect();
    assert!(
        checked.stdout.contains("objects") && lines.is_empty(),
        "{lines:#?}"
    );
}

#[test]
fn files_that_say_something_else_are_kept() {
    let directory = directory("files");
    let path = directory.to_str().unwrap();
    let run = |more: &[&str]| {
        let arguments = [&["suggest", "-f", SHOP, "--output-dir", path], more].concat();
        ringfence(&arguments)
    };
    run(&[]);
    let edited = directory.join("shop.yaml");
    let suggested = std::fs::read_to_string(&edited).unwrap();
    assert!(run(&[]).stderr.contains("shop.yaml: unchanged"));
    std::fs::write(&edited, "# mine\n").unwrap();
    std::fs::remove_file(directory.join("data.yaml")).unwrap();
    let refused = run(&[]).expect_refused();
    assert!(
        refused.contains("shop.yaml would be overwritten") && refused.contains("--force"),
        "{refused}"
    );
    assert!(!directory.join("data.yaml").exists(), "nothing is written");
    assert!(run(&["--force"]).stderr.contains("shop.yaml: overwritten"));
    assert_eq!(std::fs::read_to_string(&edited).unwrap(), suggested);
    let left = std::fs::read_dir(&directory).unwrap().count();
    assert_eq!(left, 4, "one file for each namespace and nothing beside");
}

#[test]
fn what_the_user_says_resolves_what_manifests_do_not() {
    let said = ["--api-server", "192.0.2.1:443", "--ingress-from", "edge"];
    let arguments = [&["suggest", "-f", SHOP, "-o", "text"], &said[..]].concat();
    let found = ringfence(&arguments).stdout;
    assert!(
        found.contains("edge/deployment/ingress-nginx-controller -> 192.0.2.1/32 TCP/443"),
        "{found}"
    );
    assert!(
        !found.contains("whose address these manifests do not tell"),
        "{found}"
    );
}

#[test]
fn workloads_that_no_label_tells_apart_are_a_warning_with_a_connection() {
    let twin = deployment("a", "env: [{name: B_URL, value: http://b}]")
        .replace("name: a, namespace", "name: twin, namespace")
        .replace("http://b", "nothing");
    let all = namespace()
        + &deployment("a", "env: [{name: B_URL, value: http://b}]")
        + &twin
        + &deployment("b", "");
    let found = suggest(&all, &[]);
    assert_eq!(found.status.code(), Some(1), "{found:#?}");
    assert!(
        found.stderr.contains(
            "warning: ns/deployment/twin -> ns/deployment/b tcp/8080: allowed, and not needed"
        ),
        "{found:#?}"
    );
    assert!(
        found
            .stderr
            .contains("no label tells its pods from those of ns/deployment/twin"),
        "{found:#?}"
    );
}

#[test]
fn existing_policies_that_stay_are_judged_too() {
    let open = "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: open, namespace: ns}
spec:
  podSelector: {matchLabels: {app: b}}
  ingress: [{from: [{podSelector: {}}], ports: [{port: 8080}]}]
";
    let all = namespace()
        + &deployment("a", "env: [{name: B_URL, value: http://b}]")
        + &deployment("b", "")
        + open;
    let found = suggest(&all, &["--keep"]);
    assert!(
        found.stdout.contains("name: allow-a") && !found.stdout.contains("name: allow-b"),
        "{found:#?}"
    );
    let alone = suggest(&all, &[]);
    assert!(alone.stdout.contains("name: allow-b"), "{alone:#?}");
    assert_eq!(alone.status.code(), Some(0), "{alone:#?}");
}

#[test]
fn routes_let_in_the_pods_of_their_gateway_alone() {
    let gateway = deployment("edge", "").replacen(
        "labels: {app: edge}",
        "labels: {app: edge, gateway.networking.k8s.io/gateway-name: public}",
        1,
    );
    let route = "apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web, namespace: ns}
spec:
  parentRefs: [{name: public}]
  rules: [{backendRefs: [{name: web, port: 80}]}]
---
";
    let manifests = namespace() + &gateway + &deployment("web", "") + route;
    let found = suggest(&manifests, &["-o", "text"]);
    assert!(found.stdout.contains("HTTPRoute ns/web"), "{found:#?}");
    let found = suggest(&manifests, &[]);
    let rule = "# HTTPRoute ns/web";
    assert!(found.stdout.contains(rule), "{found:#?}");
    assert!(!found.stdout.contains("0.0.0.0/0"), "{found:#?}");
    // Without pods of the Gateway somebody has to say who brings the connections.
    let manifests = namespace() + &deployment("web", "") + route;
    let found = suggest(&manifests, &[]);
    assert!(found.stdout.contains("--ingress-from"), "{found:#?}");
    let found = suggest(&manifests, &["--ingress-from", "edge"]);
    assert!(
        found.stdout.contains("kubernetes.io/metadata.name: edge"),
        "{found:#?}"
    );
}

#[test]
fn a_route_opens_its_protocol_alone() {
    let dns = "apiVersion: apps/v1
kind: Deployment
metadata: {name: dns, namespace: ns}
spec:
  selector: {matchLabels: {app: dns}}
  template:
    metadata: {labels: {app: dns}}
    spec: {containers: [{name: c, image: i}]}
---
apiVersion: v1
kind: Service
metadata: {name: dns, namespace: ns}
spec: {selector: {app: dns}, ports: [{name: t, port: 53}, {name: u, port: 53, protocol: UDP}]}
---
apiVersion: gateway.networking.k8s.io/v1alpha2
kind: UDPRoute
metadata: {name: dns, namespace: ns}
spec: {parentRefs: [{name: public}], rules: [{backendRefs: [{name: dns, port: 53}]}]}
";
    let found = suggest(
        &(namespace() + dns),
        &["--ingress-from", "edge", "-o", "text"],
    );
    let found = format!("{}{}", found.stdout, found.stderr);
    assert!(found.contains("UDP/53"), "{found}");
    assert!(!found.contains("TCP/53"), "{found}");
}

#[test]
fn the_api_server_is_let_in_where_it_calls() {
    let callers = "apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: guard}
webhooks: [{name: a.example.com, clientConfig: {service: {name: guard, namespace: ns, port: 80}}}]
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1.metrics}
spec: {service: {name: metrics, namespace: ns, port: 80}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: gone}
webhooks: [{name: b.example.com, clientConfig: {service: {name: gone, namespace: ns}}}]
";
    let manifests = namespace() + &deployment("guard", "") + &deployment("metrics", "") + callers;
    let found = suggest(&manifests, &["--api-server", "192.0.2.10:6443"]);
    for caller in [
        "ValidatingWebhookConfiguration guard",
        "APIService v1.metrics",
    ] {
        assert!(found.stdout.contains(caller), "{caller} {found:#?}");
    }
    assert!(found.stdout.contains("cidr: 192.0.2.10/32"), "{found:#?}");
    assert!(
        found
            .stdout
            .contains("svc/ns/gone is not among these manifests"),
        "{found:#?}"
    );
    let found = suggest(&manifests, &[]);
    assert!(found.stdout.contains("--api-server"), "{found:#?}");
}

#[test]
fn services_that_are_open_to_the_outside_let_it_in() {
    let exposed = |spec: &str| {
        let open = format!("spec: {{{spec}, selector: {{app: web}}");
        let manifests = namespace() + &deployment("web", "");
        let found = suggest(
            &manifests.replacen("spec: {selector: {app: web}", &open, 1),
            &[],
        );
        found.stdout
    };
    let found = exposed("type: NodePort");
    assert!(found.contains("svc/ns/web NodePort"), "{found}");
    assert!(found.contains("cidr: 0.0.0.0/0"), "{found}");
    let found = exposed("type: LoadBalancer, loadBalancerSourceRanges: [192.0.2.0/24]");
    assert!(found.contains("cidr: 192.0.2.0/24"), "{found}");
    assert!(!found.contains("0.0.0.0/0"), "{found}");
    let found = exposed("type: LoadBalancer, loadBalancerSourceRanges: [nonsense]");
    assert!(
        !found.contains("0.0.0.0/0"),
        "a typo opens nothing: {found}"
    );
}

#[test]
fn malformed_arguments_are_refused() {
    for arguments in [
        ["--api-server", "nowhere"],
        ["--ingress-from", "a/b/c"],
        ["--ingress-from", "nowhere/x"],
        ["--only", "nobody"],
    ] {
        let found = suggest(&(namespace() + &deployment("a", "")), &arguments);
        assert_eq!(found.status.code(), Some(2), "{found:#?}");
    }
}

const DATA: &str = "apiVersion: v1
kind: Pod
metadata: {name: pg, namespace: data, labels: {app: pg}}
spec: {containers: [{name: pg, image: i, ports: [{name: pg, containerPort: 5432}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: pg, namespace: data}
spec: {selector: {app: pg}, ports: [PORTS]}
---
";

/// What `suggest` says in JSON where `a` is told this about the Service `data/pg`.
fn told(container: &str, ports: &str) -> serde_json::Value {
    let data = DATA.replace("PORTS", ports);
    let manifests = namespace() + &deployment("a", container) + &data;
    serde_json::from_str(&suggest(&manifests, &["-o", "json"]).stdout).unwrap()
}

#[test]
fn words_that_are_services_are_needed() {
    for container in [
        "command: [pg_dump, -h, pg.data, -p, \"5432\"]",
        "command: [psql, -hpg.data]",
        "command: [nc, -z, pg.data, \"5432\"]",
        "command: [sh, -c, \"until nc -z pg.data 5432; do sleep 1; done\"]",
        "command: [sh, -c, \"psql -h pg.data -p 5432\"]",
        "command: [sh, -c, \"psql --host=pg.data --port=5432\"]",
        "args: [\"pg.data:pg\"]",
        "lifecycle: {preStop: {exec: {command: [nc, -z, pg.data, \"5432\"]}}}",
        "readinessProbe: {exec: {command: [pg_isready, --host=pg.data, --port=5432]}}",
        "env: [{name: DB_SERVER, value: \"pg.data,5432\"}]",
        "env: [{name: DB, value: \"pg.data:pg\"}]",
        "env: [{name: DSN, value: \"host=pg.data port=5432 user=x\"}]",
    ] {
        let found = told(container, "{name: pg, port: 5432}");
        let needs = found["needs"].as_array().unwrap();
        let is_it = |need: &&serde_json::Value| need["port"] == 5432;
        assert_eq!(
            needs.iter().filter(is_it).count(),
            1,
            "{container}: {found}"
        );
        let unresolved = found["unresolved"].as_array().unwrap();
        assert!(unresolved.is_empty(), "{container}: {found}");
    }
}

/// Of a ConfigMap whose items are named, the others are no files of the pod.
#[test]
fn only_files_that_are_mounted_are_read() {
    let config = "apiVersion: v1
kind: ConfigMap
metadata: {name: files, namespace: ns}
data: {seen: \"url: http://b\", unseen: \"url: http://c\"}
---
";
    for (volume, needed) in [
        (
            "configMap: {name: files, items: [{key: seen, path: x}]}",
            &["b"][..],
        ),
        ("configMap: {name: files}", &["b", "c"]),
        (
            "projected: {sources: [{configMap: {name: files, items: [{key: seen, path: x}]}}]}",
            &["b"],
        ),
        (
            "projected: {sources: [{configMap: {name: files, items: [{key: seen, path: x}]}}, {configMap: {name: files}}]}",
            &["b", "c"],
        ),
    ] {
        let a = deployment("a", "").replace(
            "      containers:",
            &format!("      volumes: [{{name: v, {volume}}}]\n      containers:"),
        );
        let manifests = namespace() + &a + &deployment("b", "") + &deployment("c", "") + config;
        let found = suggest(
            manifests.trim_end().trim_end_matches("---"),
            &["-o", "json"],
        );
        let found: serde_json::Value = serde_json::from_str(&found.stdout).unwrap();
        let text = found["needs"].to_string();
        for (name, wanted) in [("b", needed.contains(&"b")), ("c", needed.contains(&"c"))] {
            let is_needed = text.contains(&format!("ns/deployment/{name}"));
            assert_eq!(is_needed, wanted, "{volume}: {name}: {text}");
        }
    }
}

/// Of a Service that is named, and that nothing shows to be needed, it is not said that nobody needs it.
#[test]
fn a_service_that_is_named_without_more_is_for_a_human() {
    for (container, lines) in [
        ("env: [{name: R, value: cache}]", 1),
        ("command: [sh, -c, \"warm-up cache other\"]", 1),
        ("env: [{name: APP_NAME, value: a}]", 0),
        ("env: [{name: R, value: nothing}]", 0),
        ("env: [{name: CACHE_USER, value: cache}]", 0),
    ] {
        let manifests = namespace() + &deployment("a", container) + &deployment("cache", "");
        let found = suggest(
            manifests.trim_end().trim_end_matches("---"),
            &["-o", "json"],
        );
        assert_eq!(found.status.code(), Some(lines), "{container}: {found:#?}");
        let found: serde_json::Value = serde_json::from_str(&found.stdout).unwrap();
        let unresolved = found["unresolved"].as_array().unwrap();
        let names = |one: &&serde_json::Value| {
            one["problem"]
                .as_str()
                .unwrap()
                .contains("names svc/ns/cache")
        };
        let count = unresolved.iter().filter(names).count();
        assert_eq!(i32::try_from(count), Ok(lines), "{container}: {found}");
    }
}

/// Whatever the variable is called: an alias for a host outside is a host.
#[test]
fn aliases_for_the_outside_are_followed_in_every_form() {
    let alias = "apiVersion: v1
kind: Service
metadata: {name: cache, namespace: ns}
spec: {type: ExternalName, externalName: cache.example.com}
";
    for value in ["cache:6379", "cache.ns:6379", "tcp://cache:6379"] {
        let container = format!("env: [{{name: R, value: \"{value}\"}}]");
        let manifests = namespace() + &deployment("a", &container) + alias;
        let found = suggest(&manifests, &["-o", "json"]);
        assert_eq!(found.status.code(), Some(1), "{value}: {found:#?}");
        let found: serde_json::Value = serde_json::from_str(&found.stdout).unwrap();
        let problem = found["unresolved"][0]["problem"].as_str().unwrap();
        assert!(
            problem.contains("cache.example.com:6379"),
            "{value}: {found}"
        );
    }
}

#[test]
fn a_word_that_is_a_service_of_several_ports_is_for_a_human() {
    let several = "{name: pg, port: 5432}, {name: metrics, port: 9187}";
    let found = told("command: [psql, -hpg.data]", several);
    let problem = found["unresolved"][0]["problem"].as_str().unwrap();
    assert!(
        problem.contains("which port is meant of svc/data/pg"),
        "{found}"
    );
    let own = "command: [echo, a, \"80\"]";
    let found = told(own, several);
    assert_eq!(found["unresolved"].as_array().unwrap().len(), 0, "{found}");
}

/// As in a cluster, where the pods of a workload are there as well: what its template says is said once.
#[test]
fn what_pods_are_told_by_their_template_is_said_once() {
    let container =
        "env: [{name: DB, value: \"http://store\"}, {name: M, value: \"http://169.254.169.254\"}]";
    let web = deployment("web", container);
    let template = namespace() + &deployment("store", "") + &web;
    let pod = |number: u32| {
        format!(
            "---
apiVersion: v1
kind: Pod
metadata:
  name: web-5d97bc98b5-{number}
  namespace: ns
  labels: {{app: web, pod-template-hash: 5d97bc98b5}}
  ownerReferences: [{{apiVersion: apps/v1, kind: ReplicaSet, name: web-5d97bc98b5, uid: u, controller: true}}]
spec:
  containers:
  - name: c
    image: i
    ports: [{{name: http, containerPort: 8080}}]
    {container}
"
        )
    };
    let judged = |manifests: &str| -> serde_json::Value {
        let found = suggest(manifests, &["-o", "json"]);
        serde_json::from_str(&found.stdout).unwrap()
    };
    let alone = judged(&template);
    let running = judged(&(template + &pod(1) + &pod(2)));
    assert_eq!(alone["unresolved"].as_array().unwrap().len(), 1, "{alone}");
    assert_eq!(alone["unresolved"], running["unresolved"]);
    assert_eq!(alone["needs"], running["needs"]);
}
