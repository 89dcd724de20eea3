//! Colours, which the stream takes out again where nobody sees them.

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

fn painted(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}
