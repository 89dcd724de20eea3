//! A multi-node Kubernetes-like cluster on one machine, made of network namespaces.
//!
//! Nodes are namespaces, pods are namespaces wired by the real CNI plugin, policy is the real agent's. Needs neither
//! root nor images nor a virtual machine. It is a test bench and no sandbox: pods see the machine's files.
//! Start with [`start`] (the command's side) and [`lab`] (the lab's side); the processes are drawn in [`process`].

pub mod cluster;
pub mod control;
pub mod lab;
pub mod manifests;
mod network;
pub mod plan;
pub mod process;
mod sandbox;
pub mod start;

/// The name of a lab where the user gives none.
pub const DEFAULT_NAME: &str = "ringfence";
