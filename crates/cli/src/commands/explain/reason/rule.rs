//! Rules of NetworkPolicies that match, and those that do not.

use ringfence_model::{Direction, JudgedRule, Match, Party, RuleRef};
use ringfence_reach::matching::{self, Part, RuleMatching, Step};

use super::{Decided, Reason, Tone, few};
use crate::commands::explain::chain::name;
use crate::commands::explain::excerpt::Marked;

/// Rules that allow it and are shown: one is enough (rule NP-5).
const MOST_ALLOWING: usize = 1;
/// Rules that do not match and are shown.
const MOST_MISSED: usize = 3;
/// Fields of such a rule that are shown, unless all are: it may list the addresses of a cloud.
const MOST_MARKED: usize = 12;

/// NP-5: any of the rules is enough.
pub(super) fn allowing(decided: Decided<'_>, rules: &[RuleRef]) -> Vec<Reason> {
    let (shown, more) = few(rules, MOST_ALLOWING, decided.context.all);
    let mut found: Vec<Reason> = shown.iter().map(|rule| allowed(decided, rule)).collect();
    if let Some(last) = found.last_mut().filter(|_| more > 0) {
        let rules = if more == 1 {
            "1 more rule allows"
        } else {
            "more rules allow"
        };
        let count = if more == 1 {
            String::new()
        } else {
            format!("{more} ")
        };
        last.notes
            .push(format!("{count}{rules} it as well; --all shows them"));
    }
    found
}

fn allowed(decided: Decided<'_>, rule: &RuleRef) -> Reason {
    let title = format!("{} by {}", decided.headline(), name(rule));
    let matching = matching::of_rule(decided.context.cluster, decided.connection, rule);
    let marks = matching.map_or_else(Vec::new, |found| matches(decided, &found, true));
    let quote = rule
        .source
        .as_ref()
        .and_then(|source| decided.context.excerpts.whole(source, &marks));
    Reason::new(Tone::Allowed, title).quoting(quote)
}

/// Marks under the first peer and the first port that match.
pub(super) fn matches(decided: Decided<'_>, found: &RuleMatching, primary: bool) -> Vec<Marked> {
    let ends = decided.connection;
    let peer = match decided.decision.direction {
        Direction::Ingress => &ends.source,
        Direction::Egress => &ends.destination,
    };
    let peer = match (peer, peer.address()) {
        (Party::Pod { .. } | Party::Node { .. }, Some(address)) => {
            format!("{peer} ({address})")
        }
        _ => peer.to_string(),
    };
    let first = |parts: &[Part], below: &[Step], label: String| {
        let mut matching = parts.iter().filter(|part| part.matches == Match::Yes);
        matching.next().map(|part| Marked {
            place: [part.place.as_slice(), below].concat(),
            label: format!("matches {label}"),
            primary,
        })
    };
    let port = [Step::Field("port".to_owned())];
    let of_peer = first(&found.peers, &[], peer);
    let of_port = first(&found.ports, &port, decided.asked());
    let everything = Marked {
        place: Vec::new(),
        label: "matches everybody, on every port".to_owned(),
        primary,
    };
    let is_open = found.peers.is_empty() && found.ports.is_empty();
    let of_all = is_open.then_some(everything).into_iter();
    of_peer.into_iter().chain(of_port).chain(of_all).collect()
}

/// The rules that could have allowed it, nearest first.
pub(super) fn missed(decided: Decided<'_>, rules: &[JudgedRule]) -> Vec<Reason> {
    let mut looked: Vec<(&JudgedRule, RuleMatching)> = rules
        .iter()
        .filter_map(|judged| {
            let found =
                matching::of_rule(decided.context.cluster, decided.connection, &judged.rule)?;
            Some((judged, found))
        })
        .collect();
    looked.sort_by_key(|(_, found)| found.distance());
    let (shown, more) = few(&looked, MOST_MISSED, decided.context.all);
    let mut found: Vec<Reason> = shown
        .iter()
        .map(|(judged, found)| miss(decided, judged, found))
        .collect();
    if let Some(last) = found.last_mut().filter(|_| more > 0) {
        let rules = if more == 1 { "rule does" } else { "rules do" };
        last.notes.push(format!(
            "{more} more {rules} not match either; --all shows them"
        ));
    }
    found
}

fn miss(decided: Decided<'_>, judged: &JudgedRule, found: &RuleMatching) -> Reason {
    let what = match (judged.peer, judged.port) {
        (Match::No, Match::No) => format!("neither the {} nor the port matches", decided.peer()),
        (Match::No, Match::Yes | Match::Unknown) => {
            format!("the port matches, the {} does not", decided.peer())
        }
        (Match::Yes | Match::Unknown, _) => {
            format!("the {} matches, the port does not", decided.peer())
        }
    };
    let title = format!("{}: {what}", name(&judged.rule));
    let wrong = misses(found);
    let (shown, more) = few(&wrong, MOST_MARKED, decided.context.all);
    let mut marks = shown.to_vec();
    marks.extend(matches(decided, found, false));
    let quote = judged
        .rule
        .source
        .as_ref()
        .and_then(|source| decided.context.excerpts.whole(source, &marks));
    let mut reason = Reason::new(Tone::Missed, title).quoting(quote);
    if more > 0 {
        let fields = if more == 1 {
            "field of it does"
        } else {
            "fields of it do"
        };
        let note = format!("{more} more {fields} not match either; --all shows them");
        reason.notes.push(note);
    }
    reason
}

/// What is wrong with the parts of a list of which none matches, one thing of each part.
pub(super) fn misses(found: &RuleMatching) -> Vec<Marked> {
    let of_list = |parts: &[Part]| {
        let none = parts.iter().all(|part| part.matches != Match::Yes);
        let wrong = parts.iter().filter(move |_| none);
        wrong
            .flat_map(|part| &part.misses)
            .map(|miss| Marked {
                place: miss.place.clone(),
                label: miss.why.to_string(),
                primary: true,
            })
            .collect::<Vec<Marked>>()
    };
    [of_list(&found.peers), of_list(&found.ports)].concat()
}
