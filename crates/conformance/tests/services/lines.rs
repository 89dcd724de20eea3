//! The features, and the manifests that show each.

use ringfence_conformance::plan::{NodeId, Place, Slot};
use ringfence_net::{Family, Protocol};

use crate::traffic::TCP;

/// Who dials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    /// A pod on the first node.
    Pod,
    /// A process of the first node.
    Node,
    /// Somebody outside, whose packets come in at the first node.
    Outside,
}

/// Over which family, and where the backend is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Situation {
    pub(crate) family: Family,
    /// On the first node or on the second.
    pub(crate) node: NodeId,
}

/// A feature, and how it is tried.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) feature: &'static str,
    /// What kube-proxy does, if it is not the same: read in its source, not measured.
    pub(crate) kube_proxy: &'static str,
    pub(crate) client: Client,
    pub(crate) dialled: [&'static str; 2],
    pub(crate) protocol: Protocol,
    pub(crate) port: u16,
    pub(crate) target: u16,
    /// More of the Service's `spec`.
    pub(crate) spec: &'static str,
    /// Its `status`.
    pub(crate) status: &'static str,
    /// The pods behind it.
    pub(crate) pods: Vec<Backend>,
    /// Whether these are listed in slices instead of selected.
    pub(crate) listed: bool,
    /// Whether the word says at how many backends the packets arrived.
    pub(crate) counted: bool,
}

/// A pod behind the Service; the second one, if there is one, is on the other node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Backend {
    pub(crate) unready: bool,
    pub(crate) ends: bool,
    pub(crate) is_client: bool,
    pub(crate) is_host: bool,
    /// Whether packets must never come here.
    pub(crate) spared: bool,
}

pub(crate) const CLUSTER_IPS: [&str; 2] = ["10.96.0.10", "fd00:96::10"];
pub(crate) const EXTERNAL_IPS: [&str; 2] = ["198.51.100.100", "2001:db8:100::100"];

impl Line {
    fn new(feature: &'static str) -> Self {
        Self {
            feature,
            kube_proxy: "the same",
            client: Client::Pod,
            dialled: CLUSTER_IPS,
            protocol: TCP,
            port: 80,
            target: 8080,
            spec: "",
            status: "",
            pods: vec![Backend::default()],
            listed: false,
            counted: false,
        }
    }

    fn from(self, client: Client) -> Self {
        Self { client, ..self }
    }

    fn behind(self, pods: &[Backend]) -> Self {
        Self {
            pods: pods.to_vec(),
            ..self
        }
    }

    fn at(self, dialled: [&'static str; 2]) -> Self {
        Self { dialled, ..self }
    }

    fn spec(self, spec: &'static str) -> Self {
        Self { spec, ..self }
    }

    /// Where the first backend is.
    pub(crate) fn backend(&self, situation: Situation) -> Option<Place> {
        let first = self.pods.first()?;
        (!first.spared).then(|| place_of(*first, situation.node))
    }

    pub(crate) fn other_backend(&self, situation: Situation) -> Option<Place> {
        let second = self.pods.get(1)?;
        (!second.spared).then(|| place_of(*second, situation.node.other()))
    }

    /// A pod cannot be its own client on the other node.
    pub(crate) fn makes_sense(&self, situation: Situation) -> bool {
        let reaches_itself = self.pods.iter().any(|pod| pod.is_client);
        !reaches_itself || situation.node == NodeId::One
    }

    pub(crate) fn manifests(&self, situation: Situation) -> String {
        let mut documents = vec![pod("client", "client", NodeId::One, 0, Backend::default())];
        let nodes = [situation.node, situation.node.other()];
        for ((number, backend), node) in self.pods.iter().enumerate().zip(nodes) {
            if backend.is_client {
                documents[0] = pod("client", "s", node, 0, *backend);
            } else {
                documents.push(pod(&format!("s-{number}"), "s", node, 1, *backend));
            }
        }
        documents.push(self.service());
        if self.listed {
            documents.extend(Family::ALL.map(|family| self.slice(family, situation)));
        }
        documents.join("\n---\n")
    }

    fn service(&self) -> String {
        let [v4, v6] = CLUSTER_IPS;
        let selector = if self.listed {
            ""
        } else {
            "selector: { app: s }"
        };
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{ namespace: x, name: s }}\nspec:\n  clusterIP: {v4}\n  \
             clusterIPs: [{v4}, \"{v6}\"]\n  {selector}\n  ports:\n  - {{ name: main, port: 80, protocol: {}, targetPort: {}, nodePort: 30080 }}\n  \
             - {{ name: other, port: 81, protocol: {}, targetPort: web }}\n  {}\nstatus: {{ {} }}\n",
            self.protocol.name(),
            self.target,
            self.protocol.name(),
            self.spec,
            self.status,
        )
    }

