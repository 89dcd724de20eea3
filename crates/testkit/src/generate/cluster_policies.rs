use std::net::IpAddr;

use ipnet::IpNet;
use ringfence_model::{
    Cluster, ClusterAction, ClusterPeer, ClusterPolicy, ClusterPolicyKind, ClusterPolicyName,
    ClusterPort, ClusterRule, ClusterTier, Direction, DomainAddresses, DomainName, PodScope,
};
use ringfence_net::{PortRange, Protocol};

use super::{Shape, labels, policies};
use crate::random::Random;

/// Few values, so that equal priorities are common (rules CN-22, AM-20).
const PRIORITIES: [u16; 5] = [0, 10, 10, 20, 1000];

/// Names that have addresses, and who could have them: nobody, a node, a pod, a Service.
const DOMAINS: [(&str, &[&str]); 5] = [
    ("example.com", &["203.0.113.9", "2001:db8::9"]),
    ("api.example.com", &["198.51.100.7"]),
    ("a.b.example.com", &["10.0.1.10", "fd00:10:1::a"]),
    ("node.example.org", &["192.168.0.11"]),
    ("svc.example.org", &["10.96.0.10", "10.9.9.9"]),
];

/// Most of what [`DOMAINS`] lists, so that now and then a name is not known (rule AM-19).
pub(super) fn domain_addresses(random: &mut Random, shape: Shape) -> DomainAddresses {
    let known = random.some_of(&DOMAINS, 70).into_iter();
    known
        .map(|(name, addresses)| {
            let parsed = addresses.iter().filter_map(|text| text.parse().ok());
            let usable = parsed.filter(|address: &IpAddr| shape.ipv6 || address.is_ipv4());
            (name.to_owned(), usable.collect())
        })
        .collect()
}

/// Up to eight policies of all three kinds, both tiers, priorities often equal.
pub(super) fn cluster_policies(
    random: &mut Random,
    shape: Shape,
    cluster: &Cluster,
) -> Vec<ClusterPolicy> {
    use ClusterPolicyKind::{AdminNetworkPolicy, BaselineAdminNetworkPolicy, ClusterNetworkPolicy};
    let mut writer = Writer {
        blocks: policies::blocks(shape, cluster),
        random,
    };
    let of_cluster = writer.random.between(1, 5);
    let of_admin = writer.random.pick(&[0, 0, 0, 1, 2]).copied().unwrap_or(0);
    let mut all: Vec<ClusterPolicy> = (0..of_cluster)
        .map(|number| writer.policy(ClusterNetworkPolicy, number))
        .collect();
    all.extend((0..of_admin).map(|number| writer.policy(AdminNetworkPolicy, number)));
    if writer.random.chance(25) {
        all.push(writer.policy(BaselineAdminNetworkPolicy, 0));
    }
    all
}

struct Writer<'a> {
    random: &'a mut Random,
    blocks: Vec<IpNet>,
}

