//! What to do about arguments that many people type first.

use clap::Error;
use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// What files of manifests end with.
const ENDINGS: [&str; 3] = [".yaml", ".yml", ".json"];

/// `error` with the option that was left out before a file of manifests.
pub(super) fn with_tip(mut error: Error) -> Error {
    let file = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(word)) if error.kind() == ErrorKind::UnknownArgument => {
            is_manifest(word).then(|| word.clone())
        }
        _ => None,
    };
    if let Some(file) = file {
        let tip = StyledStr::from(format!("manifests are named with -f: `-f {file}`"));
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip]));
    }
    error
}

fn is_manifest(word: &str) -> bool {
    let is_path = || std::path::Path::new(word).exists();
    !word.starts_with('-') && (ENDINGS.iter().any(|ending| word.ends_with(ending)) || is_path())
}
