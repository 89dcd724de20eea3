use std::net::IpAddr;

use ipnet::IpNet;
use ringfence_model::{
    Cluster, IpBlock, LabelSelector, NetworkPolicy, PeerSelector, PolicyPeer, PolicyPort,
    PolicyRule, PortMatch,
};
use ringfence_net::{PortRange, Protocol};

use super::{Shape, labels, name_in};
use crate::random::Random;

/// Blocks of every size around and beside pods, nodes, Services and the outside.
const BLOCKS: [&str; 16] = [
    "0.0.0.0/0",
    "::/0",
    "10.0.0.0/8",
    "10.0.0.0/16",
    "10.0.1.0/24",
    "10.0.2.0/24",
    "10.0.1.8/29",
    "10.96.0.0/16",
    "192.168.0.0/24",
    "192.168.0.11/32",
    "203.0.113.0/24",
    "198.51.100.0/24",
    "fd00::/8",
    "fd00:10:1::/64",
    "fd01::/64",
    "2001:db8::/32",
];

/// Numbers that pods declare, Services dial, or nobody uses.
pub(super) const NUMBERS: [u16; 8] = [1, 53, 80, 443, 8080, 9090, 7777, 65535];

pub(super) fn policies(random: &mut Random, shape: Shape, cluster: &Cluster) -> Vec<NetworkPolicy> {
    let count = random
        .pick(&[0, 1, 2, 3, 3, 4, 4, 5, 6])
        .copied()
        .unwrap_or(3);
    let mut writer = Writer {
        blocks: blocks(shape, cluster),
        cluster,
        random,
    };
    (0..count).map(|number| writer.policy(number)).collect()
}

/// The fixed blocks and one for each pod address alone.
pub(super) fn blocks(shape: Shape, cluster: &Cluster) -> Vec<IpNet> {
    let fixed = BLOCKS.iter().filter_map(|text| text.parse().ok());
    let of_pods = cluster
        .pods
        .values()
        .flat_map(|pod| &pod.addresses)
        .copied()
        .map(IpNet::from);
    let usable = |block: &IpNet| shape.ipv6 || block.addr().is_ipv4();
    fixed.chain(of_pods).filter(usable).collect()
}

struct Writer<'a> {
    random: &'a mut Random,
    cluster: &'a Cluster,
    blocks: Vec<IpNet>,
}

impl Writer<'_> {
    fn policy(&mut self, number: usize) -> NetworkPolicy {
        let namespaces = self.namespaces();
        let name = name_in(self.random, &namespaces, "policy", number);
        let pod_selector = self.pod_selector();
        let (ingress, egress) = (self.rules(), self.rules());
        let (isolates_ingress, isolates_egress) = self.types(&egress);
        NetworkPolicy {
            name,
            pod_selector,
            isolates_ingress,
            isolates_egress,
            audit: None,
            ingress,
            egress,
            source: None,
        }
    }

    /// A third of the policies select every pod, so that pods are isolated often enough.
    fn pod_selector(&mut self) -> LabelSelector {
        if self.random.chance(20) {
            return LabelSelector::default();
        }
        labels::selector(self.random, labels::POD)
    }

    /// Mostly those that have pods.
    fn namespaces(&mut self) -> Vec<String> {
        if self.random.chance(5) {
            return self.cluster.namespaces.keys().cloned().collect();
        }
        self.cluster
            .pods
            .keys()
            .map(|name| name.namespace.clone())
            .collect()
    }

    /// Written out, which may leave rules inert (rule NP-4), or left to the defaults (rule NP-3).
    fn types(&mut self, egress: &[PolicyRule]) -> (bool, bool) {
        match self.random.below(10) {
            0 | 1 => (true, false),
            2 | 3 => (false, true),
            4 | 5 => (true, true),
            _ => (true, !egress.is_empty()),
        }
    }

    fn rules(&mut self) -> Vec<PolicyRule> {
        let count = self
            .random
            .pick(&[0, 1, 1, 1, 2, 2, 3])
            .copied()
            .unwrap_or(1);
        (0..count).map(|_| self.rule()).collect()
    }

    /// A third of the rules leave out peers or ports, and so match all of them (rule NP-10).
    fn rule(&mut self) -> PolicyRule {
        let peers = if self.random.chance(25) {
            0
        } else {
            self.random.between(1, 3)
        };
        let ports = if self.random.chance(35) {
            0
        } else {
            self.random.between(1, 3)
        };
        PolicyRule {
            peers: (0..peers).map(|_| self.peer()).collect(),
            ports: (0..ports).map(|_| self.port()).collect(),
            source: None,
        }
    }

    fn peer(&mut self) -> PolicyPeer {
        match self.random.below(10) {
            0..=3 => PolicyPeer::IpBlock(self.block()),
            4..=6 => self.selected(false, true),
            7 => self.selected(true, false),
            _ => self.selected(true, true),
        }
    }

    fn selected(&mut self, namespaces: bool, pods: bool) -> PolicyPeer {
        PolicyPeer::Pods(PeerSelector {
            namespaces: namespaces.then(|| labels::selector(self.random, labels::NAMESPACE)),
            pods: pods.then(|| labels::selector(self.random, labels::POD)),
        })
    }

    /// A block, with up to two strictly smaller holes where some fit (rule V-11).
    fn block(&mut self) -> IpBlock {
        let fallback = IpNet::from(IpAddr::from([10, 0, 1, 10]));
        let cidr = self.random.pick(&self.blocks).copied().unwrap_or(fallback);
        let inside = self
            .blocks
            .iter()
            .filter(|hole| cidr.contains(*hole) && **hole != cidr);
        let mut holes: Vec<IpNet> = inside.copied().collect();
        self.random.shuffle(&mut holes);
        holes.truncate(self.random.between(0, 2));
        IpBlock {
            cidr,
            except: holes,
        }
    }

    fn port(&mut self) -> PolicyPort {
        use Protocol::{Sctp, Tcp, Udp};
        let protocol = self
            .random
            .pick(&[Tcp, Tcp, Tcp, Udp, Udp, Sctp])
            .copied()
            .unwrap_or(Tcp);
        PolicyPort {
            protocol,
            port: self.port_match(),
        }
    }

    fn port_match(&mut self) -> PortMatch {
        match self.random.below(10) {
            0 | 1 => PortMatch::Any,
            2..=4 => {
                let name = self
                    .random
                    .pick(&["http", "web", "dns", "sig", "none"])
                    .copied();
                PortMatch::Name(name.unwrap_or("http").to_owned())
            }
            5..=7 => PortMatch::Range(PortRange::single(self.number())),
            _ => {
                let (one, other) = (self.number(), self.number());
                PortRange::new(one.min(other), one.max(other))
                    .map_or(PortMatch::Any, PortMatch::Range)
            }
        }
    }

    fn number(&mut self) -> u16 {
        self.random.pick(&NUMBERS).copied().unwrap_or(80)
    }
}
