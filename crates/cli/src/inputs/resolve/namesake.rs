//! Namespaces that are called as a kind is: `jobs/x` is a Job, and the pod `x` of the namespace `jobs` is `pod/jobs/x`
//! (rule Q-2).

use ringfence_model::{Cluster, Pod};

use crate::inputs::endpoint::EndpointArgument;

/// What else `text` might have meant, which was read as `argument`.
pub(crate) fn namesake(
    cluster: &Cluster,
    text: &str,
    argument: &EndpointArgument,
) -> Option<String> {
    let (first, name) = text.trim().split_once('/')?;
    let is_kind = argument.words().contains(&first);
    let other = pod_in(cluster, &[first], name).filter(|_| is_kind)?;
    Some(format!(
        "`{text}` is read as the kind and the name of `{argument}`; what has that name in the namespace {first} is `{other}`"
    ))
}

/// What is called `name` in a namespace that is called as the kind of `argument` is.
pub(super) fn instead(
    cluster: &Cluster,
    argument: &EndpointArgument,
    name: &str,
) -> Option<String> {
    pod_in(cluster, argument.words(), name)
}

/// A pod or workload, as it has to be written.
fn pod_in(cluster: &Cluster, namespaces: &[&str], name: &str) -> Option<String> {
    let is_there = |pod: &&Pod| pod.is_live() && namespaces.contains(&pod.name.namespace.as_str());
    let mut pods = cluster.pods.values().filter(is_there);
    pods.find_map(|pod| {
        if pod.name.name == name {
            return Some(format!("pod/{}", pod.name));
        }
        let owner = pod.workload.as_ref().filter(|owner| owner.name == name)?;
        let kind = owner.kind.to_lowercase();
        Some(format!("{kind}/{}/{name}", pod.name.namespace))
    })
}
