//! Who talks to the API server, and whom it talks to.

use std::collections::BTreeSet;

use ringfence_model::{BackendUser, GroupBinding, ObjectName, Wiring};
use ringfence_net::Protocol;

use super::service::Wanted;
use super::{Destination, Gatherer, NeededPort};
use crate::suggest::facts::Facts;
use crate::suggest::{End, Evidence, Unresolved};
use crate::workload::Unit;

/// The port of API servers that are not said to have another one.
const PORT: u16 = 6443;
const CONTROL_PLANE: [&str; 2] = [
    "node-role.kubernetes.io/control-plane",
    "node-role.kubernetes.io/master",
];
const HELP: &str = "say where the API server is, with --api-server";

/// Adds what accounts with rights and webhooks need.
pub(super) fn read(gatherer: &mut Gatherer<'_>, facts: &Facts, wiring: &Wiring) {
    for account in &facts.accounts {
        let bound = wiring
            .bindings
            .iter()
            .find(|bound| bound.account == account.account);
        if let Some(bound) = bound {
            let evidence = Evidence {
                what: format!(
                    "{} serviceaccount/{}, {}",
                    account.unit.full_name(),
                    account.account.name,
                    bound.binding
                ),
                source: Some(bound.source.clone()),
                target: String::new(),
            };
            gatherer.needs_api_server(&account.unit, &evidence);
        }
    }
    let namespaces: BTreeSet<&str> = facts
        .accounts
        .iter()
        .map(|found| found.account.namespace.as_str())
        .collect();
    for group in &wiring.group_bindings {
        let of_group = namespaces.iter().filter(|namespace| {
            let mut only = group.namespace.iter();
            only.all(|only| only == *namespace)
        });
        for namespace in of_group {
            gatherer.all_accounts((group, *namespace), facts, wiring);
        }
    }
    for backend in &wiring.backends {
        if backend.user == BackendUser::ApiServer {
            gatherer.called_by_api_server(backend);
        }
    }
}

impl Gatherer<'_> {
    /// Of all pods of a namespace whose account has rights as a member of a group alone, somebody has to say which use them.
    fn all_accounts(
        &mut self,
        (group, namespace): (&GroupBinding, &str),
        facts: &Facts,
        wiring: &Wiring,
    ) {
        let accounts = facts.accounts.iter().map(|found| &found.account);
        let mut members = accounts.filter(|account| account.namespace == namespace);
        let alone = members.any(|account| {
            let mut bound = wiring.bindings.iter();
            bound.all(|bound| bound.account != *account)
        });
        if !alone {
            return;
        }
        let evidence = Evidence {
            what: group.binding.clone(),
            source: Some(group.source.clone()),
            target: String::new(),
        };
        let problem = format!(
            "every account of `{namespace}` has rights at the API server by it, and nothing shows whose pods use them"
        );
        let help = "bind the accounts that need it instead of the group";
        self.unresolved_in(namespace, &evidence, problem, help.to_owned());
    }

    /// Notes that `unit` talks to the API server.
    pub(super) fn needs_api_server(&mut self, unit: &Unit, evidence: &Evidence) {
        let servers = self.api_servers();
        if servers.is_empty() {
            let problem = "talks to the API server, whose address these manifests do not tell";
            return self.undecided(unit, evidence, problem.to_owned(), HELP.to_owned());
        }
        let evidence = Evidence {
            target: "the API server".to_owned(),
            ..evidence.clone()
        };
        self.client(unit, servers, &evidence);
    }

    fn called_by_api_server(&mut self, backend: &ringfence_model::Backend) {
        let services = &self.inhabitants.cluster.services;
        let evidence = Evidence {
            what: format!("{} {}", backend.kind, backend.object.name),
            source: Some(backend.source.clone()),
            target: format!("svc/{}", backend.service),
        };
        let Some(service) = services.get(&backend.service) else {
            let problem = format!("svc/{} is not among these manifests", backend.service);
            let help = "add the Service's manifest, or correct the name".to_owned();
            return self.unresolved_in(&backend.service.namespace, &evidence, problem, help);
        };
        let wanted = Wanted {
            port: backend.port.clone(),
            protocol: Some(Protocol::Tcp),
            usual: None,
        };
        let servers: BTreeSet<End> = self.api_servers().into_iter().map(|(end, _)| end).collect();
        match self.destinations(service, &wanted) {
            Ok((destinations, target)) => {
                let evidence = Evidence { target, ..evidence };
                for (to, port) in destinations {
                    for from in &servers {
                        self.add(from.clone(), to.clone(), port.clone(), evidence.clone());
                    }
                    if servers.is_empty() {
                        self.unknown_caller(&to, &port, &evidence);
                    }
                }
            }
            Err(problem) => {
                self.unresolved_in(
                    &backend.service.namespace,
                    &evidence,
                    problem.text,
                    problem.help,
                );
            }
        }
    }

    fn unknown_caller(&mut self, to: &End, port: &NeededPort, evidence: &Evidence) {
        if let End::Workload(unit) = to {
            let problem = format!(
                "is called by the API server at {} {port}, whose address these manifests do not tell",
                unit.full_name()
            );
            self.undecided(&unit.clone(), evidence, problem, HELP.to_owned());
        }
    }

    /// Notes something about a namespace, if policies are suggested for it.
    pub(super) fn unresolved_in(
        &mut self,
        namespace: &str,
        evidence: &Evidence,
        problem: String,
        help: String,
    ) {
        if self
            .inhabitants
            .managed()
            .any(|managed| managed == namespace)
        {
            self.unresolved.insert(Unresolved {
                namespace: namespace.to_owned(),
                what: evidence.what.clone(),
                source: evidence.source.clone(),
                problem,
                help,
            });
        }
    }

    /// Where the API server is: as the user says, else as the endpoints of its Service say, else on the nodes of the
    /// control plane.
    fn api_servers(&self) -> Vec<Destination> {
        let needed = |number| NeededPort {
            protocol: Protocol::Tcp,
            number,
            name: None,
        };
        let said = &self.options.api_server;
        if !said.is_empty() {
            let said = said
                .iter()
                .map(|(block, port)| (End::Block(*block), needed(*port)));
            return said.collect();
        }
        let cluster = self.inhabitants.cluster;
        let service = cluster
            .services
            .get(&ObjectName::new("default", "kubernetes"));
        let endpoints = service.into_iter().flat_map(|service| &service.endpoints);
        let listed = endpoints.flat_map(|endpoint| {
            let end = End::address(endpoint.address);
            endpoint
                .ports
                .iter()
                .map(move |port| (end.clone(), needed(port.port)))
        });
        let listed: Vec<Destination> = listed.collect();
        if !listed.is_empty() {
            return listed;
        }
        let planes = cluster.nodes.values().filter(|node| {
            let mut labels = CONTROL_PLANE.iter();
            labels.any(|label| node.labels.contains_key(*label))
        });
        let addresses = planes.flat_map(|node| &node.addresses);
        addresses
            .map(|address| (End::address(*address), needed(PORT)))
            .collect()
    }
}
