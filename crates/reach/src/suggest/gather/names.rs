//! Name servers: whoever needs a name needs them (rule NP-67).

use std::net::IpAddr;

use ringfence_model::{BackendPort, Labels, Service, TargetPort};
use ringfence_net::Protocol;

use super::service::Wanted;
use super::{Destination, Gatherer, NeededPort};
use crate::suggest::facts::{Facts, NameServers};
use crate::suggest::resolve::Host;
use crate::suggest::{End, Evidence};
use crate::workload::Unit;
use crate::{dns, node_cache};

const PORT: u16 = 53;

/// Adds the name server to the needs of everybody who looks up names.
pub(super) fn read(gatherer: &mut Gatherer<'_>, facts: &Facts) {
    let looking_up = std::mem::take(&mut gatherer.looking_up);
    let (mut servers, target) = servers(gatherer);
    servers.extend(gatherer.caches());
    for (unit, evidence) in looking_up {
        if gatherer.inhabitants.is_on_host(&unit) {
            continue;
        }
        match facts.name_servers.get(&unit) {
            None => {
                let evidence = Evidence {
                    target: target.clone(),
                    ..evidence
                };
                gatherer.client(&unit, servers.clone(), &evidence);
            }
            Some(NameServers::At(addresses)) => {
                for address in addresses {
                    gatherer.asks(&unit, *address, &evidence);
                }
            }
            Some(NameServers::OfNode) => {
                let problem = "asks the name servers of its node (dnsPolicy: Default), which these manifests do not tell";
                let help = "allow their addresses by an ipBlock in a policy of your own";
                gatherer.undecided(&unit, &evidence, problem.to_owned(), help.to_owned());
            }
        }
    }
}

impl Gatherer<'_> {
    /// The caches on the nodes, if the manifests have their pods (rule NP-67).
    fn caches(&self) -> Vec<Destination> {
        let mut pods = self.inhabitants.cluster.pods.values();
        let has_caches = pods.any(node_cache::is_pod);
        let needed = |protocol| NeededPort {
            protocol,
            number: PORT,
            name: None,
        };
        let caches =
            BOTH.map(|protocol| (End::address(node_cache::ADDRESS.into()), needed(protocol)));
        if has_caches {
            caches.to_vec()
        } else {
            Vec::new()
        }
    }

    /// Notes that `unit` asks the name server at `address`.
    fn asks(&mut self, unit: &Unit, address: IpAddr, evidence: &Evidence) {
        match self.resolver.resolve(&address.to_string(), "") {
            Host::Service(service) => {
                let (servers, target) = of_service(self, service);
                let evidence = Evidence {
                    target,
                    ..evidence.clone()
                };
                self.client(unit, servers, &evidence);
            }
            Host::Address(address) => {
                for protocol in BOTH {
                    let wanted = Wanted {
                        port: Some(BackendPort::Number(PORT)),
                        protocol: Some(protocol),
                        usual: None,
                    };
                    self.address(unit, address, &wanted, evidence);
                }
            }
            Host::ApiServer | Host::Itself | Host::Nobody | Host::External(_) => {}
        }
    }
}

fn servers(gatherer: &Gatherer<'_>) -> (Vec<Destination>, String) {
    let Some(service) = dns::service(gatherer.inhabitants.cluster) else {
        let (key, value) = dns::USUAL_LABEL;
        let labels = Labels::from([(key.to_owned(), value.to_owned())]);
        return (
            unseen(dns::USUAL_NAMESPACE, &labels, PORT),
            "the name server".to_owned(),
        );
    };
    of_service(gatherer, service)
}

/// The name servers behind `service`, and what they are called.
fn of_service(gatherer: &Gatherer<'_>, service: &Service) -> (Vec<Destination>, String) {
    let target = format!("svc/{}:{PORT}", service.name);
    let wanted = Wanted {
        port: Some(BackendPort::Number(PORT)),
        ..Wanted::default()
    };
    match gatherer.destinations(service, &wanted) {
        Ok((found, _)) => {
            let both = found.into_iter().flat_map(|(end, port)| {
                BOTH.map(|protocol| {
                    let port = NeededPort {
                        protocol,
                        ..port.clone()
                    };
                    (end.clone(), without_foreign_name(port))
                })
            });
            let mut both: Vec<Destination> = both.collect();
            both.sort();
            both.dedup();
            (both, target)
        }
        Err(_) => {
            let port = target_number(service).unwrap_or(PORT);
            (
                unseen(&service.name.namespace, &service.selector, port),
                target,
            )
        }
    }
}

const BOTH: [Protocol; 2] = [Protocol::Udp, Protocol::Tcp];

/// A port's name belongs to one protocol, and the other one's name is not known: CoreDNS calls them `dns` and `dns-tcp`.
fn without_foreign_name(port: NeededPort) -> NeededPort {
    NeededPort { name: None, ..port }
}

fn target_number(service: &Service) -> Option<u16> {
    let port = service.ports.iter().find(|port| port.port == PORT)?;
    match port.target {
        TargetPort::Number(number) => Some(number),
        TargetPort::Name(_) => None,
    }
}

fn unseen(namespace: &str, labels: &Labels, port: u16) -> Vec<Destination> {
    let end = End::Unseen {
        namespace: namespace.to_owned(),
        labels: labels.clone(),
    };
    let needed = |protocol| NeededPort {
        protocol,
        number: port,
        name: None,
    };
    BOTH.map(|protocol| (end.clone(), needed(protocol)))
        .to_vec()
}
