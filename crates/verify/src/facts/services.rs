//! Where Services lead (rules, OB-12, OB-18).

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ringfence_model::{Cluster, ClusterIp, Endpoint, Query, Service};
use ringfence_net::{Family, Protocol};
use ringfence_policy::Engine;

use crate::wiring::Wiring;

/// A port of a Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Port {
    pub(crate) address: IpAddr,
    pub(crate) protocol: Protocol,
    pub(crate) port: u16,
}

/// Every port of every Service with the addresses and ports of its backends, sorted.
pub(super) fn services(engine: &Engine, wiring: &Wiring) -> BTreeMap<Port, Vec<(IpAddr, u16)>> {
    let cluster = engine.cluster();
    let ports: BTreeSet<Port> = dialled(cluster, wiring);
    let targets = |port: &Port| {
        let query = Query {
            source: Endpoint::Address(stranger(port.address)),
            destination: Endpoint::Address(port.address),
            protocol: port.protocol.into(),
            port: Some(port.port),
        };
        let mut found = engine.service_targets(&query, &wiring.node)?;
        found.sort_unstable();
        Some((*port, found))
    };
    ports.iter().filter_map(targets).collect()
}

/// What may be dialled. External addresses take over nobody inside of the cluster.
fn dialled(cluster: &Cluster, wiring: &Wiring) -> BTreeSet<Port> {
    let services = || cluster.services.values();
    let own: BTreeSet<IpAddr> = services().flat_map(cluster_addresses).collect();
    let blocks = || wiring.pod_blocks.iter().chain(&wiring.service_blocks);
    let is_inside =
        |address: &IpAddr| own.contains(address) || blocks().any(|block| block.contains(address));
    let mut found = BTreeSet::new();
    for service in services() {
        let external = service.external_addresses.iter().map(IpAddr::to_canonical);
        let external = external.filter(|address| !is_inside(address) && leads_somewhere(*address));
        for address in cluster_addresses(service).chain(external) {
            found.extend(service.ports.iter().map(|port| Port {
                address,
                protocol: port.protocol,
                port: port.port,
            }));
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
