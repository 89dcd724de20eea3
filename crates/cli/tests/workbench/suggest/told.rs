//! Names of Services in what workloads are told: needed, left to a human, or nobody's.

use super::complete::{judged, problems};
use super::{deployment, namespace};

/// `db`, one pod that is shown to need it, and `client` with this further line in its container.
fn with_client(container: &str) -> String {
    let user = deployment("user", "env: [{name: DB_URL, value: http://store}]");
    namespace() + &deployment("store", "") + &user + &deployment("client", container)
}

/// A ConfigMap with one file, which `client` mounts.
fn with_file(name: &str, text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| format!("    {line}")).collect();
    let mounted = "volumeMounts: [{name: v, mountPath: /v}]\n      volumes: [{name: v, configMap: {name: files}}]";
    with_client(mounted)
        + &format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: files, namespace: ns}}\ndata:\n  {name}: |\n{}\n",
            lines.join("\n")
        )
}

/// Whether `client` is shown to need `store`.
fn needs(found: &serde_json::Value) -> bool {
    let mut all = found["needs"].as_array().unwrap().iter();
    all.any(|need| {
        need["from"].to_string().contains("client") && need["to"].to_string().contains("store")
    })
}

/// Whether a human has to say if `client` needs `store`.
fn is_left(found: &serde_json::Value) -> bool {
    let said = problems(found);
    said.iter().any(|one| one.contains("names svc/ns/store"))
}

/// That others need a Service says nothing about this workload.
#[test]
fn a_service_that_a_workload_names_is_needed_or_for_a_human() {
    for needed in [
        "command: [sh, -c, \"pg_dump -h store -U app shop | gzip > x\"]",
        "command: [sh, -c, \"until pg_isready --host=store; do sleep 1; done\"]",
        "command: [sh, -c, \"echo > /dev/tcp/store/80\"]",
        "command: [sh, -c, \"S=store; nc -z $S 80\"]",
        "command: [sh, -c, \"nc -z $STORE_PORT_80_TCP_ADDR 80\"]",
        "command: [mysql, -hstore, -uroot]",
        "command: [kcat, \"-bstore:80\"]",
        "command: [sh, -c, \"kcat -bstore:80 -L\"]",
        "command: [psql, \"host=store port=80 dbname=x\"]",
        "command: [psql, -d, \"port=80 host=store dbname=x\"]",
        "args: [--dsn, \"host=store dbname=x\"]",
        "args: [\"Server=store,80;Database=x\"]",
        "args: [--db, \"Data Source=store,80;Initial Catalog=x\"]",
        "command: [sh, -c, \"PGPORT=80 PGHOST=store psql\"]",
        "command: [bash, -ec, \"exec 3<>/dev/tcp/other/1 4<>/dev/tcp/store/80\"]",
        "env: [{name: JAVA_OPTS, value: \"-Xmx1g -Ddb.host=store -Ddb.port=80\"}]",
        "env: [{name: EVENT_LISTENER_URL, value: \"http://store:80\"}]",
        "env: [{name: LDAP_BIND_URL, value: \"http://store\"}]",
    ] {
        let (found, code) = judged(&with_client(needed), &[]);
        assert!(needs(&found), "{needed}: {found}");
        assert_eq!(code, Some(0), "{needed}: {found}");
    }
    for left in [
        "env: [{name: NODE, value: rabbit@store}]",
        "env: [{name: SETTINGS, value: '{\"host\":\"store\"}'}]",
        "env: [{name: DB, value: store}]",
        "env: [{name: URL, value: \"jdbc:x://store:$(PORT)/shop\"}]",
        "args: [wait-for, store, --, run]",
        "args: [--store=dnssrv+_grpc._tcp.store]",
        "args: [--default-backend-service=ns/store]",
        "command: [sh, -c, \"while true; do curl -s store/health; sleep 5; done\"]",
    ] {
        let (found, code) = judged(&with_client(left), &[]);
        assert!(is_left(&found) && !needs(&found), "{left}: {found}");
        assert_eq!(code, Some(1), "{left}: {found}");
    }
}

#[test]
fn a_shell_opens_a_datagram_socket_by_its_device() {
    let client = with_client("command: [bash, -c, \"exec 3>/dev/udp/stats/8125\"]");
    let stats = "apiVersion: v1
kind: Service
metadata: {name: stats, namespace: ns}
spec: {selector: {app: store}, ports: [{name: u, port: 8125, protocol: UDP}, {name: t, port: 8125}]}
---
";
    let (found, code) = judged(&(client + stats), &[]);
    assert!(needs(&found), "{found}");
    let needs = found["needs"].as_array().unwrap().iter();
    let ports = needs.filter(|need| {
        let is_of = |end: &str, name: &str| need[end].to_string().contains(name);
        is_of("from", "client") && is_of("to", "store")
    });
    let protocols: Vec<Option<&str>> = ports.map(|need| need["protocol"].as_str()).collect();
    assert_eq!((protocols, code), (vec![Some("UDP")], Some(0)), "{found}");
}

