use std::collections::BTreeMap;
use std::net::IpAddr;

use ringfence_model::{ObjectName, Service};
use ringfence_net::Protocol;

/// Rule Q-8: Services by address.
#[derive(Clone, Debug, Default)]
pub(crate) struct ServiceIndex {
    cluster: BTreeMap<IpAddr, Vec<ObjectName>>,
    external: BTreeMap<IpAddr, Vec<ObjectName>>,
    /// Rule OB-19: by their ports at nodes.
    nodes: BTreeMap<(Protocol, u16), Vec<ObjectName>>,
}

impl ServiceIndex {
    pub(crate) fn add(&mut self, service: &Service) {
        add(
            &mut self.cluster,
            service.cluster_addresses(),
            &service.name,
        );
        add(
            &mut self.external,
            &service.external_addresses,
            &service.name,
        );
        for end in node_ports(service) {
            insert(&mut self.nodes, end, &service.name);
        }
    }

    /// OB-19: the Services that claim this port at nodes, in order of name.
    pub(crate) fn at_nodes(&self, protocol: Protocol, port: u16) -> &[ObjectName] {
        self.nodes.get(&(protocol, port)).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn remove(&mut self, service: &Service) {
        remove(
            &mut self.cluster,
            service.cluster_addresses(),
            &service.name,
        );
        remove(
            &mut self.external,
            &service.external_addresses,
            &service.name,
        );
        for end in node_ports(service) {
            take(&mut self.nodes, end, &service.name);
        }
    }

    /// the Services that claim `address`, in order of name. What is a cluster address is nobody's external one.
    pub(crate) fn at(&self, address: IpAddr) -> &[ObjectName] {
        let inside = self.cluster.get(&address);
        inside
            .or_else(|| self.external.get(&address))
            .map_or(&[], Vec::as_slice)
    }
}

fn add(map: &mut BTreeMap<IpAddr, Vec<ObjectName>>, addresses: &[IpAddr], name: &ObjectName) {
    for address in addresses.iter().map(IpAddr::to_canonical) {
        insert(map, address, name);
    }
}

fn remove(map: &mut BTreeMap<IpAddr, Vec<ObjectName>>, addresses: &[IpAddr], name: &ObjectName) {
    for address in addresses.iter().map(IpAddr::to_canonical) {
        take(map, address, name);
    }
}

fn node_ports(service: &Service) -> impl Iterator<Item = (Protocol, u16)> + '_ {
    let ports = service.ports.iter();
    ports.filter_map(|port| Some((port.protocol, port.node_port?)))
}

fn insert<K: Ord>(map: &mut BTreeMap<K, Vec<ObjectName>>, key: K, name: &ObjectName) {
    let names = map.entry(key).or_default();
    if let Err(place) = names.binary_search(name) {
        names.insert(place, name.clone());
    }
}

fn take<K: Ord>(map: &mut BTreeMap<K, Vec<ObjectName>>, key: K, name: &ObjectName) {
    if let Some(names) = map.get_mut(&key) {
        names.retain(|found| found != name);
        if names.is_empty() {
            map.remove(&key);
        }
    }
}
