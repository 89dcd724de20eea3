//! The commands that need no lab through the program, as their users run them: what they print and how they end.
//!
//! [`support`] runs the program from the root of the repository, so that examples are named as documents name them.
//! [`docs`] holds the pages of `docs/commands` true.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

mod accidents;
mod admission;
mod asked;
mod audit;
mod check;
mod cluster;
mod convert;
mod deploy;
mod diff;
mod docs;
mod explain;
mod formats;
mod guard;
mod host_firewall;
mod lock;
mod man;
mod matrix;
mod node_addresses;
mod ordinals;
mod own_node;
mod pod_cidr;
mod resolve;
mod rules;
mod suggest;
mod support;
mod test_command;
mod zones;
