use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use ringfence_apiserver::object::{name, namespace, revision};
use ringfence_apiserver::store::Name;
use ringfence_kube::{
    Access, FollowOptions, Listing, Patience, Scope, Trouble, Word, follow, followed,
};
use ringfence_model::{Held, Holdings, Mark, Object, ObjectKey};
use serde_json::{Value, json};

use super::proxy::Proxy;
use super::server::{Bench, pod};

/// How long a change may take to be told, on a machine that has much else to do.
const LIMIT: Duration = Duration::from_secs(30);

/// Somebody who follows, and what was heard so far.
struct Listener {
    words: Receiver<Word>,
    objects: BTreeMap<ObjectKey, Object>,
    synced: bool,
    troubles: Vec<Trouble>,
    holdings: Holdings,
}

impl Listener {
    fn start(access: Access, listing: Listing) -> Self {
        let (sender, words) = channel();
        let options = FollowOptions {
            listing,
            patience: Patience {
                first: Duration::from_millis(10),
                longest: Duration::from_millis(50),
            },
            ..FollowOptions::default()
        };
        std::thread::spawn(move || {
            follow(&access, options, |word| sender.send(word).is_ok()).unwrap();
        });
        Self {
            words,
            objects: BTreeMap::new(),
            synced: false,
            troubles: Vec::new(),
            holdings: Holdings::new(),
        }
    }

    /// Listens until it was told that it holds just the versions that are stored.
    fn holds_what_is_stored(&mut self, bench: &Bench) {
        let stored = |resource: &str| -> Held {
            let store = bench.api.store();
            let objects = store.objects(resource).map(|(_, found)| found);
            objects
                .map(|found| Mark::of(namespace(found), name(found), revision(found)))
                .collect()
        };
        let end = Instant::now() + LIMIT;
        while self.holdings.is_empty()
            || self
                .holdings
                .iter()
                .any(|(resource, held)| stored(resource) != *held)
        {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(word) = self.words.recv_timeout(left) else {
                panic!("{:?} is not what is stored", self.holdings);
            };
            self.hear(word);
        }
        assert_eq!(self.holdings.len(), followed(Scope::Everything).len());
        assert!(self.holdings["pods"].objects > 0);
    }

    /// Listens until it was told just the objects with `names`, and that this is all.
    fn expect(&mut self, names: &[&str]) {
        let mut expected: Vec<&str> = names.to_vec();
        expected.sort_unstable();
        let end = Instant::now() + LIMIT;
        while !self.synced || self.names() != expected {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(word) = self.words.recv_timeout(left) else {
                panic!("{:?} is not {expected:?}, or not in sync", self.names());
            };
            self.hear(word);
        }
    }

    fn hear(&mut self, word: Word) {
        match word {
            Word::Trouble(trouble) => return self.troubles.push(trouble),
            Word::Held { holdings, .. } => {
                self.holdings = holdings;
                return;
            }
            Word::Reset | Word::Apply(_) | Word::Delete(_) | Word::Synced { .. } => {}
        }
        self.synced = false;
        match word {
            Word::Trouble(_) | Word::Held { .. } => {}
            Word::Reset => assert!(self.objects.is_empty()),
            Word::Apply(object) => {
                self.objects.insert(object.key(), *object);
            }
            Word::Delete(key) => assert!(self.objects.remove(&key).is_some(), "{key}"),
            Word::Synced { .. } => self.synced = true,
        }
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.objects.keys().map(ToString::to_string).collect();
        names.sort();
        names
    }
}

fn policy(name: &str) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": "n", "uid": name}, "spec": {"podSelector": {}},
    })
}

fn forget(bench: &Bench, object: &Value) {
    let text = |key: &str| object[key].as_str().unwrap();
    let kind = bench
        .api
        .kinds()
        .of_object(text("apiVersion"), text("kind"))
        .unwrap();
    bench.api.forget(kind, &Name::of(object));
}

