//! How many connections there may be, and how many of them from one address.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts connections by client.
#[derive(Debug)]
pub(super) struct Gate {
    most: usize,
    most_of_one: usize,
    inside: Mutex<BTreeMap<IpAddr, usize>>,
}

/// A connection's place; dropped with it.
#[derive(Debug)]
pub(super) struct Pass {
    gate: Arc<Gate>,
    client: IpAddr,
}

impl Gate {
    pub(super) fn new(most: usize, most_of_one: usize) -> Arc<Self> {
        let inside = Mutex::default();
        Arc::new(Self {
            most,
            most_of_one,
            inside,
        })
    }

    /// A place, if there is one.
    pub(super) fn enter(self: &Arc<Self>, client: IpAddr) -> Option<Pass> {
        let mut inside = self.lock();
        let of_one = inside.get(&client).copied().unwrap_or(0);
        if of_one >= self.most_of_one || inside.values().sum::<usize>() >= self.most {
            return None;
        }
        inside.insert(client, of_one + 1);
        let gate = Arc::clone(self);
        Some(Pass { gate, client })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<IpAddr, usize>> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut inside = self.gate.lock();
        match inside.get(&self.client) {
            Some(count) if *count > 1 => {
                let left = count - 1;
                inside.insert(self.client, left);
            }
            Some(_) | None => {
                inside.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_client_cannot_take_the_places_of_all() {
        let gate = Gate::new(3, 2);
        let [one, other, third] = [1, 2, 3].map(|last| IpAddr::from([10, 0, 0, last]));
        let first = gate.enter(one);
        let second = gate.enter(one);
        assert!(first.is_some() && second.is_some());
        assert!(gate.enter(one).is_none());
        let last = gate.enter(other);
        assert!(last.is_some());
        assert!(gate.enter(third).is_none());
        drop((first, second));
        assert!(gate.enter(third).is_some() && gate.enter(one).is_some());
        drop(last);
        assert!(gate.lock().is_empty());
    }
}
