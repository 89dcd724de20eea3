//! Policies in the words of terms and sets of ports.

use std::net::IpAddr;

use ipnet::IpNet;
use ringfence_model::{
    Cluster, ClusterAction, ClusterPeer, ClusterPolicy, ClusterPort, ClusterRule, ClusterTier,
    Direction, DomainName, IpBlock, LabelSelector, NetworkPolicy, Node, PeerSelector, PodScope,
    PolicyPeer, PolicyRule, PortMatch,
};
use ringfence_net::{ConnectionSet, Family, PortSet, Protocol};

use crate::atoms::Atom;
use crate::class::ClassSet;
use crate::class::table::ClassTable;
use crate::index::{TierOrder, tier_order};
use crate::term::{NamespaceTerm, Term, TermId, TermTable, select_pods};

/// A policy, ready to be judged by.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    /// Its place among cluster-scoped policies (rule CN-21); none for a NetworkPolicy.
    pub(crate) rank: Option<(TierOrder, String)>,
    /// The classes that it selects.
    pub(crate) subject: ClassSet,
    pub(crate) rules: PerDirection<Option<Vec<Rule>>>,
}

/// One rule. Those of a NetworkPolicy accept.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) action: ClusterAction,
    pub(crate) peers: Peers,
    pub(crate) ports: Ports,
}

/// Who is meant.
#[derive(Clone, Debug)]
pub(crate) enum Peers {
    /// Everybody.
    Any,
    /// Those of whom one question is answered with yes.
    Some(SomePeers),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct SomePeers {
    pub(crate) pods: Vec<TermId>,
    /// Questions about the address of a family.
    pub(crate) addresses: Vec<(Family, TermId)>,
    /// Who, for want of a known address, leaves it open (rule AM-22).
    pub(crate) open: Vec<TermId>,
}

/// What is meant.
#[derive(Clone, Debug)]
pub(crate) struct Ports {
    /// Whatever the destination declares.
    pub(crate) fixed: ConnectionSet,
    /// What the destination declares under a name.
    pub(crate) named: Vec<NamedPort>,
}

#[derive(Clone, Debug)]
pub(crate) struct NamedPort {
    pub(crate) name: String,
    /// The protocol that the declared port must have (rule NP-34), if any (rule CN-33).
    pub(crate) protocol: Option<Protocol>,
}

/// One value for each direction.
#[derive(Clone, Debug, Default)]
pub(crate) struct PerDirection<T> {
    egress: T,
    ingress: T,
}

impl<T> PerDirection<T> {
    pub(crate) const fn get(&self, direction: Direction) -> &T {
        match direction {
            Direction::Egress => &self.egress,
            Direction::Ingress => &self.ingress,
        }
    }

    pub(crate) const fn get_mut(&mut self, direction: Direction) -> &mut T {
        match direction {
            Direction::Egress => &mut self.egress,
            Direction::Ingress => &mut self.ingress,
        }
    }
}

impl NamedPort {
    /// The part of what a name stands for that is meant.
    pub(crate) fn meaning(&self, declared: &ConnectionSet) -> ConnectionSet {
        match self.protocol {
            None => declared.clone(),
            Some(protocol) => ConnectionSet::of(protocol, declared.ports(protocol).clone()),
        }
    }
}

impl Policy {
    pub(crate) fn tier(&self) -> Option<ClusterTier> {
        self.rank.as_ref().map(|((tier, _, _), _)| *tier)
    }

    /// Whether a port's name is used in `direction`.
    pub(crate) fn names_ports(&self, direction: Direction) -> bool {
        let mut rules = self.rules.get(direction).iter().flatten();
        rules.any(|rule| !rule.ports.named.is_empty())
    }
}

/// Writes policies in the words of terms.
#[derive(Debug)]
pub(crate) struct Compiler<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) classes: &'a ClassTable,
    pub(crate) terms: &'a mut TermTable,
}

