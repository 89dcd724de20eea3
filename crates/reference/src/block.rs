//! Rules NP-40 and NP-41: address blocks, by arithmetic on the bits.

use std::net::IpAddr;

use ipnet::IpNet;
use ringfence_model::IpBlock;

/// NP-40: inside `cidr` and inside no `except`. NP-41: `except` narrows this block alone.
pub(crate) fn covers(block: &IpBlock, address: IpAddr) -> bool {
    contains(block.cidr, address) && !block.except.iter().any(|hole| contains(*hole, address))
}

/// Whether `address` agrees with the network in its first prefix bits; families never agree (NP-40).
pub(crate) fn contains(network: IpNet, address: IpAddr) -> bool {
    let same_family = network.addr().is_ipv4() == address.is_ipv4();
    let differing = leading_bits(network.addr()) ^ leading_bits(address);
    same_family && differing.leading_zeros() >= u32::from(network.prefix_len())
}

/// The address as a number whose first bit is the address's first bit.
fn leading_bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)) << 96,
        IpAddr::V6(address) => u128::from(address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covered(cidr: &str, except: &[&str], address: &str) -> bool {
        let block = IpBlock {
            cidr: cidr.parse().unwrap(),
            except: except.iter().map(|hole| hole.parse().unwrap()).collect(),
        };
        covers(&block, address.parse().unwrap())
    }

    #[test]
    fn the_prefix_decides() {
        assert!(covered("10.0.0.0/8", &[], "10.255.255.255"));
        assert!(!covered("10.0.0.0/8", &[], "11.0.0.0"));
        assert!(!covered("10.0.0.0/8", &[], "9.255.255.255"));
        assert!(
            covered("10.0.0.7/8", &[], "10.200.0.1"),
            "host bits are masked (AM-24)"
        );
        assert!(covered("10.1.2.3/32", &[], "10.1.2.3"));
        assert!(!covered("10.1.2.3/32", &[], "10.1.2.2"));
        assert!(covered("fd00::/64", &[], "fd00::ffff:ffff:ffff:ffff"));
        assert!(!covered("fd00::/64", &[], "fd00:0:0:1::"));
    }

    #[test]
    fn families_never_match_each_other() {
        assert!(covered("0.0.0.0/0", &[], "203.0.113.9"));
        assert!(!covered("0.0.0.0/0", &[], "2001:db8::9"));
        assert!(covered("::/0", &[], "2001:db8::9"));
        assert!(!covered("::/0", &[], "203.0.113.9"));
    }

    #[test]
    fn holes_are_left_out() {
        let holes = ["10.1.0.0/16", "10.2.0.0/24"];
        assert!(covered("10.0.0.0/8", &holes, "10.0.0.1"));
        assert!(!covered("10.0.0.0/8", &holes, "10.1.2.3"));
        assert!(!covered("10.0.0.0/8", &holes, "10.2.0.255"));
        assert!(covered("10.0.0.0/8", &holes, "10.2.1.0"));
    }
}
