//! Address blocks: what is left of some without others, and every address.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use ringfence_model::IpBlock;
use ringfence_net::Family;

use crate::written::Field;

/// Every address of `family`.
pub(crate) fn everything(family: Family) -> IpNet {
    match family {
        Family::V4 => IpNet::V4(Ipv4Net::default()),
        Family::V6 => IpNet::V6(Ipv6Net::default()),
    }
}

/// A block, or an address as a block of itself.
pub(crate) fn net(field: &Field<'_>) -> Option<IpNet> {
    let text = field.as_text()?;
    let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
    let found = text.parse().ok().or_else(address);
    if found.is_none() {
        field.refuse(
            &format!("`{text}` is no address and no block of addresses"),
            "write it as 10.0.0.0/8 or fd00::/8",
        );
    }
    found.map(|net: IpNet| net.trunc())
}

/// `cidr` without the addresses of `except`; `None` if nothing is left.
pub(crate) fn without(cidr: IpNet, except: &[IpNet]) -> Option<IpBlock> {
    if except.iter().any(|hole| hole.contains(&cidr)) {
        return None;
    }
    let inside = except.iter().filter(|hole| cidr.contains(*hole)).copied();
    let except = IpNet::aggregate(&inside.collect());
    let halves = |hole: &IpNet| hole.prefix_len() <= cidr.prefix_len();
    if except.iter().any(halves) {
        return None;
    }
    Some(IpBlock { cidr, except })
}

/// The blocks that `block` is made of, without exceptions.
pub(crate) fn parts(block: &IpBlock) -> Vec<IpNet> {
    let mut parts = vec![block.cidr];
    for hole in &block.except {
        parts = parts.iter().flat_map(|part| cut(*part, *hole)).collect();
    }
    parts
}

/// `part` without `hole`: halves that do not hold it, down to it.
fn cut(part: IpNet, hole: IpNet) -> Vec<IpNet> {
    if hole.contains(&part) {
        return Vec::new();
    }
    if !part.contains(&hole) {
        return vec![part];
    }
    let Ok(halves) = part.subnets(part.prefix_len() + 1) else {
        return vec![part];
    };
    halves.flat_map(|half| cut(half, hole)).collect()
}

/// Whether some address is in both.
pub(crate) fn may_meet(one: &IpBlock, two: &IpBlock) -> bool {
    let (narrow, wide) = if one.cidr.prefix_len() >= two.cidr.prefix_len() {
        (one.cidr, two)
    } else {
        (two.cidr, one)
    };
    wide.cidr.contains(&narrow) && !wide.except.iter().any(|hole| hole.contains(&narrow))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    #[test]
    fn holes_are_cut_out() {
        let block = without(net("10.0.0.0/8"), &[net("10.0.0.0/10"), net("11.0.0.0/8")]).unwrap();
        assert_eq!(block.except, [net("10.0.0.0/10")]);
        assert_eq!(parts(&block), [net("10.64.0.0/10"), net("10.128.0.0/9")]);
        assert_eq!(without(net("10.1.0.0/16"), &[net("10.0.0.0/8")]), None);
        let halves = [net("10.0.0.0/9"), net("10.128.0.0/9")];
        assert_eq!(without(net("10.0.0.0/8"), &halves), None);
        assert!(!may_meet(
            &block,
            &IpBlock {
                cidr: net("10.1.0.0/16"),
                except: vec![]
            }
        ));
        assert!(may_meet(
            &block,
            &IpBlock {
                cidr: net("0.0.0.0/0"),
                except: vec![]
            }
        ));
        assert!(!may_meet(
            &block,
            &IpBlock {
                cidr: net("::/0"),
                except: vec![]
            }
        ));
    }
}
