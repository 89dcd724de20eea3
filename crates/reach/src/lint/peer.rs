//! What becomes of each peer that names pods: several lints ask, each about its own case.

use std::borrow::Cow;

use ringfence_model::{
    ClusterPeer, LabelSelector, METADATA_NAME_LABEL, NetworkPolicy, ObjectName, PeerSelector,
    PolicyPeer, map_with,
};

use super::cluster_site::{as_peer, cluster_rules};
use super::context::{Context, PodGroup, rules};
use super::problem::Place;
use super::requirement::{
    asks_controllers, is_every_namespace, missing_key, namespace_contradiction, positive,
};

/// A peer that names pods by labels.
#[derive(Debug)]
pub(super) struct PeerSite<'a> {
    pub(super) place: Place,
    pub(super) selector: Cow<'a, PeerSelector>,
    /// The policy's namespace; empty for a cluster-scoped policy.
    pub(super) namespace: &'a str,
    /// Whether the item beside it names only namespaces and this one only pods, and they are probably meant as one.
    pub(super) may_be_half: bool,
    pub(super) fate: Fate,
}

/// What a peer matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// At least one pod.
    Pods,
    /// Pods of the nodes' network and no others, which are no peers (rule NP-16).
    HostPodsAlone,
    /// Nothing, ever (rule NP-23).
    Contradiction,
    /// Nothing: no namespace has a label with this key.
    NamespaceLabelMissing(String),
    /// Nothing: no namespace has these labels.
    NoNamespace,
    /// Nothing: no pod has a label with this key.
    PodLabelMissing(String),
    /// Nothing: such pods are in other namespaces, and the peer speaks of the policy's own (rule NP-12).
    Elsewhere(Vec<ObjectName>),
    /// Nothing: no pod has these labels.
    NoPod,
    /// The manifests do not tell.
    Unknown,
}

impl PeerSite<'_> {
    /// An object that may make the pods that it means, which the manifests do not hold.
    pub(super) fn maker<'c>(&self, context: &'c Context<'_>) -> Option<&'c str> {
        match &self.fate {
            Fate::NoPod | Fate::PodLabelMissing(_) => {
                let selector = self.selector.namespaces.as_ref();
                context.maker(context.namespaces(selector, self.namespace))
            }
            Fate::Pods
            | Fate::HostPodsAlone
            | Fate::Contradiction
            | Fate::NamespaceLabelMissing(_)
            | Fate::NoNamespace
            | Fate::Elsewhere(_)
            | Fate::Unknown => None,
        }
    }
}

/// Every peer of every rule that allows something and names pods.
pub(super) fn peers<'a>(context: &Context<'a>) -> Vec<PeerSite<'a>> {
    let policies: Vec<&'a NetworkPolicy> = context.policies().collect();
    let sites = map_with(context.workers, &policies, |policy| {
        of_policy(context, policy)
    });
    let sites = sites.into_iter().flatten();
    sites.chain(cluster_peers(context)).collect()
}

fn of_policy<'a>(context: &Context<'a>, policy: &'a NetworkPolicy) -> Vec<PeerSite<'a>> {
    let peers = rules(policy).flat_map(|site| site.peers().map(move |peer| (site, peer)));
    let sites = peers.filter_map(|(site, (index, peer))| {
        let PolicyPeer::Pods(selector) = peer else {
            return None;
        };
        let namespace = policy.name.namespace.as_str();
        Some(PeerSite {
            place: site.peer(index),
            selector: Cow::Borrowed(selector),
            namespace,
            may_be_half: may_be_half(context, &site.rule.peers, index, namespace),
            fate: fate(context, selector, namespace),
        })
    });
    sites.collect()
}

fn cluster_peers<'a>(context: &Context<'a>) -> Vec<PeerSite<'a>> {
    let rules = context.cluster_policies().flat_map(cluster_rules);
    let peers = rules.flat_map(|site| site.peers().map(move |peer| (site, peer)));
    peers
        .filter_map(|(site, (index, peer))| {
            let ClusterPeer::Pods(scope) = peer else {
                return None;
            };
            let selector = as_peer(scope);
            Some(PeerSite {
                place: site.peer(index),
                fate: fate(context, &selector, ""),
                selector: Cow::Owned(selector),
                namespace: "",
                may_be_half: false,
            })
        })
        .collect()
}

/// Whether the item at `index` names only pods and one beside it only namespaces that may have such pods.
fn may_be_half(context: &Context<'_>, peers: &[PolicyPeer], index: usize, own: &str) -> bool {
    let at = |index: usize| peers.get(index);
    let before = index.checked_sub(1).and_then(at);
    let mut beside = [before, at(index + 1)].into_iter().flatten();
    let Some(pods) = at(index).filter(|peer| names_pods_alone(peer)) else {
        return false;
    };
    beside.any(|namespaces| {
        let both = as_one(namespaces, pods).filter(|_| names_namespaces_alone(namespaces));
        both.is_some_and(|both| may_match(context, &both, own))
    })
}

