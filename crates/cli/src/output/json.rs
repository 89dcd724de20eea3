//! JSON for other programs: indented, keys in the order of the type's fields.

use serde::Serialize;

/// Prints `value` to standard output.
pub(crate) fn print(value: &impl Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}
