//! `ringfence lock`: the file, and what is said when manifests and file differ.

use std::fs;
use std::path::PathBuf;

use snapbox::{IntoData as _, assert_data_eq, str};

use crate::support::{Finished, ringfence, ringfence_reading};

const BEFORE: &str = "examples/change/before";
const AFTER: &str = "examples/change/after";

fn lock_of(manifests: &str) -> String {
    ringfence(&["lock", "-f", manifests]).expect(0)
}

/// A lockfile with `text` in a directory of its own.
fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ringfence.lock");
    fs::write(&path, text).unwrap();
    (directory, path)
}

/// What `lock --check` says of a lockfile with `text`, without the directory that it lies in.
fn check(text: &str, more: &[&str]) -> Finished {
    let (directory, path) = file(text);
    let all = [
        &["lock", "-f", AFTER, "--check", path.to_str().unwrap()],
        more,
    ]
    .concat();
    let finished = ringfence(&all);
    let prefix = format!("{}/", directory.path().display());
    Finished {
        stderr: finished.stderr.replace(&prefix, ""),
        ..finished
    }
}

#[test]
fn a_line_for_each_fact() {
    assert_data_eq!(
        lock_of(BEFORE),
        str![[r#"
ringfence-lock 1
# What may be opened in this cluster. Written by `ringfence lock`; do not edit.
unit internet
unit metadata
unit private
unit shop/deployment/web
unit shop/statefulset/db
unit special
unit tools/deployment/monitor
internet -> shop/deployment/web: tcp/8080
internet -> tools/deployment/monitor: all
metadata -> shop/deployment/web: tcp/8080
metadata -> tools/deployment/monitor: all
private -> shop/deployment/web: tcp/8080
private -> tools/deployment/monitor: all
shop/deployment/web -> shop/statefulset/db: tcp/5432
special -> shop/deployment/web: tcp/8080
special -> tools/deployment/monitor: all
tools/deployment/monitor -> internet: all
tools/deployment/monitor -> metadata: all
tools/deployment/monitor -> private: all
tools/deployment/monitor -> shop/deployment/web: unknown tcp/8080
tools/deployment/monitor -> special: all
tools/deployment/monitor -> tools/deployment/monitor: all

"#]]
        .raw()
    );
}

#[test]
fn what_does_not_matter_changes_nothing() {
    let manifests = |names: [&str; 2]| {
        let texts = names.map(|name| fs::read_to_string(format!("../../{AFTER}/{name}")).unwrap());
        texts.join("---\n")
    };
    let one = manifests(["shop.yaml", "policies.yaml"]);
    let other = manifests(["policies.yaml", "shop.yaml"])
        .replace("replicas: 2", "replicas: 5")
        .replace("name: closed", "name: zealous");
    let locked = |text: &str| ringfence_reading(text, &["lock", "-f", "-"]).expect(0);
    assert_eq!(locked(&one), locked(&other));
    assert_eq!(locked(&one), lock_of(AFTER));
}

#[test]
fn a_file_that_says_what_is_so_passes() {
    assert_eq!(check(&lock_of(AFTER), &[]).expect(0), "no difference\n");
}

#[test]
fn what_differs_is_shown_with_what_decides_now() {
    assert_data_eq!(check(&lock_of(BEFORE), &[]).expect(1), str![[r#"
Newly allowed
  + tools/monitor -> shop/db: tcp/5432
      example  tools/monitor-0 -> shop/db-0 tcp/5432
      now      ingress allowed: shop/db ingress[0] (examples/change/after/policies.yaml:26:7)
  + internet, metadata, private, special -> shop/web: tcp/8443
      example  1.1.1.1 -> shop/web-0 tcp/8443
      now      ingress allowed: shop/web ingress[0] (examples/change/after/policies.yaml:14:7)

Perhaps newly allowed
  ?+ tools/monitor -> shop/web: some tcp/8443
      example  tools/monitor-0 -> shop/web-0 tcp/8443
      now      ingress unknown: shop/web ingress[0] (examples/change/after/policies.yaml:14:7)

Newly denied
  - internet, metadata, private, special -> shop/web: tcp/8080
      example  1.1.1.1 -> shop/web-0 tcp/8080
      now      ingress denied: isolated by shop/closed (examples/change/after/policies.yaml:1:1), shop/web (examples/change/after/policies.yaml:8:1), and no rule matches

Perhaps newly denied
  ?- tools/monitor -> shop/web: some tcp/8080
      example  tools/monitor-0 -> shop/web-0 tcp/8080
      now      ingress denied: isolated by shop/closed (examples/change/after/policies.yaml:1:1), shop/web (examples/change/after/policies.yaml:8:1), and no rule matches

New: shop/backup
  + shop/backup -> shop/db: tcp/5432
      example  shop/backup-0 -> shop/db-0 tcp/5432
      now      egress allowed: shop/backup egress[0] (examples/change/after/policies.yaml:38:7)
      now      ingress allowed: shop/db ingress[0] (examples/change/after/policies.yaml:26:7)

5 pairs newly allowed, 1 pair perhaps newly allowed, 4 pairs newly denied, 1 pair perhaps newly denied; new: shop/backup

"#]].raw());
    let json = check(&lock_of(BEFORE), &["-o", "json"]).expect(1);
    let found: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(found["added"], serde_json::json!(["shop/cronjob/backup"]));
}

#[test]
fn a_lockfile_is_a_side_of_a_difference() {
    let (_directory, path) = file(&lock_of(BEFORE));
    let lock = path.to_str().unwrap();
    let by_lock = ringfence(&["diff", lock, AFTER, "-o", "csv"]).expect(1);
    let by_manifests = ringfence(&["diff", BEFORE, AFTER, "-o", "csv"]).expect(1);
    // A file does not say whether what is unknown is so for every pair of pods.
    let changes = |csv: &str| -> Vec<String> {
        let fields = |line: &str| line.split(',').take(4).collect::<Vec<_>>().join(",");
        csv.lines()
            .map(|line| fields(line).replace("some ", ""))
            .collect()
    };
    assert_eq!(changes(&by_lock), changes(&by_manifests));
    let same = ringfence(&["diff", BEFORE, lock]).expect(0);
    assert_eq!(same, "no difference\n");
}

#[test]
fn a_file_is_written_whole_and_alone() {
    let (directory, path) = file("old\n");
    let name = path.to_str().unwrap();
    let written = ringfence(&["lock", "-f", BEFORE, "--output-file", name]).expect(0);
    assert_eq!(written, "");
    assert_eq!(fs::read_to_string(&path).unwrap(), lock_of(BEFORE));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    let refusal = ringfence(&["lock", "-f", BEFORE, "--output-file", "no/such/place.lock"]);
    let refusal = refusal.expect_refused();
    assert!(
        refusal.contains("could not write no/such/place.lock"),
        "{refusal}"
    );
}

#[test]
fn a_refused_input_leaves_the_file_as_it_was() {
    let (_directory, path) = file("old\n");
    let name = path.to_str().unwrap();
    let bad = "apiVersion: v1\nkind: Pod\n";
    ringfence_reading(bad, &["lock", "-f", "-", "--output-file", name]).expect_refused();
    assert_eq!(fs::read_to_string(&path).unwrap(), "old\n");
}

#[test]
fn what_cannot_be_read_is_named_with_its_line() {
    let lock = lock_of(AFTER);
    let (header, rest) = lock.split_once('\n').unwrap();
    let line = |number: usize| lock.lines().nth(number - 1).unwrap();
    for (text, said) in [
        (
            format!("{header}\n<<<<<<< ours\n{rest}"),
            "ringfence.lock:2: `<<<<<<<` is the mark of a conflict that a merge left: write the lockfile anew with `ringfence lock`",
        ),
        (
            format!("<<<<<<< ours\n{lock}"),
            "ringfence.lock:1: `<<<<<<<` is the mark of a conflict",
        ),
        (
            format!("ringfence-lock 7\n{rest}"),
            "ringfence.lock:1: the lockfile is of version `7`, and this ringfence reads `ringfence-lock 1`: write it anew with `ringfence lock`",
        ),
        (
            rest.to_owned(),
            "ringfence.lock:1: a lockfile begins with `ringfence-lock 1`, and this is `# ",
        ),
        (String::new(), "ringfence.lock:1: a lockfile begins with"),
        (
            format!("{lock}shop/web\n"),
            "`shop/web` is neither `unit NAME` nor `NAME -> NAME: PORTS`",
        ),
        (
            format!("{header}\n{}\n", line(lock.lines().count())),
            "ringfence.lock:2: `tools/deployment/monitor` stands in a pair, and there is no line `unit tools/deployment/monitor`",
        ),
        (
            format!("{lock}{}\n", line(lock.lines().count())),
            "this pair is given on line ",
        ),
        (
            lock.replace("tcp/5432", "tcp/70000"),
            "`tcp/70000` names no ports",
        ),
    ] {
        let refusal = check(&text, &[]).expect_refused();
        assert!(refusal.contains(said), "{refusal}\n{text}");
    }
}

#[test]
fn conflicts_are_named_in_a_difference_too() {
    let (_directory, path) = file(&format!("<<<<<<< ours\n{}", lock_of(AFTER)));
    let refusal = ringfence(&["diff", path.to_str().unwrap(), AFTER]).expect_refused();
    assert!(
        refusal.contains(".lock:1: `<<<<<<<` is the mark of a conflict"),
        "{refusal}"
    );
}

#[test]
fn options_that_exclude_each_other_are_refused() {
    let refusal = ringfence(&["lock", "-f", AFTER, "--check", "a", "--output-file", "b"]);
    assert!(refusal.expect_refused().contains("cannot be used with"));
    let refusal = ringfence(&["lock", "-f", "-", "--check", "-"]).expect_refused();
    assert!(
        refusal.contains("standard input can be read once"),
        "{refusal}"
    );
    let refusal = ringfence(&["lock", "-f", AFTER, "-o", "json"]).expect_refused();
    assert!(refusal.contains("--check"), "{refusal}");
}
