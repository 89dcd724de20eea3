//! Ports that rules let in, cut where another rule begins or ends.

use std::collections::BTreeSet;

use ringfence_model::ClusterPort;
use ringfence_net::{PortRange, Protocol};

use super::{Closing, Named};
use crate::comment;

/// What the peers of a class may open, with what allows it: `rules` are those about them, beside those about everybody.
pub(super) fn permitted(
    closing: &Closing<'_>,
    rules: &BTreeSet<usize>,
) -> Vec<(Protocol, PortRange, String)> {
    let named = closing.rules.iter().enumerate();
    let own: Vec<&Named<'_>> = named
        .filter(|(position, it)| it.rule.peers.is_empty() || rules.contains(position))
        .map(|(_, it)| it)
        .collect();
    let mut found = Vec::new();
    for protocol in Protocol::ALL {
        let mut allowed: Vec<(PortRange, String)> = own
            .iter()
            .flat_map(|it| ranges(it, protocol).map(|range| (range, it.in_words())))
            .collect();
        let failsafes = closing.failsafes.iter();
        let failsafes = failsafes.filter(|(own, _)| *own == protocol);
        allowed.extend(failsafes.map(|(_, port)| (PortRange::single(*port), FAILSAFE.to_owned())));
        let pieces = pieces(&allowed);
        found.extend(
            pieces
                .into_iter()
                .map(|(range, text)| (protocol, range, text)),
        );
    }
    found
}

const FAILSAFE: &str = "failsafe port";

/// The ports of a protocol that a rule is about; port 0 is nobody's.
fn ranges(named: &Named<'_>, protocol: Protocol) -> impl Iterator<Item = PortRange> {
    let ports = &named.rule.ports;
    let listed = ports.iter().filter_map(move |port| match port {
        ClusterPort::Range(own, range) => (*own == protocol).then_some(*range),
        ClusterPort::Name(_) => None,
    });
    let any = ports.is_empty().then_some(PortRange::VALID);
    listed.chain(any)
}

/// Disjoint pieces, each with all that allow it; neighbours with the same are one.
fn pieces(allowed: &[(PortRange, String)]) -> Vec<(PortRange, String)> {
    let cuts: BTreeSet<u32> = allowed
        .iter()
        .flat_map(|(range, _)| [u32::from(range.first()), u32::from(range.last()) + 1])
        .collect();
    let mut found: Vec<(PortRange, String)> = Vec::new();
    for (first, after) in cuts.iter().zip(cuts.iter().skip(1)) {
        let (Ok(first), Ok(last)) = (u16::try_from(*first), u16::try_from(after - 1)) else {
            continue;
        };
        let by: BTreeSet<&String> = allowed
            .iter()
            .filter(|(range, _)| range.contains(first))
            .map(|(_, text)| text)
            .collect();
        let text = comment::joined(by.into_iter().cloned());
        let Ok(range) = PortRange::new(first, last) else {
            continue;
        };
        let joined = found
            .last()
            .filter(|(_, same)| *same == text)
            .and_then(|(before, _)| before.join(range));
        match (joined, found.last_mut()) {
            _ if text.is_empty() => {}
            (Some(joined), Some((before, _))) => *before = joined,
            (Some(_) | None, _) => found.push((range, text)),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_name_all_that_allow_them() {
        let range = |first, last| PortRange::new(first, last).unwrap();
        let allowed = [
            (range(10, 20), "a".to_owned()),
            (range(15, 30), "b".to_owned()),
            (range(31, 40), "b".to_owned()),
            (range(65_535, 65_535), "c".to_owned()),
        ];
        let found: Vec<String> = pieces(&allowed)
            .into_iter()
            .map(|(range, text)| format!("{range} {text}"))
            .collect();
        assert_eq!(found, ["10-14 a", "15-20 a, b", "21-40 b", "65535 c"]);
    }
}
