//! The controllers of a test bench: what Kubernetes' controller manager does with Deployments and their kin.
//!
//! Each is a function from a [`View`] and the time to the [`Write`]s that are due now: no clock, no memory, nothing to say once
//! all is as it should be. Only [`runner`] does something: it watches a store, asks each in turn, and hands writes to the API.
//!
//! Objects are JSON values, as the store has them. Typed structs would be a second description of the fields that the API's
//! kinds already check, would have to be turned back for every write, and would lose what they do not know.
//!
//! Not here: running pods, which is the kubelet's, and permissions. Start with [`view`] and [`replica_set`].

mod backend;
mod claim;
mod condition;
pub mod controller_revision;
pub mod cron_job;
pub mod daemon_set;
pub mod deployment;
pub mod endpoint_slice;
pub mod endpoints;
pub mod event;
pub mod job;
pub mod lease;
pub mod load_balancer;
mod name;
pub mod namespace;
mod node;
mod owner;
mod pod;
pub mod replica_set;
pub mod runner;
#[cfg(test)]
mod sample;
pub mod scheduler;
mod selector;
pub mod service_address;
pub mod stateful_set;
mod template;
pub mod view;
pub mod write;

use ringfence_apiserver::time::Timestamp;

pub use runner::{Runner, RunnerConfig};
pub use service_address::ServiceRanges;
pub use view::{Settings, View};
pub use write::{Verb, Write};

/// A controller.
#[derive(Clone, Copy, Debug)]
pub struct Controller {
    /// What it is about.
    pub name: &'static str,
    /// The program that does this in Kubernetes: the manager of the fields it writes.
    pub manager: &'static str,
    /// What is due.
    pub decide: fn(&View, Timestamp) -> Vec<Write>,
}

/// All of them, in the order in which they are asked.
pub const CONTROLLERS: &[Controller] = &[
    managed("namespace", namespace::decide),
    managed("deployment", deployment::decide),
    managed("replicaset", replica_set::decide),
    managed("statefulset", stateful_set::decide),
    managed("daemonset", daemon_set::decide),
    managed("controllerrevision", controller_revision::decide),
    managed("cronjob", cron_job::decide),
    managed("job", job::decide),
    Controller {
        name: "scheduler",
        manager: "kube-scheduler",
        decide: scheduler::decide,
    },
    managed("endpointslice", endpoint_slice::decide),
    managed("endpoints", endpoints::decide),
    Controller {
        name: "loadbalancer",
        manager: "cloud-controller-manager",
        decide: load_balancer::decide,
    },
    Controller {
        name: "event",
        manager: "kube-apiserver",
        decide: event::decide,
    },
    Controller {
        name: "lease",
        manager: "kubelet",
        decide: lease::decide,
    },
];

const fn managed(name: &'static str, decide: fn(&View, Timestamp) -> Vec<Write>) -> Controller {
    Controller {
        name,
        manager: "kube-controller-manager",
        decide,
    }
}
