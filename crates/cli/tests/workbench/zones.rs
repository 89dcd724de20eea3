//! Ways between zones, workloads and whatever else has a name.

use crate::support::{ringfence, ringfence_reading};

fn path(from: &str, to: &str) -> (i32, String, String) {
    let demo = "zones -f examples/netpol-demo --zones examples/zones/zones.yaml --path";
    let arguments: Vec<&str> = demo.split(' ').chain([from, to]).collect();
    let found = ringfence(&arguments);
    (found.status.code().unwrap(), found.stdout, found.stderr)
}

#[test]
fn ends_of_a_way_are_named_as_everywhere() {
    let (code, by_zone, _) = path("web", "data");
    assert_eq!(code, 1, "{by_zone}");
    let steps = by_zone.split_once(": ").unwrap().1;
    for (from, to) in [
        ("netpol-demo/web-app-0", "netpol-demo/deployment/database"),
        ("netpol-demo/web-app", "svc/netpol-demo/postgres"),
        ("*/web-app", "netpol-demo/data*"),
    ] {
        let (code, found, said) = path(from, to);
        assert_eq!(code, 1, "{from} to {to}: {said}");
        assert_eq!(found.split_once(": ").unwrap().1, steps, "{from} to {to}");
    }
    let (code, _, said) = path("netpol-demo/nobody", "data");
    assert!(
        code == 2 && said.contains("zones with members are"),
        "{said}"
    );
}

#[test]
fn differences_are_told_in_every_form() {
    let table = |form| {
        let zones = "zones -f examples/netpol-demo --zones examples/zones/zones.yaml -o";
        let arguments: Vec<&str> = zones.split(' ').chain([form]).collect();
        let found = ringfence(&arguments);
        assert_eq!(found.status.code(), Some(1), "{form}: {}", found.stderr);
        found.stdout
    };
    let csv = table("csv");
    assert!(
        csv.starts_with("from,to,verdict,all,some,unknown,possible and not intended,"),
        "{csv}"
    );
    assert!(
        csv.contains("\nweb,outside,all,all,none,none,all,,\n"),
        "{csv}"
    );
    assert!(csv.contains("\nweb,data,ports,tcp/5432,"), "{csv}");
    let junit = table("junit");
    assert!(
        junit.contains("<failure message=\"possible and not intended: all\""),
        "{junit}"
    );
    assert!(junit.contains("name=\"web -&gt; data\" classname=\"zones\" time=\"0.000\"/>"));
    assert!(table("sarif").contains("\"ruleId\": \"zone-unintended\""));
    assert!(table("dot").starts_with("digraph connectivity {"));
    assert!(table("mermaid").contains("flowchart"));
    assert!(table("svg").starts_with("<svg"));
}

