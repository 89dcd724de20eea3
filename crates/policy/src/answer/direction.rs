//! Rule Q-10: one direction of one connection attempt, for the pod that policy protects.

use std::borrow::Cow;

use ringfence_model::{
    AuditRef, Because, ContainerPort, Direction, DirectionDecision, DirectionVerdict, Labels,
    NetworkPolicy, Party, Pod,
};

use super::tiers::Course;
use super::{Dialled, Facts};
use crate::index::{in_namespace, namespace_labels};

/// What one direction is judged on: a pod, its peer, and what is dialled.
#[derive(Clone, Debug)]
pub(super) struct Attempt<'a> {
    pub(super) facts: Facts<'a>,
    pub(super) direction: Direction,
    /// The pod that the policies select: source of egress, destination of ingress.
    pub(super) subject: &'a Pod,
    /// The same as a party.
    pub(super) own: &'a Party,
    /// The other end.
    pub(super) peer: &'a Party,
    /// The other end if it is a live pod of the pod network (rule NP-16).
    pub(super) peer_pod: Option<PeerPod<'a>>,
    pub(super) dialled: Dialled,
    /// What the end that is dialled declares (rule NP-34); nothing unless it is a pod (rule NP-35).
    pub(super) destination_ports: &'a [ContainerPort],
    /// Whether policies in audit mode are asked too (rule AU-4).
    strict: bool,
}

/// A peer that selectors can match.
#[derive(Clone, Debug)]
pub(super) struct PeerPod<'a> {
    pub(super) pod: &'a Pod,
    pub(super) namespace_labels: Cow<'a, Labels>,
}

impl<'a> Attempt<'a> {
    /// `None` if `own` is no live pod of the pod network, and so no subject (rule Q-9).
    pub(super) fn new(
        facts: Facts<'a>,
        direction: Direction,
        own: &'a Party,
        peer: &'a Party,
        dialled: Dialled,
    ) -> Option<Self> {
        let subject = pod_of(facts, own)?;
        let peer_pod = pod_of(facts, peer);
        let destination = match direction {
            Direction::Ingress => Some(subject),
            Direction::Egress => peer_pod,
        };
        Some(Self {
            facts,
            direction,
            subject,
            own,
            peer,
            peer_pod: peer_pod.map(|pod| PeerPod {
                pod,
                namespace_labels: namespace_labels(facts.cluster, &pod.name.namespace),
            }),
            dialled,
            destination_ports: destination.map_or(&[], |pod| &pod.ports),
            strict: false,
        })
    }

    pub(super) fn is_self(&self) -> bool {
        let peer = self.peer_pod.as_ref();
        peer.is_some_and(|peer| peer.pod.name == self.subject.name)
    }

    /// NP-1, NP-2: the policies of the pod's namespace that select it and isolate in this direction, in order of name.
    /// AU-3: those in audit mode do not.
    pub(super) fn isolating_policies(&self) -> Vec<&'a NetworkPolicy> {
        self.policies()
            .filter(|policy| self.strict || !policy.is_audited())
            .collect()
    }

    fn policies(&self) -> impl Iterator<Item = &'a NetworkPolicy> + use<'a> {
        let policies = &self.facts.cluster.network_policies;
        let of_namespace = in_namespace(policies, &self.subject.name.namespace);
        let (direction, subject) = (self.direction, self.subject);
        of_namespace
            .filter(move |policy| policy.isolates(direction))
            .filter(move |policy| policy.pod_selector.matches(&subject.labels))
    }

    /// NP-50: the pod's own node gets in. NP-51: no other node. NP-52: nothing exempts the way to it.
    pub(super) fn is_exempt_local_node(&self) -> bool {
        let Party::Node { name, address, .. } = self.peer else {
            return false;
        };
        let own = self.subject.node.as_deref();
        let same_name = own.is_some() && own == name.as_deref();
        let same_address = address.is_some_and(|address| {
            let of_node = own.is_some_and(|own| self.facts.index.nodes.has(own, address));
            let mut reported = self.subject.host_addresses.iter();
            of_node || reported.any(|found| found.to_canonical() == address)
        });
        self.direction == Direction::Ingress && (same_name || same_address)
    }

    /// OB-16: nobody can be the local node of a pod of which no node is known.
    pub(super) fn local_node_unknown(&self) -> bool {
        let may_be_node = matches!(self.peer, Party::Node { .. } | Party::Other(_));
        let known = self.subject.node.is_some() || !self.subject.host_addresses.is_empty();
        self.direction == Direction::Ingress && may_be_node && !known
    }

    pub(super) fn conclude(
        &self,
        verdict: DirectionVerdict,
        because: Because,
    ) -> DirectionDecision {
        DirectionDecision {
            direction: self.direction,
            subject: self.own.clone(),
            verdict,
            passed: Vec::new(),
            because,
            audited: None,
        }
    }
}

/// the steps in order. AU-4: where policies in audit mode would deny it, that is said. NP-60, CN-40: a pod that dials its own address is never judged.
pub(super) fn decide(attempt: &Attempt<'_>) -> DirectionDecision {
    if attempt.is_self() && !attempt.dialled.via_service {
        return attempt.conclude(DirectionVerdict::Allow, Because::OwnAddress);
    }
    let by: Vec<AuditRef> = attempt.policies().filter_map(AuditRef::of).collect();
    let decision = Course::run(attempt);
    if by.is_empty() {
        return decision;
    }
    let strict = Attempt {
        strict: true,
        ..attempt.clone()
    };
    decision.beside(by, Course::run(&strict))
}

/// NP-16, NP-53: the pod that a party is, if policy can select it.
pub(super) fn pod_of<'a>(facts: Facts<'a>, party: &Party) -> Option<&'a Pod> {
    let Party::Pod { name, .. } = party else {
        return None;
    };
    let pod = facts.cluster.pods.get(name);
    pod.filter(|pod| pod.is_on_pod_network())
}
