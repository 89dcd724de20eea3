//! Labels that reach ringfence by another way than a manifest.

use crate::validate::names::{label_value, qualified_name};

/// Stands for the value of a label that only a running cluster knows (rule OB-10). No selector can name it.
pub const UNKNOWN_LABEL_VALUE: &str = "?";

/// A label that the API server would refuse (rule V-20).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("label `{key}={value}`: {reason}")]
pub struct BadLabel {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
    /// What is wrong with either.
    pub reason: String,
}

/// Checks the form of a label (rule V-20).
///
/// # Errors
/// [`BadLabel`].
pub fn check_label(key: &str, value: &str) -> Result<(), BadLabel> {
    let mut reasons = qualified_name(key);
    reasons.extend(label_value(value));
    if reasons.is_empty() {
        return Ok(());
    }
    Err(BadLabel {
        key: key.to_owned(),
        value: value.to_owned(),
        reason: reasons.join("; "),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_keys_and_values_are_refused() {
        assert_eq!(check_label("example.com/role", "web"), Ok(()));
        assert!(check_label("", "web").is_err());
        assert!(check_label("a b", "web").is_err());
        assert!(check_label("role", "no/slash").is_err());
        assert!(check_label("role", UNKNOWN_LABEL_VALUE).is_err());
    }
}
