use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ringfence_compile::Portions;
use ringfence_netlink::conntrack::End;
use ringfence_ruleset::{Datum, Element, Key, Operation, Value, Verdict};

use super::suspects::Suspects;

/// UDP's number in the IP header.
pub(super) const UDP: u8 = 17;

/// The entries of a table that deny, by the class of peers that they are about; kept so from one transaction to the next.
#[derive(Debug, Default)]
pub(crate) struct Denials {
    by_class: BTreeMap<u32, BTreeSet<(String, Key)>>,
    /// Pods that nothing but policies in audit mode judge: nothing is denied them (rule AU-3).
    audited: BTreeSet<(String, Key)>,
    /// Those of them that the last transaction lets be judged.
    enforced: BTreeSet<(String, Key)>,
}

impl Denials {
    /// Takes a transaction in.
    pub(crate) fn follow<'a>(&mut self, operations: impl IntoIterator<Item = &'a Operation>) {
        self.enforced.clear();
        let before = self.audited.clone();
        for operation in operations {
            match operation {
                Operation::DeleteTable => {
                    self.by_class.clear();
                    self.audited.clear();
                }
                Operation::DeleteElements { set, keys, .. } if role(set) == Role::Isolates => {
                    for key in keys {
                        self.audited.remove(&(set.clone(), key.clone()));
                    }
                }
                Operation::AddElements { set, elements, .. } if role(set) == Role::Isolates => {
                    for (key, element) in elements {
                        let place = (set.clone(), key.clone());
                        if only_audits(element) {
                            self.audited.insert(place);
                        } else if before.contains(&place) {
                            self.enforced.insert(place);
                        }
                    }
                }
                Operation::DeleteElements { set, keys, .. } if role(set) == Role::Judges => {
                    keys.iter().for_each(|key| self.forget(set, key));
                }
                Operation::AddElements { set, elements, .. } if role(set) == Role::Judges => {
                    let denying = elements.iter().filter(|(_, element)| !allows(element));
                    denying.for_each(|(key, _)| self.remember(set, key));
                }
                Operation::AddElements { .. }
                | Operation::DeleteElements { .. }
                | Operation::AddTable { .. }
                | Operation::AddChain { .. }
                | Operation::DeleteChain { .. }
                | Operation::FlushChain { .. }
                | Operation::AddRule { .. }
                | Operation::AddSet { .. }
                | Operation::DeleteSet { .. } => {}
            }
        }
    }

    fn remember(&mut self, set: &str, key: &Key) {
        if let Some(class) = class(key) {
            let entries = self.by_class.entry(class).or_default();
            entries.insert((set.to_owned(), key.clone()));
        }
    }

    fn forget(&mut self, set: &str, key: &Key) {
        let Some(class) = class(key) else { return };
        if let Some(entries) = self.by_class.get_mut(&class) {
            entries.remove(&(set.to_owned(), key.clone()));
            if entries.is_empty() {
                self.by_class.remove(&class);
            }
        }
    }

    fn contains(&self, class: u32) -> bool {
        self.by_class.contains_key(&class)
    }

    /// Whether a pod was judged before the last transaction already.
    fn was_judged(&self, set: &str, key: &Key) -> bool {
        !self.enforced.contains(&(set.to_owned(), key.clone()))
    }
}

/// The class that an entry is about.
fn class(key: &Key) -> Option<u32> {
    match key.first.get(1)? {
        Datum::Number(class) => Some(*class),
        Datum::Address(_)
        | Datum::Byte(_)
        | Datum::Port(_)
        | Datum::Interface(_)
        | Datum::Cgroup(_) => None,
    }
}

/// The way from one table to another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change<'a>(pub(crate) &'a Portions);

