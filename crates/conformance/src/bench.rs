//! All three answers to a flow, and whether they agree.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ringfence_compile::{Compiled, Enforcement};
use ringfence_model::{Answer, Cluster, ObjectName, Outcome, Service, TrafficPolicy};
use ringfence_model::{DirectionVerdict, Party};
use ringfence_netlink::namespace::run_in;
use ringfence_reference::answer;
use ringfence_testkit::compare::Disagreement;
use ringfence_testkit::decider::{Decider as _, Decision, ReferenceDecider, Verdict};
use ringfence_testkit::flows::ProbeFlow;
use ringfence_testkit::shrink::shrink;

use crate::evaluated::Evaluated;
use crate::fate::{Fate, Fates, arrivals, verdict};
use crate::fit::fit;
use crate::kernel::{Kernel, compile_all};
use crate::packet::Opening;
use crate::plan::{NodeId, Place, place};
use crate::prober::Prober;
use crate::question;
use crate::wiring::Wiring;

/// Packets through a Service that has a choice: none may reach a backend that refuses it.
const TRIES: usize = 20;
/// So many more times they are sent if some choice was not seen. One of six is missed with a chance of 1e-20.
const MORE: usize = 12;

/// The wires, and both nodes' kernels.
#[derive(Debug)]
pub struct Bench {
    wiring: Wiring,
    /// The nodes' tables.
    pub kernel: Kernel,
    /// Sends packets.
    pub prober: Prober,
}

/// What became of a flow's packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// The flow.
    pub flow: ProbeFlow,
    /// Where its packets were sent from.
    pub from: Place,
    /// Who has the address that was dialled.
    pub to: Place,
    /// The packet.
    pub opening: Opening,
    /// The Service that was dialled, if one was.
    pub service: Option<ObjectName>,
    /// In the compiled tables.
    pub evaluated: Fates,
    /// In the kernel.
    pub kernel: Fates,
}

/// A flow on its way through the bench.
struct Trial {
    observed: Observed,
    tries: usize,
}

impl Bench {
    /// Builds everything.
    #[must_use]
    pub fn new() -> Self {
        let wiring = Wiring::build();
        Self {
            kernel: Kernel::new(&wiring),
            prober: Prober::new(&wiring),
            wiring,
        }
    }

    /// Loads the tables of a cluster that [`fit`]s, and gives them.
    pub fn load(
        &mut self,
        cluster: &Cluster,
        enforcement: Enforcement,
    ) -> BTreeMap<NodeId, Compiled> {
        let compiled = compile_all(cluster, cluster, enforcement);
        self.install(cluster, &compiled);
        compiled
    }

    /// Loads tables onto the wires of a cluster that [`fit`]s.
    pub fn install(&mut self, cluster: &Cluster, compiled: &BTreeMap<NodeId, Compiled>) {
        self.wiring.route(cluster);
        self.kernel.load(compiled);
    }

    /// Does something on a node, in its network namespace.
    pub fn run_on<T: Send>(&self, node: NodeId, work: impl FnOnce() -> T + Send) -> T {
        let node = self.wiring.namespace(Place::Node(node));
        run_in(node, work).expect("the node's namespace")
    }

    /// Sends each flow's packets through the loaded tables. Flows for which no packet can be made are left out.
    pub fn observe(
        &mut self,
        cluster: &Cluster,
        compiled: &BTreeMap<NodeId, Compiled>,
        flows: &[ProbeFlow],
    ) -> Vec<Observed> {
        let evaluated = Evaluated::new(cluster, compiled);
        let trials = flows
            .iter()
            .filter_map(|flow| Trial::new(cluster, &evaluated, flow));
        let mut trials: Vec<Trial> = trials.collect();
        self.send(&mut trials, |_| true);
        for _ in 0..MORE {
            self.send(&mut trials, |trial| {
                trial.tries > 1 && trial.observed.kernel != trial.observed.evaluated
            });
        }
        trials.into_iter().map(|trial| trial.observed).collect()
    }

    fn send(&mut self, trials: &mut [Trial], wanted: impl Fn(&Trial) -> bool) {
        let mut chosen: Vec<&mut Trial> = trials.iter_mut().filter(|trial| wanted(trial)).collect();
        let packets: Vec<(Place, Opening)> = chosen
            .iter()
            .flat_map(|trial| {
                let packet = (trial.observed.from, trial.observed.opening.clone());
                vec![packet; trial.tries]
            })
            .collect();
        let mut fates = self.prober.probe(&packets).into_iter();
        for trial in &mut chosen {
            let own = fates.by_ref().take(trial.tries);
            trial.observed.kernel.extend(own);
        }
    }

    /// The disagreement that was observed in `cluster`, with as little around it as possible. One that cannot be
    /// repeated is described as it was.
    pub fn shrink(&mut self, cluster: &Cluster, observed: &Observed) -> Disagreement {
        let flow = &observed.flow;
        let smallest = shrink(cluster, flow, &mut |smaller, flow| {
            self.try_one(&fit(smaller), flow).is_some()
        });
        let again = self.try_one(&fit(&smallest), flow);
        again.unwrap_or_else(|| describe(cluster, observed))
    }

    /// The disagreement about one flow, if there is one.
    fn try_one(&mut self, cluster: &Cluster, flow: &ProbeFlow) -> Option<Disagreement> {
        let compiled = self.load(cluster, Enforcement::On);
        let observed = self.observe(cluster, &compiled, std::slice::from_ref(flow));
        let observed = observed
            .into_iter()
            .find(|observed| differs(cluster, observed))?;
        Some(describe(cluster, &observed))
    }
}

