//! What is tried. Every command's effect is looked at, not its exit code alone.

use super::bench::Bench;

pub(crate) fn run(bench: &Bench) {
    about_the_server(bench);
    the_demo(bench);
    reading(bench);
    creating(bench);
    watching(bench);
    changing(bench);
    applying(bench);
    policies(bench);
    refusing(bench);
    deleting(bench);
}

#[track_caller]
pub(crate) fn has(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} is not in:\n{text}");
    }
}

#[track_caller]
pub(crate) fn has_not(text: &str, word: &str) {
    assert!(!text.contains(word), "{word:?} is in:\n{text}");
}

fn about_the_server(bench: &Bench) {
    has(&bench.ok("version -o json"), &["v1.32.0+ringfence"]);
    let resources = bench.ok("api-resources");
    has(
        &resources,
        &[
            "networkpolicies",
            "netpol",
            "clusternetworkpolicies",
            "deployments",
            "Lease",
        ],
    );
    has(
        &bench.ok("api-resources --namespaced=false -o name"),
        &["namespaces", "nodes"],
    );
    has(
        &bench.ok("api-versions"),
        &[
            "networking.k8s.io/v1",
            "policy.networking.k8s.io/v1alpha1",
            "v1",
        ],
    );
    has(&bench.ok("get --raw /healthz"), &["ok"]);
    has(
        &bench.ok("explain netpol.spec"),
        &["podSelector", "policyTypes", "NetworkPolicySpec"],
    );
    has(
        &bench.ok("explain deployment --recursive"),
        &["revisionHistoryLimit", "containerPort"],
    );
    has(&bench.ok("cluster-info"), &["is running at"]);
}

fn the_demo(bench: &Bench) {
    let app = bench.demo("demo-app.yaml");
    has(
        &bench.ok(&format!(
            "diff -f {}",
            bench.file("empty.yaml", "apiVersion: v1\nkind: List\nitems: []\n")
        )),
        &[],
    );
    let made = bench.ok(&format!("apply -f {app}"));
    has(
        &made,
        &[
            "namespace/netpol-demo created",
            "deployment.apps/web-app created",
            "secret/postgres-secrets created",
        ],
    );
    let again = bench.ok(&format!("apply -f {app}"));
    has(
        &again,
        &[
            "deployment.apps/web-app unchanged",
            "service/web-app unchanged",
        ],
    );
    has_not(&again, "configured");
    let policy = bench.demo("default-deny-ingress.yaml");
    has(
        &bench.ok(&format!("apply -f {policy} --dry-run=server")),
        &["created (server dry run)"],
    );
    has(
        &bench.ok(&format!("apply -f {policy}")),
        &["networkpolicy.networking.k8s.io/default-deny-ingress created"],
    );
    bench.ok(&format!(
        "apply -f {}",
        bench.demo("web-allow-frontend.yaml")
    ));
    has(
        &bench.ok("label ns default purpose=frontend"),
        &["namespace/default labeled"],
    );
    has(
        &bench.ok(&format!("apply -f {}", bench.demo("db-policy.yaml"))),
        &["db-policy created"],
    );
    has(
        &bench.ok("describe netpol db-policy -n netpol-demo"),
        &["PodSelector:     app=db", "To Port: 5432/TCP"],
    );
    has(
        &bench.ok("delete netpol db-policy -n netpol-demo"),
        &["deleted"],
    );
    has(
        &bench.ok(&format!("create -f {}", bench.demo("db-policy.yaml"))),
        &["created"],
    );
    has(
        &bench.fails(&format!("create -f {}", bench.demo("db-policy.yaml"))),
        &["AlreadyExists"],
    );
    has(
        &bench.ok("run client -n default --image=raesene/alpine-containertools"),
        &["pod/client created"],
    );
}

