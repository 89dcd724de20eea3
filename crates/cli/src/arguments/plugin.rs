//! The program as a plugin of kubectl: found in `PATH` as `kubectl-ringfence`, it is run for `kubectl ringfence`, and judges
//! the cluster that kubectl speaks to.

use std::ffi::{OsStr, OsString};

use clap::{Command, CommandFactory as _};

use super::Arguments;

/// The name that kubectl looks for.
pub(crate) const FILE_NAME: &str = "kubectl-ringfence";

/// What people type, for usage.
const NAME: &str = "kubectl ringfence";

/// Options that name a cluster.
const CLUSTER: [&str; 2] = ["--context", "--kubeconfig"];
/// Options that name something else to ask.
const OTHERS: [&str; 3] = ["--lab", "--socket", "--agent"];

/// What `typed`, the words behind the program's name, means to a plugin: where manifests are judged or agents are asked, and no
/// cluster is named, it is that of the current context; manifests come on top of it.
pub(crate) fn as_plugin(typed: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut words: Vec<OsString> = std::iter::once(NAME.into()).chain(typed).collect();
    let mut command = Arguments::command();
    let mut behind = 1;
    while let Some(next) = words
        .get(behind)
        .and_then(|word| command.find_subcommand(word))
    {
        command = next.clone();
        behind += 1;
    }
    let asks = judges(&command) || asks_agents(&command);
    if asks
        && !words
            .iter()
            .any(|word| names(word, &CLUSTER) || names(word, &OTHERS))
    {
        words.insert(behind, "--context=".into());
    }
    words
}

/// Whether `command` asks the agents of a live cluster.
fn asks_agents(command: &Command) -> bool {
    let mut arguments = command.get_arguments();
    arguments.any(|argument| argument.get_id() == "agent_namespace")
}

/// Whether `command` judges manifests or a live cluster.
fn judges(command: &Command) -> bool {
    let has = |id: &str| {
        command
            .get_arguments()
            .any(|argument| argument.get_id() == id)
    };
    has("context") && has("recursive")
}

fn names(word: &OsStr, options: &[&str]) -> bool {
    let word = word.to_string_lossy();
    let option = word.split_once('=').map_or(&*word, |(option, _)| option);
    options.contains(&option)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn means(typed: &str, meant: &str) {
        let words = as_plugin(typed.split_whitespace().map(OsString::from));
        let expected = NAME.to_owned() + meant;
        assert_eq!(words.join(OsStr::new(" ")), OsString::from(expected));
    }

    #[test]
    fn the_current_context_is_judged_unless_another_one_is_named() {
        means("matrix -f new.yaml", " matrix --context= -f new.yaml");
        means("matrix --context x", " matrix --context x");
        means("check --kubeconfig=x", " check --kubeconfig=x");
        for command in ["verify", "flows", "status", "rules --live"] {
            let name = command.split(' ').next().unwrap();
            let rest = command.strip_prefix(name).unwrap();
            means(command, &format!(" {name} --context={rest}"));
        }
        means("verify --lab x", " verify --lab x");
        means("flows --socket=x", " flows --socket=x");
    }

    #[test]
    fn commands_that_judge_nothing_are_left_alone() {
        for typed in [
            "lab status",
            "agent --node a",
            "completions bash",
            "--help",
            "nonsense",
        ] {
            means(typed, &format!(" {typed}"));
        }
        means("", "");
    }
}
