use ringfence_model::{Cluster, Timestamp};

use crate::random::Random;

/// The moment at which random clusters and the corpus are looked at: 2026-01-15T00:00:00Z.
pub const MOMENT: Timestamp = Timestamp(1_768_435_200_000);
/// What is over then, what is going on, and what is to come.
const MODES: [&str; 4] = [
    "2026-01-01T00:00:00Z/2026-01-15T00:00:00Z",
    "2026-01-01T00:00:00Z/2026-02-01T00:00:00Z",
    "2026-01-15T00:00:00Z/2026-01-16T00:00:00Z",
    "2026-02-01T00:00:00Z/2026-03-01T00:00:00Z",
];

/// Drawn after everything else: puts some NetworkPolicies of every other cluster into audit mode, not all of them at this
/// time.
pub(super) fn put(random: &mut Random, cluster: &mut Cluster) {
    let chosen = random.chance(50);
    for policy in cluster.network_policies.values_mut() {
        if chosen && random.chance(60) {
            let mode = random.pick(&MODES).and_then(|text| text.parse().ok());
            policy.audit = mode;
        }
    }
    cluster.tell_time(MOMENT);
}