fn reading(bench: &Bench) {
    has(
        &bench.ok("get ns"),
        &["NAME", "STATUS", "AGE", "netpol-demo", "Active"],
    );
    has(
        &bench.ok("get ns --show-labels"),
        &["kubernetes.io/metadata.name=default,purpose=frontend"],
    );
    has(
        &bench.ok("get netpol -A"),
        &["NAMESPACE", "POD-SELECTOR", "app=db", "<none>"],
    );
    has(
        &bench.ok("get deploy,svc,netpol -n netpol-demo -o wide"),
        &["nginx:1.14.2", "app=web", "80/TCP", "SELECTOR"],
    );
    has(
        &bench.ok("get all -n netpol-demo"),
        &["deployment.apps/web-app", "service/postgres"],
    );
    has(&bench.ok("get pods"), &["client", "0/1", "Pending"]);
    has(
        &bench.ok("get pods -o wide"),
        &["NOMINATED NODE", "READINESS GATES"],
    );
    has(&bench.ok("get pods -l run=client"), &["client"]);
    has_not(&bench.ok("get pods -l run!=client"), "client");
    has(&bench.ok("get pods -L run"), &["RUN", "client"]);
    has(
        &bench.ok("get pods --field-selector status.phase=Pending"),
        &["client"],
    );
    has_not(
        &bench.ok("get pods --field-selector metadata.name!=client"),
        "client",
    );
    has(
        &bench.ok("get netpol -A --sort-by=.metadata.name"),
        &["db-policy"],
    );
    has(
        &bench.ok("get netpol db-policy -n netpol-demo -o yaml"),
        &["policyTypes:", "port: 5432", "uid:"],
    );
    has(
        &bench.ok("get netpol db-policy -n netpol-demo -o json"),
        &["\"resourceVersion\": \""],
    );
    has(
        &bench.ok("get netpol -A -o name"),
        &["networkpolicy.networking.k8s.io/db-policy"],
    );
    has(
        &bench.ok("get netpol -A -o jsonpath={.items[*].metadata.name}"),
        &["db-policy", "default-deny-ingress"],
    );
    has(
        &bench.ok("get pods -o custom-columns=N:.metadata.name,I:.spec.containers[0].image"),
        &["raesene/alpine-containertools"],
    );
    has(
        &bench.ok("get svc web-app -n netpol-demo -o go-template={{.spec.type}}"),
        &["ClusterIP"],
    );
    has(&bench.ok("get pods --chunk-size=1 -A"), &["client"]);
    has(
        &bench.ok("describe ns default"),
        &["purpose=frontend", "Active"],
    );
    has(
        &bench.ok("describe deploy web-app -n netpol-demo"),
        &["nginx:1.14.2", "2 desired"],
    );
    has(
        &bench.ok("describe pod client"),
        &["raesene/alpine-containertools"],
    );
    has(&bench.ok("get events -A"), &["No resources found"]);
}

