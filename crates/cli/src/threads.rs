//! The threads that pure crates are lent, as many as there are processors.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use ringfence_model::{Workers, map_with};

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

/// Items that are taken at once where each takes little.
const LOT: usize = 256;

/// What `make` makes of each of `items`, in their order, where each takes little: few of them stay on this thread.
pub(crate) fn map_in_lots<'i, T: Sync, R: Send + Sync>(
    items: &'i [T],
    make: impl Fn(&'i T) -> R + Sync,
) -> Vec<R> {
    let made = map_lots(items, |lot| lot.iter().map(&make).collect::<Vec<R>>());
    made.into_iter().flatten().collect()
}

/// What `make` makes of each lot of `items`, in their order.
pub(crate) fn map_lots<'i, T: Sync, R: Send + Sync>(
    items: &'i [T],
    make: impl Fn(&'i [T]) -> R + Sync,
) -> Vec<R> {
    let lots: Vec<&[T]> = items.chunks(LOT).collect();
    map_with(&Threads, &lots, |lot| make(lot))
}

/// What `one` and `other` give, which need nothing of each other.
pub(crate) fn both<A: Send, B>(
    one: impl FnOnce() -> A + Send,
    other: impl FnOnce() -> B,
) -> (A, B) {
    thread::scope(|scope| {
        let one = scope.spawn(one);
        let other = other();
        let one = one.join();
        (
            one.unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            other,
        )
    })
}

#[cfg(test)]
mod tests {
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
        assert_eq!(map_in_lots(&items, |item| 2 * item), doubled);
        Threads.work(0, &|_| panic!("there is nothing to do"));
    }
}
