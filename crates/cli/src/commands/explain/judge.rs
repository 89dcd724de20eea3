//! From ways and ports to answers, and of the answers' connections those that are alike together.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use ringfence_model::{
    Answer, Because, Connection, DirectionDecision, Expected, ObjectName, Party, PolicyRef, Query,
    QueryError,
};
use ringfence_net::ConnectionSet;
use ringfence_policy::Engine;
use ringfence_reach::assertion::{Claim, questions};

use super::chain::{Tiers, chain};
use super::question::{Question, Way};
use super::verdict::Verdict;
use crate::inputs::resolve::leave_open;

/// The answer for some ports of one way.
#[derive(Clone, Debug)]
pub(super) struct Judged {
    pub(super) way: Way,
    /// The question.
    pub(super) query: Query,
    /// The ports that were asked, which no rule tells apart.
    pub(super) asked: ConnectionSet,
    pub(super) answer: Answer,
}

/// Connections that are decided alike.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// The Service that they go through.
    pub(super) service: Option<ObjectName>,
    /// The ports that were asked.
    pub(super) asked: ConnectionSet,
    /// One of them, to explain.
    pub(super) connection: Connection,
    /// How many ways it stands for, itself included.
    pub(super) alike: usize,
    /// The others.
    pub(super) others: Vec<Other>,
}

/// A connection that is decided as another one is.
#[derive(Clone, Debug)]
pub(super) struct Other {
    pub(super) source: Party,
    pub(super) destination: Party,
    /// How many ways it stands for, itself included.
    pub(super) alike: usize,
}

/// Asks every port of every way.
pub(super) fn judge(
    engine: &Engine,
    question: &Question,
    ways: &[Way],
) -> anyhow::Result<Vec<Judged>> {
    let mut found = Vec::new();
    let mut impossible = None;
    for way in ways {
        let claim = Claim {
            expected: Expected::Allow,
            source: way.source.clone(),
            destination: way.destination.clone(),
            connections: question
                .asked(engine.cluster(), &way.destination)?
                .connections,
        };
        for part in questions(engine.cluster(), &claim) {
            let query = Query {
                protocol: question.portless().unwrap_or(part.query.protocol),
                ..part.query
            };
            match engine.answer(&query) {
                Ok(mut answer) => {
                    leave_open(engine, &query, &mut answer);
                    found.push(Judged {
                        way: way.clone(),
                        query: query.clone(),
                        asked: part.connections,
                        answer,
                    });
                }
                Err(error @ QueryError::NoCommonFamily(..)) => impossible = Some(error),
                Err(error) => bail!(with_advice(error)),
            }
        }
    }
    match impossible {
        Some(error) if found.is_empty() => Err(error).context("there is nothing to judge"),
        Some(_) | None => Ok(found),
    }
}

/// What to ask instead of what has no answer (rule Q-13).
fn with_advice(error: QueryError) -> String {
    let advice = match &error {
        QueryError::LoopbackSource(_) => Some("name the pod that it is inside of".to_owned()),
        QueryError::NoSuchEndpoint(_)
        | QueryError::NoCommonFamily(..)
        | QueryError::SharedAddress { .. }
        | QueryError::PortMissing(_)
        | QueryError::PortZero
        | QueryError::PortUnexpected(_)
        | QueryError::NoServiceAddress(_)
        | QueryError::NoServicePort(_)
        | QueryError::ServiceAsSource(_) => None,
    };
    advice.map_or_else(|| error.to_string(), |advice| format!("{error}: {advice}"))
}

/// What becomes of everything that was asked.
pub(super) fn verdict(judged: &[Judged]) -> Verdict {
    Verdict::together(judged.iter().map(|one| Verdict::from(&one.answer.outcome)))
}

/// The ports on which each verdict holds, in order of verdict.
pub(super) fn ports_by_verdict(judged: &[Judged]) -> Vec<(Verdict, ConnectionSet)> {
    let mut found: Vec<(Verdict, ConnectionSet)> = Vec::new();
    for one in judged {
        let verdict = Verdict::from(&one.answer.outcome);
        match found.iter_mut().find(|(known, _)| *known == verdict) {
            Some((_, ports)) => *ports = ports.union(&one.asked),
            None => found.push((verdict, one.asked.clone())),
        }
    }
    found.sort();
    found
}

/// How much connections must have in common to be told together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// What every rule says of them.
    Rules,
    /// Which policies judge them, and which rules decide.
    Policies,
}

/// The connections of all answers, those together that are decided alike: refused ones first.
pub(super) fn groups(judged: &[Judged], detail: Detail) -> Vec<Group> {
    let mut by_ends = Groups::default();
    for one in judged {
        for connection in &one.answer.connections {
            let group = Group {
                service: one.answer.service.clone(),
                asked: one.asked.clone(),
                connection: connection.clone(),
                others: Vec::new(),
                alike: one.way.alike,
            };
            by_ends.add_ports(group, detail);
        }
    }
    let mut found = Groups::default();
    for group in by_ends.groups {
        found.add_ends(group, detail);
    }
    let mut found = found.groups;
    found.sort_by_key(|group| Verdict::from(group.connection.verdict()));
    found
}