#[test]
fn a_zone_that_nobody_is_in_is_told() {
    let file = "apiVersion: ringfence.dev/v1alpha1
kind: TrustZones
zones:
- name: cache
  pods: {podSelector: {matchLabels: {app: cahce}}}
- name: others
  pods: {}
- name: outside
  nodes: {}
  cidrs: [0.0.0.0/0, \"::/0\"]
intended:
- {from: others, to: [cache, outside]}
- {from: outside, to: others}
";
    let zones = |form| {
        let command = [
            "zones",
            "-f",
            "examples/netpol-demo",
            "--zones",
            "-",
            "-o",
            form,
        ];
        ringfence_reading(file, &command)
    };
    let found = zones("text");
    assert_eq!(found.status.code(), Some(0), "{found:?}");
    let said = "warning: nobody is in the zone cache\n --> <stdin>:4:1";
    assert!(found.stderr.starts_with(said), "{found:?}");
    assert_eq!(found.stderr.matches("nobody is in").count(), 1, "{found:?}");
    assert!(
        zones("json")
            .stdout
            .contains("\"empty\": [\n    \"cache\"\n  ]")
    );
    let skipped = "<testcase name=\"cache\" classname=\"zones\" time=\"0.000\">\n      <skipped";
    assert!(zones("junit").stdout.contains(skipped));
    // The program's own zones suit every cluster, and not every cluster has all of them.
    let own = ringfence(&["zones", "-f", "examples/netpol-demo"]);
    assert_eq!(own.stderr, "");
}

#[test]
fn a_way_is_told_in_no_form_of_tables() {
    let path = "zones -f examples/netpol-demo --path web data -o csv";
    let found = ringfence(&path.split(' ').collect::<Vec<_>>());
    assert_eq!(found.status.code(), Some(2));
    assert!(
        found.stderr.contains("as text, json or md"),
        "{}",
        found.stderr
    );
}

/// A node in a zone that is told by addresses, and a rule that leads to it.
const NODE: &str = "
apiVersion: v1
kind: Node
metadata: {name: control}
status: {addresses: [{type: InternalIP, address: 192.168.0.1}]}
---
apiVersion: v1
kind: Node
metadata: {name: worker}
status: {addresses: [{type: InternalIP, address: 172.16.0.1}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {nodeName: worker, containers: [{name: c, image: i}]}
status: {podIP: 10.0.0.1}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {}
  policyTypes: [Egress]
  egress: [{to: [{ipBlock: {cidr: 192.168.0.1/32}}], ports: [{port: 10250}]}]
";

#[test]
fn nodes_are_in_the_zone_of_their_addresses() {
    let file = std::env::temp_dir().join(format!("zones-{}.yaml", std::process::id()));
    let zones = "
apiVersion: ringfence.dev/v1alpha1
kind: TrustZones
zones:
- {name: web, pods: {}}
- {name: control, cidrs: [192.168.0.0/24]}
";
    std::fs::write(&file, zones).unwrap();
    let asked = |more: &[&str]| {
        let zones = ["zones", "-f", "-", "--zones", file.to_str().unwrap()];
        ringfence_reading(NODE, &[&zones, more].concat())
    };
    let (table, way) = (asked(&[]), asked(&["--path", "web", "control"]));
    let other = asked(&["--path", "web", "node/worker"]);
    let all = asked(&["--path", "web", "nodes"]);
    std::fs::remove_file(&file).unwrap();
    let finding = "web -> control: possible and not intended: tcp/10250";
    assert!(table.stdout.contains(finding), "{table:?}");
    assert_eq!(way.status.code(), Some(1), "{way:?}");
    let step = "shop/web -> node/control tcp/10250";
    assert!(way.stdout.contains(step), "{way:?}");
    assert!(other.stdout.starts_with("there is no way"), "{other:?}");
    assert!(all.stdout.contains(step), "{all:?}");
}

#[test]
fn a_way_that_depends_on_an_address_is_one_perhaps() {
    let pod = |name: &str| {
        format!(
            "apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: shop, labels: {{app: {name}}}}}
spec: {{containers: [{{name: c, image: i}}]}}
---
"
        )
    };
    let policy = "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec: {podSelector: {matchLabels: {app: db}}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}], ports: [{port: 5432}]}]}
";
    let manifests = pod("web") + &pod("db") + policy;
    let asked = |more: &[&str]| {
        let path = ["zones", "-f", "-", "--path", "shop/web", "shop/db"];
        ringfence_reading(&manifests, &[&path, more].concat())
    };
    let text = asked(&[]);
    assert_eq!(text.status.code(), Some(1), "{text:?}");
    for said in [
        "perhaps a way from shop/web to shop/db in 1 step",
        "an address that it depends on is not known",
        "NetworkPolicy shop/db ingress[0]",
    ] {
        assert!(text.stdout.contains(said), "{said}: {text:?}");
    }
    let json: serde_json::Value = serde_json::from_str(&asked(&["-o", "json"]).stdout).unwrap();
    assert_eq!(json["perhaps"], true);
    let verdict = &json["steps"][0]["witness"]["verdict"];
    assert_eq!(verdict, "unknown: no address of shop/web");
}

/// What a closed cluster does not open is no difference from the built-in files: kubelets reach the pods of their own node whatever
/// policies say (rule NP-50), and not everybody calls the outside.
#[test]
fn a_closed_cluster_is_as_the_built_in_files_intend() {
    let closed = "---
apiVersion: v1
kind: Node
metadata: {name: control, labels: {node-role.kubernetes.io/control-plane: ''}}
status: {addresses: [{type: InternalIP, address: 192.168.0.1}]}
---
apiVersion: v1
kind: Node
metadata: {name: worker}
status: {addresses: [{type: InternalIP, address: 192.168.0.2}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec: {nodeName: worker, containers: [{name: c, image: i}]}
status: {podIP: 10.0.0.1}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
";
    for profile in ["managed", "unmanaged"] {
        let arguments = ["zones", "-f", "-", "--profile", profile];
        let table = ringfence_reading(closed, &arguments);
        assert_eq!(table.status.code(), Some(0), "{table:?}");
    }
    let open = closed.replace("[Ingress, Egress]", "[Ingress]");
    let table = ringfence_reading(&open, &["zones", "-f", "-"]);
    assert_eq!(table.status.code(), Some(1), "{table:?}");
    for finding in [
        "workloads -> control-plane: possible and not intended: tcp/1-6442,6444-65535 ",
        "workloads -> outside: possible and not intended: tcp/1-442,444-65535 ",
    ] {
        assert!(table.stdout.contains(finding), "{table:?}");
    }
}
