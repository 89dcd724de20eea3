//! JSON for other programs: indented, keys in the order of the type's fields.

use serde::Serialize;

use crate::output::answer::write_line;

/// Prints `value` to standard output.
pub(crate) fn print(value: &impl Serialize) -> anyhow::Result<()> {
    write_line!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}
