use std::collections::BTreeMap;

use ringfence_model::{PolicyPeer, PolicyRule};

use crate::atoms::Atom;

/// Which of many rules may match an address: those with a block around it, and those that do not name blocks alone.
#[derive(Clone, Debug, Default)]
pub(super) struct NearRules {
    /// In order, so that each block comes before those inside of it.
    blocks: Vec<Listed>,
    /// The places of the rules that must be asked whatever the address is.
    others: Vec<usize>,
}

#[derive(Clone, Debug)]
struct Listed {
    block: Atom,
    /// The place of the smallest listed block around it.
    around: Option<usize>,
    /// The places of the rules that list it.
    rules: Vec<usize>,
}

impl NearRules {
    pub(super) fn of(rules: &[PolicyRule]) -> Self {
        let mut blocks: BTreeMap<Atom, Vec<usize>> = BTreeMap::new();
        let mut others = Vec::new();
        for (place, rule) in rules.iter().enumerate() {
            let mut is_other = rule.peers.is_empty();
            for peer in &rule.peers {
                match peer {
                    PolicyPeer::IpBlock(block) => {
                        blocks.entry(block.cidr.into()).or_default().push(place);
                    }
                    PolicyPeer::Pods(_) => is_other = true,
                }
            }
            if is_other {
                others.push(place);
            }
        }
        Self {
            blocks: nested(blocks),
            others,
        }
    }

    /// The places of the rules that may match `address`, in order.
    pub(super) fn at(&self, address: Atom) -> Vec<usize> {
        let mut found = self.others.clone();
        let after = self
            .blocks
            .partition_point(|listed| listed.block <= address);
        let mut place = after.checked_sub(1);
        while let Some(listed) = place.and_then(|place| self.blocks.get(place)) {
            if listed.block.holds(address) {
                found.extend(&listed.rules);
            }
            place = listed.around;
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// `blocks`, each with the one around it.
fn nested(blocks: BTreeMap<Atom, Vec<usize>>) -> Vec<Listed> {
    let mut found: Vec<Listed> = Vec::new();
    let mut around: Vec<(usize, Atom)> = Vec::new();
    for (place, (block, rules)) in blocks.into_iter().enumerate() {
        while around.last().is_some_and(|(_, outer)| !outer.holds(block)) {
            around.pop();
        }
        found.push(Listed {
            block,
            around: around.last().map(|(place, _)| *place),
            rules,
        });
        around.push((place, block));
    }
    found
}
