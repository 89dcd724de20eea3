//! One kind, watched for as long as somebody listens.

use std::error::Error as _;

use futures_util::TryStreamExt as _;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client};
use ringfence_model::ObjectKind;
use tokio::sync::mpsc::UnboundedSender;

use super::backoff::Backoff;
use super::mirror::Change;
use super::translate::{key, object};
use super::{FollowOptions, Scope};
use crate::kinds::{KINDS, Kind};

/// How many of [`KINDS`] the rules of a node depend on: those before what makes pods.
const FOLLOWED: usize = 10;

/// What is followed, in the order of [`KINDS`].
pub(crate) fn sources(scope: Scope) -> Vec<&'static Kind> {
    let followed = KINDS.iter().take(FOLLOWED);
    let wanted = followed.filter(|kind| match scope {
        Scope::Everything => true,
        Scope::WithoutServices => !is_of_services(kind.object),
    });
    wanted.collect()
}

fn is_of_services(kind: ObjectKind) -> bool {
    [ObjectKind::Service, ObjectKind::EndpointSlice].contains(&kind)
}

/// How a state is asked for that changes are told from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Listing {
    /// A list in pages, then a watch: what every cluster knows.
    #[default]
    Pages,
    /// A watch that begins with everything there is, which spares large clusters work.
    Stream,
}

type Sender = UnboundedSender<(usize, Heard)>;

/// What a watch has to say.
#[derive(Debug)]
pub(super) enum Heard {
    Change {
        change: Change,
        /// Of the object, if it is about one.
        version: String,
    },
    /// It broke, or could not begin; why.
    Broke(String),
}

impl Heard {
    const fn change(change: Change) -> Self {
        Self::Change {
            change,
            version: String::new(),
        }
    }
}

/// Why a watch in one version is over.
enum End {
    NotServed,
    NobodyListens,
}

/// Watches `kind`, the `source`th, in the version that the cluster has.
pub(super) async fn watch(
    source: usize,
    kind: &'static Kind,
    client: Client,
    options: FollowOptions,
    changes: Sender,
) {
    let mut backoff = Backoff::new(options.patience);
    let tell = |heard| changes.send((source, heard)).is_ok();
    loop {
        for version in kind.versions {
            let api = api(&client, kind, version);
            match watch_version(kind, version, api, options, &mut backoff, &tell).await {
                End::NotServed => {}
                End::NobodyListens => return,
            }
        }
        if !tell(Heard::change(Change::NotServed)) {
            return;
        }
        backoff.wait().await;
    }
}

fn api(client: &Client, kind: &Kind, version: &str) -> Api<DynamicObject> {
    let kind_of = GroupVersionKind::gvk(kind.group, version, kind.object.name());
    let resource = ApiResource::from_gvk_with_plural(&kind_of, kind.plural);
    Api::all_with(client.clone(), &resource)
}

async fn watch_version(
    kind: &Kind,
    version: &str,
    api: Api<DynamicObject>,
    options: FollowOptions,
    backoff: &mut Backoff,
    tell: &impl Fn(Heard) -> bool,
) -> End {
    let start = || Box::pin(watcher(api.clone(), config(options.listing)));
    let mut events = start();
    let mut begins = false;
    loop {
        match events.try_next().await {
            // That a list was asked for is nothing before the server gives one.
            Ok(Some(Event::Init)) => begins = true,
            Ok(Some(event)) => {
                backoff.reset();
                let begin = std::mem::take(&mut begins).then_some(Heard::change(Change::Begin));
                let heard = heard(kind, version, event);
                if !begin.into_iter().chain([heard]).all(tell) {
                    return End::NobodyListens;
                }
            }
            Ok(None) => return End::NotServed,
            Err(error) if is_not_served(&error) => return End::NotServed,
            Err(error) => {
                if !tell(Heard::Broke(reason(&error))) {
                    return End::NobodyListens;
                }
                if is_expired(&error) {
                    events = start();
                }
                backoff.wait().await;
            }
        }
    }
}

fn config(listing: Listing) -> watcher::Config {
    match listing {
        Listing::Pages => watcher::Config::default(),
        Listing::Stream => watcher::Config::default().streaming_lists(),
    }
}

/// The error with its causes, each once.
fn reason(error: &watcher::Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !told.contains(&words) {
            told = format!("{told}: {words}");
        }
        cause = error.source();
    }
    told
}

fn is_not_served(error: &watcher::Error) -> bool {
    let (watcher::Error::InitialListFailed(cause) | watcher::Error::WatchStartFailed(cause)) =
        error
    else {
        return false;
    };
    matches!(cause, kube::Error::Api(status) if status.code == 404)
}

/// Whether the revision to watch from is forgotten. A watcher that hears so in place of a stream, and not in it, would ask for the same
/// revision forever.
fn is_expired(error: &watcher::Error) -> bool {
    let watcher::Error::WatchStartFailed(cause) = error else {
        return false;
    };
    matches!(cause, kube::Error::Api(status) if status.code == 410)
}

fn heard(kind: &Kind, version: &str, event: Event<DynamicObject>) -> Heard {
    match event {
        Event::Init => Heard::change(Change::Begin),
        Event::InitDone => Heard::change(Change::Done),
        Event::InitApply(found) | Event::Apply(found) => Heard::Change {
            version: found.metadata.resource_version.clone().unwrap_or_default(),
            change: object(kind, version, found),
        },
        Event::Delete(found) => Heard::change(Change::Delete(key(kind, &found))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_followed_is_what_rules_depend_on() {
        let names = |scope| {
            let kinds = sources(scope).into_iter();
            kinds.map(|kind| kind.plural).collect::<Vec<_>>()
        };
        let all = names(Scope::Everything);
        assert_eq!(all.first(), Some(&"namespaces"));
        assert_eq!(all.last(), Some(&"hostfirewalls"));
        let mut without = all;
        without.retain(|name| !["services", "endpointslices"].contains(name));
        assert_eq!(names(Scope::WithoutServices), without);
    }
}
