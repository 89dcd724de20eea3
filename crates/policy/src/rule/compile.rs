//! From policies as they are written to rules in the words of terms.

use ipnet::IpNet;
use ringfence_model::{
    Cluster, ClusterAction, ClusterPeer, ClusterPolicy, ClusterPort, ClusterRule, Direction,
    IpBlock, LabelSelector, NetworkPolicy, Node, PolicyPeer, PolicyRule, PortMatch,
};
use ringfence_net::{ConnectionSet, Family, PortSet, Protocol};

use super::blocks::{blocks_of, cluster_blocks, is_everywhere, network_blocks, networks_of};
use super::{
    Asked, NamedPort, Open, Peers, PerDirection, Policy, Ports, Rule, Selects, SomePeers,
    domain_addresses,
};
use crate::address_set::AddressSet;
use crate::atoms::Atom;
use crate::class::table::ClassTable;
use crate::index::{TierOrder, tier_order};
use crate::policies::{PolicyId, PolicyKey};
use crate::term::{PodTerm, Term, TermId, TermTable};

/// A policy as it is written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Written<'a> {
    Network(&'a NetworkPolicy),
    Cluster(&'a ClusterPolicy),
    /// What closes a node.
    Host(&'a Node),
}

/// Writes one direction of one policy in the words of terms.
#[derive(Debug)]
pub(crate) struct Compiler<'a> {
    cluster: &'a Cluster,
    terms: &'a mut TermTable,
    id: PolicyId,
    direction: Direction,
    used: Vec<TermId>,
}

impl<'a> Compiler<'a> {
    /// The policy that gets the number `id`.
    pub(crate) fn compile(
        written: Written<'_>,
        id: PolicyId,
        cluster: &'a Cluster,
        classes: &ClassTable,
        terms: &'a mut TermTable,
    ) -> Policy {
        let selects = written.selects();
        let mut policy = Policy {
            rank: written.rank(),
            subject: selects.resolve(classes),
            selects,
            rules: PerDirection::default(),
            blocks: written.blocks(cluster),
            names_ingress_ports: false,
            terms: PerDirection::default(),
        };
        for direction in Direction::ALL {
            let mut compiler = Compiler {
                cluster,
                terms,
                id,
                direction,
                used: Vec::new(),
            };
            *policy.rules.get_mut(direction) = match written {
                Written::Network(written) => compiler.network_rules(written),
                Written::Cluster(written) => compiler.cluster_rules(written),
                Written::Host(node) => compiler.host_rules(&node.name),
            };
            *policy.terms.get_mut(direction) = compiler.used;
        }
        let mut ingress = policy.rules.get(Direction::Ingress).iter().flatten();
        policy.names_ingress_ports = ingress.any(|rule| !rule.ports.named.is_empty());
        policy
    }

    fn ask(&mut self, term: Term) -> TermId {
        let id = self.terms.ask(term, (self.id, self.direction));
        self.used.push(id);
        id
    }

    /// NP-2 to NP-4: rules of a direction that the policy does not isolate do not count. AU-3: nor do those of a policy
    /// in audit mode.
    fn network_rules(&mut self, policy: &NetworkPolicy) -> Option<Vec<Rule>> {
        if policy.is_audited() || !policy.isolates(self.direction) {
            return None;
        }
        let rules = policy.rules(self.direction).iter();
        let compiled = rules.map(|rule| self.network_rule(rule, &policy.name.namespace));
        Some(compiled.collect())
    }

    /// NP-10.
    fn network_rule(&mut self, rule: &PolicyRule, namespace: &str) -> Rule {
        let (mut found, mut blocks) = (SomePeers::default(), Vec::new());
        for item in &rule.peers {
            match item {
                PolicyPeer::Pods(selector) => {
                    let term = Term::Pods(PodTerm::of_peer(selector, namespace));
                    found.pods.push(self.ask(term));
                }
                PolicyPeer::IpBlock(block) => blocks.push(block.clone()),
            }
        }
        self.add_blocks(&mut found, blocks);
        Rule {
            action: ClusterAction::Accept,
            peers: if rule.peers.is_empty() || is_everywhere(blocks_of(rule)) {
                Peers::Any
            } else {
                Peers::Some(found)
            },
            ports: self.network_ports(rule),
        }
    }

    /// NP-10, NP-30 to NP-34.
    fn network_ports(&mut self, rule: &PolicyRule) -> Ports {
        if rule.ports.is_empty() {
            return Ports::any();
        }
        let mut ports = Ports::none();
        for item in &rule.ports {
            match &item.port {
                PortMatch::Any => ports.add(item.protocol, PortSet::all()),
                PortMatch::Range(range) => ports.add(item.protocol, PortSet::from_range(*range)),
                PortMatch::Name(name) => {
                    ports.named.push(self.named_port(name, Some(item.protocol)));
                }
            }
        }
        ports
    }

    fn named_port(&mut self, name: &str, protocol: Option<Protocol>) -> NamedPort {
        let is_egress = self.direction == Direction::Egress;
        NamedPort {
            declared: is_egress.then(|| self.ask(Term::Port(name.to_owned()))),
            name: name.to_owned(),
            protocol,
        }
    }

    /// CN-10: without rules it has no say.
    fn cluster_rules(&mut self, policy: &ClusterPolicy) -> Option<Vec<Rule>> {
        let rules = policy.rules(self.direction).iter();
        let compiled: Vec<Rule> = rules.filter_map(|rule| self.cluster_rule(rule)).collect();
        (!compiled.is_empty()).then_some(compiled)
    }

    /// CN-30. CN-38: with a peer that is not known, an Accept matches nothing, and anything else denies everything.
    fn cluster_rule(&mut self, rule: &ClusterRule) -> Option<Rule> {
        if !rule.peers.contains(&ClusterPeer::Unrecognized) {
            return Some(Rule {
                action: rule.action,
                peers: self.cluster_peers(&rule.peers),
                ports: self.cluster_ports(rule),
            });
        }
        (rule.action != ClusterAction::Accept).then(|| Rule {
            action: ClusterAction::Deny,
            peers: Peers::Any,
            ports: Ports::any(),
        })
    }

    /// HF-2: the union of all rules of ingress. HF-6: the node itself gets in, and other protocols are not judged.
    fn host_rules(&mut self, node: &str) -> Option<Vec<Rule>> {
        if self.direction == Direction::Egress {
            return None;
        }
        let itself = SomePeers {
            pods: vec![self.ask(Term::Node(node.to_owned()))],
            ..SomePeers::default()
        };
        let mut open = Ports {
            fixed: ConnectionSet::other_protocols(),
            named: Vec::new(),
        };
        for (protocol, port) in self.cluster.open_failsafes(node) {
            open.add(protocol, PortSet::single(port));
        }
        let always = [(Peers::Some(itself), Ports::any()), (Peers::Any, open)];
        let always = always.map(|(peers, ports)| Rule {
            action: ClusterAction::Accept,
            peers,
            ports,
        });
        let firewalls = self.cluster.host_firewalls_of(node);
        let rules = firewalls.flat_map(|(_, rules)| &rules.ingress);
        let rules: Vec<Rule> = rules.map(|rule| self.host_rule(rule)).collect();
        Some(always.into_iter().chain(rules).collect())
    }

    /// HF-5.
    fn host_rule(&mut self, rule: &ClusterRule) -> Rule {
        Rule {
            action: rule.action,
            peers: if rule.peers.is_empty() {
                Peers::Any
            } else {
                self.peers(&rule.peers, true)
            },
            ports: self.cluster_ports(rule),
        }
    }

    /// CN-36: ingress knows pods alone.
    fn cluster_peers(&mut self, items: &[ClusterPeer]) -> Peers {
        let is_egress = self.direction == Direction::Egress;
        if is_egress && is_everywhere(networks_of(items)) {
            return Peers::Any;
        }
        self.peers(items, is_egress)
    }

    /// Pods, and whoever has an address that is meant, if addresses count.
    fn peers(&mut self, items: &[ClusterPeer], has_addresses: bool) -> Peers {
        let (mut found, mut blocks) = (SomePeers::default(), Vec::new());
        for item in items {
            match item {
                ClusterPeer::Pods(scope) => {
                    let term = Term::Pods(PodTerm::of_scope(scope));
                    found.pods.push(self.ask(term));
                }
                ClusterPeer::Networks(networks) if has_addresses => {
                    blocks.extend(networks.iter().copied().map(block_of));
                }
                ClusterPeer::Nodes(labels) if has_addresses => self.add_nodes(&mut found, labels),
                ClusterPeer::DomainNames(names) if has_addresses => {
                    let addresses = domain_addresses(self.cluster, names).into_iter();
                    blocks.extend(addresses.map(IpNet::from).map(block_of));
                }
                ClusterPeer::Networks(_)
                | ClusterPeer::Nodes(_)
                | ClusterPeer::DomainNames(_)
                | ClusterPeer::Unrecognized => {}
            }
        }
        self.add_blocks(&mut found, blocks);
        Peers::Some(found)
    }

    /// NP-42, AM-22. All blocks of a family are one question: clouds have thousands.
    fn add_blocks(&mut self, found: &mut SomePeers, blocks: Vec<IpBlock>) {
        for family in Family::ALL {
            let of_family = blocks.iter();
            let mut of_family = of_family
                .filter(|block| Family::of(block.cidr.addr()) == family)
                .peekable();
            if of_family.peek().is_some() {
                let term = Term::Addresses(AddressSet::of(of_family));
                found.addresses.push((family, self.ask(term)));
            }
        }
        if !blocks.is_empty() {
            let who = self.ask(Term::Unaddressed);
            let asked = Asked::Blocks(blocks);
            found.open.push(Open { who, asked });
        }
    }

    /// CN-35.
    fn add_nodes(&mut self, found: &mut SomePeers, labels: &LabelSelector) {
        for family in Family::ALL {
            let term = Term::Nodes(family, labels.clone());
            found.addresses.push((family, self.ask(term)));
        }
        let who = self.ask(Term::UnaddressedLikeNodes(labels.clone()));
        let asked = Asked::Nodes(labels.clone());
        found.open.push(Open { who, asked });
    }

    /// CN-31 to CN-33.
    fn cluster_ports(&mut self, rule: &ClusterRule) -> Ports {
        if rule.ports.is_empty() {
            return Ports::any();
        }
        let mut ports = Ports::none();
        for item in &rule.ports {
            match item {
                ClusterPort::Range(protocol, range) => {
                    ports.add(*protocol, PortSet::from_range(*range));
                }
                ClusterPort::Name(name) => ports.named.push(self.named_port(name, None)),
            }
        }
        ports
    }
}

/// CN-34.
fn block_of(network: IpNet) -> IpBlock {
    IpBlock {
        cidr: network.trunc(),
        except: Vec::new(),
    }
}

impl<'a> Written<'a> {
    /// Every policy of a cluster.
    pub(crate) fn all(cluster: &'a Cluster) -> impl Iterator<Item = (PolicyKey, Self)> {
        let network = cluster.network_policies.iter();
        let scoped = cluster.cluster_policies.iter();
        let network =
            network.map(|(name, policy)| (PolicyKey::Network(name.clone()), Self::Network(policy)));
        let scoped =
            scoped.map(|(name, policy)| (PolicyKey::Cluster(name.clone()), Self::Cluster(policy)));
        let nodes = cluster.nodes.values();
        let closed = nodes.filter(|node| cluster.host_firewalls_of(&node.name).next().is_some());
        let hosts = closed.map(|node| (PolicyKey::Host(node.name.clone()), Self::Host(node)));
        network.chain(scoped).chain(hosts)
    }

    /// The policy with this name.
    pub(crate) fn find(cluster: &'a Cluster, key: &PolicyKey) -> Option<Self> {
        match key {
            PolicyKey::Network(name) => cluster.network_policies.get(name).map(Self::Network),
            PolicyKey::Cluster(name) => cluster.cluster_policies.get(name).map(Self::Cluster),
            PolicyKey::Host(name) => cluster.nodes.get(name).map(Self::Host),
        }
    }

    /// The blocks that it names.
    pub(crate) fn blocks(self, cluster: &Cluster) -> Vec<Atom> {
        match self {
            Self::Network(policy) => network_blocks(policy),
            Self::Cluster(policy) => cluster_blocks(cluster, &policy.egress),
            Self::Host(node) => {
                let firewalls = cluster.host_firewalls_of(&node.name);
                let rules = firewalls.flat_map(|(_, rules)| &rules.ingress);
                cluster_blocks(cluster, rules)
            }
        }
    }

    /// NP-1, CN-2 to CN-4, HF-1.
    fn selects(self) -> Selects {
        match self {
            Self::Network(policy) => {
                let selector = &policy.pod_selector;
                Selects::Pods(PodTerm::in_namespace(&policy.name.namespace, selector))
            }
            Self::Cluster(policy) => Selects::Pods(PodTerm::of_scope(&policy.subject)),
            Self::Host(node) => Selects::Node(node.name.clone()),
        }
    }

    /// CN-21, CN-22, AM-20.
    fn rank(self) -> Option<(TierOrder, String)> {
        match self {
            Self::Network(_) | Self::Host(_) => None,
            Self::Cluster(policy) => Some((tier_order(policy), policy.name.name.clone())),
        }
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
