use futures_util::{TryStreamExt as _, pin_mut};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{ListParams, PostParams, WatchParams};
use kube::core::WatchEvent;
use kube::runtime::watcher::watcher;
use kube::{Api, ResourceExt as _};

use super::bench::{Bench, map, map_value, refusal};
use super::watching::{expect, next, ways};

#[tokio::test]
async fn a_watch_that_was_cut_misses_nothing() {
    for way in ways() {
        let mut bench = Bench::start();
        bench.record(&map_value("a", "1"));
        let maps: Api<ConfigMap> = Api::default_namespaced(bench.client().await);
        let stream = watcher(maps, way);
        pin_mut!(stream);
        expect(&mut stream, &["init", "had a", "done"]).await;
        bench.stop();
        bench.record(&map_value("b", "1"));
        bench.record(&map_value("a", "2"));
        bench.resume();
        expect(&mut stream, &["apply b", "apply a"]).await;
    }
}

#[tokio::test]
async fn who_comes_too_late_lists_anew() {
    for way in ways() {
        let mut bench = Bench::start();
        bench.record(&map_value("a", "1"));
        let maps: Api<ConfigMap> = Api::default_namespaced(bench.client().await);
        let stream = watcher(maps, way);
        pin_mut!(stream);
        expect(&mut stream, &["init", "had a", "done"]).await;
        bench.stop();
        for value in 0..5_000 {
            bench.record(&map_value("b", &value.to_string()));
        }
        bench.resume();
        // A connection on its way out may still have said something.
        let mut word = next(&mut stream).await;
        while word == "apply b" {
            word = next(&mut stream).await;
        }
        assert_eq!(word, "init");
        expect(&mut stream, &["had a", "had b", "done"]).await;
        bench.record(&map_value("c", "1"));
        assert_eq!(next(&mut stream).await, "apply c");
    }
}

#[tokio::test]
async fn clients_find_their_way_into_another_server() {
    for way in ways() {
        let mut bench = Bench::start();
        bench.record(&map_value("a", "1"));
        let maps: Api<ConfigMap> = Api::default_namespaced(bench.client().await);
        let stream = watcher(maps, way);
        pin_mut!(stream);
        expect(&mut stream, &["init", "had a", "done"]).await;
        bench.begin_anew();
        expect(&mut stream, &["init", "done"]).await;
        bench.record(&map_value("b", "1"));
        assert_eq!(next(&mut stream).await, "apply b");
    }
}

#[tokio::test]
async fn pages_and_watches_of_a_forgotten_revision_are_refused() {
    let bench = Bench::start();
    let maps: Api<ConfigMap> = Api::default_namespaced(bench.client().await);
    for name in ["a", "b", "c"] {
        maps.create(&PostParams::default(), &map(name, "1"))
            .await
            .unwrap();
    }
    let page = maps.list(&ListParams::default().limit(2)).await.unwrap();
    assert_eq!(page.items.len(), 2);
    assert_eq!(page.metadata.remaining_item_count, Some(1));
    let token = page.metadata.continue_.clone().unwrap();
    let revision = page.metadata.resource_version.unwrap();
    for value in 0..5_000 {
        bench.record(&map_value("b", &value.to_string()));
    }
    let next = ListParams::default().limit(2).continue_token(&token);
    let (code, reason, _) = refusal(maps.list(&next).await);
    assert_eq!((code, reason.as_str()), (410, "Expired"));
    // Said in the stream: kube-rs asks again for the same revision if it hears it in its place.
    let watch = maps
        .watch(&WatchParams::default(), &revision)
        .await
        .unwrap();
    let told: Vec<WatchEvent<ConfigMap>> = watch.try_collect().await.unwrap();
    let [WatchEvent::Error(status)] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!((status.code, status.reason.as_str()), (410, "Expired"));
    let all = maps.list(&ListParams::default()).await.unwrap();
    assert_eq!(
        all.iter().map(|map| map.name_any()).collect::<Vec<_>>(),
        ["a", "b", "c"]
    );
}