/// Groups in the order in which the first connection of each came. Adding one compares it with few others: a rule may tell
/// thousands of addresses apart.
#[derive(Default)]
struct Groups {
    groups: Vec<Group>,
    /// Their places, by words that are the same of all that are alike.
    places: BTreeMap<[String; 2], Vec<usize>>,
}

impl Groups {
    /// Adds the ports of `group` to one between the same ends, if they are decided alike.
    fn add_ports(&mut self, group: Group, detail: Detail) {
        let (source, destination) = group.ends();
        let words = [source.to_string(), destination.to_string()];
        let is_same =
            |known: &Group| known.ends() == group.ends() && known.is_decided_as(&group, detail);
        match self.find(&words, is_same) {
            Some(known) => known.asked = known.asked.union(&group.asked),
            None => self.push(words, group),
        }
    }

    /// Adds the ends of `group` to one with the same ports, if they are decided alike.
    fn add_ends(&mut self, group: Group, detail: Detail) {
        let Connection {
            egress, ingress, ..
        } = &group.connection;
        let words = [egress, ingress].map(|decision| chain(Tiers::ALL, decision));
        let is_same =
            |known: &Group| known.asked == group.asked && known.is_decided_as(&group, detail);
        match self.find(&words, is_same) {
            Some(known) => {
                let (source, destination) = group.ends();
                known.others.push(Other {
                    source: source.clone(),
                    destination: destination.clone(),
                    alike: group.alike,
                });
            }
            None => self.push(words, group),
        }
    }

    fn find(
        &mut self,
        words: &[String; 2],
        is_same: impl Fn(&Group) -> bool,
    ) -> Option<&mut Group> {
        let mut places = self.places.get(words)?.iter();
        let place = places.find(|place| self.groups.get(**place).is_some_and(&is_same))?;
        self.groups.get_mut(*place)
    }

    fn push(&mut self, words: [String; 2], group: Group) {
        self.places
            .entry(words)
            .or_default()
            .push(self.groups.len());
        self.groups.push(group);
    }
}

impl Group {
    pub(super) fn ends(&self) -> (&Party, &Party) {
        (&self.connection.source, &self.connection.destination)
    }

    /// The ends of all its connections that are named.
    pub(super) fn everybody(&self) -> impl Iterator<Item = (&Party, &Party)> {
        let others = self.others.iter();
        let others = others.map(|other| (&other.source, &other.destination));
        std::iter::once(self.ends()).chain(others)
    }

    fn is_decided_as(&self, other: &Self, detail: Detail) -> bool {
        let (one, two) = (&self.connection, &other.connection);
        let directions = [(&one.egress, &two.egress), (&one.ingress, &two.ingress)];
        let alike = directions.into_iter().all(|(one, two)| match detail {
            Detail::Rules => {
                one.verdict == two.verdict && one.passed == two.passed && one.because == two.because
            }
            Detail::Policies => {
                chain(Tiers::ALL, one) == chain(Tiers::ALL, two) && isolating(one) == isolating(two)
            }
        });
        let is_pod = |party: &Party| matches!(party, Party::Pod { .. });
        let same_kind = is_pod(&one.source) == is_pod(&two.source)
            && is_pod(&one.destination) == is_pod(&two.destination);
        let same_shift = self.shifts_port() == other.shifts_port();
        alike && same_kind && self.service == other.service && same_shift
    }

    /// How many ways are decided like this, those included that are not named.
    pub(super) fn ways(&self) -> usize {
        self.alike + self.others.iter().map(|other| other.alike).sum::<usize>()
    }

    /// The port that is reached, where it may be another than the one that was dialled.
    fn shifts_port(&self) -> Option<u16> {
        self.connection.port.filter(|_| self.is_led_on())
    }

    /// Whether a Service or a node leads it to where it ends.
    pub(super) fn is_led_on(&self) -> bool {
        self.service.is_some() || self.connection.entry.is_some()
    }
}

fn isolating(decision: &DirectionDecision) -> &[PolicyRef] {
    match &decision.because {
        Because::NoRuleMatched { isolated_by, .. }
        | Because::LocalNode { isolated_by }
        | Because::OwnService { isolated_by } => isolated_by,
        Because::NoSubject
        | Because::Host(_)
        | Because::Loopback
        | Because::OwnAddress
        | Because::ClusterRule(_)
        | Because::Rules { .. }
        | Because::AddressUnknown { .. }
        | Because::NotIsolated => &[],
    }
}
