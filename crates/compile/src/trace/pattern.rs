//! Finding the object that a text means: a name, a set and a key, or a line as nft prints it.

use serde::Serialize;

use super::{Listing, Placed, PlacedRule, Trace};

/// An object of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Found<'a> {
    /// A set or map with all its elements.
    Set {
        /// Its name.
        set: &'a str,
    },
    /// An element.
    Element(Placed<'a>),
    /// A chain with all its rules.
    Chain {
        /// Its name.
        chain: &'a str,
    },
    /// A rule.
    Rule(PlacedRule<'a>),
}

/// Words with which nft commands and listings surround an object.
const AROUND: [&str; 13] = [
    "nft", "add", "create", "insert", "delete", "get", "table", "inet", "set", "map", "chain",
    "rule", "element",
];

/// Words in an element's text behind which its key has ended.
const BEHIND_KEY: [&str; 4] = [" comment ", " counter ", " : ", " timeout "];

impl<'a> Trace<'a> {
    /// The objects that `text` means, by name or position.
    ///
    /// It may be the name of a set or chain, `SET KEY`, `SET { KEY ... }`, a key or an address alone, a rule, or a line
    /// that nft prints: with `elements = {`, comments, counters, handles, and several elements.
    #[must_use]
    pub fn find(&self, text: &str) -> Vec<Found<'a>> {
        let text = squeezed(without_handle(text));
        let rules = self.rules_like(&text);
        if !rules.is_empty() {
            return rules;
        }
        let (scope, rest) = scope(self.listing, &text);
        let rest = rest.trim_matches(|c: char| c.is_whitespace() || "{},;".contains(c));
        match (scope, rest) {
            (None, "") => Vec::new(),
            (Some(Scope::Set(set)), "") => vec![Found::Set { set }],
            (Some(Scope::Chain(chain)), "") => vec![Found::Chain { chain }],
            (Some(Scope::Chain(chain)), rest) => {
                let rules = self.rules_like(rest).into_iter();
                rules
                    .filter(|found| matches!(found, Found::Rule(rule) if rule.chain == chain))
                    .collect()
            }
            (Some(Scope::Set(set)), rest) => self.elements_like(rest, Some(set)),
            (None, rest) => self.elements_like(rest, None),
        }
    }

    fn rules_like(&self, text: &str) -> Vec<Found<'a>> {
        let text = text.trim_end_matches([' ', ';']);
        let same = self
            .listing
            .rules()
            .filter(|rule| without_counter(&rule.rule.text) == without_counter(text));
        same.map(Found::Rule).collect()
    }

    /// The elements whose keys are in `text`; where there is none, those that have it as one of their fields.
    fn elements_like(&self, text: &str, set: Option<&str>) -> Vec<Found<'a>> {
        let keys: Vec<&str> = split(text).into_iter().map(key_of).collect();
        let in_scope = |placed: &Placed<'_>| set.is_none_or(|set| set == placed.set);
        let elements = || self.listing.elements().filter(in_scope);
        let parts: Vec<String> = split(text).into_iter().map(whole).collect();
        let same = |placed: &Placed<'_>| parts.contains(&placed.element.text);
        let named = |placed: &Placed<'_>| keys.contains(&placed.element.key.as_str());
        // An address alone means whatever is about it.
        let is_field = set.is_none() && keys == [text] && !text.contains(" . ");
        if !is_field {
            let same: Vec<_> = elements().filter(same).map(Found::Element).collect();
            if !same.is_empty() {
                return same;
            }
            let named: Vec<_> = elements().filter(named).map(Found::Element).collect();
            if !named.is_empty() {
                return named;
            }
        }
        let has_field = |placed: &Placed<'_>| {
            let fields = placed.element.key.split(" . ");
            fields
                .map(|field| field.trim_matches('"'))
                .any(|field| keys.contains(&field))
        };
        elements().filter(has_field).map(Found::Element).collect()
    }
}

enum Scope<'a> {
    Set(&'a str),
    Chain(&'a str),
}

/// The set or chain that the text begins with, and what follows it.
fn scope<'a, 't>(listing: &'a Listing, text: &'t str) -> (Option<Scope<'a>>, &'t str) {
    let mut rest = text.trim_start();
    while let Some((word, after)) = next_word(rest) {
        let word = word.trim_end_matches(',');
        let is_table = listing.table.split(' ').any(|part| part == word);
        if let Some((set, _)) = listing.sets.get_key_value(word) {
            return (Some(Scope::Set(set)), without_equals(after));
        }
        if let Some((chain, _)) = listing.chains.get_key_value(word) {
            return (Some(Scope::Chain(chain)), after);
        }
        if !is_table && !AROUND.contains(&word) {
            break;
        }
        rest = after.trim_start();
    }
    (None, without_equals(rest))
}

fn next_word(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    (!text.is_empty()).then(|| text.split_once(' ').unwrap_or((text, "")))
}

/// Without `elements = {`, which begins the elements of a listed set.
fn without_equals(text: &str) -> &str {
    let text = text.trim_start();
    text.strip_prefix("elements = {").unwrap_or(text)
}

/// Without ` # handle 7`, which `nft -a` adds.
fn without_handle(text: &str) -> &str {
    text.split_once("# handle").map_or(text, |(text, _)| text)
}

/// Without `counter packets 7 bytes 420`.
fn without_counter(text: &str) -> String {
    let mut words = text.split(' ').peekable();
    let mut kept = Vec::new();
    while let Some(word) = words.next() {
        if word != "counter" {
            kept.push(word);
            continue;
        }
        for of_counter in ["packets", "bytes"] {
            if words.next_if_eq(&of_counter).is_some() {
                words.next();
            }
        }
    }
    kept.join(" ")
}

/// With one space where there are several, tabs or line ends.
fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The elements of a list, at commas outside of quotes.
fn split(text: &str) -> Vec<&str> {
    let mut quoted = false;
    let parts = text.split(|c: char| {
        quoted ^= c == '"';
        c == ',' && !quoted
    });
    parts
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect()
}

/// All of an element, as it is listed.
fn whole(element: &str) -> String {
    let element = element.trim_matches(|c: char| c.is_whitespace() || "{},;".contains(c));
    without_counter(element)
}

fn key_of(element: &str) -> &str {
    let ends = BEHIND_KEY.iter().filter_map(|word| element.find(word));
    let end = ends.min().unwrap_or(element.len());
    let key = element.get(..end).unwrap_or(element);
    key.trim_matches(|c: char| c.is_whitespace() || "{},;".contains(c))
}