impl Change<'_> {
    /// Whose connections may be denied afterwards that live. `new` are the addresses of pods that were not programmed
    /// before and so have no connections.
    ///
    /// What denies nobody, by the contract in `docs/design/dataplane.md`: more entries that allow, fewer that deny, fewer
    /// judged pods, the judgement of a new pod, a class for an address that had none (it counts the address blocks too,
    /// AM-5, and so allows no less, unless something is denied to that class), and where new connections to a Service
    /// go; an exchange of datagrams has no end of its own, though, and would go on to a backend that is none any more. Of an entry that may deny, the addresses in its key are one end of each connection that it is about.
    pub(crate) fn suspects(&self, new: &BTreeSet<IpAddr>, denials: &Denials) -> Suspects {
        let (added, deleted) = (self.added(), self.deleted());
        let mut suspects = Suspects::default();
        for operation in self.0.operations() {
            match operation {
                Operation::AddElements { set, elements, .. } => {
                    let begins = |key: &&Key| is_served(set) && !deleted.contains(&(set, *key));
                    let keys = elements.iter().map(|(key, _)| key);
                    keys.filter(begins)
                        .for_each(|key| redirect(key, &mut suspects));
                    let elements = elements.iter();
                    let denying =
                        elements.filter(|it| may_addition_deny(set, it, new, &deleted, denials));
                    denying.for_each(|(key, _)| suspect(set, key, &mut suspects));
                }
                Operation::DeleteElements { set, keys, .. } => {
                    let leading = keys.iter().filter(|_| leads(set));
                    leading.for_each(|key| redirect(key, &mut suspects));
                    let denying = keys
                        .iter()
                        .filter(|key| may_deletion_deny(set, key, &added));
                    denying.for_each(|key| suspect(set, key, &mut suspects));
                }
                Operation::AddChain { name, .. }
                | Operation::DeleteChain { name }
                | Operation::FlushChain { name }
                | Operation::AddRule { chain: name, .. }
                    if is_balance(name) => {}
                Operation::AddTable { .. }
                | Operation::DeleteTable
                | Operation::AddChain { .. }
                | Operation::DeleteChain { .. }
                | Operation::FlushChain { .. }
                | Operation::AddRule { .. }
                | Operation::AddSet { .. }
                | Operation::DeleteSet { .. } => return Suspects::everybody(),
            }
        }
        suspects
    }

    /// Every key that comes into its set, or gets another value or comment.
    fn added(&self) -> Keys<'_> {
        let mut added = Keys::new();
        for operation in self.0.operations() {
            if let Operation::AddElements { set, elements, .. } = operation {
                added.extend(elements.iter().map(|(key, _)| (set.as_str(), key)));
            }
        }
        added
    }

    /// Every key that leaves its set, or gets another value or comment.
    fn deleted(&self) -> Keys<'_> {
        let mut deleted = Keys::new();
        for operation in self.0.operations() {
            if let Operation::DeleteElements { set, keys, .. } = operation {
                deleted.extend(keys.iter().map(|key| (set.as_str(), key)));
            }
        }
        deleted
    }
}

/// Whether a set says that a Service has backends.
fn is_served(set: &str) -> bool {
    let set = set.trim_end_matches(['4', '6']);
    matches!(set, "services" | "entries" | "node-ports")
}

/// Whether the elements of a set are backends of Services.
fn leads(set: &str) -> bool {
    let set = set.trim_end_matches(['4', '6']);
    matches!(
        set,
        "backends" | "local-backends" | "node-backends" | "kept" | "local-kept" | "node-kept"
    )
}

/// Adds what clients dial, if they send datagrams there.
fn redirect(key: &Key, suspects: &mut Suspects) {
    match &*key.first {
        [
            Datum::Address(address),
            Datum::Byte(UDP),
            Datum::Port(port),
            ..,
        ] => suspects.redirect(Some(*address), *port),
        // At every node.
        [Datum::Byte(UDP), Datum::Port(port), ..] => suspects.redirect(None, *port),
        [..] => {}
    }
}

/// Adds the addresses in a key; without one it may be about anybody.
fn suspect(set: &str, key: &Key, suspects: &mut Suspects) {
    let ends = key.first.iter().zip(key.last.iter());
    let addresses: Vec<_> = ends
        .filter_map(|ends| match ends {
            (Datum::Address(first), Datum::Address(last)) => Some((*first, *last)),
            _ => None,
        })
        .collect();
    if addresses.is_empty() {
        suspects.extend(Suspects::everybody());
    }
    for (first, last) in addresses {
        suspects.add(first, last, ends_of(set));
    }
}

