//! Somebody outside of every cluster, by addresses that are for documentation (RFC 5737, RFC 3849).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ringfence_model::Direction;
use ringfence_net::Family;

use super::context::{Context, PodGroup};

pub(super) const fn outside(family: Family) -> IpAddr {
    match family {
        Family::V4 => IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9)),
        Family::V6 => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 9)),
    }
}

/// Whether all policies of some pods of `group` let connections through between them and whoever is outside.
pub(super) fn is_open(
    context: &Context<'_>,
    group: &PodGroup<'_>,
    direction: Direction,
    family: Family,
) -> bool {
    let engine = context.engine;
    let outside = engine.class_of_address(outside(family));
    let mut pods = group.pods.iter();
    pods.any(|pod| {
        let class = engine.class_of_pod(&pod.name);
        class.is_some_and(|class| !engine.one_way(direction, class, outside).is_none())
    })
}
