//! Rule AM-22: what a test says of a pod whose address is not known.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use ringfence_model::{Cluster, Match, Party, is_reserved};
use ringfence_net::Family;

use crate::block::contains;
use crate::direction::Attempt;

/// Somebody of whom no address may be known, and who asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unaddressed<'a> {
    pub(crate) cluster: &'a Cluster,
    /// The end that is judged.
    pub(crate) own: &'a Party,
    pub(crate) peer: &'a Party,
}

impl<'a> Unaddressed<'a> {
    pub(crate) const fn of(attempt: &Attempt<'a>) -> Self {
        Self {
            cluster: attempt.cluster,
            own: attempt.own,
            peer: attempt.peer,
        }
    }
}

/// Unknown, unless the test says the same of every address that the peer may have: of the family that the connection has, of
/// both if neither end tells, and a pod's from the blocks that are given. What `test` says changes nowhere but
/// at the ends of `blocks`, and it says no of all addresses outside of the first.
pub(crate) fn unaddressed(
    asked: Unaddressed<'_>,
    blocks: &[IpNet],
    test: impl Fn(IpAddr) -> bool,
) -> Match {
    let spoken = asked.own.address().map(Family::of);
    let speaks = |block: &IpNet| spoken.is_none_or(|family| Family::of(block.addr()) == family);
    let is_pod = matches!(asked.peer, Party::Pod { .. });
    let given = asked.cluster.pod_blocks.iter().copied();
    let mut possible: Vec<IpNet> = given.filter(|block| is_pod && speaks(block)).collect();
    if possible.is_empty() {
        // Where nothing is known of it, it is at least no address that pods never have.
        if is_pod && blocks.first().is_some_and(|block| is_reserved(*block)) {
            return Match::No;
        }
        let whole = [IpNet::V4(Ipv4Net::default()), IpNet::V6(Ipv6Net::default())];
        possible.extend(whole.iter().filter(|block| speaks(block)));
    }
    let samples = possible.iter().flat_map(|block| samples(*block, blocks));
    let said: BTreeSet<bool> = samples.map(test).collect();
    match (said.contains(&true), said.contains(&false)) {
        (true, false) => Match::Yes,
        (false, true) => Match::No,
        (true, true) | (false, false) => Match::Unknown,
    }
}

/// The first address of `block`, and those in it at which one of `blocks` begins or has just ended.
fn samples(block: IpNet, blocks: &[IpNet]) -> Vec<IpAddr> {
    let begins = blocks.iter().map(IpNet::network);
    let ended = blocks.iter().filter_map(|inner| next(inner.broadcast()));
    let inside = begins.chain(ended).filter(|at| contains(block, *at));
    std::iter::once(block.network()).chain(inside).collect()
}

fn next(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(address) => {
            let next = u32::from(address).checked_add(1)?;
            Some(IpAddr::V4(next.into()))
        }
        IpAddr::V6(address) => {
            let next = u128::from(address).checked_add(1)?;
            Some(IpAddr::V6(next.into()))
        }
    }
}
