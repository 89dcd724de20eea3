//! What the kernel, or the nft program that lists the table, would refuse.

mod chain;
mod name;
mod rule;
mod set;

use crate::{Hook, Table};

pub(crate) use chain::JUMP_DEPTH;

/// Why a table is not one that the kernel takes and `nft` lists and loads again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum ValidationError {
    /// A name that is empty, longer than 255 bytes, or made of characters that nft does not read back.
    #[error("`{name}` is not a name that nft reads")]
    Name {
        /// The name.
        name: String,
    },
    /// A name that is a word of the nft language.
    #[error("`{name}` is a reserved word of nft")]
    ReservedName {
        /// The name.
        name: String,
    },
    /// A comment that is longer than the limit, or that cannot stand between double quotes.
    #[error("comment of {at} is longer than {limit} bytes or holds a quote or control character")]
    Comment {
        /// What the comment belongs to.
        at: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// A rule or element refers to a chain that is not there.
    #[error("{at} refers to the missing chain `{chain}`")]
    MissingChain {
        /// The rule or element.
        at: String,
        /// The chain.
        chain: String,
    },
    /// A rule or element jumps to a base chain.
    #[error("{at} jumps to the base chain `{chain}`")]
    JumpToBaseChain {
        /// The rule or element.
        at: String,
        /// The chain.
        chain: String,
    },
    /// A rule refers to a set that is not there.
    #[error("{at} refers to the missing set `{set}`")]
    MissingSet {
        /// The rule.
        at: String,
        /// The set.
        set: String,
    },
    /// A set is used as something that it is not: a map as a set, a verdict map for a value.
    #[error("{at} uses `{set}` as another kind of set than it is")]
    SetKind {
        /// The rule.
        at: String,
        /// The set.
        set: String,
    },
    /// The key or value that a rule computes differs from the set's in number or type of fields.
    #[error("{at} has fields of other types than `{set}`")]
    FieldTypes {
        /// The rule or element.
        at: String,
        /// The set.
        set: String,
    },
    /// An operand that its left side cannot be compared with.
    #[error("{at} compares values of different types")]
    Operand {
        /// The rule.
        at: String,
    },
    /// A set without key fields, or whose key or value is longer than 64 bytes; one that packets write, with elements, ranges
    /// or counters or without a size.
    #[error("set `{set}` has a key or value that the kernel cannot hold")]
    SetType {
        /// The set.
        set: String,
    },
    /// A key that is a range in a set without intervals, or whose end lies below its start.
    #[error("element `{key}` of `{set}` is not a key of that set")]
    Key {
        /// The set.
        set: String,
        /// The key.
        key: String,
    },
    /// An element's value does not belong in its set.
    #[error("element `{key}` of `{set}` has a value of another type")]
    Value {
        /// The set.
        set: String,
        /// The key.
        key: String,
    },
    /// Two elements of an interval set share a point.
    #[error("elements `{first}` and `{second}` of `{set}` overlap")]
    Overlap {
        /// The set.
        set: String,
        /// One key.
        first: String,
        /// The other key.
        second: String,
    },
    /// More elements than the set's size.
    #[error("set `{set}` holds {elements} elements and has room for {size}")]
    Full {
        /// The set.
        set: String,
        /// How many elements.
        elements: usize,
        /// The declared size.
        size: u32,
    },
    /// A chain reaches itself, or calls go deeper than the kernel's 15 jumps.
    #[error("jumps from chain `{chain}` form a loop or go too deep")]
    Loop {
        /// The chain.
        chain: String,
    },
    /// A base chain of kind `nat` on a hook that has none.
    #[error("chain `{chain}` cannot translate addresses at hook {hook}")]
    NatHook {
        /// The chain.
        chain: String,
        /// The hook.
        hook: Hook,
    },
    /// A statement that is not allowed at a hook from which its chain is reached.
    #[error("{at} is reached from base chain `{base}`, where it is not allowed")]
    WrongHook {
        /// The rule.
        at: String,
        /// The base chain.
        base: String,
    },
    /// A prefix that is empty, longer than the limit, or that cannot stand between double quotes.
    #[error(
        "the log prefix of {at} is empty, longer than {limit} bytes, or holds a quote, backslash or control character"
    )]
    LogPrefix {
        /// The rule.
        at: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// A limit that lets nothing pass, or more than the kernel counts; a time without length.
    #[error("{at} has a limit or time that the kernel does not take")]
    Limit {
        /// The rule.
        at: String,
    },
    /// A TCP reset for packets that may be no TCP.
    #[error("{at} resets connections without a test for TCP")]
    Reset {
        /// The rule.
        at: String,
    },
    /// A random number below 0 numbers.
    #[error("{at} asks for a random number below 0")]
    Modulus {
        /// The rule.
        at: String,
    },
}

/// Longest comment of a table, rule or element, in bytes: the limit of nft.
pub const COMMENT_LIMIT: usize = 127;

/// Longest prefix of a log statement, in bytes (`NF_LOG_PREFIXLEN`, without the NUL).
pub const LOG_PREFIX_LIMIT: usize = 127;

/// Checks that the kernel takes `table` and that nft lists it without loss.
///
/// # Errors
/// Every [`ValidationError`] found, sorted by place.
pub fn validate(table: &Table) -> Result<(), Vec<ValidationError>> {
    let mut errors = Vec::new();
    name::check(table, &mut errors);
    set::check(table, &mut errors);
    rule::check(table, &mut errors);
    chain::check(table, &mut errors);
    if errors.is_empty() {
        Ok(())
    } else {
        Err(errors)
    }
}

/// Whether `text` can stand as a comment.
fn is_comment(text: &str) -> bool {
    text.len() <= COMMENT_LIMIT && !text.chars().any(|c| c == '"' || c.is_control())
}

fn check_comment(
    comment: Option<&String>,
    at: impl FnOnce() -> String,
    errors: &mut Vec<ValidationError>,
) {
    if comment.is_some_and(|text| !is_comment(text)) {
        errors.push(ValidationError::Comment {
            at: at(),
            limit: COMMENT_LIMIT,
        });
    }
}

#[cfg(test)]
mod tests;
