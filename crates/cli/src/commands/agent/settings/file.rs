//! The file of settings.

use std::path::Path;

use anyhow::{Context as _, bail};
use ringfence_model::{Input, read_json};
use serde_json::Value;

use super::Settings;

/// Reads the settings of `path`, one document of YAML or JSON.
pub(in crate::commands) fn read(path: &Path) -> anyhow::Result<Settings> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {name}"))?;
    parse(Input { name, text })
}

fn parse(input: Input) -> anyhow::Result<Settings> {
    let documents = match read_json(&input) {
        Ok(documents) => documents,
        Err(found) => {
            let told: Vec<String> = found.iter().map(ToString::to_string).collect();
            bail!("{}", told.join("\n"));
        }
    };
    let mut documents = documents.into_iter();
    match (documents.next(), documents.next()) {
        (None | Some(Value::Null), None) => Ok(Settings::default()),
        (Some(document), None) => settings(&input, document),
        (_, Some(_)) => bail!("{}: settings are one document", input.name),
    }
}

fn settings(input: &Input, document: Value) -> anyhow::Result<Settings> {
    let read: Result<Settings, _> = serde_path_to_error::deserialize(document);
    read.map_err(|error| {
        let path = error.path().to_string();
        let cause = error.into_inner().to_string();
        let field = path.split(['[', '.']).next().unwrap_or_default();
        let named = cause.strip_prefix("unknown field `");
        let named = named.and_then(|rest| rest.split('`').next());
        let name = &input.name;
        match line_of(&input.text, named.unwrap_or(field)) {
            Some(line) if named.is_some() => anyhow::anyhow!("{name}:{line}: {cause}"),
            Some(line) => anyhow::anyhow!("{name}:{line}: {path}: {cause}"),
            None => anyhow::anyhow!("{name}: {cause}"),
        }
    })
}

/// The first line that begins with the key `field`, counted from 1.
fn line_of(text: &str, field: &str) -> Option<usize> {
    let is_key = |line: &str| {
        let line = line.trim_start_matches(|c: char| c.is_whitespace() || c == '{' || c == '"');
        let rest = line.strip_prefix(field);
        rest.is_some_and(|rest| rest.trim_start_matches('"').trim_start().starts_with(':'))
    };
    let found = text.lines().position(is_key);
    found.filter(|_| !field.is_empty()).map(|line| line + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        let input = Input {
            name: "agent.yaml".to_owned(),
            text: text.to_owned(),
        };
        parse(input).unwrap_err().to_string()
    }

    #[test]
    fn what_is_wrong_in_a_file_is_told_with_its_line() {
        let told = refused("node: a\nnod: b\n");
        assert!(
            told.starts_with("agent.yaml:2: unknown field `nod`, expected one of `node`"),
            "{told}"
        );
        let told = refused("node: a\npodCidrs:\n- 10.244.0.0/16\n- nonsense\n");
        assert_eq!(told, "agent.yaml:2: podCidrs[1]: invalid IP address syntax");
        let told = refused("{\"node\": \"a\",\n \"services\": \"some\"}");
        assert!(
            told.starts_with("agent.yaml:2: services: unknown variant `some`"),
            "{told}"
        );
        assert_eq!(
            refused("node: a\n---\nnode: b\n"),
            "agent.yaml: settings are one document"
        );
    }
}
