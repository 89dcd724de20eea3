//! Rules NP-30 to NP-38 and Q-12: ports and protocols.

use ringfence_model::{ObjectName, Party, Pod, PolicyPort, PortMatch};
use ringfence_net::{PortRange, Protocol};

use super::{Flow, Miss, Part, Step, Why, below, field};

/// How item `index` of `ports` fares.
pub(super) fn part(flow: Flow<'_>, item: &PolicyPort, index: usize) -> Part {
    let place = vec![field("ports"), Step::Item(index)];
    let misses = miss(flow, item, &place).into_iter().collect();
    Part::new(place, misses)
}

fn miss(flow: Flow<'_>, item: &PolicyPort, place: &[Step]) -> Option<Miss> {
    let at = |name: &str| below(place, [field(name)]);
    if let Some(why) = protocol_miss(flow, item.protocol) {
        return Some(Miss {
            place: at("protocol"),
            why,
        });
    }
    let why = match &item.port {
        PortMatch::Any => None,
        PortMatch::Range(range) => range_miss(flow, *range),
        PortMatch::Name(name) => name_miss(flow, name, Some(item.protocol)),
    };
    why.map(|why| Miss {
        place: at("port"),
        why,
    })
}

/// NP-38: an item speaks of its own protocol alone; AM-9: and never of one without ports.
pub(super) fn protocol_miss(flow: Flow<'_>, wanted: Protocol) -> Option<Why> {
    let asked = flow.connection.protocol;
    match asked.as_policy() {
        None => Some(Why::Portless(asked)),
        Some(protocol) => (protocol != wanted).then_some(Why::OtherProtocol(asked)),
    }
}

pub(super) fn range_miss(flow: Flow<'_>, range: PortRange) -> Option<Why> {
    let asked = flow.connection.port?;
    (!range.contains(asked)).then_some(Why::OtherPort(asked))
}

/// NP-34, NP-35, CN-33: the destination pod declares the name with the protocol and number that are asked for.
pub(super) fn name_miss(flow: Flow<'_>, name: &str, protocol: Option<Protocol>) -> Option<Why> {
    let Some((pod_name, pod)) = destination(flow) else {
        return Some(Why::NameWithoutPod(flow.connection.destination.clone()));
    };
    let asked = flow.connection.protocol.as_policy();
    let mut numbers = pod
        .ports
        .iter()
        .filter(|port| port.name.as_deref() == Some(name) && Some(port.protocol) == asked)
        .map(|port| port.port);
    let pod = pod_name.clone();
    match numbers.clone().next() {
        None => Some(Why::NameMissing { pod, protocol }),
        Some(_) if numbers.any(|port| Some(port) == flow.connection.port) => None,
        Some(port) => Some(Why::NameDiffers { pod, port }),
    }
}

fn destination<'a>(flow: Flow<'a>) -> Option<(&'a ObjectName, &'a Pod)> {
    match &flow.connection.destination {
        Party::Pod { name, .. } => Some((name, flow.cluster.pods.get(name)?)),
        Party::Node { .. } | Party::Other(_) | Party::Loopback(_) => None,
    }
}
