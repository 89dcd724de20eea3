//! A cluster as it changes, for a node: the objects that its rules depend on, in the four words of a store.

mod backoff;
mod kind;
mod mirror;
mod translate;

use kube::Client;
use ringfence_model::{Object, ObjectKey};
use tokio::sync::mpsc;

pub use backoff::Patience;
pub use kind::Listing;

use crate::access::{Access, Target};
use crate::snapshot::ReadError;
use kind::{SOURCES, watch};
use mirror::Mirror;

/// What is said of the cluster. [`Word::Reset`] comes first and once, then everything that there is, then [`Word::Synced`];
/// from then on each change as it happens, and `Synced` again whenever all that was heard has been said. EndpointSlices are
/// in the Services that they belong to. Of pods there is what policy sees, and nothing of what runs in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// Everything is said anew.
    Reset,
    /// The object exists and looks like this.
    Apply(Box<Object>),
    /// The object is gone.
    Delete(ObjectKey),
    /// Everything up to `revision` has been said.
    Synced {
        /// A number of our own, which grows.
        revision: u64,
    },
}

/// How a cluster is followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FollowOptions {
    /// How the first state is asked for.
    pub listing: Listing,
    /// How long is waited after a failure.
    pub patience: Patience,
}

/// Tells `listener` the cluster of `access` for as long as it returns true. A connection that breaks is made again; nothing
/// is taken back meanwhile. Nothing is said before every kind was heard to its end, and nothing is said to be gone while any kind
/// is being heard anew.
///
/// # Errors
/// If it is not clear which cluster is meant, or the credentials cannot be used. A server that does not answer is no error:
/// it is asked again.
pub async fn follow(
    access: &Access,
    options: FollowOptions,
    mut listener: impl FnMut(Word) -> bool,
) -> Result<(), ReadError> {
    let Target {
        context,
        mut config,
    } = access.target().await?;
    // A watch is silent for as long as nothing happens; the watcher itself notices a dead connection.
    config.read_timeout = None;
    let server = config.cluster_url.to_string();
    let client = Client::try_from(config)
        .map_err(|error| ReadError::unreachable(&context, &server, &error))?;
    let (sender, mut changes) = mpsc::unbounded_channel();
    let mut watchers = tokio::task::JoinSet::new();
    for (source, kind) in SOURCES.iter().enumerate() {
        watchers.spawn(watch(source, kind, client.clone(), options, sender.clone()));
    }
    let mut mirror = Mirror::new(SOURCES.len());
    while let Some((source, change)) = changes.recv().await {
        if !mirror.take(source, change).into_iter().all(&mut listener) {
            break;
        }
    }
    Ok(())
}
