//! Terms: what the rules that matter on this node ask of a peer, each question once.

mod members;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use ringfence_model::{
    Cluster, ClusterPeer, DomainName, IpBlock, LabelSelector, PeerSelector, PodScope, PolicyPeer,
};
use ringfence_net::{Family, Protocol};

use super::content;
use crate::comment;
use crate::hash::hash;
use crate::peer::{PeerId, canonical};
use crate::span::{Span, block_family, merged};
use members::Index;

/// Position of a term in [`Terms`]. It says nothing about order.
pub(crate) type TermId = usize;

/// Position of a group of judged pods.
pub(crate) type GroupId = usize;

/// The terms, who asks them, and of which peers they are true.
#[derive(Debug, Default)]
pub(crate) struct Terms {
    slots: Vec<Option<Term>>,
    free: Vec<TermId>,
    /// Slots that are free when the update has ended.
    emptied: Vec<TermId>,
    ids: BTreeMap<Vec<u8>, TermId>,
    index: Index,
    names: BTreeMap<String, BTreeMap<(Protocol, Sense), BTreeSet<GroupId>>>,
    by_peer: BTreeMap<PeerId, BTreeSet<TermId>>,
    /// Terms about pods that no peer was asked about yet.
    born: BTreeSet<TermId>,
    /// Terms that may have nobody who asks them.
    idle: BTreeSet<TermId>,
    /// Port names that came into use or fell out of it.
    changed_names: BTreeSet<(String, Protocol)>,
    /// Whether terms about addresses came, went or changed.
    pub(super) addresses_changed: bool,
}

#[derive(Debug)]
struct Term {
    content: Vec<u8>,
    hash: u64,
    kind: TermKind,
    /// The groups whose rules ask it; of named ports see `names`.
    users: BTreeSet<GroupId>,
    /// The peers that it is true of, for terms about pods.
    members: BTreeSet<PeerId>,
}

/// One question about a peer.
#[derive(Clone, Debug)]
enum TermKind {
    /// Is it a pod that this selector, in a policy of this namespace, matches?
    Pods {
        selector: PeerSelector,
        namespace: String,
    },
    /// Is it a pod in this scope (rule CN-2)?
    Scope { scope: PodScope, sense: Sense },
    /// Is its address in this block?
    Block(IpBlock),
    /// Is its address in this network (rule CN-34)?
    Network(IpNet),
    /// Is its address one of these?
    Addresses {
        whose: Whose,
        addresses: Vec<IpAddr>,
    },
    /// Is it a pod whose container port of this name and protocol is this one (rules NP-34, CN-33)?
    NamedPort(NamedPort, Sense),
}

/// How sure a term about a pod must be of an address that several pods claim. What allows must be certain, what denies
/// need only be possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sense {
    /// All pods with the address match.
    Certain,
    /// Some pod with the address matches.
    Possible,
}

impl Sense {
    pub(crate) const ALL: [Self; 2] = [Self::Certain, Self::Possible];

    pub(super) const fn number(self) -> u64 {
        match self {
            Self::Certain => 0,
            Self::Possible => 1,
        }
    }
}

/// Whose addresses a rule names without writing them.
#[derive(Clone, Debug)]
enum Whose {
    /// Those of nodes with such labels (rule CN-35).
    Nodes(LabelSelector),
    /// Those that are known of such names (rules CN-37, AM-19).
    Names(Vec<DomainName>),
}

/// What a named port means on some pods.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NamedPort {
    pub(crate) name: String,
    pub(crate) protocol: Protocol,
    pub(crate) port: u16,
}

/// Who asks what.
impl Terms {
    /// The term of a peer item in a policy of `namespace`.
    pub(crate) fn peer(&mut self, peer: &PolicyPeer, namespace: &str) -> TermId {
        match peer {
            PolicyPeer::IpBlock(block) => {
                self.intern(content::block(block), || TermKind::Block(block.clone()))
            }
            PolicyPeer::Pods(selector) => {
                self.intern(content::pods(selector, namespace), || TermKind::Pods {
                    selector: selector.clone(),
                    namespace: namespace.to_owned(),
                })
            }
        }
    }

