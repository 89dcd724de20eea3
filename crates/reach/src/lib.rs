//! Questions over the whole connectivity of a cluster: matrices, differences, findings, paths and fixes.
//!
//! Everything it claims comes with a witness, a connection that the engine judges as claimed. It reads no files and
//! prints nothing: the command line turns its answers into text.

pub mod assertion;
pub mod audit;
pub mod diff;
pub mod dns;
pub mod entry;
pub mod fix;
mod foreign;
pub mod guard;
mod imagined;
pub mod lint;
pub mod lock;
pub mod matching;
pub mod matrix;
mod node_cache;
pub mod own_node;
pub mod path;
pub mod pod_blocks;
pub mod suggest;
pub mod workload;
mod yaml;
pub mod zone;
