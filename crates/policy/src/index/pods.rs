use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ringfence_model::{Cluster, ObjectName, Pod, QueryError};

/// Rules: the live pods of the pod network by address.
#[derive(Clone, Debug, Default)]
pub(crate) struct PodIndex {
    /// In order of name; one pod unless the cluster breaks rule Q-6.
    owners: BTreeMap<IpAddr, Vec<ObjectName>>,
    /// The addresses with several.
    shared: BTreeSet<IpAddr>,
}

impl PodIndex {
    pub(crate) fn add(&mut self, pod: &Pod) {
        for address in owned(pod) {
            let owners = self.owners.entry(address).or_default();
            if let Err(place) = owners.binary_search(&pod.name) {
                owners.insert(place, pod.name.clone());
            }
            if owners.len() > 1 {
                self.shared.insert(address);
            }
        }
    }

    pub(crate) fn remove(&mut self, pod: &Pod) {
        for address in owned(pod) {
            let Some(owners) = self.owners.get_mut(&address) else {
                continue;
            };
            owners.retain(|owner| *owner != pod.name);
            if owners.len() < 2 {
                self.shared.remove(&address);
            }
            if owners.is_empty() {
                self.owners.remove(&address);
            }
        }
    }

    /// the pod with `address`, the first by name if several claim it.
    pub(crate) fn at(&self, address: IpAddr) -> Option<&ObjectName> {
        self.owners.get(&address)?.first()
    }

    /// The pods with an address from `first` to `last`.
    pub(crate) fn within(&self, first: IpAddr, last: IpAddr) -> impl Iterator<Item = &ObjectName> {
        let found = self.owners.range(first..=last);
        found.flat_map(|(_, owners)| owners)
    }

    /// one address, one pod. What is named is the first such address of the first such pod.
    pub(crate) fn check(&self, cluster: &Cluster) -> Result<(), QueryError> {
        let owners = |address: &IpAddr| self.owners.get(address).map(Vec::as_slice);
        let conflicts = self.shared.iter().filter_map(owners);
        let Some(first) = conflicts.filter_map(<[ObjectName]>::first).min() else {
            return Ok(());
        };
        let addresses = cluster.pods.get(first).into_iter().flat_map(owned);
        for address in addresses {
            if let Some([first, second, ..]) = owners(&address) {
                return Err(QueryError::SharedAddress {
                    address,
                    first: first.clone(),
                    second: second.clone(),
                });
            }
        }
        Ok(())
    }
}

/// NP-53: the addresses that belong to `pod` itself.
fn owned(pod: &Pod) -> impl Iterator<Item = IpAddr> {
    let addresses = pod.addresses.iter().map(IpAddr::to_canonical);
    addresses.filter(|_| pod.is_on_pod_network())
}