#[test]
fn a_name_that_is_nobodys_address_opens_nothing() {
    for other in [
        "env: [{name: NO_PROXY, value: \"localhost,.svc,store.ns.svc.cluster.local:80,store\"}]",
        "env: [{name: ALLOWED_HOSTS, value: store}]",
        "env: [{name: CORS_ORIGINS, value: \"http://store\"}]",
        "env: [{name: POSTGRES_USER, value: store}]",
        "args: [--user, store, --port, \"80\"]",
        "command: [store, \"80\"]",
        "command: [sh, -c, \"while true; do store 80; done\"]",
        "args: [--dynamic-serving-dns-names=store.ns.svc]",
        "env: [{name: CONFIG, value: /etc/store/conf}]",
        "command: [sh, -c, \"du -h store\"]",
    ] {
        let (found, code) = judged(&with_client(other), &[]);
        assert!(!needs(&found), "{other}: {found}");
        let is_asked = other.contains("du -h");
        assert_eq!(code, Some(i32::from(is_asked)), "{other}: {found}");
    }
}

#[test]
fn files_that_name_a_service_in_any_way_are_for_a_human() {
    for (name, line) in [
        ("pgbouncer.ini", "* = host=store port=80"),
        ("run.sh", "pg_dump -h store -U app shop"),
        ("run.sh", "pg_dump \\\n  --host=store \\\n  shop"),
        ("app.json", "{\"db\":{\"host\":\"store\",\"port\":80}}"),
        ("app.yaml", "db: {host: store, port: 80}"),
        ("app.yaml", "hosts:\n- store"),
        ("remote.xml", "<host>store</host>"),
        ("redis.conf", "replicaof store 80"),
        ("config.php", "define('DB_HOST', 'store');"),
    ] {
        let (found, code) = judged(&with_file(name, line), &[]);
        assert!(needs(&found) || is_left(&found), "{name} {line}: {found}");
        assert_eq!(code, Some(i32::from(!needs(&found))), "{line}: {found}");
    }
    for (name, line) in [
        ("readme.md", "talks to store"),
        ("x.yaml", "user: store"),
        ("x.conf", "# store"),
        ("x.sql", "CREATE DATABASE store;"),
    ] {
        let (found, code) = judged(&with_file(name, line), &[]);
        assert_eq!(code, Some(0), "{name} {line}: {found}");
    }
}

/// nginx and HAProxy give names to parts of their files.
#[test]
fn names_that_a_file_defines_are_its_own() {
    let nginx = "upstream backend {\n  server store:80;\n}\nserver {\n  location / { proxy_pass http://backend; }\n}";
    let haproxy = "frontend f\n  default_backend store\nbackend store\n  server a 192.0.2.7:80";
    for (name, text, needed) in [("a.conf", nginx, true), ("haproxy.cfg", haproxy, false)] {
        let (found, code) = judged(&with_file(name, text), &[]);
        assert_eq!(needs(&found), needed, "{name}: {found}");
        assert_eq!(code, Some(0), "{name}: {found}");
    }
}

#[test]
fn what_is_mounted_and_missing_is_for_a_human() {
    for (volume, code) in [
        ("configMap: {name: nowhere}", 1),
        ("secret: {secretName: nowhere}", 1),
        (
            "projected: {sources: [{configMap: {name: nowhere}}, {secret: {name: a, optional: true}}]}",
            1,
        ),
        ("configMap: {name: nowhere, optional: true}", 0),
        ("configMap: {name: kube-root-ca.crt}", 0),
        ("secret: {secretName: web-tls}", 0),
    ] {
        let mounted = format!("volumeMounts: []\n      volumes: [{{name: v, {volume}}}]");
        let (found, exit) = judged(&(namespace() + &deployment("a", &mounted)), &[]);
        assert_eq!(exit, Some(code), "{volume}: {found}");
        let said = problems(&found);
        assert_eq!(said.len(), usize::from(code == 1), "{volume}: {found}");
        assert!(
            said.iter().all(|one| one.contains("nowhere is not among")),
            "{said:?}"
        );
    }
}

