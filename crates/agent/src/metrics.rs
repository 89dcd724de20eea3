//! What an agent counts: how long objects take to the kernel, and what does not go well.

mod page;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use prometheus_client::metrics::histogram::Histogram;
use ringfence_ruleset::Table;

use crate::protocol::{AgentStatus, StoreEvent};
use crate::state::Event;
use crate::status::Health;

pub(crate) use page::page;

/// Upper ends of the buckets of the time that an object takes to the kernel, in seconds.
const BUCKETS: [f64; 14] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

/// What has been counted since the agent started.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    latency: Histogram,
    /// When the first object came that no revision was told for yet.
    first: Option<Duration>,
    /// Revisions that the kernel does not enforce yet, and when the first object of each came.
    waiting: VecDeque<(u64, Duration)>,
    heard: Option<u64>,
    commits: u64,
    refused_commits: u64,
    revoked: u64,
    troubles: BTreeMap<String, Trouble>,
}

/// What is not heard, or was not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trouble {
    count: u64,
    /// The last one.
    message: String,
}

/// A moment of an agent.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) health: Health,
    pub(crate) tally: Tally,
    /// Elements of each set of the table.
    pub(crate) elements: BTreeMap<String, usize>,
    pub(crate) rules: usize,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            latency: Histogram::new(BUCKETS),
            first: None,
            waiting: VecDeque::new(),
            heard: None,
            commits: 0,
            refused_commits: 0,
            revoked: 0,
            troubles: BTreeMap::new(),
        }
    }
}

impl Tally {
    /// Takes note of what happened at the time `now`.
    pub(crate) fn event(&mut self, event: &Event, now: Duration) {
        match event {
            Event::Store(event) => self.store(event, now),
            Event::StoreDisconnected => self.forget(),
            Event::Committed => self.commits += 1,
            Event::CommitFailed { .. } => self.refused_commits += 1,
            Event::EndpointsLoaded(_)
            | Event::Request { .. }
            | Event::KernelState { .. }
            | Event::KernelUnreadable { .. }
            | Event::Connections { .. }
            | Event::Revoked
            | Event::ConnectionsFailed { .. }
            | Event::ForeignEdit
            | Event::Verified { .. }
            | Event::NamesLoaded(_)
            | Event::DnsServers(_)
            | Event::Lesson { .. }
            | Event::Tick => {}
        }
    }

    fn store(&mut self, event: &StoreEvent, now: Duration) {
        match event {
            StoreEvent::Reset => self.forget(),
            StoreEvent::Begin | StoreEvent::Apply(_) | StoreEvent::Delete(_) => {
                self.first.get_or_insert(now);
            }
            StoreEvent::Synced { revision } => {
                self.heard = Some(*revision);
                let first = self.first.take();
                self.waiting.extend(first.map(|first| (*revision, first)));
            }
        }
    }

    /// Revisions are those of one connection.
    fn forget(&mut self) {
        self.first = None;
        self.waiting.clear();
    }

    /// Takes note of what the store is told at the time `now`.
    pub(crate) fn report(&mut self, status: &AgentStatus, now: Duration) {
        let AgentStatus::Applied { revision } = status else {
            return;
        };
        let is_there = |waiting: &mut (u64, Duration)| waiting.0 <= *revision;
        while let Some((_, first)) = self.waiting.pop_front_if(is_there) {
            let took = now.saturating_sub(first);
            self.latency.observe(took.as_secs_f64());
        }
    }

    /// What was not heard at some time, and why at last.
    pub(crate) fn unheard(&self) -> BTreeMap<String, String> {
        let troubles = self.troubles.iter();
        troubles
            .map(|(about, trouble)| (about.clone(), trouble.message.clone()))
            .collect()
    }

    pub(crate) fn revoked(&mut self, connections: usize) {
        self.revoked += connections as u64;
    }

