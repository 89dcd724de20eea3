use std::collections::{BTreeMap, BTreeSet};

use ringfence_model::{IpBlock, LabelSelector, PeerSelector, PolicyPeer, SelectorOperator};
use ringfence_net::Protocol;

use crate::hash::{Content, hash};
use crate::peer::Peers;

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
    /// Is its address in this block?
    Block(&'a IpBlock),
    /// Is it a pod whose container port of this name and protocol is this one (rule NP-34)?
    NamedPort(NamedPort<'a>),
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

    /// The terms for each port that `name` means on some pod.
    pub(crate) fn named_ports(&mut self, name: &str, protocol: Protocol, peers: &Peers<'a>) {
        let ports = peers.iter().flat_map(|peer| &peer.pod.ports);
        for port in ports {
            if port.protocol != protocol {
                continue;
            }
            let Some(own) = port.name.as_deref().filter(|own| *own == name) else {
                continue;
            };
            self.intern(TermKind::NamedPort(NamedPort {
                name: own,
                protocol,
                port: port.port,
            }));
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

    pub(crate) fn blocks(&self) -> impl Iterator<Item = (TermId, &'a IpBlock)> {
        self.terms
            .iter()
            .enumerate()
            .filter_map(|(id, term)| match term.kind {
                TermKind::Block(block) => Some((id, block)),
                TermKind::Pods { .. } | TermKind::NamedPort(_) => None,
            })
    }

    pub(crate) fn block(&self, term: TermId) -> Option<&'a IpBlock> {
        match self.terms.get(term)?.kind {
            TermKind::Block(block) => Some(block),
            TermKind::Pods { .. } | TermKind::NamedPort(_) => None,
        }
    }

    /// The port that a term says a name means.
    pub(crate) fn named_port(&self, term: TermId) -> Option<NamedPort<'a>> {
        match self.terms.get(term)?.kind {
            TermKind::NamedPort(named) => Some(named),
            TermKind::Pods { .. } | TermKind::Block(_) => None,
        }
    }

    /// The terms for the ports that `name` means on some pod.
    pub(crate) fn with_name(&self, name: &str, protocol: Protocol) -> impl Iterator<Item = TermId> {
        let is_named = move |port: &NamedPort<'_>| port.name == name && port.protocol == protocol;
        (0..self.terms.len())
            .filter(move |term| self.named_port(*term).as_ref().is_some_and(is_named))
    }

    /// The terms other than blocks that each peer matches, in the order of `peers`.
    pub(crate) fn by_peer(&self, peers: &Peers<'a>) -> Vec<BTreeSet<TermId>> {
        let mut found = vec![BTreeSet::new(); peers.iter().count()];
        let mut named: BTreeMap<NamedPort<'_>, TermId> = BTreeMap::new();
        for (id, term) in self.terms.iter().enumerate() {
            match &term.kind {
                TermKind::Block(_) => {}
                TermKind::NamedPort(port) => {
                    named.insert(*port, id);
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
                named.get(&NamedPort {
                    name: port.name.as_deref()?,
                    protocol: port.protocol,
                    port: port.port,
                })
            });
            terms.extend(ports);
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
        TermKind::NamedPort(port) => content
            .text("port")
            .text(port.name)
            .text(port.protocol.name())
            .number(port.port.into()),
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