    /// The terms of a peer item in a cluster-scoped policy: pods in the sense asked for.
    pub(crate) fn cluster_peer(
        &mut self,
        peer: &ClusterPeer,
        sense: Sense,
        cluster: &Cluster,
    ) -> Vec<TermId> {
        match peer {
            ClusterPeer::Pods(scope) => {
                let kind = || TermKind::Scope {
                    scope: scope.clone(),
                    sense,
                };
                vec![self.intern(content::scope(scope, sense), kind)]
            }
            ClusterPeer::Networks(networks) => networks
                .iter()
                .map(|network| {
                    self.intern(content::network(network), || TermKind::Network(*network))
                })
                .collect(),
            ClusterPeer::Nodes(selector) => {
                let whose = || Whose::Nodes(selector.clone());
                vec![self.addresses(content::nodes(selector), whose, cluster)]
            }
            ClusterPeer::DomainNames(names) => {
                let whose = || Whose::Names(names.clone());
                vec![self.addresses(content::names(names), whose, cluster)]
            }
            ClusterPeer::Unrecognized => Vec::new(),
        }
    }

    fn addresses(
        &mut self,
        content: Vec<u8>,
        whose: impl FnOnce() -> Whose,
        cluster: &Cluster,
    ) -> TermId {
        self.intern(content, || {
            let whose = whose();
            TermKind::Addresses {
                addresses: whose.addresses(cluster),
                whose,
            }
        })
    }

    fn intern(&mut self, content: Vec<u8>, kind: impl FnOnce() -> TermKind) -> TermId {
        if let Some(id) = self.ids.get(&content) {
            return *id;
        }
        let term = Term {
            hash: hash(&content),
            content: content.clone(),
            kind: kind(),
            users: BTreeSet::new(),
            members: BTreeSet::new(),
        };
        let id = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len().saturating_sub(1)
        });
        match &term.kind {
            TermKind::Pods { .. } | TermKind::Scope { .. } => {
                self.born.insert(id);
            }
            TermKind::Block(_) | TermKind::Network(_) | TermKind::Addresses { .. } => {
                self.addresses_changed = true;
            }
            TermKind::NamedPort(..) => {}
        }
        self.ids.insert(content, id);
        if let Some(slot) = self.slots.get_mut(id) {
            *slot = Some(term);
        }
        id
    }

    /// `group` asks `new` instead of `old`.
    pub(crate) fn hold(&mut self, group: GroupId, old: &BTreeSet<TermId>, new: &BTreeSet<TermId>) {
        for id in new.difference(old) {
            if let Some(term) = self.get_mut(*id) {
                term.users.insert(group);
            }
        }
        for id in old.difference(new) {
            if let Some(term) = self.get_mut(*id) {
                term.users.remove(&group);
                if term.users.is_empty() {
                    self.idle.insert(*id);
                }
            }
        }
    }

    /// `group` asks what the port names `new` mean on its peers, instead of `old`.
    pub(crate) fn hold_names(
        &mut self,
        group: GroupId,
        old: &BTreeSet<PortName>,
        new: &BTreeSet<PortName>,
    ) {
        for (name, protocol, sense) in new.difference(old) {
            let users = self.names.entry(name.clone()).or_default();
            let users = users.entry((*protocol, *sense)).or_default();
            if users.is_empty() {
                self.changed_names.insert((name.clone(), *protocol));
            }
            users.insert(group);
        }
        for (name, protocol, sense) in old.difference(new) {
            let Some(known) = self.names.get_mut(name) else {
                continue;
            };
            if let Some(users) = known.get_mut(&(*protocol, *sense)) {
                users.remove(&group);
                if users.is_empty() {
                    known.remove(&(*protocol, *sense));
                    self.changed_names.insert((name.clone(), *protocol));
                }
            }
            if known.is_empty() {
                self.names.remove(name);
            }
        }
    }

    /// The groups that ask a term.
    pub(crate) fn users(&self, id: TermId) -> impl Iterator<Item = GroupId> {
        let term = self.get(id);
        let named = term.and_then(|term| match &term.kind {
            TermKind::NamedPort(port, sense) => {
                self.names.get(&port.name)?.get(&(port.protocol, *sense))
            }
            TermKind::Pods { .. }
            | TermKind::Scope { .. }
            | TermKind::Block(_)
            | TermKind::Network(_)
            | TermKind::Addresses { .. } => None,
        });
        let own = term.map(|term| &term.users);
        own.into_iter().chain(named).flatten().copied()
    }

    /// The terms for the ports that a name means on some pod.
    pub(crate) fn with_name(&self, (name, protocol, sense): &PortName) -> Vec<TermId> {
        let prefix = content::port_name(name, *protocol).finish();
        let from = self.ids.range(prefix.clone()..);
        let named = from.take_while(|(content, _)| content.starts_with(&prefix));
        named
            .map(|(_, id)| *id)
            .filter(|id| self.named_port(*id, *sense).is_some())
            .collect()
    }

    /// Takes up the addresses of nodes and names anew.
    pub(crate) fn resolve(&mut self, cluster: &Cluster) {
        for term in self.slots.iter_mut().flatten() {
            if let TermKind::Addresses { whose, addresses } = &mut term.kind {
                let now = whose.addresses(cluster);
                if now != *addresses {
                    *addresses = now;
                    self.addresses_changed = true;
                }
            }
        }
    }
}

