//! The store as its readers see it.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::selector::{Filter, LabelSelector};

const PODS: &str = "pods";

fn pod(name: &str, app: &str, content: u8) -> Value {
    json!({"metadata": {"name": name, "namespace": "d", "labels": {"app": app}}, "content": content})
}

fn name(name: &str) -> Name {
    Name {
        namespace: "d".to_owned(),
        name: name.to_owned(),
    }
}

fn filter(selector: &str) -> Filter {
    Filter {
        labels: LabelSelector::parse(selector).unwrap(),
        ..Filter::default()
    }
}

/// What a client that keeps a copy holds after `events`.
fn replay(copy: &mut BTreeMap<Name, Arc<Value>>, events: &[WatchEvent]) {
    for event in events {
        let name = Name::of(&event.object);
        match event.kind {
            WatchEventKind::Added => {
                assert!(
                    copy.insert(name, Arc::clone(&event.object)).is_none(),
                    "added twice"
                );
            }
            WatchEventKind::Modified => {
                assert!(
                    copy.insert(name, Arc::clone(&event.object)).is_some(),
                    "never added"
                );
            }
            WatchEventKind::Deleted => {
                assert!(copy.remove(&name).is_some(), "deleted, never added");
            }
            WatchEventKind::Bookmark | WatchEventKind::InitialEnd => {}
        }
    }
}

fn drain(watch: &mut Watch, store: &Store) -> Vec<WatchEvent> {
    let mut all = Vec::new();
    loop {
        let events = watch.next(store).unwrap();
        if events.is_empty() {
            return all;
        }
        all.extend(events);
    }
}

fn listed(store: &Store, filter: &Filter) -> BTreeMap<Name, Arc<Value>> {
    let request = ListRequest {
        filter: filter.clone(),
        ..ListRequest::default()
    };
    let listing = store.list(PODS, &request).unwrap();
    listing
        .objects
        .into_iter()
        .map(|Listed { object, .. }| (Name::of(&object), object))
        .collect()
}

#[derive(Clone, Debug)]
enum Step {
    Put(u8, bool, u8),
    Remove(u8),
    Other,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..6_u8, any::<bool>(), any::<u8>()).prop_map(|(n, web, c)| Step::Put(n, web, c)),
        2 => (0..6_u8).prop_map(Step::Remove),
        1 => Just(Step::Other),
    ]
}

fn take(store: &mut Store, step: &Step) {
    match step {
        Step::Put(n, web, content) => {
            let app = if *web { "web" } else { "db" };
            store.put(PODS, &pod(&format!("p{n}"), app, *content));
        }
        Step::Remove(n) => {
            store.remove(PODS, &name(&format!("p{n}")));
        }
        Step::Other => {
            store.put("services", &pod("s", "web", 0));
        }
    }
}

proptest! {
    /// Whoever lists and watches from there, with any pauses, holds what a new list shows.
    #[test]
    fn a_watch_has_no_gap_and_no_repeat(
        before in prop::collection::vec(step(), 0..20),
        after in prop::collection::vec((step(), any::<bool>()), 0..40),
        selector in prop_oneof![Just(""), Just("app=web"), Just("app!=web")],
        initial in any::<bool>(),
    ) {
        let filter = filter(selector);
        let mut store = Store::new(1000);
        before.iter().for_each(|step| take(&mut store, step));
        let mut copy = if initial { BTreeMap::new() } else { listed(&store, &filter) };
        let request = WatchRequest {
            filter: filter.clone(),
            revision: (!initial).then_some(store.revision()),
            send_initial_events: initial,
            bookmarks: true,
        };
        let mut watch = Watch::start(&store, PODS, request).unwrap();
        for (step, look) in &after {
            take(&mut store, step);
            if *look {
                replay(&mut copy, &drain(&mut watch, &store));
            }
        }
        let events = drain(&mut watch, &store);
        let revisions: Vec<u64> = events
            .iter()
            .filter(|event| event.kind != WatchEventKind::Added || !initial)
            .map(|event| object::revision(&event.object).parse().unwrap())
            .collect();
        prop_assert!(revisions.is_sorted());
        replay(&mut copy, &events);
        prop_assert_eq!(&copy, &listed(&store, &filter));
    }

    /// A connection that is cut and resumed at any event's revision misses nothing.
    #[test]
    fn any_event_is_a_resume_point(steps in prop::collection::vec(step(), 1..40), cut in any::<prop::sample::Index>()) {
        let mut store = Store::new(0);
        let mut watch = Watch::start(&store, PODS, WatchRequest::default()).unwrap();
        steps.iter().for_each(|step| take(&mut store, step));
        let events = drain(&mut watch, &store);
        let seen = cut.index(events.len() + 1);
        let mut copy = BTreeMap::new();
        replay(&mut copy, &events[..seen]);
        let revision = events[..seen].last().map_or(0, |event| object::revision(&event.object).parse().unwrap());
        if revision > 0 {
            let request = WatchRequest { revision: Some(revision), ..WatchRequest::default() };
            let mut again = Watch::start(&store, PODS, request).unwrap();
            replay(&mut copy, &drain(&mut again, &store));
            prop_assert_eq!(&copy, &listed(&store, &Filter::default()));
        }
    }

    /// Pages show one revision, whatever is written between them.
    #[test]
    fn pages_are_of_one_revision(
        before in prop::collection::vec(step(), 0..20),
        between in prop::collection::vec(step(), 0..20),
        limit in 1..4_usize,
    ) {
        let mut store = Store::new(0);
        before.iter().for_each(|step| take(&mut store, step));
        let whole: Vec<_> = listed(&store, &Filter::default()).into_values().collect();
        let mut paged = Vec::new();
        let mut between = between.iter();
        let mut after = None;
        loop {
            let request = ListRequest { limit, after, ..ListRequest::default() };
            let page = store.list(PODS, &request).unwrap();
            prop_assert_eq!(page.remaining, whole.len() - paged.len() - page.objects.len());
            paged.extend(page.objects.into_iter().map(|listed| listed.object));
            after = page.next;
            if after.is_none() {
                break;
            }
            between.by_ref().take(3).for_each(|step| take(&mut store, step));
        }
        prop_assert_eq!(paged, whole);
    }
}

