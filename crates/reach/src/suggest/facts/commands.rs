//! The words of the commands that a container runs: its own, and those of its hooks and probes.

use ringfence_model::Container;

use super::variables::Variables;
use super::{Described, Reader, Scope, Setting};
use crate::suggest::text::{Style, assigned, from_arguments, substitute};

/// What of a container may run a command of its own, by its field.
const HOOKS: [&str; 5] = [
    "lifecycle.postStart",
    "lifecycle.preStop",
    "startupProbe",
    "readinessProbe",
    "livenessProbe",
];

/// The field of a hook or probe that runs a command.
pub(super) const RUN: &str = "exec";

/// A command as it is written.
struct Command<'a> {
    /// What every word of it is called, such as `args`.
    list: &'a str,
    /// What else says which command it is; empty for that of the container.
    of: String,
    /// The field that holds its words.
    path: String,
    words: &'a [String],
}

impl Reader<'_> {
    /// What the commands of `container`, which is described at `path`, say. Words of one are a scope of their own, but the
    /// container's arguments, which are part of its command.
    pub(super) fn commands(
        &self,
        described: &Described<'_>,
        container: &Container,
        path: &str,
        variables: &Variables,
    ) -> Vec<Scope> {
        let own = [("command", &container.command), ("args", &container.args)];
        let own = own.into_iter().flat_map(|(list, words)| {
            let command = Command {
                list,
                of: String::new(),
                path: format!("{path}.{list}"),
                words,
            };
            command.settings(described, variables)
        });
        let mut scopes = vec![scope(described, own.collect())];
        for hook in HOOKS {
            let hook_path = format!("{path}.{hook}.{RUN}");
            let words = self.words(described, &hook_path);
            let command = Command {
                list: "command",
                of: format!(" of {hook}"),
                path: format!("{hook_path}.command"),
                words: &words,
            };
            let settings = command.settings(described, variables);
            scopes.extend((!settings.is_empty()).then(|| scope(described, settings)));
        }
        scopes
    }

    /// The words of the command at `path`; none if there is none.
    fn words(&self, described: &Described<'_>, path: &str) -> Vec<String> {
        let object = described
            .object
            .filter(|object| self.about_hooks.contains(&*object.file));
        let found = object.and_then(|object| self.documents.field(object, path));
        let words = found.map(|found| found.items_at("command"));
        let words = words.iter().flatten();
        words
            .map(|word| word.text().unwrap_or_default().to_owned())
            .collect()
    }
}

fn scope(described: &Described<'_>, settings: Vec<Setting>) -> Scope {
    Scope {
        unit: described.unit.clone(),
        settings,
        defined: std::collections::BTreeSet::new(),
    }
}

impl Command<'_> {
    fn settings(&self, described: &Described<'_>, variables: &Variables) -> Vec<Setting> {
        let mut secrets = Vec::new();
        let expanded = self.words.iter().map(|text| {
            let mut secret = false;
            let text = substitute(text, Style::Shell, |name| {
                assigned(text, name).or_else(|| variables.value(name, &mut secret))
            });
            secrets.push(secret);
            text
        });
        let expanded: Vec<String> = expanded.collect();
        let settings = from_arguments(&expanded);
        let settings = settings.into_iter().map(|(index, name, value)| Setting {
            what: self.what(index, &name),
            name,
            value,
            secret: secrets.get(index).copied().unwrap_or(true),
            place: described.place(format!("{}[{index}]", self.path)),
        });
        settings.collect()
    }

    /// `args[2] --host`, `command[1] of lifecycle.preStop`.
    fn what(&self, index: usize, name: &str) -> String {
        let Self { list, of, .. } = self;
        match name {
            "" => format!("{list}[{index}]{of}"),
            name => format!("{list}[{index}] {name}{of}"),
        }
    }
}
