//! A cluster as it changes, for a node: the objects that its rules depend on, in the four words of a store.

mod backoff;
mod connection;
mod kind;
mod mirror;
mod translate;
mod versions;

use ringfence_model::{Holdings, Object, ObjectKey};
use tokio::sync::mpsc;

pub use backoff::Patience;
pub use kind::Listing;

use crate::access::{Access, Target};
use crate::snapshot::{ReadError, runtime};
use connection::client;
pub(crate) use kind::sources;
use kind::{Heard, watch};
use mirror::{Change, Mirror};
use translate::is_vital;
use versions::Versions;

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
    /// Which versions of the objects what was said up to `revision` is made of. Nothing of what policy sees changes with it.
    Held {
        /// That of the last [`Word::Synced`].
        revision: u64,
        /// By kind.
        holdings: Holdings,
    },
    /// Something keeps changes from being heard. What was said stays, and it is tried again.
    Trouble(Trouble),
}

/// Why something of the cluster is not heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The kind cannot be listed or watched at the moment.
    Watch {
        /// `pods`, `networkpolicies.networking.k8s.io`.
        resource: String,
        /// The causes.
        message: String,
    },
    /// The object is not understood, and rules would be wrong without it.
    Object {
        /// Which.
        key: ObjectKey,
        /// What is wrong with it.
        message: String,
    },
}

/// What is followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// All that the rules of a node depend on.
    #[default]
    Everything,
    /// The same without Services and what is behind them, where something else translates their addresses.
    WithoutServices,
}

/// How a cluster is followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FollowOptions {
    /// How the first state is asked for.
    pub listing: Listing,
    /// How long is waited after a failure.
    pub patience: Patience,
    /// What is followed.
    pub scope: Scope,
}

/// The group, empty for the core group, and the plural of each resource that is followed: an account needs the verbs `list`
/// and `watch` for them, and no others.
#[must_use]
pub fn followed(scope: Scope) -> Vec<(&'static str, &'static str)> {
    let kinds = sources(scope).into_iter();
    kinds.map(|kind| (kind.group, kind.plural)).collect()
}

/// Tells `listener` the cluster of `access` for as long as it returns true. A connection that breaks is made again; nothing
/// is taken back meanwhile. Nothing is said before every kind was heard to its end, and nothing is said to be gone while any kind
/// is being heard anew.
///
/// # Errors
/// If it is not clear which cluster is meant, or the credentials cannot be used. A server that does not answer is no error:
/// it is asked again.
pub fn follow(
    access: &Access,
    options: FollowOptions,
    listener: impl FnMut(Word) -> bool,
) -> Result<(), ReadError> {
    runtime()?.block_on(follow_on(access, options, listener))
}

async fn follow_on(
    access: &Access,
    options: FollowOptions,
    mut listener: impl FnMut(Word) -> bool,
) -> Result<(), ReadError> {
    let Target { context, config } = access.target().await?;
    let server = config.cluster_url.to_string();
    let client =
        client(config).map_err(|error| ReadError::unreachable(&context, &server, &error))?;
    let kinds = sources(options.scope);
    let (sender, mut changes) = mpsc::unbounded_channel();
    let mut watchers = tokio::task::JoinSet::new();
    for (source, kind) in kinds.iter().enumerate() {
        watchers.spawn(watch(source, kind, client.clone(), options, sender.clone()));
    }
    let mut mirror = Mirror::new(kinds.len());
    let mut versions = Versions::new(kinds.len());
    let resources: Vec<String> = kinds.iter().map(|kind| kind.resource()).collect();
    while let Some((source, heard)) = changes.recv().await {
        let resource = || resources.get(source).cloned().unwrap_or_default();
        let trouble = trouble(&heard, resource).map(Word::Trouble);
        let words = match heard {
            Heard::Change { change, version } => {
                versions.take(source, &change, &version);
                mirror.take(source, change)
            }
            Heard::Broke(_) => Vec::new(),
        };
        let held = mirror.said().and_then(|revision| {
            let holdings = versions.news(revision, &resources)?;
            Some(Word::Held { revision, holdings })
        });
        let words = trouble.into_iter().chain(words).chain(held);
        if !words.into_iter().all(&mut listener) {
            break;
        }
    }
    Ok(())
}

fn trouble(heard: &Heard, resource: impl FnOnce() -> String) -> Option<Trouble> {
    match heard {
        Heard::Broke(message) => Some(Trouble::Watch {
            resource: resource(),
            message: message.clone(),
        }),
        Heard::Change {
            change: Change::Unreadable { key, message },
            ..
        } if is_vital(key.kind) => Some(Trouble::Object {
            key: key.clone(),
            message: message.clone(),
        }),
        Heard::Change { .. } => None,
    }
}
