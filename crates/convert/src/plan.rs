//! Which rule stands in which tier of Kubernetes.
//!
//! A NetworkPolicy isolates and allows; it knows neither order nor denial. Before it stands the Admin tier of
//! ClusterNetworkPolicy, which knows both, and for ingress speaks of pods alone (rule CN-36). So a denial stands in the Admin
//! tier if some allowing rule behind it may match the same connection, and so does an allowing rule before such a denial;
//! every other allowing rule stands in a NetworkPolicy, and every other denial follows from isolation.

mod admin;
mod meeting;
mod network;
mod placement;

use ringfence_model::{ClusterTier, Direction};

use crate::conversion::Conversion;
use crate::input::Given;
use crate::ladder::{Ladder, Policy};
use crate::written::{Field, Written};

pub(crate) use meeting::{Meeting, may_meet};
use placement::{Placed, place};

/// Converts `ladder`, or refuses the objects that no tier can hold.
pub(crate) fn plan(given: &Given<'_>, mut ladder: Ladder, conversion: &mut Conversion) {
    conversion.reserve(given);
    ladder.rungs.retain(|rung| {
        let policy = ladder.policies.get(rung.policy);
        policy.is_some_and(|policy| !is_refused(given, policy))
    });
    let placed = Direction::ALL.map(|direction| place(given, &ladder, direction));
    refuse_mixture(given, &ladder, &placed);
    admin::write(given, &ladder, &placed, conversion);
    network::write(given, &ladder, &placed, conversion);
}

/// Cluster-wide policies that are there already have priorities of their own.
fn refuse_mixture(given: &Given<'_>, ladder: &Ladder, placed: &[Vec<Placed>; 2]) {
    let there = given.cluster_policies.iter();
    let Some(there) = there
        .clone()
        .find(|policy| policy.tier == ClusterTier::Admin)
    else {
        return;
    };
    for one in placed.iter().flatten().filter(|one| one.admin) {
        let policy = ladder
            .rungs
            .get(one.rung)
            .and_then(|rung| ladder.policies.get(rung.policy));
        let Some(written) = policy.and_then(|policy| written(given, policy)) else {
            continue;
        };
        if !written.is_refused() {
            field(written, &one.rule.path).refuse(
                &format!(
                    "becomes a ClusterNetworkPolicy, and the input has {} already",
                    there.name
                ),
                "convert without it, and choose the priorities of both by hand",
            );
        }
    }
}

fn is_refused(given: &Given<'_>, policy: &Policy) -> bool {
    written(given, policy).is_some_and(Written::is_refused)
}

/// The object that `policy` was read from.
fn written<'g>(given: &'g Given<'_>, policy: &Policy) -> Option<&'g Written> {
    given.foreign.get(policy.object?)
}

/// The field at `path`, to be refused.
fn field<'g>(written: &'g Written, path: &str) -> Field<'g> {
    Field {
        path: path.to_owned(),
        ..written.root()
    }
}
