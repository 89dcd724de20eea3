//! Name servers: whoever needs a name needs them (rule NP-67).

use ringfence_model::{BackendPort, Labels, Service, TargetPort};
use ringfence_net::Protocol;

use super::service::Wanted;
use super::{Destination, Gatherer, NeededPort};
use crate::suggest::{End, Evidence};

/// Services that the cluster's name server is known by: namespace and name.
const KNOWN: [(&str, &str); 4] = [
    ("kube-system", "kube-dns"),
    ("kube-system", "coredns"),
    ("kube-system", "rke2-coredns-rke2-coredns"),
    ("openshift-dns", "dns-default"),
];
const PORT: u16 = 53;

/// Adds the name server to the needs of everybody who looks up names.
pub(super) fn read(gatherer: &mut Gatherer<'_>) {
    let looking_up = std::mem::take(&mut gatherer.looking_up);
    let (servers, target) = servers(gatherer);
    for (unit, evidence) in looking_up {
        let evidence = Evidence {
            target: target.clone(),
            ..evidence
        };
        if !gatherer.inhabitants.is_on_host(&unit) {
            gatherer.client(&unit, servers.clone(), &evidence);
        }
    }
}

fn servers(gatherer: &Gatherer<'_>) -> (Vec<Destination>, String) {
    let services = &gatherer.inhabitants.cluster.services;
    let known = KNOWN.map(|(namespace, name)| ringfence_model::ObjectName::new(namespace, name));
    let service = known.iter().find_map(|name| services.get(name));
    let Some(service) = service else {
        let labels = Labels::from([("k8s-app".to_owned(), "kube-dns".to_owned())]);
        return (
            unseen("kube-system", &labels, PORT),
            "the name server".to_owned(),
        );
    };
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