/// What newer versions send as protobuf.
fn creating(bench: &Bench) {
    bench.ok("create ns made");
    bench.ok("create deploy d -n made --image=nginx:1.25 --port=80 --replicas=2");
    let path =
        "jsonpath={.spec.replicas}/{.spec.selector}/{.spec.template.spec.containers[0].ports}";
    let made = bench.ok(&format!("get deploy d -n made -o {path}"));
    assert_eq!(
        made,
        r#"2/{"matchLabels":{"app":"d"}}/[{"containerPort":80,"protocol":"TCP"}]"#
    );
    bench.ok("create cm c -n made --from-literal=a=b");
    has(
        &bench.ok("get cm c -n made -o jsonpath={.data}"),
        &[r#"{"a":"b"}"#],
    );
    bench.ok("create secret generic s -n made --from-literal=p=postgres");
    has(
        &bench.ok("get secret s -n made -o jsonpath={.data.p}"),
        &["cG9zdGdyZXM="],
    );
    bench.ok("create sa someone -n made");
    bench.ok("create svc clusterip v -n made --tcp=80:http");
    has(
        &bench.ok("get svc v -n made -o jsonpath={.spec.ports[0].targetPort}"),
        &["http"],
    );
    bench.ok("create job j -n made --image=busybox -- date -u");
    has(
        &bench.ok("get job j -n made -o jsonpath={.spec.template.spec.containers[0].command}"),
        &[r#"["date","-u"]"#],
    );
    bench.ok("create cronjob cj -n made --image=busybox --schedule=*/5~*~*~*~*");
    has(&bench.ok("get cj -n made"), &["*/5 * * * *"]);
    bench.ok("delete ns made");
}

fn watching(bench: &Bench) {
    let mut table = bench.begin("get cm -w --no-headers");
    let mut events = bench.begin("get cm -w -o json --output-watch-events");
    let map = bench.file(
        "map.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: watched}\ndata: {a: b}\n",
    );
    bench.ok(&format!("apply -f {map}"));
    table.wait_for(&["watched", "1"]);
    events.wait_for(&["\"type\":\"ADDED\""]);
    bench.ok("label cm watched x=y");
    events.wait_for(&["\"type\":\"MODIFIED\""]);
    let mut gone = bench.begin("wait --for=delete cm/watched --timeout=20s");
    let mut present = bench.begin("wait --for=jsonpath={.data.a}=b cm/watched --timeout=20s");
    present.wait_for(&["condition met"]);
    bench.ok("delete cm watched");
    events.wait_for(&["\"type\":\"DELETED\""]);
    gone.wait_for(&["condition met"]);
}

fn changing(bench: &Bench) {
    let replicas = || bench.ok("get deploy web-app -n netpol-demo -o jsonpath={.spec.replicas}");
    has(
        &bench.ok("scale deploy web-app -n netpol-demo --replicas=3"),
        &["scaled"],
    );
    has(&replicas(), &["3"]);
    bench.ok("patch deploy web-app -n netpol-demo -p {\"spec\":{\"replicas\":4}}");
    has(&replicas(), &["4"]);
    bench.ok("patch deploy web-app -n netpol-demo --type=merge -p {\"spec\":{\"replicas\":5}}");
    bench.ok("patch deploy web-app -n netpol-demo --type=json -p [{\"op\":\"replace\",\"path\":\"/spec/replicas\",\"value\":6}]");
    has(&replicas(), &["6"]);
    bench.ok("patch deploy web-app -n netpol-demo --subresource=status --type=merge -p {\"status\":{\"readyReplicas\":6}}");
    has(&bench.ok("get deploy web-app -n netpol-demo"), &["6/6"]);
    bench.ok("set image deploy/web-app nginx=nginx:1.25 -n netpol-demo");
    let images = bench.ok(
        "get deploy web-app -n netpol-demo -o jsonpath={.spec.template.spec.containers[*].image}",
    );
    has(&images, &["nginx:1.25"]);
    bench.ok("set env deploy/web-app A=1 B=2 -n netpol-demo");
    bench.ok("set env deploy/web-app A- -n netpol-demo");
    let names = bench.ok("get deploy web-app -n netpol-demo -o jsonpath={.spec.template.spec.containers[*].env[*].name}");
    assert_eq!(names, "B");
    bench.ok("annotate pod client note=here");
    bench.ok("label pod client tier=first");
    bench.ok("label pod client tier=second --overwrite");
    bench.ok("edit pod client");
    has(&bench.ok("get pod client --show-labels"), &["tier=edited"]);
    bench.ok("label pod client tier-");
    has_not(&bench.ok("get pod client --show-labels"), "tier");
    let app = bench.demo("demo-app.yaml");
    let difference = bench.run(&format!("diff -f {app}"));
    assert_eq!(
        difference.status.code(),
        Some(1),
        "{}",
        String::from_utf8_lossy(&difference.stderr)
    );
    has(
        &String::from_utf8_lossy(&difference.stdout),
        &["nginx:1.14.2", "nginx:1.25"],
    );
    bench.ok(&format!("apply -f {app}"));
    bench.ok("expose deploy web-app -n netpol-demo --name=exposed --port=8080 --target-port=80");
    has(&bench.ok("get svc exposed -n netpol-demo"), &["8080/TCP"]);
    let policy = std::fs::read_to_string(bench.demo("db-policy.yaml"))
        .unwrap()
        .replace("5432", "5433");
    bench.ok(&format!(
        "replace -f {}",
        bench.file("replaced.yaml", &policy)
    ));
    has(
        &bench.ok("get netpol db-policy -n netpol-demo -o yaml"),
        &["port: 5433"],
    );
}

fn applying(bench: &Bench) {
    let map = |value: &str| {
        let text = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: shared}}\ndata: {{a: {value}}}\n"
        );
        bench.file("shared.yaml", &text)
    };
    has(
        &bench.ok(&format!("apply --server-side -f {}", map("one"))),
        &["serverside-applied"],
    );
    bench.ok(&format!(
        "apply --server-side --field-manager=other -f {}",
        map("one")
    ));
    let refused = bench.fails(&format!(
        "apply --server-side --field-manager=other -f {}",
        map("two")
    ));
    has(
        &refused,
        &["conflict with \"kubectl\"", ".data.a", "--force-conflicts"],
    );
    bench.ok(&format!(
        "apply --server-side --force-conflicts --field-manager=other -f {}",
        map("two")
    ));
    has(&bench.ok("get cm shared -o jsonpath={.data.a}"), &["two"]);
    has(
        &bench.ok("get cm shared -o yaml --show-managed-fields"),
        &["manager: other", "operation: Apply", "f:a: {}"],
    );
    let app = bench.demo("demo-app.yaml");
    has(
        &bench.ok(&format!("apply --server-side --force-conflicts -f {app}")),
        &["serverside-applied"],
    );
    bench.ok("delete cm shared");
}

