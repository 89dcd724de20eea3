//! Builders of objects, endpoints and connections.

use std::net::IpAddr;
use std::path::PathBuf;

use ringfence_cni::{Endpoint, EndpointId, EndpointState, PodName};
use ringfence_model::{
    ClusterIp, IpBlock, LabelSelector, Labels, Namespace, NetworkPolicy, Node, ObjectName,
    PeerSelector, Phase, Pod, PolicyPeer, PolicyPort, PolicyRule, PortMatch, Service, ServicePort,
    TargetPort, Traffic,
};
use ringfence_net::{PortRange, Protocol};
use ringfence_netlink::conntrack::{Entry, Transport, Tuple, status};

use crate::protocol::AgentObject;
use crate::{AgentConfig, Capacity, Enforcement, NetworkConfig};

pub(in crate::state) const NAMESPACE: &str = "shop";

pub(in crate::state) fn config() -> AgentConfig {
    AgentConfig {
        node: "one".to_owned(),
        store: Some(PathBuf::from("/store")),
        cni_socket: PathBuf::from("/cni"),
        data_dir: PathBuf::from("/data"),
        network: NetworkConfig {
            pod_cidrs: vec![
                "10.244.0.0/16".parse().unwrap(),
                "fd00:10::/48".parse().unwrap(),
            ],
            service_cidrs: vec!["10.96.0.0/16".parse().unwrap()],
            tunnel_port: None,
            record: crate::Record::Denied,
            capacity: Capacity {
                addresses: 1024,
                entries: 4096,
            },
        },
        enforcement: Enforcement::On,
        table_name: crate::TABLE_NAME.to_owned(),
        protect_table: true,
        listen: None,
        host_cgroups: None,
    }
}

pub(in crate::state) fn labels(app: &str) -> Labels {
    Labels::from([("app".to_owned(), app.to_owned())])
}

pub(in crate::state) fn named(name: &str) -> ObjectName {
    ObjectName::new(NAMESPACE, name)
}

pub(in crate::state) fn namespace() -> AgentObject {
    AgentObject::Namespace(Namespace::new(NAMESPACE, Labels::new()))
}

pub(in crate::state) fn node() -> AgentObject {
    AgentObject::Node(Node {
        name: "one".to_owned(),
        labels: Labels::new(),
        addresses: vec![ip("192.0.2.1")],
        pod_cidrs: vec!["10.244.1.0/24".parse().unwrap()],
        kubelet_port: None,
        source: None,
    })
}

/// A running pod on node `one` whose label `app` is its name.
pub(in crate::state) fn pod(name: &str, addresses: &[&str]) -> Pod {
    Pod {
        name: named(name),
        labels: labels(name),
        node: Some("one".to_owned()),
        host_network: false,
        phase: Phase::Running,
        addresses: addresses.iter().copied().map(ip).collect(),
        host_addresses: vec![ip("192.0.2.1")],
        ports: Vec::new(),
        ready: true,
        workload: None,
        terminating: false,
        uid: None,
        host_ports: Vec::new(),
        source: None,
    }
}

/// A policy that selects `app` and allows exactly the given peers, on a TCP port or on all.
pub(in crate::state) fn policy(
    name: &str,
    app: &str,
    ingress: &[PolicyPeer],
    port: Option<u16>,
) -> NetworkPolicy {
    let ports = port.map(|port| PolicyPort {
        protocol: Protocol::Tcp,
        port: PortMatch::Range(PortRange::single(port)),
    });
    let rule = PolicyRule {
        peers: ingress.to_vec(),
        ports: ports.into_iter().collect(),
        source: None,
    };
    NetworkPolicy {
        name: named(name),
        pod_selector: LabelSelector {
            match_labels: labels(app),
            ..LabelSelector::default()
        },
        isolates_ingress: true,
        isolates_egress: false,
        audit: None,
        ingress: if ingress.is_empty() {
            Vec::new()
        } else {
            vec![rule]
        },
        egress: Vec::new(),
        source: None,
    }
}

/// The same for egress.
pub(in crate::state) fn egress_policy(
    name: &str,
    app: &str,
    peers: &[PolicyPeer],
    port: Option<u16>,
) -> NetworkPolicy {
    let ingress = policy(name, app, peers, port);
    NetworkPolicy {
        isolates_ingress: false,
        isolates_egress: true,
        egress: ingress.ingress.clone(),
        ingress: Vec::new(),
        ..ingress
    }
}

pub(in crate::state) fn from_app(app: &str) -> PolicyPeer {
    let pods = LabelSelector {
        match_labels: labels(app),
        ..LabelSelector::default()
    };
    PolicyPeer::Pods(PeerSelector {
        namespaces: None,
        pods: Some(pods),
    })
}

pub(in crate::state) fn from_block(cidr: &str) -> PolicyPeer {
    PolicyPeer::IpBlock(IpBlock {
        cidr: cidr.parse().unwrap(),
        except: Vec::new(),
    })
}

pub(in crate::state) fn service(
    name: &str,
    app: &str,
    address: &str,
    port: u16,
    target: u16,
) -> Service {
    Service {
        name: named(name),
        selector: labels(app),
        cluster_ip: ClusterIp::Assigned(vec![ip(address)]),
        external_addresses: Vec::new(),
        ports: vec![ServicePort {
            name: None,
            protocol: Protocol::Tcp,
            port,
            target: TargetPort::Number(target),
            node_port: None,
        }],
        traffic: Traffic::default(),
        publish_not_ready_addresses: false,
        endpoints: Vec::new(),
        external_name: None,
        source: None,
    }
}

/// A wired endpoint of the pod `name`; its container is called like the pod.
pub(in crate::state) fn endpoint(name: &str, addresses: &[&str]) -> Endpoint {
    Endpoint {
        id: id(name),
        pod: Some(PodName {
            namespace: NAMESPACE.to_owned(),
            name: name.to_owned(),
        }),
        uid: None,
        host_interface: format!("vethrf{name}"),
        netns: PathBuf::from("/netns"),
        network: "ringfence".to_owned(),
        addresses: addresses.iter().copied().map(ip).collect(),
        state: EndpointState::Wired,
    }
}

pub(in crate::state) fn id(name: &str) -> EndpointId {
    EndpointId::new(name, "eth0")
}

pub(in crate::state) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A connection without translation.
pub(in crate::state) fn connection(protocol: u8, from: (&str, u16), to: (&str, u16)) -> Entry {
    translated(protocol, from, to, to, from)
}

/// A connection from `from` to `dialled`, answered by `server`, which sees `client`.
pub(in crate::state) fn translated(
    protocol: u8,
    from: (&str, u16),
    dialled: (&str, u16),
    server: (&str, u16),
    client: (&str, u16),
) -> Entry {
    let tuple = |source: (&str, u16), destination: (&str, u16)| Tuple {
        source: ip(source.0),
        destination: ip(destination.0),
        transport: Transport::Ports {
            protocol,
            source: source.1,
            destination: destination.1,
        },
    };
    Entry {
        original: tuple(from, dialled),
        reply: tuple(server, client),
        status: status::SEEN_REPLY | status::ASSURED | status::CONFIRMED,
        mark: 0,
        timeout: 60,
        id: u32::from(from.1),
        tcp: None,
        zone: 0,
    }
}
