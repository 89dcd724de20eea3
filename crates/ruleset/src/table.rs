use std::collections::BTreeMap;

use crate::{Rule, Set};

/// The name of ringfence's table, `inet ringfence`.
pub const TABLE_NAME: &str = "ringfence";

/// A table of family `inet`, whole: every chain, rule, set and element in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The table's name, `ringfence` in production.
    pub name: String,
    /// A comment stored with the table; holds the layout's fingerprint so that an agent recognises its own work.
    pub comment: Option<String>,
    /// Chains by name.
    pub chains: BTreeMap<String, Chain>,
    /// Sets and maps by name.
    pub sets: BTreeMap<String, Set>,
}

/// A list of rules, attached to a hook or jumped to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    /// Where the kernel calls the chain; `None` for a chain that is only jumped to.
    pub base: Option<BaseChain>,
    /// The rules in order.
    pub rules: Vec<Rule>,
}

/// The attachment of a base chain. Its policy is always `accept`: what must be closed is dropped by a rule,
/// so that a chain whose rules are not loaded yet cannot cut the node off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BaseChain {
    /// Filter or address translation.
    pub kind: ChainKind,
    /// The hook.
    pub hook: Hook,
    /// Priority among the chains of the hook; lower runs first.
    pub priority: i32,
}

/// What a base chain may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChainKind {
    /// Judge packets.
    Filter,
    /// Rewrite addresses of a connection's first packet.
    Nat,
}

/// The netfilter hooks of family `inet`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hook {
    /// Before routing.
    Prerouting,
    /// Delivered to this host.
    Input,
    /// Routed through this host.
    Forward,
    /// Made by this host.
    Output,
    /// After routing.
    Postrouting,
}
