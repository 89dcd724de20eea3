//! Packets through what the plugin wired. The stand-in for the agent makes no rules.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, socket};
use ringfence_cni::EndpointId;
use ringfence_cni::plan::Plan;
use ringfence_cni::wiring::{unwire, wire};
use ringfence_netlink::namespace;
use ringfence_netlink::route::{InterfaceAddress, RouteSocket};

use crate::agent::{FakeAgent, Manner};
use crate::node::{Node, Pod, addresses};

/// Long enough for a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(10);
/// Pods that come on a busy machine: a third of their first packets was lost.
const PODS: u8 = 30;
/// How long to wait for what must not come.
const SILENCE: Duration = Duration::from_millis(300);

/// A node with two pods and their addresses, IPv4 first.
fn two_pods(node: &Node) -> [(Pod, Vec<IpAddr>); 2] {
    ["a", "b"].map(|name| {
        let pod = Pod::new(name);
        let addresses = addresses(&node.add(&pod));
        (pod, addresses)
    })
}

fn listen(pod: &Pod, address: IpAddr) -> UdpSocket {
    let socket = pod.run(|| UdpSocket::bind((address, 7))).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// Whom a listener hears.
fn heard(socket: &UdpSocket) -> Option<SocketAddr> {
    socket.recv_from(&mut [0; 100]).ok().map(|(_, from)| from)
}

pub(crate) fn pods_reach_each_other_and_their_gateway() {
    let node = Node::new();
    let _agent = FakeAgent::start(&node, Manner::Serve);
    let [(a, from), (b, to)] = two_pods(&node);
    for (from, to) in from.into_iter().zip(to) {
        let server = listen(&b, to);
        // The first packet arrives: nothing has to be resolved first, no address is tentative.
        let client = a.run(|| UdpSocket::bind((from, 0))).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client.send_to(b"one", (to, 7)).unwrap();
        let source = heard(&server).unwrap();
        assert_eq!(source.ip(), from);
        server.send_to(b"two", source).unwrap();
        assert_eq!(heard(&client).unwrap().ip(), to);
    }
    assert!(a.run(|| answers_ping("169.254.1.1:0".parse().unwrap())));
    let index = a.run(|| {
        RouteSocket::open()
            .unwrap()
            .link_by_name("eth0")
            .unwrap()
            .index
    });
    assert!(a.run(|| answers_ping(format!("[fe80::1%{index}]:0").parse().unwrap())));
}

/// The kernel brings a link into service by a worker, which here has to wait for its turn.
pub(crate) fn the_first_packet_of_a_pod_arrives_on_a_busy_machine() {
    let _node = Node::new();
    let server = UdpSocket::bind(("0.0.0.0", 7)).unwrap();
    server.set_read_timeout(Some(PATIENCE)).unwrap();
    let over = AtomicBool::new(false);
    let lost = thread::scope(|scope| {
        for _ in 0..2 * thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        let lost = (0..PODS).filter(|number| !speaks(*number, &server)).count();
        over.store(true, Ordering::Relaxed);
        lost
    });
    assert_eq!(lost, 0, "first packets of {PODS} pods");
}

/// Whether the first packet of a new pod arrives.
fn speaks(number: u8, server: &UdpSocket) -> bool {
    let address: IpAddr = format!("10.244.1.{}", number + 2).parse().unwrap();
    let id = EndpointId::new(format!("busy-{number}"), "eth0");
    let plan = Plan::new(&id, &[address], 1450);
    let netns = namespace::create().unwrap();
    let client = namespace::run_in(&netns, || UdpSocket::bind(("0.0.0.0", 0)));
    let client = client.unwrap().unwrap();
    wire(&plan, netns.as_fd()).unwrap();
    client.send_to(b"first", ("169.254.1.1", 7)).unwrap();
    let arrives = heard(server).is_some_and(|from| from.ip() == address);
    unwire(&plan.host_interface).unwrap();
    arrives
}

pub(crate) fn a_pod_cannot_send_from_another_address() {
    let node = Node::new();
    let _agent = FakeAgent::start(&node, Manner::Serve);
    let [(a, from), (b, to)] = two_pods(&node);
    let server = listen(&b, to[0]);
    let own = a.run(|| UdpSocket::bind((from[0], 0))).unwrap();
    own.send_to(b"own", (to[0], 7)).unwrap();
    assert!(heard(&server).is_some());
    let stolen: IpAddr = "10.244.1.77".parse().unwrap();
    let thief = a.run(|| {
        let mut socket = RouteSocket::open().unwrap();
        let index = socket.link_by_name("eth0").unwrap().index;
        socket
            .add_address(&InterfaceAddress {
                index,
                address: stolen.into(),
            })
            .unwrap();
        UdpSocket::bind((stolen, 0)).unwrap()
    });
    thief.send_to(b"stolen", (to[0], 7)).unwrap();
    server.set_read_timeout(Some(SILENCE)).unwrap();
    assert_eq!(heard(&server), None);
}

pub(crate) fn the_node_reaches_pods_from_its_own_address() {
    let node = Node::new();
    let _agent = FakeAgent::start(&node, Manner::Serve);
    let own: [IpAddr; 2] = [
        "192.0.2.10".parse().unwrap(),
        "2001:db8::10".parse().unwrap(),
    ];
    let mut socket = RouteSocket::open().unwrap();
    let index = socket.link_by_name("lo").unwrap().index;
    for address in own {
        socket
            .add_address(&InterfaceAddress {
                index,
                address: address.into(),
            })
            .unwrap();
    }
    let [(_, _), (b, to)] = two_pods(&node);
    for (own, to) in own.into_iter().zip(to) {
        let server = listen(&b, to);
        let any: SocketAddr = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }
            .parse()
            .unwrap();
        UdpSocket::bind(any)
            .unwrap()
            .send_to(b"probe", (to, 7))
            .unwrap();
        assert_eq!(
            heard(&server).unwrap().ip(),
            own,
            "a pod must see its node, not its gateway"
        );
    }
}

/// Sends one echo request and waits for the reply.
fn answers_ping(to: SocketAddr) -> bool {
    let (family, protocol, request, reply) = match to {
        SocketAddr::V4(_) => (AddressFamily::Inet, SockProtocol::Icmp, 8, 0),
        SocketAddr::V6(_) => (AddressFamily::Inet6, SockProtocol::IcmpV6, 128, 129),
    };
    let raw = socket(family, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol).unwrap();
    let raw = UdpSocket::from(raw);
    raw.set_read_timeout(Some(PATIENCE)).unwrap();
    // Type, code, checksum, identifier 0x1234, number 1. For IPv6 the kernel fills the checksum in.
    let mut packet = [request, 0, 0, 0, 0x12, 0x34, 0, 1];
    if to.is_ipv4() {
        let sum = !(0x0800u16 + 0x1234 + 1);
        packet[2..4].copy_from_slice(&sum.to_be_bytes());
    }
    raw.send_to(&packet, to).unwrap();
    let header = if to.is_ipv4() { 20 } else { 0 };
    for _ in 0..10 {
        let mut answer = [0; 200];
        let Ok((length, _)) = raw.recv_from(&mut answer) else {
            return false;
        };
        if length >= header + 8
            && answer[header] == reply
            && answer[header + 4..header + 6] == [0x12, 0x34]
        {
            return true;
        }
    }
    false
}
