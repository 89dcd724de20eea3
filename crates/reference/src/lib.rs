//! The specification of policy as code: may this source open a connection to that destination, and why?
//!
//! It exists to be read beside the rules (`Q-*`, `NP-*`, `AM-*`) and to be compared with every faster
//! implementation. Therefore it is short and slow, keeps no index and no cache, and shares types but no
//! code with the rest: selectors, peers, blocks, ports and Services are matched here once more, from the
//! plain fields of the model. It loads no manifests and knows nothing of packets.
//! Start with [`answer`]; `direction.rs` holds the heart of it, rule Q-10.

mod block;
mod cluster_rule;
mod course;
mod destination;
mod direction;
mod domain;
mod evaluate;
mod host;
mod host_port;
mod node;
mod party;
mod peer;
mod port;
mod resolve;
mod selector;
mod service;
mod tier;
mod whereabouts;

pub use evaluate::answer;
