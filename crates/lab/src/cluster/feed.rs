//! The policy view of the cluster, its revisions, and the agents that follow them.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ringfence_agent::protocol::{AgentKey, AgentObject, AgentStatus, StoreEvent};
use ringfence_model::Cluster;

/// The cluster as agents are told it. Shared by all threads of the lab.
#[derive(Debug, Default)]
pub struct Feed {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<AgentKey, AgentObject>,
    revision: u64,
    subscribers: BTreeMap<u64, Sender<StoreEvent>>,
    next_subscriber: u64,
    nodes: BTreeMap<String, NodeProgress>,
    /// What is to become one revision, while somebody collects.
    held: Option<Changes>,
}

/// Objects that are to exist, and those that are not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// To exist like this.
    pub apply: Vec<AgentObject>,
    /// Not to exist.
    pub delete: Vec<AgentKey>,
}

impl Changes {
    /// Adds what comes later: of two words about one object the last counts.
    fn add(&mut self, apply: Vec<AgentObject>, delete: Vec<AgentKey>) {
        for object in apply {
            self.delete.retain(|key| *key != object.key());
            self.apply.push(object);
        }
        self.apply.retain(|object| !delete.contains(&object.key()));
        self.delete.extend(delete);
    }
}

/// While this lives, changes are collected; then they are made as one revision.
#[derive(Debug)]
pub struct Hold<'a>(&'a Feed);

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        self.0.let_go();
    }
}

/// How far a node's agent has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeProgress {
    /// The last revision that the kernel enforces.
    pub enforced: Option<u64>,
    /// What the agent last complained of; gone with the next success.
    pub trouble: Option<String>,
}

/// An agent that did not get there in time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("node {node} does not enforce the change after {seconds} s{}", because(.trouble.as_deref()))]
pub struct NotEnforced {
    /// The node.
    pub node: String,
    /// How long was waited.
    pub seconds: u64,
    /// What its agent says.
    pub trouble: Option<String>,
}

fn because(trouble: Option<&str>) -> String {
    trouble
        .map(|trouble| format!(": {trouble}"))
        .unwrap_or_default()
}

/// A place among those who hear of changes. Whoever follows for somebody else drops it when that one is gone, so that
/// nobody waits for the next change to notice.
#[derive(Debug)]
pub struct Subscription<'a> {
    feed: &'a Feed,
    number: u64,
}

impl Drop for Subscription<'_> {
    fn drop(&mut self) {
        self.feed.lock().subscribers.remove(&self.number);
    }
}

impl Feed {
    /// Makes the objects of `apply` exist and those of `delete` not, as one revision, and returns it. Nothing happens,
    /// and the old revision is returned, if all is so already.
    pub fn change(&self, apply: Vec<AgentObject>, delete: Vec<AgentKey>) -> u64 {
        let mut state = self.lock();
        if let Some(held) = &mut state.held {
            held.add(apply, delete);
            return state.revision;
        }
        let revision = Self::carry_out(&mut state, Changes { apply, delete });
        self.changed.notify_all();
        revision
    }

