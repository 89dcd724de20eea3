//! Numbers that stand for backends (rule OB-21).

use std::collections::BTreeSet;

use super::backend::Target;
use crate::hash::{Content, folded, hash};

/// Every number has this bit: 0 stands for no backend, and the rest is left to others who write priorities.
const MARK: u32 = 0x8000_0000;

/// A number for each of `targets`, all different. It follows from address and port alone, so that it stays the same whatever
/// other backends come and go, and at a new start; but where two hashes are equal, which one in two thousand millions is.
pub(super) fn of_backends(targets: &[Target]) -> Vec<u32> {
    let mut taken = BTreeSet::new();
    let mut numbers = Vec::with_capacity(targets.len());
    for target in targets {
        let mut own = number(target);
        while !taken.insert(own) {
            own = own.wrapping_add(1) | MARK;
        }
        numbers.push(own);
    }
    numbers
}

fn number(target: &Target) -> u32 {
    let content = Content::default().text(&target.address.to_string());
    let content = content.number(target.port.into());
    folded(hash(&content.finish())) | MARK
}
