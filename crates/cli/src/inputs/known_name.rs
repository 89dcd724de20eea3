//! `--resolve`: what is known of names outside of the cluster.

use std::net::IpAddr;
use std::str::FromStr;

use anyhow::{Context as _, bail, ensure};
use ringfence_model::DomainAddresses;

/// A name and its addresses (rule AM-19).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KnownName {
    /// Lower case, without the final dot.
    name: String,
    addresses: Vec<IpAddr>,
}

impl FromStr for KnownName {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (name, addresses) = text
            .split_once('=')
            .context("NAME=ADDRESS is expected, such as example.com=203.0.113.7,2001:db8::7")?;
        let addresses: anyhow::Result<Vec<IpAddr>> = addresses.split(',').map(address).collect();
        Ok(Self {
            name: domain_name(name)?,
            addresses: addresses?,
        })
    }
}

fn address(text: &str) -> anyhow::Result<IpAddr> {
    let address = text.trim().parse::<IpAddr>();
    address.with_context(|| format!("`{text}` is no IP address"))
}

/// RFC 1123, section 2.1, and RFC 1035, section 2.3.4: labels of at most 63 letters, digits and hyphens, 253 signs in all.
fn domain_name(text: &str) -> anyhow::Result<String> {
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    if name.starts_with("*.") {
        bail!("`{text}` stands for many names; give the addresses of each by itself");
    }
    let sound = name.len() <= 253 && name.split('.').all(is_label);
    ensure!(sound, "`{text}` is no domain name");
    Ok(name)
}

fn is_label(label: &str) -> bool {
    let hyphenated = label.starts_with('-') || label.ends_with('-');
    let letters = label
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    (1..=63).contains(&label.len()) && !hyphenated && letters
}

/// What `names` say together.
pub(super) fn domain_addresses(names: &[KnownName]) -> DomainAddresses {
    let mut known = DomainAddresses::new();
    for name in names {
        let addresses = known.entry(name.name.clone()).or_default();
        addresses.extend(&name.addresses);
        addresses.sort_unstable();
        addresses.dedup();
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_address_or_several() {
        let read = |text: &str| text.parse::<KnownName>().unwrap();
        let names = [
            read("Example.com.=203.0.113.7"),
            read("example.com=2001:db8::7, 203.0.113.7"),
            read("api.example.com=203.0.113.8"),
        ];
        let known = domain_addresses(&names);
        let shown: Vec<String> = known.iter().map(|entry| format!("{entry:?}")).collect();
        assert_eq!(
            shown,
            [
                r#"("api.example.com", [203.0.113.8])"#,
                r#"("example.com", [203.0.113.7, 2001:db8::7])"#
            ]
        );
    }

    #[test]
    fn what_is_no_name_or_address_is_refused() {
        let refusal = |text: &str| text.parse::<KnownName>().unwrap_err().to_string();
        assert!(refusal("example.com").starts_with("NAME=ADDRESS is expected"));
        assert_eq!(refusal("example.com="), "`` is no IP address");
        assert_eq!(refusal("a=10.0.0.0/8"), "`10.0.0.0/8` is no IP address");
        assert!(refusal("*.a.com=10.0.0.1").contains("stands for many names"));
        let long = "a".repeat(64);
        for name in ["", ".", "a..b", "-a.com", "a b", long.as_str()] {
            let said = refusal(&format!("{name}=10.0.0.1"));
            assert_eq!(said, format!("`{name}` is no domain name"));
        }
    }
}