#[test]
fn those_who_list_at_the_same_time_share_the_text() {
    let mut store = Store::new(0);
    store.put(PODS, &pod("a", "web", 1));
    let list = |store: &Store| store.list(PODS, &ListRequest::default()).unwrap().objects;
    let text = |listed: &[Listed]| listed[0].text.clone().unwrap();
    let (one, other) = (list(&store), list(&store));
    text(&one).set("written".into()).unwrap();
    assert_eq!(text(&other).get().unwrap(), "written");
    let mut watch = Watch::start(&store, PODS, WatchRequest::default()).unwrap();
    let told = watch.next(&store).unwrap();
    assert_eq!(told[0].text.as_ref().unwrap().get().unwrap(), "written");
    store.put(PODS, &pod("a", "web", 2));
    assert_eq!(text(&list(&store)).get(), None, "of another state");
    // The last change is remembered with its text; what is older has one as long as somebody needs it.
    let mut store = Store::new(0).remembering(0);
    store.put(PODS, &pod("a", "web", 1));
    text(&list(&store)).set("written".into()).unwrap();
    assert_eq!(text(&list(&store)).get(), None);
}

#[test]
fn what_is_forgotten_is_expired_and_never_skipped() {
    let mut store = Store::new(100).remembering(3);
    let mut slow = Watch::start(&store, PODS, WatchRequest::default()).unwrap();
    for content in 0..4 {
        store.put(PODS, &pod("a", "web", content));
    }
    assert_eq!(slow.next(&store).unwrap_err().code, 410);
    let from = |revision| {
        let request = WatchRequest {
            revision: Some(revision),
            ..WatchRequest::default()
        };
        Watch::start(&store, PODS, request).map(|mut watch| drain(&mut watch, &store).len())
    };
    for late in [99, 100] {
        let request = WatchRequest {
            revision: Some(late),
            ..WatchRequest::default()
        };
        let mut watch = Watch::start(&store, PODS, request).unwrap();
        assert_eq!(watch.next(&store).unwrap_err().reason, "Expired");
    }
    assert_eq!(from(101), Ok(3));
    assert_eq!(from(104), Ok(0));
    assert_eq!(from(105).unwrap_err().code, 504);
}

#[test]
fn an_object_that_no_longer_matches_is_deleted_for_its_watcher() {
    let mut store = Store::new(0);
    store.put(PODS, &pod("a", "web", 0));
    let request = WatchRequest {
        filter: filter("app=web"),
        ..WatchRequest::default()
    };
    let mut watch = Watch::start(&store, PODS, request).unwrap();
    store.put(PODS, &pod("a", "db", 1));
    store.put(PODS, &pod("a", "web", 2));
    let seen: Vec<_> = drain(&mut watch, &store)
        .iter()
        .map(|event| {
            (
                event.kind.word(),
                event.object["content"].clone(),
                object::revision(&event.object).to_owned(),
            )
        })
        .collect();
    let expected = [
        ("ADDED", json!(0), "1".to_owned()),
        ("DELETED", json!(0), "2".to_owned()),
        ("ADDED", json!(2), "3".to_owned()),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn tokens_of_others_are_refused() {
    let store = Store::new(0);
    for token in ["x", "", "eyJhIjoxfQ"] {
        let request = ListRequest {
            after: Some(token.to_owned()),
            ..ListRequest::default()
        };
        assert_eq!(store.list(PODS, &request).unwrap_err().code, 400);
    }
}
