//! One kind, watched for as long as somebody listens.

use futures_util::TryStreamExt as _;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client};
use tokio::sync::mpsc::UnboundedSender;

use super::FollowOptions;
use super::backoff::Backoff;
use super::mirror::Change;
use super::translate::{key, object};
use crate::kinds::{KINDS, Kind};

/// What the rules of a node depend on.
pub(super) static SOURCES: [&Kind; 9] = [
    &KINDS[0], &KINDS[1], &KINDS[2], &KINDS[3], &KINDS[4], &KINDS[5], &KINDS[6], &KINDS[7],
    &KINDS[8],
];

/// How a state is asked for that changes are told from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Listing {
    /// A list in pages, then a watch: what every cluster knows.
    #[default]
    Pages,
    /// A watch that begins with everything there is, which spares large clusters work.
    Stream,
}

type Sender = UnboundedSender<(usize, Change)>;

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
    let tell = |change| changes.send((source, change)).is_ok();
    loop {
        for version in kind.versions {
            let api = api(&client, kind, version);
            match watch_version(kind, version, api, options, &mut backoff, &tell).await {
                End::NotServed => {}
                End::NobodyListens => return,
            }
        }
        if !tell(Change::NotServed) {
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
    tell: &impl Fn(Change) -> bool,
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
                let begin = std::mem::take(&mut begins).then_some(Change::Begin);
                let change = change(kind, version, event);
                if !begin.into_iter().chain([change]).all(tell) {
                    return End::NobodyListens;
                }
            }
            Ok(None) => return End::NotServed,
            Err(error) if is_not_served(&error) => return End::NotServed,
            Err(error) => {
                tracing::info!(resource = kind.plural, %error, "a watch broke");
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

fn change(kind: &Kind, version: &str, event: Event<DynamicObject>) -> Change {
    match event {
        Event::Init => Change::Begin,
        Event::InitDone => Change::Done,
        Event::InitApply(found) | Event::Apply(found) => object(kind, version, found),
        Event::Delete(found) => Change::Delete(key(kind, &found)),
    }
}
