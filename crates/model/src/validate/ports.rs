//! Port numbers and protocols (rules V-3, V-4).

use ringfence_net::Protocol;

use super::quote;
use crate::report::Report;
use crate::view::View;

const RANGE: &str = "must be between 1 and 65535, inclusive";

/// The port number at `at`; missing counts as 0.
pub(crate) fn port(report: &mut Report, rule: &'static str, at: &View<'_>) -> Option<u16> {
    let number = at.integer().unwrap_or(0);
    match u16::try_from(number) {
        Ok(port) if port != 0 => Some(port),
        _ => {
            report.invalid(rule, at, &number.to_string(), RANGE);
            None
        }
    }
}

/// The protocol at `at`, TCP where nothing is said (rule NP-30).
pub(crate) fn protocol(report: &mut Report, rule: &'static str, at: &View<'_>) -> Option<Protocol> {
    let Some(text) = at.text() else {
        return Some(Protocol::Tcp);
    };
    match text.parse() {
        Ok(protocol) => Some(protocol),
        Err(_) => {
            report.not_supported(rule, at, text, &["TCP", "UDP", "SCTP"]);
            None
        }
    }
}

/// A name of a port as the value at `at`.
pub(crate) fn name(report: &mut Report, rule: &'static str, at: &View<'_>) -> Option<String> {
    let text = at.text()?;
    let messages = super::names::port_name(text);
    if messages.is_empty() {
        return Some(text.to_owned());
    }
    for message in messages {
        report.invalid(rule, at, &quote(text), &message);
    }
    None
}
