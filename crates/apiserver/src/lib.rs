//! A Kubernetes API in memory, for the lab: what real `kubectl` and kube-rs clients speak to.
//!
//! Stores objects, serves lists and watches, checks and defaults what is written. Runs no pods, has no controllers and
//! no webhooks: what it does not support it refuses. Whoever starts it may do everything; accounts what their roles allow. Deciding is apart from doing: [`store`] and [`api`] are
//! functions of their arguments, time among them; only [`server`] reads sockets and the clock.
//! Start with [`kind::Kind`], which everything is derived from, and [`api`].

pub mod api;
pub mod check;
pub mod containers;
pub mod kind;
pub mod kinds;
mod managed;
pub mod object;
pub mod patch;
pub mod permission;
mod protobuf;
pub mod selector;
pub mod server;
pub mod status;
pub mod store;
pub mod structure;
pub mod time;
