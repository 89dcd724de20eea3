use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use ringfence_cni::{Endpoint, EndpointId, EndpointState, Response};
use ringfence_compile::LocalEndpoint;
use ringfence_model::{Cluster, ObjectName};

use super::{Action, Ticket};

/// How long a request of the CNI plugin waits before it is refused: less than the plugin waits for an answer, so
/// that it hears the reason.
pub const PATIENCE: Duration = Duration::from_secs(8);
/// The beginning of every pod interface's name on the host; the static rules know pods by it.
const INTERFACE_PREFIX: &str = "vethrf";
/// The kernel's limit for interface names.
const INTERFACE_LENGTH: usize = 15;

/// The attachments of this node, and who waits for them.
#[derive(Debug, Default)]
pub(crate) struct Endpoints {
    entries: BTreeMap<EndpointId, Entry>,
}

#[derive(Debug)]
struct Entry {
    endpoint: Endpoint,
    phase: Phase,
    waiting: Vec<Waiting>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Its rules belong into the table as soon as its pod is known.
    Live,
    /// It was refused and never had rules; the plugin will release it.
    Refused,
    /// Its rules must leave the table.
    Releasing,
    /// Its rules have left the table; its connections must go.
    Withdrawn,
}

#[derive(Debug)]
struct Waiting {
    ticket: Ticket,
    deadline: Duration,
}

/// Where the packets of a pod come from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Interface<'a> {
    pub(crate) name: &'a str,
    pub(crate) is_programmed: bool,
}

impl Endpoints {
    /// Takes over the records found at the start. A record that contradicts an earlier one is refused.
    pub(crate) fn load(&mut self, records: Vec<Endpoint>) {
        for endpoint in records {
            let phase = match endpoint.state {
                EndpointState::Reserved => continue,
                EndpointState::Released => Phase::Releasing,
                EndpointState::Wired if self.objection(&endpoint).is_some() => Phase::Refused,
                EndpointState::Wired => Phase::Live,
            };
            let entry = Entry {
                phase,
                waiting: Vec::new(),
                endpoint,
            };
            self.entries.insert(entry.endpoint.id.clone(), entry);
        }
    }

    /// A pod was wired. Its ticket waits for [`Self::programmed`], unless the endpoint cannot be taken.
    pub(crate) fn wire(
        &mut self,
        endpoint: Endpoint,
        ticket: Ticket,
        now: Duration,
    ) -> Vec<Action> {
        if let Some(refusal) = self.objection(&endpoint) {
            return vec![Action::Answer {
                ticket,
                response: refusal,
            }];
        }
        let id = endpoint.id.clone();
        let fresh = Entry {
            endpoint,
            phase: Phase::Live,
            waiting: Vec::new(),
        };
        let entry = self.entries.entry(id).or_insert(fresh);
        entry.phase = Phase::Live;
        entry.wait(ticket, now);
        Vec::new()
    }

    /// A pod is gone. Its ticket waits for [`Self::purged`].
    pub(crate) fn release(&mut self, id: EndpointId, ticket: Ticket, now: Duration) -> Vec<Action> {
        let Some(entry) = self.entries.get_mut(&id) else {
            let answer = Action::Answer {
                ticket,
                response: Response::Done,
            };
            return vec![Action::ForgetEndpoint(id), answer];
        };
        let mut actions = Vec::new();
        match entry.phase {
            Phase::Live | Phase::Refused => {
                entry.phase = Phase::Releasing;
                let message = "the pod was released meanwhile".to_owned();
                actions = entry.answer(&Response::Failed {
                    message,
                    retry: false,
                });
            }
            Phase::Releasing | Phase::Withdrawn => {}
        }
        entry.wait(ticket, now);
        actions
    }

