//! JSON for other programs: indented, keys in the order of the type's fields.

use serde::Serialize;

use crate::output::answer::{streamed, write_line};

/// Prints `value` to standard output.
pub(crate) fn print(value: &impl Serialize) -> anyhow::Result<()> {
    write_line!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

/// The same without making the whole text first. A value that cannot be written is one that cannot be read.
pub(crate) fn stream(value: &impl Serialize) {
    streamed(|out| {
        serde_json::to_writer_pretty(&mut *out, value)?;
        out.write_all(b"\n")
    });
}
