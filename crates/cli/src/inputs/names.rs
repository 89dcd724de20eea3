//! The forms of names (rules V-1, V-2, V-5, OB-15), for texts that no manifest holds.

use anyhow::ensure;

const LONGEST_LABEL: usize = 63;
const LONGEST_SUBDOMAIN: usize = 253;
const LONGEST_PORT_NAME: usize = 15;

/// Checks `text` as the name of a namespace or Service; `of` says which.
pub(crate) fn check_label(of: &str, text: &str) -> anyhow::Result<()> {
    ensure!(
        is_label(text) && text.len() <= LONGEST_LABEL,
        "`{text}` cannot be the name of a {of}: that is at most {LONGEST_LABEL} of a-z, 0-9 and -, with a letter or digit at both ends"
    );
    Ok(())
}

/// Checks `text` as the name of a pod, node or workload; `of` says which.
pub(super) fn check_subdomain(of: &str, text: &str) -> anyhow::Result<()> {
    ensure!(
        text.split('.').all(is_label) && text.len() <= LONGEST_SUBDOMAIN,
        "`{text}` cannot be the name of a {of}: that is at most {LONGEST_SUBDOMAIN} of a-z, 0-9, - and ., with a letter or digit at both ends"
    );
    Ok(())
}

/// Whether `text` can be the name of a port (rule V-5).
pub(super) fn is_port_name(text: &str) -> bool {
    is_label(text)
        && text.len() <= LONGEST_PORT_NAME
        && !text.contains("--")
        && text.bytes().any(|byte| byte.is_ascii_lowercase())
}

fn is_label(text: &str) -> bool {
    let at_end = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.bytes().all(|byte| at_end(byte) || byte == b'-')
        && text.bytes().next().is_some_and(at_end)
        && text.bytes().next_back().is_some_and(at_end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_forms_of_the_api_server() {
        for good in ["a", "0", "web-1", &"a".repeat(63)] {
            assert!(check_label("namespace", good).is_ok(), "{good}");
            assert!(check_subdomain("pod", good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a_b", "ü", &"a".repeat(64)] {
            assert!(check_label("namespace", bad).is_err(), "{bad}");
        }
        assert!(check_label("namespace", "a.b").is_err());
        assert!(check_subdomain("pod", "a.b").is_ok());
        assert!(check_subdomain("pod", "a..b").is_err());
        assert!(check_subdomain("pod", &"a.".repeat(200)).is_err());
    }

    #[test]
    fn port_names_have_a_letter_and_no_two_dashes() {
        for good in ["http", "h2c", "8080-alt", "a23456789012345"] {
            assert!(is_port_name(good), "{good}");
        }
        for bad in ["", "80", "a--b", "-a", "a-", "HTTP", "a234567890123456"] {
            assert!(!is_port_name(bad), "{bad}");
        }
    }
}
