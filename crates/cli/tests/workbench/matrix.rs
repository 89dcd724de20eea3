//! `ringfence matrix` in each of its forms.

use snapbox::{IntoData as _, assert_data_eq, str};

use crate::support::{ringfence, ringfence_reading};

/// A Deployment, a StatefulSet whose first pod alone is reached by it, a bare pod, a node, and a block outside.
const SHOP: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: shop}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: web, ports: [{containerPort: 8080}]}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop}
spec:
  replicas: 2
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: db, image: db, ports: [{name: sql, containerPort: 5432}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: tools}
spec: {containers: [{name: client, image: client}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress:
    - from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: tools}}}]
      ports: [{port: 8080}]
  egress:
    - to: [{podSelector: {matchLabels: {app: db}}}]
    - to: [{ipBlock: {cidr: 203.0.113.0/24}}]
      ports: [{port: 443}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: primary, namespace: shop}
spec:
  podSelector: {matchLabels: {apps.kubernetes.io/pod-index: "0"}}
  ingress:
    - from: [{podSelector: {matchLabels: {app: web}}}]
      ports: [{port: sql}]
"#;

fn matrix(arguments: &str) -> String {
    let mut all = vec!["matrix", "-f", "-"];
    all.extend(arguments.split_whitespace());
    let finished = ringfence_reading(SHOP, &all);
    assert_eq!(finished.status.code(), Some(0), "{finished:#?}");
    finished.stdout
}

