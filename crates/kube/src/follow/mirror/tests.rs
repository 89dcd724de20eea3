use proptest::prelude::*;
use ringfence_model::{LoadOptions, load_json};
use serde_json::{Value, json};

use super::*;

const NAMESPACES: usize = 0;
const SERVICES: usize = 1;
const SLICES: usize = 2;
const POLICIES: usize = 3;
const SOURCES: usize = 4;

/// An object of a source; equal numbers are one object, and `look` is how it looks.
fn object(source: usize, number: u8, look: u8) -> Object {
    let name = format!("o{number}");
    let value = match source {
        NAMESPACES => {
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"look": look.to_string()}}})
        }
        SERVICES => {
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "n"},
            "spec": {"clusterIP": "10.96.0.1", "ports": [{"port": 80 + u32::from(look)}]}})
        }
        SLICES => {
            json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"name": name, "namespace": "n", "labels": {"kubernetes.io/service-name": format!("o{}", look % 3)}},
            "ports": [{"port": 80}], "endpoints": [{"addresses": [format!("192.0.2.{number}")]}]})
        }
        _ => {
            json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": name, "namespace": "n"},
            "spec": {"podSelector": {"matchLabels": {"look": look.to_string()}}}})
        }
    };
    read(&value)
}

fn read(value: &Value) -> Object {
    let mut loaded = load_json(value, &LoadOptions::default());
    loaded
        .objects
        .pop()
        .unwrap_or_else(|| panic!("{:?}", loaded.diagnostics))
}

/// What a listener makes of the words, and what it holds against them.
#[derive(Default)]
struct Listener {
    objects: BTreeMap<ObjectKey, Object>,
    revision: u64,
    was_reset: bool,
    synced: bool,
}

impl Listener {
    fn hear(&mut self, word: Word) {
        assert!(self.was_reset != (word == Word::Reset), "{word:?}");
        self.synced = false;
        match word {
            Word::Trouble(_) | Word::Held { .. } => panic!("{word:?}"),
            Word::Reset => self.was_reset = true,
            Word::Apply(object) => {
                let before = self.objects.insert(object.key(), (*object).clone());
                assert_ne!(before.as_ref(), Some(&*object), "said twice");
            }
            Word::Delete(key) => {
                assert!(
                    self.objects.remove(&key).is_some(),
                    "{key} was never said to be"
                );
            }
            Word::Synced { revision } => {
                assert_eq!(revision, self.revision + 1);
                (self.revision, self.synced) = (revision, true);
            }
        }
    }
}

/// A store, and the connections to it, of which each breaks by itself.
struct World {
    truth: Vec<BTreeMap<ObjectKey, Object>>,
    /// What happened and is under way.
    under_way: Vec<Vec<Change>>,
    mirror: Mirror,
    listener: Listener,
    /// Which sources are between `Begin` and `Done`, as they are heard.
    hearing: Vec<bool>,
    /// What was removed at some time.
    removed: BTreeSet<ObjectKey>,
}

