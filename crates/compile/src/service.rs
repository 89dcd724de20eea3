//! Services: which address and port leads to which backends (rules Q-8, OB-11 to OB-14).

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ringfence_model::{
    Cluster, ClusterIp, ContainerPort, ObjectName, Pod, Service, ServicePort, TargetPort,
};
use ringfence_net::Family;
use ringfence_ruleset::{Datum, Key, Value, Verdict};

use crate::comment;
use crate::emit::{Emitter, first_of_family, protocol_datum};
use crate::layout::set_name;
use crate::peer::{Peers, canonical};
use crate::{CompileError, NetworkConfig};

/// A pod that may stand behind a Service.
struct Backend<'a> {
    pod: &'a Pod,
    addresses: Vec<IpAddr>,
}

/// Fills the Service maps. Where two Services claim one address, protocol and port, the first by name has it. The
/// address of a pod or node is never a Service's (rule Q-3), and a cluster address or an address of the pod and Service
/// blocks never an external one, so that `externalIPs` take over nobody inside of the cluster.
pub(crate) fn emit(
    cluster: &Cluster,
    network: &NetworkConfig,
    peers: &Peers<'_>,
    emitter: &mut Emitter,
) -> Result<(), CompileError> {
    let candidates = candidates(cluster, peers);
    let owned = owned_addresses(cluster, peers);
    let services = || cluster.services.values();
    let taken: BTreeSet<IpAddr> = services().flat_map(cluster_addresses_of).collect();
    let inside = |address: &IpAddr| {
        let mut blocks = network.pod_cidrs.iter().chain(&network.service_cidrs);
        taken.contains(address) || blocks.any(|block| block.contains(address))
    };
    let mut claims = BTreeSet::new();
    for service in services() {
        let backends = backends(service, &candidates);
        let mut addresses: BTreeSet<IpAddr> = cluster_addresses_of(service).collect();
        let external = service.external_addresses.iter().map(IpAddr::to_canonical);
        addresses.extend(external.filter(|address| !inside(address) && is_routable(*address)));
        for address in addresses.difference(&owned) {
            for port in &service.ports {
                if claims.insert((*address, port.protocol, port.port)) {
                    emit_port(service, port, *address, &backends, emitter)?;
                }
            }
        }
    }
    Ok(())
}

