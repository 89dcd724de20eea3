//! Pods in the network of their node as subjects of policies (rules HN-*).

/// The annotation by which a policy of the Admin tier judges pods in the network of their node, too (rule HN-1).
pub const HOST_PODS_ANNOTATION: &str = "ringfence.dev/host-network-pods";

/// What it says.
pub const HOST_PODS_JUDGED: &str = "judged";
