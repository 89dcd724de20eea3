//! Which address a new pod gets.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// No address of a block is free.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no address is free in `{block}`: {in_use} of {capacity} are in use")]
pub struct PoolExhausted {
    /// The node's block of pod addresses.
    pub block: IpNet,
    /// How many of its addresses are taken.
    pub in_use: usize,
    /// How many it has to give.
    pub capacity: u128,
}

/// The next free address of a block: the first after `last` that is not taken, round and round, so that an
/// address rests as long as possible before it names another pod.
///
/// Never given: the network's address, the first after it (the node's own, where it has one in the block)
/// and the broadcast address. For IPv6 these are the subnet's anycast address (RFC 4291) and the first.
///
/// # Errors
/// [`PoolExhausted`].
pub fn next_free(
    block: IpNet,
    taken: &BTreeSet<IpAddr>,
    last: Option<IpAddr>,
) -> Result<IpAddr, PoolExhausted> {
    let (first, end) = usable(block);
    let in_use: BTreeSet<u128> = taken
        .iter()
        .filter(|ip| block.contains(*ip))
        .map(|ip| number(*ip))
        .collect();
    let start = match last
        .filter(|ip| block.contains(ip))
        .map(|ip| number(ip).saturating_add(1))
    {
        Some(next) if (first..end).contains(&next) => next,
        Some(_) | None => first,
    };
    let free = (start..end)
        .chain(first..start)
        .find(|candidate| !in_use.contains(candidate));
    free.map(|number| address(block, number))
        .ok_or_else(|| PoolExhausted {
            block,
            in_use: in_use.len(),
            capacity: end.saturating_sub(first),
        })
}

/// The first number that may be given, and the one after the last.
fn usable(block: IpNet) -> (u128, u128) {
    let end = match block {
        IpNet::V4(_) => number(block.broadcast()),
        IpNet::V6(_) => number(block.broadcast()).saturating_add(1),
    };
    // Where the block is too small for both, the range is empty.
    let first = number(block.network()).saturating_add(2).min(end);
    (first, end)
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u32::from(address).into(),
        IpAddr::V6(address) => address.into(),
    }
}

fn address(block: IpNet, number: u128) -> IpAddr {
    match block {
        IpNet::V4(_) => Ipv4Addr::from(u32::try_from(number).unwrap_or(u32::MAX)).into(),
        IpNet::V6(_) => Ipv6Addr::from(number).into(),
    }
}

#[cfg(test)]
mod tests;
