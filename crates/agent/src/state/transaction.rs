use std::collections::BTreeSet;
use std::net::IpAddr;

use ringfence_ruleset::{Datum, Element, Key, Operation, Table, Value, Verdict, diff};

/// The way from one table to another.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) operations: Vec<Operation>,
    /// The classes of peers to which something is denied afterwards.
    denied: BTreeSet<u32>,
}

impl Change {
    pub(crate) fn creation(desired: &Table) -> Self {
        Self {
            operations: diff(None, desired),
            denied: denied_classes(desired),
        }
    }

    /// The smallest change.
    pub(crate) fn between(live: &Table, desired: &Table) -> Self {
        Self {
            operations: diff(Some(live), desired),
            denied: denied_classes(desired),
        }
    }

    /// Another table in the place of one that cannot be understood, in one transaction.
    pub(crate) fn replacement(desired: &Table) -> Self {
        let mut operations = vec![Operation::DeleteTable];
        operations.append(&mut diff(None, desired));
        Self {
            operations,
            denied: denied_classes(desired),
        }
    }

    /// Whether a connection that lives may be denied afterwards. `new` are the addresses of pods that were
    /// not programmed before and so have no connections.
    ///
    /// What may not, by the contract in `docs/design/dataplane.md`: more entries that allow, fewer that deny, fewer
    /// judged pods, the judgement of a new pod, a class for an address that had none (it counts the address blocks too,
    /// AM-5, and so allows no less, unless something is denied to that class), and where new connections to a Service
    /// go.
    pub(crate) fn may_deny(&self, new: &BTreeSet<IpAddr>) -> bool {
        let (added, deleted) = (self.added(), self.deleted());
        self.operations.iter().any(|operation| match operation {
            Operation::AddElements { set, elements, .. } => {
                let mut elements = elements.iter();
                elements.any(|added| self.may_addition_deny(set, added, new, &deleted))
            }
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

    fn may_addition_deny(
        &self,
        set: &str,
        (key, element): &(Key, Element),
        new: &BTreeSet<IpAddr>,
        deleted: &Keys<'_>,
    ) -> bool {
        let was_there = deleted.contains(&(set, key));
        let is_new = || address(key).is_some_and(|address| new.contains(&address));
        match role(set) {
            Role::Admits | Role::Balances => false,
            Role::Judges => !allows(element) && !is_new(),
            Role::Isolates => !was_there && !is_new(),
            // Another class counts as a deletion.
            Role::Classifies => {
                number(&element.value).is_none_or(|class| self.denied.contains(&class))
            }
            Role::Refuses => !was_there,
            Role::Unknown => true,
        }
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

fn may_deletion_deny(set: &str, key: &Key, added: &Keys<'_>) -> bool {
    let stays = added.contains(&(set, key));
    match role(set) {
        Role::Isolates | Role::Refuses | Role::Balances => false,
        // What is denied in its place is an addition.
        Role::Admits | Role::Judges => !stays,
        Role::Classifies | Role::Unknown => true,
    }
}

/// The classes in entries that deny.
fn denied_classes(table: &Table) -> BTreeSet<u32> {
    let judging = table
        .sets
        .iter()
        .filter(|(name, _)| role(name) == Role::Judges);
    let elements = judging.flat_map(|(_, set)| &set.elements);
    let denying = elements.filter(|(_, element)| !allows(element));
    let classes = denying.filter_map(|(key, _)| match key.first.get(1)? {
        Datum::Number(class) => Some(*class),
        Datum::Address(_) | Datum::Byte(_) | Datum::Port(_) | Datum::Interface(_) => None,
    });
    classes.collect()
}

/// Whether an entry lets pass what it is about.
fn allows(element: &Element) -> bool {
    match &element.value {
        Value::Member | Value::Data(_) => true,
        Value::Verdict(verdict) => match verdict {
            Verdict::Accept | Verdict::Return => true,
            Verdict::Drop | Verdict::Jump(_) | Verdict::Goto(_) => false,
        },
    }
}

fn number(value: &Value) -> Option<u32> {
    match value {
        Value::Data(fields) => match fields.as_slice() {
            [Datum::Number(number)] => Some(*number),
            _ => None,
        },
        Value::Member | Value::Verdict(_) => None,
    }
}

/// What membership in a set does to a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// It is let through.
    Admits,
    /// The verdict behind the key decides.
    Judges,
    /// It is judged.
    Isolates,
    Classifies,
    Refuses,
    Balances,
    Unknown,
}

/// The role of a set, by the names of `docs/design/dataplane.md`.
fn role(set: &str) -> Role {
    match set.trim_end_matches(['4', '6']) {
        "endpoints" | "locals" | "hairpin" => Role::Admits,
        "selves" | "egress-ports" | "ingress-ports" | "egress-peers" | "ingress-peers"
        | "egress-ranges" | "ingress-ranges" => Role::Judges,
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
