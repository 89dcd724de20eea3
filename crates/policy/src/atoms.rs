//! Addresses that no block tells apart.
//!
//! Blocks in CIDR form are nested or have nothing in common. So the smallest block that holds an address says which
//! others hold it, and the addresses that have the same smallest block form an *atom*.

mod atom;

use std::collections::BTreeMap;
use std::net::IpAddr;

use ringfence_net::Family;

pub(crate) use atom::Atom;
use atom::NEVER;

/// Every block that policies name.
#[derive(Clone, Debug)]
pub(crate) struct Atoms {
    /// With the number of times that it is named.
    blocks: BTreeMap<Atom, usize>,
}

impl Atoms {
    /// All addresses of each family, and those that are special by nature.
    pub(crate) fn new() -> Self {
        let whole = Family::ALL.map(Atom::all);
        let never = NEVER.map(|(address, length)| Atom::holding(address, length));
        let blocks = whole.into_iter().chain(never);
        Self {
            blocks: blocks.map(|block| (block, 1)).collect(),
        }
    }

    /// Names a block once more. True if nobody did before.
    pub(crate) fn acquire(&mut self, block: Atom) -> bool {
        let count = self.blocks.entry(block).or_default();
        *count += 1;
        *count == 1
    }

    /// Takes one naming back. True if nobody is left.
    pub(crate) fn release(&mut self, block: Atom) -> bool {
        let Some(count) = self.blocks.get_mut(&block) else {
            return false;
        };
        *count -= 1;
        let is_last = *count == 0;
        if is_last {
            self.blocks.remove(&block);
        }
        is_last
    }

    /// Every atom, some of which may have no address.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Atom> + '_ {
        self.blocks.keys().copied()
    }

    /// The smallest block that holds `address`.
    pub(crate) fn of(&self, address: IpAddr) -> Atom {
        self.smallest(Atom::from(address))
    }

    /// The smallest block that holds all of `inner` and is larger.
    pub(crate) fn around(&self, inner: Atom) -> Atom {
        match inner.length.checked_sub(1) {
            Some(length) => self.smallest(inner.widened(length)),
            None => inner,
        }
    }

    /// The smallest block that holds all of `wanted`.
    fn smallest(&self, wanted: Atom) -> Atom {
        let mut bound = wanted;
        // A block that holds `wanted` is not behind it, and of those the last is the smallest. What is found on the
        // way is inside of what is searched, which therefore holds the common beginning of both.
        while let Some((found, _)) = self.blocks.range(..=bound).next_back() {
            if found.holds(wanted) {
                return *found;
            }
            bound = wanted.widened(found.common_length(wanted));
        }
        Atom::all(wanted.family())
    }

    /// The addresses of an atom: what of its block lies in no smaller one.
    pub(crate) fn ranges(&self, atom: Atom) -> Vec<(IpAddr, IpAddr)> {
        let mut ranges = Vec::new();
        let mut next = Some(atom.first);
        for inner in self.inside(atom) {
            let Some(first) = next else { break };
            // Blocks inside of one that was passed already begin before `first`.
            if inner.first < first {
                continue;
            }
            if inner.first > first {
                ranges.push((atom.address(first), atom.address(inner.first - 1)));
            }
            next = inner.last().checked_add(1);
        }
        if let Some(first) = next.filter(|first| *first <= atom.last()) {
            ranges.push((atom.address(first), atom.address(atom.last())));
        }
        ranges
    }

    /// The blocks inside of `block`, itself left out.
    fn inside(&self, block: Atom) -> impl Iterator<Item = Atom> + '_ {
        let behind = self.blocks.range(block..).map(|(inner, _)| *inner);
        behind
            .skip_while(move |inner| *inner == block)
            .take_while(move |inner| block.holds(*inner))
    }
}

#[cfg(test)]
mod tests;
