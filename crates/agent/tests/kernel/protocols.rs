//! What is neither TCP nor UDP, of both families: errors about connections, echo requests, other protocols (AM-9, DP-21).

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use ringfence_agent::protocol::AgentObject;
use ringfence_cni::{Request, Response};
use ringfence_model::PolicyRule;
use ringfence_netlink::namespace::run_in;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::agent::Node;
use crate::objects::{self, pod, policy};
use crate::traffic::TestPod;

/// Nobody listens there.
const CLOSED: u16 = 9;
const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(5);
const ICMP: i32 = 1;
const ICMPV6: i32 = 58;
/// GRE, ESP and one that means nothing.
const OTHERS: [i32; 3] = [47, 50, 253];
const ECHO: [u8; 2] = [8, 128];
const UNREACHABLE: [[u8; 2]; 2] = [[3, 3], [1, 4]];

fn addresses(number: u8) -> [IpAddr; 2] {
    let v6 = format!("fd00:10:244:1::{number:x}");
    [[10, 244, 1, number].into(), v6.parse().unwrap()]
}

/// Pods `a`, `b` and `c` with an address of each family, under these policies.
pub(crate) fn pods(policies: impl IntoIterator<Item = AgentObject>) -> (Node, [TestPod; 3]) {
    let named = [
        ("a", addresses(2)),
        ("b", addresses(3)),
        ("c", addresses(4)),
    ];
    let objects = named.map(|(name, addresses)| {
        let AgentObject::Pod(mut pod) = pod(name, &addresses[0].to_string()) else {
            panic!("a pod");
        };
        pod.addresses = addresses.to_vec();
        AgentObject::Pod(pod)
    });
    let others = [objects::namespace(), objects::node()].into_iter();
    let mut node = Node::new(others.chain(objects).chain(policies));
    let blocks = &["fd00:10:244::/48".parse().unwrap()];
    node.configure(|config| config.network.pod_cidrs.extend(blocks));
    node.start();
    let pods = named.map(|(name, addresses)| TestPod::dual(name, addresses));
    for pod in &pods {
        node.record(&pod.endpoint);
        let wired = Request::Wired(pod.endpoint.clone());
        assert_eq!(node.ask(&wired), Response::Done);
    }
    (node, pods)
}

/// The pod sends to the peer alone, and hears nobody.
fn only_asks(name: &str, peer: &str) -> AgentObject {
    let (AgentObject::NetworkPolicy(mut asking), AgentObject::NetworkPolicy(to)) = (
        policy(name, name, &[], None),
        policy(name, peer, &[peer], None),
    ) else {
        panic!("policies");
    };
    asking.isolates_egress = true;
    asking.egress = to.ingress;
    AgentObject::NetworkPolicy(asking)
}

/// The pod is heard by nobody, and hears the peer alone.
fn only_hears(name: &str, peer: &str) -> AgentObject {
    let AgentObject::NetworkPolicy(mut hearing) = policy(name, name, &[peer], None) else {
        panic!("a policy");
    };
    hearing.isolates_egress = true;
    AgentObject::NetworkPolicy(hearing)
}

pub(crate) fn errors_come_back_through_closed_policies() {
    let (_node, [a, _b, _c]) = pods([only_asks("a", "b"), only_hears("b", "a")]);
    for (own, peer) in addresses(2).into_iter().zip(addresses(3)) {
        let socket = run_in(&a.netns, || UdpSocket::bind((own, 0)))
            .unwrap()
            .unwrap();
        socket.set_read_timeout(Some(LONG)).unwrap();
        socket.connect((peer, CLOSED)).unwrap();
        socket.send(b"anybody?").unwrap();
        let error = socket.recv(&mut [0; 8]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "from {peer}");
    }
}

fn raw(pod: &TestPod, own: IpAddr, protocol: i32) -> Socket {
    let open = || {
        let domain = Domain::for_address(SocketAddr::new(own, 0));
        let socket = Socket::new(domain, Type::RAW, Some(Protocol::from(protocol)))?;
        socket.bind(&SockAddr::from(SocketAddr::new(own, 0)))?;
        socket.set_read_timeout(Some(SHORT))?;
        Ok::<_, std::io::Error>(socket)
    };
    run_in(&pod.netns, open).unwrap().unwrap()
}

fn send(socket: &Socket, to: IpAddr, bytes: &[u8]) {
    socket
        .send_to(bytes, &SockAddr::from(SocketAddr::new(to, 0)))
        .unwrap();
}

