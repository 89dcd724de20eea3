//! Builders.

use std::path::PathBuf;

use ringfence_agent::protocol::AgentObject;
use ringfence_cni::plan::host_interface;
use ringfence_cni::{Endpoint, EndpointId, EndpointState, PodName};
use ringfence_model::{
    ClusterIp, LabelSelector, Labels, Namespace, NetworkPolicy, Node, ObjectName, PeerSelector,
    Phase, Pod, PolicyPeer, PolicyPort, PolicyRule, PortMatch, Service, ServicePort, Source,
    TargetPort, Traffic,
};
use ringfence_net::{PortRange, Protocol};

pub(crate) const NAMESPACE: &str = "shop";

pub(crate) fn named(name: &str) -> ObjectName {
    ObjectName::new(NAMESPACE, name)
}

pub(crate) fn namespace() -> AgentObject {
    AgentObject::Namespace(Namespace::new(NAMESPACE, Labels::new()))
}

pub(crate) fn node() -> AgentObject {
    node_named("one", 1)
}

/// The node with the address 192.0.2.`number` and the pods 10.244.`number`.0/24.
pub(crate) fn node_named(name: &str, number: u8) -> AgentObject {
    AgentObject::Node(Node {
        name: name.to_owned(),
        labels: Labels::new(),
        addresses: vec![[192, 0, 2, number].into()],
        pod_cidrs: vec![format!("10.244.{number}.0/24").parse().unwrap()],
        kubelet_port: None,
        source: None,
    })
}

pub(crate) fn pod(name: &str, address: &str) -> AgentObject {
    pod_on("one", name, address)
}

pub(crate) fn pod_on(node: &str, name: &str, address: &str) -> AgentObject {
    AgentObject::Pod(Pod {
        name: named(name),
        labels: app(name),
        node: Some(node.to_owned()),
        host_network: false,
        phase: Phase::Running,
        addresses: vec![address.parse().unwrap()],
        host_addresses: Vec::new(),
        ports: Vec::new(),
        ready: true,
        workload: None,
        terminating: false,
        uid: None,
        host_ports: Vec::new(),
        source: None,
    })
}

/// Allows ingress to the pods `subject` from the pods `peers` alone, on every port or on one.
pub(crate) fn policy(name: &str, subject: &str, peers: &[&str], port: Option<u16>) -> AgentObject {
    let peer = |peer: &&str| {
        PolicyPeer::Pods(PeerSelector {
            namespaces: None,
            pods: Some(selector(peer)),
        })
    };
    let port = port.map(|port| PolicyPort {
        protocol: Protocol::Tcp,
        port: PortMatch::Range(PortRange::single(port)),
    });
    let source = Some(Source {
        file: "shop.yaml".into(),
        line: 7,
        column: 3,
    });
    let rule = PolicyRule {
        peers: peers.iter().map(peer).collect(),
        ports: port.into_iter().collect(),
        source: source.clone(),
    };
    AgentObject::NetworkPolicy(NetworkPolicy {
        name: named(name),
        pod_selector: selector(subject),
        isolates_ingress: true,
        isolates_egress: false,
        audit: None,
        ingress: if peers.is_empty() {
            Vec::new()
        } else {
            vec![rule]
        },
        egress: Vec::new(),
        source,
    })
}

pub(crate) fn service(name: &str, backends: &str, address: &str) -> AgentObject {
    AgentObject::Service(Service {
        name: named(name),
        selector: app(backends),
        cluster_ip: ClusterIp::Assigned(vec![address.parse().unwrap()]),
        external_addresses: Vec::new(),
        ports: vec![ServicePort {
            name: None,
            protocol: Protocol::Tcp,
            port: 80,
            target: TargetPort::Number(8080),
            node_port: None,
        }],
        traffic: Traffic::default(),
        publish_not_ready_addresses: false,
        endpoints: Vec::new(),
        external_name: None,
        source: None,
    })
}

pub(crate) fn endpoint(name: &str, address: &str) -> Endpoint {
    let id = EndpointId::new(name, "eth0");
    Endpoint {
        host_interface: host_interface(&id),
        pod: Some(PodName {
            namespace: NAMESPACE.to_owned(),
            name: name.to_owned(),
        }),
        uid: None,
        netns: PathBuf::from("/nowhere"),
        network: "pods".to_owned(),
        addresses: vec![address.parse().unwrap()],
        state: EndpointState::Wired,
        id,
    }
}

fn selector(name: &str) -> LabelSelector {
    LabelSelector {
        match_labels: app(name),
        ..LabelSelector::default()
    }
}

fn app(name: &str) -> Labels {
    Labels::from([("app".to_owned(), name.to_owned())])
}