impl Compiler<'_> {
    /// NP-1 to NP-4.
    pub(crate) fn network_policy(&mut self, policy: &NetworkPolicy) -> Policy {
        let namespace = NamespaceTerm::Only(policy.name.namespace.clone());
        let mut rules = PerDirection::default();
        for direction in Direction::ALL {
            if policy.isolates(direction) {
                let written = policy.rules(direction).iter();
                let compiled = written.map(|rule| self.rule(rule, &policy.name.namespace));
                *rules.get_mut(direction) = Some(compiled.collect());
            }
        }
        Policy {
            rank: None,
            subject: select_pods(self.classes, &namespace, &policy.pod_selector),
            rules,
        }
    }

    /// NP-10.
    fn rule(&mut self, rule: &PolicyRule, namespace: &str) -> Rule {
        let peers = if rule.peers.is_empty() {
            Peers::Any
        } else {
            self.peers(&rule.peers, namespace)
        };
        Rule {
            action: ClusterAction::Accept,
            peers,
            ports: network_ports(rule),
        }
    }

    fn peers(&mut self, items: &[PolicyPeer], namespace: &str) -> Peers {
        let mut found = SomePeers::default();
        for item in items {
            match item {
                PolicyPeer::Pods(selector) => {
                    let term = peer_term(selector, namespace);
                    found.pods.push(self.terms.intern(term));
                }
                PolicyPeer::IpBlock(block) => self.add_block(&mut found, block.clone()),
            }
        }
        Peers::Some(found)
    }

    /// NP-42, AM-22.
    fn add_block(&mut self, found: &mut SomePeers, block: IpBlock) {
        let family = Family::of(block.cidr.addr());
        let term = self.terms.intern(Term::Block(block));
        found.addresses.push((family, term));
        found.open.push(self.terms.intern(Term::Unaddressed));
    }

    /// CN-34.
    fn add_network(&mut self, found: &mut SomePeers, network: IpNet) {
        let block = IpBlock {
            cidr: network.trunc(),
            except: Vec::new(),
        };
        self.add_block(found, block);
    }

    /// CN-35.
    fn add_nodes(&mut self, found: &mut SomePeers, labels: &LabelSelector) {
        for family in Family::ALL {
            let term = self.terms.intern(Term::Nodes(family, labels.clone()));
            found.addresses.push((family, term));
        }
        let open = Term::UnaddressedLikeNodes(labels.clone());
        found.open.push(self.terms.intern(open));
    }

    /// CN-2 to CN-4, CN-10.
    pub(crate) fn cluster_policy(&mut self, policy: &ClusterPolicy) -> Policy {
        let (namespaces, labels) = scope_terms(&policy.subject);
        let mut rules = PerDirection::default();
        for direction in Direction::ALL {
            let written = policy.rules(direction).iter();
            let compiled = written.filter_map(|rule| self.cluster_rule(rule, direction));
            let compiled: Vec<Rule> = compiled.collect();
            *rules.get_mut(direction) = (!compiled.is_empty()).then_some(compiled);
        }
        Policy {
            rank: Some((tier_order(policy), policy.name.name.clone())),
            subject: select_pods(self.classes, &namespaces, &labels),
            rules,
        }
    }

    /// CN-38: with a peer that is not known, an Accept matches nothing, and anything else denies everything.
    fn cluster_rule(&mut self, rule: &ClusterRule, direction: Direction) -> Option<Rule> {
        if !rule.peers.contains(&ClusterPeer::Unrecognized) {
            return Some(Rule {
                action: rule.action,
                peers: self.cluster_peers(&rule.peers, direction),
                ports: cluster_ports(rule),
            });
        }
        (rule.action != ClusterAction::Accept).then(|| Rule {
            action: ClusterAction::Deny,
            peers: Peers::Any,
            ports: Ports::any(),
        })
    }

    /// CN-36: ingress knows pods alone.
    fn cluster_peers(&mut self, items: &[ClusterPeer], direction: Direction) -> Peers {
        let is_egress = direction == Direction::Egress;
        let mut found = SomePeers::default();
        for item in items {
            match item {
                ClusterPeer::Pods(scope) => {
                    let (namespaces, labels) = scope_terms(scope);
                    let term = Term::Pods(namespaces, labels);
                    found.pods.push(self.terms.intern(term));
                }
                ClusterPeer::Networks(networks) if is_egress => {
                    for network in networks {
                        self.add_network(&mut found, *network);
                    }
                }
                ClusterPeer::Nodes(labels) if is_egress => self.add_nodes(&mut found, labels),
                ClusterPeer::DomainNames(names) if is_egress => {
                    for address in domain_addresses(self.cluster, names) {
                        self.add_network(&mut found, IpNet::from(address));
                    }
                }
                ClusterPeer::Networks(_)
                | ClusterPeer::Nodes(_)
                | ClusterPeer::DomainNames(_)
                | ClusterPeer::Unrecognized => {}
            }
        }
        Peers::Some(found)
    }
}

