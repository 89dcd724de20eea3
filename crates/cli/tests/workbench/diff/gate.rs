//! `--gate no-new-access`, and what `--allow` permits.

use std::fs;

use snapbox::{IntoData as _, assert_data_eq, str};

use super::{BEFORE, diff};
use crate::support::{Finished, ringfence, ringfence_reading};

const GATE: [&str; 2] = ["--gate", "no-new-access"];

/// What `diff` says with the gate and a file of allowed access.
pub(super) fn gated(allowed: &str, more: &[&str]) -> Finished {
    let file = tempfile::NamedTempFile::with_suffix(".yaml").unwrap();
    fs::write(file.path(), allowed).unwrap();
    let name = file.path().to_str().unwrap();
    let all: Vec<&str> = [&GATE[..], &["--allow", name], more].concat();
    let finished = diff(&all);
    let shown = |text: &str| text.replace(name, "allowed.yaml");
    Finished {
        stdout: shown(&finished.stdout),
        stderr: shown(&finished.stderr),
        ..finished
    }
}

pub(super) fn allowing(rows: &str) -> String {
    format!("apiVersion: ringfence.dev/v1alpha1\nkind: AllowedAccess\nallowed:\n{rows}")
}

#[test]
fn a_gate_refuses_what_is_newly_allowed() {
    let failed = diff(&GATE).expect(1);
    assert!(failed.contains("(not permitted)"), "{failed}");
    let narrower = ringfence(&["diff", BEFORE, BEFORE, GATE[0], GATE[1]]);
    let passed = "no difference\npassed: nothing is newly allowed that is not permitted\n";
    assert_eq!(narrower.expect(0), passed);
}

