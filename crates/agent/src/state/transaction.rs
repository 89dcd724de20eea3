use std::collections::BTreeSet;
use std::net::IpAddr;

use ringfence_ruleset::{Datum, Key, Operation, Table, diff};

/// The way from one table to another.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) operations: Vec<Operation>,
}

impl Change {
    pub(crate) fn creation(desired: &Table) -> Self {
        Self {
            operations: diff(None, desired),
        }
    }

    /// The smallest change.
    pub(crate) fn between(live: &Table, desired: &Table) -> Self {
        Self {
            operations: diff(Some(live), desired),
        }
    }

    /// Another table in the place of one that cannot be understood, in one transaction.
    pub(crate) fn replacement(desired: &Table) -> Self {
        let mut operations = vec![Operation::DeleteTable];
        operations.append(&mut diff(None, desired));
        Self { operations }
    }

    /// Whether a connection that lives may be denied afterwards. `new` are the addresses of pods that were
    /// not programmed before and so have no connections.
    ///
    /// What may not, by the contract in `docs/design/dataplane.md`: more members of the sets that allow, fewer
    /// isolated pods, the isolation of a new pod, a class for an address that had none (it counts the address
    /// blocks too, AM-5, and so never allows less), and where new connections to a Service go.
    pub(crate) fn may_deny(&self, new: &BTreeSet<IpAddr>) -> bool {
        let (added, deleted) = (self.added(), self.deleted());
        self.operations.iter().any(|operation| match operation {
            Operation::AddElements { set, elements, .. } => elements
                .iter()
                .map(|(key, _)| key)
                .any(|key| may_addition_deny(set, key, new, &deleted)),
            Operation::DeleteElements { set, keys, .. } => {
                keys.iter().any(|key| may_deletion_deny(set, key, &added))
            }
            Operation::AddTable { .. }
            | Operation::DeleteTable
            | Operation::AddChain { .. }
            | Operation::DeleteChain { .. }
            | Operation::FlushChain { .. }
            | Operation::AddRule { .. }
            | Operation::AddSet { .. }
            | Operation::DeleteSet { .. } => true,
        })
    }

    /// Every key that comes into its set, or gets another value or comment.
    fn added(&self) -> Keys<'_> {
        let mut added = Keys::new();
        for operation in &self.operations {
            if let Operation::AddElements { set, elements, .. } = operation {
                added.extend(elements.iter().map(|(key, _)| (set.as_str(), key)));
            }
        }
        added
    }

    /// Every key that leaves its set, or gets another value or comment.
    fn deleted(&self) -> Keys<'_> {
        let mut deleted = Keys::new();
        for operation in &self.operations {
            if let Operation::DeleteElements { set, keys, .. } = operation {
                deleted.extend(keys.iter().map(|key| (set.as_str(), key)));
            }
        }
        deleted
    }
}

/// Set and key.
type Keys<'a> = BTreeSet<(&'a str, &'a Key)>;

fn may_addition_deny(set: &str, key: &Key, new: &BTreeSet<IpAddr>, deleted: &Keys<'_>) -> bool {
    let was_there = deleted.contains(&(set, key));
    match role(set) {
        Role::Allows | Role::Balances => false,
        Role::Isolates => !was_there && !address(key).is_some_and(|address| new.contains(&address)),
        // Another class counts as a deletion, and the first one allows no less than none.
        Role::Classifies => false,
        Role::Refuses => !was_there,
        Role::Unknown => true,
    }
}

fn may_deletion_deny(set: &str, key: &Key, added: &Keys<'_>) -> bool {
    let stays = added.contains(&(set, key));
    match role(set) {
        Role::Isolates | Role::Refuses | Role::Balances => false,
        Role::Allows => !stays,
        Role::Classifies | Role::Unknown => true,
    }
}

/// What membership in a set does to a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Allows,
    Isolates,
    Classifies,
    Refuses,
    Balances,
    Unknown,
}

/// The role of a set, by the names of `docs/design/dataplane.md`.
fn role(set: &str) -> Role {
    match set.trim_end_matches(['4', '6']) {
        "endpoints" | "hairpin" | "egress-ports" | "ingress-ports" | "egress-peers"
        | "ingress-peers" | "egress-ranges" | "ingress-ranges" => Role::Allows,
        "egress" | "ingress" => Role::Isolates,
        "peers" => Role::Classifies,
        "unserved" => Role::Refuses,
        "services" | "backends" | "cluster" => Role::Balances,
        _ => Role::Unknown,
    }
}

fn address(key: &Key) -> Option<IpAddr> {
    match key.first.first() {
        Some(Datum::Address(address)) if key.is_point() => Some(*address),
        Some(
            Datum::Address(_)
            | Datum::Byte(_)
            | Datum::Port(_)
            | Datum::Number(_)
            | Datum::Interface(_),
        )
        | None => None,
    }
}
