use super::*;

#[test]
fn the_repository_keeps_its_rules() {
    let result = check(&workspace_root());
    assert!(result.is_ok(), "{:#}", result.unwrap_err());
}

fn file(path: &str, text: &str) -> SourceFile {
    SourceFile {
        path: path.into(),
        text: text.into(),
    }
}

#[test]
fn a_file_of_600_lines_passes_and_one_more_does_not() {
    assert_eq!(
        rules::length(&file("crates/net/src/a.rs", &"\n".repeat(600))),
        None
    );
    assert!(rules::length(&file("crates/net/src/a.rs", &"\n".repeat(601))).is_some());
    assert_eq!(
        rules::length(&file("crates/net/tests/a.rs", &"\n".repeat(601))),
        None
    );
}

#[test]
fn a_library_begins_with_3_to_10_lines() {
    let library = |lines: usize| file("crates/net/src/lib.rs", &"//! Text.\n".repeat(lines));
    for lines in [3, 10] {
        assert_eq!(rules::crate_documentation(&library(lines)), None, "{lines}");
    }
    for lines in [0, 2, 11] {
        assert!(
            rules::crate_documentation(&library(lines)).is_some(),
            "{lines}"
        );
    }
    assert_eq!(
        rules::crate_documentation(&file("crates/net/src/port.rs", "")),
        None
    );
}

#[test]
fn a_pure_crate_reads_no_clock() {
    let text = "use std::time::Instant;\nfn now() -> Instant {\n    Instant::now()\n}\n";
    let found = rules::purity(&file("crates/compile/src/plan.rs", text));
    assert_eq!(
        found,
        ["crates/compile/src/plan.rs:3: `Instant::now` in a pure crate: time is an argument"]
    );
    assert!(rules::purity(&file("crates/agent/src/plan.rs", text)).is_empty());
}

#[test]
fn tests_and_comments_of_a_pure_crate_may_say_anything() {
    let text = "\
// std::fs is not used here
#[cfg(test)]
use std::fs;
fn pure() {}
#[cfg(test)]
mod tests {
    fn read() {
        std::fs::read(\"a\");
    }
}
fn also_pure() {
    std::env::var(\"A\");
}
";
    let found = rules::purity(&file("crates/net/src/a.rs", text));
    let [finding] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert!(
        finding.starts_with("crates/net/src/a.rs:12: `std::env`"),
        "{finding}"
    );
    assert!(rules::purity(&file("crates/net/src/a/tests.rs", "std::fs::read(p);")).is_empty());
}

#[test]
fn a_declaration_of_test_modules_hides_only_itself() {
    let text = "#[cfg(test)]\nmod tests;\nfn read() { std::fs::read(p); }\n";
    assert_eq!(rules::purity(&file("crates/net/src/a.rs", text)).len(), 1);
}

#[test]
fn programs_are_started_in_known_places_only() {
    let text = "fn list() { Command::new(\"nft\"); }\n";
    let found = rules::no_programs(&file("crates/agent/src/apply.rs", text));
    let [finding] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert!(
        finding.contains("crates/agent/src/apply.rs:1: "),
        "{finding}"
    );
    assert!(finding.contains("the command of a pod"), "{finding}");
    for path in [
        "crates/lab/src/pod.rs",
        "crates/cni/src/runtime/run.rs",
        "crates/netlink/tests/kernel.rs",
        "crates/agent/src/apply/tests.rs",
        "xtask/src/main.rs",
    ] {
        assert!(rules::no_programs(&file(path, text)).is_empty(), "{path}");
    }
}

#[test]
fn paths_of_the_machine_are_found_where_they_stand_alone() {
    let machine = rules::machine_paths(Path::new("/builds/ringfence"), Some(Path::new("/home/me")));
    assert_eq!(machine, ["/builds", "/builds/ringfence", "/home/me"]);
    let findings = |text| rules::no_machine_path(&file("docs/a.md", text), &machine).len();
    assert_eq!(findings("see /home/me/notes"), 1);
    assert_eq!(findings("see `/builds/ringfence`."), 2);
    assert_eq!(findings("crates/*/builds/ and /home/mesh and ./builds"), 0);
}

#[test]
fn directories_of_every_machine_may_be_named() {
    assert_eq!(
        rules::machine_paths(Path::new("/data/x/ringfence"), Some(Path::new("/root"))),
        ["/data/x", "/data/x/ringfence"]
    );
    assert!(rules::machine_paths(Path::new("/tmp/x/ringfence"), None).is_empty());
    assert!(rules::machine_paths(Path::new("/"), Some(Path::new("/"))).is_empty());
}
