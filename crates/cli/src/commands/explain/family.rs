//! Ends that meet under addresses of both families: which of the two a connection is of.

use ringfence_model::Party;
use ringfence_net::Family;

use super::judge::Group;
use super::story::Story;

/// ` over IPv6`, where the same ends also meet under addresses of the other family.
pub(super) fn over(story: &Story<'_>, group: &Group) -> String {
    let ends = group.ends();
    let own = spoken(ends);
    let groups = story.chapters.iter().map(|chapter| &chapter.group);
    let mut all = groups.flat_map(|group| group.everybody());
    let is_twin = |twin: (&Party, &Party)| {
        same_names(ends, twin) && spoken(twin).is_some_and(|family| Some(family) != own)
    };
    match own.filter(|_| all.any(is_twin)) {
        Some(family) => over_family(family),
        None => String::new(),
    }
}

/// `over IPv6`, if that is all in which the ends differ from those of `group`.
pub(super) fn instead_of(group: &Group, other: (&Party, &Party)) -> Option<String> {
    let family = spoken(other).filter(|_| same_names(group.ends(), other))?;
    Some(over_family(family).trim_start().to_owned())
}

fn over_family(family: Family) -> String {
    match family {
        Family::V4 => " over IPv4".to_owned(),
        Family::V6 => " over IPv6".to_owned(),
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
