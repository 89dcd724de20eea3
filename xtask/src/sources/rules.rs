//! The rules, one function each.

use super::file::SourceFile;
use crate::layers;
use std::path::Path;

/// A file that is longer is two files.
const LONGEST: usize = 600;

/// What a pure crate does not name, and the reason.
const IMPURE: &[(&str, &str)] = &[
    ("std::fs", "files are read by the caller"),
    ("std::net::Tcp", "sockets belong to adapters"),
    ("std::net::Udp", "sockets belong to adapters"),
    (
        "std::process",
        "nothing is started, nothing ends the program",
    ),
    ("Instant::now", "time is an argument"),
    ("SystemTime::now", "time is an argument"),
    ("now_utc", "time is an argument"),
    ("now_local", "time is an argument"),
    ("std::env", "the environment is read by the program"),
    (
        "std::thread",
        "a pure answer is computed where it is asked for",
    ),
];

/// Where programs are started, and which.
const MAY_START_PROGRAMS: &[(&str, &str)] = &[
    (
        "crates/lab/src/",
        "ringfence itself, and the command of a pod",
    ),
    (
        "crates/cni/src/runtime",
        "the CNI plugins that a network configuration names",
    ),
    (
        "crates/testkit/src/sandbox.rs",
        "a test program itself, once more without privileges",
    ),
    (
        "benches/benches/commands.rs",
        "ringfence itself, whose commands it measures",
    ),
    (
        "crates/agent/examples/cold.rs",
        "itself, as the agent that it measures",
    ),
    (
        "crates/apiserver/examples/watchers.rs",
        "itself, as the server that it measures",
    ),
    ("xtask/", "cargo, and the programs under test"),
];

/// How Rust code starts a program.
const STARTS: &[&str] = &[
    "Command::new(",
    "posix_spawn",
    "execve",
    "execvp",
    "fexecve",
    "execv(",
];

pub(super) fn length(file: &SourceFile) -> Option<String> {
    let lines = file.text.lines().count();
    (file.source_of().is_some() && lines > LONGEST).then(|| {
        format!(
            "{}: {lines} lines, more than {LONGEST}: split it by what its parts answer",
            file.path
        )
    })
}

/// The beginning of a crate says what it answers, what it leaves to others, where to start reading.
pub(super) fn crate_documentation(file: &SourceFile) -> Option<String> {
    let is_library = file.source_of().is_some() && file.path.ends_with("/src/lib.rs");
    let lines = file
        .text
        .lines()
        .take_while(|line| line.starts_with("//!"))
        .count();
    (is_library && !(3..=10).contains(&lines)).then(|| {
        format!(
            "{}:1: begins with {lines} lines of `//!`; a reader needs 3 to 10",
            file.path
        )
    })
}

/// Pure crates compute.
pub(super) fn purity(file: &SourceFile) -> Vec<String> {
    let pure = file
        .source_of()
        .is_some_and(|name| layers::pure_crates().any(|pure| pure == name));
    if !pure {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (number, line) in file.program_lines() {
        for (word, reason) in IMPURE.iter().filter(|(word, _)| line.contains(word)) {
            found.push(format!(
                "{}:{number}: `{word}` in a pure crate: {reason}",
                file.path
            ));
        }
    }
    found
}

/// No external program is started at run time: a child is ringfence itself or a pod's own command.
pub(super) fn no_programs(file: &SourceFile) -> Vec<String> {
    if MAY_START_PROGRAMS
        .iter()
        .any(|(place, _)| file.path.starts_with(place))
    {
        return Vec::new();
    }
    let places = || {
        let place = |(place, what): &(&str, &str)| format!("{place} ({what})");
        MAY_START_PROGRAMS
            .iter()
            .map(place)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let lines = file.program_lines().into_iter();
    lines
        .filter(|(_, line)| STARTS.iter().any(|start| line.contains(start)))
        .map(|(number, line)| {
            let line = line.trim();
            format!(
                "{}:{number}: `{line}` starts a program; only these do: {}",
                file.path,
                places()
            )
        })
        .collect()
}

/// The paths of this machine that no file may name: the checkout, what lies around it, the home.
pub(super) fn machine_paths(root: &Path, home: Option<&Path>) -> Vec<String> {
    let own = |path: &&Path| path.components().count() > 1 && !is_everywhere(path);
    let candidates = [Some(root), root.parent(), home];
    let mut paths: Vec<String> = candidates
        .into_iter()
        .flatten()
        .filter(own)
        .map(|path| path.display().to_string())
        .collect();
    paths.sort();
    paths.dedup();
    paths
}

/// Directories that text may name because every machine has them, and those below `/tmp`, which are gone tomorrow.
fn is_everywhere(path: &Path) -> bool {
    let known = [
        "/root", "/home", "/var", "/usr", "/opt", "/srv", "/mnt", "/run", "/usr/src", "/var/lib",
    ];
    let passing = ["/tmp", "/var/tmp"];
    known.iter().any(|known| path == Path::new(known))
        || passing.iter().any(|passing| path.starts_with(passing))
}

/// A path of the machine that wrote a file means nothing on the one that reads it.
pub(super) fn no_machine_path(file: &SourceFile, machine_paths: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in file.text.lines().enumerate() {
        for path in machine_paths.iter().filter(|path| names(line, path)) {
            found.push(format!(
                "{}:{}: names `{path}`, of one machine",
                file.path,
                number + 1
            ));
        }
    }
    found
}

/// Whether `line` holds `path` as a path of its own, and not as a part of a longer one.
fn names(line: &str, path: &str) -> bool {
    let apart = |side: Option<char>| {
        side.is_none_or(|next| {
            !next.is_alphanumeric() && !matches!(next, '_' | '-' | '.' | '*' | '}')
        })
    };
    line.match_indices(path).any(|(start, _)| {
        let before = line.get(..start).and_then(|text| text.chars().next_back());
        let after = line
            .get(start + path.len()..)
            .and_then(|text| text.chars().next());
        apart(before) && (apart(after) || after == Some('.'))
    })
}