/// What happens while nobody is connected is told afterwards, in both ways to list, also if the server has forgotten it.
fn follows(listing: Listing) {
    let bench = Bench::start();
    bench.record(
        &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n", "uid": "n"}}),
    );
    for name in ["p1", "p2"] {
        bench.record(&pod("n", name));
    }
    bench.record(&policy("deny"));
    let proxy = Proxy::start(bench.address());
    let mut listener = Listener::start(bench.access_through(proxy.address()), listing);
    listener.expect(&[
        "Namespace n",
        "NetworkPolicy n/deny",
        "Pod n/p1",
        "Pod n/p2",
    ]);

    forget(&bench, &pod("n", "p1"));
    bench.record(&policy("more"));
    let now = [
        "Namespace n",
        "NetworkPolicy n/deny",
        "NetworkPolicy n/more",
        "Pod n/p2",
    ];
    listener.expect(&now);

    proxy.cut();
    forget(&bench, &policy("more"));
    bench.record(&pod("n", "p3"));
    proxy.open();
    let now = [
        "Namespace n",
        "NetworkPolicy n/deny",
        "Pod n/p2",
        "Pod n/p3",
    ];
    listener.expect(&now);
    listener.holds_what_is_stored(&bench);

    // More than the server remembers, so that it answers 410.
    proxy.cut();
    forget(&bench, &pod("n", "p2"));
    let churn = pod("n", "churn");
    for _ in 0..2_100 {
        bench.record(&churn);
        forget(&bench, &churn);
    }
    proxy.open();
    listener.expect(&["Namespace n", "NetworkPolicy n/deny", "Pod n/p3"]);
    listener.holds_what_is_stored(&bench);
}

#[test]
fn a_cluster_is_followed_by_lists_and_watches() {
    follows(Listing::Pages);
}

#[test]
fn a_cluster_is_followed_by_watches_alone() {
    follows(Listing::Stream);
}

/// The backends of a Service without selector are in the Service.
#[test]
fn endpoints_come_with_their_service() {
    let bench = Bench::start();
    bench.record(&json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": "n", "uid": "s"},
        "spec": {"clusterIP": "10.96.0.1", "ports": [{"port": 80}]},
    }));
    let mut listener = Listener::start(bench.access(), Listing::Pages);
    listener.expect(&["Service n/s"]);
    let slice = json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": "s-1", "namespace": "n", "uid": "e", "labels": {"kubernetes.io/service-name": "s"}},
        "ports": [{"port": 80}], "endpoints": [{"addresses": ["192.0.2.1"]}],
    });
    let endpoints = |listener: &mut Listener, count: usize| {
        let end = Instant::now() + LIMIT;
        let has = |object: &Object| matches!(object, Object::Service(found) if found.endpoints.len() == count);
        while !listener.objects.values().any(has) {
            let left = end.saturating_duration_since(Instant::now());
            listener.hear(listener.words.recv_timeout(left).unwrap());
        }
    };
    bench.record(&slice);
    endpoints(&mut listener, 1);
    forget(&bench, &slice);
    endpoints(&mut listener, 0);
}

/// Who waits for a policy that cannot be understood hears which one it is.
#[test]
fn a_policy_that_is_not_understood_is_named() {
    let bench = Bench::start();
    let mut broken = policy("odd");
    broken["spec"] = json!({"podSelector": {}, "policyTypes": ["Sideways"]});
    bench.record(&broken);
    let mut listener = Listener::start(bench.access(), Listing::Pages);
    let named = |found: &Trouble| matches!(found, Trouble::Object { key, .. } if key.to_string() == "NetworkPolicy n/odd");
    while !listener.troubles.iter().any(named) {
        listener.hear(listener.words.recv_timeout(LIMIT).unwrap());
    }
    assert!(!listener.synced);
    bench.record(&policy("odd"));
    listener.expect(&["NetworkPolicy n/odd"]);
}
