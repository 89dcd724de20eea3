//! From the ports that the user types to connections that a destination can be asked for.

use anyhow::{bail, ensure};
use ringfence_model::{Cluster, Endpoint, Pod, Service};
use ringfence_net::{ConnectionSet, PortSet, Protocol};

use super::api_server;
use crate::inputs::endpoint::{EndpointArgument, WellKnown};
use crate::inputs::port::PortArgument;
use crate::inputs::suggest::hint;

/// What is asked of a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// What somebody may answer.
    pub(crate) connections: ConnectionSet,
    /// Ports of a range that the Service which is asked does not serve, where it serves others of the range.
    pub(crate) unserved: ConnectionSet,
}

impl Asked {
    const fn all_of(connections: ConnectionSet) -> Self {
        Self {
            connections,
            unserved: ConnectionSet::none(),
        }
    }
}

/// What `ports` are at `destination`, which `argument` stands for; everything where none is named. Of a Service that is what
/// it serves: at another port of its address, or of its name, nobody answers (rule Q-8). A range of ports means those of
/// them that it serves.
///
/// # Errors
/// A name that no port has there, a port that the Service does not serve, and a Service that cannot be dialled.
pub(crate) fn asked(
    cluster: &Cluster,
    argument: &EndpointArgument,
    destination: &Endpoint,
    ports: &[PortArgument],
) -> anyhow::Result<Asked> {
    if let Some(service) = meant(cluster, argument, destination) {
        let at = Dialled {
            cluster,
            argument,
            service,
        };
        return at.asked(ports);
    }
    // Names are those of the pod at each of its addresses, which are those of its node if it is on the host's network.
    let pod = argument
        .pod()
        .filter(|name| cluster.pods.contains_key(*name));
    let pod = pod.map(|name| Endpoint::Pod(name.clone()));
    let wanted = connections(cluster, pod.as_ref().unwrap_or(destination), ports)?;
    Ok(Asked::all_of(match argument {
        EndpointArgument::WellKnown(WellKnown::ApiServer) => {
            api_server::listening(cluster, destination, wanted, ports.is_empty())
        }
        EndpointArgument::WellKnown(_)
        | EndpointArgument::Pod(_)
        | EndpointArgument::Workload(..)
        | EndpointArgument::NewPod { .. }
        | EndpointArgument::Service(_)
        | EndpointArgument::Node(_)
        | EndpointArgument::Address(_) => wanted,
    }))
}

/// What `ports` are at `destination` by their numbers and names, whether somebody answers or not.
pub(super) fn connections(
    cluster: &Cluster,
    destination: &Endpoint,
    ports: &[PortArgument],
) -> anyhow::Result<ConnectionSet> {
    if ports.is_empty() {
        return Ok(ConnectionSet::all());
    }
    let mut all = ConnectionSet::none();
    for port in ports {
        all = all.union(&of_port(cluster, destination, port)?);
    }
    Ok(all)
}

/// The Service that is asked: by its name, or at the address of its second family. A literal address is an address, whoever
/// has it.
fn meant<'a>(
    cluster: &'a Cluster,
    argument: &EndpointArgument,
    destination: &Endpoint,
) -> Option<&'a Service> {
    match destination {
        Endpoint::Service(name) => cluster.services.get(name),
        Endpoint::Address(address) => match argument {
            EndpointArgument::Service(name) => cluster.services.get(name),
            EndpointArgument::WellKnown(_) => cluster.services.values().find(|service| {
                let mut own = service.cluster_addresses().iter();
                own.any(|own| own.to_canonical() == address.to_canonical())
            }),
            EndpointArgument::Pod(_)
            | EndpointArgument::Workload(..)
            | EndpointArgument::NewPod { .. }
            | EndpointArgument::Node(_)
            | EndpointArgument::Address(_) => None,
        },
        Endpoint::Pod(_) | Endpoint::Node(_) => None,
    }
}

/// A Service, and as what it was named.
struct Dialled<'a> {
    cluster: &'a Cluster,
    argument: &'a EndpointArgument,
    service: &'a Service,
}

impl Dialled<'_> {
    fn asked(&self, ports: &[PortArgument]) -> anyhow::Result<Asked> {
        let name = &self.service.name;
        if let Some(host) = &self.service.external_name {
            bail!(
                "svc/{name} is an alias of {host}, and has no address of its own\nask about an address of that host"
            );
        }
        let served = served_by(self.service);
        ensure!(
            !served.is_empty(),
            "svc/{name} serves no port\nname the pods behind it"
        );
        if ports.is_empty() {
            return Ok(Asked::all_of(served));
        }
        let named = Endpoint::Service(name.clone());
        let direct = self.direct();
        let (mut all, mut unserved) = (ConnectionSet::none(), ConnectionSet::none());
        for port in ports {
            let wanted = of_port(self.cluster, &named, port)?;
            let found = wanted.intersection(&served);
            ensure!(
                !found.is_empty() || !wanted.is_disjoint(&direct),
                self.refusal(port)
            );
            unserved = unserved.union(&wanted.difference(&served).difference(&direct));
            all = all.union(&found);
        }
        Ok(Asked {
            connections: all,
            unserved,
        })
    }

    /// What the endpoints of the API server are asked for beside the Service.
    fn direct(&self) -> ConnectionSet {
        if *self.argument == EndpointArgument::WellKnown(WellKnown::ApiServer) {
            api_server::direct(self.service)
        } else {
            ConnectionSet::none()
        }
    }

    fn refusal(&self, port: &PortArgument) -> String {
        let Self { service, .. } = self;
        let direct = self.direct();
        let beside = if direct.is_empty() {
            String::new()
        } else {
            format!(", and its endpoints {direct}")
        };
        format!(
            "svc/{} does not serve {port}\n{}{beside}: name one of these, or the Service's pods",
            service.name,
            served(service)
        )
    }
}

fn served_by(service: &Service) -> ConnectionSet {
    let ports = service.ports.iter();
    ports.fold(ConnectionSet::none(), |all, port| {
        let port = ConnectionSet::of(port.protocol, PortSet::single(port.port));
        all.union(&port)
    })
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
