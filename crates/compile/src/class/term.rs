use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use ringfence_model::{
    Cluster, ClusterPeer, DomainName, IpBlock, LabelSelector, PeerSelector, PodScope, PolicyPeer,
    SelectorOperator,
};
use ringfence_net::{Family, Protocol};

use crate::comment;
use crate::hash::{Content, hash};
use crate::peer::{Peers, canonical};
use crate::span::{Span, block_family, merged};

/// Position of a term in [`Terms`].
pub(crate) type TermId = usize;

/// What the rules that matter on this node ask of a peer.
#[derive(Debug, Default)]
pub(crate) struct Terms<'a> {
    terms: Vec<Term<'a>>,
    ids: BTreeMap<Vec<u8>, TermId>,
}

#[derive(Debug)]
struct Term<'a> {
    hash: u64,
    kind: TermKind<'a>,
}

/// One question about a peer.
#[derive(Clone, Debug)]
enum TermKind<'a> {
    /// Is it a pod that this selector, in a policy of this namespace, matches?
    Pods {
        selector: &'a PeerSelector,
        namespace: &'a str,
    },
    /// Is it a pod in this scope (rule CN-2)?
    Scope { scope: &'a PodScope, sense: Sense },
    /// Is its address in this block?
    Block(&'a IpBlock),
    /// Is its address in this network (rule CN-34)?
    Network(IpNet),
    /// Is its address one of these?
    Addresses {
        whose: Whose<'a>,
        addresses: Vec<IpAddr>,
    },
    /// Is it a pod whose container port of this name and protocol is this one (rules NP-34, CN-33)?
    NamedPort(NamedPort<'a>, Sense),
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

/// Whose addresses a rule names without writing them.
#[derive(Clone, Copy, Debug)]
enum Whose<'a> {
    /// Those of nodes with such labels (rule CN-35).
    Nodes(&'a LabelSelector),
    /// Those that are known of such names (rules CN-37, AM-19).
    Names(&'a [DomainName]),
}

/// What a named port means on some pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NamedPort<'a> {
    pub(crate) name: &'a str,
    pub(crate) protocol: Protocol,
    pub(crate) port: u16,
}

impl<'a> Terms<'a> {
    /// The term of a peer item in a policy of `namespace`.
    pub(crate) fn peer(&mut self, peer: &'a PolicyPeer, namespace: &'a str) -> TermId {
        match peer {
            PolicyPeer::IpBlock(block) => self.intern(TermKind::Block(block)),
            PolicyPeer::Pods(selector) => self.intern(TermKind::Pods {
                selector,
                namespace,
            }),
        }
    }

    /// The terms of a peer item in a cluster-scoped policy: pods in the sense asked for.
    pub(crate) fn cluster_peer(
        &mut self,
        peer: &'a ClusterPeer,
        sense: Sense,
        cluster: &Cluster,
    ) -> Vec<TermId> {
        match peer {
            ClusterPeer::Pods(scope) => vec![self.intern(TermKind::Scope { scope, sense })],
            ClusterPeer::Networks(networks) => networks
                .iter()
                .map(|network| self.intern(TermKind::Network(*network)))
                .collect(),
            ClusterPeer::Nodes(selector) => vec![self.intern(TermKind::Addresses {
                whose: Whose::Nodes(selector),
                addresses: addresses_of_nodes(selector, cluster),
            })],
            ClusterPeer::DomainNames(names) => vec![self.intern(TermKind::Addresses {
                whose: Whose::Names(names),
                addresses: addresses_of_names(names, cluster),
            })],
            ClusterPeer::Unrecognized => Vec::new(),
        }
    }

    /// The terms for each port that `name` means on some pod.
    pub(crate) fn named_ports(
        &mut self,
        name: &str,
        protocol: Protocol,
        sense: Sense,
        peers: &Peers<'a>,
    ) {
        let ports = peers.iter().flat_map(|peer| &peer.pod.ports);
        for port in ports {
            if port.protocol != protocol {
                continue;
            }
            let Some(own) = port.name.as_deref().filter(|own| *own == name) else {
                continue;
            };
            let port = NamedPort {
                name: own,
                protocol,
                port: port.port,
            };
            self.intern(TermKind::NamedPort(port, sense));
        }
    }

    fn intern(&mut self, kind: TermKind<'a>) -> TermId {
        let content = content(&kind);
        let hash = hash(&content);
        let next = self.terms.len();
        let id = *self.ids.entry(content).or_insert(next);
        if id == next {
            self.terms.push(Term { hash, kind });
        }
        id
    }

    pub(crate) fn hash(&self, term: TermId) -> u64 {
        self.terms.get(term).map_or(0, |term| term.hash)
    }

    /// The terms about addresses, whoever has them.
    pub(crate) fn of_addresses(&self) -> impl Iterator<Item = TermId> {
        (0..self.terms.len()).filter(|term| self.is_of_addresses(*term))
    }

    pub(crate) fn is_of_addresses(&self, term: TermId) -> bool {
        match self.terms.get(term).map(|term| &term.kind) {
            Some(TermKind::Block(_) | TermKind::Network(_) | TermKind::Addresses { .. }) => true,
            Some(TermKind::Pods { .. } | TermKind::Scope { .. } | TermKind::NamedPort(..))
            | None => false,
        }
    }

    /// The addresses of `family` that a term is about; none for one about pods.
    pub(crate) fn spans(&self, term: TermId, family: Family) -> Vec<Span> {
        let Some(term) = self.terms.get(term) else {
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

    /// A term about addresses in words.
    pub(crate) fn in_words(&self, term: TermId) -> Option<String> {
        match &self.terms.get(term)?.kind {
            TermKind::Block(block) => Some(comment::block(block)),
            TermKind::Network(network) => Some(network.to_string()),
            TermKind::Addresses { whose, .. } => Some(match whose {
                Whose::Nodes(_) => "nodes".to_owned(),
                Whose::Names(names) => {
                    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
                    names.join(" ")
                }
            }),
            TermKind::Pods { .. } | TermKind::Scope { .. } | TermKind::NamedPort(..) => None,
        }
    }

    /// The port that a term says a name means, for whom it need be no surer than `sense`.
    pub(crate) fn named_port(&self, term: TermId, sense: Sense) -> Option<NamedPort<'a>> {
        match &self.terms.get(term)?.kind {
            TermKind::NamedPort(named, own) if *own == sense => Some(*named),
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
        match self.terms.get(term).map(|term| &term.kind) {
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

    /// The terms for the ports that `name` means on some pod.
    pub(crate) fn with_name(
        &self,
        name: &str,
        protocol: Protocol,
        sense: Sense,
    ) -> impl Iterator<Item = TermId> {
        let is_named = move |port: &NamedPort<'_>| port.name == name && port.protocol == protocol;
        (0..self.terms.len())
            .filter(move |term| self.named_port(*term, sense).as_ref().is_some_and(is_named))
    }

    /// The terms other than blocks that each peer matches, in the order of `peers`.
    pub(crate) fn by_peer(&self, peers: &Peers<'a>) -> Vec<BTreeSet<TermId>> {
        let mut found = vec![BTreeSet::new(); peers.iter().count()];
        let mut named: BTreeMap<(NamedPort<'_>, Sense), TermId> = BTreeMap::new();
        for (id, term) in self.terms.iter().enumerate() {
            match &term.kind {
                TermKind::Block(_) | TermKind::Network(_) | TermKind::Addresses { .. } => {}
                TermKind::NamedPort(port, sense) => {
                    named.insert((*port, *sense), id);
                }
                TermKind::Scope { scope, .. } => {
                    for index in peers.in_scope(scope) {
                        found.get_mut(index).map(|terms| terms.insert(id));
                    }
                }
                TermKind::Pods {
                    selector,
                    namespace,
                } => {
                    for index in peers.matching(selector, namespace) {
                        found.get_mut(index).map(|terms| terms.insert(id));
                    }
                }
            }
        }
        for (peer, terms) in peers.iter().zip(&mut found) {
            let ports = peer.pod.ports.iter().filter_map(|port| {
                Some(NamedPort {
                    name: port.name.as_deref()?,
                    protocol: port.protocol,
                    port: port.port,
                })
            });
            let in_each_sense = ports.flat_map(|port| {
                let senses = [Sense::Certain, Sense::Possible];
                senses.map(|sense| named.get(&(port, sense)))
            });
            terms.extend(in_each_sense.flatten());
        }
        found
    }
}

/// What a term means, whatever the policy or rule it stands in.
fn content(kind: &TermKind<'_>) -> Vec<u8> {
    let content = Content::default();
    match kind {
        TermKind::Pods {
            selector,
            namespace,
        } => pods_content(content.text("pods"), selector, namespace),
        TermKind::Block(block) => {
            let mut holes: Vec<String> = block.except.iter().map(ToString::to_string).collect();
            holes.sort_unstable();
            holes.dedup();
            let content = content.text("block").text(&block.cidr.to_string());
            holes
                .iter()
                .fold(content, |content, hole| content.text(hole))
        }
        TermKind::Scope { scope, sense } => scope_content(content.text("scope"), scope, *sense),
        TermKind::Network(network) => content.text("network").text(&network.to_string()),
        TermKind::Addresses { whose, .. } => match whose {
            Whose::Nodes(selector) => selector_content(content.text("nodes"), selector),
            Whose::Names(names) => {
                let names: BTreeSet<String> = names.iter().map(ToString::to_string).collect();
                let content = content.text("names");
                names
                    .iter()
                    .fold(content, |content, name| content.text(name))
            }
        },
        TermKind::NamedPort(port, sense) => content
            .text("port")
            .text(port.name)
            .text(port.protocol.name())
            .number(port.port.into())
            .number(sense.number()),
    }
    .finish()
}

fn pods_content(content: Content, selector: &PeerSelector, namespace: &str) -> Content {
    let content = match &selector.namespaces {
        None => content.text("in").text(namespace),
        Some(namespaces) => selector_content(content.text("namespaces"), namespaces),
    };
    match &selector.pods {
        None => content,
        Some(pods) if pods.is_empty() => content,
        Some(pods) => selector_content(content.text("labels"), pods),
    }
}

fn scope_content(content: Content, scope: &PodScope, sense: Sense) -> Content {
    let content = content.number(sense.number());
    let given = |selector: &'_ Option<LabelSelector>| {
        let own = selector.clone();
        own.filter(|selector| !selector.is_empty())
    };
    let parts = [("namespaces", &scope.namespaces), ("labels", &scope.pods)];
    parts
        .into_iter()
        .fold(content, |content, (word, selector)| match given(selector) {
            Some(selector) => selector_content(content.text(word), &selector),
            None => content,
        })
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

impl Sense {
    const fn number(self) -> u64 {
        match self {
            Self::Certain => 0,
            Self::Possible => 1,
        }
    }
}

/// The requirements in a form that depends neither on their order nor on whether `k: v` is written as a label or
/// as `k In [v]`.
fn selector_content(content: Content, selector: &LabelSelector) -> Content {
    let labels = selector
        .match_labels
        .iter()
        .map(|(key, value)| (key.as_str(), SelectorOperator::In, vec![value.as_str()]));
    let expressions = selector.match_expressions.iter().map(|requirement| {
        let mut values: Vec<&str> = requirement.values.iter().map(String::as_str).collect();
        values.sort_unstable();
        values.dedup();
        (requirement.key.as_str(), requirement.operator, values)
    });
    let requirements: BTreeSet<_> = labels.chain(expressions).collect();
    let content = content.number(requirements.len() as u64);
    requirements
        .into_iter()
        .fold(content, |content, (key, operator, values)| {
            let content = content
                .text(key)
                .text(operator_name(operator))
                .number(values.len() as u64);
            values.into_iter().fold(content, Content::text)
        })
}

const fn operator_name(operator: SelectorOperator) -> &'static str {
    match operator {
        SelectorOperator::In => "in",
        SelectorOperator::NotIn => "not in",
        SelectorOperator::Exists => "exists",
        SelectorOperator::DoesNotExist => "does not exist",
    }
}
