//! Names of the cluster: what a pod gets when it asks for `web.shop.svc.cluster.local`.
//!
//! [`Zone`] is the pure half: built from a [`ringfence_model::Cluster`], it answers every question
//! that the Kubernetes DNS specification (1.1.0) defines, and performs no IO. [`serve`] puts it on
//! UDP and TCP sockets, [`run`] is the whole process: it listens, and takes new zones as lines of
//! JSON ([`Event`] says what it answers).
//! It judges no traffic and does no DNSSEC. Outside names are refused, or handed to an upstream server if there is
//! one, whose answers are remembered for a while. Start with [`Zone::of_cluster`] and [`Zone::answer`]. What it
//! promises and limits is in `docs/design/names.md`.

mod cache;
pub mod fuzz;
mod message;
mod metrics;
mod plan;
mod process;
mod question;
mod record;
mod reply;
mod server;
mod teacher;
mod zone;

pub use metrics::Metrics;
pub use process::{DnsConfig, Event, Updates, UpstreamConfig, run};
pub use record::{Kind, Record, RecordData};
pub use server::{Handle, ServeError, ServeOptions, Sharing, Sockets, Upstream, serve};
pub use teacher::Teacher;
pub use zone::{Answer, DEFAULT_DOMAIN, Outcome, Zone, ZoneOptions};
