//! Rule NP-5 taken apart: which rule of a NetworkPolicy says what to whom.

use std::collections::BTreeMap;
use std::ops::Range;

use super::course::{Admitted, Course};
use super::{Judge, Saying};
use crate::class::{ClassId, ClassSet, Reach};
use crate::partition::{Extent, Partition};
use crate::policies::PolicyId;
use crate::rule::Policy;
use ringfence_net::ConnectionSet;

/// A rule of one direction, by its place among those of the policy.
pub(crate) type RuleKey = (PolicyId, usize);

/// What rules of NetworkPolicies say to subjects that are judged alike.
#[derive(Clone, Debug)]
pub(crate) struct Sayings {
    /// How far judging has come before them.
    course: Partition<Course>,
    /// Those who may be the other end.
    peers: ClassSet,
    all: Vec<Saying>,
    /// The places of what each rule says; of a rule that is taken away nothing is left.
    of_rule: BTreeMap<RuleKey, Range<usize>>,
    /// The places of what is said to a peer, by its number, and to everybody.
    to_peer: Vec<Vec<usize>>,
    to_all: Vec<usize>,
}

impl Sayings {
    /// What `policies` say to each of `peers`.
    pub(crate) fn new(
        judge: Judge<'_>,
        policies: &[(PolicyId, &Policy)],
        peers: &ClassSet,
    ) -> Self {
        let known: Vec<&Policy> = policies.iter().map(|(_, policy)| *policy).collect();
        let mut found = Self {
            course: judge.before_network_policies(&known),
            peers: peers.clone(),
            all: Vec::new(),
            of_rule: BTreeMap::new(),
            to_peer: vec![Vec::new(); judge.classes.bound()],
            to_all: Vec::new(),
        };
        let network = policies
            .iter()
            .filter(|(_, policy)| policy.tier().is_none());
        for (id, policy) in network {
            let rules = policy.rules.get(judge.direction).iter().flatten();
            for (index, rule) in rules.enumerate() {
                found.add((*id, index), judge.sayings(rule));
            }
        }
        found
    }

    fn add(&mut self, rule: RuleKey, sayings: Vec<Saying>) {
        let first = self.all.len();
        for saying in sayings {
            let place = self.all.len();
            match &saying.yes {
                Extent::All => self.to_all.push(place),
                Extent::Some(yes) => {
                    for peer in yes.union(&saying.maybe).intersection(&self.peers).iter() {
                        if let Some(to_peer) = self.to_peer.get_mut(peer.index()) {
                            to_peer.push(place);
                        }
                    }
                }
            }
            self.all.push(saying);
        }
        self.of_rule.insert(rule, first..self.all.len());
    }

    /// Whether no peer is judged otherwise without `rule`.
    pub(crate) fn can_spare(&self, rule: RuleKey) -> bool {
        let own = self.of_rule.get(&rule).cloned().unwrap_or_default();
        let said = self.all.get(own.clone()).unwrap_or_default();
        let is_same = |peer| self.reach(peer, &own) == self.reach(peer, &(0..0));
        said.iter().all(|saying| match &saying.yes {
            Extent::All => self.peers.iter().all(is_same),
            Extent::Some(yes) => {
                let met = yes.union(&saying.maybe).intersection(&self.peers);
                met.iter().all(is_same)
            }
        })
    }

    /// Goes on without `rule`.
    pub(crate) fn take(&mut self, rule: RuleKey) {
        let own = self.of_rule.remove(&rule).unwrap_or_default();
        for saying in self.all.get_mut(own).unwrap_or_default() {
            saying.connections = ConnectionSet::none();
        }
    }

    /// What comes of everything that is said to `peer` but what stands at `without`.
    fn reach(&self, peer: ClassId, without: &Range<usize>) -> Reach {
        let to_peer = self
            .to_peer
            .get(peer.index())
            .map_or(&[][..], Vec::as_slice);
        let places = self.to_all.iter().chain(to_peer);
        let left = places.filter(|place| !without.contains(place));
        let said = left.filter_map(|place| self.all.get(*place));
        let nothing = Admitted::by_all(ConnectionSet::none());
        let admitted = said.fold(nothing, |admitted, saying| match saying.is_certain(peer) {
            true => admitted.and_yes(&saying.connections),
            false => admitted.and_maybe(&saying.connections),
        });
        self.course.at(peer).isolated(&admitted).reach()
    }
}

impl Saying {
    /// Of one of those to whom it is said or may be said: whether it is said.
    fn is_certain(&self, peer: ClassId) -> bool {
        match &self.yes {
            Extent::All => true,
            Extent::Some(yes) => yes.contains(peer),
        }
    }
}
