//! What became of packets: each one that the table dropped (and, where the layout says so, each that opened a
//! connection) becomes a record that says who, to whom, and why.
//!
//! The kernel copies the packets (nflog), never more than a limit per second and reason. Equal ones within a second
//! are one record with a count; records are kept in a bounded journal. Whatever is lost on the way is counted.
//! The parts that decide are pure: `packet` reads a copy, `aggregate` counts, `judge` finds the reason.

mod aggregate;
mod journal;
mod judge;
mod listen;
mod packet;
mod record;

pub(crate) use journal::Journal;
pub(crate) use judge::Snapshot;
pub(crate) use listen::{SharedJournal, listen};
pub use record::{FlowEnd, FlowRecord, FlowVerdict, Flows, Lost};
