//! The forms of names, labels and ports, with the API server's explanation where a text has not the form.

const LABEL: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const SUBDOMAIN: &str = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
const QUALIFIED: &str = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const LABEL_VALUE: &str = "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?";
const LETTER_LABEL: &str = "[a-z]([-a-z0-9]*[a-z0-9])?";

/// A DNS subdomain of at most 253 characters (rules V-1, OB-15).
pub(crate) fn dns_subdomain(text: &str) -> Vec<String> {
    let mut messages = too_long(text, 253);
    if !is_subdomain(text) {
        messages.push(form(
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', \
             and must start and end with an alphanumeric character",
            SUBDOMAIN,
            &["example.com"],
        ));
    }
    messages
}

/// A DNS label of at most 63 characters (rules V-2, OB-15).
pub(crate) fn dns_label(text: &str) -> Vec<String> {
    let mut messages = too_long(text, 63);
    if is_label(text) {
        return messages;
    }
    messages.push(if is_subdomain(text) {
        "must not contain dots".to_owned()
    } else {
        form(
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', \
             and must start and end with an alphanumeric character",
            LABEL,
            &["my-name", "123-abc"],
        )
    });
    messages
}

/// The name of a Service: a DNS label that starts with a letter (rule OB-15).
pub(crate) fn service_name(text: &str) -> Vec<String> {
    let mut messages = too_long(text, 63);
    if !is_label(text) || !text.starts_with(|first: char| first.is_ascii_lowercase()) {
        messages.push(form(
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', \
             start with an alphabetic character, and end with an alphanumeric character",
            LETTER_LABEL,
            &["my-name", "abc-123"],
        ));
    }
    messages
}

/// A label's key: an optional DNS subdomain and `/`, then a name (rules V-12, V-13).
pub(crate) fn qualified_name(text: &str) -> Vec<String> {
    let mut messages = Vec::new();
    let name = match text.split_once('/') {
        None => text,
        Some((prefix, name)) if !name.contains('/') => {
            if prefix.is_empty() {
                messages.push("prefix part must be non-empty".to_owned());
            } else {
                let found = dns_subdomain(prefix);
                messages.extend(
                    found
                        .into_iter()
                        .map(|message| format!("prefix part {message}")),
                );
            }
            name
        }
        Some(_) => {
            let shape = qualified_form("a valid label key");
            return vec![format!(
                "{shape} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            )];
        }
    };
    if name.is_empty() {
        messages.push("name part must be non-empty".to_owned());
    } else if name.len() > 63 {
        messages.push("name part must be no more than 63 characters".to_owned());
    }
    if !is_name_part(name) {
        messages.push(qualified_form("name part"));
    }
    messages
}

/// A label's value; may be empty (rules V-12, V-17).
pub(crate) fn label_value(text: &str) -> Vec<String> {
    let mut messages = too_long(text, 63);
    if !text.is_empty() && !is_name_part(text) {
        messages.push(form(
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', \
             and must start and end with an alphanumeric character",
            LABEL_VALUE,
            &["MyValue", "my_value", "12345"],
        ));
    }
    messages
}

/// The name of a port (rule V-5).
pub(crate) fn port_name(text: &str) -> Vec<String> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let mut messages = too_long(text, 15);
    if text.is_empty() || !text.bytes().all(allowed) {
        messages.push(
            "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)".to_owned(),
        );
    }
    if !text.bytes().any(|byte| byte.is_ascii_lowercase()) {
        messages.push("must contain at least one letter (a-z)".to_owned());
    }
    if text.contains("--") {
        messages.push("must not contain consecutive hyphens".to_owned());
    }
    if text.starts_with('-') || text.ends_with('-') {
        messages.push("must not begin or end with a hyphen".to_owned());
    }
    messages
}

fn too_long(text: &str, limit: usize) -> Vec<String> {
    if text.len() > limit {
        vec![format!("must be no more than {limit} characters")]
    } else {
        Vec::new()
    }
}

fn form(explanation: &str, pattern: &str, examples: &[&str]) -> String {
    let examples: Vec<String> = examples
        .iter()
        .map(|example| format!("'{example}', "))
        .collect();
    let examples = examples.join(" or ");
    format!("{explanation} (e.g. {examples}regex used for validation is '{pattern}')")
}

fn qualified_form(subject: &str) -> String {
    form(
        &format!(
            "{subject} must consist of alphanumeric characters, '-', '_' or '.', \
             and must start and end with an alphanumeric character"
        ),
        QUALIFIED,
        &["MyName", "my.name", "123-abc"],
    )
}

fn is_subdomain(text: &str) -> bool {
    text.split('.').all(is_label)
}

fn is_label(text: &str) -> bool {
    let edge = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    bounded(text, edge, |byte| edge(byte) || *byte == b'-')
}

fn is_name_part(text: &str) -> bool {
    bounded(text, u8::is_ascii_alphanumeric, |byte| {
        byte.is_ascii_alphanumeric() || b"-_.".contains(byte)
    })
}

pub(super) fn bounded(
    text: &str,
    edge: impl Fn(&u8) -> bool,
    inside: impl Fn(&u8) -> bool,
) -> bool {
    match text.as_bytes() {
        [] => false,
        [only] => edge(only),
        [first, middle @ .., last] => edge(first) && middle.iter().all(inside) && edge(last),
    }
}
