//! Names of the cluster: what a pod gets when it asks for `web.shop.svc.cluster.local`.
//!
//! [`Zone`] is the pure half: built from a [`ringfence_model::Cluster`], it answers every question
//! that the Kubernetes DNS specification (1.1.0) defines, and performs no IO. [`serve`] puts it on
//! UDP and TCP sockets, [`run`] is the whole process: it listens, and takes new zones as lines of
//! JSON ([`Event`] says what it answers).
//! It judges no traffic, caches nothing and does no DNSSEC. Outside names are refused, or handed to
//! an upstream server if there is one. Start with [`Zone::of_cluster`] and [`Zone::answer`].

mod process;
mod record;
mod server;
mod zone;

pub use process::{DnsConfig, Event, Updates, run};
pub use record::{Kind, Record, RecordData};
pub use server::{Handle, ServeError, Sockets, Upstream, serve};
pub use zone::{Answer, DEFAULT_DOMAIN, Outcome, Zone, ZoneOptions};
