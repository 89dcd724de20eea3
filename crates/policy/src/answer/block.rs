//! Rules NP-40 and NP-41: address blocks.

use std::net::IpAddr;

use ringfence_model::IpBlock;

/// NP-40: inside `cidr` and inside no `except`; the families never match each other.
pub(super) fn covers(block: &IpBlock, address: IpAddr) -> bool {
    let is_hole = |hole: &ipnet::IpNet| hole.contains(&address);
    block.cidr.contains(&address) && !block.except.iter().any(is_hole)
}
