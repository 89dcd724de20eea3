use futures_util::{Stream, StreamExt as _, TryStreamExt as _, pin_mut};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, WatchParams};
use kube::core::{PartialObjectMeta, WatchEvent};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::reflector::{self, ObjectRef};
use kube::runtime::watcher::{self, Config, Event, watcher};
use kube::runtime::{predicates, wait};
use kube::{Api, ResourceExt as _};
use serde_json::json;

use super::bench::{Bench, LIMIT, map, map_value};

/// The ways in which kube-rs begins a watch.
pub(super) fn ways() -> [Config; 2] {
    [
        Config::default().page_size(2),
        Config::default().streaming_lists(),
    ]
}

/// The next event, in a few words.
pub(super) async fn next<K: kube::ResourceExt>(
    stream: &mut (impl Stream<Item = watcher::Result<Event<K>>> + Unpin),
) -> String {
    let said = async {
        loop {
            match stream.next().await.unwrap() {
                Ok(Event::Apply(object)) => return format!("apply {}", object.name_any()),
                Ok(Event::Delete(object)) => return format!("delete {}", object.name_any()),
                Ok(Event::Init) => return "init".to_owned(),
                Ok(Event::InitApply(object)) => return format!("had {}", object.name_any()),
                Ok(Event::InitDone) => return "done".to_owned(),
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
            }
        }
    };
    tokio::time::timeout(LIMIT, said).await.unwrap()
}

pub(super) async fn expect<K: kube::ResourceExt>(
    stream: &mut (impl Stream<Item = watcher::Result<Event<K>>> + Unpin),
    expected: &[&str],
) {
    for word in expected {
        assert_eq!(next(stream).await, *word, "of {expected:?}");
    }
}

#[tokio::test]
async fn both_ways_to_list_tell_of_the_same() {
    for way in ways() {
        let bench = Bench::start();
        let maps: Api<ConfigMap> = Api::default_namespaced(bench.client().await);
        for name in ["a", "b", "c"] {
            maps.create(&PostParams::default(), &map(name, "1"))
                .await
                .unwrap();
        }
        let stream = watcher(maps.clone(), way);
        pin_mut!(stream);
        expect(&mut stream, &["init", "had a", "had b", "had c", "done"]).await;

        maps.create(&PostParams::default(), &map("d", "1"))
            .await
            .unwrap();
        let patch = Patch::Merge(json!({"data": {"value": "2"}}));
        maps.patch("a", &PatchParams::default(), &patch)
            .await
            .unwrap();
        maps.delete("b", &DeleteParams::default()).await.unwrap();
        expect(&mut stream, &["apply d", "apply a", "delete b"]).await;
    }
}

#[tokio::test]
async fn metadata_alone_is_listed_and_watched() {
    for way in ways() {
        let bench = Bench::start();
        let maps: Api<ConfigMap> = Api::default_namespaced(bench.client().await);
        maps.create(&PostParams::default(), &map("a", "1"))
            .await
            .unwrap();
        let metadata: Api<PartialObjectMeta<ConfigMap>> =
            Api::default_namespaced(bench.client().await);
        let stream = watcher(metadata, way);
        pin_mut!(stream);
        expect(&mut stream, &["init", "had a", "done"]).await;
        maps.create(&PostParams::default(), &map("b", "1"))
            .await
            .unwrap();
        let Some(Ok(Event::Apply(told))) = stream.next().await else {
            panic!("nothing was told");
        };
        assert_eq!(told.name_any(), "b");
        assert_eq!(told.labels()["app"], "web");
        assert_eq!(told.types.unwrap().kind, "PartialObjectMetadata");
        maps.delete("a", &DeleteParams::default()).await.unwrap();
        expect(&mut stream, &["delete a"]).await;
    }
}

#[tokio::test]
async fn a_reflector_holds_more_than_two_pages() {
    const COUNT: usize = 1_200;
    let bench = Bench::start();
    for number in 0..COUNT {
        bench.record(&map_value(&format!("m{number}"), "1"));
    }
    for way in [Config::default(), Config::default().streaming_lists()] {
        let maps: Api<ConfigMap> = Api::all(bench.client().await);
        let (reader, writer) = reflector::store();
        let stream = reflector::reflector(writer, watcher(maps.clone(), way));
        let stream = stream.applied_objects().default_backoff();
        let follow = tokio::spawn(stream.try_for_each(|_| async { Ok(()) }));
        tokio::time::timeout(LIMIT, reader.wait_until_ready())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(reader.len(), COUNT);
        let last = ObjectRef::new(&format!("m{}", COUNT - 1)).within("default");
        assert_eq!(
            reader.get(&last).unwrap().data.as_ref().unwrap()["value"],
            "1"
        );
        follow.abort();
    }
}

