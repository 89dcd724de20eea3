//! Packets that nobody may send, whatever policies say: their fate is the same in every cluster.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ringfence_compile::Enforcement;
use ringfence_conformance::bench::Bench;
use ringfence_conformance::evaluated::Evaluated;
use ringfence_conformance::fate::Fate;
use ringfence_conformance::packet::{NEIGHBOUR_DISCOVERY, Opening};
use ringfence_conformance::plan::{NodeId, Place, Slot, TUNNEL_PORT, wired};
use ringfence_model::Cluster;
use ringfence_net::{IpProtocol, Protocol};

use crate::run::Seeds;

/// A pod that speaks with any address but its own is not heard, by no protocol.
pub(crate) fn nobody_speaks_with_anothers_address() {
    let mut bench = Bench::new();
    let mut forged = 0;
    for (seed, cluster, _) in Seeds::exactly(60).clusters() {
        let compiled = bench.load(&cluster, Enforcement::On);
        let evaluated = Evaluated::new(&cluster, &compiled);
        let packets = forgeries(&cluster);
        let fates = bench.prober.probe(&packets);
        for ((from, packet), fate) in packets.iter().zip(fates) {
            assert_eq!(fate, Fate::Dropped, "seed {seed}: {packet:?} from {from:?}");
            let expected = evaluated.fates(*from, packet);
            assert_eq!(expected, [fate], "seed {seed}: {packet:?} from {from:?}");
            forged += 1;
        }
    }
    println!("{forged} forged packets arrived nowhere");
    assert!(forged > 10_000, "{forged}");
    control(&mut bench);
}

/// The same packets do arrive once the rule that stops them is gone.
fn control(bench: &mut Bench) {
    let (_, cluster, _) = Seeds::exactly(1).clusters().next().unwrap();
    let mut open = bench.load(&cluster, Enforcement::Off);
    for compiled in open.values_mut() {
        compiled
            .table
            .chains
            .get_mut("unwired")
            .unwrap()
            .rules
            .pop();
    }
    bench.install(&cluster, &open);
    let fates = bench.prober.probe(&forgeries(&cluster));
    let arrived = fates.iter().filter(|fate| matches!(fate, Fate::Arrived(_)));
    assert!(arrived.count() > 100);
}

/// From each slot, programmed or not, as everybody else to everybody else.
fn forgeries(cluster: &Cluster) -> Vec<(Place, Opening)> {
    let addresses = addresses();
    let mut packets = Vec::new();
    for slot in Slot::all().filter(|slot| slot.number < 3) {
        let own = wired(cluster).find(|(_, wired)| *wired == slot);
        let own = own.map_or(&[][..], |(pod, _)| &pod.addresses);
        for source in addresses.iter().filter(|source| !own.contains(source)) {
            for destination in &addresses {
                let leaves = !slot.addresses().contains(destination);
                if leaves && source.is_ipv4() == destination.is_ipv4() {
                    let all = every_kind(*source, *destination).into_iter();
                    packets.extend(all.map(|packet| (Place::Pod(slot), packet)));
                }
            }
        }
    }
    packets
}

/// Of two pods on each node, the nodes, and the outside.
fn addresses() -> BTreeSet<IpAddr> {
    let pods = Slot::all().filter(|slot| slot.number < 2);
    let outside = ["203.0.113.9", "2001:db8::9"].map(|text| text.parse().unwrap());
    pods.flat_map(Slot::addresses)
        .chain(NodeId::ALL.into_iter().flat_map(NodeId::addresses))
        .chain(outside)
        .collect()
}

/// One packet of every protocol, and of every type of neighbour discovery.
fn every_kind(source: IpAddr, destination: IpAddr) -> Vec<Opening> {
    let packet = |protocol, port, kind| Opening {
        source,
        destination,
        protocol,
        port,
        kind,
    };
    let ports = Protocol::ALL.map(|protocol| packet(protocol.into(), Some(80), None));
    let echo = if source.is_ipv4() {
        IpProtocol::ICMP
    } else {
        IpProtocol::ICMPV6
    };
    let discovery = NEIGHBOUR_DISCOVERY.map(|kind| packet(IpProtocol::ICMPV6, None, Some(kind)));
    let all = ports.into_iter().chain([packet(echo, None, None)]);
    all.chain(discovery).collect()
}

/// What comes out of a tunnel is believed, so nobody but the nodes reaches its ends.
pub(crate) fn nobody_but_nodes_feeds_tunnels() {
    let mut bench = Bench::new();
    let (mut kept_out, mut let_in) = (0, 0);
    for (seed, cluster, _) in Seeds::exactly(60).clusters() {
        let compiled = bench.load(&cluster, Enforcement::Off);
        let evaluated = Evaluated::new(&cluster, &compiled);
        let packets = tunnelled(&cluster);
        let fates = bench.prober.probe(&packets);
        for ((from, packet), fate) in packets.iter().zip(fates) {
            let expected = evaluated.fates(*from, packet);
            assert_eq!(expected, [fate], "seed {seed}: {packet:?} from {from:?}");
            let is_node = matches!(from, Place::Node(_));
            assert_eq!(
                fate != Fate::Dropped,
                is_node,
                "seed {seed}: {packet:?} from {from:?}"
            );
            kept_out += usize::from(!is_node);
            let_in += usize::from(is_node);
        }
    }
    println!("{kept_out} packets kept out of tunnels, {let_in} let in");
    assert!(kept_out > 500 && let_in > 100);
}

fn tunnelled(cluster: &Cluster) -> Vec<(Place, Opening)> {
    let pods = wired(cluster).flat_map(|(pod, slot)| {
        pod.addresses
            .iter()
            .map(move |address| (Place::Pod(slot), *address))
    });
    let nodes = NodeId::ALL
        .into_iter()
        .flat_map(|node| node.addresses().map(|address| (Place::Node(node), address)));
    let outside = ["203.0.113.9", "2001:db8::9"];
    let outside = outside.map(|text| (Place::Outside, text.parse().unwrap()));
    let sources = pods.chain(nodes).chain(outside);
    sources
        .flat_map(|(from, source)| NodeId::ALL.map(|node| (from, source, node)))
        .filter(|(from, _, node)| *from != Place::Node(*node))
        .map(|(from, source, node)| {
            let [v4, v6] = node.addresses();
            let packet = Opening {
                source,
                destination: if source.is_ipv4() { v4 } else { v6 },
                protocol: Protocol::Udp.into(),
                port: Some(TUNNEL_PORT),
                kind: None,
            };
            (from, packet)
        })
        .collect()
}
