//! The only crate that talks to the kernel: nf_tables, connection tracking, links, addresses,
//! routes and neighbours over netlink, sysctls and network namespaces.
//!
//! Blocking, without a runtime and without external programs. It carries out what others decided:
//! no policy is judged here, and nothing is cleaned up unasked. Every socket works in the network
//! namespace of the thread that opened it, for its whole life, whichever thread uses it later.
//! Start with [`nftables::Nftables`] and [`route::RouteSocket`].

mod attribute;
pub mod conntrack;
pub mod namespace;
pub mod nflog;
pub mod nftables;
pub mod route;
pub mod socket;
pub mod sysctl;

pub use nix::errno::Errno;
