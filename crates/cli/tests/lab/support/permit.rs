use std::sync::{Condvar, Mutex, PoisonError};

/// How many labs may run at the same time.
const LABS: usize = 2;

static FREE: Mutex<usize> = Mutex::new(LABS);
static CHANGED: Condvar = Condvar::new();

/// The right to run a lab, given back when dropped.
#[derive(Debug)]
pub(crate) struct Permit(usize);

impl Permit {
    /// Beside other tests.
    pub(crate) fn shared() -> Self {
        Self::take(1)
    }

    /// Alone, for tests that measure time or run several labs.
    pub(crate) fn alone() -> Self {
        Self::take(LABS)
    }

    fn take(count: usize) -> Self {
        let free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = CHANGED
            .wait_while(free, |free| *free < count)
            .unwrap_or_else(PoisonError::into_inner);
        *free -= count;
        Self(count)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        *FREE.lock().unwrap_or_else(PoisonError::into_inner) += self.0;
        CHANGED.notify_all();
    }
}
