//! The posture of a cluster: which of its workloads live by which principles of network security, measured by what may
//! be opened and never by which policies there are.
//!
//! Strangers are put into the cluster, pods and a namespace that nobody has named, and everything is asked of what they may
//! open. A policy that selects nothing, that allows all, or that another one overrides changes nothing about that.
//! Start with [`audit`]; [`Principle`] says what is measured, [`Audit::score`] what comes of it.

mod acceptance;
mod crowd;
mod egress;
mod exposure;
mod finding;
mod gather;
mod hosts;
mod ingress;
mod internet;
mod principle;
mod score;
mod separation;
mod stage;
mod store;
mod strangers;
mod unmeasured;
mod workload;
mod worst;

use std::net::IpAddr;

use ipnet::IpNet;
use ringfence_model::{Cluster, Diagnostic, Documents, LabelSelector, Object};
use ringfence_policy::Engine;

use crate::workload::Unit;
use acceptance::Acceptances;
use gather::Gathered;
use stage::Stage;
use workload::Workloads;

pub use finding::{Accepted, Finding, Gap, GapKind, Measured, NamespaceShare, Shown};
pub use principle::{About, Principle, Severity};
pub use score::{Score, Term};
pub use unmeasured::Unmeasured;

/// The annotation of a workload or namespace that accepts findings about it: `ID: reason`, several with `;` between them. What is
/// accepted is told and counted as it is; it only is no reason to fail.
pub const ACCEPT_ANNOTATION: &str = "ringfence.dev/accept";

/// Where clouds serve the credentials of their machines.
pub const METADATA: [IpAddr; 2] = [
    IpAddr::V4(std::net::Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V6(std::net::Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];

/// What there is to measure.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The cluster that the manifests describe.
    pub cluster: &'a Cluster,
    /// The objects it was put together from; they say what runs in pods.
    pub objects: &'a [Object],
    /// The manifests as they were written; empty for objects that come from elsewhere.
    pub documents: &'a Documents,
    /// What admission refuses pods on the host network in: the namespaces that any of these selects.
    pub guards: &'a [LabelSelector],
}

/// What to go by where manifests say nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Pods that hold something sensitive, besides those that are known by their image or port.
    pub sensitive: Vec<LabelSelector>,
    /// How many workloads may reach a sensitive store.
    pub most_clients: usize,
    /// Where pods get their addresses from, besides what nodes say.
    pub pod_blocks: Vec<IpNet>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            sensitive: Vec::new(),
            most_clients: 5,
            pod_blocks: Vec::new(),
        }
    }
}

/// What was measured.
#[derive(Clone, Debug)]
pub struct Audit {
    engine: Engine,
    principles: Vec<Measured>,
    parts_of_nodes: Vec<Unit>,
    unmeasured: Vec<Unmeasured>,
    notes: Vec<Diagnostic>,
}

impl Audit {
    /// The cluster with the strangers in it, for whoever wants to ask it about the connections that are shown.
    #[must_use]
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Every principle in order of id, with what was found about it.
    #[must_use]
    pub fn principles(&self) -> &[Measured] {
        &self.principles
    }

    /// Every finding, the worst principles first.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.principles.iter().flat_map(|found| &found.findings)
    }

    /// Workloads of `kube-system` on the network of their nodes that were taken for parts of the nodes, and not measured.
    #[must_use]
    pub fn parts_of_nodes(&self) -> &[Unit] {
        &self.parts_of_nodes
    }

    /// Objects that may make pods which manifests do not hold, by kind.
    #[must_use]
    pub fn unmeasured(&self) -> &[Unmeasured] {
        &self.unmeasured
    }

    /// What annotations say that accepts nothing.
    #[must_use]
    pub fn notes(&self) -> &[Diagnostic] {
        &self.notes
    }

    /// The score, `None` if there was nothing to measure.
    #[must_use]
    pub fn score(&self) -> Option<Score> {
        Score::of(&self.principles)
    }
}

/// Measures the subject by every principle.
#[must_use]
pub fn audit(subject: &Subject<'_>, options: &Options) -> Audit {
    let stage = Stage::new(subject, options);
    let workloads = Workloads::of(subject, options, &stage.engine);
    let mut gathered = Gathered::default();
    ingress::measure(&stage, &workloads, options, &mut gathered);
    egress::measure(&stage, &workloads, &mut gathered);
    crowd::measure(&stage, &workloads, &mut gathered);
    hosts::measure(subject, &workloads, &mut gathered);
    let acceptances = Acceptances::of(subject.documents);
    let principles = gathered.into_measured(&stage.engine, &workloads, &acceptances);
    Audit {
        engine: stage.engine,
        parts_of_nodes: hosts::parts_of_nodes(&workloads),
        unmeasured: unmeasured::unmeasured(subject),
        notes: acceptances.notes(&principles),
        principles,
    }
}