    /// Takes note of what is not heard; `true` if that is news.
    pub(crate) fn trouble(&mut self, about: String, message: String) -> bool {
        let trouble = self.troubles.entry(about).or_default();
        trouble.count += 1;
        let is_news = trouble.message != message;
        trouble.message = message;
        is_news
    }
}

impl Sample {
    pub(crate) fn new(health: Health, tally: Tally, table: Option<&Table>) -> Self {
        let sets = table.into_iter().flat_map(|table| &table.sets);
        let chains = table.into_iter().flat_map(|table| table.chains.values());
        Self {
            health,
            tally,
            elements: sets
                .map(|(name, set)| (name.clone(), set.elements.len()))
                .collect(),
            rules: chains.map(|chain| chain.rules.len()).sum(),
        }
    }

    /// What keeps the node from enforcing, a line each.
    pub(crate) fn obstacles(&self) -> Vec<String> {
        let mut lines = Vec::from_iter(self.health.problem.clone());
        if self.health.ready {
            return lines;
        }
        if !self.health.connected {
            lines.push("the cluster's objects have not all been received".to_owned());
        }
        let troubles = self.tally.troubles.iter();
        lines.extend(troubles.map(|(about, trouble)| format!("{about}: {}", trouble.message)));
        lines
    }
}

#[cfg(test)]
mod tests {
    use ringfence_model::{Labels, Namespace};

    use super::*;
    use crate::protocol::AgentObject;

    fn apply() -> Event {
        let namespace = Namespace::new("a", Labels::new());
        Event::Store(StoreEvent::Apply(AgentObject::Namespace(namespace)))
    }

    fn synced(revision: u64) -> Event {
        Event::Store(StoreEvent::Synced { revision })
    }

    fn observed(tally: &Tally) -> (String, String) {
        let sample = Sample::new(Health::default(), tally.clone(), None);
        let text = page(&sample, &BTreeMap::new(), crate::flows::Lost::default());
        let value = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(name)).unwrap();
            line.rsplit_once(' ').unwrap().1.to_owned()
        };
        (
            value("ringfence_apply_seconds_count"),
            value("ringfence_apply_seconds_sum"),
        )
    }

    #[test]
    fn the_time_of_an_object_runs_until_its_revision_is_enforced() {
        let mut tally = Tally::default();
        let at = Duration::from_secs;
        tally.event(&apply(), at(1));
        tally.event(&apply(), at(2));
        tally.event(&synced(7), at(2));
        tally.event(&apply(), at(3));
        tally.event(&synced(8), at(3));
        tally.report(&AgentStatus::Applied { revision: 7 }, at(5));
        assert_eq!(observed(&tally), ("1".to_owned(), "4.0".to_owned()));
        tally.report(&AgentStatus::Applied { revision: 8 }, at(9));
        assert_eq!(observed(&tally), ("2".to_owned(), "10.0".to_owned()));
    }

    #[test]
    fn what_was_under_way_when_a_connection_ended_is_not_measured() {
        let mut tally = Tally::default();
        tally.event(&apply(), Duration::ZERO);
        tally.event(&synced(7), Duration::ZERO);
        tally.event(&Event::StoreDisconnected, Duration::ZERO);
        let applied = AgentStatus::Applied { revision: 7 };
        tally.report(&applied, Duration::from_secs(60));
        assert_eq!(observed(&tally).0, "0");
    }

    #[test]
    fn what_is_not_heard_is_told_until_the_node_is_ready() {
        let mut tally = Tally::default();
        let forbidden = || ("pods".to_owned(), "forbidden".to_owned());
        let (about, message) = forbidden();
        assert!(tally.trouble(about, message));
        let (about, message) = forbidden();
        assert!(!tally.trouble(about, message), "it is no news");
        let mut sample = Sample::new(Health::default(), tally, None);
        let told = [
            "the cluster's objects have not all been received",
            "pods: forbidden",
        ];
        assert_eq!(sample.obstacles(), told);
        sample.health.ready = true;
        assert!(sample.obstacles().is_empty());
    }
}
