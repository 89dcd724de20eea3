//! Standard output: answers, with colours where somebody looks at them.
//!
//! An answer that cannot be written ends the program as one that could not be found: whoever reads it has none.

use std::fmt;
use std::io::{self, BufWriter, Write};

use crate::BAD_INPUT;

/// Prints as `print!` does, without colours unless a terminal shows them.
macro_rules! say {
    ($($part:tt)*) => { $crate::output::answer::styled(format_args!($($part)*)) };
}

/// [`say!`] with the end of a line.
macro_rules! say_line {
    () => { $crate::output::answer::styled(format_args!("\n")) };
    ($($part:tt)*) => { $crate::output::answer::styled(format_args!("{}\n", format_args!($($part)*))) };
}

/// Prints as `print!` does, every byte as it is.
macro_rules! write_out {
    ($($part:tt)*) => { $crate::output::answer::plain(format_args!($($part)*)) };
}

/// [`write_out!`] with the end of a line.
macro_rules! write_line {
    () => { $crate::output::answer::plain(format_args!("\n")) };
    ($($part:tt)*) => { $crate::output::answer::plain(format_args!("{}\n", format_args!($($part)*))) };
}

pub(crate) use {say, say_line, write_line, write_out};

pub(crate) fn styled(text: fmt::Arguments<'_>) {
    let mut out = anstream::stdout().lock();
    end_unless_written(out.write_fmt(text).and_then(|()| out.flush()));
}

pub(crate) fn plain(text: fmt::Arguments<'_>) {
    let mut out = io::stdout().lock();
    end_unless_written(out.write_fmt(text).and_then(|()| out.flush()));
}

/// What `write` writes, every byte as it is.
pub(crate) fn streamed(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
    let mut out = BufWriter::new(io::stdout().lock());
    end_unless_written(write(&mut out).and_then(|()| out.flush()));
}

#[expect(
    clippy::exit,
    reason = "nothing that follows could say more, and a lab ends with its first process"
)]
fn end_unless_written(written: io::Result<()>) {
    if let Err(error) = written {
        anstream::eprintln!(
            "{}: cannot write the answer: {error}",
            crate::paint::bad("error")
        );
        std::process::exit(i32::from(BAD_INPUT));
    }
}
