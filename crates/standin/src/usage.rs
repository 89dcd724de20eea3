//! What every command does with arguments that are wrong, or ask for help.

use std::io::Write;

/// Prints help to `stdout` or a complaint to `stderr`; the exit code, `wrong` for a complaint.
pub(crate) fn usage(
    error: &clap::Error,
    wrong: u8,
    stdout: &mut dyn Write,
    stderr: &mut dyn Write,
) -> u8 {
    // If printing fails there is nowhere else to complain to.
    if error.use_stderr() {
        let _ = write!(stderr, "{error}");
        wrong
    } else {
        let _ = write!(stdout, "{error}");
        0
    }
}
