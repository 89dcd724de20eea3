//! The other direction: answers come back whatever policies say, and nobody answers who was not asked.

use std::collections::BTreeMap;

use ringfence_compile::Enforcement;
use ringfence_conformance::bench::Bench;
use ringfence_conformance::packet::{Answer, Opening};
use ringfence_conformance::plan::{Place, Slot, wired};
use ringfence_conformance::prober::Reply;
use ringfence_conformance::question::packet;
use ringfence_model::Cluster;
use ringfence_net::Protocol;
use ringfence_reference::answer;
use ringfence_testkit::flows::ProbeFlow;

use crate::run::Seeds;

/// Whoever gets a packet can answer it: from the address that was dialled, and by the rules of the opening packet
/// alone (rule NP-63).
pub(crate) fn answers_come_back() {
    let mut bench = Bench::new();
    let mut heard: BTreeMap<&str, usize> = BTreeMap::new();
    for (seed, cluster, flows) in Seeds::exactly(500).clusters() {
        bench.load(&cluster, Enforcement::On);
        let asked = flows
            .iter()
            .filter(|flow| comes_back_the_same_way(&cluster, flow));
        let packets: Vec<(Place, Opening)> =
            asked.filter_map(|flow| packet(&cluster, flow)).collect();
        let fates = bench.prober.converse(&packets);
        for ((from, packet), (fate, reply)) in packets.iter().zip(fates) {
            match reply {
                Reply::Heard => *heard.entry(protocol(packet)).or_default() += 1,
                Reply::None => {}
                Reply::Lost(instead) => {
                    panic!("seed {seed}: {packet:?} from {from:?}: {fate}, answer {instead}")
                }
            }
        }
    }
    println!("{heard:?} answers came back");
    assert!(
        heard.len() == 4 && heard.values().all(|count| *count > 500),
        "{heard:?}"
    );
}

/// From outside, Services are dialled through the first node, which sees no answer of pods elsewhere: nobody outside
/// the cluster has a route to Service addresses.
fn comes_back_the_same_way(cluster: &Cluster, flow: &ProbeFlow) -> bool {
    let Ok(answer) = answer(cluster, flow) else {
        return false;
    };
    let from_outside = packet(cluster, flow).is_some_and(|(from, _)| from == Place::Outside);
    !(from_outside && answer.service.is_some())
}

fn protocol(packet: &Opening) -> &'static str {
    match packet.protocol.as_policy() {
        Some(protocol) => protocol.name(),
        None => "ICMP",
    }
}

/// A segment that opens no connection and belongs to none goes neither to nor from a pod, even without any policy
/// (rule DP-22): what was cut once stays cut.
pub(crate) fn nobody_answers_who_was_not_asked() {
    let mut bench = Bench::new();
    let mut kept = 0;
    for (seed, cluster, _) in Seeds::exactly(60).clusters() {
        bench.load(&cluster, Enforcement::Off);
        let answers = unasked(&cluster);
        let arrived = bench.prober.interject(&answers);
        for ((from, answer), arrived) in answers.iter().zip(arrived) {
            assert!(!arrived, "seed {seed}: {answer:?} from {from:?}");
            kept += 1;
        }
    }
    println!("{kept} unasked answers arrived nowhere");
    assert!(kept > 500, "{kept}");
}

/// Between each two pods that are wired, and from outside to each.
fn unasked(cluster: &Cluster) -> Vec<(Place, Answer)> {
    let ends: Vec<(Slot, std::net::IpAddr)> = wired(cluster)
        .flat_map(|(pod, slot)| pod.addresses.iter().map(move |address| (slot, *address)))
        .collect();
    let outside =
        ["203.0.113.9", "2001:db8::9"].map(|text| (Place::Outside, text.parse().unwrap()));
    let sources: Vec<(Place, std::net::IpAddr)> = ends
        .iter()
        .map(|(slot, address)| (Place::Pod(*slot), *address))
        .chain(outside)
        .collect();
    sources
        .into_iter()
        .flat_map(|source| ends.iter().map(move |end| (source, *end)))
        .filter(|((from, source), (slot, destination))| {
            *from != Place::Pod(*slot) && source.is_ipv4() == destination.is_ipv4()
        })
        .map(|((from, source), (_, destination))| {
            let answer = Answer {
                source,
                destination,
                protocol: Protocol::Tcp.into(),
                ports: [80, 40_000],
            };
            (from, answer)
        })
        .collect()
}