/// At which ends of a connection the addresses of a set's keys are looked up: who is judged for ingress is where answers come
/// from, who is judged for egress opened it.
fn ends_of(set: &str) -> &'static [End] {
    match set.trim_end_matches(['4', '6']) {
        "ingress" | "ingress-ports" | "ingress-peers" | "ingress-ranges" => &[End::Server],
        "egress" | "egress-ports" | "egress-peers" | "egress-ranges" => &[End::Client],
        "names" => &[End::Server],
        _ => &End::ALL,
    }
}

/// Whether a chain only chooses among the backends of a Service, for connections that begin.
fn is_balance(chain: &str) -> bool {
    chain.starts_with("balance-")
}

/// Set and key.
type Keys<'a> = BTreeSet<(&'a str, &'a Key)>;

fn may_addition_deny(
    set: &str,
    (key, element): &(Key, Element),
    new: &BTreeSet<IpAddr>,
    deleted: &Keys<'_>,
    denials: &Denials,
) -> bool {
    let was_there = deleted.contains(&(set, key));
    let is_new = || address(key).is_some_and(|address| new.contains(&address));
    match role(set) {
        Role::Admits | Role::Balances | Role::Reports => false,
        Role::Judges => !allows(element) && !is_new(),
        Role::Isolates => {
            let was_judged = was_there && denials.was_judged(set, key);
            !only_audits(element) && !was_judged && !is_new()
        }
        // Another class counts as a deletion.
        Role::Classifies => number(&element.value).is_none_or(|class| denials.contains(class)),
        Role::Refuses => !was_there,
        Role::Unknown => true,
    }
}

fn may_deletion_deny(set: &str, key: &Key, added: &Keys<'_>) -> bool {
    let stays = added.contains(&(set, key));
    match role(set) {
        Role::Isolates | Role::Refuses | Role::Balances | Role::Reports => false,
        // What is denied in its place is an addition.
        Role::Admits | Role::Judges => !stays,
        Role::Classifies | Role::Unknown => true,
    }
}

/// Whether an entry lets pass what it is about.
fn allows(element: &Element) -> bool {
    match &element.value {
        Value::Member | Value::Data(_) => true,
        Value::Verdict(verdict) => match verdict {
            Verdict::Accept | Verdict::Return => true,
            // What follows the lookup denies.
            Verdict::Drop | Verdict::Jump(_) | Verdict::Goto(_) | Verdict::Continue => false,
        },
    }
}

/// Whether a pod is led to policies in audit mode alone, which deny nothing.
fn only_audits(element: &Element) -> bool {
    match &element.value {
        Value::Verdict(Verdict::Jump(chain)) => {
            chain.trim_end_matches(['4', '6']).ends_with("-audit")
        }
        Value::Verdict(
            Verdict::Accept
            | Verdict::Drop
            | Verdict::Return
            | Verdict::Goto(_)
            | Verdict::Continue,
        )
        | Value::Member
        | Value::Data(_) => false,
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
    /// It is let through all the same.
    Reports,
    Unknown,
}

/// The role of a set, by the names of `docs/design/dataplane.md`.
fn role(set: &str) -> Role {
    match set.trim_end_matches(['4', '6']) {
        "endpoints" | "locals" | "hairpin" | "listed" => Role::Admits,
        "selves" | "egress-ports" | "ingress-ports" | "egress-peers" | "ingress-peers"
        | "egress-ranges" | "ingress-ranges" => Role::Judges,
        "egress" | "ingress" => Role::Isolates,
        "egress-audit-ports"
        | "ingress-audit-ports"
        | "egress-audit-peers"
        | "ingress-audit-peers"
        | "egress-audit-ranges"
        | "ingress-audit-ranges" => Role::Reports,
        "peers" | "names" => Role::Classifies,
        "unserved" | "guarded" => Role::Refuses,
        "services" | "backends" | "entries" | "local-backends" | "node-ports" | "node-backends"
        | "draws" | "kept" | "local-draws" | "local-kept" | "node-draws" | "node-kept"
        | "balances" | "behind" | "own" | "nodes" | "cluster" => Role::Balances,
        // What belongs to a connection to the node stays (rule HF-6).
        "host" | "host-peers" | "host-ports" | "host-ranges" | "trial" | "trial-peers"
        | "trial-ports" | "trial-ranges" => Role::Balances,
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
            | Datum::Interface(_)
            | Datum::Cgroup(_),
        )
        | None => None,
    }
}
