//! Values of which many are alike, each kept once.

use std::collections::BTreeSet;
use std::sync::Arc;

/// The distinct values that somebody holds.
#[derive(Debug)]
pub(crate) struct Shared<T: ?Sized>(BTreeSet<Arc<T>>);

impl<T: ?Sized> Default for Shared<T> {
    fn default() -> Self {
        Self(BTreeSet::new())
    }
}

impl<T: Ord + ?Sized> Shared<T> {
    /// `value`, as all others hold it that are equal.
    pub(crate) fn of(&mut self, value: &T) -> Arc<T>
    where
        T: ToOwned<Owned: Into<Arc<T>>>,
    {
        if let Some(known) = self.0.get(value) {
            return Arc::clone(known);
        }
        let new: Arc<T> = value.to_owned().into();
        self.0.insert(Arc::clone(&new));
        new
    }

    /// Forgets it, if the caller was the last to hold it beside this.
    pub(crate) fn let_go(&mut self, value: Arc<T>) {
        const THE_CALLER_AND_THIS: usize = 2;
        if Arc::strong_count(&value) == THE_CALLER_AND_THIS {
            self.0.remove(&value);
        }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_are_one_and_go_with_their_last_holder() {
        let mut shared = Shared::<String>::default();
        let (first, second) = (shared.of(&"a".to_owned()), shared.of(&"a".to_owned()));
        let other = shared.of(&"b".to_owned());
        assert!(Arc::ptr_eq(&first, &second));
        shared.let_go(first);
        assert_eq!(shared.len(), 2);
        shared.let_go(second);
        assert_eq!(shared.len(), 1);
        shared.let_go(other);
        assert_eq!(shared.len(), 0);
    }
}
