//! Keeps the cluster's DNS servers up to date.

use std::fmt::Display;
use std::io::{BufRead, BufReader, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::Receiver;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use ringfence_agent::protocol::StoreEvent;
use ringfence_dns::{Event, Zone, ZoneOptions};

use super::pods::dns_socket;
use crate::cluster::feed::Feed;
use crate::cluster::system::DNS_SERVERS;
use crate::plan::{OUTSIDE_HOST, OUTSIDE_NAME, OUTSIDE_OTHER, OUTSIDE_OTHER_NAME};

/// Pause before the server is tried again.
const RETRY: Duration = Duration::from_millis(10);

/// Up to which state of the cluster each DNS server knows it.
#[derive(Debug, Default)]
pub struct Names {
    /// Serial numbers of the zones that are served; none while a server is away.
    served: Mutex<Served>,
    changed: Condvar,
}

type Served = [Option<u32>; DNS_SERVERS.len()];

impl Names {
    /// Gives a server, one of [`DNS_SERVERS`], each state of the cluster, for ever; one that was started again gets the newest at
    /// once.
    pub fn feed_server(&self, feed: &Feed, server: usize) {
        let Some(name) = DNS_SERVERS.get(server) else {
            return;
        };
        loop {
            if let Ok(stream) = UnixStream::connect(dns_socket(name)) {
                self.follow(feed, server, &stream);
            }
            std::thread::sleep(RETRY);
        }
    }

    /// Feeds one server until it is gone.
    fn follow(&self, feed: &Feed, server: usize, stream: &UnixStream) {
        let (subscription, events) = feed.subscribe();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                if let Err(error) = send_zones(feed, events, stream) {
                    tracing::debug!("the DNS server hung up: {error}");
                }
                let _ = stream.shutdown(Shutdown::Both);
            });
            self.listen_to_server(server, stream);
            drop(subscription);
        });
        self.set_served(server, None);
    }

    fn listen_to_server(&self, server: usize, stream: &UnixStream) {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            match serde_json::from_str(&line) {
                Ok(Event::Serving(serial)) => self.set_served(server, Some(serial)),
                Ok(Event::Listening(_)) => {}
                Ok(Event::Rejected(reason)) => {
                    tracing::warn!("the DNS server refuses a zone: {reason}");
                }
                Err(error) => tracing::warn!("the DNS server says what cannot be read: {error}"),
            }
        }
    }

    fn set_served(&self, server: usize, serial: Option<u32>) {
        let mut served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(served) = served.get_mut(server) {
            *served = serial;
        }
        drop(served);
        self.changed.notify_all();
    }

    /// Waits until names are answered from the state of `revision` or a later one.
    ///
    /// # Errors
    /// If it takes longer than `limit`.
    pub fn wait_served(&self, revision: u64, limit: Duration) -> anyhow::Result<()> {
        let wanted = serial(revision);
        self.wait_while(limit, |served| {
            *served == Served::default() || are_behind(served, wanted)
        })
    }

    /// The same, unless nobody answers names: then there is nothing to wait for.
    ///
    /// # Errors
    /// As [`Names::wait_served`].
    pub fn wait_if_served(&self, revision: u64, limit: Duration) -> anyhow::Result<()> {
        let wanted = serial(revision);
        self.wait_while(limit, |served| are_behind(served, wanted))
    }

    fn wait_while(&self, limit: Duration, is_late: impl Fn(&Served) -> bool) -> anyhow::Result<()> {
        let served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        let (served, _) = self
            .changed
            .wait_timeout_while(served, limit, |served| is_late(served))
            .unwrap_or_else(PoisonError::into_inner);
        anyhow::ensure!(
            !is_late(&served),
            "the cluster's DNS does not know the change after {} s",
            limit.as_secs()
        );
        Ok(())
    }
}

/// Whether one that answers knows less.
fn are_behind(served: &Served, wanted: u32) -> bool {
    served.iter().flatten().any(|serial| *serial < wanted)
}

fn send_zones(
    feed: &Feed,
    events: Receiver<StoreEvent>,
    mut server: &UnixStream,
) -> std::io::Result<()> {
    for event in events {
        if matches!(event, StoreEvent::Synced { .. }) {
            let (cluster, revision) = feed.cluster();
            let zone = Zone::of_cluster(&cluster, &options(revision));
            let mut line = serde_json::to_vec(&zone)?;
            line.push(b'\n');
            server.write_all(&line)?;
        }
    }
    Ok(())
}

fn options(revision: u64) -> ZoneOptions {
    let extra = [
        (OUTSIDE_NAME.to_owned(), OUTSIDE_HOST.to_vec()),
        (OUTSIDE_OTHER_NAME.to_owned(), OUTSIDE_OTHER.to_vec()),
    ];
    ZoneOptions {
        serial: serial(revision),
        extra: extra.into(),
        ..ZoneOptions::default()
    }
}

/// A lab does not live for four thousand million changes.
fn serial(revision: u64) -> u32 {
    u32::try_from(revision).unwrap_or(u32::MAX)
}

/// Names side by side, for messages.
pub fn join(names: impl IntoIterator<Item = impl Display>) -> String {
    names
        .into_iter()
        .map(|name| name.to_string())
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use ringfence_agent::protocol::AgentObject;
    use ringfence_model::{Labels, Namespace};

    use super::*;

    /// Plays a DNS server: takes one zone and says that it is served.
    fn serve_one_zone(server: &UnixStream) -> Zone {
        let mut line = String::new();
        BufReader::new(server).read_line(&mut line).unwrap();
        let zone: Zone = serde_json::from_str(&line).unwrap();
        let serving = serde_json::to_string(&Event::Serving(zone.serial())).unwrap();
        writeln!(&*server, "{serving}").unwrap();
        zone
    }

    #[test]
    fn a_server_that_is_started_again_gets_the_newest_zone_though_nothing_changes() {
        let (feed, names) = (Feed::default(), Names::default());
        let namespace = Namespace::new("a", Labels::new());
        let revision = feed.change(vec![AgentObject::Namespace(namespace)], vec![]);
        for _start in 0..2 {
            let (server, ours) = UnixStream::pair().unwrap();
            std::thread::scope(|scope| {
                let following = scope.spawn(|| names.follow(&feed, 1, &ours));
                let zone = serve_one_zone(&server);
                assert_eq!(u64::from(zone.serial()), revision);
                names.wait_served(revision, RETRY * 1000).unwrap();
                drop(server);
                following.join().unwrap();
            });
            let error = names.wait_served(revision, Duration::ZERO).unwrap_err();
            assert!(error.to_string().contains("does not know the change"));
        }
    }
}
