use ipnet::IpNet;

use crate::{LabelSelector, PodScope, Source, Written};

/// What those are called whom no zone claims. No zone has this name.
pub const UNZONED: &str = "(no zone)";

/// Zones of trust and what may pass between them (`kind: TrustZones` of `ringfence.dev/v1alpha1`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustZones {
    /// The zones in order; an endpoint belongs to the first that claims it. Their names differ.
    pub zones: Vec<TrustZone>,
    /// What is meant to be possible. Between two zones nothing else is.
    pub intended: Vec<IntendedAccess>,
    /// Where the document was written.
    pub source: Option<Source>,
}

/// Endpoints that trust each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustZone {
    /// What it is called.
    pub name: String,
    /// Pods of the pod network that belong to it, by any of these.
    pub pods: Vec<PodScope>,
    /// Nodes that belong to it; `None` claims none.
    pub nodes: Option<LabelSelector>,
    /// Addresses outside of the cluster that belong to it, and with them the nodes that have one of these.
    pub cidrs: Vec<IpNet>,
    /// Whether its members may not talk to each other either, unless a row says so.
    pub closed: bool,
    /// Where the zone was written.
    pub source: Option<Source>,
}

/// One row of the intended table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntendedAccess {
    /// Names of zones; at least one.
    pub from: Vec<String>,
    /// Names of zones; at least one.
    pub to: Vec<String>,
    /// Ports as written; empty where nothing is said, which means every port.
    pub ports: Vec<Written>,
    /// Whether it may be possible and need not be.
    pub optional: bool,
    /// Why it is meant to be possible.
    pub reason: Option<String>,
    /// Where the row was written.
    pub source: Option<Source>,
}
