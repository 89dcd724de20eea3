//! Whether two rules may match one connection. When in doubt, they may.

use ringfence_model::{PolicyPort, PortMatch};

use crate::block;
use crate::ladder::{Peer, Peers, Rule};
use crate::term::Scope;

/// Two rules of one direction, each with the pods that its policy selects.
#[derive(Debug)]
pub(crate) struct Meeting<'a> {
    pub(crate) subjects: (&'a [Scope], &'a [Scope]),
    pub(crate) rules: (&'a Rule, &'a Rule),
}

pub(crate) fn may_meet(meeting: &Meeting<'_>) -> bool {
    let (one, two) = meeting.rules;
    subjects(meeting.subjects.0, meeting.subjects.1)
        && peers(one, two)
        && ports(&one.ports, &two.ports)
}

fn subjects(one: &[Scope], two: &[Scope]) -> bool {
    one.iter()
        .any(|mine| two.iter().any(|theirs| mine.may_meet(theirs)))
}

fn peers(one: &Rule, two: &Rule) -> bool {
    match (&one.peers, &two.peers) {
        (Peers::Of(mine), Peers::Of(theirs)) => mine.iter().any(|mine| {
            let mine = (mine, one.outside);
            theirs
                .iter()
                .any(|theirs| peer(mine, (theirs, two.outside)))
        }),
        (Peers::Any, Peers::Of(some)) | (Peers::Of(some), Peers::Any) => !some.is_empty(),
        (Peers::Any, Peers::Any) => true,
    }
}

/// Pods may have any address, unless the block is known to be outside.
fn peer((one, one_outside): (&Peer, bool), (two, two_outside): (&Peer, bool)) -> bool {
    match (one, two) {
        (Peer::Pods(one), Peer::Pods(two)) => one.may_meet(two),
        (Peer::Block(one), Peer::Block(two)) => block::may_meet(one, two),
        (Peer::Pods(_), Peer::Block(_)) => !two_outside,
        (Peer::Block(_), Peer::Pods(_)) => !one_outside,
    }
}

fn ports(one: &[PolicyPort], two: &[PolicyPort]) -> bool {
    let all = one.is_empty() || two.is_empty();
    all || one
        .iter()
        .any(|mine| two.iter().any(|theirs| port(mine, theirs)))
}

fn port(one: &PolicyPort, two: &PolicyPort) -> bool {
    let numbers = match (&one.port, &two.port) {
        (PortMatch::Range(one), PortMatch::Range(two)) => {
            one.first() <= two.last() && two.first() <= one.last()
        }
        (PortMatch::Any | PortMatch::Name(_), _) | (_, PortMatch::Any | PortMatch::Name(_)) => true,
    };
    one.protocol == two.protocol && numbers
}