    /// The endpoints whose rules belong into the table: their pods are known and live (rules NP-53, DP-25).
    pub(crate) fn wanted(&self, cluster: &Cluster) -> BTreeMap<EndpointId, LocalEndpoint> {
        let live = self
            .entries
            .values()
            .filter(|entry| entry.phase == Phase::Live);
        live.filter_map(|entry| {
            let pod = pod_of(&entry.endpoint)?;
            let known = cluster
                .pods
                .get(&pod)
                .is_some_and(|pod| pod.is_on_pod_network());
            known.then(|| (entry.endpoint.id.clone(), local(&entry.endpoint, pod)))
        })
        .collect()
    }

    /// The kernel now holds the rules of exactly these endpoints.
    pub(crate) fn programmed(
        &mut self,
        programmed: &BTreeMap<EndpointId, LocalEndpoint>,
        released: &BTreeSet<EndpointId>,
    ) -> Vec<Action> {
        let mut actions = Vec::new();
        for (id, entry) in &mut self.entries {
            match entry.phase {
                Phase::Live if programmed.contains_key(id) => {
                    actions.extend(entry.answer(&Response::Done));
                }
                Phase::Releasing if released.contains(id) => entry.phase = Phase::Withdrawn,
                Phase::Live | Phase::Refused | Phase::Releasing | Phase::Withdrawn => {}
            }
        }
        actions
    }

    /// The endpoints that are to leave the table.
    pub(crate) fn releasing(&self) -> BTreeSet<EndpointId> {
        let releasing = self
            .entries
            .values()
            .filter(|entry| entry.phase == Phase::Releasing);
        releasing.map(|entry| entry.endpoint.id.clone()).collect()
    }

    /// The addresses whose connections must go before the addresses are used again.
    pub(crate) fn withdrawn(&self) -> BTreeSet<IpAddr> {
        let withdrawn = self
            .entries
            .values()
            .filter(|entry| entry.phase == Phase::Withdrawn);
        withdrawn
            .flat_map(|entry| entry.endpoint.addresses.iter().copied())
            .collect()
    }

    pub(crate) fn has_withdrawn(&self) -> bool {
        self.entries
            .values()
            .any(|entry| entry.phase == Phase::Withdrawn)
    }

    /// Nothing is left of the withdrawn endpoints.
    pub(crate) fn purged(&mut self) -> Vec<Action> {
        let mut actions = Vec::new();
        for (id, mut entry) in self
            .entries
            .extract_if(.., |_, entry| entry.phase == Phase::Withdrawn)
        {
            actions.push(Action::ForgetEndpoint(id));
            actions.extend(entry.answer(&Response::Done));
        }
        actions
    }

    /// Refuses what has waited too long. Tells whether the wanted endpoints changed.
    pub(crate) fn expire(
        &mut self,
        now: Duration,
        cause: impl Fn(Option<&ObjectName>) -> String,
        is_programmed: impl Fn(&EndpointId) -> bool,
    ) -> (Vec<Action>, bool) {
        let (mut actions, mut changed) = (Vec::new(), false);
        for (id, entry) in &mut self.entries {
            let expired = entry.expired(now);
            if expired.is_empty() {
                continue;
            }
            let message = match entry.phase {
                Phase::Live | Phase::Refused => cause(pod_of(&entry.endpoint).as_ref()),
                Phase::Releasing => format!("the rules could not be removed yet: {}", cause(None)),
                Phase::Withdrawn => format!("connections are not cut yet: {}", cause(None)),
            };
            if entry.phase == Phase::Live && !is_programmed(id) {
                entry.phase = Phase::Refused;
                changed = true;
            }
            actions.extend(expired.into_iter().map(|ticket| Action::Answer {
                ticket,
                response: Response::Failed {
                    message: message.clone(),
                    retry: true,
                },
            }));
        }
        (actions, changed)
    }

