//! What the agent says while it runs, on standard error.

use std::io::IsTerminal as _;

use super::settings::LogFormat;

/// Which messages are written, in the words of `tracing`.
const FILTER: &str = "RINGFENCE_LOG";

pub(super) fn start(format: LogFormat) {
    let filter = tracing_subscriber::EnvFilter::try_from_env(FILTER)
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
}
