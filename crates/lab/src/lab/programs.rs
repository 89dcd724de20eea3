//! What stands in for the programs of images: this machine's programs, ringfence's own where it has the same.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::cluster::desired::{DesiredContainer, DesiredPod, Program};

/// Variables of the lab's own environment that its pods share.
const SHARED: [&str; 3] = ["PATH", "TERM", "LANG"];

/// A program to start in a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// Program and arguments; arguments alone where `builtin` is set.
    pub arguments: Vec<String>,
    /// Whether the program is ringfence itself.
    pub builtin: bool,
}

/// How `command` is started: `agnhost` and `ringfence` always are this program, `curl` where the machine has none.
#[must_use]
pub fn invocation(command: &[String]) -> Invocation {
    let as_is = || Invocation {
        arguments: command.to_vec(),
        builtin: false,
    };
    match command.split_first() {
        Some((program, rest)) if program == "agnhost" || program.ends_with("/agnhost") => {
            builtin("agnhost", rest)
        }
        Some((program, rest)) if program == "ringfence" || program.ends_with("/ringfence") => {
            Invocation {
                arguments: rest.to_vec(),
                builtin: true,
            }
        }
        Some((program, rest)) if program == "curl" && !is_installed("curl") => {
            builtin("curl", rest)
        }
        Some(_) | None => as_is(),
    }
}

/// A part of ringfence, as `internal PART ...`.
#[must_use]
pub fn builtin(part: &str, arguments: &[String]) -> Invocation {
    Invocation {
        arguments: ["internal", part]
            .map(str::to_owned)
            .into_iter()
            .chain(arguments.iter().cloned())
            .collect(),
        builtin: true,
    }
}

/// What runs for a container on this machine: its arguments, if they begin with a program that is here.
#[must_use]
pub fn resolve(program: Program) -> Program {
    match program {
        Program::Arguments(words) if words.first().is_some_and(|word| is_here(word)) => {
            Program::Machine(words)
        }
        Program::Arguments(_) => Program::Responder,
        Program::Responder
        | Program::Agnhost(_)
        | Program::Machine(_)
        | Program::Dns
        | Program::Image(_) => program,
    }
}

/// Whether a word is a program that a pod can run.
fn is_here(word: &str) -> bool {
    if word.contains('/') {
        is_executable(Path::new(word))
    } else {
        word == "curl" || is_installed(word)
    }
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| is_executable(&folder.join(program)))
}

fn is_executable(file: &Path) -> bool {
    file.metadata()
        .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

/// The environment of a process in a container of `pod`, or in the pod: the container's own, and little else. What an image runs
/// gets nothing of the machine's, and its home from the image.
#[must_use]
pub fn environment(
    pod: &DesiredPod,
    container: Option<&DesiredContainer>,
) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    if container
        .and_then(DesiredContainer::image_program)
        .is_none()
    {
        let shared = SHARED
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?)));
        variables.extend(shared);
        variables.insert("HOME".to_owned(), "/".to_owned());
    }
    variables.insert("HOSTNAME".to_owned(), pod.hostname.clone());
    variables.extend(container.into_iter().flat_map(|it| it.environment.clone()));
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn ringfence_is_this_program() {
        let expected = Invocation {
            arguments: words("verify"),
            builtin: true,
        };
        assert_eq!(
            invocation(&words("/usr/local/bin/ringfence verify")),
            expected
        );
        assert_eq!(invocation(&words("ringfence verify")), expected);
    }

    #[test]
    fn agnhost_is_built_in_under_both_names() {
        let expected = builtin("agnhost", &words("connect a:1"));
        assert_eq!(invocation(&words("/agnhost connect a:1")), expected);
        assert_eq!(invocation(&words("agnhost connect a:1")), expected);
    }

    #[test]
    fn arguments_run_if_they_begin_with_a_program_of_the_machine() {
        let resolved = |text| resolve(Program::Arguments(words(text)));
        let runs = |text| Program::Machine(words(text));
        assert_eq!(resolved("sh -c true"), runs("sh -c true"));
        assert_eq!(resolved("/bin/sh -c true"), runs("/bin/sh -c true"));
        assert_eq!(resolved("curl web"), runs("curl web"));
        for other in ["-g daemon", "no-such-program x", "/etc x", "/etc/passwd"] {
            assert_eq!(resolved(other), Program::Responder, "{other}");
        }
    }

    #[test]
    fn other_programs_are_the_machines() {
        let command = words("sh -c agnhost");
        let expected = Invocation {
            arguments: command.clone(),
            builtin: false,
        };
        assert_eq!(invocation(&command), expected);
    }
}
