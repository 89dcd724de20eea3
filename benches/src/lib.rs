//! What benches share: clusters to measure on, times with their spread, and the table they are printed in.
//!
//! A bench is a program: `cargo bench -p ringfence-benches` runs all, `--bench engine` one. Each figure stands beside a
//! baseline taken in the same run, in turns with it, so that a slow machine slows both; only their ratio travels.
//! Judges no figure: goals are printed beside what was measured. Start with [`Case`] and [`measure`].

#![expect(clippy::print_stdout, reason = "a bench reports on standard output")]

mod connections;
mod files;
mod growth;
mod nft;
mod page;
mod table;
mod times;
pub mod topology;

pub use connections::{connections, exchange};
pub use files::write;
pub use growth::{Growing, doubled};
pub use nft::nft;
pub use page::put_into;
pub use table::{Case, Stopwatch, measure, print, table};
pub use times::{Times, time};
