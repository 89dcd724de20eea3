//! Packets to a Service, and what became of them in a word.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ringfence_compile::Enforcement;
use ringfence_conformance::bench::Bench;
use ringfence_conformance::fate::Fate;
use ringfence_conformance::fit::fit;
use ringfence_conformance::packet::Opening;
use ringfence_conformance::plan::{NodeId, Place, Slot};
use ringfence_conformance::prober::Reply;
use ringfence_model::{Cluster, Input, LoadOptions, assemble, load};
use ringfence_net::{Family, Protocol};

use crate::lines::{Client, Line, Situation};

/// So many packets are sent to see every backend: one of two is missed with a chance of 1e-9.
const PACKETS: usize = 30;
/// Somebody who is neither pod nor node, in each family.
const STRANGERS: [&str; 2] = ["203.0.113.9", "2001:db8::9"];

/// What becomes of packets in a situation: each word once, in order.
pub(crate) fn outcome(bench: &mut Bench, line: &Line, situation: Situation) -> String {
    let cluster = cluster(line, situation);
    bench.load(&cluster, Enforcement::On);
    let packet = packet(line, situation.family);
    let from = place(line.client);
    let packets = vec![(from, packet); PACKETS];
    let heard = bench.prober.converse(&packets);
    let places: BTreeSet<Place> = heard.iter().filter_map(|(fate, _)| came_to(fate)).collect();
    let words: BTreeSet<String> = heard
        .into_iter()
        .map(|(fate, reply)| word(line, situation, fate, &reply))
        .collect();
    let words: Vec<String> = words.into_iter().collect();
    let by = match (line.counted, places.len()) {
        (false, _) => "",
        (true, 1) => " by one",
        (true, _) => " by both",
    };
    format!("{}{by}", words.join("; "))
}

fn came_to(fate: &Fate) -> Option<Place> {
    match fate {
        Fate::Arrived(arrival) => Some(arrival.place),
        Fate::Dropped | Fate::Rejected => None,
    }
}

fn cluster(line: &Line, situation: Situation) -> Cluster {
    let input = Input {
        name: "line.yaml".into(),
        text: line.manifests(situation),
    };
    let loaded = load(&[input], &LoadOptions::default());
    let (cluster, diagnostics) = assemble(&loaded.objects);
    for found in loaded.diagnostics.iter().chain(&diagnostics) {
        assert!(!found.is_error(), "{}: {found}", line.feature);
    }
    fit(&cluster)
}

fn place(client: Client) -> Place {
    match client {
        Client::Pod => Place::Pod(Slot {
            node: NodeId::One,
            number: 0,
        }),
        Client::Node => Place::Node(NodeId::One),
        Client::Outside => Place::Outside,
    }
}

fn packet(line: &Line, family: Family) -> Opening {
    let of_family = |addresses: [IpAddr; 2]| match family {
        Family::V4 => addresses[0],
        Family::V6 => addresses[1],
    };
    let source = match place(line.client) {
        Place::Pod(slot) => of_family(slot.addresses()),
        Place::Node(node) => of_family(node.addresses()),
        Place::Outside => of_family(STRANGERS.map(|text| text.parse().unwrap())),
    };
    Opening {
        source,
        destination: of_family(line.dialled.map(|text| text.parse().unwrap())),
        protocol: line.protocol.into(),
        port: Some(line.port),
        kind: None,
    }
}

fn word(line: &Line, situation: Situation, fate: Fate, reply: &Reply) -> String {
    let arrival = match fate {
        Fate::Dropped => return "dropped".to_owned(),
        Fate::Rejected => return "refused".to_owned(),
        Fate::Arrived(arrival) => arrival,
    };
    let wanted = [line.backend(situation), line.other_backend(situation)];
    if arrival.port != Some(line.target) || !wanted.contains(&Some(arrival.place)) {
        return format!("astray: {arrival}");
    }
    let seen = if arrival.masqueraded {
        ", as the node"
    } else {
        ""
    };
    match (arrival.place, reply) {
        (_, Reply::Heard) => format!("answered{seen}"),
        (Place::Node(_), Reply::None) => format!("arrives{seen}"),
        (Place::Pod(_) | Place::Outside, Reply::None) => format!("no answer{seen}"),
        (_, Reply::Lost(_)) => format!("answer lost{seen}"),
    }
}

/// The transport that lines use if they are not about it.
pub(crate) const TCP: Protocol = Protocol::Tcp;
