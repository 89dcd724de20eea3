//! Clients that come back to the backend that they had (rule OB-21), each with connections of its own each time.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::thread;
use std::time::Duration;

use ringfence_compile::{Compiled, Enforcement};
use ringfence_conformance::bench::Bench;
use ringfence_conformance::fate::Fate;
use ringfence_conformance::kernel::compile_all;
use ringfence_conformance::packet::Opening;
use ringfence_conformance::plan::{NodeId, Place, Slot};
use ringfence_model::Cluster;
use ringfence_net::{Family, Protocol};

use crate::lines::{CLUSTER_IPS, EXTERNAL_IPS};
use crate::world::{cluster, pod};

/// Strangers: that they are led alike by chance has a chance of 1e-9.
const STRANGERS: u8 = 30;
/// More than the tables of the bench have room for.
const CROWD: u8 = 100;
const LONG: u32 = 10_800;

/// What is dialled, and under what it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// An external address, whose backends are on both nodes.
    Address,
    /// The same, of a Service that keeps those from outside to the node: both backends are there.
    Here,
    /// A port of the first node.
    NodePort,
}

/// A Service of two pods.
#[derive(Clone, Copy, Debug)]
struct Shop {
    family: Family,
    protocol: Protocol,
    way: Way,
    seconds: u32,
    /// Whether the second pod is there.
    both: bool,
}

pub(crate) fn clients_come_back_to_their_backend() {
    let mut bench = Bench::new();
    for family in Family::ALL {
        for way in [Way::Address, Way::Here, Way::NodePort] {
            for protocol in [Protocol::Tcp, Protocol::Udp] {
                let shop = Shop {
                    family,
                    protocol,
                    way,
                    seconds: LONG,
                    both: true,
                };
                come_back(&mut bench, shop);
            }
        }
    }
}

fn come_back(bench: &mut Bench, shop: Shop) {
    bench.kernel.clear();
    open(bench, shop);
    let first = visit(bench, shop, STRANGERS);
    let places: BTreeSet<Place> = first.iter().copied().collect();
    assert_eq!(places.len(), 2, "{shop:?}: all are led alike");
    for _ in 0..3 {
        assert_eq!(visit(bench, shop, STRANGERS), first, "{shop:?}");
    }
    // A backend that is none any more gets nobody, and nobody back when it comes again.
    let [one, _] = shop.pods().map(Place::Pod);
    open(
        bench,
        Shop {
            both: false,
            ..shop
        },
    );
    let rest = visit(bench, shop, STRANGERS);
    assert!(rest.iter().all(|place| *place == one), "{shop:?}: {rest:?}");
    open(bench, shop);
    assert_eq!(visit(bench, shop, STRANGERS), rest, "{shop:?}");
}

/// The agent that starts anew finds a table that it need not touch, whatever packets wrote there.
pub(crate) fn what_packets_wrote_is_no_part_of_the_table() {
    let mut bench = Bench::new();
    let shop = Shop {
        family: Family::V4,
        protocol: Protocol::Tcp,
        way: Way::Address,
        seconds: LONG,
        both: true,
    };
    let compiled = open(&mut bench, shop);
    let first = visit(&mut bench, shop, STRANGERS);
    for (node, compiled) in compiled {
        assert_eq!(bench.kernel.read(node), compiled.table);
    }
    assert_eq!(visit(&mut bench, shop, STRANGERS), first);
}

pub(crate) fn nobody_is_remembered_for_longer_than_asked() {
    let mut bench = Bench::new();
    for family in Family::ALL {
        let shop = Shop {
            family,
            protocol: Protocol::Tcp,
            way: Way::NodePort,
            seconds: 1,
            both: true,
        };
        open(&mut bench, shop);
        let first = visit(&mut bench, shop, STRANGERS);
        // What is awaited is that the second is over.
        thread::sleep(Duration::from_millis(1500));
        assert_ne!(visit(&mut bench, shop, STRANGERS), first, "{shop:?}");
    }
}

/// Where nobody more can be remembered clients are served all the same.
pub(crate) fn a_crowd_is_served() {
    let mut bench = Bench::new();
    let shop = Shop {
        family: Family::V6,
        protocol: Protocol::Tcp,
        way: Way::Address,
        seconds: LONG,
        both: true,
    };
    let compiled = open(&mut bench, shop);
    let room = compiled[&NodeId::One].table.sets["sticky6"].size;
    assert!(room.unwrap() < u32::from(CROWD), "room for {room:?}");
    let places: BTreeSet<Place> = visit(&mut bench, shop, CROWD).into_iter().collect();
    assert_eq!(places, shop.pods().map(Place::Pod).into());
}

