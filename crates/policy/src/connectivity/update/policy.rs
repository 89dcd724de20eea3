//! Policies.

use ringfence_model::Direction;

use super::Update;
use crate::class::ClassSet;
use crate::policies::PolicyKey;
use crate::rule::Written;

impl Update<'_> {
    /// A policy is written or gone. What it needs comes before what it no longer needs goes, so that nothing is taken
    /// apart and put together again.
    pub(super) fn policy(&mut self, key: &PolicyKey) {
        let cluster = self.world.cluster;
        let written = Written::find(cluster, key);
        let old = self.found.policies.remove(key);
        for block in written
            .map(|written| written.blocks(cluster))
            .unwrap_or_default()
        {
            if self.found.atoms.acquire(block) {
                self.split(block);
            }
        }
        if let Some(written) = written {
            self.found.add_policy(cluster, key.clone(), written);
        }
        let (old_id, mut subject) = (old.as_ref().map(|(id, _)| *id), ClassSet::new());
        if let Some((id, old)) = old {
            for direction in Direction::ALL {
                for term in old.terms.get(direction) {
                    self.found.terms.forget(*term, (id, direction));
                }
            }
            for block in old.blocks {
                if self.found.atoms.release(block) {
                    self.unite(block);
                }
            }
            subject = old.subject;
        }
        let new_id = self.found.policies.id_of(key);
        if let Some(new) = new_id {
            subject = subject.union(&self.found.policies.subject(new));
        }
        for direction in Direction::ALL {
            self.found.regroup_by(direction, &subject, old_id, new_id);
        }
    }
}
