//! One nftables table as typed values: what ringfence wants the kernel to hold.
//!
//! Validates itself, prints itself as nft text, computes the smallest transaction from one table to
//! another, and evaluates a packet in memory. Knows packets, and nothing of policies or sockets.
//! Start with [`Table`]; the data plane that is built from it is described in `docs/design/dataplane.md`.

mod diff;
mod evaluate;
mod fake;
mod fingerprint;
mod lookup;
mod operation;
mod print;
mod rule;
#[cfg(test)]
mod sample;
mod set;
mod table;
mod types;
mod validate;

pub use diff::diff;
pub use evaluate::{Action, Evaluation, Evaluator, Hit, Outcome, Step, evaluate};
pub use fake::{FakeError, apply};
pub use fingerprint::fingerprint;
pub use operation::Operation;
pub use rule::{
    DEEPEST_CGROUP, Expression, Field, Limit, Log, MetaKey, Operand, Operator, Rule, Statement,
    Verdict,
};
pub use set::{Counter, Counters, DataType, Datum, Element, Key, Set, SetKind, Value};
pub use table::{BaseChain, Chain, ChainKind, Hook, TABLE_NAME, Table};
pub use validate::{COMMENT_LIMIT, LOG_PREFIX_LIMIT, ValidationError, validate};
