//! Starting, asking and ending labs through the program.

mod lab;
mod permit;
mod process;
mod traces;

pub(crate) use lab::{Lab, hands_action, unique_name};
pub(crate) use permit::Permit;
pub(crate) use process::{Finished, Run, ringfence};
pub(crate) use traces::{Surroundings, Traces, processes_of, role};

use std::time::{Duration, Instant};

/// Longer than anything here takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);
/// A cluster of two families, with two workers.
pub(crate) const DUAL_STACK: &str = "
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
networking: {ipFamily: dual}
nodes: [{role: control-plane}, {role: worker}, {role: worker}]
";
const POLL: Duration = Duration::from_millis(10);

/// Waits until `condition` gives something.
pub(crate) fn eventually<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(POLL);
    }
}
