//! Feeds a watch: looks at the store whenever it changes, and sends what is new.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::connection::now;
use crate::api::{Api, Watching};
use crate::store::WatchEvent;

/// How long a watch lasts if the client does not say.
const LONGEST: u64 = 3600;
/// How often a client that understands it is told how far it has come.
const BOOKMARK: Duration = Duration::from_secs(60);

pub(super) async fn feed(api: Arc<Api>, mut watching: Box<Watching>, sender: mpsc::Sender<Bytes>) {
    let mut revisions = api.revisions();
    let seconds = watching
        .seconds
        .filter(|seconds| *seconds > 0)
        .unwrap_or(LONGEST)
        .min(LONGEST);
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut bookmark = Instant::now() + BOOKMARK;
    let mut first = true;
    loop {
        revisions.borrow_and_update();
        let next = watching.watch.next(&api.store());
        let lines = match next {
            Ok(events) if events.is_empty() => {
                tokio::select! {
                    biased;
                    () = sender.closed() => return,
                    changed = revisions.changed() => match changed {
                        Ok(()) => continue,
                        Err(_) => return,
                    },
                    () = sleep_until(end) => {
                        let _ = sender.send(last_words(&watching, first)).await;
                        return;
                    }
                    () = sleep_until(bookmark) => {
                        bookmark = Instant::now() + BOOKMARK;
                        last_words(&watching, first)
                    }
                }
            }
            Ok(events) => {
                let mut lines = Vec::new();
                for event in &events {
                    line(&watching, event, &mut first, &mut lines);
                }
                lines.into()
            }
            Err(error) => {
                let event = json!({"type": "ERROR", "object": error.to_value()});
                let _ = sender.send(format!("{event}\n").into()).await;
                return;
            }
        };
        if lines.is_empty() {
            continue;
        }
        tokio::select! {
            sent = sender.send(lines) => if sent.is_err() { return },
            () = sleep_until(end) => return,
        }
    }
}

/// A bookmark for those who understand it.
fn last_words(watching: &Watching, first: bool) -> Bytes {
    if !watching.bookmarks {
        return Bytes::new();
    }
    let (mut first, mut words) = (first, Vec::new());
    line(watching, &watching.watch.bookmark(), &mut first, &mut words);
    words.into()
}

fn line(watching: &Watching, event: &WatchEvent, first: &mut bool, out: &mut Vec<u8>) {
    let kind = (watching.kind.as_ref(), watching.version.as_str());
    let first = std::mem::take(first);
    watching.form.line(event, kind, now(), first, out);
}