#[test]
fn a_small_one_is_a_grid() {
    assert_data_eq!(
        matrix("--no-external"),
        str![[r#"
 FROM \ TO     shop/db        shop/web  tools/client
 shop/db       -              -         -
 shop/web      some tcp/5432  -         unknown tcp/443
 tools/client  -              tcp/8080

some: not between all of the pods, or in one address family alone
unknown: depends on an address that is not known (AM-22)

"#]]
        .raw()
    );
}

#[test]
fn a_wide_one_is_a_list() {
    assert_data_eq!(
        matrix("--from shop/* --by pod"),
        str![[r#"
shop/db-0, shop/db-1
  -> nothing

shop/web-0, shop/web-1
  -> shop/db-0: tcp/5432
  -> tools/client: unknown tcp/443
  -> 203.0.113.0/24: tcp/443

unknown: depends on an address that is not known (AM-22)
what is not listed may not be opened

"#]]
        .raw()
    );
}

#[test]
fn namespaces_take_their_workloads_together() {
    assert_data_eq!(
        matrix("--by namespace"),
        str![[r#"
 FROM \ TO       shop           tools            internet  metadata  private  203.0.113.0/24
 shop            some tcp/5432  unknown tcp/443  -         -         -        some tcp/443
 tools           some tcp/8080                   all       all       all      all
 internet        -              all
 metadata        -              all
 private         -              all
 203.0.113.0/24  -              all

some: not between all of the pods, or in one address family alone
unknown: depends on an address that is not known (AM-22)

"#]]
        .raw()
    );
}

#[test]
fn zones_take_everybody_together_that_they_claim() {
    let zones = "--by zone --zones examples/zones/zones.yaml";
    assert_data_eq!(
        matrix(zones),
        str![[r#"
 FROM \ TO  (no zone)        data           metadata  outside       web
 (no zone)                   -              all       all           tcp/8080
 data       -                -              -         -             -
 metadata   all              -                                      -
 outside    all              -                                      -
 web        unknown tcp/443  some tcp/5432  -         some tcp/443  -

some: not between all of the pods, or in one address family alone
unknown: depends on an address that is not known (AM-22)

"#]]
        .raw()
    );
    assert_data_eq!(
        matrix(&format!("{zones} --no-external --from web --from da*")),
        str![[r#"
 FROM \ TO  (no zone)        data           web
 data       -                -              -
 web        unknown tcp/443  some tcp/5432  -

some: not between all of the pods, or in one address family alone
unknown: depends on an address that is not known (AM-22)

"#]]
        .raw()
    );
}

#[test]
fn zones_go_with_a_matrix_of_zones() {
    let said = ringfence_reading(SHOP, &["matrix", "-f", "-", "--profile", "managed"]);
    let said = said.expect_refused();
    assert!(said.contains("add `--by zone`"), "{said}");
}

#[test]
fn rows_and_columns_are_chosen_by_what_is_in_them() {
    assert_data_eq!(
        matrix("--from tools/client --from deploy/web -n shop --to shop/db-0 --to 203.0.113.9"),
        str![[r#"
 FROM \ TO     shop/db        203.0.113.0/24
 shop/web      some tcp/5432  tcp/443
 tools/client  -              all

some: not between all of the pods, or in one address family alone

"#]]
        .raw()
    );
    assert_data_eq!(
        matrix("--from internet --to sh*"),
        str![[r#"
 FROM \ TO  shop/db  shop/web
 internet   -        -

"#]]
        .raw()
    );
}

#[test]
fn machines_get_json() {
    assert_data_eq!(
        matrix("--from shop/web --to shop/db --to 203.0.113.0/24 -o json"),
        str![[r#"
{
  "sources": [
    {
      "name": "shop/deployment/web",
      "kind": "workload",
      "namespace": "shop",
      "workload": {
        "kind": "deployment",
        "name": "web"
      }
    }
  ],
  "destinations": [
    {
      "name": "shop/statefulset/db",
      "kind": "workload",
      "namespace": "shop",
      "workload": {
        "kind": "statefulset",
        "name": "db"
      }
    },
    {
      "name": "203.0.113.0/24",
      "kind": "place",
      "blocks": [
        "203.0.113.0/24"
      ]
    }
  ],
  "cells": [
    {
      "source": "shop/deployment/web",
      "destination": "shop/statefulset/db",
      "verdict": "partial",
      "some": {
        "tcp": [
          "5432"
        ]
      }
    },
    {
      "source": "shop/deployment/web",
      "destination": "203.0.113.0/24",
      "verdict": "ports",
      "all": {
        "tcp": [
          "443"
        ]
      }
    }
  ]
}

"#]]
        .raw()
    );
}

#[test]
fn spreadsheets_get_lines() {
    assert_data_eq!(
        matrix("--from shop/web -o csv"),
        str![[r#"
source,destination,verdict,all,some,unknown
shop/web,shop/db,partial,none,tcp/5432,none
shop/web,shop/web,nothing,none,none,none
shop/web,tools/client,unknown,none,none,tcp/443
shop/web,internet,nothing,none,none,none
shop/web,metadata,nothing,none,none,none
shop/web,private,nothing,none,none,none
shop/web,203.0.113.0/24,ports,tcp/443,none,none

"#]]
        .raw()
    );
}

#[test]
fn documents_get_markdown() {
    assert_data_eq!(
        matrix("--from shop/web -o md"),
        str![[r#"
| from | shop/db | shop/web | tools/client | internet | metadata | private | 203.0.113.0/24 |
| --- | --- | --- | --- | --- | --- | --- | --- |
| **shop/web** | some tcp/5432 | - | unknown tcp/443 | - | - | - | tcp/443 |

*some: not between all of the pods, or in one address family alone*

*unknown: depends on an address that is not known (AM-22)*

"#]]
        .raw()
    );
}

#[test]
fn graphs_have_a_cluster_for_each_namespace() {
    assert_data_eq!(
        matrix("--no-external -o dot"),
        str![[r#"
digraph connectivity {
  rankdir=LR;
  node [shape=box, style=rounded, fontname="sans-serif"];
  edge [fontname="sans-serif", fontsize=10];
  subgraph cluster_0 {
    label="shop";
    n0 [label="db"];
    n1 [label="web"];
  }
  subgraph cluster_1 {
    label="tools";
    n2 [label="client"];
  }
  n1 -> n0 [label="some tcp/5432", style=dashed];
  n1 -> n2 [label="unknown tcp/443", style=dotted];
  n2 -> n1 [label="tcp/8080"];
}

"#]]
        .raw()
    );
    assert_data_eq!(
        matrix("--no-external -o mermaid"),
        str![[r#"
flowchart LR
  subgraph s0 ["shop"]
    n0["db"]
    n1["web"]
  end
  subgraph s1 ["tools"]
    n2["client"]
  end
  n1 -.->|"some tcp/5432"| n0
  n1 -.->|"unknown tcp/443"| n2
  n2 -->|"tcp/8080"| n1

"#]]
        .raw()
    );
}

#[test]
fn every_form_is_the_same_every_time() {
    for form in ["text", "json", "csv", "md", "dot", "mermaid", "svg", "html"] {
        assert_eq!(
            matrix(&format!("-o {form}")),
            matrix(&format!("-o {form}")),
            "{form}"
        );
    }
}

#[test]
fn what_matches_nothing_is_refused() {
    let said =
        ringfence_reading(SHOP, &["matrix", "-f", "-", "--to", "shop/cache"]).expect_refused();
    assert!(said.contains("`shop/cache` matches nothing"), "{said}");
    let said = ringfence(&["matrix", "-f", "examples/netpol-demo/db-policy.yaml"]).expect_refused();
    assert!(said.contains("these manifests hold no pods"), "{said}");
}

/// What a browser would run or load if a name could leave its place.
const HOSTILE: &str = r#"
apiVersion: v1
kind: Pod
metadata:
  name: victim
  namespace: shop
  ownerReferences:
    - {apiVersion: x/v1, kind: X, name: "</script><script>alert(1)</script>\"'&", uid: u, controller: true}
spec: {containers: [{name: c, image: c}]}
"#;

#[test]
fn hostile_names_stay_text() {
    for form in ["html", "svg"] {
        let page = ringfence_reading(HOSTILE, &["matrix", "-f", "-", "-o", form]).stdout;
        assert!(page.contains("alert(1)"), "{form}: the name is shown");
        assert!(!page.contains("<script>alert"), "{form}");
        assert!(!page.contains("</script><script>alert"), "{form}");
    }
}

/// Renderers other than browsers know neither custom properties nor media queries.
#[test]
fn pictures_have_their_colours_everywhere() {
    let picture = matrix("-o svg");
    let (style, _) = picture.split_once("</style>").unwrap();
    let (plain, dark) = style.split_once("@media").unwrap();
    assert!(
        !picture.contains("var(") && !plain.contains("--"),
        "{style}"
    );
    for rule in [
        "rect.all { fill: #",
        "rect.ports { fill: #",
        ".ground, .sheet { fill: #",
        "text { font-size: 13px;",
    ] {
        assert!(plain.contains(rule), "{rule}");
    }
    assert!(dark.contains("prefers-color-scheme: dark") && dark.contains("rect.all { fill: #"));
}

#[test]
fn pages_load_nothing() {
    for form in ["html", "svg"] {
        let page = matrix(&format!("-o {form}"));
        let page = page.replace("http://www.w3.org/2000/svg", "");
        for word in ["http:", "https:", "src=", "@import", "//cdn"] {
            assert!(!page.contains(word), "{form} has {word}");
        }
    }
}

/// Workloads `w0` to `w129` in two namespaces, the first of which accepts nothing.
fn many() -> String {
    let pod = |index: usize| {
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: w{index}, namespace: ns{}}}\nspec: {{containers: [{{name: a, image: a}}]}}\n",
            index % 2
        )
    };
    let namespace = |index: usize| {
        format!("---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: ns{index}}}\n")
    };
    let policy = "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: closed, namespace: ns0}\nspec: {podSelector: {}}\n";
    let objects = (0..2).map(namespace).chain((0..130).map(pod));
    objects.collect::<String>() + policy
}

#[test]
fn what_is_too_much_to_read_is_shown_by_namespace() {
    let rolled_up = ringfence_reading(&many(), &["matrix", "-f", "-", "--no-external"]);
    assert_eq!(
        rolled_up.stderr,
        "note: 130 rows and columns are shown by namespace; --by workload shows all of them, --from and --to some\n"
    );
    assert_data_eq!(
        rolled_up.stdout,
        str![[r#"
 FROM \ TO  ns0  ns1
 ns0        -    all
 ns1        -    all

"#]]
        .raw()
    );
    for arguments in [
        &["-o", "csv"][..],
        &["--by", "workload"],
        &["--from", "ns1/w1"],
    ] {
        let all = [&["matrix", "-f", "-", "--no-external"][..], arguments].concat();
        let whole = ringfence_reading(&many(), &all);
        assert_eq!(whole.stderr, "");
        assert!(whole.stdout.contains("ns1/w1"), "{}", whole.stdout);
    }
}

#[test]
fn a_list_shows_together_what_is_the_same() {
    let whole = ["matrix", "-f", "-", "--no-external", "--by", "workload"];
    let list = ringfence_reading(&many(), &whole).expect(0);
    let lines: Vec<&str> = list.lines().take(4).collect();
    let [first, second, gap, third] = lines.as_slice() else {
        panic!("{list}");
    };
    assert!(
        first.starts_with("ns0/w0, ns0/w10, ") && first.ends_with(" and 53 more"),
        "{list}"
    );
    assert!(
        second.starts_with("  -> ns1/w1, ns1/w101, ") && second.ends_with(" and 53 more: all"),
        "{list}"
    );
    assert_eq!((*gap, *third), ("", "ns1/w1"));
    let row = ringfence_reading(&many(), &["matrix", "-f", "-", "--from", "ns1/w1"]).expect(0);
    assert!(row.contains("ns1/w129") && !row.contains(" more"), "{row}");
}

#[test]
fn a_page_that_no_browser_shows_is_refused() {
    let pod = |number: usize| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: p{number}, namespace: a}}\nspec: {{containers: [{{name: c, image: i}}]}}\n---\n"
        )
    };
    let pods: String = (0..640).map(pod).collect();
    let pods = format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: a}}\n---\n{pods}");
    let ask = |more: &[&str]| {
        ringfence_reading(
            &pods,
            &[&["matrix", "-f", "-", "--by", "pod"], more].concat(),
        )
    };
    let said = ask(&["-o", "html"]).expect_refused();
    assert!(said.contains("too many to be drawn"), "{said}");
    assert!(said.contains("--by namespace"), "{said}");
    ask(&["-o", "html", "--from", "a/p1"]).expect(0);
    let csv = ask(&["-o", "csv"]).expect(0);
    assert!(csv.lines().count() > 400_000);
}

#[test]
fn blocks_of_pods_make_answers_certain() {
    const FILE: &str = "docs/examples/pod-cidr.yaml";
    let verdict = |more: &[&str]| {
        let to_db = [
            "explain",
            "-f",
            FILE,
            "shop/deploy/web",
            "shop/sts/db",
            "5432",
        ];
        let found = ringfence(&[&to_db[..], more].concat());
        let first = found.stdout.lines().next().unwrap_or_default().to_owned();
        (found.status.code(), first, found.stdout)
    };
    let (code, first, all) = verdict(&[]);
    assert_eq!(code, Some(1));
    assert!(first.starts_with("unknown:"), "{all}");
    assert!(all.contains("--pod-cidr"), "{all}");
    let (code, first, all) = verdict(&["--pod-cidr", "10.244.0.0/16"]);
    assert_eq!(code, Some(0), "{all}");
    assert!(first.starts_with("allow:"), "{all}");
    let (code, first, all) = verdict(&["--pod-cidr", "192.168.0.0/16"]);
    assert_eq!(code, Some(1));
    assert!(first.starts_with("deny:"), "{all}");
    assert!(
        all.contains("no address that it can have is in it"),
        "{all}"
    );
    let (_, first, all) = verdict(&["--pod-cidr", "0.0.0.0/0"]);
    assert!(first.starts_with("unknown:"), "{all}");
    assert!(all.contains("some match and some do not"), "{all}");
    for command in ["matrix", "lock", "audit", "check", "suggest"] {
        let found = ringfence(&[command, "-f", FILE, "--pod-cidr", "10.244.0.0/16"]);
        assert!(matches!(found.status.code(), Some(0 | 1)), "{found:#?}");
        assert!(!found.stdout.contains("unknown"), "{found:#?}");
    }
}
