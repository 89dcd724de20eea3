//! Cilium's policies: none is converted, so each is refused.

use crate::conversion::Conversion;
use crate::input::Given;

const GROUP: &str = "cilium.io";

/// Kinds that decide about traffic.
const POLICIES: [&str; 2] = ["CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy"];

/// Refuses every policy of Cilium; says of its other kinds that they are left aside.
pub(super) fn refuse(given: &Given<'_>, conversion: &mut Conversion) {
    let objects = given.foreign.iter();
    for written in objects.filter(|written| written.group() == GROUP) {
        let (kind, _) = written.type_of();
        if POLICIES.contains(&kind) {
            let field = written.root().get("kind").unwrap_or_else(|| written.root());
            field.refuse(
                "is a policy of Cilium, and those are not converted",
                "write it anew: what it denies as a ClusterNetworkPolicy of the tier Admin, what it allows as a NetworkPolicy",
            );
        } else {
            conversion.leave_aside(written, "is no policy, and left aside", given);
        }
    }
}
