//! Names outside the cluster: remembered, or asked for once however many want to know.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::OnceCell;

use super::Upstream;
use crate::cache::{Cache, Found, Key};
use crate::metrics::{Metrics, Source};

pub(super) struct Outside {
    upstream: Upstream,
    cache: Mutex<Cache>,
    /// Questions that somebody is asking right now. Who wants to know the same waits for that answer: a forged
    /// answer has one chance and not one for each question, and a question that comes back to us by a loop of
    /// forwarders ends here.
    flights: Mutex<BTreeMap<Key, Flight>>,
    metrics: Arc<Metrics>,
}

type Flight = Arc<OnceCell<Arc<Found>>>;

impl Outside {
    pub(super) fn new(upstream: Upstream, metrics: Arc<Metrics>) -> Self {
        Self {
            upstream,
            cache: Mutex::default(),
            flights: Mutex::default(),
            metrics,
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.upstream.is_empty()
    }

    pub(super) async fn find(&self, key: &Key) -> Found {
        if let Some(found) = lock(&self.cache).get(key, Instant::now()) {
            self.metrics.looked_up(Source::Cache);
            return found;
        }
        self.metrics.looked_up(Source::Upstream);
        let flight = Arc::clone(lock(&self.flights).entry(key.clone()).or_default());
        let found = flight.get_or_init(|| self.ask(key)).await;
        Found::clone(found)
    }

    async fn ask(&self, key: &Key) -> Arc<Found> {
        let found = Arc::new(self.upstream.ask(key, &self.metrics).await);
        let mut cache = lock(&self.cache);
        cache.insert(key, Arc::clone(&found), Instant::now());
        self.metrics
            .cached
            .set(i64::try_from(cache.len()).unwrap_or(i64::MAX));
        lock(&self.flights).remove(key);
        found
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
