//! A file for each namespace.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use ringfence_reach::suggest::Suggestion;

/// A file to write.
struct Target {
    path: PathBuf,
    text: String,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    New,
    Same,
    Different,
}

/// Writes the policies of each namespace to `directory`, and says what became of each file. Nothing is written if one of
/// the files says something else, unless that is to be overwritten.
pub(super) fn write(
    directory: &Path,
    suggestion: &Suggestion,
    force: bool,
) -> anyhow::Result<String> {
    let targets = targets(directory, suggestion)?;
    let changed = targets
        .iter()
        .filter(|target| target.state == State::Different);
    let changed: Vec<String> = changed
        .map(|target| target.path.display().to_string())
        .collect();
    ensure!(
        force || changed.is_empty(),
        "{} would be overwritten, and says something else; compare, then use --force\nnothing was written",
        changed.join(", ")
    );
    std::fs::create_dir_all(directory)
        .with_context(|| format!("`{}` cannot be made", directory.display()))?;
    let mut told = String::new();
    for target in &targets {
        let word = match target.state {
            State::New => "written",
            State::Same => "unchanged",
            State::Different => "overwritten",
        };
        if target.state != State::Same {
            replace(&target.path, &target.text)
                .with_context(|| format!("`{}` cannot be written", target.path.display()))?;
        }
        // Writing to a string cannot fail.
        let _ = writeln!(told, "{}: {word}", target.path.display());
    }
    Ok(told)
}

fn targets(directory: &Path, suggestion: &Suggestion) -> anyhow::Result<Vec<Target>> {
    let namespaces = suggestion.namespaces.iter();
    let target = |found: &ringfence_reach::suggest::NamespaceSuggestion| {
        let path = directory.join(format!("{}.yaml", found.namespace));
        let state = state(&path, &found.text)
            .with_context(|| format!("`{}` cannot be read", path.display()))?;
        let text = found.text.clone();
        Ok(Target { path, text, state })
    };
    namespaces.map(target).collect()
}

fn state(path: &Path, text: &str) -> std::io::Result<State> {
    match std::fs::read(path) {
        Ok(present) if present == text.as_bytes() => Ok(State::Same),
        Ok(_) => Ok(State::Different),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(State::New),
        Err(error) => Err(error),
    }
}

/// The file is the old one or the new one at any time, and never half of one.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.{}", std::process::id()));
    let written = std::fs::write(&beside, text).and_then(|()| std::fs::rename(&beside, path));
    if written.is_err() {
        // What is left over is of no use to anybody; that the writing failed is what is reported.
        let _ = std::fs::remove_file(&beside);
    }
    written
}
