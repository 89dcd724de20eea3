//! Under which source pods are seen, when somebody else had decided it.

use std::net::{IpAddr, UdpSocket};
use std::time::{Duration, Instant};

use ringfence_agent::TABLE_NAME;
use ringfence_netlink::namespace;
use ringfence_netlink::nftables::Nftables;
use ringfence_netlink::route::{InterfaceAddress, RouteSocket};
use ringfence_ruleset::Operation;

use crate::agent::live;
use crate::traffic::{A, B, TestPod, cluster};

const NODE: &str = "192.0.2.1";
const PORT: u16 = 5353;
const SHORT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(10);

/// A pod's datagrams to another pod go under the node's address while the table says so. Nobody answers them, so that their
/// tracking entry would go on translating them after the repair.
pub(crate) fn a_pod_gets_its_source_back_when_the_table_is_repaired() {
    let (mut node, [a, b, _c]) = cluster();
    give_address(NODE);
    let server = socket(&b, (B, PORT));
    let client = socket(&a, (A, 0));
    client.connect((B, PORT)).unwrap();
    node.kill();
    hide_pods_from_each_other();
    assert_eq!(heard_from(&client, &server, 1).to_string(), NODE);
    node.store.forget_statuses();
    node.start();
    node.store.wait();
    assert_eq!(heard_from(&client, &server, 2).to_string(), A);
}

/// To the node, on an interface that no pod is behind.
pub(crate) fn give_address(address: &str) {
    let mut routes = RouteSocket::open().unwrap();
    let index = routes.link_by_name("lo").unwrap().index;
    let address = format!("{address}/32").parse().unwrap();
    let address = InterfaceAddress { index, address };
    routes.add_address(&address).unwrap();
}

/// No address is taken for one of the cluster.
fn hide_pods_from_each_other() {
    let mut cluster = live().expect("a table").sets["cluster4"].clone();
    let elements = std::mem::take(&mut cluster.elements);
    let edit = Operation::DeleteElements {
        set: "cluster4".to_owned(),
        definition: cluster,
        keys: elements.into_keys().collect(),
    };
    let mut other = Nftables::open().unwrap();
    other.apply(TABLE_NAME, &[edit]).unwrap();
}

fn socket(pod: &TestPod, address: (&str, u16)) -> UdpSocket {
    let socket = namespace::run_in(&pod.netns, || UdpSocket::bind(address));
    let socket = socket.unwrap().unwrap();
    socket.set_read_timeout(Some(SHORT)).unwrap();
    socket
}

/// Whom the server takes for the sender of `number`; new links may lose their first packets.
fn heard_from(client: &UdpSocket, server: &UdpSocket, number: u8) -> IpAddr {
    let deadline = Instant::now() + LONG;
    let mut buffer = [0; 1];
    while Instant::now() < deadline {
        client.send(&[number]).unwrap();
        while let Ok((_, from)) = server.recv_from(&mut buffer) {
            if buffer == [number] {
                return from.ip();
            }
        }
    }
    panic!("nothing arrives at {B}");
}
