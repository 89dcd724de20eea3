use std::collections::{BTreeMap, BTreeSet};

use super::{ChainListing, Line, Listing, Section, SetListing, Sign};
use crate::Origin;

/// What differs between two listings of one node's table, as lines that go and come. What elements have counted is not
/// compared.
#[must_use]
pub fn between(before: &Listing, after: &Listing) -> Vec<Section> {
    let (before, after) = (objects(before), objects(after));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let sections = names.into_iter().map(|name| Section {
        object: name.clone(),
        lines: lines(
            before.get(name).map_or(&[], Vec::as_slice),
            after.get(name).map_or(&[], Vec::as_slice),
        ),
    });
    sections
        .filter(|section| !section.lines.is_empty())
        .collect()
}

/// A line of an object, and the policy rules behind it.
type Written<'a> = (&'a str, &'a [Origin]);

/// Each set and chain, as nft names it, with its lines.
fn objects(listing: &Listing) -> BTreeMap<String, Vec<Written<'_>>> {
    let sets = listing.sets.iter();
    let sets = sets.map(|(name, set)| (format!("{} {name}", set.kind), of_set(set)));
    let chains = listing.chains.iter();
    let chains = chains.map(|(name, chain)| (format!("chain {name}"), of_chain(chain)));
    sets.chain(chains).collect()
}

fn of_set(set: &SetListing) -> Vec<Written<'_>> {
    let definition = set
        .definition
        .iter()
        .map(|line| (line.as_str(), [].as_slice()));
    let elements = set.elements.iter();
    definition
        .chain(elements.map(|element| (element.text.as_str(), element.causes.as_slice())))
        .collect()
}

fn of_chain(chain: &ChainListing) -> Vec<Written<'_>> {
    let base = chain.base.iter().map(String::as_str);
    let rules = chain.rules.iter().map(|rule| rule.text.as_str());
    base.chain(rules)
        .map(|text| (text, [].as_slice()))
        .collect()
}

/// What goes, then what comes. Lines that are the same but in another order all go and come.
fn lines(before: &[Written<'_>], after: &[Written<'_>]) -> Vec<Line> {
    let texts = |all: &[Written<'_>]| -> Vec<String> {
        all.iter().map(|(text, _)| (*text).to_owned()).collect()
    };
    let (old, new) = (texts(before), texts(after));
    if old == new {
        return Vec::new();
    }
    let (mut gone, mut come) = (without(before, &new), without(after, &old));
    if gone.is_empty() && come.is_empty() {
        (gone, come) = (before.to_vec(), after.to_vec());
    }
    let signed = |sign, written: Vec<Written<'_>>| -> Vec<Line> {
        let line = |(text, causes): Written<'_>| Line {
            sign,
            text: text.to_owned(),
            causes: causes.to_vec(),
        };
        written.into_iter().map(line).collect()
    };
    let mut all = signed(Sign::Removed, gone);
    all.extend(signed(Sign::Added, come));
    all
}

fn without<'a>(lines: &[Written<'a>], others: &[String]) -> Vec<Written<'a>> {
    let others: BTreeSet<&str> = others.iter().map(String::as_str).collect();
    let own = lines.iter().filter(|(text, _)| !others.contains(text));
    own.copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{ElementListing, RuleListing};

    fn listing(elements: &[&str], rules: &[&str]) -> Listing {
        let element = |text: &&str| ElementListing {
            text: (*text).to_owned(),
            ..ElementListing::default()
        };
        let rule = |text: &&str| RuleListing {
            text: (*text).to_owned(),
            sets: Vec::new(),
            chains: Vec::new(),
        };
        let set = SetListing {
            kind: "map".to_owned(),
            definition: vec!["type ipv4_addr : verdict".to_owned()],
            elements: elements.iter().map(element).collect(),
        };
        let chain = ChainListing {
            base: None,
            rules: rules.iter().map(rule).collect(),
        };
        Listing {
            sets: BTreeMap::from([("ingress4".to_owned(), set)]),
            chains: BTreeMap::from([("judge".to_owned(), chain)]),
            ..Listing::default()
        }
    }

    fn shown(before: &Listing, after: &Listing) -> Vec<String> {
        let sections = between(before, after);
        let line = |object: &str, line: &Line| match line.sign {
            Sign::Removed => format!("{object} - {}", line.text),
            Sign::Added => format!("{object} + {}", line.text),
        };
        sections
            .iter()
            .flat_map(|section| section.lines.iter().map(|it| line(&section.object, it)))
            .collect()
    }

    #[test]
    fn what_goes_and_comes_is_shown_by_object() {
        let (old, new) = (
            listing(&["a", "b"], &["drop"]),
            listing(&["b", "c"], &["drop"]),
        );
        assert_eq!(shown(&old, &new), ["map ingress4 - a", "map ingress4 + c"]);
        assert!(shown(&old, &old).is_empty());
    }

    #[test]
    fn another_order_is_a_change() {
        let (old, new) = (listing(&[], &["a", "b"]), listing(&[], &["b", "a"]));
        assert_eq!(
            shown(&old, &new),
            [
                "chain judge - a",
                "chain judge - b",
                "chain judge + b",
                "chain judge + a"
            ]
        );
    }

    #[test]
    fn an_object_that_is_gone_or_new_is_shown_whole() {
        let all = listing(&["a"], &[]);
        assert_eq!(
            shown(&Listing::default(), &all),
            [
                "map ingress4 + type ipv4_addr : verdict",
                "map ingress4 + a"
            ]
        );
        assert_eq!(
            shown(&all, &Listing::default()),
            [
                "map ingress4 - type ipv4_addr : verdict",
                "map ingress4 - a"
            ]
        );
    }
}
