//! What a change touches, and nothing else.

mod addresses;
mod objects;
mod policy;

use std::collections::BTreeSet;

use ringfence_model::Direction;

use super::{Connectivity, World};
use crate::change::Touched;
use crate::class::ClassId;
use crate::policies::PolicyId;
use crate::term::TermId;

/// A change that gives so many classes other members is not followed up: making everything anew is cheaper.
const TOO_MANY: usize = 256;

/// A change on its way through classes, terms, policies and groups.
#[derive(Debug)]
struct Update<'a> {
    found: &'a mut Connectivity,
    /// The objects after the change.
    world: World<'a>,
    /// The terms whose answers changed.
    stale: BTreeSet<TermId>,
    /// The classes that came or went.
    count: usize,
}

impl Connectivity {
    /// Follows a change that `world` has seen already. False if it touches so much that everything is to be made anew.
    pub(crate) fn update(&mut self, world: World<'_>, touched: &Touched) -> bool {
        // What closes a node depends on its labels.
        if matches!(touched, Touched::Node(..)) && !world.cluster.host_firewalls.is_empty() {
            return false;
        }
        let limit = TOO_MANY.max(self.classes.bound() / 4);
        let mut update = Update {
            found: self,
            world,
            stale: BTreeSet::new(),
            count: 0,
        };
        match touched {
            Touched::Pod(name, old) => update.pod(name, old.as_ref()),
            Touched::Namespace(name) => update.namespace(name),
            Touched::Node(name, old) => update.node(name, old.as_ref()),
            Touched::Service(addresses) => update.examples(addresses),
            Touched::Policy(key) => update.policy(key),
        }
        update.reopen_groups();
        update.count < limit
    }
}

impl Update<'_> {
    /// A class is new, or something about it is.
    fn admit(&mut self, class: ClassId) {
        let found = &mut *self.found;
        let changed = found.terms.admit(class, &found.classes, self.world.cluster);
        self.stale.extend(changed);
        found.policies.select(class, &found.classes);
        found.regroup(class);
        self.count += 1;
    }

    /// A class goes, at least for a while.
    fn dismiss(&mut self, class: ClassId) {
        let found = &mut *self.found;
        let entry = found.classes.entry(class);
        self.stale.extend(found.terms.dismiss(class, entry));
        found.policies.deselect(class, entry);
        for direction in Direction::ALL {
            found.groups.get_mut(direction).detach(class);
        }
        self.count += 1;
    }

    /// A class goes for good.
    fn destroy(&mut self, class: ClassId) {
        self.dismiss(class);
        self.found.classes.free(class);
    }

    /// What was judged by terms with other answers now is judged anew.
    fn reopen_groups(&mut self) {
        let found = &mut *self.found;
        let stale = self.stale.iter().flat_map(|term| found.terms.askers(*term));
        let askers: BTreeSet<(PolicyId, Direction)> = stale.collect();
        for (policy, direction) in askers {
            for class in found.policies.subject(policy).iter() {
                found.groups.get_mut(direction).reopen(class);
            }
        }
    }
}
