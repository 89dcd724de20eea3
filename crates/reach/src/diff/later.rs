//! What is newly allowed later, without another change: audit mode begins and ends by itself (rules AU-1, AU-3).

use std::collections::BTreeMap;
use std::sync::Arc;

use ringfence_model::Timestamp;
use ringfence_net::ConnectionSet;

use super::{Change, Difference, Kind, PairChange, Shown};

impl Difference {
    /// Adds what `later`, the difference between the same two from `moment` on, has of more access beyond what is here
    /// already.
    pub fn add_later(&mut self, moment: Timestamp, later: &Self) {
        let known = std::mem::take(&mut self.pairs);
        let mut joined = Joined {
            moment,
            known: BTreeMap::new(),
        };
        let mut earlier = known.iter().peekable();
        for pair in &later.pairs {
            while let Some(known) = earlier.next_if(|known| known.units() < pair.units()) {
                self.pairs.push(known.clone());
            }
            let same = earlier.next_if(|known| known.units() == pair.units());
            let changes = joined.of(same.map(|known| &known.changes), &pair.changes);
            self.pairs.extend((!changes.is_empty()).then(|| PairChange {
                changes,
                ..pair.clone()
            }));
        }
        self.pairs.extend(earlier.cloned());
    }
}

/// Changes of now and later together. Those that many pairs have are joined once: by their places, as they live longer.
struct Joined {
    moment: Timestamp,
    known: BTreeMap<[Option<*const Change>; 2], Arc<[Change]>>,
}

impl Joined {
    fn of(&mut self, now: Option<&Arc<[Change]>>, later: &Arc<[Change]>) -> Arc<[Change]> {
        let places = [now, Some(later)].map(|changes| changes.map(|changes| changes.as_ptr()));
        let joined = self.known.entry(places).or_insert_with(|| {
            let told = now.map_or(&[][..], |changes| changes);
            let more = beyond(told, later, self.moment);
            match now {
                Some(now) if more.is_empty() => Arc::clone(now),
                _ => told.iter().cloned().chain(more).collect(),
            }
        });
        Arc::clone(joined)
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
            shown_by: change.shown_by.clone(),
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
