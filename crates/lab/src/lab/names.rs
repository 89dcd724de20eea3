//! Keeps the cluster's DNS server up to date.

use std::fmt::Display;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use ringfence_agent::protocol::StoreEvent;
use ringfence_dns::{Event, Zone, ZoneOptions};

use super::pods::DNS_SOCKET;
use crate::cluster::feed::Feed;
use crate::plan::{OUTSIDE_HOST, OUTSIDE_NAME};

/// Pause before the server is tried again.
const RETRY: Duration = Duration::from_millis(10);

/// Up to which revision the DNS server knows the cluster.
#[derive(Debug, Default)]
pub struct Names {
    served: Mutex<u64>,
    changed: Condvar,
}

impl Names {
    /// Gives the server each state of the cluster, for ever; after a restart of the server the newest.
    pub fn feed_server(&self, feed: &Feed) {
        let mut server = None;
        for event in feed.subscribe() {
            if matches!(event, StoreEvent::Synced { .. }) {
                let (cluster, revision) = feed.cluster();
                let zone = Zone::of_cluster(&cluster, &options(revision));
                while !send_zone(&zone, &mut server) {
                    server = None;
                    std::thread::sleep(RETRY);
                }
                *self.served.lock().unwrap_or_else(PoisonError::into_inner) = revision;
                self.changed.notify_all();
            }
        }
    }

    /// Waits until names are answered from the state of `revision` or a later one.
    ///
    /// # Errors
    /// If it takes longer than `limit`.
    pub fn wait_served(&self, revision: u64, limit: Duration) -> anyhow::Result<()> {
        let served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        let (served, _) = self
            .changed
            .wait_timeout_while(served, limit, |served| *served < revision)
            .unwrap_or_else(PoisonError::into_inner);
        anyhow::ensure!(
            *served >= revision,
            "the cluster's DNS does not know the change after {} s",
            limit.as_secs()
        );
        Ok(())
    }
}

/// Sends the zone and waits until it is served; `false` if the server is not there.
fn send_zone(zone: &Zone, server: &mut Option<BufReader<UnixStream>>) -> bool {
    let Ok(line) = serde_json::to_string(zone) else {
        return true;
    };
    let stream = match server {
        Some(stream) => stream,
        None => match UnixStream::connect(DNS_SOCKET) {
            Ok(stream) => server.insert(BufReader::new(stream)),
            Err(_) => return false,
        },
    };
    writeln!(stream.get_mut(), "{line}").is_ok() && wait_for_serving(stream)
}

fn wait_for_serving(stream: &mut BufReader<UnixStream>) -> bool {
    let mut line = String::new();
    while stream.read_line(&mut line).is_ok_and(|count| count > 0) {
        match serde_json::from_str(&line) {
            Ok(Event::Listening(_)) => line.clear(),
            Ok(Event::Serving(_)) => return true,
            Ok(Event::Rejected(_)) | Err(_) => return false,
        }
    }
    false
}

fn options(revision: u64) -> ZoneOptions {
    let extra = [(OUTSIDE_NAME.to_owned(), OUTSIDE_HOST.to_vec())].into();
    ZoneOptions {
        serial: u32::try_from(revision % u64::from(u32::MAX)).unwrap_or_default(),
        extra,
        ..ZoneOptions::default()
    }
}

/// Names side by side, for messages.
pub fn join(names: impl IntoIterator<Item = impl Display>) -> String {
    names
        .into_iter()
        .map(|name| name.to_string())
        .collect::<Vec<_>>()
        .join(", ")
}
