//! Clients from outside in whose place a backend may see a node (rule OB-19).
//!
//! Where such a client comes in is known if it dials a node, and answers say what the backend sees then. Of other addresses of a
//! Service that lets clients in at any node they speak as if it came in at the node of the backend. [`Entries`] says where
//! another node would make a difference.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::OnceLock;

use ringfence_model::{
    Answer, ClusterIp, Connection, DirectionVerdict, Endpoint, Labels, Node, ObjectName, Party,
    Query, Service, TrafficPolicy,
};
use ringfence_net::Family;
use ringfence_policy::Engine;

/// A node of which nothing is known. No node can have this name.
const ANY_NODE: &str = "(another)";

/// A client that a backend judges otherwise where it comes in at another node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Masked {
    /// The client.
    pub client: IpAddr,
    /// The Service that it dials.
    pub service: ObjectName,
    /// The backend.
    pub backend: String,
    /// A node at which it makes a difference; `None` if no manifest gives one.
    pub node: Option<String>,
    /// What the backend says to that node.
    pub verdict: DirectionVerdict,
}

/// The nodes that clients from outside may come in at.
#[derive(Debug)]
pub struct Entries<'a> {
    engine: &'a Engine,
    /// With a node of which nothing is known, and addresses for all pods.
    imagined: OnceLock<Engine>,
}

impl<'a> Entries<'a> {
    /// Those of the engine's cluster.
    #[must_use]
    pub const fn new(engine: &'a Engine) -> Self {
        Self {
            engine,
            imagined: OnceLock::new(),
        }
    }

    /// Whether some Service lets clients in at any node.
    #[must_use]
    pub fn matter(&self) -> bool {
        let mut services = self.engine.cluster().services.values();
        services.any(lets_in_anywhere)
    }

    /// A backend that would judge the client of `query` otherwise where it came in at another node; `answer` is the answer.
    #[must_use]
    pub fn masked(&self, query: &Query, answer: &Answer) -> Option<Masked> {
        let cluster = self.engine.cluster();
        let service = cluster.services.get(answer.service.as_ref()?)?;
        let is_meant = match &query.destination {
            Endpoint::Service(_) => true,
            Endpoint::Address(address) => service.external_addresses.contains(address),
            Endpoint::Pod(_) | Endpoint::Node(_) => false,
        };
        if !is_meant || !lets_in_anywhere(service) {
            return None;
        }
        let mut connections = answer.connections.iter();
        connections.find_map(|connection| self.masked_at(service, connection))
    }

    fn masked_at(&self, service: &Service, connection: &Connection) -> Option<Masked> {
        let Party::Other(client) = connection.source else {
            return None;
        };
        let (name, home) = match &connection.destination {
            Party::Pod { name, .. } => {
                let pod = self.engine.cluster().pods.get(name)?;
                (name, pod.node.as_deref())
            }
            Party::Node { .. } | Party::Other(_) | Party::Loopback(_) => return None,
        };
        let nodes = self.engine.cluster().nodes.keys().map(String::as_str);
        let mut nodes: Vec<&str> = nodes.filter(|node| Some(*node) != home).collect();
        if nodes.is_empty() {
            nodes.push(ANY_NODE);
        }
        nodes.into_iter().find_map(|node| {
            let verdict = self.verdict(node, name, (connection, Family::of(client)))?;
            (verdict != connection.ingress.verdict).then(|| Masked {
                client,
                service: service.name.clone(),
                backend: connection.destination.to_string(),
                node: (node != ANY_NODE).then(|| node.to_owned()),
                verdict,
            })
        })
    }

    /// What the pod says to a node at the port of `connection`.
    fn verdict(
        &self,
        node: &str,
        pod: &ObjectName,
        (connection, family): (&Connection, Family),
    ) -> Option<DirectionVerdict> {
        let engine = self.imagined.get_or_init(|| imagined(self.engine));
        let of_family = |address: &&IpAddr| Family::of(address.to_canonical()) == family;
        let known = engine.cluster().nodes.get(node)?.addresses.iter();
        let source = known.copied().find(|address| of_family(&address));
        let addresses = &engine.cluster().pods.get(pod)?.addresses;
        let answer = engine.answer(&Query {
            source: source.map_or_else(|| Endpoint::Node(node.to_owned()), Endpoint::Address),
            destination: Endpoint::Address(*addresses.iter().find(of_family)?),
            protocol: connection.protocol,
            port: connection.port,
        });
        let answer = answer.ok()?;
        Some(answer.connections.first()?.ingress.verdict)
    }
}

/// Whether clients from outside may come in at a node other than that of the backend.
fn lets_in_anywhere(service: &Service) -> bool {
    let is_offered = service.traffic.offered || !service.external_addresses.is_empty();
    is_offered
        && service.traffic.external == TrafficPolicy::Cluster
        && service.cluster_ip != ClusterIp::Headless
}

/// The same cluster with a node of which nothing is known. Pods without address get some that no pod has, so that what is
/// asked has a family: no rule of their own compares them.
fn imagined(engine: &Engine) -> Engine {
    let mut cluster = engine.cluster().clone();
    let any = Node {
        name: ANY_NODE.to_owned(),
        labels: Labels::new(),
        addresses: Vec::new(),
        pod_cidrs: Vec::new(),
        kubelet_port: None,
        source: None,
    };
    cluster.nodes.insert(any.name.clone(), any);
    let pods = cluster.pods.values_mut();
    let unaddressed = pods.filter(|pod| pod.is_on_pod_network() && pod.addresses.is_empty());
    for (pod, number) in unaddressed.zip(1..) {
        pod.addresses = vec![of_this_network(number), of_the_link(number)];
    }
    Engine::new(cluster)
}

fn of_this_network(number: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(number % (1 << 24)))
}

fn of_the_link(number: u32) -> IpAddr {
    const LINK: u128 = 0xfe80 << 112;
    IpAddr::V6(Ipv6Addr::from_bits(LINK | u128::from(number)))
}

impl fmt::Display for Masked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            client,
            service,
            backend,
            ..
        } = self;
        let node = match &self.node {
            Some(node) => format!("node/{node}"),
            None => "another node than the pod's".to_owned(),
        };
        let said = match self.verdict {
            DirectionVerdict::Allow => "lets it in",
            DirectionVerdict::Deny => "denies it",
            DirectionVerdict::Unknown => "what it says depends on an address that is not known",
        };
        write!(
            f,
            "svc/{service} lets clients in at any node: where {client} comes in at {node}, {backend} sees that node in its place, and {said}"
        )
    }
}
