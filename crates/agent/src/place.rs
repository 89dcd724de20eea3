//! How many connections may be open at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// One of the connections that may be open.
pub(crate) struct Place(Arc<AtomicUsize>);

impl Place {
    /// One of `most`, of which `open` are taken; `None` if all are.
    pub(crate) fn take(open: &Arc<AtomicUsize>, most: usize) -> Option<Self> {
        let place = Self(Arc::clone(open));
        (open.fetch_add(1, Ordering::Relaxed) < most).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