/// Writes the Service into the tables as an agent does, which never makes a set smaller.
fn open(bench: &mut Bench, shop: Shop) -> BTreeMap<NodeId, Compiled> {
    let cluster = shop.cluster();
    let mut compiled = compile_all(&cluster, &cluster, Enforcement::On);
    for (node, compiled) in &mut compiled {
        if let Some(loaded) = bench.kernel.loaded(*node) {
            compiled.keep_sizes(loaded);
        }
    }
    bench.install(&cluster, &compiled);
    compiled
}

/// Lets a pod, a node and strangers connect, and gives to which backend each came.
fn visit(bench: &mut Bench, shop: Shop, strangers: u8) -> Vec<Place> {
    let pod = Slot {
        node: NodeId::One,
        number: 0,
    };
    let of_family = |addresses: [IpAddr; 2]| addresses[usize::from(shop.family == Family::V6)];
    let mut clients = vec![
        (Place::Pod(pod), of_family(pod.addresses())),
        (Place::Node(NodeId::One), of_family(NodeId::One.addresses())),
    ];
    clients.extend((1..=strangers).map(|number| {
        let text = match shop.family {
            Family::V4 => format!("203.0.113.{number}"),
            Family::V6 => format!("2001:db8::{number:x}"),
        };
        (Place::Outside, text.parse().unwrap())
    }));
    let packet = |(place, source)| {
        let opening = Opening {
            source,
            destination: shop.dialled(),
            protocol: shop.protocol.into(),
            port: Some(shop.port()),
            kind: None,
        };
        (place, opening)
    };
    let packets: Vec<(Place, Opening)> = clients.into_iter().map(packet).collect();
    let fates = bench.prober.probe(&packets);
    let place = |fate: &Fate| match fate {
        Fate::Arrived(arrival) => Some(arrival.place),
        Fate::Dropped | Fate::Rejected => None,
    };
    let places = fates.iter().map(place).collect::<Option<_>>();
    assert!(places.is_some(), "{shop:?}: {fates:?}");
    places.unwrap_or_default()
}

impl Shop {
    fn pods(self) -> [Slot; 2] {
        let node = match self.way {
            Way::Address | Way::NodePort => NodeId::Two,
            Way::Here => NodeId::One,
        };
        let first = Slot {
            node: NodeId::One,
            number: 1,
        };
        [first, Slot { node, number: 2 }]
    }

    fn dialled(self) -> IpAddr {
        let [v4, v6] = match self.way {
            Way::Address | Way::Here => EXTERNAL_IPS.map(|text| text.parse().unwrap()),
            Way::NodePort => NodeId::One.addresses(),
        };
        match self.family {
            Family::V4 => v4,
            Family::V6 => v6,
        }
    }

    fn port(self) -> u16 {
        match self.way {
            Way::Address | Way::Here => 80,
            Way::NodePort => 30_080,
        }
    }

    fn cluster(self) -> Cluster {
        let [v4, v6] = CLUSTER_IPS;
        let external = EXTERNAL_IPS.map(|ip| format!("\"{ip}\"")).join(", ");
        let policy = match self.way {
            Way::Here => "Local",
            Way::Address | Way::NodePort => "Cluster",
        };
        let service = format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{ namespace: x, name: s }}\nspec:\n  type: NodePort\n  clusterIP: {v4}\n  \
             clusterIPs: [{v4}, \"{v6}\"]\n  externalIPs: [{external}]\n  externalTrafficPolicy: {policy}\n  selector: {{ app: s }}\n  \
             sessionAffinity: ClientIP\n  sessionAffinityConfig: {{ clientIP: {{ timeoutSeconds: {} }} }}\n  \
             ports: [{{ port: 80, protocol: {}, targetPort: 8080, nodePort: 30080 }}]\n",
            self.seconds,
            self.protocol.name(),
        );
        let client = Slot {
            node: NodeId::One,
            number: 0,
        };
        let mut documents = vec![service, pod("client", "client", client, false)];
        let pods = self.pods().into_iter().enumerate();
        let there = pods.take(if self.both { 2 } else { 1 });
        documents.extend(there.map(|(number, slot)| pod(&format!("s-{number}"), "s", slot, false)));
        cluster(&documents)
    }
}
