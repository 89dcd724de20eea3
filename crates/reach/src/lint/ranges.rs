//! Which addresses pods and Services have, as far as the manifests tell.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use ringfence_model::{Cluster, Documents, Object, Service};
use ringfence_net::Family;

/// What is known of the cluster's addresses.
#[derive(Debug)]
pub(super) struct Ranges<'a> {
    /// Where pods get their addresses from: of each node, or of a kind cluster.
    pub(super) pods: Vec<IpNet>,
    /// Where Services get theirs from.
    pub(super) services: Vec<IpNet>,
    /// Addresses of Services.
    pub(super) service_addresses: BTreeMap<IpAddr, &'a Service>,
    families: Vec<Family>,
}

impl<'a> Ranges<'a> {
    pub(super) fn new(cluster: &'a Cluster, objects: &[Object], documents: &Documents) -> Self {
        let (mut pods, mut services) = (Vec::new(), Vec::new());
        pods.extend(&cluster.pod_blocks);
        pods.extend(cluster.nodes.values().flat_map(|node| &node.pod_cidrs));
        for object in objects {
            if let Object::KindCluster(kind) = object {
                pods.extend(&kind.pod_subnets);
                services.extend(&kind.service_subnets);
            }
        }
        let service_addresses = service_addresses(cluster);
        let known = cluster.pods.values().flat_map(|pod| &pod.addresses);
        let known = known.chain(service_addresses.keys()).copied();
        let all = known.chain(pods.iter().chain(&services).map(IpNet::addr));
        let mut families: Vec<Family> = all.map(Family::of).collect();
        if has_dual_stack_service(documents) {
            families.extend([Family::V4, Family::V6]);
        }
        families.sort_unstable();
        families.dedup();
        Self {
            pods,
            services,
            service_addresses,
            families,
        }
    }

    /// Whether pods or Services have addresses of both families.
    pub(super) fn is_dual_stack(&self) -> bool {
        self.families.len() > 1
    }

    /// Whether pods and Services are known to have addresses of `family` alone.
    pub(super) fn is_only(&self, family: Family) -> bool {
        self.families == [family]
    }
}

/// Whether `blocks` together hold all of `range`.
pub(super) fn cover(blocks: impl IntoIterator<Item = IpNet>, range: &IpNet) -> bool {
    let blocks: Vec<IpNet> = blocks.into_iter().collect();
    let together = IpNet::aggregate(&blocks);
    together.iter().any(|block| block.contains(range))
}

/// Every address of `family`.
pub(super) fn every(family: Family) -> IpNet {
    match family {
        Family::V4 => IpNet::V4(Ipv4Net::default()),
        Family::V6 => IpNet::V6(Ipv6Net::default()),
    }
}

/// Whether a Service says that it has addresses of both families, which only a cluster of both can give it.
fn has_dual_stack_service(documents: &Documents) -> bool {
    let mut objects = documents.objects_saying(&["ipFamilies", "RequireDualStack"]);
    objects.any(|object| {
        let says =
            |path: &str, wanted: &str| object.text_at(path).is_some_and(|text| text == wanted);
        let families = object.items_at("spec.ipFamilies");
        let serves = |family: &str| families.iter().any(|item| item.text() == Some(family));
        let is_dual =
            says("spec.ipFamilyPolicy", "RequireDualStack") || serves("IPv4") && serves("IPv6");
        says("kind", "Service") && is_dual
    })
}

fn service_addresses(cluster: &Cluster) -> BTreeMap<IpAddr, &Service> {
    let services = cluster.services.values();
    let own = services.flat_map(|service| {
        let assigned = service.cluster_addresses().iter();
        let all = assigned.chain(&service.external_addresses);
        all.map(move |address| (*address, service))
    });
    own.collect()
}
