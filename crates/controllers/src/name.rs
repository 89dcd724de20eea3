//! Generated names. Equal arguments give equal names.

use serde_json::Value;

/// What generated names end with: no vowels, so no words.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
/// Letters of a generated ending.
const ENDING: usize = 5;
/// How much of an owner's name a generated name keeps, with the hyphen.
const LONGEST_BEGINNING: usize = 58;

/// Where names come from that must differ from each other.
#[derive(Debug)]
pub(crate) struct Endings<'a> {
    seed: u64,
    owner: &'a str,
    count: u64,
}

impl<'a> Endings<'a> {
    /// For what belongs to the object with this uid.
    pub(crate) const fn new(seed: u64, owner: &'a str) -> Self {
        Self {
            seed,
            owner,
            count: 0,
        }
    }

    /// The next name that begins with `beginning` and that nobody has.
    pub(crate) fn name(&mut self, beginning: &str, taken: impl Fn(&str) -> bool) -> String {
        loop {
            let text = format!("{} {} {}", self.seed, self.owner, self.count);
            self.count += 1;
            let name = format!("{beginning}{}", ending(hash(&text)));
            if !taken(&name) {
                return name;
            }
        }
    }
}

/// What the names of an object's pods begin with.
pub(crate) fn beginning(owner: &str) -> String {
    let kept: String = owner.chars().take(LONGEST_BEGINNING - 1).collect();
    format!("{kept}-")
}

/// What tells a template from others, as Kubernetes writes it: a number of 32 bits whose digits are letters.
pub(crate) fn template_hash(template: &Value, collisions: i64) -> String {
    let mut template = template.clone();
    template.sort_all_objects();
    let hash = hash(&format!("{template} {collisions}"));
    let folded = (hash >> 32) ^ (hash & u64::from(u32::MAX));
    folded
        .to_string()
        .bytes()
        .map(|digit| letter(u64::from(digit)))
        .collect()
}

/// Sixteen hexadecimal digits for a text.
pub(crate) fn mark(text: &str) -> String {
    format!("{:016x}", hash(text))
}

fn ending(mut number: u64) -> String {
    let count = LETTERS.len() as u64;
    (0..ENDING)
        .map(|_| {
            let letter = letter(number);
            number /= count;
            letter
        })
        .collect()
}

fn letter(number: u64) -> char {
    let index = usize::try_from(number % LETTERS.len() as u64).unwrap_or_default();
    char::from(LETTERS.get(index).copied().unwrap_or(b'x'))
}

/// FNV-1a, with the bits mixed once more so that all of them depend on the last character.
fn hash(text: &str) -> u64 {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash ^ (hash >> 29))
        .wrapping_mul(0xbf58_476d_1ce4_e5b9)
        .rotate_left(31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    #[test]
    fn names_differ_and_come_again_for_the_same_seed() {
        let names = |seed| {
            let mut endings = Endings::new(seed, "u");
            (0..200)
                .map(|_| endings.name("a-", |_| false))
                .collect::<BTreeSet<_>>()
        };
        assert_eq!(names(1).len(), 200);
        assert_eq!(names(1), names(1));
        assert!(names(1).is_disjoint(&names(2)));
    }

    #[test]
    fn taken_names_are_not_given() {
        let first = Endings::new(1, "u").name("a-", |_| false);
        assert_ne!(Endings::new(1, "u").name("a-", |name| name == first), first);
    }

    #[test]
    fn a_template_s_hash_heeds_every_field_but_not_their_order() {
        let hash = |template| template_hash(&template, 0);
        assert_eq!(
            hash(json!({"a": 1, "b": {"c": 2, "d": 3}})),
            hash(json!({"b": {"d": 3, "c": 2}, "a": 1}))
        );
        assert_ne!(hash(json!({"a": 1})), hash(json!({"a": 2})));
        assert_ne!(hash(json!({"a": 1})), template_hash(&json!({"a": 1}), 1));
    }

    #[test]
    fn long_names_are_cut() {
        assert_eq!(beginning("web"), "web-");
        assert_eq!(beginning(&"x".repeat(100)).len(), 58);
    }
}