    /// What a controller would list.
    fn slice(&self, family: Family, situation: Situation) -> String {
        let nodes = [situation.node, situation.node.other()];
        let endpoints = self.pods.iter().zip(nodes).map(|(backend, node)| {
            let [v4, v6] = slot(node, 1).addresses();
            let address = if family == Family::V4 { v4 } else { v6 };
            format!(
                "- {{ addresses: [\"{address}\"], nodeName: {}, conditions: {{ ready: {}, serving: {}, terminating: {} }} }}",
                node.name(),
                !backend.unready && !backend.ends,
                !backend.unready,
                backend.ends,
            )
        });
        let endpoints: Vec<String> = endpoints.collect();
        let (name, kind) = match family {
            Family::V4 => ("s-4", "IPv4"),
            Family::V6 => ("s-6", "IPv6"),
        };
        format!(
            "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {{ namespace: x, name: {name}, labels: {{ \
             kubernetes.io/service-name: s }} }}\naddressType: {kind}\nports: [{{ name: main, port: {}, protocol: {} }}]\n\
             endpoints:\n{}\n",
            self.target,
            self.protocol.name(),
            endpoints.join("\n"),
        )
    }
}

const fn slot(node: NodeId, number: u8) -> Slot {
    Slot { node, number }
}

fn place_of(backend: Backend, node: NodeId) -> Place {
    if backend.is_host {
        Place::Node(node)
    } else if backend.is_client {
        Place::Pod(slot(node, 0))
    } else {
        Place::Pod(slot(node, 1))
    }
}

