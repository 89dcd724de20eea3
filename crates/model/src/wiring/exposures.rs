//! Services that the outside can reach.

use ipnet::IpNet;

use super::{Described, Exposure, Wiring};

/// What a Service says somewhere that is of this sort.
pub(super) const WAYS: [&str; 3] = ["LoadBalancer", "NodePort", "externalIPs"];

/// Adds `object` if it is a Service of this sort.
pub(super) fn read(object: &Described<'_>, wiring: &mut Wiring) {
    if !object.is("", &["Service"]) {
        return;
    }
    let field = object.field;
    let way = match field.text_at("spec.type").as_deref() {
        Some("LoadBalancer") => Some(("LoadBalancer", "spec.type")),
        Some("NodePort") => Some(("NodePort", "spec.type")),
        _ if !field.items_at("spec.externalIPs").is_empty() => {
            Some(("externalIPs", "spec.externalIPs"))
        }
        _ => None,
    };
    let Some((way, path)) = way else {
        return;
    };
    let Some(ranges) = ranges(object, wiring) else {
        return;
    };
    let at = field.get(path).unwrap_or_else(|| field.clone());
    wiring.exposures.push(Exposure {
        service: object.name.clone(),
        way,
        ranges,
        source: at.location().source,
    });
}

/// A range that is none is reported, and nobody is let in for it; `None` if all of those that are written are none.
fn ranges(object: &Described<'_>, wiring: &mut Wiring) -> Option<Vec<IpNet>> {
    let written = object.field.items_at("spec.loadBalancerSourceRanges");
    let is_restricted = !written.is_empty();
    let mut ranges = Vec::new();
    for range in written {
        match range.text().unwrap_or_default().trim().parse::<IpNet>() {
            Ok(found) => ranges.push(found.trunc()),
            Err(_) => wiring.malformed(
                range.location(),
                "a source range of a load balancer is a CIDR block, such as 192.0.2.0/24"
                    .to_owned(),
            ),
        }
    }
    (!is_restricted || !ranges.is_empty()).then_some(ranges)
}
