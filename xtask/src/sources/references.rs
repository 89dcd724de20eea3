//! What documents point at exists: files by path, and tests by name.
//!
//! A path is written in backticks from the root of the repository: `xtask/src/main.rs`, or, in a
//! comment, from the root of the crate. A test is
//! written in backticks as its crate and its function: `net::a_range_holds_both_ends`, and only in
//! the documents of [`NAME_TESTS`]; there a name that no test has is a promise that nobody keeps.

use super::file::SourceFile;
use std::collections::BTreeSet;

/// Documents whose claims name the tests that show them.
const NAME_TESTS: &[&str] = &["SECURITY.md"];

/// The folders at the root that documents point into.
const FOLDERS: &[&str] = &[
    "crates/",
    "xtask/",
    "docs/",
    "examples/",
    "corpus/",
    "deploy/",
];

/// The findings in all documents and comments of `files`.
pub(super) fn check(files: &[SourceFile]) -> Vec<String> {
    let paths = files.iter().map(|file| file.path.as_str()).collect();
    let mut found = Vec::new();
    for file in files
        .iter()
        .filter(|file| file.is_rust() || file.path.ends_with(".md"))
    {
        for (number, line) in prose(file) {
            for word in quoted(line) {
                let problem =
                    dangling_path(file, word, &paths).or_else(|| unknown_test(file, word, files));
                found.extend(problem.map(|what| format!("{}:{number}: {what}", file.path)));
            }
        }
    }
    found
}

/// The lines that people read: all of a document, the comments of a program.
fn prose(file: &SourceFile) -> impl Iterator<Item = (usize, &str)> {
    let lines = file
        .text
        .lines()
        .enumerate()
        .map(|(number, line)| (number + 1, line));
    lines.filter(|(_, line)| !file.is_rust() || line.trim_start().starts_with("//"))
}

/// The words of a line that stand in backticks.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

fn dangling_path(file: &SourceFile, word: &str, paths: &BTreeSet<&str>) -> Option<String> {
    let word = without_position(word);
    let is_path = FOLDERS
        .iter()
        .any(|folder| word.starts_with(folder) && word != *folder)
        && !word.contains(|letter: char| "*<>{} ".contains(letter));
    if !is_path {
        return None;
    }
    let exists = [String::new(), crate_of(file)]
        .iter()
        .any(|root| holds(paths, &format!("{root}{word}")));
    (!exists).then(|| format!("`{word}` does not exist"))
}

/// `docs/SUMMARY.md` of `docs/SUMMARY.md:14:7`.
fn without_position(word: &str) -> &str {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match word.rsplit_once(':') {
        Some((rest, last)) if number(last) => without_position(rest),
        _ => word,
    }
}

/// Whether there is a file or folder of this name.
fn holds(paths: &BTreeSet<&str>, name: &str) -> bool {
    let folder = format!("{}/", name.trim_end_matches('/'));
    paths.contains(name) || paths.iter().any(|path| path.starts_with(&folder))
}

/// The folder of the crate that a program's file belongs to, with a final `/`, or nothing.
fn crate_of(file: &SourceFile) -> String {
    let mut parts = file.path.split('/');
    match (parts.next(), parts.next()) {
        (Some("crates"), Some(name)) if file.is_rust() => format!("crates/{name}/"),
        _ => String::new(),
    }
}

fn unknown_test(document: &SourceFile, word: &str, files: &[SourceFile]) -> Option<String> {
    if !NAME_TESTS.contains(&document.path.as_str()) {
        return None;
    }
    let (name, test) = word.split_once("::")?;
    let place = if name == "xtask" {
        "xtask/".to_owned()
    } else {
        format!("crates/{name}/")
    };
    let here = |file: &&SourceFile| file.path.starts_with(&place) && file.is_rust();
    let exists = files
        .iter()
        .filter(here)
        .any(|file| declares(&file.text, test));
    (!exists).then(|| format!("`{word}`: no test has this name in {place}"))
}

/// Whether a text has a function `test`.
fn declares(text: &str, test: &str) -> bool {
    let function = format!("fn {test}(");
    let behind = format!(" {function}");
    text.lines()
        .any(|line| line.starts_with(&function) || line.contains(&behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> SourceFile {
        SourceFile {
            path: path.into(),
            text: text.into(),
        }
    }

    #[test]
    fn a_path_that_does_not_exist_is_found() {
        let files = [
            file(
                "docs/a.md",
                "see `docs/b.md`, `docs/b.md:14:7`, `docs/c.md:1`, `crates/net`, `crates/*/src`",
            ),
            file("docs/b.md", "see `examples/a.rs`"),
            file("crates/net/examples/a.rs", "// see `examples/a.rs`"),
            file(
                "crates/net/src/lib.rs",
                "//! `docs/none.md`\nlet a = \"`docs/no.md`\";",
            ),
        ];
        assert_eq!(
            check(&files),
            [
                "docs/a.md:1: `docs/c.md` does not exist",
                "docs/b.md:1: `examples/a.rs` does not exist",
                "crates/net/src/lib.rs:1: `docs/none.md` does not exist",
            ]
        );
    }

    #[test]
    fn a_promise_needs_a_test_that_exists() {
        let test = "#[test]\nfn it_holds() {}\n";
        let promise = |name: &str| file("SECURITY.md", &format!("shown by `{name}`"));
        let source = file("crates/net/src/port.rs", test);
        assert!(check(&[promise("net::it_holds"), source.clone()]).is_empty());
        assert_eq!(
            check(&[promise("net::it_falls"), source.clone()]),
            ["SECURITY.md:1: `net::it_falls`: no test has this name in crates/net/"]
        );
        assert_eq!(check(&[promise("model::it_holds"), source]).len(), 1);
    }
}
