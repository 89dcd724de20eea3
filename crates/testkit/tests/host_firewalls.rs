//! Rules HF-1 to HF-7: the engine beside the reference, for connections to nodes and for classes.

use std::collections::BTreeMap;

use ringfence_model::{Because, DirectionVerdict, Endpoint, Party, Query};
use ringfence_net::{IpProtocol, Protocol};
use ringfence_policy::Engine;
use ringfence_reference::answer;
use ringfence_testkit::generate::{HOST_PORTS, Shape, close_nodes, cluster};

const SEEDS: u64 = 300;

/// Which of the reasons came up how often.
#[derive(Debug, Default)]
struct Seen(BTreeMap<&'static str, usize>);

#[test]
fn engine_and_reference_agree_about_closed_nodes() {
    let (mut seen, mut compared) = (Seen::default(), 0);
    for seed in 0..SEEDS {
        let shape = if seed % 2 == 0 {
            Shape::EVERYTHING
        } else {
            Shape::WIRED
        };
        let mut cluster = cluster(seed, shape);
        close_nodes(seed, &mut cluster);
        let engine = Engine::new(cluster.clone());
        let nodes = cluster.nodes.keys().cloned().map(Endpoint::Node);
        let nodes: Vec<Endpoint> = nodes.collect();
        let pods = cluster.pods.keys().cloned().map(Endpoint::Pod);
        let outside = ["203.0.113.9", "198.51.100.1", "2001:db8::9"];
        let outside = outside.map(|text| Endpoint::Address(text.parse().unwrap()));
        let sources: Vec<Endpoint> = nodes.iter().cloned().chain(pods).chain(outside).collect();
        for (source, node) in sources
            .iter()
            .flat_map(|it| nodes.iter().map(move |to| (it, to)))
        {
            let asked = Protocol::ALL.map(IpProtocol::from);
            let asked = asked
                .into_iter()
                .flat_map(|protocol| HOST_PORTS.map(|port| (protocol, Some(port))));
            for (protocol, port) in asked.chain([(IpProtocol::ICMP, None)]) {
                let query = Query {
                    source: source.clone(),
                    destination: node.clone(),
                    protocol,
                    port,
                };
                let expected = answer(&cluster, &query);
                let found = engine.answer(&query);
                assert_eq!(found, expected, "seed {seed}: {query:?}");
                for connection in expected.into_iter().flat_map(|it| it.connections) {
                    seen.count(&connection.ingress.because, connection.ingress.verdict);
                }
            }
        }
        compared += classes_agree(seed, &engine);
    }
    assert!(compared > 1_000, "{compared}");
    for reason in [
        "itself", "protocol", "rules", "failsafe", "closed", "unknown",
    ] {
        let count = seen.0.get(reason).copied().unwrap_or(0);
        assert!(count > 20, "{reason}: {count} of {seen:?}");
    }
}

impl Seen {
    fn count(&mut self, because: &Because, verdict: DirectionVerdict) {
        use ringfence_model::HostReason as Reason;
        let Because::Host(reason) = because else {
            return;
        };
        let (name, expected) = match reason {
            Reason::Itself => ("itself", DirectionVerdict::Allow),
            Reason::OtherProtocol => ("protocol", DirectionVerdict::Allow),
            Reason::Rules { .. } => ("rules", DirectionVerdict::Allow),
            Reason::Failsafe { .. } => ("failsafe", DirectionVerdict::Allow),
            Reason::NoRuleMatched { .. } => ("closed", DirectionVerdict::Deny),
            Reason::AddressUnknown { .. } => ("unknown", DirectionVerdict::Unknown),
        };
        assert_eq!(verdict, expected, "{because}");
        *self.0.entry(name).or_default() += 1;
    }
}

/// What the engine says of a class is what it says of its members. Gives how often that was compared.
fn classes_agree(seed: u64, engine: &Engine) -> usize {
    let mut compared = 0;
    let cluster = engine.cluster();
    for node in cluster.nodes.keys() {
        for pod in cluster.pods.keys() {
            let Some(class) = engine.class_of_pod(pod) else {
                continue;
            };
            for (protocol, port) in Protocol::ALL
                .into_iter()
                .flat_map(|it| HOST_PORTS.map(|port| (it, port)))
            {
                let query = Query {
                    source: Endpoint::Pod(pod.clone()),
                    destination: Endpoint::Node(node.clone()),
                    protocol: protocol.into(),
                    port: Some(port),
                };
                let Ok(answer) = engine.answer(&query) else {
                    continue;
                };
                let Some(connection) = answer.connections.first() else {
                    continue;
                };
                // A port of a Service leads elsewhere (rule HF-8).
                if !matches!(connection.destination, Party::Node { .. }) {
                    continue;
                }
                // A node has a class for each of its addresses (rule Q-5).
                let Some(address) = connection.destination.address() else {
                    continue;
                };
                let own = engine.class_of_address(address);
                let reach = engine.between(class, own);
                let verdict = connection.verdict();
                let is_allowed = reach.allowed.allows(protocol.into(), Some(port));
                let expected = verdict == DirectionVerdict::Allow;
                assert_eq!(is_allowed, expected, "seed {seed}: {query:?}");
                compared += 1;
            }
        }
    }
    compared
}
