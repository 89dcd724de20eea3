//! From a Service's port to the ports of its pods (rules OB-11 to OB-13, Q-8).

use std::collections::BTreeSet;

use ringfence_model::{BackendPort, ClusterIp, Pod, Service, ServicePort, TargetPort};
use ringfence_net::Protocol;

use super::{Destination, Gatherer, NeededPort};
use crate::suggest::End;
use crate::suggest::inhabitants::unit_of;

/// Which port of a Service somebody wants.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    pub(super) port: Option<BackendPort>,
    /// The port that goes without saying, by the scheme of a URL.
    pub(super) usual: Option<u16>,
    pub(super) protocol: Option<Protocol>,
}

impl Wanted {
    /// Just this port.
    pub(super) const fn at(port: &ServicePort) -> Self {
        Self {
            port: Some(BackendPort::Number(port.port)),
            protocol: Some(port.protocol),
            usual: None,
        }
    }
}

/// Why nobody is reached at a Service, and what to do.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    pub(super) text: String,
    pub(super) help: String,
}

impl Problem {
    fn new(text: String, help: &str) -> Self {
        Self {
            text,
            help: help.to_owned(),
        }
    }
}

impl Gatherer<'_> {
    /// Who answers at `service`, and the port of it that was meant, for messages.
    pub(super) fn destinations(
        &self,
        service: &Service,
        wanted: &Wanted,
    ) -> Result<(BTreeSet<Destination>, String), Problem> {
        let ports = self.ports(service, wanted)?;
        let pods = self.inhabitants.backends(service);
        let name = &service.name;
        let mut found = BTreeSet::new();
        for port in &ports {
            for pod in &pods {
                found.extend(self.at_pod(service, port, pod)?);
            }
            found.extend(self.at_endpoints(service, port));
        }
        if found.is_empty() {
            let text = format!("svc/{name} has no pods in these manifests");
            let help = "add the manifests of its pods, or of its EndpointSlices";
            return Err(Problem::new(text, help));
        }
        let first = ports.first().map_or(0, |port| port.port);
        Ok((found, format!("svc/{name}:{first}")))
    }

    /// Who answers at any port of `service`; ports at which nobody does are left aside.
    pub(super) fn behind(&self, service: &Service) -> BTreeSet<Destination> {
        let ports = service.ports.iter();
        let reached = ports.filter_map(|port| self.destinations(service, &Wanted::at(port)).ok());
        reached.flat_map(|(destinations, _)| destinations).collect()
    }

    /// The ports of `service` that are meant.
    fn ports(&self, service: &Service, wanted: &Wanted) -> Result<Vec<ServicePort>, Problem> {
        let fits = |port: &&ServicePort| {
            let protocol = wanted
                .protocol
                .is_none_or(|protocol| port.protocol == protocol);
            protocol
                && match &wanted.port {
                    Some(BackendPort::Number(number)) => port.port == *number,
                    Some(BackendPort::Name(name)) => port.name.as_ref() == Some(name),
                    None => wanted.usual.is_none_or(|usual| port.port == usual),
                }
        };
        let found: Vec<ServicePort> = service.ports.iter().filter(fits).cloned().collect();
        let one_number = found
            .iter()
            .all(|port| Some(port.port) == found.first().map(|port| port.port));
        match (&wanted.port, found.is_empty()) {
            (Some(_), false) => Ok(found),
            (None, false) if one_number => Ok(found),
            (Some(BackendPort::Number(number)), true) => self.undeclared(service, *number, wanted),
            (Some(BackendPort::Name(name)), true) => Err(no_port(service, name)),
            (None, _) => match service.ports.as_slice() {
                [only] => Ok(vec![only.clone()]),
                several => Err(ambiguous(service, several)),
            },
        }
    }

    /// The pods of a headless Service are dialled at any port that they have (rule OB-13).
    fn undeclared(
        &self,
        service: &Service,
        number: u16,
        wanted: &Wanted,
    ) -> Result<Vec<ServicePort>, Problem> {
        let pods = self.inhabitants.backends(service);
        let mut declared = pods.iter().flat_map(|pod| &pod.ports);
        let direct = service.cluster_ip == ClusterIp::Headless
            && (service.ports.is_empty() || declared.any(|port| port.port == number));
        if !direct {
            return Err(no_port(service, &number.to_string()));
        }
        Ok(vec![ServicePort {
            name: None,
            protocol: wanted.protocol.unwrap_or(Protocol::Tcp),
            port: number,
            target: TargetPort::Number(number),
            node_port: None,
        }])
    }

    fn at_pod(
        &self,
        service: &Service,
        port: &ServicePort,
        pod: &Pod,
    ) -> Result<Vec<Destination>, Problem> {
        let needed = needed(service, port, pod)?;
        if !pod.host_network {
            return Ok(vec![(End::Workload(unit_of(pod)), needed)]);
        }
        let needed = NeededPort {
            name: None,
            ..needed
        };
        let addresses = self.host_addresses(pod);
        if addresses.is_empty() {
            let text = format!(
                "svc/{} leads to {} on the host network, of whose node no address is known",
                service.name, pod.name
            );
            let help = "add the manifests of the nodes, or allow their addresses by an ipBlock";
            return Err(Problem::new(text, help));
        }
        let ends = addresses.into_iter().map(End::address);
        Ok(ends.map(|end| (end, needed.clone())).collect())
    }

    /// The backends of a Service without selector.
    fn at_endpoints(&self, service: &Service, port: &ServicePort) -> Vec<Destination> {
        let destination = |endpoint: &ringfence_model::ServiceEndpoint| {
            let address = endpoint.address.to_canonical();
            let end = match self.inhabitants.cluster.pod_at(address) {
                Some(pod) => End::Workload(unit_of(pod)),
                None => End::address(address),
            };
            let needed = NeededPort {
                protocol: port.protocol,
                number: endpoint.port_for(port)?,
                name: None,
            };
            Some((end, needed))
        };
        service.endpoints.iter().filter_map(destination).collect()
    }
}

