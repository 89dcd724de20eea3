//! `ringfence diff`: what changes between two sides, in each form.

mod absent;
mod doubts;
mod families;
mod gate;
mod hosts;
mod later;
mod siblings;
mod two;
mod wide;

use std::fs;
use std::path::Path;
use std::process::Command;

use gate::{allowing, gated};
use snapbox::{IntoData as _, assert_data_eq, str};

use crate::support::{
    Finished, RINGFENCE, ringfence, ringfence_reading, text, without_surroundings,
};

const BEFORE: &str = "examples/change/before";
const AFTER: &str = "examples/change/after";

fn diff(arguments: &[&str]) -> Finished {
    let all: Vec<&str> = [&["diff", BEFORE, AFTER], arguments].concat();
    ringfence(&all)
}

/// A workload of one pod is taken as if it had a second, which says why and what it would do.
#[test]
fn a_workload_and_itself() {
    let policy = "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: peers, namespace: netpol-demo}
spec: {podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {matchLabels: {app: db}}}], ports: [{port: 7000}]}]}
";
    let demo = [
        "diff",
        "-f",
        "examples/netpol-demo",
        "-f",
        "examples/netpol-demo/frontend",
        "--b",
        "-",
    ];
    let said = ringfence_reading(policy, &[&demo[..], &["--gate", "no-new-access"]].concat());
    assert_data_eq!(said.expect(1), str![[r#"
Newly allowed
  + netpol-demo/database -> netpol-demo/database: tcp/7000  (not permitted)
      example  netpol-demo/database-0 -> netpol-demo/another-database-0 tcp/7000
      before   ingress denied: isolated by netpol-demo/db-policy (examples/netpol-demo/db-policy.yaml:1:1), netpol-demo/default-deny-ingress (examples/netpol-demo/default-deny-ingress.yaml:2:1), and no rule matches
      now      ingress allowed: netpol-demo/peers ingress[0] (<stdin>:4:57)

1 pair newly allowed
failed: 1 change is not permitted

"#]].raw());
    let sarif = ringfence_reading(
        policy,
        &[&demo[..], &["--gate", "no-new-access", "-o", "sarif"]].concat(),
    );
    assert!(
        sarif.stdout.contains("\"startLine\": 4"),
        "{}",
        sarif.stdout
    );
}

#[test]
fn two_directories() {
    assert_data_eq!(diff(&[]).expect(1), str![[r#"
Newly allowed
  + tools/monitor -> shop/db: tcp/5432
      example  tools/monitor-0 -> shop/db-0 tcp/5432
      before   ingress denied: isolated by shop/closed (examples/change/before/policies.yaml:1:1), shop/db (examples/change/before/policies.yaml:20:1), and no rule matches
      now      ingress allowed: shop/db ingress[0] (examples/change/after/policies.yaml:26:7)
  + internet, metadata, private, special -> shop/web: tcp/8443
      example  1.1.1.1 -> shop/web-0 tcp/8443
      before   ingress denied: isolated by shop/closed (examples/change/before/policies.yaml:1:1), shop/web (examples/change/before/policies.yaml:8:1), and no rule matches
      now      ingress allowed: shop/web ingress[0] (examples/change/after/policies.yaml:14:7)

Perhaps newly allowed
  ?+ tools/monitor -> shop/web: tcp/8443
      example  tools/monitor-0 -> shop/web-0 tcp/8443
      before   ingress denied: isolated by shop/closed (examples/change/before/policies.yaml:1:1), shop/web (examples/change/before/policies.yaml:8:1), and no rule matches
      now      ingress unknown: shop/web ingress[0] (examples/change/after/policies.yaml:14:7)

Newly denied
  - internet, metadata, private, special -> shop/web: tcp/8080
      example  1.1.1.1 -> shop/web-0 tcp/8080
      before   ingress allowed: shop/web ingress[0] (examples/change/before/policies.yaml:14:7)
      now      ingress denied: isolated by shop/closed (examples/change/after/policies.yaml:1:1), shop/web (examples/change/after/policies.yaml:8:1), and no rule matches

Perhaps newly denied
  ?- tools/monitor -> shop/web: tcp/8080
      example  tools/monitor-0 -> shop/web-0 tcp/8080
      before   ingress unknown: shop/web ingress[0] (examples/change/before/policies.yaml:14:7)
      now      ingress denied: isolated by shop/closed (examples/change/after/policies.yaml:1:1), shop/web (examples/change/after/policies.yaml:8:1), and no rule matches

New: shop/backup
  + shop/backup -> shop/db: tcp/5432
      example  shop/backup-0 -> shop/db-0 tcp/5432
      now      egress allowed: shop/backup egress[0] (examples/change/after/policies.yaml:38:7)
      now      ingress allowed: shop/db ingress[0] (examples/change/after/policies.yaml:26:7)

5 pairs newly allowed, 1 pair perhaps newly allowed, 4 pairs newly denied, 1 pair perhaps newly denied; new: shop/backup

"#]].raw());
}

#[test]
fn the_way_back_is_the_other_way_round() {
    let back = ringfence(&["diff", AFTER, BEFORE]).expect(1);
    let headings: Vec<&str> = back.lines().filter(|line| !line.starts_with(' ')).collect();
    assert_data_eq!(headings.join("\n"), str![[r#"
Newly allowed

Perhaps newly allowed

Newly denied

Perhaps newly denied

Gone: shop/backup

4 pairs newly allowed, 1 pair perhaps newly allowed, 5 pairs newly denied, 1 pair perhaps newly denied; gone: shop/backup
"#]].raw());
}

#[test]
fn for_comments_on_changes() {
    assert_data_eq!(diff(&["-o", "md"]).expect(1), str![[r#"
### Connectivity: 5 pairs newly allowed, 1 pair perhaps newly allowed, 4 pairs newly denied, 1 pair perhaps newly denied; new: shop/backup

#### Newly allowed

| from | to | connections | before | now |
| --- | --- | --- | --- | --- |
| tools/monitor | shop/db | tcp/5432<br><sub>tools/monitor-0 -&gt; shop/db-0 tcp/5432</sub> | ingress denied: isolated by shop/closed (examples/change/before/policies.yaml:1:1), shop/db (examples/change/before/policies.yaml:20:1), and no rule matches | ingress allowed: shop/db ingress\[0\] (examples/change/after/policies.yaml:26:7) |
| internet<br>metadata<br>private<br>special | shop/web | tcp/8443<br><sub>1.1.1.1 -&gt; shop/web-0 tcp/8443</sub> | ingress denied: isolated by shop/closed (examples/change/before/policies.yaml:1:1), shop/web (examples/change/before/policies.yaml:8:1), and no rule matches | ingress allowed: shop/web ingress\[0\] (examples/change/after/policies.yaml:14:7) |

#### Perhaps newly allowed

| from | to | connections | before | now |
| --- | --- | --- | --- | --- |
| tools/monitor | shop/web | tcp/8443<br><sub>tools/monitor-0 -&gt; shop/web-0 tcp/8443</sub> | ingress denied: isolated by shop/closed (examples/change/before/policies.yaml:1:1), shop/web (examples/change/before/policies.yaml:8:1), and no rule matches | ingress unknown: shop/web ingress\[0\] (examples/change/after/policies.yaml:14:7) |

#### Newly denied

| from | to | connections | before | now |
| --- | --- | --- | --- | --- |
| internet<br>metadata<br>private<br>special | shop/web | tcp/8080<br><sub>1.1.1.1 -&gt; shop/web-0 tcp/8080</sub> | ingress allowed: shop/web ingress\[0\] (examples/change/before/policies.yaml:14:7) | ingress denied: isolated by shop/closed (examples/change/after/policies.yaml:1:1), shop/web (examples/change/after/policies.yaml:8:1), and no rule matches |

#### Perhaps newly denied

| from | to | connections | before | now |
| --- | --- | --- | --- | --- |
| tools/monitor | shop/web | tcp/8080<br><sub>tools/monitor-0 -&gt; shop/web-0 tcp/8080</sub> | ingress unknown: shop/web ingress\[0\] (examples/change/before/policies.yaml:14:7) | ingress denied: isolated by shop/closed (examples/change/after/policies.yaml:1:1), shop/web (examples/change/after/policies.yaml:8:1), and no rule matches |

#### New: shop/backup

| from | to | connections | before | now |
| --- | --- | --- | --- | --- |
| shop/backup | shop/db | tcp/5432<br><sub>shop/backup-0 -&gt; shop/db-0 tcp/5432</sub> |  | egress allowed: shop/backup egress\[0\] (examples/change/after/policies.yaml:38:7)<br>ingress allowed: shop/db ingress\[0\] (examples/change/after/policies.yaml:26:7) |

"#]].raw());
}

#[test]
fn for_spreadsheets() {
    assert_data_eq!(diff(&["-o", "csv"]).expect(1), str![[r#"
change,source,destination,connections,example,before,after
opened,shop/backup,shop/db,tcp/5432,shop/backup-0 -> shop/db-0 tcp/5432,,egress allowed: shop/backup egress[0] (examples/change/after/policies.yaml:38:7); ingress allowed: shop/db ingress[0] (examples/change/after/policies.yaml:26:7)
opened,tools/monitor,shop/db,tcp/5432,tools/monitor-0 -> shop/db-0 tcp/5432,"ingress denied: isolated by shop/closed (examples/change/before/policies.yaml:1:1), shop/db (examples/change/before/policies.yaml:20:1), and no rule matches",ingress allowed: shop/db ingress[0] (examples/change/after/policies.yaml:26:7)
may-open,tools/monitor,shop/web,tcp/8443,tools/monitor-0 -> shop/web-0 tcp/8443,"ingress denied: isolated by shop/closed (examples/change/before/policies.yaml:1:1), shop/web (examples/change/before/policies.yaml:8:1), and no rule matches",ingress unknown: shop/web ingress[0] (examples/change/after/policies.yaml:14:7)
may-close,tools/monitor,shop/web,tcp/8080,tools/monitor-0 -> shop/web-0 tcp/8080,ingress unknown: shop/web ingress[0] (examples/change/before/policies.yaml:14:7),"ingress denied: isolated by shop/closed (examples/change/after/policies.yaml:1:1), shop/web (examples/change/after/policies.yaml:8:1), and no rule matches"
opened,internet,shop/web,tcp/8443,1.1.1.1 -> shop/web-0 tcp/8443,"ingress denied: isolated by shop/closed (examples/change/before/policies.yaml:1:1), shop/web (examples/change/before/policies.yaml:8:1), and no rule matches",ingress allowed: shop/web ingress[0] (examples/change/after/policies.yaml:14:7)
closed,internet,shop/web,tcp/8080,1.1.1.1 -> shop/web-0 tcp/8080,ingress allowed: shop/web ingress[0] (examples/change/before/policies.yaml:14:7),"ingress denied: isolated by shop/closed (examples/change/after/policies.yaml:1:1), shop/web (examples/change/after/policies.yaml:8:1), and no rule matches"
opened,metadata,shop/web,tcp/8443,169.254.169.254 -> shop/web-0 tcp/8443,"ingress denied: isolated by shop/closed (examples/change/before/policies.yaml:1:1), shop/web (examples/change/before/policies.yaml:8:1), and no rule matches",ingress allowed: shop/web ingress[0] (examples/change/after/policies.yaml:14:7)
closed,metadata,shop/web,tcp/8080,169.254.169.254 -> shop/web-0 tcp/8080,ingress allowed: shop/web ingress[0] (examples/change/before/policies.yaml:14:7),"ingress denied: isolated by shop/closed (examples/change/after/policies.yaml:1:1), shop/web (examples/change/after/policies.yaml:8:1), and no rule matches"
opened,private,shop/web,tcp/8443,10.0.0.1 -> shop/web-0 tcp/8443,"ingress denied: isolated by shop/closed (examples/change/before/policies.yaml:1:1), shop/web (examples/change/before/policies.yaml:8:1), and no rule matches",ingress allowed: shop/web ingress[0] (examples/change/after/policies.yaml:14:7)
closed,private,shop/web,tcp/8080,10.0.0.1 -> shop/web-0 tcp/8080,ingress allowed: shop/web ingress[0] (examples/change/before/policies.yaml:14:7),"ingress denied: isolated by shop/closed (examples/change/after/policies.yaml:1:1), shop/web (examples/change/after/policies.yaml:8:1), and no rule matches"
opened,special,shop/web,tcp/8443,203.0.113.1 -> shop/web-0 tcp/8443,"ingress denied: isolated by shop/closed (examples/change/before/policies.yaml:1:1), shop/web (examples/change/before/policies.yaml:8:1), and no rule matches",ingress allowed: shop/web ingress[0] (examples/change/after/policies.yaml:14:7)
closed,special,shop/web,tcp/8080,203.0.113.1 -> shop/web-0 tcp/8080,ingress allowed: shop/web ingress[0] (examples/change/before/policies.yaml:14:7),"ingress denied: isolated by shop/closed (examples/change/after/policies.yaml:1:1), shop/web (examples/change/after/policies.yaml:8:1), and no rule matches"

"#]].raw());
}

#[test]
fn for_browsers() {
    let page = gated(
        &allowing("- {from: tools/monitor, to: shop/db, ports: [tcp/5432], reason: watching}\n"),
        &["-o", "html"],
    )
    .expect(1);
    for told in [
        "<h2>Newly allowed</h2>",
        "<td class=\"more\">+</td><td>tools/monitor</td><td>shop/db</td><td>tcp/5432<br><small>tools/monitor-0 -&gt; shop/db-0 tcp/5432</small></td>",
        "<td>ingress allowed: shop/db ingress[0] (examples/change/after/policies.yaml:26:7)</td>",
        "<span class=\"more\">Failed</span>",
    ] {
        assert!(page.contains(told), "{told} in {page}");
    }
    for word in ["http:", "https:", "src=", "@import", "//cdn", "<script"] {
        assert!(!page.contains(word), "{word}");
    }
    let same = ringfence(&["diff", BEFORE, BEFORE, "-o", "html"]).expect(0);
    assert!(same.contains("<p>no difference</p>"), "{same}");
}

#[test]
fn for_machines() {
    let json = diff(&["-o", "json"]).expect(1);
    let found: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(found["added"], serde_json::json!(["shop/cronjob/backup"]));
    let pairs = found["pairs"].as_array().unwrap();
    let pair = pairs
        .iter()
        .find(|pair| pair["source"] == "tools/deployment/monitor")
        .unwrap();
    assert_data_eq!(
        serde_json::to_string_pretty(pair).unwrap(),
        str![[r#"
{
  "source": "tools/deployment/monitor",
  "destination": "shop/statefulset/db",
  "changes": [
    {
      "change": "opened",
      "connections": {
        "tcp": [
          "5432"
        ]
      },
      "partial": false,
      "before": {
        "source": "tools/monitor-0",
        "destination": "shop/db-0",
        "protocol": "TCP",
        "port": 5432,
        "outcome": "deny",
        "egress": [
          {
            "verdict": "allow",
            "reason": "Egress allowed: no policy isolates it for egress",
            "lines": []
          }
        ],
        "ingress": [
          {
            "verdict": "deny",
            "reason": "Ingress denied: isolated, and no rule matches",
            "lines": [
              {
                "text": "isolated by shop/closed",
                "source": {
                  "file": "examples/change/before/policies.yaml",
                  "line": 1,
                  "column": 1
                }
              },
              {
                "text": "isolated by shop/db",
                "source": {
                  "file": "examples/change/before/policies.yaml",
                  "line": 20,
                  "column": 1
                }
              },
              {
                "text": "shop/db ingress[0]: peer does not match",
                "source": {
                  "file": "examples/change/before/policies.yaml",
                  "line": 26,
                  "column": 7
                }
              }
            ]
          }
        ]
      },
      "after": {
        "source": "tools/monitor-0",
        "destination": "shop/db-0",
        "protocol": "TCP",
        "port": 5432,
        "outcome": "allow",
        "egress": [
          {
            "verdict": "allow",
            "reason": "Egress allowed: no policy isolates it for egress",
            "lines": []
          }
        ],
        "ingress": [
          {
            "verdict": "allow",
            "reason": "Ingress allowed: a rule matches",
            "lines": [
              {
                "text": "shop/db ingress[0]",
                "source": {
                  "file": "examples/change/after/policies.yaml",
                  "line": 26,
                  "column": 7
                }
              }
            ]
          }
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
fn nothing_changes_between_equals() {
    let same = ringfence(&["diff", BEFORE, BEFORE]);
    assert_eq!(same.expect(0), "no difference\n");
    let csv = ringfence(&["diff", BEFORE, BEFORE, "-o", "csv"]).expect(0);
    assert_eq!(csv.lines().count(), 1, "{csv}");
}

#[test]
fn what_is_shared_is_named_once() {
    let policy = "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: open, namespace: shop}
spec: {podSelector: {matchLabels: {app: db}}, ingress: [{}]}
";
    let found = ringfence_reading(policy, &["diff", "-f", BEFORE, "--b", "-"]).expect(1);
    assert_data_eq!(found, str![[r#"
Newly allowed
  + tools/monitor, internet, metadata, private, special -> shop/db: all
      example  tools/monitor-0 -> shop/db-0 tcp/5432
      before   ingress denied: isolated by shop/closed (examples/change/before/policies.yaml:1:1), shop/db (examples/change/before/policies.yaml:20:1), and no rule matches
      now      ingress allowed: shop/open ingress[0] (<stdin>:4:57)

5 pairs newly allowed

"#]].raw());
}

#[test]
fn a_warning_about_both_sides_is_given_once() {
    let directory = tempfile::tempdir().unwrap();
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: lost}\nspec: {containers: [{name: a, image: a}]}\n";
    let other = pod.replace("lost", "found");
    let write = |name: &str, text: &str| {
        let file = directory.path().join(name);
        fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let (before, after) = (
        write("a.yaml", pod),
        write("b.yaml", &format!("{pod}---\n{other}")),
    );
    let said = ringfence(&["diff", &before, &after]).stderr;
    assert_eq!(said.matches("namespace `lost`").count(), 1, "{said}");
    assert_eq!(said.matches("namespace `found`").count(), 1, "{said}");
}

/// The repository that tests read has a policy for clients by number; pods are written beside it.
#[test]
fn a_revision_of_git_is_a_side() {
    let top = tempfile::tempdir().unwrap();
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/repository");
    copy(&repository, &top.path().join(".git"));
    let pod = |app: &str| {
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {app}, namespace: demo, labels: {{app: {app}}}}}\nspec: {{containers: [{{name: a, image: a}}]}}\n"
        )
    };
    let demo = "apiVersion: v1\nkind: Namespace\nmetadata: {name: demo}\n";
    let pods = ["db", "client-7", "client-8"].map(pod).concat();
    fs::write(top.path().join("pods.yaml"), demo.to_owned() + &pods).unwrap();
    let policy = "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: demo}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress:
    - from: [{podSelector: {matchLabels: {app: client-7}}}]
";
    fs::write(top.path().join("db.yaml"), policy).unwrap();
    let output = without_surroundings(&mut Command::new(RINGFENCE))
        .args(["diff", "HEAD:deploy/db.yaml", "db.yaml", "-f", "pods.yaml"])
        .current_dir(top.path())
        .output()
        .unwrap();
    assert_eq!(text(output.stderr), "");
    assert_data_eq!(
        text(output.stdout),
        str![[r#"
Newly allowed
  + demo/client-7 -> demo/db: all
      example  demo/client-7 -> demo/db tcp/80
      before   ingress denied: isolated by demo/db (HEAD:deploy/db.yaml:1:1), and no rule matches
      now      ingress allowed: demo/db ingress[0] (db.yaml:7:7)

Newly denied
  - demo/[app=client-10] -> demo/db: tcp/8010
      example  demo/[app=client-10] -> demo/db tcp/8010
      before   ingress allowed: demo/db ingress[9] (HEAD:deploy/db.yaml:25:7)
      now      ingress denied: isolated by demo/db (db.yaml:1:1), and no rule matches
  - demo/[app=client-11] -> demo/db: tcp/8011
      example  demo/[app=client-11] -> demo/db tcp/8011
      before   ingress allowed: demo/db ingress[10] (HEAD:deploy/db.yaml:27:7)
      now      ingress denied: isolated by demo/db (db.yaml:1:1), and no rule matches
  - demo/[app=client-12] -> demo/db: tcp/8012
      example  demo/[app=client-12] -> demo/db tcp/8012
      before   ingress allowed: demo/db ingress[11] (HEAD:deploy/db.yaml:29:7)
      now      ingress denied: isolated by demo/db (db.yaml:1:1), and no rule matches
  - demo/[app=client-1] -> demo/db: tcp/8001
      example  demo/[app=client-1] -> demo/db tcp/8001
      before   ingress allowed: demo/db ingress[0] (HEAD:deploy/db.yaml:7:7)
      now      ingress denied: isolated by demo/db (db.yaml:1:1), and no rule matches
  - demo/[app=client-2] -> demo/db: tcp/8002
      example  demo/[app=client-2] -> demo/db tcp/8002
      before   ingress allowed: demo/db ingress[1] (HEAD:deploy/db.yaml:9:7)
      now      ingress denied: isolated by demo/db (db.yaml:1:1), and no rule matches
  - demo/[app=client-3] -> demo/db: tcp/8003
      example  demo/[app=client-3] -> demo/db tcp/8003
      before   ingress allowed: demo/db ingress[2] (HEAD:deploy/db.yaml:11:7)
      now      ingress denied: isolated by demo/db (db.yaml:1:1), and no rule matches
  - demo/[app=client-4] -> demo/db: tcp/8004
      example  demo/[app=client-4] -> demo/db tcp/8004
      before   ingress allowed: demo/db ingress[3] (HEAD:deploy/db.yaml:13:7)
      now      ingress denied: isolated by demo/db (db.yaml:1:1), and no rule matches
  - demo/[app=client-5] -> demo/db: tcp/8005
      example  demo/[app=client-5] -> demo/db tcp/8005
      before   ingress allowed: demo/db ingress[4] (HEAD:deploy/db.yaml:15:7)
      now      ingress denied: isolated by demo/db (db.yaml:1:1), and no rule matches
  - demo/[app=client-6] -> demo/db: tcp/8006
      example  demo/[app=client-6] -> demo/db tcp/8006
      before   ingress allowed: demo/db ingress[5] (HEAD:deploy/db.yaml:17:7)
      now      ingress denied: isolated by demo/db (db.yaml:1:1), and no rule matches
  - demo/[app=client-9] -> demo/db: tcp/8009
      example  demo/[app=client-9] -> demo/db tcp/8009
      before   ingress allowed: demo/db ingress[8] (HEAD:deploy/db.yaml:23:7)
      now      ingress denied: isolated by demo/db (db.yaml:1:1), and no rule matches
  - demo/[app=client-seven] -> demo/db: tcp/8007
      example  demo/[app=client-seven] -> demo/db tcp/8007
      before   ingress allowed: demo/db ingress[6] (HEAD:deploy/db.yaml:19:7)
      now      ingress denied: isolated by demo/db (db.yaml:1:1), and no rule matches
  - demo/client-8 -> demo/db: tcp/8008
      example  demo/client-8 -> demo/db tcp/8008
      before   ingress allowed: demo/db ingress[7] (HEAD:deploy/db.yaml:21:7)
      now      ingress denied: isolated by demo/db (db.yaml:1:1), and no rule matches

1 pair newly allowed, 12 pairs newly denied

"#]]
        .raw()
    );
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let copied = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &copied);
        } else {
            fs::write(copied, fs::read(entry.path()).unwrap()).unwrap();
        }
    }
}

#[test]
fn input_that_cannot_be_compared_is_refused() {
    let refusal = ringfence(&["diff", BEFORE]).expect_refused();
    assert!(refusal.contains("two sides are compared"), "{refusal}");
    let refusal = ringfence(&["diff", "-", "-"]).expect_refused();
    assert!(
        refusal.contains("standard input can be read once"),
        "{refusal}"
    );
    let refusal = ringfence(&["diff", BEFORE, "no/such/directory"]).expect_refused();
    assert!(refusal.contains("no/such/directory"), "{refusal}");
    let refusal = ringfence(&["diff", BEFORE, AFTER, "--allow", "x.yaml"]).expect_refused();
    assert!(refusal.contains("--gate"), "{refusal}");
}
