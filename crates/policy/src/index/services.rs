use std::collections::BTreeMap;
use std::net::IpAddr;

use ringfence_model::{ClusterIp, ObjectName, Service};

/// Rule Q-8: Services by address.
#[derive(Clone, Debug, Default)]
pub(crate) struct ServiceIndex {
    cluster: BTreeMap<IpAddr, Vec<ObjectName>>,
    external: BTreeMap<IpAddr, Vec<ObjectName>>,
}

impl ServiceIndex {
    pub(crate) fn add(&mut self, service: &Service) {
        add(&mut self.cluster, cluster_addresses(service), &service.name);
        add(
            &mut self.external,
            &service.external_addresses,
            &service.name,
        );
    }

    pub(crate) fn remove(&mut self, service: &Service) {
        remove(&mut self.cluster, cluster_addresses(service), &service.name);
        remove(
            &mut self.external,
            &service.external_addresses,
            &service.name,
        );
    }

    /// the Services that claim `address`, in order of name. What is a cluster address is nobody's external one.
    pub(crate) fn at(&self, address: IpAddr) -> &[ObjectName] {
        let inside = self.cluster.get(&address);
        inside
            .or_else(|| self.external.get(&address))
            .map_or(&[], Vec::as_slice)
    }
}

/// OB-13: a headless Service has none, nor has one of type ExternalName.
pub(crate) fn cluster_addresses(service: &Service) -> &[IpAddr] {
    match &service.cluster_ip {
        ClusterIp::Assigned(addresses) => addresses,
        ClusterIp::Unassigned | ClusterIp::Headless => &[],
    }
}

fn add(map: &mut BTreeMap<IpAddr, Vec<ObjectName>>, addresses: &[IpAddr], name: &ObjectName) {
    for address in addresses.iter().map(IpAddr::to_canonical) {
        let names = map.entry(address).or_default();
        if let Err(place) = names.binary_search(name) {
            names.insert(place, name.clone());
        }
    }
}

fn remove(map: &mut BTreeMap<IpAddr, Vec<ObjectName>>, addresses: &[IpAddr], name: &ObjectName) {
    for address in addresses.iter().map(IpAddr::to_canonical) {
        if let Some(names) = map.get_mut(&address) {
            names.retain(|found| found != name);
            if names.is_empty() {
                map.remove(&address);
            }
        }
    }
}