/// The port of `pod` that `port` leads to.
fn needed(service: &Service, port: &ServicePort, pod: &Pod) -> Result<NeededPort, Problem> {
    let TargetPort::Name(name) = &port.target else {
        let TargetPort::Number(target) = port.target else {
            return Err(no_port(service, &port.port.to_string()));
        };
        return Ok(NeededPort {
            protocol: port.protocol,
            number: target,
            name: None,
        });
    };
    let declared = pod.ports.iter();
    let mut declared = declared
        .filter(|own| own.name.as_ref() == Some(name) && own.protocol == port.protocol)
        .map(|own| own.port);
    let Some(first) = declared.next() else {
        let text = format!(
            "svc/{} leads to the port `{name}`, which {} does not have",
            service.name, pod.name
        );
        let help = "give the container's port this name, or write its number as targetPort";
        return Err(Problem::new(text, help));
    };
    // A policy means every port of the name, a Service the first (rule AM-12).
    let alone = declared.all(|other| other == first);
    Ok(NeededPort {
        protocol: port.protocol,
        number: first,
        name: alone.then(|| name.clone()),
    })
}

fn no_port(service: &Service, port: &str) -> Problem {
    let text = format!("svc/{} has no port {port}", service.name);
    Problem::new(
        text,
        "use a port that the Service has, or add this one to it",
    )
}

fn ambiguous(service: &Service, ports: &[ServicePort]) -> Problem {
    let ports: Vec<String> = ports.iter().map(|port| port.port.to_string()).collect();
    let text = match ports.len() {
        0 => format!("svc/{} has no ports, and none is written", service.name),
        _ => format!(
            "which port is meant of svc/{}: {}",
            service.name,
            ports.join(", ")
        ),
    };
    Problem::new(text, "write the port beside the host")
}