/// Clients of a headless Service dial its pods at the target port (rule OB-13), and a pod that they name alone.
#[test]
fn pods_of_headless_services_are_needed_at_their_own_port() {
    let client = deployment("client", "env: [{name: DB_URL, value: http://store:80}]");
    let headless = deployment("store", "").replace(
        "{selector: {app: store}, ports: [{port: 80, targetPort: http}]}",
        "{clusterIP: None, selector: {app: store}, ports: [{port: 80, targetPort: 8080}]}",
    );
    let (found, code) = judged(&(namespace() + &headless + &client), &[]);
    assert_eq!(found["needs"][0]["port"], 8080, "{found}");
    assert_eq!(code, Some(0), "{found}");
    let named = client.replace("http://store:80", "http://store-first-0.store:80");
    let set = |name: &str| {
        let set = headless.split("---").next().unwrap_or_default();
        let set = set.replace("kind: Deployment", "kind: StatefulSet");
        set.replace(
            "name: store, namespace",
            &format!("name: {name}, namespace"),
        )
        .replace("{app: store}", &format!("{{app: store, set: {name}}}"))
            + "---\n"
    };
    let all = namespace() + &set("store-first") + &set("store-second") + &headless + &named;
    let (found, _) = judged(&all, &[]);
    let needs = found["needs"].to_string();
    assert!(needs.contains("store-first"), "{found}");
    assert!(!needs.contains("store-second"), "{found}");
}

#[test]
fn both_ports_of_a_member_of_zookeeper_are_needed() {
    let servers = "env: [{name: ZOO_SERVERS, value: \"store:2888:3888 store:11211:1\"}]";
    let store = deployment("store", "").replace(
        "ports: [{port: 80, targetPort: http}]",
        "ports: [{name: a, port: 2888}, {name: b, port: 3888}, {name: c, port: 11211}]",
    );
    let (found, code) = judged(&(namespace() + &store + &deployment("a", servers)), &[]);
    let needs = found["needs"].as_array().unwrap().iter();
    let ports: Vec<u64> = needs
        .filter(|need| need["to"].to_string().contains("store"))
        .map(|need| need["port"].as_u64().unwrap())
        .collect();
    assert_eq!(ports, [2888, 3888, 11211], "{found}");
    assert_eq!(code, Some(0), "{found}");
}

/// A Deployment keeps the ReplicaSets of earlier revisions.
#[test]
fn what_earlier_revisions_were_told_is_nobodys_need() {
    let new = deployment("a", "env: [{name: B_URL, value: http://b}]");
    let old = deployment("a", "env: [{name: B_URL, value: http://gone}]");
    let old = old.split("---").next().unwrap_or_default();
    let old = old
        .replace("kind: Deployment", "kind: ReplicaSet")
        .replace(
            "name: a, namespace: ns",
            "name: a-5d4f, namespace: ns, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: a, uid: u, controller: true}]",
        )
        .replace("replicas: 2", "replicas: 0");
    let (found, code) = judged(&(namespace() + &new + &deployment("b", "") + &old), &[]);
    assert_eq!(code, Some(0), "{found}");
}

/// A pod talks to the API server if its account has rights, under whichever name, and its token is there.
#[test]
fn who_has_a_token_and_rights_talks_to_the_api_server() {
    let account =
        "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: default, namespace: ns}\n";
    let off = "automountServiceAccountToken: false\n---\n";
    let binding = "apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: r, namespace: ns}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: view}
subjects: [SUBJECT]
---
";
    let by_kind = "{kind: ServiceAccount, name: default, namespace: ns}";
    let as_user = "{kind: User, apiGroup: rbac.authorization.k8s.io, name: \"system:serviceaccount:ns:default\"}";
    let projected = "volumeMounts: []\n      volumes: [{name: t, projected: {sources: [{serviceAccountToken: {path: t}}]}}]";
    for (container, account, subject, talks) in [
        ("", format!("{account}---\n"), by_kind, true),
        ("", format!("{account}---\n"), as_user, true),
        ("", format!("{account}{off}"), by_kind, false),
        (projected, format!("{account}{off}"), by_kind, true),
    ] {
        let binding = binding.replace("SUBJECT", subject);
        let all = namespace() + &deployment("a", container) + &account + &binding;
        let (found, code) = judged(&all, &[]);
        let said = problems(&found);
        let is_told = said
            .iter()
            .any(|one| one.contains("talks to the API server"));
        assert_eq!(is_told, talks, "{container} {account} {subject}: {found}");
        assert_eq!(code, Some(i32::from(talks)), "{found}");
    }
}
