//! Connections from the outside: Services that are open to it, Ingresses, and routes of the Gateway API.

use std::collections::BTreeSet;

use ringfence_model::{Backend, BackendUser, Exposure, Labels, ObjectName, Wiring};

use ringfence_net::Protocol;

use super::Gatherer;
use super::service::Wanted;
use crate::suggest::facts::Facts;
use crate::suggest::{End, Evidence, IngressFrom};
use crate::workload::Unit;

/// Parts of the names of images that ingress controllers run.
const CONTROLLERS: [&str; 8] = [
    "ambassador",
    "haproxy-ingress",
    "haproxytech/kubernetes-ingress",
    "ingress-nginx/controller",
    "kong",
    "nginx-ingress",
    "skipper",
    "traefik",
];
/// What the names of classes say of who serves them.
const CLASSES: [&str; 12] = [
    "alb",
    "ambassador",
    "apisix",
    "azure",
    "cilium",
    "contour",
    "gce",
    "haproxy",
    "kong",
    "nginx",
    "skipper",
    "traefik",
];
/// The label that in-cluster Gateways' pods have, by the Gateway's name.
const GATEWAY: &str = "gateway.networking.k8s.io/gateway-name";
const HELP: &str =
    "say which pods bring these connections, with --ingress-from NAMESPACE[/WORKLOAD]";

/// Adds what comes from the outside.
pub(super) fn read(gatherer: &mut Gatherer<'_>, facts: &Facts, wiring: &Wiring) {
    for exposure in &wiring.exposures {
        gatherer.exposed(exposure);
    }
    let controllers = controllers(facts);
    for backend in &wiring.backends {
        match &backend.user {
            BackendUser::ApiServer => {}
            BackendUser::IngressController { class } => {
                let from = gatherer.controllers(&controllers, class.as_deref());
                gatherer.routed(backend, &from);
            }
            BackendUser::Gateways(gateways) => {
                let from = gatherer.gateways(gateways);
                gatherer.routed(backend, &from);
            }
        }
    }
}

fn controllers(facts: &Facts) -> BTreeSet<(&Unit, &str)> {
    let images = facts.images.iter().filter(|(_, image)| {
        let mut known = CONTROLLERS.iter();
        known.any(|part| image.contains(part))
    });
    images.map(|(unit, image)| (unit, image.as_str())).collect()
}

/// Whether the class says the name of a controller or cloud that the image does not.
fn is_of_another(class: Option<&str>, image: &str) -> bool {
    let mut said = CLASSES
        .iter()
        .filter(|name| class.is_some_and(|class| class.contains(*name)));
    said.any(|name| !image.contains(name))
}

