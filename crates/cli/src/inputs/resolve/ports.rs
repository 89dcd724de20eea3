//! From the ports that the user types to connections that a destination can be asked for.

use anyhow::{bail, ensure};
use ringfence_model::{Cluster, ClusterIp, Endpoint, Pod, Service};
use ringfence_net::{ConnectionSet, PortSet, Protocol};

use crate::inputs::port::PortArgument;
use crate::inputs::suggest::hint;

/// What `ports` are at `destination`; everything where none is named: of a Service the ports that it serves.
pub(crate) fn connections(
    cluster: &Cluster,
    destination: &Endpoint,
    ports: &[PortArgument],
) -> anyhow::Result<ConnectionSet> {
    if ports.is_empty() {
        return Ok(everything(cluster, destination));
    }
    let mut all = ConnectionSet::none();
    for port in ports {
        all = all.union(&of_port(cluster, destination, port)?);
    }
    Ok(all)
}

/// Which ports the Service serves, in words.
pub(crate) fn served(service: &Service) -> String {
    let ports = service.ports.iter().map(|port| {
        let protocol = port.protocol.name().to_ascii_lowercase();
        format!("{protocol}/{}", port.port)
    });
    let ports: Vec<String> = ports.collect();
    if ports.is_empty() {
        return "it serves no port".to_owned();
    }
    format!("it serves {}", ports.join(", "))
}

/// As [`connections`], where a Service is asked for nothing that it does not serve: its address is nobody's then (rule Q-8).
/// A range of ports means those that it serves. A headless Service has no address, and its name stands for its pods (rule OB-13).
///
/// # Errors
/// As [`connections`], and for a port of a Service that it does not serve.
pub(crate) fn connections_served(
    cluster: &Cluster,
    destination: &Endpoint,
    ports: &[PortArgument],
) -> anyhow::Result<ConnectionSet> {
    let has_address = |service: &&Service| service.cluster_ip != ClusterIp::Headless;
    let Some(service) = service(cluster, destination).filter(has_address) else {
        return connections(cluster, destination, ports);
    };
    let everything = everything(cluster, destination);
    let mut all = ConnectionSet::none();
    for port in ports {
        let asked = of_port(cluster, destination, port)?.intersection(&everything);
        ensure!(
            !asked.is_empty(),
            "{destination} does not serve {port}\n{}: name one of these, or the Service's pods",
            served(service)
        );
        all = all.union(&asked);
    }
    Ok(all)
}

fn of_port(
    cluster: &Cluster,
    destination: &Endpoint,
    port: &PortArgument,
) -> anyhow::Result<ConnectionSet> {
    Ok(match port {
        PortArgument::Numbers(protocol, range) => {
            ConnectionSet::of(*protocol, PortSet::from_range(*range))
        }
        PortArgument::Named(protocol, name) => named(cluster, destination, *protocol, name)?,
        PortArgument::Portless(_) => ConnectionSet::other_protocols(),
    })
}

fn everything(cluster: &Cluster, destination: &Endpoint) -> ConnectionSet {
    let Some(service) = service(cluster, destination) else {
        return ConnectionSet::all();
    };
    let ports = service.ports.iter();
    ports.fold(ConnectionSet::none(), |all, port| {
        all.union(&ConnectionSet::of(
            port.protocol,
            PortSet::single(port.port),
        ))
    })
}

fn named(
    cluster: &Cluster,
    destination: &Endpoint,
    protocol: Protocol,
    name: &str,
) -> anyhow::Result<ConnectionSet> {
    let declared = declared(cluster, destination);
    ensure!(
        !declared.is_empty(),
        "{destination} has no port with a name: write the number of `{name}`"
    );
    let of_name = declared.iter().filter(|port| port.name == name);
    let numbers: Vec<u16> = of_name
        .filter(|port| port.protocol == protocol)
        .map(|port| port.number)
        .collect();
    if numbers.is_empty() {
        let other = declared.iter().find(|port| port.name == name);
        let hint = match other.map(|port| port.protocol.to_string().to_lowercase()) {
            Some(other) => format!(" (did you mean `{other}/{name}`?)"),
            None => hint(name, declared.iter().map(|port| port.name)),
        };
        bail!("{destination} has no {protocol} port `{name}`{hint}");
    }
    let numbers = numbers.into_iter().map(PortSet::single);
    let ports = numbers.fold(PortSet::empty(), |all, port| all.union(&port));
    Ok(ConnectionSet::of(protocol, ports))
}

/// A port with a name.
struct Declared<'a> {
    name: &'a str,
    protocol: Protocol,
    number: u16,
}

/// The named ports of a Service, or of a pod's containers (rule NP-34).
fn declared<'a>(cluster: &'a Cluster, destination: &Endpoint) -> Vec<Declared<'a>> {
    let of_service = service(cluster, destination)
        .into_iter()
        .flat_map(|service| {
            let ports = service.ports.iter();
            ports.filter_map(|port| declare(port.name.as_deref(), port.protocol, port.port))
        });
    let of_pod = pod(cluster, destination).into_iter().flat_map(|pod| {
        let ports = pod.ports.iter();
        ports.filter_map(|port| declare(port.name.as_deref(), port.protocol, port.port))
    });
    of_service.chain(of_pod).collect()
}

fn declare(name: Option<&str>, protocol: Protocol, number: u16) -> Option<Declared<'_>> {
    Some(Declared {
        name: name?,
        protocol,
        number,
    })
}

fn service<'a>(cluster: &'a Cluster, destination: &Endpoint) -> Option<&'a Service> {
    match destination {
        Endpoint::Service(name) => cluster.services.get(name),
        Endpoint::Pod(_) | Endpoint::Address(_) | Endpoint::Node(_) => None,
    }
}

/// the address of a pod is that pod.
fn pod<'a>(cluster: &'a Cluster, destination: &Endpoint) -> Option<&'a Pod> {
    match destination {
        Endpoint::Pod(name) => cluster.pods.get(name),
        Endpoint::Address(address) => cluster.pods.values().find(|pod| {
            let mut addresses = pod.addresses.iter();
            pod.is_on_pod_network()
                && addresses.any(|own| own.to_canonical() == address.to_canonical())
        }),
        Endpoint::Node(_) | Endpoint::Service(_) => None,
    }
}