fn policies(bench: &Bench) {
    let policy = "apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {name: guard}\n\
                  spec: {tier: Admin, priority: 10, subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {}}]}]}\n";
    let file = bench.file("guard.yaml", policy);
    has(&bench.ok(&format!("apply -f {file}")), &["created"]);
    has(
        &bench.ok(&format!(
            "apply -f {}",
            bench.file("guard2.yaml", &policy.replace("10", "11"))
        )),
        &["configured"],
    );
    has(&bench.ok("get cnp"), &["guard", "Admin", "11"]);
    has(
        &bench.ok("get clusternetworkpolicies.v1alpha2.policy.networking.k8s.io guard -o yaml"),
        &["v1alpha2"],
    );
    bench.ok("delete cnp guard");
}

fn refusing(bench: &Bench) {
    let policy = std::fs::read_to_string(bench.demo("db-policy.yaml")).unwrap();
    let typo = bench.file(
        "typo.yaml",
        &policy.replace("podSelector:\n    match", "podSelectorr:\n    match"),
    );
    has(
        &bench.fails(&format!("apply -f {typo}")),
        &["strict decoding error: unknown field \"spec.podSelectorr\""],
    );
    let port = bench.file("port.yaml", &policy.replace("5432", "70000"));
    has(
        &bench.fails(&format!("apply -f {port}")),
        &["is invalid", "spec.ingress[0].ports[0].port"],
    );
    has(
        &bench.fails("get pod nothing"),
        &["Error from server (NotFound): pods \"nothing\" not found"],
    );
    has(
        &bench.fails("get nonsense"),
        &["the server doesn't have a resource type \"nonsense\""],
    );
    has(
        &bench.fails("get pods --field-selector spec.x=1"),
        &["field label not supported: spec.x"],
    );
    has(&bench.fails("get pods --token=wrong"), &["Unauthorized"]);
    has(&bench.ok("auth can-i create pods"), &["yes"]);
}

fn deleting(bench: &Bench) {
    has(
        &bench.ok("delete pod client --force --grace-period=0"),
        &["deleted"],
    );
    has(
        &bench.ok("delete svc -n netpol-demo -l none=such"),
        &["No resources found"],
    );
    has(
        &bench.ok("delete netpol --all -n netpol-demo"),
        &["db-policy", "default-deny-ingress"],
    );
    has(&bench.ok("delete ns netpol-demo"), &["deleted"]);
    has(&bench.ok("get deploy -A"), &["No resources found"]);
    has(&bench.fails("get ns netpol-demo"), &["NotFound"]);
}