impl Default for Bench {
    fn default() -> Self {
        Self::new()
    }
}

impl Trial {
    /// `None` if the specification has no answer that a packet can give as well.
    fn new(cluster: &Cluster, evaluated: &Evaluated<'_>, flow: &ProbeFlow) -> Option<Self> {
        let answer = answer(cluster, flow).ok()?;
        if Verdict::from(&answer.outcome) == Verdict::Unknown {
            return None;
        }
        let (from, opening) = question::packet(cluster, flow)?;
        if lists_sources(cluster, opening.destination) {
            return None;
        }
        if from == Place::Outside && depends_on_entry(cluster, &opening, &answer) {
            return None;
        }
        let fates = evaluated.fates(from, &opening);
        let observed = Observed {
            flow: flow.clone(),
            from,
            to: place(cluster, opening.destination),
            opening,
            service: answer.service,
            evaluated: fates.iter().copied().collect(),
            kernel: Fates::new(),
        };
        Some(Self {
            tries: if fates.len() > 1 { TRIES } else { 1 },
            observed,
        })
    }
}

/// Whether it depends on the node at which packets from outside come in what becomes of them, which the specification is not
/// told but by the address of a node: where a Service is kept to nodes (rule OB-18), and where it is passed on (rule OB-19).
fn depends_on_entry(cluster: &Cluster, opening: &Opening, answer: &Answer) -> bool {
    let is_at_node = matches!(place(cluster, opening.destination), Place::Node(_));
    let is_open = |service: &Service| {
        let mut ports = service.ports.iter();
        !service.external_addresses.is_empty() || ports.any(|port| port.node_port.is_some())
    };
    let service = answer.service.as_ref();
    let service = service.and_then(|name| cluster.services.get(name));
    service.is_some_and(|service| {
        let is_kept = service.traffic.internal == TrafficPolicy::Local;
        !is_at_node && (is_kept || cluster.services.values().any(is_open))
    })
}

/// Whether a load balancer lets in only whom its Service lists, which is no part of a verdict (rule AM-26).
fn lists_sources(cluster: &Cluster, address: IpAddr) -> bool {
    let mut services = cluster.services.values();
    services.any(|Service { traffic, .. }| {
        traffic.admitted.is_some() && traffic.balanced.contains(&address)
    })
}

/// What packets say, in the words of the specification: where nobody on the node stands behind a Service that keeps to it,
/// they are dropped, and nobody is told (rule OB-19).
fn observed_verdict(cluster: &Cluster, observed: &Observed, answer: &Answer) -> Verdict {
    let service = observed.service.as_ref();
    let service = service.and_then(|name| cluster.services.get(name));
    let keeps = service.is_some_and(|service| service.traffic.external == TrafficPolicy::Local);
    match (verdict(&observed.kernel), &answer.outcome) {
        (Verdict::Deny, Outcome::NoEndpoints) if keeps && observed.from == Place::Outside => {
            Verdict::NoEndpoints
        }
        (found, _) => found,
    }
}

/// Whether two of the three differ. `specified` is the cluster that the specification is asked about: the same, unless
/// a mistake is to be noticed.
#[must_use]
pub fn differs(specified: &Cluster, observed: &Observed) -> bool {
    observed.kernel != observed.evaluated || differs_from_reference(specified, observed)
}

/// Whether the kernel's packets contradict the specification: the verdict differs, or one arrived where none should.
#[must_use]
pub fn differs_from_reference(specified: &Cluster, observed: &Observed) -> bool {
    let Ok(answer) = answer(specified, &observed.flow) else {
        return true;
    };
    let allowed: BTreeSet<(Place, Option<u16>)> = answer
        .connections
        .iter()
        .filter(|connection| connection.verdict() == DirectionVerdict::Allow)
        .filter_map(|connection| {
            let place = match &connection.destination {
                Party::Loopback(_) => observed.from,
                party @ (Party::Pod { .. } | Party::Node { .. } | Party::Other(_)) => {
                    place(specified, party.address()?)
                }
            };
            Some((place, connection.port))
        })
        .collect();
    let arrived: BTreeSet<(Place, Option<u16>)> = arrivals(&observed.kernel)
        .map(|arrival| (arrival.place, arrival.port))
        .collect();
    observed_verdict(specified, observed, &answer) != Verdict::from(&answer.outcome)
        || arrived != allowed
}

fn describe(cluster: &Cluster, observed: &Observed) -> Disagreement {
    let decision = |fates: &Fates| Decision {
        verdict: verdict(fates),
        because: fates
            .iter()
            .map(Fate::to_string)
            .collect::<Vec<_>>()
            .join("; "),
    };
    let kernel = ("kernel".to_owned(), decision(&observed.kernel));
    let evaluated = (
        "evaluated ruleset".to_owned(),
        decision(&observed.evaluated),
    );
    let reference = (
        "reference".to_owned(),
        ReferenceDecider.decide(cluster, &observed.flow),
    );
    let expected = if differs_from_reference(cluster, observed) {
        reference
    } else {
        evaluated
    };
    Disagreement {
        cluster: cluster.clone(),
        flow: observed.flow.clone(),
        expected,
        found: kernel,
    }
}