#[test]
fn a_gate_says_what_is_permitted_and_what_is_left() {
    let failed = diff(&[&GATE[..], &["--allow", "examples/change/allowed.yaml"]].concat());
    assert_data_eq!(failed.expect(1), str![[r#"
Newly allowed
  + tools/monitor -> shop/db: tcp/5432  (not permitted)
      example  tools/monitor-0 -> shop/db-0 tcp/5432
      before   ingress denied: isolated by shop/closed (examples/change/before/policies.yaml:1:1), shop/db (examples/change/before/policies.yaml:20:1), and no rule matches
      now      ingress allowed: shop/db ingress[0] (examples/change/after/policies.yaml:26:7)
  + internet, metadata, private, special -> shop/web: tcp/8443  (permitted: the page moves to another port)
      example  1.1.1.1 -> shop/web-0 tcp/8443
      before   ingress denied: isolated by shop/closed (examples/change/before/policies.yaml:1:1), shop/web (examples/change/before/policies.yaml:8:1), and no rule matches
      now      ingress allowed: shop/web ingress[0] (examples/change/after/policies.yaml:14:7)

Perhaps newly allowed
  ?+ tools/monitor -> shop/web: tcp/8443  (not permitted)
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
  + shop/backup -> shop/db: tcp/5432  (permitted: nightly backups)
      example  shop/backup-0 -> shop/db-0 tcp/5432
      now      egress allowed: shop/backup egress[0] (examples/change/after/policies.yaml:38:7)
      now      ingress allowed: shop/db ingress[0] (examples/change/after/policies.yaml:26:7)

5 pairs newly allowed, 1 pair perhaps newly allowed, 4 pairs newly denied, 1 pair perhaps newly denied; new: shop/backup
unused and may be taken out: tools/* -> shop/web: tcp/9090 (metrics), examples/change/allowed.yaml:7:3
failed: 2 changes are not permitted

"#]].raw());
    let failed = diff(
        &[
            &GATE[..],
            &["--allow", "examples/change/allowed.yaml", "-o", "md"],
        ]
        .concat(),
    );
    assert_data_eq!(failed.expect(1), str![[r#"
### Connectivity: 5 pairs newly allowed, 1 pair perhaps newly allowed, 4 pairs newly denied, 1 pair perhaps newly denied; new: shop/backup

**Failed**: 2 changes are not permitted.

unused and may be taken out: tools/\* -&gt; shop/web: tcp/9090 (metrics), examples/change/allowed.yaml:7:3

#### Newly allowed

| from | to | connections | before | now | permitted |
| --- | --- | --- | --- | --- | --- |
| tools/monitor | shop/db | tcp/5432<br><sub>tools/monitor-0 -&gt; shop/db-0 tcp/5432</sub> | ingress denied: isolated by shop/closed (examples/change/before/policies.yaml:1:1), shop/db (examples/change/before/policies.yaml:20:1), and no rule matches | ingress allowed: shop/db ingress\[0\] (examples/change/after/policies.yaml:26:7) | not permitted |
| internet<br>metadata<br>private<br>special | shop/web | tcp/8443<br><sub>1.1.1.1 -&gt; shop/web-0 tcp/8443</sub> | ingress denied: isolated by shop/closed (examples/change/before/policies.yaml:1:1), shop/web (examples/change/before/policies.yaml:8:1), and no rule matches | ingress allowed: shop/web ingress\[0\] (examples/change/after/policies.yaml:14:7) | permitted: the page moves to another port |

#### Perhaps newly allowed

| from | to | connections | before | now | permitted |
| --- | --- | --- | --- | --- | --- |
| tools/monitor | shop/web | tcp/8443<br><sub>tools/monitor-0 -&gt; shop/web-0 tcp/8443</sub> | ingress denied: isolated by shop/closed (examples/change/before/policies.yaml:1:1), shop/web (examples/change/before/policies.yaml:8:1), and no rule matches | ingress unknown: shop/web ingress\[0\] (examples/change/after/policies.yaml:14:7) | not permitted |

#### Newly denied

| from | to | connections | before | now |
| --- | --- | --- | --- | --- |
| internet<br>metadata<br>private<br>special | shop/web | tcp/8080<br><sub>1.1.1.1 -&gt; shop/web-0 tcp/8080</sub> | ingress allowed: shop/web ingress\[0\] (examples/change/before/policies.yaml:14:7) | ingress denied: isolated by shop/closed (examples/change/after/policies.yaml:1:1), shop/web (examples/change/after/policies.yaml:8:1), and no rule matches |

#### Perhaps newly denied

| from | to | connections | before | now |
| --- | --- | --- | --- | --- |
| tools/monitor | shop/web | tcp/8080<br><sub>tools/monitor-0 -&gt; shop/web-0 tcp/8080</sub> | ingress unknown: shop/web ingress\[0\] (examples/change/before/policies.yaml:14:7) | ingress denied: isolated by shop/closed (examples/change/after/policies.yaml:1:1), shop/web (examples/change/after/policies.yaml:8:1), and no rule matches |

#### New: shop/backup

| from | to | connections | before | now | permitted |
| --- | --- | --- | --- | --- | --- |
| shop/backup | shop/db | tcp/5432<br><sub>shop/backup-0 -&gt; shop/db-0 tcp/5432</sub> |  | egress allowed: shop/backup egress\[0\] (examples/change/after/policies.yaml:38:7)<br>ingress allowed: shop/db ingress\[0\] (examples/change/after/policies.yaml:26:7) | permitted: nightly backups |

"#]].raw());
}

#[test]
fn a_gate_passes_when_every_change_is_permitted() {
    let rows = "- {from: '*', to: shop/db, ports: [5432], reason: backups}
- {from: [internet, private, metadata, special], to: shop/web, ports: [tcp/8000-9000], reason: moved}
- {from: tools/monitor, to: shop/web, reason: metrics}
- {from: tools/monitor, to: shop/backup, reason: never}
";
    let passed = gated(&allowing(rows), &["-o", "json"]).expect(0);
    let found: serde_json::Value = serde_json::from_str(&passed).unwrap();
    assert_eq!(found["gate"]["passed"], true);
    let unused = found["gate"]["unused"].as_array().unwrap();
    assert_eq!(unused.len(), 1, "{unused:?}");
    assert_eq!(unused[0]["source"]["line"], 7);
}

#[test]
fn code_scanning_is_told_what_a_gate_refuses() {
    let log = gated(
        &allowing("- {from: 'a/b*', to: 'c/d*', reason: x}\n"),
        &["-o", "sarif"],
    )
    .expect(1);
    let log: serde_json::Value = serde_json::from_str(&log).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), 8, "{results:#?}");
    assert_data_eq!(
        serde_json::to_string_pretty(&results[0]).unwrap(),
        str![[r#"
{
  "ruleId": "no-new-access",
  "level": "error",
  "message": {
    "text": "newly allowed: shop/backup -> shop/db: tcp/5432 (not permitted), such as shop/backup-0 -> shop/db-0 tcp/5432\ntake the access back, or permit it with a reason in the file after --allow"
  },
  "locations": [
    {
      "physicalLocation": {
        "artifactLocation": {
          "uri": "examples/change/after/policies.yaml"
        },
        "region": {
          "startLine": 38,
          "startColumn": 7
        }
      }
    }
  ],
  "ruleIndex": 0,
  "relatedLocations": [
    {
      "physicalLocation": {
        "artifactLocation": {
          "uri": "examples/change/after/policies.yaml"
        },
        "region": {
          "startLine": 26,
          "startColumn": 7
        }
      },
      "message": {
        "text": "shop/db ingress[0]"
      }
    }
  ]
}
"#]].raw()
    );
    assert_eq!(results[7]["ruleId"], "unused-permission");
    let place = &results[7]["locations"][0]["physicalLocation"]["region"];
    assert_eq!(place["startLine"], 4);
}

#[test]
fn collectors_of_tests_get_a_case_for_each_change() {
    let allowed = "examples/change/allowed.yaml";
    let xml = diff(&[&GATE[..], &["--allow", allowed, "-o", "junit"]].concat()).expect(1);
    assert_data_eq!(xml, str![[r#"
<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="ringfence" tests="7" failures="2" errors="0" time="0.000">
  <testsuite name="no-new-access" tests="7" failures="2" errors="0" skipped="0" time="0.000">
    <testcase name="shop/backup -&gt; shop/db: tcp/5432" classname="no-new-access" time="0.000"/>
    <testcase name="tools/monitor -&gt; shop/db: tcp/5432" classname="no-new-access" time="0.000">
      <failure message="newly allowed: tools/monitor -&gt; shop/db: tcp/5432 (not permitted), such as tools/monitor-0 -&gt; shop/db-0 tcp/5432" type="failure">before: ingress denied: isolated by shop/closed (examples/change/before/policies.yaml:1:1), shop/db (examples/change/before/policies.yaml:20:1), and no rule matches
now: ingress allowed: shop/db ingress[0] (examples/change/after/policies.yaml:26:7)
</failure>
    </testcase>
    <testcase name="internet -&gt; shop/web: tcp/8443" classname="no-new-access" time="0.000"/>
    <testcase name="metadata -&gt; shop/web: tcp/8443" classname="no-new-access" time="0.000"/>
    <testcase name="private -&gt; shop/web: tcp/8443" classname="no-new-access" time="0.000"/>
    <testcase name="special -&gt; shop/web: tcp/8443" classname="no-new-access" time="0.000"/>
    <testcase name="tools/monitor -&gt; shop/web: tcp/8443" classname="no-new-access" time="0.000">
      <failure message="perhaps newly allowed: tools/monitor -&gt; shop/web: tcp/8443 (not permitted), such as tools/monitor-0 -&gt; shop/web-0 tcp/8443" type="failure">before: ingress denied: isolated by shop/closed (examples/change/before/policies.yaml:1:1), shop/web (examples/change/before/policies.yaml:8:1), and no rule matches
now: ingress unknown: shop/web ingress[0] (examples/change/after/policies.yaml:14:7)
</failure>
    </testcase>
  </testsuite>
</testsuites>

"#]].raw());
    let same = ringfence(&["diff", BEFORE, BEFORE, GATE[0], GATE[1], "-o", "junit"]).expect(0);
    assert!(same.contains("tests=\"1\" failures=\"0\""), "{same}");
}

#[test]
fn formats_of_a_gate_need_one() {
    for format in ["sarif", "junit"] {
        let refusal = diff(&["-o", format]).expect_refused();
        assert!(refusal.contains("--gate no-new-access"), "{refusal}");
    }
}

#[test]
fn some_ports_of_a_change_may_be_permitted() {
    let before = "examples/change/before";
    let policy = "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: open, namespace: shop}
spec: {podSelector: {matchLabels: {app: db}}, ingress: [{from: [{namespaceSelector: {}}], ports: [{port: 80}, {port: 5432}]}]}
";
    let file = tempfile::NamedTempFile::with_suffix(".yaml").unwrap();
    fs::write(
        file.path(),
        allowing("- {from: '*', to: '*', ports: 80, reason: half}\n"),
    )
    .unwrap();
    let name = file.path().to_str().unwrap();
    let failed = ringfence_reading(
        policy,
        &[
            "diff", "-f", before, "--b", "-", GATE[0], GATE[1], "--allow", name,
        ],
    );
    let failed = failed.expect(1);
    // How near other rules came to each port splits no change.
    let monitor = "tools/monitor -> shop/db: tcp/80,5432  (not permitted: tcp/5432)\n";
    assert!(failed.contains(monitor), "{failed}");
}

#[test]
fn a_row_that_names_what_is_not_there_is_told() {
    let rows = "- {from: tools/monitr, to: [shop/db, svc/shop/none, shop], reason: x}\n- {from: 'nobody*', to: internet, reason: that}\n- {from: shop/deploy/web, to: 10.9.9.9, reason: z}\n";
    let gated = gated(&allowing(rows), &[]);
    let told = gated.stderr.lines();
    let told: Vec<&str> = told
        .filter(|line| line.contains("permits nothing"))
        .collect();
    assert_eq!(
        told,
        [
            "warning: allowed.yaml:4:3: there is no `tools/monitr` after the change, so that it permits nothing (did you mean `tools/monitor`?)",
            "warning: allowed.yaml:4:3: there is no `svc/shop/none` after the change, so that it permits nothing",
            "warning: allowed.yaml:4:3: there is no `shop` after the change, so that it permits nothing (everything of the namespace is `shop/*`)",
        ]
    );
    assert_eq!(gated.status.code(), Some(1));
}

#[test]
fn mistakes_in_allowed_access_are_shown_where_they_are() {
    for (rows, said) in [
        (
            "- {from: a/b, to: c/d}\n",
            "Required value: why it may be added",
        ),
        (
            "- {from: a/b, to: c/d, ports: htp, reason: x}\n",
            "`htp` may be another port on each pod",
        ),
        (
            "- {from: a/b, to: c/d, ports: icmp, reason: x}\n",
            "write `other` for all of them",
        ),
        ("- {from: a/b/c/d, to: c/d, reason: x}\n", "a/b/c/d"),
    ] {
        let refusal = gated(&allowing(rows), &[]).expect_refused();
        assert!(refusal.contains(said), "{refusal}");
        assert!(refusal.contains("--> allowed.yaml:4:"), "{refusal}");
    }
    let refusal = gated("- from: a\n", &[]).expect_refused();
    assert!(
        refusal.contains("not a file of allowed access"),
        "{refusal}"
    );
}

const TWO_OF_ONE_NAME: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: x}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: x}
spec:
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: i}]}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: web, namespace: x}
spec:
  selector: {matchLabels: {app: other}}
  template: {metadata: {labels: {app: other}}, spec: {containers: [{name: c, image: i}]}}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: x, labels: {app: db}}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: x}
spec: {podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {matchLabels: {app: ";

/// What the gate says of a policy that opens `x/db` to the Deployment, and then to the StatefulSet of the same name.
fn gated_by_name(row: &str) -> Finished {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let policy = |app: &str| format!("{TWO_OF_ONE_NAME}{app}}}}}}}]}}]}}\n");
    let before = write("before.yaml", policy("web"));
    let after = write("after.yaml", policy("other"));
    let allowed = write("allowed.yaml", allowing(row));
    ringfence(&[
        "diff", &before, &after, GATE[0], GATE[1], "--allow", &allowed,
    ])
}

#[test]
fn a_row_with_a_name_of_two_workloads_permits_neither() {
    let said = gated_by_name("- {from: x/web, to: x/db, reason: the page}\n");
    assert_eq!(said.status.code(), Some(1), "{}", said.stdout);
    let warning =
        "`x/web` is x/deployment/web and x/statefulset/web, so that it permits nothing of either";
    assert!(said.stderr.contains(warning), "{}", said.stderr);
    let said = gated_by_name("- {from: x/statefulset/web, to: x/db, reason: the page}\n");
    assert_eq!(said.status.code(), Some(0), "{}", said.stdout);
    assert!(!said.stderr.contains("permits nothing"), "{}", said.stderr);
}

#[test]
fn directories_that_are_not_read_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for name in ["old", "new/sub"] {
        fs::create_dir_all(path(name)).unwrap();
    }
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: NAME}\nspec: {containers: [{name: c, image: i}]}\n";
    for (file, name) in [
        ("old/a.yaml", "a"),
        ("new/a.yaml", "a"),
        ("new/sub/b.yaml", "b"),
    ] {
        fs::write(path(file), pod.replace("NAME", name)).unwrap();
    }
    let said = ringfence(&["diff", &path("old"), &path("new"), GATE[0], GATE[1]]);
    let warning = format!(
        "{} holds manifests that are not compared: --recursive",
        path("new/sub")
    );
    assert!(said.stderr.contains(&warning), "{}", said.stderr);
    let said = ringfence(&["diff", &path("old"), &path("new"), "-R", GATE[0], GATE[1]]);
    assert!(!said.stderr.contains("not compared"), "{}", said.stderr);
}
