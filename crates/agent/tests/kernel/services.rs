//! Datagrams to Services that change, and Services without backend.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use ringfence_agent::protocol::AgentObject;
use ringfence_model::{EndpointPort, Hints, Labels, ServiceEndpoint};
use ringfence_net::Protocol;
use ringfence_netlink::namespace;
use ringfence_netlink::route::{InterfaceAddress, Route, RouteKind, RouteSocket};

use crate::agent::Node;
use crate::objects;
use crate::protocols::pods;
use crate::traffic::{A, B, C, TestPod, cluster};

const NAMES: &str = "10.96.0.53";
const PORT: u16 = 5353;
const SHORT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(10);
/// Service addresses that nobody is behind, and the node's way to them.
const NOBODY: [&str; 2] = ["10.96.0.99", "fd00:10:96::99"];
const WAY_OUT: [&str; 2] = ["203.0.113.9/24", "2001:db8::9/64"];
/// A socket that is told by an ICMPv6 error alone gives up after its second segment, a second after the first.
const AT_ONCE: Duration = Duration::from_millis(700);
const TRIES: usize = 6;

/// A client that goes on sending from one port keeps its tracking entry alive, and with it the old backend.
pub(crate) fn datagrams_follow_their_service() {
    let (node, [a, b, c]) = cluster();
    b.answer("b");
    c.answer("c");
    serve(&node, &[B]);
    let client = a.client();
    assert_eq!(ask(&client), "b");
    serve(&node, &[B, C]);
    assert_eq!(ask(&client), "b", "a backend more ends nothing");
    serve(&node, &[C]);
    assert_eq!(ask(&client), "c", "the backend that went still answers");
}

/// What is sent before leaves by the default route, or nowhere, and is tracked as that.
pub(crate) fn datagrams_find_a_service_that_comes_late() {
    let (node, [a, _b, c]) = cluster();
    c.answer("c");
    let client = a.client();
    client.send(b"?").unwrap();
    serve(&node, &[C]);
    assert_eq!(ask(&client), "c");
}

/// Whoever connects is told at once, a pod as well as the node, over both families.
pub(crate) fn a_service_without_backends_refuses_at_once() {
    let (node, [pod, ..]) = pods([]);
    lead_out();
    for (name, address) in ["nobody4", "nobody6"].into_iter().zip(NOBODY) {
        node.store.apply(objects::service(name, "nobody", address));
    }
    node.store.wait();
    for address in NOBODY {
        let mut from_pod = || namespace::run_in(&pod.netns, || refused_after(address)).unwrap();
        for dial in [&mut from_pod as &mut dyn FnMut() -> Duration, &mut || {
            refused_after(address)
        }] {
            // A busy machine may hold up each of them, though not all.
            let waited = (0..TRIES).map(|_| dial()).find(|waited| *waited < AT_ONCE);
            assert!(waited.is_some(), "{address} is refused late");
        }
    }
}

/// A way that Service addresses take, as a node's default route.
fn lead_out() {
    let mut routes = RouteSocket::open().unwrap();
    routes.create_bridge("out").unwrap();
    let index = routes.link_by_name("out").unwrap().index;
    routes.set_link_up(index, true).unwrap();
    for (address, service) in WAY_OUT.into_iter().zip(NOBODY) {
        let address = address.parse().unwrap();
        routes
            .add_address(&InterfaceAddress { index, address })
            .unwrap();
        let service: IpAddr = service.parse().unwrap();
        let kind = RouteKind::Device {
            index,
            gateway: None,
            onlink: false,
        };
        let route = Route {
            destination: service.into(),
            kind,
            source: None,
            metric: None,
        };
        routes.add_route(&route).unwrap();
    }
}

/// How long somebody who connects waits until he is refused.
fn refused_after(address: &str) -> Duration {
    let address = SocketAddr::new(address.parse().unwrap(), 80);
    let begun = Instant::now();
    let error = TcpStream::connect_timeout(&address, LONG).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{address}");
    begun.elapsed()
}

/// Leads the Service to these addresses.
fn serve(node: &Node, backends: &[&str]) {
    let AgentObject::Service(mut service) = objects::service("names", "nobody", NAMES) else {
        panic!("no Service");
    };
    service.selector = Labels::new();
    service.ports[0].protocol = Protocol::Udp;
    service.endpoints = backends
        .iter()
        .map(|address| ServiceEndpoint {
            address: address.parse().unwrap(),
            ready: true,
            serving: true,
            terminating: false,
            node: None,
            hints: Hints::default(),
            ports: vec![EndpointPort {
                name: None,
                protocol: Protocol::Udp,
                port: PORT,
            }],
        })
        .collect();
    node.store.apply(AgentObject::Service(service));
    node.store.wait();
}

/// Who answers at last; new links may lose their first packets.
fn ask(client: &UdpSocket) -> String {
    let deadline = Instant::now() + LONG;
    let mut buffer = [0; 16];
    while Instant::now() < deadline {
        // An ICMP error of an earlier datagram is reported by the next call.
        let _ = client.send(b"?");
        if let Ok(length) = client.recv(&mut buffer) {
            return String::from_utf8_lossy(&buffer[..length]).into_owned();
        }
    }
    panic!("nobody answers at {NAMES}");
}

impl TestPod {
    /// Answers every datagram with its name.
    fn answer(&self, name: &'static str) {
        let socket = namespace::run_in(&self.netns, || UdpSocket::bind(("0.0.0.0", PORT)));
        let socket = socket.unwrap().unwrap();
        thread::spawn(move || {
            let mut buffer = [0; 16];
            while let Ok((_, from)) = socket.recv_from(&mut buffer) {
                let _ = socket.send_to(name.as_bytes(), from);
            }
        });
    }

    /// A socket that speaks to the Service from one port.
    fn client(&self) -> UdpSocket {
        let socket = namespace::run_in(&self.netns, || UdpSocket::bind((A, 0)));
        let socket = socket.unwrap().unwrap();
        socket.set_read_timeout(Some(SHORT)).unwrap();
        namespace::run_in(&self.netns, || socket.connect((NAMES, 80)))
            .unwrap()
            .unwrap();
        socket
    }
}