impl Ports {
    fn any() -> Self {
        Self {
            fixed: ConnectionSet::all(),
            named: Vec::new(),
        }
    }

    fn none() -> Self {
        Self {
            fixed: ConnectionSet::none(),
            named: Vec::new(),
        }
    }

    fn add(&mut self, protocol: Protocol, ports: PortSet) {
        self.fixed = self.fixed.union(&ConnectionSet::of(protocol, ports));
    }
}

/// NP-10, NP-30 to NP-34.
fn network_ports(rule: &PolicyRule) -> Ports {
    if rule.ports.is_empty() {
        return Ports::any();
    }
    let mut ports = Ports::none();
    for item in &rule.ports {
        match &item.port {
            PortMatch::Any => ports.add(item.protocol, PortSet::all()),
            PortMatch::Range(range) => ports.add(item.protocol, PortSet::from_range(*range)),
            PortMatch::Name(name) => ports.named.push(NamedPort {
                name: name.clone(),
                protocol: Some(item.protocol),
            }),
        }
    }
    ports
}

/// CN-31 to CN-33.
fn cluster_ports(rule: &ClusterRule) -> Ports {
    if rule.ports.is_empty() {
        return Ports::any();
    }
    let mut ports = Ports::none();
    for item in &rule.ports {
        match item {
            ClusterPort::Range(protocol, range) => {
                ports.add(*protocol, PortSet::from_range(*range));
            }
            ClusterPort::Name(name) => ports.named.push(NamedPort {
                name: name.clone(),
                protocol: None,
            }),
        }
    }
    ports
}

/// NP-12 to NP-15.
fn peer_term(selector: &PeerSelector, namespace: &str) -> Term {
    let namespaces = match &selector.namespaces {
        None => NamespaceTerm::Only(namespace.to_owned()),
        Some(labels) => NamespaceTerm::Matching(labels.clone()),
    };
    Term::Pods(namespaces, selector.pods.clone().unwrap_or_default())
}

/// CN-4.
fn scope_terms(scope: &PodScope) -> (NamespaceTerm, LabelSelector) {
    let namespaces = scope.namespaces.clone().unwrap_or_default();
    let pods = scope.pods.clone().unwrap_or_default();
    (NamespaceTerm::Matching(namespaces), pods)
}

/// CN-37, AM-19: the addresses that are known of `names`.
pub(crate) fn domain_addresses(cluster: &Cluster, names: &[DomainName]) -> Vec<IpAddr> {
    let known = cluster.domain_addresses.iter();
    let meant = known.filter(|(name, _)| names.iter().any(|wanted| wanted.matches(name)));
    let addresses = meant.flat_map(|(_, addresses)| addresses);
    addresses.map(IpAddr::to_canonical).collect()
}

/// CN-35, AM-22: whether the node has these labels, and an address to compare with.
pub(crate) fn is_addressed(node: &Node, labels: &LabelSelector) -> bool {
    !node.addresses.is_empty() && labels.matches(&node.labels)
}

/// The blocks that a NetworkPolicy names in directions that count.
pub(crate) fn network_blocks(policy: &NetworkPolicy) -> Vec<Atom> {
    let directions = Direction::ALL.into_iter();
    let effective = directions.filter(|direction| policy.isolates(*direction));
    let rules = effective.flat_map(|direction| policy.rules(direction));
    let blocks = rules
        .flat_map(|rule| &rule.peers)
        .filter_map(|peer| match peer {
            PolicyPeer::IpBlock(block) => Some(block),
            PolicyPeer::Pods(_) => None,
        });
    let networks = blocks.flat_map(|block| std::iter::once(&block.cidr).chain(&block.except));
    networks.map(|network| Atom::from(*network)).collect()
}

/// The blocks that a cluster-scoped policy names.
pub(crate) fn cluster_blocks(cluster: &Cluster, policy: &ClusterPolicy) -> Vec<Atom> {
    let mut blocks = Vec::new();
    for peer in policy.egress.iter().flat_map(|rule| &rule.peers) {
        match peer {
            ClusterPeer::Networks(networks) => {
                blocks.extend(networks.iter().map(|network| Atom::from(*network)));
            }
            ClusterPeer::DomainNames(names) => {
                blocks.extend(domain_addresses(cluster, names).into_iter().map(Atom::from));
            }
            ClusterPeer::Pods(_) | ClusterPeer::Nodes(_) | ClusterPeer::Unrecognized => {}
        }
    }
    blocks
}