/// Whether an address can lead from one host to another: the API server refuses the rest as `externalIPs`.
fn is_routable(address: IpAddr) -> bool {
    let link_local = match address {
        IpAddr::V4(address) => address.is_link_local() || address.is_broadcast(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    !(address.is_unspecified() || address.is_loopback() || address.is_multicast() || link_local)
}

/// The addresses of pods and nodes.
fn owned_addresses(cluster: &Cluster, peers: &Peers<'_>) -> BTreeSet<IpAddr> {
    let pods = peers.iter().flat_map(|peer| peer.addresses.iter().copied());
    let nodes = cluster.nodes.values().flat_map(|node| &node.addresses);
    let live = cluster.pods.values().filter(|pod| pod.is_live());
    let hosts = live.flat_map(|pod| &pod.host_addresses);
    pods.chain(nodes.chain(hosts).map(IpAddr::to_canonical))
        .collect()
}

/// Pods with an address that are live and not about to end, host pods included, by namespace (rule OB-12).
fn candidates<'a>(cluster: &'a Cluster, peers: &Peers<'_>) -> BTreeMap<&'a str, Vec<Backend<'a>>> {
    let wired: BTreeMap<&ObjectName, &Vec<IpAddr>> = peers
        .local()
        .map(|(peer, _)| (&peer.pod.name, &peer.addresses))
        .collect();
    let mut found: BTreeMap<&str, Vec<Backend<'_>>> = BTreeMap::new();
    let pods = cluster.pods.values();
    for pod in pods.filter(|pod| pod.is_live() && !pod.terminating) {
        let addresses = match wired.get(&pod.name) {
            Some(addresses) => (*addresses).clone(),
            None => own_addresses(cluster, pod),
        };
        let namespace = pod.name.namespace.as_str();
        let known = found.entry(namespace).or_default();
        known.push(Backend { pod, addresses });
    }
    found
}

/// The pod's addresses; a host pod has its node's (rule NP-53).
fn own_addresses(cluster: &Cluster, pod: &Pod) -> Vec<IpAddr> {
    let of_node = pod.node.as_ref().and_then(|node| cluster.nodes.get(node));
    let sources = match pod.host_network {
        false => [Some(&pod.addresses), None, None],
        true => [
            Some(&pod.addresses),
            Some(&pod.host_addresses),
            of_node.map(|node| &node.addresses),
        ],
    };
    let known = sources.into_iter().flatten();
    known.flat_map(|addresses| canonical(addresses)).collect()
}

/// The pods behind `service`, sorted by name.
fn backends<'b, 'a>(
    service: &Service,
    candidates: &'b BTreeMap<&str, Vec<Backend<'a>>>,
) -> Vec<&'b Backend<'a>> {
    if service.selector.is_empty() || service.external_name.is_some() {
        return Vec::new();
    }
    let in_namespace = candidates.get(service.name.namespace.as_str());
    in_namespace
        .into_iter()
        .flatten()
        .filter(|backend| backend.pod.ready || service.publish_not_ready_addresses)
        .filter(|backend| {
            let mut wanted = service.selector.iter();
            wanted.all(|(key, value)| backend.pod.labels.get(key) == Some(value))
        })
        .collect()
}

/// The cluster addresses that clients may dial; a headless Service has none (rules Q-8, OB-13).
fn cluster_addresses_of(service: &Service) -> impl Iterator<Item = IpAddr> + '_ {
    let own: &[IpAddr] = match &service.cluster_ip {
        ClusterIp::Headless | ClusterIp::Unassigned => &[],
        ClusterIp::Assigned(addresses) => addresses,
    };
    own.iter().map(IpAddr::to_canonical)
}

fn emit_port(
    service: &Service,
    port: &ServicePort,
    address: IpAddr,
    backends: &[&Backend<'_>],
    emitter: &mut Emitter,
) -> Result<(), CompileError> {
    let family = Family::of(address);
    let targets: Vec<(&Backend<'_>, IpAddr, u16)> = backends
        .iter()
        .filter_map(|backend| {
            let address = first_of_family(&backend.addresses, family)?;
            Some((*backend, address, target_port(port, backend.pod)?))
        })
        .collect();
    let fields = vec![
        Datum::Address(address),
        protocol_datum(port.protocol),
        Datum::Port(port.port),
    ];
    let comment = comment::service(&service.name, port.port);
    if targets.is_empty() {
        let set = set_name("unserved", family);
        emitter.element(&set, Key::point(fields), Value::Member, Some(comment));
        return Ok(());
    }
    let services = set_name("services", family);
    let chain = emitter.balance(count(&services, targets.len())?);
    for (index, (backend, address, port)) in targets.into_iter().enumerate() {
        let set = set_name("backends", family);
        let mut fields = fields.clone();
        fields.push(Datum::Number(count(&set, index)?));
        let value = Value::Data(vec![Datum::Address(address), Datum::Port(port)]);
        let comment = comment::of(&backend.pod.name);
        emitter.element(&set, Key::point(fields), value, Some(comment));
    }
    let verdict = Value::Verdict(Verdict::Goto(chain));
    emitter.element(&services, Key::point(fields), verdict, Some(comment));
    Ok(())
}

fn count(set: &str, number: usize) -> Result<u32, CompileError> {
    u32::try_from(number).map_err(|_| CompileError::TooLarge {
        set: set.to_owned(),
        elements: number,
    })
}

/// The port of a backend; a pod without the named port is none (rule OB-11).
fn target_port(port: &ServicePort, pod: &Pod) -> Option<u16> {
    match &port.target {
        TargetPort::Number(number) => Some(*number),
        TargetPort::Name(name) => {
            let is_target = |own: &&ContainerPort| {
                own.name.as_ref() == Some(name) && own.protocol == port.protocol
            };
            pod.ports.iter().find(is_target).map(|own| own.port)
        }
    }
}
