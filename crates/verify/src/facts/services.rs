//! Where Services lead (rules, OB-12, OB-17 to OB-20).

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use ringfence_model::{Cluster, ClusterIp, Endpoint, Query, Service, ServicePort};
use ringfence_net::{Family, Protocol};
use ringfence_policy::{Engine, ServiceClient, ServiceTargets};

use crate::wiring::Wiring;

/// A port of a Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Port {
    pub(crate) address: IpAddr,
    pub(crate) protocol: Protocol,
    pub(crate) port: u16,
}

/// Where Services lead on this node.
#[derive(Clone, Debug, Default)]
pub(crate) struct Services {
    /// Every port of every Service with the addresses and ports of its backends, sorted.
    pub(crate) all: Ends,
    /// Where those from outside are led at this node, if the Service keeps to it: nowhere if it has no backend here.
    pub(crate) entries: Ends,
    /// Ports at the addresses of nodes.
    pub(crate) node_ports: Ends,
    /// The backends of Services that are open to the outside.
    pub(crate) behind: BTreeSet<Port>,
    /// Where only these sources get in (rule OB-20).
    pub(crate) guarded: BTreeMap<Port, Vec<IpNet>>,
}

impl Services {
    /// Every address and port that it speaks of.
    pub(crate) fn ports(&self) -> impl Iterator<Item = &Port> {
        let ends = [&self.all, &self.entries, &self.node_ports].into_iter();
        ends.flat_map(BTreeMap::keys).chain(&self.behind)
    }
}

type Ends = BTreeMap<Port, Vec<(IpAddr, u16)>>;

/// What is asked of the engine.
struct Asked<'a> {
    engine: &'a Engine,
    node: &'a str,
    found: Services,
}

pub(super) fn services(engine: &Engine, wiring: &Wiring) -> Services {
    let cluster = engine.cluster();
    let mut asked = Asked {
        engine,
        node: &wiring.node,
        found: Services::default(),
    };
    for (port, is_external) in dialled(cluster, wiring) {
        if let Some(inside) = asked.ends(port, ServiceClient::Inside) {
            asked.found.all.insert(port, inside.ends.clone());
            if let Some(ranges) = ranges(cluster, port).filter(|_| is_external) {
                asked.found.guarded.insert(port, ranges.to_vec());
            }
            if is_external {
                asked.open(port, &inside.ends, true);
            }
        }
    }
    for (port, is_own) in at_nodes(cluster, &wiring.node) {
        if let Some(inside) = asked.ends(port, ServiceClient::Inside) {
            asked.open(port, &inside.ends, is_own);
            asked.found.node_ports.insert(port, inside.ends);
        }
    }
    asked.found
}

impl Asked<'_> {
    fn ends(&self, port: Port, client: ServiceClient) -> Option<ServiceTargets> {
        let query = Query {
            source: Endpoint::Address(stranger(port.address)),
            destination: Endpoint::Address(port.address),
            protocol: port.protocol.into(),
            port: Some(port.port),
        };
        let mut found = self.engine.service_targets(&query, self.node, client)?;
        found.ends.sort_unstable();
        Some(found)
    }

    /// Notes whom those from outside reach; `comes_in` if they do at this node.
    fn open(&mut self, port: Port, inside: &[(IpAddr, u16)], comes_in: bool) {
        let outside = self.ends(port, ServiceClient::Outside);
        let local = outside.filter(|outside| outside.are_local);
        let here = local.as_ref().map_or(&[][..], |local| &local.ends);
        let ends = inside.iter().chain(here);
        let behind = ends.map(|(address, number)| Port {
            address: *address,
            protocol: port.protocol,
            port: *number,
        });
        self.found.behind.extend(behind);
        if let Some(local) = local.filter(|_| comes_in) {
            self.found.entries.insert(port, local.ends);
        }
    }
}

/// The source ranges of the Service that has this external address and port, if it is one of its load balancer.
fn ranges(cluster: &Cluster, port: Port) -> Option<&[IpNet]> {
    let has = |addresses: &[IpAddr]| {
        addresses
            .iter()
            .any(|own| own.to_canonical() == port.address)
    };
    let serves = |service: &&Service| {
        let mut ports = service.ports.iter();
        let is_it = |own: &ServicePort| (own.protocol, own.port) == (port.protocol, port.port);
        has(&service.external_addresses) && ports.any(is_it)
    };
    let traffic = &cluster.services.values().find(serves)?.traffic;
    let is_balanced = has(&traffic.balanced);
    traffic.admitted.as_deref().filter(|_| is_balanced)
}

/// The ports of Services at every address of a node; whether it is this one's.
fn at_nodes(cluster: &Cluster, node: &str) -> BTreeMap<Port, bool> {
    let services = cluster.services.values();
    let ports = services.flat_map(|service| &service.ports);
    let ports: Vec<(Protocol, u16)> = ports
        .filter_map(|port| Some((port.protocol, port.node_port?)))
        .collect();
    let mut found = BTreeMap::new();
    for known in cluster.nodes.values() {
        for address in known.addresses.iter().map(IpAddr::to_canonical) {
            for (protocol, port) in ports.iter().copied() {
                let port = Port {
                    address,
                    protocol,
                    port,
                };
                *found.entry(port).or_insert(false) |= known.name == node;
            }
        }
    }
    found
}

/// What may be dialled, and whether from outside. External addresses take over nobody inside of the cluster.
fn dialled(cluster: &Cluster, wiring: &Wiring) -> BTreeMap<Port, bool> {
    let services = || cluster.services.values();
    let own: BTreeSet<IpAddr> = services().flat_map(cluster_addresses).collect();
    let blocks = || wiring.pod_blocks.iter().chain(&wiring.service_blocks);
    let is_inside =
        |address: &IpAddr| own.contains(address) || blocks().any(|block| block.contains(address));
    let mut found = BTreeMap::new();
    for service in services() {
        let external = service.external_addresses.iter().map(IpAddr::to_canonical);
        let external = external.filter(|address| !is_inside(address) && leads_somewhere(*address));
        let inside = cluster_addresses(service).map(|address| (address, false));
        for (address, is_external) in inside.chain(external.map(|address| (address, true))) {
            let ports = service.ports.iter().map(|port| Port {
                address,
                protocol: port.protocol,
                port: port.port,
            });
            found.extend(ports.map(|port| (port, is_external)));
        }
    }
    found
}

fn cluster_addresses(service: &Service) -> impl Iterator<Item = IpAddr> + '_ {
    let own: &[IpAddr] = match &service.cluster_ip {
        ClusterIp::Assigned(addresses) => addresses,
        ClusterIp::Headless | ClusterIp::Unassigned => &[],
    };
    own.iter().map(IpAddr::to_canonical)
}

/// The API server refuses others as `externalIPs`.
fn leads_somewhere(address: IpAddr) -> bool {
    let stays_on_link = match address {
        IpAddr::V4(address) => address.is_link_local() || address.is_broadcast(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    let is_special = address.is_unspecified() || address.is_loopback() || address.is_multicast();
    !stays_on_link && !is_special
}

/// Somebody who speaks the family of `address`; who it is makes no difference to where a Service leads.
fn stranger(address: IpAddr) -> IpAddr {
    match Family::of(address) {
        Family::V4 => IpAddr::from([0, 0, 0, 0]),
        Family::V6 => IpAddr::from([0_u16; 8]),
    }
}