/// A port name in egress rules: its protocol, and how sure one must be.
pub(crate) type PortName = (String, Protocol, Sense);

/// What a term says.
impl Terms {
    fn get(&self, id: TermId) -> Option<&Term> {
        self.slots.get(id)?.as_ref()
    }

    fn get_mut(&mut self, id: TermId) -> Option<&mut Term> {
        self.slots.get_mut(id)?.as_mut()
    }

    pub(crate) fn hash(&self, term: TermId) -> u64 {
        self.get(term).map_or(0, |term| term.hash)
    }

    /// What a term asks; orders terms by what they are.
    pub(crate) fn content(&self, term: TermId) -> &[u8] {
        self.get(term).map_or(&[], |term| &term.content)
    }

    /// The terms about addresses, whoever has them, but for names.
    pub(crate) fn of_addresses(&self) -> impl Iterator<Item = TermId> {
        (0..self.slots.len()).filter(|term| self.is_of_addresses(*term))
    }

    pub(crate) fn is_of_addresses(&self, term: TermId) -> bool {
        self.get(term)
            .is_some_and(|term| term.kind.is_of_addresses())
    }

    pub(crate) fn is_of_names(&self, term: TermId) -> bool {
        match self.get(term).map(|term| &term.kind) {
            Some(TermKind::Addresses { whose, .. }) => matches!(whose, Whose::Names(_)),
            Some(
                TermKind::Block(_)
                | TermKind::Network(_)
                | TermKind::Pods { .. }
                | TermKind::Scope { .. }
                | TermKind::NamedPort(..),
            )
            | None => false,
        }
    }

    /// The addresses that are known of names, with the terms that ask for these names. They are no blocks: what is known of
    /// a name ends by itself, and the address is then what it was without.
    pub(super) fn named(&self) -> BTreeMap<IpAddr, Vec<TermId>> {
        let mut named: BTreeMap<IpAddr, Vec<TermId>> = BTreeMap::new();
        for (id, term) in self.slots.iter().enumerate() {
            let Some(TermKind::Addresses {
                whose: Whose::Names(_),
                addresses,
            }) = term.as_ref().map(|term| &term.kind)
            else {
                continue;
            };
            for address in addresses.iter().copied().collect::<BTreeSet<_>>() {
                named.entry(address).or_default().push(id);
            }
        }
        named
    }

    /// The addresses of `family` that a term is about; none for one about pods.
    pub(crate) fn spans(&self, term: TermId, family: Family) -> Vec<Span> {
        let Some(term) = self.get(term) else {
            return Vec::new();
        };
        match &term.kind {
            TermKind::Block(block) => spans_of_block(block, family),
            TermKind::Network(network) => {
                let of_family = (block_family(network) == family).then(|| Span::of(network));
                of_family.into_iter().collect()
            }
            TermKind::Addresses { addresses, .. } => {
                let addresses = addresses.iter();
                let of_family = addresses.filter(|address| Family::of(**address) == family);
                merged(of_family.map(|address| Span::single(*address)).collect())
            }
            TermKind::Pods { .. } | TermKind::Scope { .. } | TermKind::NamedPort(..) => Vec::new(),
        }
    }

