//! The ends that have a name in every cluster.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::ensure;
use ringfence_model::{Cluster, Endpoint, Labels};
use ringfence_reach::dns;

use super::{Side, api_server, internet, new_pod};
use crate::inputs::endpoint::WellKnown;
use crate::inputs::port::PortArgument;

/// Where cloud providers serve what their machines may know about themselves.
const METADATA: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];

pub(super) fn resolve(
    cluster: &mut Cluster,
    known: WellKnown,
    side: Side,
    ports: &[PortArgument],
) -> anyhow::Result<Vec<Endpoint>> {
    let found = match (known, side) {
        (WellKnown::Internet, _) => internet::addresses(cluster),
        (WellKnown::Metadata, _) => internet::of_families(cluster, METADATA)
            .map(Endpoint::Address)
            .collect(),
        (WellKnown::ApiServer, Side::Source) => api_server::nodes(cluster),
        (WellKnown::ApiServer, Side::Destination) => api_server::destinations(cluster, ports),
        (WellKnown::Dns, Side::Source) => dns_pods(cluster),
        (WellKnown::Dns, Side::Destination) => match dns::service(cluster) {
            Some(service) => vec![Endpoint::Service(service.name.clone())],
            None => dns_pods(cluster),
        },
    };
    ensure!(
        !found.is_empty(),
        "`{}` is in none of the manifests, neither as Service default/kubernetes with its EndpointSlice nor as a node with \
         the label {}: name its address",
        known.word(),
        api_server::CONTROL_PLANE[0]
    );
    Ok(found)
}

/// Every cluster has such pods, although manifests rarely hold them.
fn dns_pods(cluster: &mut Cluster) -> Vec<Endpoint> {
    let pods = cluster.pods.values().filter(|pod| dns::is_pod(pod));
    let found: Vec<Endpoint> = pods.map(|pod| Endpoint::Pod(pod.name.clone())).collect();
    if found.is_empty() {
        let (key, value) = dns::USUAL_LABEL;
        let labels = Labels::from([(key.to_owned(), value.to_owned())]);
        return vec![new_pod(cluster, dns::USUAL_NAMESPACE, &labels)];
    }
    found
}
