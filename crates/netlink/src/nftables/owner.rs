//! Tables that belong to the connection that made them: the kernel refuses everybody else's changes.
//!
//! The owner is a netlink port, so that ownership ends with the socket. A table that persists then stays, for the next
//! connection to adopt; without that flag, which Linux has since 6.9, the kernel would delete it, and everything would
//! be open. Therefore both flags are set, or none.

use nix::errno::Errno;
use ringfence_ruleset::Operation;

use super::constants::table;
use super::{ApplyError, Nftables};
use crate::attribute::Attributes;

/// Name of the table that is never made: it asks what the kernel can do.
const QUESTION: &str = "ringfence-question";

/// Whom a table belongs to, and whether it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableFlags {
    /// Who may change it.
    pub owner: Owner,
    /// Its chains see no packets.
    pub dormant: bool,
}

/// Who may change a table, beside whoever owns the network namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Everybody, for ever.
    None,
    /// Everybody, until a connection adopts it.
    Orphan,
    /// The connection with this netlink port alone.
    Port(u32),
}

impl TableFlags {
    pub(super) fn read(fields: &Attributes<'_>) -> Self {
        let number = |attribute| fields.find(attribute).and_then(|found| found.be32());
        let flags = number(table::FLAGS).unwrap_or(0);
        let owner = match number(table::OWNER) {
            Some(port) if flags & table::FLAG_OWNER != 0 => Owner::Port(port),
            Some(_) | None if flags & table::FLAG_PERSIST != 0 => Owner::Orphan,
            Some(_) | None => Owner::None,
        };
        Self {
            owner,
            dormant: flags & table::FLAG_DORMANT != 0,
        }
    }
}

impl Nftables {
    /// Lets the tables that this connection makes from now on belong to it, and stay when it ends. `false` if the
    /// kernel cannot: Linux can since 6.9.
    ///
    /// # Errors
    /// [`ApplyError::Socket`].
    pub fn own_tables(&mut self) -> Result<bool, ApplyError> {
        self.table_flags = table::FLAG_OWNER | table::FLAG_PERSIST;
        // The second operation fails where the first one does not: nothing is ever committed.
        let question = [
            Operation::AddTable { comment: None },
            Operation::DeleteChain {
                name: QUESTION.to_owned(),
            },
        ];
        let can = match self.apply(QUESTION, &question) {
            Err(ApplyError::Refused { errno, .. }) => Ok(errno == Errno::ENOENT),
            Ok(()) => Ok(false),
            Err(error) => Err(error),
        };
        if !matches!(can, Ok(true)) {
            self.table_flags = 0;
        }
        can
    }

    /// As [`Nftables::apply`], for a table that is to be gone when this connection is. Linux before 5.12 lets it stay.
    ///
    /// # Errors
    /// [`ApplyError`].
    pub fn apply_passing(
        &mut self,
        table: &str,
        operations: &[Operation],
    ) -> Result<(), ApplyError> {
        let usual = std::mem::replace(&mut self.table_flags, table::FLAG_OWNER);
        let mut applied = self.apply(table, operations);
        if let Err(ApplyError::Refused { errno, .. }) = applied
            && matches!(errno, Errno::EOPNOTSUPP | Errno::EINVAL)
        {
            self.table_flags = 0;
            applied = self.apply(table, operations);
        }
        self.table_flags = usual;
        applied
    }

    /// Whether tables belong to this connection.
    #[must_use]
    pub const fn owns_tables(&self) -> bool {
        self.table_flags != 0
    }

    /// Takes over a table that is [`Owner::Orphan`].
    ///
    /// # Errors
    /// [`ApplyError`].
    pub fn adopt(&mut self, name: &str) -> Result<(), ApplyError> {
        self.apply(name, &[Operation::AddTable { comment: None }])
    }
}