    /// A term about addresses in words, which depend on nothing but what it asks.
    pub(crate) fn in_words(&self, term: TermId) -> Option<String> {
        match &self.get(term)?.kind {
            TermKind::Block(block) => Some(comment::block(block)),
            TermKind::Network(network) => Some(network.to_string()),
            TermKind::Addresses { whose, .. } => Some(match whose {
                Whose::Nodes(_) => "nodes".to_owned(),
                Whose::Names(names) => {
                    let names: BTreeSet<String> = names.iter().map(ToString::to_string).collect();
                    let names: Vec<String> = names.into_iter().collect();
                    names.join(" ")
                }
            }),
            TermKind::Pods { .. } | TermKind::Scope { .. } | TermKind::NamedPort(..) => None,
        }
    }

    /// The port that a term says a name means, for whom it need be no surer than `sense`.
    pub(crate) fn named_port(&self, term: TermId, sense: Sense) -> Option<&NamedPort> {
        match &self.get(term)?.kind {
            TermKind::NamedPort(named, own) if *own == sense => Some(named),
            TermKind::NamedPort(..)
            | TermKind::Pods { .. }
            | TermKind::Scope { .. }
            | TermKind::Block(_)
            | TermKind::Network(_)
            | TermKind::Addresses { .. } => None,
        }
    }

    /// Whether what the term says of an address must hold of all pods that claim it.
    pub(crate) fn sense(&self, term: TermId) -> Sense {
        match self.get(term).map(|term| &term.kind) {
            Some(TermKind::Scope { sense, .. } | TermKind::NamedPort(_, sense)) => *sense,
            Some(
                TermKind::Pods { .. }
                | TermKind::Block(_)
                | TermKind::Network(_)
                | TermKind::Addresses { .. },
            )
            | None => Sense::Certain,
        }
    }

    /// The terms about pods that are true of a peer.
    pub(crate) fn of_peer(&self, peer: PeerId) -> Option<&BTreeSet<TermId>> {
        self.by_peer.get(&peer)
    }
}

impl TermKind {
    /// Whether it is about addresses, whoever has them, and not by a name.
    const fn is_of_addresses(&self) -> bool {
        match self {
            Self::Block(_) | Self::Network(_) => true,
            Self::Addresses { whose, .. } => match whose {
                Whose::Nodes(_) => true,
                Whose::Names(_) => false,
            },
            Self::Pods { .. } | Self::Scope { .. } | Self::NamedPort(..) => false,
        }
    }
}

impl Whose {
    fn addresses(&self, cluster: &Cluster) -> Vec<IpAddr> {
        match self {
            Self::Nodes(selector) => addresses_of_nodes(selector, cluster),
            Self::Names(names) => addresses_of_names(names, cluster),
        }
    }
}

/// CN-35, AM-18: the addresses that the nodes with matching labels report.
fn addresses_of_nodes(selector: &LabelSelector, cluster: &Cluster) -> Vec<IpAddr> {
    let nodes = cluster.nodes.values();
    let selected = nodes.filter(|node| selector.matches(&node.labels));
    selected
        .flat_map(|node| canonical(&node.addresses))
        .collect()
}

/// CN-37, AM-19: the addresses that are known of the names.
fn addresses_of_names(names: &[DomainName], cluster: &Cluster) -> Vec<IpAddr> {
    let known = cluster.domain_addresses.iter();
    let meant = known.filter(|(known, _)| names.iter().any(|name| name.matches(known)));
    meant
        .flat_map(|(_, addresses)| canonical(addresses))
        .collect()
}

fn spans_of_block(block: &IpBlock, family: Family) -> Vec<Span> {
    if block_family(&block.cidr) != family {
        return Vec::new();
    }
    let holes = block
        .except
        .iter()
        .filter(|hole| block_family(hole) == family);
    let holes: Vec<Span> = holes.map(Span::of).collect();
    Span::of(&block.cidr).without(&holes)
}