impl Gatherer<'_> {
    fn exposed(&mut self, exposure: &Exposure) {
        let services = &self.inhabitants.cluster.services;
        let Some(service) = services.get(&exposure.service) else {
            return;
        };
        let mut sources: Vec<End> = exposure.ranges.iter().copied().map(End::Block).collect();
        if sources.is_empty() {
            sources.push(End::Outside);
        }
        for port in &service.ports {
            let wanted = Wanted::at(port);
            let evidence = Evidence {
                what: format!("svc/{} {}", exposure.service, exposure.way),
                source: Some(exposure.source.clone()),
                target: format!("port {}", port.port),
            };
            self.admit(&sources, service, &wanted, &evidence);
        }
    }

    fn routed(&mut self, backend: &Backend, from: &[End]) {
        let evidence = Evidence {
            what: format!("{} {}", backend.kind, backend.object),
            source: Some(backend.source.clone()),
            target: format!("svc/{}", backend.service),
        };
        let namespace = &backend.object.namespace;
        let services = &self.inhabitants.cluster.services;
        let Some(service) = services.get(&backend.service) else {
            let problem = format!("svc/{} is not among these manifests", backend.service);
            let help = "add the Service's manifest, or correct the name".to_owned();
            return self.unresolved_in(namespace, &evidence, problem, help);
        };
        if from.is_empty() {
            let problem = "the pods that bring its connections are not known".to_owned();
            return self.unresolved_in(
                &backend.service.namespace,
                &evidence,
                problem,
                HELP.to_owned(),
            );
        }
        let protocol = match backend.kind.as_str() {
            "UDPRoute" => Protocol::Udp,
            _ => Protocol::Tcp,
        };
        let wanted = Wanted {
            port: backend.port.clone(),
            protocol: Some(protocol),
            usual: None,
        };
        self.admit(from, service, &wanted, &evidence);
    }

    fn admit(
        &mut self,
        sources: &[End],
        service: &ringfence_model::Service,
        wanted: &Wanted,
        evidence: &Evidence,
    ) {
        match self.destinations(service, wanted) {
            Ok((destinations, target)) => {
                let evidence = Evidence {
                    target,
                    ..evidence.clone()
                };
                for (to, port) in destinations {
                    for from in sources {
                        self.add(from.clone(), to.clone(), port.clone(), evidence.clone());
                    }
                }
            }
            Err(problem) => {
                self.unresolved_in(
                    &service.name.namespace,
                    evidence,
                    problem.text,
                    problem.help,
                );
            }
        }
    }

    /// The pods of the ingress controller of `class`: those that the user names, else the only one that the manifests
    /// have, or the only one whose image has the name of the class.
    fn controllers(&self, known: &BTreeSet<(&Unit, &str)>, class: Option<&str>) -> Vec<End> {
        if !self.options.ingress_from.is_empty() {
            return self.said();
        }
        let known = known
            .iter()
            .filter(|(_, image)| !is_of_another(class, image));
        let known: BTreeSet<(&Unit, &str)> = known.copied().collect();
        let units: BTreeSet<&Unit> = known.iter().map(|(unit, _)| *unit).collect();
        let named = known
            .iter()
            .filter(|(_, image)| class.is_some_and(|class| image.contains(class)));
        let named: BTreeSet<&Unit> = named.map(|(unit, _)| *unit).collect();
        let chosen = if units.len() == 1 { units } else { named };
        match chosen.len() {
            1 => chosen
                .into_iter()
                .flat_map(|unit| self.ends_of(unit))
                .collect(),
            _ => Vec::new(),
        }
    }

    fn gateways(&self, gateways: &[ObjectName]) -> Vec<End> {
        if !self.options.ingress_from.is_empty() {
            return self.said();
        }
        let units = gateways.iter().flat_map(|gateway| {
            let pods = self.inhabitants.pods_in(&gateway.namespace);
            let of_gateway = pods.filter(|pod| pod.labels.get(GATEWAY) == Some(&gateway.name));
            of_gateway.map(super::unit_of)
        });
        let units: BTreeSet<Unit> = units.collect();
        units.iter().flat_map(|unit| self.ends_of(unit)).collect()
    }

    /// As the user says.
    fn said(&self) -> Vec<End> {
        let said = self.options.ingress_from.iter();
        said.flat_map(|from| self.said_by(from)).collect()
    }

    fn said_by(&self, from: &IngressFrom) -> Vec<End> {
        let units = self.inhabitants.units().map(|(unit, _)| unit);
        let meant = units.filter(|unit| match unit {
            Unit::Workload {
                namespace, name, ..
            } => {
                *namespace == from.namespace && from.workload.as_ref().is_none_or(|own| own == name)
            }
            Unit::Namespace(_) | Unit::Zone(_) | Unit::Nodes | Unit::Node(_) | Unit::Place(_) => {
                false
            }
        });
        let ends: Vec<End> = meant.flat_map(|unit| self.ends_of(unit)).collect();
        match &from.workload {
            None if ends.is_empty() => vec![End::Unseen {
                namespace: from.namespace.clone(),
                labels: Labels::new(),
            }],
            None | Some(_) => ends,
        }
    }
}
