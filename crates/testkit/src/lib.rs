//! What tests share: builders, random clusters, flows worth trying, deciders to compare, and the corpus.
//!
//! For development only. [`builder`] writes clusters in a few words, [`generate`] draws them at random
//! from a seed, [`flows`] lists the connections worth trying in one, [`decider`] asks any implementation
//! the same question, [`compare`] finds where two disagree and [`shrink`]s it to the smallest case,
//! which [`render`] writes as a corpus file. [`scale`] draws large ones to measure with,
//! [`fuzz`] holds what a fuzzer calls. Nothing here decides what is right: `ringfence-reference` does.

pub mod builder;
pub mod compare;
pub mod corpus;
pub mod decider;
pub mod flows;
pub mod fuzz;
pub mod generate;
pub mod oci;
pub mod random;
pub mod render;
pub mod sandbox;
pub mod scale;
pub mod shrink;
