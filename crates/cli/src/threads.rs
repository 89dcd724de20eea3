//! The threads that pure crates are lent, as many as there are processors.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use ringfence_model::Workers;

/// Each takes the next piece of work when it is done with one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Threads;

impl Workers for Threads {
    fn work(&self, count: usize, piece: &(dyn Fn(usize) + Sync)) {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let next = AtomicUsize::new(0);
        let work = || {
            let taken = || next.fetch_add(1, Ordering::Relaxed);
            std::iter::repeat_with(taken)
                .take_while(|number| *number < count)
                .for_each(piece);
        };
        thread::scope(|scope| {
            // This thread works, too. A panic in another one goes on here.
            for _ in 1..processors.min(count) {
                scope.spawn(work);
            }
            work();
        });
    }
}

#[cfg(test)]
mod tests {
    use ringfence_model::map_with;

    use super::*;

    #[test]
    fn every_piece_is_done_once() {
        let items: Vec<usize> = (0..1_000).collect();
        let doubled = map_with(&Threads, &items, |item| 2 * item);
        assert!(
            doubled
                .iter()
                .enumerate()
                .all(|(index, made)| *made == 2 * index)
        );
        assert_eq!(doubled.len(), 1_000);
        Threads.work(0, &|_| panic!("there is nothing to do"));
    }
}
