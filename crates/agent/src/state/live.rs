use std::collections::BTreeMap;

use ringfence_netlink::nftables::{ChainState, TableState};
use ringfence_ruleset::{Chain, Set, Table};

/// What the kernel holds under our table's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LiveTable {
    /// Nothing.
    Absent,
    /// A table that could be read.
    Present(TableState),
    /// Something that ringfence never writes.
    Foreign {
        /// What is strange about it.
        reason: String,
    },
}

/// The kernel's numbers of the rules, by chain. A rule that somebody replaced has a new one.
pub(crate) type Handles = BTreeMap<String, Vec<u64>>;

/// The live table as far as it is to be compared with `desired`: rules are not decoded but recognised by the
/// layout's fingerprint, their number, comments and handles. `None` if the layout is another one.
pub(crate) fn recognise(
    live: &TableState,
    desired: &Table,
    handles: Option<&Handles>,
) -> Option<Table> {
    let same = live.comment == desired.comment
        && handles.is_none_or(|known| *known == handles_of(live))
        && same_keys(&live.chains, &desired.chains, same_chain)
        && same_keys(&live.sets, &desired.sets, Set::same_definition);
    same.then(|| Table {
        name: desired.name.clone(),
        comment: desired.comment.clone(),
        chains: desired.chains.clone(),
        sets: live.sets.clone(),
    })
}

pub(crate) fn handles_of(live: &TableState) -> Handles {
    let handles = |chain: &ChainState| chain.rules.iter().map(|rule| rule.handle).collect();
    live.chains
        .iter()
        .map(|(name, chain)| (name.clone(), handles(chain)))
        .collect()
}

fn same_chain(live: &ChainState, desired: &Chain) -> bool {
    let live_comments = live.rules.iter().map(|rule| &rule.comment);
    let comments = desired.rules.iter().map(|rule| &rule.comment);
    live.base == desired.base && !live.policy_drop && live_comments.eq(comments)
}

fn same_keys<A, B>(
    left: &BTreeMap<String, A>,
    right: &BTreeMap<String, B>,
    same: impl Fn(&A, &B) -> bool,
) -> bool {
    left.len() == right.len()
        && left
            .iter()
            .zip(right)
            .all(|((left_name, left), (right_name, right))| {
                left_name == right_name && same(left, right)
            })
}
