//! The lab through the program, as its users run it: real processes, real packets, as root and as an ordinary user.
//!
//! Every test has labs of its own, and each lab is ended when its test is, however it goes. [`support`] knows how to
//! start and ask them. Few labs run at a time, so that measurements of one do not disturb another.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "test code"
)]

mod agents;
mod asked;
mod controllers;
mod demo;
mod edge;
mod exec;
mod families;
mod flows;
mod guard;
mod host_firewall;
mod images;
mod input;
mod kubectl;
mod lifecycle;
mod live;
mod managed;
mod names;
mod netpol;
mod pods;
mod policy_tests;
mod records;
mod rolling;
mod rules;
mod services;
mod snapshot;
mod storm;
mod streams;
mod support;
mod tamper;
mod tiers;
mod workloads;
