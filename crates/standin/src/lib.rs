//! What stands in for containers and for the world outside, and what asks them.
//!
//! A lab runs no images. [`responder`] listens on a container's declared ports and says honestly
//! that it is a stand-in, which pod and node it is, and whom it saw; [`metadata`] is the cloud
//! service that a careless pod gives away. [`probe`] asks whether something is reached and who
//! answered, [`stream`] whether a connection survives; [`agnhost`] and [`curl`] are those two
//! commands in the part that tests and demos use.
//! Nothing here judges traffic or knows the cluster. Start with [`responder::ResponderConfig`] and
//! [`probe::ProbeRequest`].

pub mod agnhost;
pub mod curl;
mod http;
mod identity;
mod listen;
pub mod metadata;
pub mod probe;
pub mod responder;
pub mod stream;
mod usage;

pub use identity::Peer;
