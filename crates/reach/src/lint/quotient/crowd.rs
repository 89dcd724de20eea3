//! The pods of a cluster by namespace, ready to be looked over from each of the others.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use ringfence_model::{Cluster, Labels, Pod};

/// Every pod, with what does not depend on who looks.
#[derive(Debug)]
pub(super) struct Crowd {
    pub(super) namespaces: Vec<Neighbours>,
    /// In their order, with the number of the kind that cluster-scoped policies know them as.
    pods: Vec<(Pod, usize)>,
    /// Every address, with the place of its namespace in the list; in order.
    addresses: Vec<(IpAddr, usize)>,
}

/// The pods of one namespace, by their places among all.
#[derive(Debug)]
pub(super) struct Neighbours {
    pub(super) name: String,
    pub(super) labels: Labels,
    pub(super) all: Vec<usize>,
    /// The first of each kind that cluster-scoped policies tell apart.
    kinds: Vec<usize>,
    /// The first of each of these and of the same ports.
    kinds_by_ports: Vec<usize>,
}

/// Blocks that tell pods apart, and the places of the namespaces that have pods in one.
pub(super) struct Telling {
    pub(super) blocks: Vec<IpNet>,
    namespaces: BTreeSet<usize>,
}

impl Telling {
    pub(super) fn is_about(&self, namespace: usize) -> bool {
        self.namespaces.contains(&namespace)
    }
}

impl Crowd {
    /// `numbers` say of which kind each pod is, in the order of the pods.
    pub(super) fn of(cluster: &Cluster, numbers: &[usize]) -> Self {
        let numbered = cluster.pods.values().zip(numbers);
        let pods: Vec<(usize, (&Pod, &usize))> = numbered.clone().enumerate().collect();
        let (mut namespaces, mut addresses) = (Vec::new(), Vec::new());
        let is_near = |(_, (one, _)): &(usize, (&Pod, &usize)),
                       (_, (other, _)): &(usize, (&Pod, &usize))| {
            one.name.namespace == other.name.namespace
        };
        for (place, near) in pods.chunk_by(is_near).enumerate() {
            let own = near.iter().flat_map(|(_, (pod, _))| &pod.addresses);
            addresses.extend(own.map(|address| (*address, place)));
            namespaces.extend(Neighbours::of(cluster, near));
        }
        addresses.sort_unstable();
        Self {
            namespaces,
            pods: numbered
                .map(|(pod, number)| (pod.clone(), *number))
                .collect(),
            addresses,
        }
    }

    /// The pods at `places`, and the numbers of their kinds.
    pub(super) fn at(&self, places: &[usize]) -> impl Iterator<Item = (&Pod, usize)> {
        let found = places.iter().filter_map(|place| self.pods.get(*place));
        found.map(|(pod, number)| (pod, *number))
    }

    /// Those of `blocks` that hold some pods and not all: how many addresses of which family a pod has is part of its kind.
    pub(super) fn telling(&self, blocks: &[IpNet]) -> Telling {
        let mut telling = Telling {
            blocks: Vec::new(),
            namespaces: BTreeSet::new(),
        };
        for block in blocks {
            let held = self.within(block.network(), block.broadcast());
            if !held.is_empty() && held.len() < self.of_family(block).len() {
                telling.blocks.push(*block);
                telling
                    .namespaces
                    .extend(held.iter().map(|(_, place)| place));
            }
        }
        telling
    }

    fn of_family(&self, block: &IpNet) -> &[(IpAddr, usize)] {
        let all = match block {
            IpNet::V4(_) => IpNet::V4(ipnet::Ipv4Net::default()),
            IpNet::V6(_) => IpNet::V6(ipnet::Ipv6Net::default()),
        };
        self.within(all.network(), all.broadcast())
    }

    fn within(&self, first: IpAddr, last: IpAddr) -> &[(IpAddr, usize)] {
        let start = self
            .addresses
            .partition_point(|(address, _)| *address < first);
        let end = self
            .addresses
            .partition_point(|(address, _)| *address <= last);
        self.addresses.get(start..end).unwrap_or_default()
    }
}

impl Neighbours {
    /// `None` of no pods.
    fn of(cluster: &Cluster, pods: &[(usize, (&Pod, &usize))]) -> Option<Self> {
        let (_, (first, _)) = pods.first()?;
        let name = first.name.namespace.clone();
        let (mut known, mut known_by_ports) = (BTreeSet::new(), BTreeSet::new());
        let (mut kinds, mut kinds_by_ports) = (Vec::new(), Vec::new());
        for (place, (pod, number)) in pods {
            kinds.extend(known.insert(*number).then_some(*place));
            let is_new = known_by_ports.insert((*number, &pod.ports));
            kinds_by_ports.extend(is_new.then_some(*place));
        }
        Some(Self {
            labels: cluster.namespace_labels(&name),
            name,
            all: pods.iter().map(|(place, _)| *place).collect(),
            kinds,
            kinds_by_ports,
        })
    }

    /// The first of each kind, where neither labels nor addresses count.
    pub(super) fn kinds(&self, do_ports_count: bool) -> &[usize] {
        if do_ports_count {
            &self.kinds_by_ports
        } else {
            &self.kinds
        }
    }
}