fn pod(name: &str, app: &str, node: NodeId, number: u8, backend: Backend) -> String {
    let [v4, v6] = if backend.is_host {
        node.addresses()
    } else {
        slot(node, number).addresses()
    };
    let deletion = if backend.ends {
        ", deletionTimestamp: \"2026-01-01T00:00:00Z\""
    } else {
        ""
    };
    let ready = if backend.unready { "False" } else { "True" };
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{ namespace: x, name: {name}, labels: {{ app: {app} }}{deletion} }}\nspec:\n  \
         nodeName: {}\n  hostNetwork: {}\n  containers: [{{ name: main, image: none, ports: [{{ name: web, containerPort: 8081 }}] }}]\n\
         status: {{ podIPs: [{{ ip: {v4} }}, {{ ip: \"{v6}\" }}], conditions: [{{ type: Ready, status: \"{ready}\" }}] }}\n",
        node.name(),
        backend.is_host,
    )
}

/// A Service that is dialled at a port of a node.
fn at_node(feature: &'static str, node: NodeId) -> Line {
    Line {
        dialled: match node {
            NodeId::One => ["192.168.0.11", "fd01::11"],
            NodeId::Two => ["192.168.0.12", "fd01::12"],
        },
        port: 30_080,
        ..Line::new(feature).spec("type: NodePort")
    }
}

/// A Service of two pods that clients come back to.
fn kept(feature: &'static str) -> Line {
    Line {
        counted: true,
        ..Line::new(feature)
            .behind(&[Backend::default(); 2])
            .spec("sessionAffinity: ClientIP")
    }
}

/// Both blocks that strangers come from.
const EVERYBODY: &str = "203.0.113.0/24, \"2001:db8::/64\"";
/// Blocks that nobody here comes from.
const SOMEBODY: &str = "203.0.113.128/25, \"2001:db8:0:1::/64\"";

/// A Service whose load balancer lets in these sources.
fn balanced(feature: &'static str, ranges: &str) -> Line {
    Line {
        dialled: EXTERNAL_IPS,
        spec: format!("type: LoadBalancer\n  loadBalancerSourceRanges: [{ranges}]").leak(),
        status: "loadBalancer: { ingress: [{ ip: 198.51.100.100 }, { ip: \"2001:db8:100::100\" }] }",
        ..Line::new(feature)
    }
}

/// Every line, in the order of the page.
pub(crate) fn all() -> Vec<Line> {
    let plain = Backend::default();
    let unready = Backend {
        unready: true,
        ..plain
    };
    let ends = Backend {
        ends: true,
        ..plain
    };
    let spared = Backend {
        spared: true,
        ..ends
    };
    let plain_elsewhere = plain;
    let protocol = |feature, protocol| Line {
        protocol,
        ..Line::new(feature)
    };
    vec![
        Line::new("ClusterIP, TCP"),
        protocol("ClusterIP, UDP", Protocol::Udp),
        protocol("ClusterIP, SCTP", Protocol::Sctp),
        Line::new("ClusterIP, from a node or a host pod").from(Client::Node),
        Line {
            port: 81,
            target: 8081,
            ..Line::new("a second port, its target named")
        },
        Line {
            counted: true,
            ..Line::new("several backends").behind(&[plain, plain])
        },
        kept("`sessionAffinity: ClientIP`"),
        Line {
            protocol: Protocol::Udp,
            ..kept("the same over UDP")
        },
        kept("the same, from a node").from(Client::Node),
        Line::new("a pod that reaches itself").behind(&[Backend {
            is_client: true,
            ..plain
        }]),
        Line::new("a host pod behind it").behind(&[Backend {
            is_host: true,
            ..plain
        }]),
        Line {
            listed: true,
            ..Line::new("endpoints of EndpointSlices, without selector")
        },
        Line::new("nobody behind it").behind(&[]),
        Line::new("a pod that is not ready").behind(&[unready]),
        Line::new("the same with `publishNotReadyAddresses`")
            .behind(&[unready])
            .spec("publishNotReadyAddresses: true"),
        Line::new("a pod that ends, alone").behind(&[ends]),
        Line::new("a pod that ends, beside one that is ready").behind(&[spared, plain]),
        Line {
            listed: true,
            ..Line::new("an endpoint that is terminating and serving, alone").behind(&[ends])
        },
        Line {
            kube_proxy: "drops instead of refusing",
            ..Line::new("`internalTrafficPolicy: Local`").spec("internalTrafficPolicy: Local")
        },
        Line {
            kube_proxy: "drops instead of refusing",
            ..Line::new("the same, from a node")
                .from(Client::Node)
                .spec("internalTrafficPolicy: Local")
        },
        Line {
            listed: true,
            kube_proxy: "drops instead of refusing",
            ..Line::new("the same, endpoints of EndpointSlices")
                .spec("internalTrafficPolicy: Local")
        },
        Line {
            dialled: EXTERNAL_IPS,
            kube_proxy: "as the node",
            ..Line::new("`externalIPs`, from a pod")
                .spec("externalIPs: [198.51.100.100, \"2001:db8:100::100\"]")
        },
        Line {
            dialled: EXTERNAL_IPS,
            kube_proxy: "everything as the node",
            ..Line::new("the same, from outside")
                .from(Client::Outside)
                .spec("externalIPs: [198.51.100.100, \"2001:db8:100::100\"]")
        },
        Line {
            dialled: EXTERNAL_IPS,
            kube_proxy: "as the node",
            status: "loadBalancer: { ingress: [{ ip: 198.51.100.100 }, { ip: \"2001:db8:100::100\" }] }",
            ..Line::new("`status.loadBalancer.ingress`, from a pod").spec("type: LoadBalancer")
        },
        Line {
            dialled: EXTERNAL_IPS,
            kube_proxy: "everything as the node",
            status: "loadBalancer: { ingress: [{ ip: 198.51.100.100 }, { ip: \"2001:db8:100::100\" }] }",
            ..Line::new("the same, from outside").from(Client::Outside).spec("type: LoadBalancer")
        },
        Line {
            dialled: EXTERNAL_IPS,
            ..Line::new("the same with `externalTrafficPolicy: Local`")
                .from(Client::Outside)
                .spec("externalIPs: [198.51.100.100, \"2001:db8:100::100\"]\n  externalTrafficPolicy: Local")
        },
        Line {
            kube_proxy: "everything as the node",
            ..balanced("`loadBalancerSourceRanges`, from a source in them", EVERYBODY)
                .from(Client::Outside)
        },
        Line {
            kube_proxy: "answered over IPv6",
            ..balanced("the same, with blocks of IPv4 alone", "203.0.113.0/24")
                .from(Client::Outside)
        },
        balanced("the same, from another source", SOMEBODY).from(Client::Outside),
        balanced("the same, from a pod that is not in them", SOMEBODY),
        balanced("the same, from a node that is not in them", SOMEBODY).from(Client::Node),
        balanced("the same, from a pod, at a cluster address", SOMEBODY).at(CLUSTER_IPS),
        Line {
            kube_proxy: "as the node",
            ..at_node("NodePort at the own node, from a pod", NodeId::One)
        },
        Line {
            kube_proxy: "as the node that is dialled",
            ..at_node("NodePort at the other node, from a pod", NodeId::Two)
        },
        at_node("NodePort at the own node, from a node", NodeId::One).from(Client::Node),
        Line {
            kube_proxy: "as the node that is dialled",
            ..at_node("NodePort at the other node, from a node", NodeId::Two).from(Client::Node)
        },
        Line {
            kube_proxy: "everything as the node",
            ..at_node("NodePort, from outside", NodeId::One).from(Client::Outside)
        },
        Line {
            protocol: Protocol::Udp,
            kube_proxy: "everything as the node",
            ..at_node("the same over UDP", NodeId::One).from(Client::Outside)
        },
        at_node("NodePort with `externalTrafficPolicy: Local`, from outside", NodeId::One)
            .from(Client::Outside)
            .spec("type: NodePort\n  externalTrafficPolicy: Local"),
        at_node("the same, from a pod", NodeId::One)
            .spec("type: NodePort\n  externalTrafficPolicy: Local"),
        at_node("the same, from outside, a pod that ends on the node, another elsewhere", NodeId::One)
            .from(Client::Outside)
            .behind(&[ends, plain_elsewhere])
            .spec("type: NodePort\n  externalTrafficPolicy: Local"),
        at_node("NodePort, nobody behind it, from outside", NodeId::One)
            .from(Client::Outside)
            .behind(&[]),
        at_node("NodePort, nobody behind it, from a pod", NodeId::Two).behind(&[]),
    ]
}
