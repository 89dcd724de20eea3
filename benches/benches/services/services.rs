//! The Services of both kinds of rules: the last one has the pod behind it that is really there, all others endpoints that are
//! addresses alone.

use std::net::Ipv4Addr;

use ringfence_benches::topology::NEAR;

/// The port of every Service, and the one of every endpoint.
pub(crate) const PORT: u16 = 80;
pub(crate) const TARGET: u16 = 8080;
pub(crate) const BLOCK: &str = "172.20.0.0/16";
const FIRST_SERVICE: u32 = Ipv4Addr::new(172, 20, 0, 1).to_bits();
const FIRST_ENDPOINT: u32 = Ipv4Addr::new(10, 64, 0, 1).to_bits();

/// The address of a Service by its place.
pub(crate) fn address(place: usize) -> Ipv4Addr {
    Ipv4Addr::from_bits(FIRST_SERVICE + u32::try_from(place).unwrap_or(0))
}

/// The endpoints of the Service at `place`, one of `services`, in order.
pub(crate) fn endpoints(place: usize, services: usize, each: usize) -> Vec<Ipv4Addr> {
    if place + 1 == services {
        return vec![NEAR.address];
    }
    let first = u32::try_from(place * each).unwrap_or(0);
    let count = u32::try_from(each).unwrap_or(0);
    let numbers = first..first + count;
    numbers
        .map(|number| Ipv4Addr::from_bits(FIRST_ENDPOINT + number))
        .collect()
}
