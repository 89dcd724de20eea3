//! One nftables table as typed values: what ringfence wants the kernel to hold.
//!
//! Validates itself, prints itself as nft text, computes the smallest transaction from one table to
//! another, and evaluates a packet in memory. Knows packets, and nothing of policies or sockets.
//! Start with [`Table`]; the data plane that is built from it is described in `docs/design/dataplane.md`.

mod operation;
mod rule;
mod set;
mod table;

pub use operation::Operation;
pub use rule::{Expression, Field, MetaKey, Operand, Operator, Rule, Statement, Verdict};
pub use set::{DataType, Datum, Element, Key, Set, SetKind, Value};
pub use table::{BaseChain, Chain, ChainKind, Hook, Table};