#[derive(Clone, Debug)]
enum Step {
    Write(usize, u8, u8),
    Remove(usize, u8),
    /// The connection breaks, and what was under way is lost: everything will be told anew.
    Cut(usize),
    /// So many changes of a source arrive.
    Arrive(usize, u8),
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            truth: vec![BTreeMap::new(); SOURCES],
            under_way: vec![Vec::new(); SOURCES],
            mirror: Mirror::new(SOURCES),
            listener: Listener::default(),
            hearing: vec![true; SOURCES],
            removed: BTreeSet::new(),
        };
        (0..SOURCES).for_each(|source| world.relist(source));
        world
    }

    fn relist(&mut self, source: usize) {
        let objects = self.truth[source].values().cloned();
        let told = objects.map(|object| Change::Apply(Box::new(object)));
        let all = [Change::Begin]
            .into_iter()
            .chain(told)
            .chain([Change::Done]);
        self.under_way[source] = all.collect();
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Write(source, number, look) => {
                let object = object(source, number, look);
                self.truth[source].insert(object.key(), object.clone());
                self.under_way[source].push(Change::Apply(Box::new(object)));
            }
            Step::Remove(source, number) => {
                let key = object(source, number, 0).key();
                if self.truth[source].remove(&key).is_some() {
                    self.removed.insert(key.clone());
                    self.under_way[source].push(Change::Delete(key));
                }
            }
            Step::Cut(source) => self.relist(source),
            Step::Arrive(source, count) => {
                for _ in 0..count {
                    self.arrive(source);
                }
            }
        }
    }

    fn arrive(&mut self, source: usize) {
        if self.under_way[source].is_empty() {
            return;
        }
        let change = self.under_way[source].remove(0);
        match change {
            Change::Begin => self.hearing[source] = true,
            Change::Done => self.hearing[source] = false,
            Change::Apply(_)
            | Change::Unreadable { .. }
            | Change::Delete(_)
            | Change::NotServed => {}
        }
        for word in self.mirror.take(source, change) {
            self.check(&word);
            self.listener.hear(word);
        }
        assert!(self.listener.was_reset || self.hearing.contains(&true));
    }

    fn check(&self, word: &Word) {
        match word {
            Word::Apply(_) | Word::Held { .. } | Word::Trouble(_) => {}
            Word::Delete(key) => {
                assert!(
                    !self.hearing.contains(&true),
                    "{key} is said to be gone too early"
                );
                let is_there = self.truth.iter().any(|objects| objects.contains_key(key));
                assert!(
                    !is_there || self.removed.contains(key),
                    "{key} was never gone"
                );
            }
            Word::Reset | Word::Synced { .. } => {
                assert!(!self.hearing.contains(&true), "{word:?} is said too early");
            }
        }
    }

    /// Everything arrives; then the listener has what the store has.
    fn settle(&mut self) {
        for source in 0..SOURCES {
            while !self.under_way[source].is_empty() {
                self.arrive(source);
            }
        }
        assert!(self.listener.synced || self.listener.objects.is_empty());
        let mut expected = BTreeMap::new();
        for (key, object) in self.truth.iter().flatten() {
            let mut object = object.clone();
            if let Object::Service(service) = &mut object {
                let _ = add_endpoints([service], self.truth[SLICES].values());
            }
            if key.kind != ObjectKind::EndpointSlice {
                expected.insert(key.clone(), object);
            }
        }
        assert_eq!(self.listener.objects, expected);
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..SOURCES, 0..4_u8, 0..4_u8).prop_map(|(source, number, look)| Step::Write(source, number, look)),
        2 => (0..SOURCES, 0..4_u8).prop_map(|(source, number)| Step::Remove(source, number)),
        1 => (0..SOURCES).prop_map(Step::Cut),
        4 => (0..SOURCES, 1..6_u8).prop_map(|(source, count)| Step::Arrive(source, count)),
    ]
}

proptest! {
    #[test]
    fn whatever_breaks_the_listener_ends_with_what_the_store_has(
        rounds in prop::collection::vec(prop::collection::vec(step(), 0..30), 1..4)
    ) {
        let mut world = World::new();
        for round in rounds {
            round.iter().for_each(|step| world.step(step));
            world.settle();
        }
    }
}

fn done(mirror: &mut Mirror, source: usize) -> Vec<Word> {
    mirror.take(source, Change::Begin);
    mirror.take(source, Change::Done)
}

/// A policy that is not understood may be the one that denies.
#[test]
fn nothing_is_in_sync_beside_a_policy_that_is_not_understood() {
    let mut mirror = Mirror::new(2);
    let policy = object(POLICIES, 1, 1);
    let unreadable = || Change::Unreadable {
        key: policy.key(),
        message: "odd".to_owned(),
    };
    mirror.take(1, unreadable());
    assert_eq!(done(&mut mirror, 0), []);
    assert_eq!(mirror.take(1, Change::Done), []);
    let words = mirror.take(1, Change::Apply(Box::new(policy.clone())));
    assert_eq!(words.len(), 3, "{words:?}");
    // What was understood of it last stays, and what is said besides is said.
    assert_eq!(mirror.take(1, unreadable()), []);
    let namespace = object(NAMESPACES, 1, 1);
    let words = mirror.take(0, Change::Apply(Box::new(namespace.clone())));
    assert_eq!(words, [Word::Apply(Box::new(namespace))]);
    let words = mirror.take(1, Change::Delete(policy.key()));
    assert_eq!(
        words,
        [Word::Delete(policy.key()), Word::Synced { revision: 2 }]
    );
}

/// A server that starts may not know its custom resources yet.
#[test]
fn a_kind_that_is_not_served_any_more_takes_nothing_back() {
    let mut mirror = Mirror::new(2);
    done(&mut mirror, 0);
    assert_eq!(
        mirror.take(1, Change::NotServed),
        [Word::Reset, Word::Synced { revision: 1 }]
    );
    let policy = object(POLICIES, 1, 1);
    mirror.take(1, Change::Begin);
    mirror.take(1, Change::Apply(Box::new(policy.clone())));
    let words = mirror.take(1, Change::Done);
    assert_eq!(words, [Word::Synced { revision: 2 }]);
    mirror.take(1, Change::Begin);
    assert_eq!(mirror.take(1, Change::NotServed), []);
    assert_eq!(
        done(&mut mirror, 1),
        [Word::Delete(policy.key()), Word::Synced { revision: 3 }]
    );
}