impl Writer<'_> {
    /// Names go down as numbers go up, so that order of writing is not order of name.
    fn policy(&mut self, kind: ClusterPolicyKind, number: usize) -> ClusterPolicy {
        let (tier, priority, name) = match kind {
            ClusterPolicyKind::ClusterNetworkPolicy => {
                (self.tier(), Some(self.priority()), named(number))
            }
            ClusterPolicyKind::AdminNetworkPolicy => {
                (ClusterTier::Admin, Some(self.priority()), named(number))
            }
            ClusterPolicyKind::BaselineAdminNetworkPolicy => {
                (ClusterTier::Baseline, None, "default".to_owned())
            }
        };
        ClusterPolicy {
            name: ClusterPolicyName { kind, name },
            tier,
            priority,
            subject: self.subject(kind),
            ingress: self.rules(kind, Direction::Ingress),
            egress: self.rules(kind, Direction::Egress),
            judges_host_pods: false,
            source: None,
        }
    }

    fn tier(&mut self) -> ClusterTier {
        if self.random.chance(55) {
            ClusterTier::Admin
        } else {
            ClusterTier::Baseline
        }
    }

    fn priority(&mut self) -> u16 {
        self.random.pick(&PRIORITIES).copied().unwrap_or(10)
    }

    /// Half of the policies judge every pod, so that the tiers meet.
    fn subject(&mut self, kind: ClusterPolicyKind) -> PodScope {
        if self.random.chance(50) {
            return PodScope {
                namespaces: Some(ringfence_model::LabelSelector::default()),
                pods: None,
            };
        }
        self.scope(kind)
    }

    /// Namespaces, or pods with or without a selector of namespaces, which only version 1alpha2 may leave out (AN-3).
    fn scope(&mut self, kind: ClusterPolicyKind) -> PodScope {
        let both = match kind {
            ClusterPolicyKind::ClusterNetworkPolicy => self.random.chance(50),
            ClusterPolicyKind::AdminNetworkPolicy
            | ClusterPolicyKind::BaselineAdminNetworkPolicy => true,
        };
        let (namespaces, pods) = match self.random.below(10) {
            0..=3 => (true, false),
            _ => (both, true),
        };
        PodScope {
            namespaces: namespaces.then(|| labels::selector(self.random, labels::NAMESPACE)),
            pods: pods.then(|| labels::selector(self.random, labels::POD)),
        }
    }

    fn rules(&mut self, kind: ClusterPolicyKind, direction: Direction) -> Vec<ClusterRule> {
        let count = self.random.pick(&[0, 1, 1, 2, 2, 3, 4]).copied();
        (0..count.unwrap_or(1))
            .map(|_| self.rule(kind, direction))
            .collect()
    }

    /// Named ports never stand beside peers that are not pods (rules CN-1, AM-17, AN-4).
    fn rule(&mut self, kind: ClusterPolicyKind, direction: Direction) -> ClusterRule {
        let action = self.action(kind);
        let domains = action == ClusterAction::Accept && allows_domains(kind);
        let count = self.random.pick(&[1, 1, 1, 2, 3]).copied().unwrap_or(1);
        let peers: Vec<ClusterPeer> = (0..count)
            .map(|_| self.peer(kind, direction, domains))
            .collect();
        let only_pods = peers
            .iter()
            .all(|peer| matches!(peer, ClusterPeer::Pods(_)));
        let ports = if self.random.chance(50) {
            0
        } else {
            self.random.between(1, 3)
        };
        ClusterRule {
            name: self.random.chance(30).then(|| "rule".to_owned()),
            action,
            ports: (0..ports).map(|_| self.port(only_pods)).collect(),
            peers,
            source: None,
        }
    }

    /// AN-1: the BaselineAdminNetworkPolicy does not pass.
    fn action(&mut self, kind: ClusterPolicyKind) -> ClusterAction {
        use ClusterAction::{Accept, Deny, Pass};
        let actions: &[ClusterAction] = match kind {
            ClusterPolicyKind::ClusterNetworkPolicy | ClusterPolicyKind::AdminNetworkPolicy => {
                &[Accept, Accept, Deny, Deny, Pass]
            }
            ClusterPolicyKind::BaselineAdminNetworkPolicy => &[Accept, Deny],
        };
        self.random.pick(actions).copied().unwrap_or(Deny)
    }

    /// CN-36: ingress knows pods alone.
    fn peer(
        &mut self,
        kind: ClusterPolicyKind,
        direction: Direction,
        domains: bool,
    ) -> ClusterPeer {
        if self.random.chance(2) {
            return ClusterPeer::Unrecognized;
        }
        match (direction, self.random.below(10)) {
            (Direction::Ingress, _) | (Direction::Egress, 0..=3) => {
                ClusterPeer::Pods(self.subject(kind))
            }
            (Direction::Egress, 4..=6) => ClusterPeer::Networks(self.networks()),
            (Direction::Egress, 7) if domains => ClusterPeer::DomainNames(self.domains()),
            (Direction::Egress, _) => {
                ClusterPeer::Nodes(labels::selector(self.random, labels::POD))
            }
        }
    }

    fn networks(&mut self) -> Vec<IpNet> {
        let mut blocks = self.blocks.clone();
        self.random.shuffle(&mut blocks);
        blocks.truncate(self.random.between(1, 2));
        blocks.sort();
        blocks.dedup();
        blocks
    }

    fn domains(&mut self) -> Vec<DomainName> {
        let exact = |name: &str| DomainName::Exact(name.to_owned());
        let below = |name: &str| DomainName::Below(name.to_owned());
        let mut names = vec![
            exact("example.com"),
            exact("a.b.example.com"),
            exact("svc.example.org"),
            exact("nowhere.example.net"),
            below("example.com"),
            below("b.example.com"),
            below("example.org"),
        ];
        self.random.shuffle(&mut names);
        names.truncate(self.random.between(1, 2));
        names
    }

    fn port(&mut self, may_be_named: bool) -> ClusterPort {
        use Protocol::{Sctp, Tcp, Udp};
        let protocol = self.random.pick(&[Tcp, Tcp, Tcp, Udp, Udp, Sctp]).copied();
        let protocol = protocol.unwrap_or(Tcp);
        match self.random.below(10) {
            0..=2 if may_be_named => {
                let names = ["http", "web", "dns", "sig", "none"];
                let name = self.random.pick(&names).copied().unwrap_or("http");
                ClusterPort::Name(name.to_owned())
            }
            3 => all_ports(protocol),
            4..=7 => ClusterPort::Range(protocol, PortRange::single(self.number())),
            _ => {
                let (one, other) = (self.number(), self.number());
                PortRange::new(one.min(other), one.max(other)).map_or_else(
                    |_| all_ports(protocol),
                    |range| ClusterPort::Range(protocol, range),
                )
            }
        }
    }

    fn number(&mut self) -> u16 {
        self.random.pick(&policies::NUMBERS).copied().unwrap_or(80)
    }
}

/// CN-32: there is no other way to say "all of TCP".
fn all_ports(protocol: Protocol) -> ClusterPort {
    PortRange::new(1, u16::MAX).map_or_else(
        |_| ClusterPort::Range(protocol, PortRange::single(1)),
        |range| ClusterPort::Range(protocol, range),
    )
}

/// AN-2: the BaselineAdminNetworkPolicy has no names.
const fn allows_domains(kind: ClusterPolicyKind) -> bool {
    match kind {
        ClusterPolicyKind::ClusterNetworkPolicy | ClusterPolicyKind::AdminNetworkPolicy => true,
        ClusterPolicyKind::BaselineAdminNetworkPolicy => false,
    }
}

fn named(number: usize) -> String {
    format!("policy-{}", 9_usize.saturating_sub(number))
}