/// One item of the namespaces of one and the pods of the other.
pub(super) fn as_one(namespaces: &PolicyPeer, pods: &PolicyPeer) -> Option<PeerSelector> {
    let (PolicyPeer::Pods(namespaces), PolicyPeer::Pods(pods)) = (namespaces, pods) else {
        return None;
    };
    Some(PeerSelector {
        namespaces: Some(namespaces.namespaces.clone()?),
        pods: Some(pods.pods.clone()?),
    })
}

/// Whether a pod matches `peer`, or one may that is not among the manifests.
pub(super) fn may_match(context: &Context<'_>, peer: &PeerSelector, own: &str) -> bool {
    let mut like = context.like_peer(peer, own);
    let is_there = like.any(|group| !group.on_host);
    is_there || !context.knows_pods_of(peer.namespaces.as_ref(), own)
}

/// `- podSelector` with labels and nothing else.
pub(super) fn names_pods_alone(peer: &PolicyPeer) -> bool {
    match peer {
        PolicyPeer::Pods(PeerSelector {
            namespaces: None,
            pods: Some(pods),
        }) => !pods.is_empty(),
        PolicyPeer::Pods(_) | PolicyPeer::IpBlock(_) => false,
    }
}

/// `- namespaceSelector` with labels and nothing else.
pub(super) fn names_namespaces_alone(peer: &PolicyPeer) -> bool {
    match peer {
        PolicyPeer::Pods(PeerSelector {
            namespaces: Some(namespaces),
            pods: None,
        }) => !is_every_namespace(namespaces),
        PolicyPeer::Pods(_) | PolicyPeer::IpBlock(_) => false,
    }
}

/// What becomes of `peer` of a policy in the namespace `own`.
pub(super) fn fate(context: &Context<'_>, peer: &PeerSelector, own: &str) -> Fate {
    let namespaces = peer.namespaces.as_ref().and_then(namespace_contradiction);
    let pods = peer.pods.as_ref().and_then(LabelSelector::contradiction);
    if namespaces.or(pods).is_some() {
        return Fate::Contradiction;
    }
    let mut like = context.like_peer(peer, own).peekable();
    let is_alike = like.peek().is_some();
    if like.any(|group| !group.on_host) {
        return Fate::Pods;
    }
    if is_alike {
        return Fate::HostPodsAlone;
    }
    if context.namespaces(peer.namespaces.as_ref(), own).is_empty() {
        return without_namespace(context, peer);
    }
    if !context.knows_pods_of(peer.namespaces.as_ref(), own) {
        return Fate::Unknown;
    }
    without_pod(context, peer, own)
}

/// No namespace matches.
fn without_namespace(context: &Context<'_>, peer: &PeerSelector) -> Fate {
    let Some(selector) = &peer.namespaces else {
        return Fate::Unknown;
    };
    let by_name = |key: &str| key == METADATA_NAME_LABEL;
    if !context.knows_namespaces() || positive(selector).iter().any(|one| by_name(&one.key)) {
        return Fate::Unknown;
    }
    let all = context
        .cluster
        .namespaces
        .values()
        .map(|namespace| &namespace.labels);
    missing_key(selector, all).map_or(Fate::NoNamespace, Fate::NamespaceLabelMissing)
}

/// Namespaces match, and no pod of theirs does.
fn without_pod(context: &Context<'_>, peer: &PeerSelector, own: &str) -> Fate {
    let Some(selector) = &peer.pods else {
        return Fate::Unknown;
    };
    if context.idle(peer.namespaces.as_ref(), own, selector)
        || asks_controllers(context.cluster, selector)
    {
        return Fate::Unknown;
    }
    let all = context.groups.iter().map(|group| group.labels);
    if let Some(key) = missing_key(selector, all) {
        return Fate::PodLabelMissing(key);
    }
    if peer.namespaces.is_some() {
        return Fate::NoPod;
    }
    let matching = |group: &&PodGroup<'_>| !group.on_host && selector.matches(group.labels);
    let elsewhere = context.groups.iter().filter(matching);
    let elsewhere = elsewhere.flat_map(|group| &group.pods);
    let elsewhere: Vec<ObjectName> = elsewhere.map(|pod| pod.name.clone()).collect();
    if elsewhere.is_empty() {
        Fate::NoPod
    } else {
        Fate::Elsewhere(elsewhere)
    }
}
