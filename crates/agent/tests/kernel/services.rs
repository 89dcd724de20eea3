//! Datagrams to Services that change.

use std::net::UdpSocket;
use std::thread;
use std::time::{Duration, Instant};

use ringfence_agent::protocol::AgentObject;
use ringfence_model::{EndpointPort, Hints, Labels, ServiceEndpoint};
use ringfence_net::Protocol;
use ringfence_netlink::namespace;

use crate::agent::Node;
use crate::objects;
use crate::traffic::{A, B, C, TestPod, cluster};

const NAMES: &str = "10.96.0.53";
const PORT: u16 = 5353;
const SHORT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(10);

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