/// Whether a packet with these bytes in it comes from the peer. One that is expected may come late on a busy machine.
fn hears(socket: &Socket, from: IpAddr, bytes: &[u8], is_expected: bool) -> bool {
    let end = Instant::now() + if is_expected { LONG } else { SHORT };
    let mut socket = socket;
    while Instant::now() < end {
        let mut buffer = [0; 256];
        let Ok(length) = std::io::Read::read(&mut socket, &mut buffer) else {
            continue;
        };
        let is_from = |part: &[u8], octets: &[u8]| part == octets;
        let source = match from {
            IpAddr::V4(from) => is_from(&buffer[12..16], &from.octets()),
            // Without header.
            IpAddr::V6(_) => true,
        };
        if source
            && buffer[..length]
                .windows(bytes.len())
                .any(|window| window == bytes)
        {
            return true;
        }
    }
    false
}

/// An ICMP message with a right checksum; that of ICMPv6 is the kernel's work.
fn message([kind, code]: [u8; 2], is_v4: bool, rest: &[u8]) -> Vec<u8> {
    let mut bytes = [&[kind, code, 0, 0][..], rest].concat();
    if is_v4 {
        let words = bytes
            .chunks(2)
            .map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1]));
        let sum: u32 = words.sum();
        let sum = (sum & 0xffff) + (sum >> 16);
        let sum = !u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap();
        bytes[2..4].copy_from_slice(&sum.to_be_bytes());
    }
    bytes
}

/// An error that quotes a datagram which was never sent. Where nobody is isolated it arrives no more than where all are:
/// connection tracking calls it invalid.
pub(crate) fn an_error_about_nothing_is_dropped() {
    let (_node, [a, _b, c]) = pods([]);
    for (family, (own, peer)) in addresses(2).into_iter().zip(addresses(4)).enumerate() {
        let protocol = [ICMP, ICMPV6][family];
        let (hearing, sending) = (raw(&a, own, protocol), raw(&c, peer, protocol));
        let quoted = quoted(own, peer);
        let rest = [&[0; 4][..], &quoted].concat();
        let is_v4 = own.is_ipv4();
        send(&sending, own, &message(UNREACHABLE[family], is_v4, &rest));
        assert!(!hears(&hearing, peer, &quoted, false), "{own}");
        // The same socket hears what is no error.
        send(
            &sending,
            own,
            &message([ECHO[family], 0], is_v4, &[0, 7, 0, 1, b'm', b'e']),
        );
        let echo = [0, 7, 0, 1, b'm', b'e'];
        assert!(hears(&hearing, peer, &echo, true), "{own}");
    }
}

/// The beginning of a datagram from the one to the other.
fn quoted(from: IpAddr, to: IpAddr) -> Vec<u8> {
    let datagram = [0x30, 0x39, 0x14, 0xe9, 0, 12, 0, 0, b'n', b'o', b'n', b'e'];
    let header = match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let start = [0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0];
            [&start[..], &from.octets(), &to.octets()].concat()
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            let start = [0x60, 0, 0, 0, 0, 12, 17, 64];
            [&start[..], &from.octets(), &to.octets()].concat()
        }
        _ => panic!("{from} and {to}"),
    };
    [header, datagram.to_vec()].concat()
}

/// `b` hears all of `a`, and port 80 of `c`.
pub(crate) fn other_protocols_need_a_rule_without_ports() {
    let (AgentObject::NetworkPolicy(mut both), AgentObject::NetworkPolicy(more)) = (
        policy("both", "b", &["a"], None),
        policy("more", "b", &["c"], Some(80)),
    ) else {
        panic!("policies");
    };
    both.ingress.extend::<Vec<PolicyRule>>(more.ingress);
    let (_node, [a, b, c]) = pods([AgentObject::NetworkPolicy(both)]);
    for (family, own) in addresses(3).into_iter().enumerate() {
        let senders = [
            (&a, addresses(2)[family], true),
            (&c, addresses(4)[family], false),
        ];
        for (pod, peer, is_allowed) in senders {
            for protocol in OTHERS {
                let (hearing, sending) = (raw(&b, own, protocol), raw(pod, peer, protocol));
                // In GRE the first bytes are flags and version.
                let bytes = [0, 0, 8, 0, b'r', b'f', peer_byte(peer)];
                send(&sending, own, &bytes);
                assert_eq!(
                    hears(&hearing, peer, &bytes, is_allowed),
                    is_allowed,
                    "{protocol} {peer} {own}"
                );
            }
            let asking = raw(pod, peer, [ICMP, ICMPV6][family]);
            let rest = [0, 9, 0, 1, b'r', b'f'];
            send(
                &asking,
                own,
                &message([ECHO[family], 0], own.is_ipv4(), &rest),
            );
            assert_eq!(
                hears(&asking, own, &rest, is_allowed),
                is_allowed,
                "echo {peer} {own}"
            );
        }
    }
}

fn peer_byte(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(address) => address.octets()[3],
        IpAddr::V6(address) => address.octets()[15],
    }
}
