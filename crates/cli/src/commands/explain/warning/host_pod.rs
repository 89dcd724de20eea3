//! Rule HN-4: what policies deny to pods in the network of their node, where the node can tell them.

use ringfence_model::{Connection, DirectionVerdict, Party};
use ringfence_policy::{Engine, HostPodRule, host_pod_rule};

use super::Warning;

/// The policy that denies what the answer lets pass.
pub(super) fn denied(engine: &Engine, connection: &Connection) -> Option<Warning> {
    let (
        Party::Node {
            host_pod: Some(name),
            ..
        },
        Party::Other(address),
    ) = (&connection.source, &connection.destination)
    else {
        return None;
    };
    if connection.verdict() == DirectionVerdict::Deny {
        return None;
    }
    let pod = engine.cluster().pods.get(name)?;
    let packet = (connection.protocol, connection.port);
    let rule = host_pod_rule(engine.cluster(), Some(pod), *address, packet);
    let rule = rule.filter(HostPodRule::denies)?;
    Some(Warning {
        rule: "HN-4",
        message: format!(
            "{name} is in the network of its node, and {} egress[{}] denies {address} to it on nodes whose agent knows cgroups",
            rule.policy.name, rule.index
        ),
        help: Some("the answer is that of a node whose agent does not: `guard.hostPods` of the chart, `--host-cgroups` of the agent".to_owned()),
    })
}
