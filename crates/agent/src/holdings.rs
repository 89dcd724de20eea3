//! Which versions of the cluster's objects the kernel enforces.

use std::collections::VecDeque;

use ringfence_model::Holdings;

/// Revisions that are told and not yet enforced are this many at most. Of more the oldest is forgotten: what is in force is told
/// later then, and never too early.
const MOST: usize = 64;

/// What each revision is made of, from the one that is enforced on.
#[derive(Debug, Default)]
pub(crate) struct Inventory {
    in_force: Holdings,
    told: VecDeque<(u64, Holdings)>,
}

impl Inventory {
    /// Takes note of what `revision` is made of, and of the revision that is `enforced`.
    pub(crate) fn tell(&mut self, revision: u64, holdings: Holdings, enforced: Option<u64>) {
        self.told.retain(|(other, _)| *other != revision);
        self.told.push_back((revision, holdings));
        if self.told.len() > MOST {
            self.told.pop_front();
        }
        self.in_force(enforced);
    }

    /// What `enforced` is made of.
    pub(crate) fn in_force(&mut self, enforced: Option<u64>) -> &Holdings {
        let is_reached = |told: &mut (u64, Holdings)| Some(told.0) <= enforced;
        while let Some((_, holdings)) = self.told.pop_front_if(is_reached) {
            self.in_force = holdings;
        }
        &self.in_force
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ringfence_model::Mark;

    use super::*;

    fn holdings(version: &str) -> Holdings {
        let held = [Mark::of("", "a", version)].into_iter().collect();
        BTreeMap::from([("namespaces".to_owned(), held)])
    }

    #[test]
    fn what_is_in_force_is_what_the_enforced_revision_is_made_of() {
        let mut inventory = Inventory::default();
        inventory.tell(1, holdings("10"), None);
        assert_eq!(*inventory.in_force(None), Holdings::new());
        assert_eq!(*inventory.in_force(Some(1)), holdings("10"));
        inventory.tell(2, holdings("11"), Some(1));
        inventory.tell(2, holdings("12"), Some(1));
        inventory.tell(3, holdings("13"), Some(1));
        assert_eq!(*inventory.in_force(Some(1)), holdings("10"));
        assert_eq!(*inventory.in_force(Some(2)), holdings("12"));
        assert_eq!(*inventory.in_force(Some(3)), holdings("13"));
    }

    #[test]
    fn a_node_that_enforces_nothing_new_is_never_ahead() {
        let mut inventory = Inventory::default();
        for revision in 1..200 {
            inventory.tell(revision, holdings(&revision.to_string()), None);
        }
        assert!(inventory.told.len() <= MOST);
        assert_eq!(*inventory.in_force(Some(7)), Holdings::new());
        assert_eq!(*inventory.in_force(Some(199)), holdings("199"));
    }
}