    /// Collects all changes from now on, until what is returned is dropped. Nobody hears of any of them before.
    pub fn hold(&self) -> Hold<'_> {
        self.lock().held.get_or_insert_default();
        Hold(self)
    }

    /// Whether changes are being collected.
    pub fn is_held(&self) -> bool {
        self.lock().held.is_some()
    }

    fn let_go(&self) {
        let mut state = self.lock();
        if let Some(held) = state.held.take() {
            Self::carry_out(&mut state, held);
        }
        drop(state);
        self.changed.notify_all();
    }

    /// What takes a change of these objects back.
    pub fn before(&self, apply: &[AgentObject], delete: &[AgentKey]) -> Changes {
        let state = self.lock();
        let mut before = Changes::default();
        let keys = apply.iter().map(AgentObject::key);
        for key in keys.chain(delete.iter().cloned()) {
            match state.objects.get(&key) {
                Some(object) => before.apply.push(object.clone()),
                None => before.delete.push(key),
            }
        }
        before
    }

    fn carry_out(state: &mut State, Changes { apply, delete }: Changes) -> u64 {
        let mut events = Vec::new();
        for object in apply {
            if state.objects.get(&object.key()) != Some(&object) {
                state.objects.insert(object.key(), object.clone());
                events.push(StoreEvent::Apply(object));
            }
        }
        for key in delete {
            if state.objects.remove(&key).is_some() {
                events.push(StoreEvent::Delete(key));
            }
        }
        if events.len() > 1 {
            events.insert(0, StoreEvent::Begin);
        }
        if !events.is_empty() {
            state.revision += 1;
            events.push(StoreEvent::Synced {
                revision: state.revision,
            });
            state.subscribers.retain(|_, subscriber| {
                events
                    .iter()
                    .all(|event| subscriber.send(event.clone()).is_ok())
            });
        }
        state.revision
    }

    /// Everything there is, and every change from now on. The receiver ends when the subscription is dropped.
    pub fn subscribe(&self) -> (Subscription<'_>, Receiver<StoreEvent>) {
        let mut state = self.lock();
        let (sender, receiver) = channel();
        let snapshot = std::iter::once(StoreEvent::Reset)
            .chain(state.objects.values().cloned().map(StoreEvent::Apply))
            .chain(std::iter::once(StoreEvent::Synced {
                revision: state.revision,
            }));
        for event in snapshot {
            // The receiver is alive: it is returned below.
            let _ = sender.send(event);
        }
        let number = state.next_subscriber;
        state.next_subscriber += 1;
        state.subscribers.insert(number, sender);
        (Subscription { feed: self, number }, receiver)
    }

    /// The revision now.
    pub fn revision(&self) -> u64 {
        self.lock().revision
    }

    /// Waits, `limit` at most, until `node` does not enforce the revision of the moment, and tells whether it is so.
    pub fn is_behind(&self, node: &str, limit: Duration) -> bool {
        let enforces = |state: &mut State| {
            let progress = state.nodes.get(node);
            progress.is_some_and(|progress| progress.enforced == Some(state.revision))
        };
        let waited = self
            .changed
            .wait_timeout_while(self.lock(), limit, enforces);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        !enforces(&mut state)
    }

    /// The cluster as it is now, and its revision.
    pub fn cluster(&self) -> (Cluster, u64) {
        let state = self.lock();
        let mut cluster = Cluster::default();
        for object in state.objects.values() {
            object.clone().apply_to(&mut cluster);
        }
        (cluster, state.revision)
    }

    /// What names each object.
    pub fn keys(&self) -> Vec<AgentKey> {
        self.lock().objects.keys().cloned().collect()
    }

    /// Makes `node` one that [`Feed::wait_enforced`] waits for.
    pub fn add_node(&self, node: &str) {
        self.lock()
            .nodes
            .insert(node.to_owned(), NodeProgress::default());
    }

    /// Takes note of what a node's agent says.
    pub fn report(&self, node: &str, status: AgentStatus) {
        let mut state = self.lock();
        let progress = state.nodes.entry(node.to_owned()).or_default();
        match status {
            AgentStatus::Applied { revision } => {
                progress.enforced = Some(revision);
                progress.trouble = None;
            }
            AgentStatus::Failed { message } | AgentStatus::Degraded { message } => {
                progress.trouble = Some(message);
            }
        }
        self.changed.notify_all();
    }

    /// How far each node has come.
    pub fn progress(&self) -> BTreeMap<String, NodeProgress> {
        self.lock().nodes.clone()
    }

    /// Waits until every node's kernel enforces `revision`.
    ///
    /// # Errors
    /// [`NotEnforced`], naming the first node that is late.
    pub fn wait_enforced(&self, revision: u64, limit: Duration) -> Result<(), NotEnforced> {
        self.wait(self.lock(), revision, limit)
    }

    /// Waits until every node's kernel enforces all that has been changed so far, what is being collected included.
    ///
    /// # Errors
    /// [`NotEnforced`], naming the first node that is late.
    pub fn wait_settled(&self, limit: Duration) -> Result<(), NotEnforced> {
        let collects = |state: &mut State| state.held.is_some();
        let waited = self
            .changed
            .wait_timeout_while(self.lock(), limit, collects);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let revision = state.revision;
        self.wait(state, revision, limit)
    }

    fn wait(
        &self,
        mut state: MutexGuard<'_, State>,
        revision: u64,
        limit: Duration,
    ) -> Result<(), NotEnforced> {
        let deadline = Instant::now() + limit;
        loop {
            let late = state
                .nodes
                .iter()
                .find(|(_, node)| node.enforced < Some(revision));
            let Some((name, progress)) = late else {
                return Ok(());
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(NotEnforced {
                    node: name.clone(),
                    seconds: limit.as_secs(),
                    trouble: progress.trouble.clone(),
                });
            }
            state = self
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use ringfence_model::{Labels, Namespace};

    use super::*;

    fn namespace(name: &str) -> AgentObject {
        AgentObject::Namespace(Namespace::new(name, Labels::new()))
    }

    #[test]
    fn a_subscriber_sees_the_state_and_then_each_change_once() {
        let feed = Feed::default();
        feed.change(vec![namespace("a")], vec![]);
        let (_subscription, events) = feed.subscribe();
        feed.change(vec![namespace("a"), namespace("b")], vec![]);
        feed.change(vec![namespace("a")], vec![]);
        let seen: Vec<_> = events.try_iter().collect();
        assert_eq!(
            seen,
            [
                StoreEvent::Reset,
                StoreEvent::Apply(namespace("a")),
                StoreEvent::Synced { revision: 1 },
                StoreEvent::Apply(namespace("b")),
                StoreEvent::Synced { revision: 2 },
            ]
        );
    }

    #[test]
    fn what_is_collected_becomes_one_revision() {
        let feed = Feed::default();
        feed.change(vec![namespace("old")], vec![]);
        let (_subscription, events) = feed.subscribe();
        let hold = feed.hold();
        feed.change(vec![namespace("a"), namespace("b")], vec![]);
        let key = |name: &str| AgentKey::Namespace(name.to_owned());
        feed.change(vec![], vec![key("old"), key("b")]);
        assert!(feed.is_held());
        assert_eq!(events.try_iter().count(), 3, "nothing but what was there");
        drop(hold);
        let seen: Vec<_> = events.try_iter().collect();
        assert_eq!(
            seen,
            [
                StoreEvent::Begin,
                StoreEvent::Apply(namespace("a")),
                StoreEvent::Delete(key("old")),
                StoreEvent::Synced { revision: 2 },
            ]
        );
    }

    #[test]
    fn a_change_is_taken_back_by_what_was_before() {
        let feed = Feed::default();
        feed.change(vec![namespace("a")], vec![]);
        let (apply, delete) = (
            vec![namespace("b")],
            vec![AgentKey::Namespace("a".to_owned())],
        );
        let before = feed.before(&apply, &delete);
        feed.change(apply, delete);
        feed.change(before.apply, before.delete);
        assert_eq!(feed.keys(), [AgentKey::Namespace("a".to_owned())]);
    }

    #[test]
    fn a_dropped_subscription_ends_its_receiver() {
        let feed = Feed::default();
        let (gone, events) = feed.subscribe();
        let (_stays, others) = feed.subscribe();
        drop(gone);
        feed.change(vec![namespace("a")], vec![]);
        let sync = |revision| StoreEvent::Synced { revision };
        assert_eq!(
            events.iter().collect::<Vec<_>>(),
            [StoreEvent::Reset, sync(0)]
        );
        let rest = [StoreEvent::Apply(namespace("a")), sync(1)];
        assert_eq!(others.try_iter().skip(2).collect::<Vec<_>>(), rest);
    }

    #[test]
    fn waiting_names_the_node_that_is_late() {
        let feed = Feed::default();
        feed.add_node("n1");
        feed.add_node("n2");
        feed.report("n1", AgentStatus::Applied { revision: 3 });
        feed.report(
            "n2",
            AgentStatus::Failed {
                message: "no memory".into(),
            },
        );
        let error = feed.wait_enforced(3, Duration::ZERO).unwrap_err();
        assert_eq!(
            error.to_string(),
            "node n2 does not enforce the change after 0 s: no memory"
        );
        feed.report("n2", AgentStatus::Applied { revision: 3 });
        assert_eq!(feed.wait_enforced(3, Duration::ZERO), Ok(()));
    }

    #[test]
    fn a_node_is_behind_from_the_change_to_its_report() {
        let feed = Feed::default();
        feed.add_node("n1");
        assert!(feed.is_behind("n1", Duration::ZERO));
        feed.report("n1", AgentStatus::Applied { revision: 0 });
        assert!(!feed.is_behind("n1", Duration::ZERO));
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| feed.is_behind("n1", Duration::from_secs(60)));
            feed.change(vec![namespace("a")], vec![]);
            assert!(waits.join().unwrap());
        });
    }

    #[test]
    fn what_is_being_collected_is_waited_for() {
        let feed = Feed::default();
        feed.add_node("n1");
        feed.report("n1", AgentStatus::Applied { revision: 0 });
        assert_eq!(feed.wait_settled(Duration::ZERO), Ok(()));
        let hold = feed.hold();
        feed.change(vec![namespace("a")], vec![]);
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| feed.wait_settled(Duration::from_secs(60)));
            drop(hold);
            feed.report("n1", AgentStatus::Applied { revision: 1 });
            assert_eq!(waits.join().unwrap(), Ok(()));
        });
        feed.change(vec![namespace("b")], vec![]);
        let error = feed.wait_settled(Duration::ZERO).unwrap_err();
        assert_eq!(error.node, "n1");
    }
}
