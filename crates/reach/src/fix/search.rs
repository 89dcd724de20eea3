//! The fewest edits that make a wish true.
//!
//! Each edit is one that may clear the first obstacle that is left. Tried are one edit, then two, and so on.

use ringfence_policy::Engine;

use super::obstacle::{Obstacle, next};
use super::{Edit, Goal, Wish, allow, deny};

/// How many edits are tried together at most.
const MOST: usize = 4;

/// How many edits are tried in one round at most.
const ATTEMPTS: usize = 400;

/// Every set of edits that makes the wish true, none with more edits than another.
pub(super) fn search(engine: &Engine, wish: Wish<'_>) -> Vec<Vec<Edit>> {
    let mut search = Search {
        // Without what it knows of all pairs, which each try would bring up to date.
        engine: Engine::new(engine.cluster().clone()),
        wish,
        attempts: 0,
        edits: Vec::new(),
        found: Vec::new(),
    };
    for most in 1..=MOST {
        search.attempts = 0;
        search.within(most);
        if !search.found.is_empty() || search.attempts >= ATTEMPTS {
            break;
        }
    }
    search.found
}

struct Search<'a> {
    engine: Engine,
    wish: Wish<'a>,
    attempts: usize,
    edits: Vec<Edit>,
    found: Vec<Vec<Edit>>,
}

impl Search<'_> {
    /// Tries every way to clear what is in the way with at most `more` edits.
    fn within(&mut self, more: usize) {
        let Some(obstacles) = next(&self.engine, self.wish) else {
            if !self.edits.is_empty() {
                self.found.push(self.edits.clone());
            }
            return;
        };
        if more == 0 {
            return;
        }
        for edit in self.candidates(&obstacles) {
            self.attempts += 1;
            if self.attempts < ATTEMPTS {
                self.with(edit, more - 1);
            }
        }
    }

    fn with(&mut self, edit: Edit, more: usize) {
        let cluster = self.engine.cluster();
        let (Some(change), Some(undone)) = (edit.change(cluster), edit.undone(cluster)) else {
            return;
        };
        self.engine.apply(change);
        self.edits.push(edit);
        self.within(more);
        self.edits.pop();
        self.engine.apply(undone);
    }

    fn candidates(&self, obstacles: &[Obstacle]) -> Vec<Edit> {
        let cluster = self.engine.cluster();
        let edits = obstacles.iter().flat_map(|obstacle| match self.wish.goal {
            Goal::Allow => allow::edits(cluster, self.wish.outside, obstacle),
            Goal::Deny => deny::edits(cluster, self.wish.outside, obstacle),
        });
        edits.collect()
    }
}
