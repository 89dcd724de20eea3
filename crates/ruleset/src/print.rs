//! The text that `nft list table` prints for the same table.
//!
//! Spacing, line breaks and the order of elements follow nftables 1.0.6. Sets and chains come in the order in which
//! a table is created (by name), which is the kernel's listing order until one is added later on.

mod datum;
mod rule;
mod set;

use std::fmt::{Display, Formatter, Result};

use crate::{BaseChain, Chain, ChainKind, Hook, Set, SetKind, Table, Verdict};

pub(crate) use datum::key_bytes;

impl Display for Table {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        writeln!(f, "table inet {} {{", self.name)?;
        if let Some(comment) = &self.comment {
            writeln!(f, "\tcomment \"{comment}\"")?;
        }
        let mut separator = "";
        for (name, set) in &self.sets {
            f.write_str(separator)?;
            print_set(f, name, set)?;
            separator = "\n";
        }
        for (name, chain) in &self.chains {
            f.write_str(separator)?;
            print_chain(f, name, chain)?;
            separator = "\n";
        }
        writeln!(f, "}}")
    }
}

fn print_set(f: &mut Formatter<'_>, name: &str, set: &Set) -> Result {
    let kind = match set.kind {
        SetKind::Set => "set",
        SetKind::Map(_) | SetKind::VerdictMap => "map",
    };
    writeln!(f, "\t{kind} {name} {{")?;
    for line in set.definition_lines() {
        writeln!(f, "\t\t{line}")?;
    }
    set::print_elements(f, set)?;
    writeln!(f, "\t}}")
}

fn print_chain(f: &mut Formatter<'_>, name: &str, chain: &Chain) -> Result {
    writeln!(f, "\tchain {name} {{")?;
    if let Some(base) = &chain.base {
        writeln!(f, "\t\t{base}")?;
    }
    for rule in &chain.rules {
        writeln!(f, "\t\t{rule}")?;
    }
    writeln!(f, "\t}}")
}

impl Display for BaseChain {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let kind = match self.kind {
            ChainKind::Filter => "filter",
            ChainKind::Nat => "nat",
        };
        write!(f, "type {kind} hook {} priority ", self.hook)?;
        print_priority(f, self.hook, self.priority)?;
        f.write_str("; policy accept;")
    }
}

impl Display for Hook {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.pad(match self {
            Self::Prerouting => "prerouting",
            Self::Input => "input",
            Self::Forward => "forward",
            Self::Output => "output",
            Self::Postrouting => "postrouting",
        })
    }
}

/// The names that nft knows for priorities, and the only hook of each name that has one.
const PRIORITIES: [(&str, i32, Option<Hook>); 6] = [
    ("raw", -300, None),
    ("mangle", -150, None),
    ("dstnat", -100, Some(Hook::Prerouting)),
    ("filter", 0, None),
    ("security", 50, None),
    ("srcnat", 100, Some(Hook::Postrouting)),
];

/// Priorities at most this far from a named one are written as its name and an offset.
const NEAR: i64 = 10;

fn print_priority(f: &mut Formatter<'_>, hook: Hook, priority: i32) -> Result {
    let named = PRIORITIES.iter().find_map(|(name, value, only)| {
        let offset = i64::from(priority) - i64::from(*value);
        (only.is_none_or(|only| only == hook) && offset.abs() <= NEAR).then_some((name, offset))
    });
    match named {
        None => write!(f, "{priority}"),
        Some((name, 0)) => f.write_str(name),
        Some((name, offset)) if offset < 0 => write!(f, "{name} - {}", -offset),
        Some((name, offset)) => write!(f, "{name} + {offset}"),
    }
}

impl Display for Verdict {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Accept => f.pad("accept"),
            Self::Drop => f.pad("drop"),
            Self::Return => f.pad("return"),
            Self::Continue => f.pad("continue"),
            Self::Jump(chain) => write!(f, "jump {chain}"),
            Self::Goto(chain) => write!(f, "goto {chain}"),
        }
    }
}

#[cfg(test)]
mod tests;
