//! Ends that meet under several addresses: of which family a connection is, or which address of a node it is about.

use ringfence_model::Party;
use ringfence_net::Family;

use super::judge::Group;
use super::story::Story;

/// ` over IPv6`, where the same ends also meet under addresses of the other family; ` at 198.51.100.1`, where they do
/// under another address of this family.
pub(super) fn over(story: &Story<'_>, group: &Group) -> String {
    let ends = group.ends();
    let groups = story.chapters.iter().map(|chapter| &chapter.group);
    let twins = groups.flat_map(|group| group.everybody());
    let differences = twins.filter_map(|twin| difference(twin, ends));
    // An address says more than a family.
    let found = differences.max_by_key(|found| matches!(found, Difference::Address(_)));
    found.map_or_else(String::new, |found| format!(" {found}"))
}

/// `over IPv6` or `at 198.51.100.1`, if that is all in which the ends differ from those of `group`.
pub(super) fn instead_of(group: &Group, other: (&Party, &Party)) -> Option<String> {
    difference(group.ends(), other).map(|found| found.to_string())
}

/// In what ends of the same names differ, as told of the second.
enum Difference {
    Family(Family),
    Address(String),
}

fn difference(one: (&Party, &Party), two: (&Party, &Party)) -> Option<Difference> {
    let family = spoken(two).filter(|_| same_names(one, two))?;
    if spoken(one) != Some(family) {
        return Some(Difference::Family(family));
    }
    let (from, to) = (two.0.address(), two.1.address());
    if one.1.address() != to {
        return Some(Difference::Address(format!("at {}", to?)));
    }
    (one.0.address() != from).then_some(Difference::Address(format!("from {}", from?)))
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Family(Family::V4) => write!(f, "over IPv4"),
            Self::Family(Family::V6) => write!(f, "over IPv6"),
            Self::Address(address) => write!(f, "{address}"),
        }
    }
}

/// The family of the connection, if an end has an address.
fn spoken((source, destination): (&Party, &Party)) -> Option<Family> {
    let known = destination.address().or_else(|| source.address());
    known.map(|address| Family::of(address.to_canonical()))
}

fn same_names(one: (&Party, &Party), two: (&Party, &Party)) -> bool {
    let names =
        |(source, destination): (&Party, &Party)| (source.to_string(), destination.to_string());
    names(one) == names(two)
}