#[tokio::test]
async fn what_a_selector_no_longer_lets_through_is_gone_for_its_watcher() {
    for way in ways() {
        let bench = Bench::start();
        let maps: Api<ConfigMap> = Api::default_namespaced(bench.client().await);
        maps.create(&PostParams::default(), &map("a", "1"))
            .await
            .unwrap();
        let stream = watcher(maps.clone(), way.labels("app=web"));
        pin_mut!(stream);
        expect(&mut stream, &["init", "had a", "done"]).await;
        for (label, word) in [("db", "delete a"), ("web", "apply a")] {
            let patch = Patch::Merge(json!({"metadata": {"labels": {"app": label}}}));
            maps.patch("a", &PatchParams::default(), &patch)
                .await
                .unwrap();
            expect(&mut stream, &[word]).await;
        }
    }
}

#[tokio::test]
async fn conditions_are_awaited() {
    let bench = Bench::start();
    let maps: Api<ConfigMap> = Api::default_namespaced(bench.client().await);
    let has_two = |map: Option<&ConfigMap>| {
        map.and_then(|map| map.data.as_ref())
            .is_some_and(|data| data["value"] == "2")
    };
    let waiting = tokio::spawn(wait::await_condition(maps.clone(), "a", has_two));
    maps.create(&PostParams::default(), &map("a", "1"))
        .await
        .unwrap();
    let patch = Patch::Merge(json!({"data": {"value": "2"}}));
    maps.patch("a", &PatchParams::default(), &patch)
        .await
        .unwrap();
    let found = tokio::time::timeout(LIMIT, waiting).await.unwrap().unwrap();
    let uid = found.unwrap().unwrap().uid().unwrap();

    maps.delete("a", &DeleteParams::default()).await.unwrap();
    let gone = wait::conditions::is_deleted(&uid);
    let waiting = wait::await_condition(maps.clone(), "a", gone);
    tokio::time::timeout(LIMIT, waiting).await.unwrap().unwrap();
}

#[tokio::test]
async fn changes_of_the_generation_alone_are_told_apart() {
    let bench = Bench::start();
    let maps: Api<ConfigMap> = Api::default_namespaced(bench.client().await);
    maps.create(&PostParams::default(), &map("a", "1"))
        .await
        .unwrap();
    let labels = predicates::labels;
    let stream = watcher(maps.clone(), Config::default()).applied_objects();
    let stream = stream.predicate_filter(labels, Default::default());
    pin_mut!(stream);
    assert_eq!(stream.next().await.unwrap().unwrap().name_any(), "a");
    let data = Patch::Merge(json!({"data": {"value": "2"}}));
    maps.patch("a", &PatchParams::default(), &data)
        .await
        .unwrap();
    let label = Patch::Merge(json!({"metadata": {"labels": {"new": "yes"}}}));
    maps.patch("a", &PatchParams::default(), &label)
        .await
        .unwrap();
    let told = tokio::time::timeout(LIMIT, stream.next()).await.unwrap();
    assert_eq!(told.unwrap().unwrap().labels()["new"], "yes");
}

#[tokio::test]
async fn a_watch_ends_when_it_said_it_would_with_a_bookmark() {
    let bench = Bench::start();
    let maps: Api<ConfigMap> = Api::default_namespaced(bench.client().await);
    let made = maps
        .create(&PostParams::default(), &map("a", "1"))
        .await
        .unwrap();
    let revision = made.resource_version().unwrap();
    let params = WatchParams::default().timeout(1);
    let events = maps.watch(&params, &revision).await.unwrap();
    let events: Vec<WatchEvent<ConfigMap>> = tokio::time::timeout(LIMIT, events.try_collect())
        .await
        .unwrap()
        .unwrap();
    let [WatchEvent::Bookmark(bookmark)] = events.as_slice() else {
        panic!("{events:?}");
    };
    assert_eq!(bookmark.types.kind, "ConfigMap");
    assert_eq!(bookmark.metadata.resource_version, revision);
}
