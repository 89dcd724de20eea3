//! Colours, which the stream takes out again where nobody sees them.

use std::io::IsTerminal as _;

use anstyle::{AnsiColor, Style};

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const HEADING: Style = AnsiColor::Cyan.on_default().bold();
const DIM: Style = Style::new().dimmed();

pub(crate) fn good(text: &str) -> String {
    painted(GOOD, text)
}

pub(crate) fn bad(text: &str) -> String {
    painted(BAD, text)
}

pub(crate) fn heading(text: &str) -> String {
    painted(HEADING, text)
}

pub(crate) fn dim(text: &str) -> String {
    painted(DIM, text)
}

/// How wide a line may be: as the terminal is, or as `COLUMNS` says; in files and pipes always the same.
pub(crate) fn width() -> usize {
    const IN_FILES: usize = 100;
    let columns = std::env::var("COLUMNS").ok();
    let said = columns.and_then(|text| text.parse().ok());
    let terminal = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    if std::io::stdout().is_terminal() {
        said.or_else(terminal).unwrap_or(IN_FILES)
    } else {
        said.unwrap_or(IN_FILES)
    }
}

fn painted(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}
