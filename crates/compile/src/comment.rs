//! Comments of elements: which object each comes from, as an operator reads it in `nft list`.

use std::collections::BTreeSet;
use std::fmt::Display;

use ringfence_model::{IpBlock, ObjectName};
use ringfence_ruleset::COMMENT_LIMIT;

use crate::Origin;

const CUT: &str = "...";

/// As many parts fill any comment; more are not looked at.
const PARTS: usize = 64;

/// An object's name.
pub(crate) fn of(name: impl Display) -> String {
    cut(name.to_string())
}

/// A rule: `netpol-demo/web-allow-frontend ingress[0]`.
pub(crate) fn origin(origin: &Origin) -> String {
    match origin.rule {
        Some(index) => format!("{} {}[{index}]", origin.policy, origin.direction),
        None => origin.policy.to_string(),
    }
}

/// A Service's port: `netpol-demo/web-app:80`.
pub(crate) fn service(name: &ObjectName, port: u16) -> String {
    cut(format!("{name}:{port}"))
}

/// An endpoint that is listed for a Service: `endpoint of default/kubernetes`.
pub(crate) fn endpoint(service: &ObjectName) -> String {
    cut(format!("endpoint of {service}"))
}

/// A block and its holes, these in the order of their texts.
pub(crate) fn block(block: &IpBlock) -> String {
    if block.except.is_empty() {
        return block.cidr.to_string();
    }
    let holes: BTreeSet<String> = block.except.iter().map(ToString::to_string).collect();
    let holes: Vec<String> = holes.into_iter().take(PARTS).collect();
    format!("{} except {}", block.cidr, holes.join(" "))
}

pub(crate) fn joined(parts: impl Iterator<Item = String>) -> String {
    let parts: Vec<String> = parts.take(PARTS).collect();
    cut(parts.join(", "))
}

/// The text in at most [`COMMENT_LIMIT`] bytes, without what cannot stand between double quotes.
fn cut(text: String) -> String {
    let is_plain = |c: char| c != '"' && !c.is_control();
    let text = match text.chars().all(is_plain) {
        true => text,
        false => text.chars().filter(|c| is_plain(*c)).collect(),
    };
    if text.len() <= COMMENT_LIMIT {
        return text;
    }
    let room = COMMENT_LIMIT.saturating_sub(CUT.len());
    let mut kept = String::with_capacity(COMMENT_LIMIT);
    for c in text.chars() {
        if kept.len().saturating_add(c.len_utf8()) > room {
            break;
        }
        kept.push(c);
    }
    kept.push_str(CUT);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_comments_are_cut_at_a_character() {
        let name = "ä".repeat(100);
        let comment = of(&name);
        assert!(comment.ends_with("ä..."));
        assert_eq!(comment.len(), 127);
    }

    #[test]
    fn comments_that_fit_stay_whole() {
        let name = "a".repeat(127);
        assert_eq!(of(&name), name);
        assert_eq!(of("a\"b\nc"), "abc");
    }
}
