//! Names of `domainNames` (rule CN-37).

use super::names::bounded;
use super::quote;
use crate::DomainName;
use crate::report::Report;
use crate::view::View;

/// The name written at `at`.
pub(crate) fn domain_name(
    report: &mut Report,
    rule: &'static str,
    at: &View<'_>,
) -> Option<DomainName> {
    let text = at.text_or_empty();
    let name = parse(text);
    if name.is_none() {
        let detail =
            "must be a domain name of two labels or more, such as example.com or *.example.com";
        report.invalid(rule, at, &quote(text), detail);
    }
    name
}

fn parse(text: &str) -> Option<DomainName> {
    let (below, name) = match text.strip_prefix("*.") {
        Some(parent) => (true, parent),
        None => (false, text),
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    if !name.contains('.') || !name.split('.').all(is_label) {
        return None;
    }
    let name = name.to_ascii_lowercase();
    Some(if below {
        DomainName::Below(name)
    } else {
        DomainName::Exact(name)
    })
}

fn is_label(text: &str) -> bool {
    bounded(text, u8::is_ascii_alphanumeric, |byte| {
        byte.is_ascii_alphanumeric() || b"-_".contains(byte)
    })
}
