//! What is newly allowed later, without another change: audit mode begins and ends by itself (rules AU-1, AU-3).

use ringfence_model::Timestamp;
use ringfence_net::ConnectionSet;

use super::{Change, Difference, Kind, PairChange, Shown};

impl Difference {
    /// Adds what `later`, the difference between the same two from `moment` on, has of more access beyond what is here
    /// already.
    pub fn add_later(&mut self, moment: Timestamp, later: Self) {
        for pair in later.pairs {
            let place = self
                .pairs
                .binary_search_by(|known| known.units().cmp(&pair.units()));
            let known = place.ok().and_then(|place| self.pairs.get_mut(place));
            let told = known.as_ref().map_or(&[][..], |known| &known.changes);
            let more = beyond(told, &pair.changes, moment);
            match (known, place) {
                (Some(known), _) => known.changes.extend(more),
                (None, _) if more.is_empty() => {}
                (None, Ok(place) | Err(place)) => self.pairs.insert(
                    place,
                    PairChange {
                        changes: more,
                        ..pair
                    },
                ),
            }
        }
    }
}

/// What `later` has of more access beyond `told`.
fn beyond(told: &[Change], later: &[Change], moment: Timestamp) -> Vec<Change> {
    let more = later.iter().filter(|change| change.kind.is_more());
    let left = more.filter_map(|change| {
        let connections = change.connections.difference(&said(told, change.kind));
        let shows = |shown: &&Shown| connections.allows(shown.query.protocol, shown.query.port);
        let (before, after) = (change.before.as_ref(), change.after.as_ref());
        (!connections.is_empty()).then(|| Change {
            before: before.filter(shows).cloned(),
            after: after.filter(shows).cloned(),
            from: Some(moment),
            connections: connections.clone(),
            ..*change
        })
    });
    left.collect()
}

/// What `told` says of connections that are as much more access as `kind` is.
fn said(told: &[Change], kind: Kind) -> ConnectionSet {
    let enough = told.iter().filter(|change| match change.kind {
        Kind::Opened => true,
        Kind::MayOpen => kind == Kind::MayOpen,
        Kind::Closed | Kind::MayClose => false,
    });
    enough.fold(ConnectionSet::none(), |all, change| {
        all.union(&change.connections)
    })
}