    /// When [`Self::expire`] has something to do next.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        let waiting = self.entries.values().flat_map(|entry| &entry.waiting);
        waiting.map(|waiting| waiting.deadline).min()
    }

    /// Every recorded address, with its host interface, and whether `programmed` holds it.
    pub(crate) fn interfaces(
        &self,
        programmed: &BTreeMap<EndpointId, LocalEndpoint>,
    ) -> BTreeMap<IpAddr, Interface<'_>> {
        // Those that were refused may have been refused because the address is another's.
        let (refused, others): (Vec<_>, Vec<_>) = self
            .entries
            .iter()
            .partition(|(_, entry)| entry.phase == Phase::Refused);
        let mut interfaces = BTreeMap::new();
        for (id, entry) in refused.into_iter().chain(others) {
            let interface = Interface {
                name: &entry.endpoint.host_interface,
                is_programmed: programmed.contains_key(id),
            };
            let addresses = entry.endpoint.addresses.iter();
            interfaces.extend(addresses.map(|address| (*address, interface)));
        }
        interfaces
    }

    /// Why the endpoint cannot be taken. One that stays would make the whole table impossible to compile.
    fn objection(&self, endpoint: &Endpoint) -> Option<Response> {
        let refuse = |message, retry| Some(Response::Failed { message, retry });
        if endpoint.pod.is_none() {
            let message = "the runtime named no pod (K8S_POD_NAMESPACE, K8S_POD_NAME)".to_owned();
            return refuse(message, false);
        }
        let interface = &endpoint.host_interface;
        if !interface.starts_with(INTERFACE_PREFIX) || interface.len() > INTERFACE_LENGTH {
            return refuse(
                format!("`{interface}` is no name of a pod's interface"),
                false,
            );
        }
        if let Some(entry) = self.entries.get(&endpoint.id) {
            match entry.phase {
                Phase::Releasing | Phase::Withdrawn => {
                    return refuse("its predecessor is still being released".to_owned(), true);
                }
                Phase::Live | Phase::Refused if !is_same(&entry.endpoint, endpoint) => {
                    return refuse("it is wired differently already".to_owned(), false);
                }
                Phase::Live | Phase::Refused => {}
            }
        }
        let holder = self.holder(endpoint)?;
        let pod = holder
            .pod
            .as_ref()
            .map_or_else(|| "another pod".to_owned(), ToString::to_string);
        refuse(
            format!("its address or interface still belongs to {pod}"),
            true,
        )
    }

    /// Another endpoint with the same interface or one of the same addresses.
    fn holder(&self, endpoint: &Endpoint) -> Option<&Endpoint> {
        let others = self
            .entries
            .values()
            .filter(|entry| entry.phase != Phase::Refused && entry.endpoint.id != endpoint.id);
        others.map(|entry| &entry.endpoint).find(|other| {
            other.host_interface == endpoint.host_interface
                || other
                    .addresses
                    .iter()
                    .any(|address| endpoint.addresses.contains(address))
        })
    }
}

impl Entry {
    fn wait(&mut self, ticket: Ticket, now: Duration) {
        self.waiting.push(Waiting {
            ticket,
            deadline: now.saturating_add(PATIENCE),
        });
    }

    fn answer(&mut self, response: &Response) -> Vec<Action> {
        let tickets = self.waiting.drain(..).map(|waiting| waiting.ticket);
        tickets
            .map(|ticket| Action::Answer {
                ticket,
                response: response.clone(),
            })
            .collect()
    }

    fn expired(&mut self, now: Duration) -> Vec<Ticket> {
        let expired = self
            .waiting
            .extract_if(.., |waiting| waiting.deadline <= now);
        expired.map(|waiting| waiting.ticket).collect()
    }
}

fn pod_of(endpoint: &Endpoint) -> Option<ObjectName> {
    let pod = endpoint.pod.as_ref()?;
    Some(ObjectName::new(&pod.namespace, &pod.name))
}

fn local(endpoint: &Endpoint, pod: ObjectName) -> LocalEndpoint {
    let (host_interface, addresses) = (endpoint.host_interface.clone(), endpoint.addresses.clone());
    LocalEndpoint {
        pod,
        host_interface,
        addresses,
    }
}

fn is_same(left: &Endpoint, right: &Endpoint) -> bool {
    left.pod == right.pod
        && left.host_interface == right.host_interface
        && left.addresses == right.addresses
}
