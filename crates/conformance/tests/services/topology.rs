//! Backends that are near (rule OB-22).

use std::collections::BTreeSet;

use ringfence_compile::Enforcement;
use ringfence_conformance::bench::Bench;
use ringfence_conformance::fate::{Arrival, Fate};
use ringfence_conformance::packet::Opening;
use ringfence_conformance::plan::{NodeId, Place, Slot};
use ringfence_net::{Family, Protocol};

use crate::lines::CLUSTER_IPS;
use crate::world::{cluster, node, pod};

/// One of two backends is missed with a chance of 1e-9.
const PACKETS: usize = 30;

/// Where the backends are that clients on the first node get, and those on the second.
struct Case {
    name: &'static str,
    /// Of the Service.
    distribution: &'static str,
    zones: [Option<&'static str>; 2],
    /// The pods on each node, and whether they end.
    pods: [Option<bool>; 2],
    /// Whether the endpoints are listed in slices, with these hints.
    hints: Option<[&'static str; 2]>,
    expected: [&'static [NodeId]; 2],
}

const BOTH: &[NodeId] = &NodeId::ALL;
const ONE: &[NodeId] = &[NodeId::One];
const TWO: &[NodeId] = &[NodeId::Two];

const PLAIN: Case = Case {
    name: "nothing is preferred",
    distribution: "",
    zones: [Some("a"), Some("b")],
    pods: [Some(false); 2],
    hints: None,
    expected: [BOTH, BOTH],
};

const CASES: [Case; 11] = [
    PLAIN,
    Case {
        name: "the own zone",
        distribution: "PreferSameZone",
        expected: [ONE, TWO],
        ..PLAIN
    },
    Case {
        name: "the own zone, by its older name",
        distribution: "PreferClose",
        expected: [ONE, TWO],
        ..PLAIN
    },
    Case {
        name: "the same zone for all",
        distribution: "PreferSameZone",
        zones: [Some("a"); 2],
        ..PLAIN
    },
    Case {
        name: "the own node, in one zone",
        distribution: "PreferSameNode",
        zones: [Some("a"); 2],
        expected: [ONE, TWO],
        ..PLAIN
    },
    Case {
        name: "one node has no zone: neither does it count for the other",
        distribution: "PreferSameZone",
        zones: [Some("a"), None],
        ..PLAIN
    },
    Case {
        name: "nobody near",
        distribution: "PreferSameNode",
        pods: [Some(false), None],
        expected: [ONE, ONE],
        ..PLAIN
    },
    Case {
        name: "who is near ends",
        distribution: "PreferSameZone",
        pods: [Some(true), Some(false)],
        expected: [TWO, TWO],
        ..PLAIN
    },
    Case {
        name: "hints of slices count whatever the Service says",
        hints: Some(["forZones: [{ name: b }]", "forZones: [{ name: a }]"]),
        expected: [TWO, ONE],
        ..PLAIN
    },
    Case {
        name: "hints for nodes come before those for zones",
        hints: Some([
            "forZones: [{ name: a }, { name: b }], forNodes: [{ name: n2 }]",
            "forZones: [{ name: a }, { name: b }], forNodes: [{ name: n1 }]",
        ]),
        expected: [TWO, ONE],
        ..PLAIN
    },
    Case {
        name: "an endpoint without hints",
        hints: Some(["forZones: [{ name: a }]", ""]),
        ..PLAIN
    },
];

pub(crate) fn near_backends_are_preferred() {
    let mut bench = Bench::new();
    for case in &CASES {
        bench.load(&cluster(&case.documents()), Enforcement::On);
        for family in Family::ALL {
            for (client, expected) in NodeId::ALL.into_iter().zip(case.expected) {
                let expected: BTreeSet<NodeId> = expected.iter().copied().collect();
                let reached = reached(&mut bench, client, family);
                assert_eq!(reached, expected, "{}, {family:?}, {client:?}", case.name);
            }
        }
    }
}

/// On which nodes the backends are that a client on this one reaches, a pod and the node itself.
fn reached(bench: &mut Bench, client: NodeId, family: Family) -> BTreeSet<NodeId> {
    let of_family = |addresses: [std::net::IpAddr; 2]| addresses[usize::from(family == Family::V6)];
    let own = slot(client, 0);
    let clients = [
        (Place::Pod(own), of_family(own.addresses())),
        (Place::Node(client), of_family(client.addresses())),
    ];
    let packet = |(place, source)| {
        let opening = Opening {
            source,
            destination: of_family(CLUSTER_IPS.map(|text| text.parse().unwrap())),
            protocol: Protocol::Tcp.into(),
            port: Some(80),
            kind: None,
        };
        (place, opening)
    };
    let reached = clients.map(|client| {
        let packets = vec![packet(client); PACKETS];
        let fates = bench.prober.probe(&packets);
        let node = |fate: &Fate| match fate {
            Fate::Arrived(Arrival {
                place: Place::Pod(slot),
                ..
            }) => Some(slot.node),
            Fate::Arrived(_) | Fate::Dropped | Fate::Rejected => None,
        };
        let nodes = fates.iter().map(node).collect::<Option<_>>();
        assert!(nodes.is_some(), "{fates:?}");
        nodes.unwrap_or_default()
    });
    let [of_pod, of_node]: [BTreeSet<NodeId>; 2] = reached;
    assert_eq!(of_pod, of_node, "pods and nodes are led alike");
    of_pod
}

const fn slot(node: NodeId, number: u8) -> Slot {
    Slot { node, number }
}

impl Case {
    fn documents(&self) -> Vec<String> {
        let mut documents: Vec<String> = NodeId::ALL
            .into_iter()
            .zip(self.zones)
            .map(|(id, zone)| node(id, zone))
            .collect();
        for id in NodeId::ALL {
            let name = format!("client-{}", id.name());
            documents.push(pod(&name, "client", slot(id, 0), false));
        }
        for (id, pods) in NodeId::ALL.into_iter().zip(self.pods) {
            let name = format!("s-{}", id.name());
            documents.extend(pods.map(|ends| pod(&name, "s", slot(id, 1), ends)));
        }
        documents.push(self.service());
        if let Some(hints) = self.hints {
            documents.extend(Family::ALL.map(|family| slice(family, hints)));
        }
        documents
    }

    fn service(&self) -> String {
        let [v4, v6] = CLUSTER_IPS;
        let selector = match self.hints {
            Some(_) => "",
            None => "selector: { app: s }",
        };
        let distribution = match self.distribution {
            "" => String::new(),
            word => format!("trafficDistribution: {word}"),
        };
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{ namespace: x, name: s }}\nspec:\n  clusterIP: {v4}\n  \
             clusterIPs: [{v4}, \"{v6}\"]\n  {selector}\n  {distribution}\n  ports: [{{ port: 80, targetPort: 8080 }}]\n"
        )
    }
}

fn slice(family: Family, hints: [&str; 2]) -> String {
    let endpoints = NodeId::ALL.into_iter().zip(hints).map(|(id, hints)| {
        let address = slot(id, 1).addresses()[usize::from(family == Family::V6)];
        format!(
            "- {{ addresses: [\"{address}\"], nodeName: {}, hints: {{ {hints} }} }}",
            id.name()
        )
    });
    let endpoints: Vec<String> = endpoints.collect();
    let kind = match family {
        Family::V4 => "IPv4",
        Family::V6 => "IPv6",
    };
    format!(
        "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {{ namespace: x, name: s-{}, labels: {{ \
         kubernetes.io/service-name: s }} }}\naddressType: {kind}\nports: [{{ port: 8080 }}]\nendpoints:\n{}\n",
        kind.to_lowercase(),
        endpoints.join("\n"),
    )
}
