//! Which addresses a list of blocks means, however long it is (rules NP-40, NP-41).

use std::collections::BTreeMap;

use ringfence_model::IpBlock;

use crate::atoms::Atom;

/// The addresses that at least one of some blocks holds, each without its own holes.
///
/// Blocks are nested or have nothing in common, so that the smallest one that holds an address decides about it. It is
/// found in the logarithm of their number.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AddressSet {
    /// In order, so that each comes before those inside of it.
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Part {
    block: Atom,
    /// The place of the smallest part around it.
    around: Option<usize>,
    /// Whether what of it lies in no smaller part is in the set.
    is_inside: bool,
}

/// A block that holds what comes next.
struct Open {
    block: Atom,
    /// How many of the listed blocks hold it and have no hole around it.
    count: i64,
    /// The place of the smallest part that holds it.
    part: Option<usize>,
}

impl AddressSet {
    pub(crate) fn of<'b>(blocks: impl IntoIterator<Item = &'b IpBlock>) -> Self {
        let mut steps: BTreeMap<Atom, i64> = BTreeMap::new();
        for block in blocks {
            let whole = Atom::from(block.cidr);
            if let Some(holes) = outermost_holes(whole, block) {
                *steps.entry(whole).or_default() += 1;
                for hole in holes {
                    *steps.entry(hole).or_default() -= 1;
                }
            }
        }
        let (mut found, mut around) = (Self::default(), Vec::new());
        for (block, step) in steps {
            found.add(&mut around, block, step);
        }
        found
    }

    /// The next block in order: `step` more of the listed ones hold it than hold what is `around`.
    fn add(&mut self, around: &mut Vec<Open>, block: Atom, step: i64) {
        while around.last().is_some_and(|last| !last.block.holds(block)) {
            around.pop();
        }
        let (outer, part) = around
            .last()
            .map_or((0, None), |last| (last.count, last.part));
        let count = outer + step;
        let is_inside = count > 0;
        // What is like its surroundings needs no part of its own.
        let part = if is_inside == (outer > 0) {
            part
        } else {
            let place = self.parts.len();
            self.parts.push(Part {
                block,
                around: part,
                is_inside,
            });
            Some(place)
        };
        around.push(Open { block, count, part });
    }

    /// Whether the addresses of `wanted` that lie in no smaller block that is listed are in the set.
    pub(crate) fn holds(&self, wanted: Atom) -> bool {
        let after = self.parts.partition_point(|part| part.block <= wanted);
        let mut place = after.checked_sub(1);
        while let Some(part) = place.and_then(|place| self.parts.get(place)) {
            if part.block.holds(wanted) {
                return part.is_inside;
            }
            place = part.around;
        }
        false
    }

    /// Blocks with nothing in common, outside of which nothing is in the set.
    pub(crate) fn outermost(&self) -> impl Iterator<Item = Atom> {
        let parts = self.parts.iter().filter(|part| part.around.is_none());
        parts.map(|part| part.block)
    }
}

/// The holes of a block that lie in no other hole of it; `None` if nothing is left of the block.
fn outermost_holes(whole: Atom, block: &IpBlock) -> Option<Vec<Atom>> {
    let mut holes: Vec<Atom> = block.except.iter().map(|hole| Atom::from(*hole)).collect();
    if holes.iter().any(|hole| hole.holds(whole)) {
        return None;
    }
    holes.retain(|hole| whole.holds(*hole));
    holes.sort_unstable();
    holes.dedup_by(|next, hole| hole.holds(*next));
    Some(holes)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn block(cidr: &str, except: &[&str]) -> IpBlock {
        IpBlock {
            cidr: cidr.parse().unwrap(),
            except: except.iter().map(|hole| hole.parse().unwrap()).collect(),
        }
    }

    fn covers(block: &IpBlock, address: IpAddr) -> bool {
        let is_hole = block.except.iter().any(|hole| hole.contains(&address));
        block.cidr.contains(&address) && !is_hole
    }

    fn holds(blocks: &[IpBlock], address: &str) -> bool {
        let address: IpAddr = address.parse().unwrap();
        AddressSet::of(blocks).holds(Atom::from(address))
    }

    #[test]
    fn a_hole_narrows_its_own_block_alone() {
        let blocks = [
            block("10.0.0.0/8", &["10.1.0.0/16", "10.1.2.0/24", "10.2.0.0/16"]),
            block("10.1.3.0/24", &["10.1.3.128/25"]),
            block("10.1.3.192/26", &[]),
        ];
        for (address, expected) in [
            ("10.0.0.1", true),
            ("10.1.0.1", false),
            ("10.1.2.1", false),
            ("10.1.3.1", true),
            ("10.1.3.129", false),
            ("10.1.3.200", true),
            ("10.1.4.1", false),
            ("10.2.0.1", false),
            ("10.3.0.1", true),
            ("11.0.0.1", false),
            ("::a00:1", false),
        ] {
            assert_eq!(holds(&blocks, address), expected, "{address}");
        }
    }

    #[test]
    fn a_block_in_its_own_hole_leaves_others_alone() {
        let blocks = [
            block("10.0.0.0/8", &[]),
            block("10.1.1.0/24", &["10.1.0.0/16"]),
        ];
        assert!(holds(&blocks, "10.1.1.1"));
        assert!(holds(&blocks, "10.1.0.1"));
        assert!(!holds(&blocks[1..], "10.1.1.1"));
        let other_family = [block("10.0.0.0/8", &["::/0"])];
        assert!(holds(&other_family, "10.0.0.1"));
    }

    /// Every list of blocks of a few bits means what one block after the other says.
    #[test]
    fn a_list_means_what_its_blocks_mean() {
        let mut random = ringfence_testkit::random::Random::new(1);
        for case in 0..400 {
            let mut small = |longer_than: u8| {
                let length = longer_than + u8::try_from(random.below(6)).unwrap();
                let length = length.min(32);
                let bits = u32::try_from(random.below(256)).unwrap() << 22;
                let block = ipnet::Ipv4Net::new(bits.into(), length).unwrap();
                ipnet::IpNet::V4(block.trunc())
            };
            let blocks: Vec<IpBlock> = (0..case % 12)
                .map(|_| IpBlock {
                    cidr: small(2),
                    except: (0..case % 4).map(|_| small(3)).collect(),
                })
                .collect();
            let set = AddressSet::of(&blocks);
            for bits in 0_u32..256 {
                let address = IpAddr::V4((bits << 22).into());
                let one_by_one = blocks.iter().any(|block| covers(block, address));
                assert_eq!(
                    set.holds(Atom::from(address)),
                    one_by_one,
                    "{blocks:?} {address}"
                );
            }
        }
    }
}
