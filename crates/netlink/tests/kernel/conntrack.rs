use std::collections::BTreeSet;
use std::net::{IpAddr, TcpListener, TcpStream, UdpSocket};

use ringfence_net::ConnectionState;
use ringfence_netlink::conntrack::{Conntrack, End, Entry, TcpState, Transport, Tuple, status};
use ringfence_netlink::nftables::Nftables;
use ringfence_ruleset::{
    BaseChain, ChainKind, Datum, Expression, Field, Hook, Operand, Operation, Operator, Rule,
    Statement, Verdict,
};

use crate::loopback_up;

tests! {
    "conntrack" => [
        entries_are_listed_and_deleted,
        pings_are_listed_and_deleted,
        a_full_table_is_listed,
        what_rules_leave_untracked_has_no_entry,
        entries_are_deleted_many_at_once,
        entries_of_an_address_are_listed_whichever_end_it_is,
    ],
}

/// Connections are tracked once a rule asks for their state.
fn track() -> Conntrack {
    loopback_up();
    let base = Some(BaseChain {
        kind: ChainKind::Filter,
        hook: Hook::Output,
        priority: 0,
    });
    let right = Operand::State(ConnectionState::Invalid);
    let left = Expression::ConnectionState;
    let invalid = Statement::Match {
        left,
        operator: Operator::Equal,
        right,
    };
    let rule = Rule {
        statements: vec![invalid, Statement::Verdict(Verdict::Drop)],
        comment: None,
    };
    let operations = [
        Operation::AddTable { comment: None },
        Operation::AddChain {
            name: "o".to_owned(),
            base,
        },
        Operation::AddRule {
            chain: "o".to_owned(),
            rule,
        },
    ];
    Nftables::open().unwrap().apply("rf", &operations).unwrap();
    Conntrack::open().unwrap()
}

fn entries_of_an_address_are_listed_whichever_end_it_is() {
    let mut conntrack = track();
    let tuple = |source: &str, destination: &str, port| Tuple {
        source: source.parse().unwrap(),
        destination: destination.parse().unwrap(),
        transport: Transport::Ports {
            protocol: 17,
            source: port,
            destination: port,
        },
    };
    let entries = [
        // To the pod, and from it.
        ("10.0.0.1", "10.0.0.9", "10.0.0.9", "10.0.0.1"),
        ("10.0.0.9", "10.0.0.1", "10.0.0.1", "10.0.0.9"),
        // Through a Service, and translated on its way out.
        ("10.0.0.2", "10.96.0.1", "10.0.0.9", "10.0.0.2"),
        ("10.0.0.3", "198.51.100.1", "198.51.100.1", "10.0.0.9"),
        ("10.0.0.1", "10.0.0.2", "10.0.0.2", "10.0.0.1"),
        ("fd00::1", "fd00::9", "fd00::9", "fd00::1"),
        ("fd00::9", "fd00::2", "fd00::2", "fd00::9"),
        ("fd00::1", "fd00::2", "fd00::2", "fd00::1"),
    ];
    for ((from, to, answers_from, answers_to), port) in entries.into_iter().zip(100..) {
        let reply = tuple(answers_from, answers_to, port);
        conntrack
            .create(&tuple(from, to, port), &reply, 60)
            .unwrap();
    }
    let listed = |conntrack: &mut Conntrack, addresses: &[&str], ends: &[End]| {
        let addresses = addresses.iter().map(|address| address.parse().unwrap());
        let ends = addresses.flat_map(|address| ends.iter().map(move |end| (address, *end)));
        let entries = conntrack.entries_of(&ends.collect()).unwrap();
        let ports = entries.iter().map(|entry| match entry.original.transport {
            Transport::Ports { source, .. } => source,
            Transport::Icmp { .. } => 0,
        });
        ports.collect::<BTreeSet<u16>>()
    };
    assert_eq!(
        listed(&mut conntrack, &["10.0.0.9"], &End::ALL),
        [100, 101, 102].into()
    );
    assert_eq!(
        listed(&mut conntrack, &["fd00::9", "10.0.0.3"], &End::ALL),
        [103, 105, 106].into()
    );
    for (address, end, expected) in [
        ("10.0.0.9", End::Client, vec![101]),
        ("10.0.0.9", End::Server, vec![100, 102]),
        ("10.0.0.77", End::Server, vec![]),
        ("fd00::9", End::Client, vec![106]),
        ("fd00::9", End::Server, vec![105]),
        ("fd00::77", End::Server, vec![]),
    ] {
        let expected = expected.into_iter().collect();
        assert_eq!(listed(&mut conntrack, &[address], &[end]), expected);
    }
    assert_eq!(listed(&mut conntrack, &[], &End::ALL), BTreeSet::new());
    assert_eq!(conntrack.entries().unwrap().len(), 8);
}

/// Many in one system call; what is gone already, or came again in its place, is no error.
fn entries_are_deleted_many_at_once() {
    const MANY: u16 = 1000;
    let mut conntrack = track();
    let tuple = |source: [u8; 4], destination: [u8; 4], from, to| Tuple {
        source: source.into(),
        destination: destination.into(),
        transport: Transport::Ports {
            protocol: 6,
            source: from,
            destination: to,
        },
    };
    let (client, server) = ([10, 0, 0, 1], [10, 0, 0, 2]);
    let create = |conntrack: &mut Conntrack, port: u16| {
        let original = tuple(client, server, port, 80);
        let reply = tuple(server, client, 80, port);
        conntrack.create(&original, &reply, 60).unwrap();
    };
    for port in 0..MANY {
        create(&mut conntrack, port);
    }
    let entries = conntrack.entries().unwrap();
    let (gone, again) = (&entries[300], &entries[500]);
    assert!(conntrack.delete(gone).unwrap() && conntrack.delete(again).unwrap());
    let Transport::Ports { source, .. } = again.original.transport else {
        panic!("a TCP connection");
    };
    // The kernel may give an entry the memory and so the number of one that is gone: others take that first.
    let fillers = MANY..MANY + 100;
    for port in fillers.clone() {
        create(&mut conntrack, port);
    }
    create(&mut conntrack, source);
    for port in fillers {
        let filler = tuple(client, server, port, 80);
        assert_eq!(conntrack.delete_tuples(&[filler]).unwrap(), [true]);
    }
    let found = conntrack.delete_all(&entries).unwrap();
    let missed: Vec<usize> = (0..entries.len())
        .filter(|number| !found[*number])
        .collect();
    assert_eq!(missed, [300, 500]);
    let left = conntrack.entries().unwrap();
    assert_eq!((left.len(), left[0].original), (1, again.original));
    let tuples = [gone.original, again.original];
    assert_eq!(conntrack.delete_tuples(&tuples).unwrap(), [false, true]);
    assert_eq!(conntrack.entries().unwrap(), []);
}

fn to_port(entries: &[Entry], address: IpAddr, wanted: u16) -> Option<Entry> {
    let found = entries.iter().find(|entry| {
        entry.original.destination == address
            && matches!(entry.original.transport, Transport::Ports { destination, .. } if destination == wanted)
    });
    found.cloned()
}

/// Leaves what is sent to a port out of connection tracking.
fn leave_untracked(port: u16) {
    let base = Some(BaseChain {
        kind: ChainKind::Filter,
        hook: Hook::Output,
        priority: -300,
    });
    let to_port = Statement::Match {
        left: Expression::Field(Field::DestinationPort),
        operator: Operator::Equal,
        right: Operand::Value(Datum::Port(port)),
    };
    let rule = Rule {
        statements: vec![to_port, Statement::NoTrack],
        comment: None,
    };
    let add_rule = Operation::AddRule {
        chain: "raw".to_owned(),
        rule: rule.clone(),
    };
    let name = "raw".to_owned();
    let mut nftables = Nftables::open().unwrap();
    let operations = [Operation::AddChain { name, base }, add_rule];
    nftables.apply("rf", &operations).unwrap();
    let live = nftables.read_table("rf").unwrap().unwrap();
    let table = live.to_table("rf").unwrap();
    assert_eq!(table.chains["raw"].rules, [rule]);
}

fn what_rules_leave_untracked_has_no_entry() {
    let mut conntrack = track();
    let address = IpAddr::from([127, 0, 0, 1]);
    let [tracked, untracked] = [(); 2].map(|()| UdpSocket::bind((address, 0)).unwrap());
    let port = |socket: &UdpSocket| socket.local_addr().unwrap().port();
    leave_untracked(port(&untracked));
    for receiver in [&tracked, &untracked] {
        let sender = UdpSocket::bind((address, 0)).unwrap();
        sender.send_to(b"hello", (address, port(receiver))).unwrap();
        receiver.recv(&mut [0; 5]).unwrap();
    }
    let entries = conntrack.entries().unwrap();
    assert!(to_port(&entries, address, port(&tracked)).is_some());
    assert_eq!(to_port(&entries, address, port(&untracked)), None);
}

fn entries_are_listed_and_deleted() {
    let mut conntrack = track();
    let mut open = Vec::new();
    for address in ["127.0.0.1", "::1"] {
        let address: IpAddr = address.parse().unwrap();
        let listener = TcpListener::bind((address, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let stream = TcpStream::connect((address, port)).unwrap();
        let receiver = UdpSocket::bind((address, 0)).unwrap();
        let udp_port = receiver.local_addr().unwrap().port();
        receiver.send_to(b"x", (address, udp_port)).unwrap();
        let entries = conntrack.entries().unwrap();
        let tcp = to_port(&entries, address, port).expect("the TCP entry");
        let source = stream.local_addr().unwrap().port();
        assert_eq!(
            tcp.original.transport,
            Transport::Ports {
                protocol: 6,
                source,
                destination: port
            }
        );
        assert_eq!(
            tcp.reply.transport,
            Transport::Ports {
                protocol: 6,
                source: port,
                destination: source
            }
        );
        assert_eq!(
            (tcp.tcp, tcp.zone, tcp.mark),
            (Some(TcpState::Established), 0, 0)
        );
        assert_ne!(tcp.status & status::SEEN_REPLY, 0);
        assert!(tcp.timeout > 0 && tcp.id != 0);
        let udp = to_port(&entries, address, udp_port).expect("the UDP entry");
        assert_eq!(udp.tcp, None);
        let stale = Entry {
            id: tcp.id.wrapping_add(1),
            ..tcp.clone()
        };
        assert!(
            !conntrack.delete(&stale).unwrap(),
            "another entry's number must not match"
        );
        assert!(conntrack.delete(&tcp).unwrap());
        assert!(!conntrack.delete(&tcp).unwrap());
        assert_eq!(conntrack.delete_tuples(&[udp.original]).unwrap(), [true]);
        let entries = conntrack.entries().unwrap();
        assert_eq!(to_port(&entries, address, udp_port), None);
        // Closed they would say so, and be tracked anew.
        open.push((listener, stream));
    }
    conntrack.flush().unwrap();
    assert_eq!(conntrack.entries().unwrap(), []);
}

fn pings_are_listed_and_deleted() {
    let mut conntrack = track();
    for (address, protocol, kind) in [("127.0.0.1", 1, 8), ("::1", 58, 128)] {
        ping(address.parse().unwrap(), kind);
        let entries = conntrack.entries().unwrap();
        let ping = entries
            .iter()
            .find(|entry| entry.original.transport.protocol() == protocol);
        let ping = ping.expect("the ping's entry");
        assert!(
            matches!(ping.original.transport, Transport::Icmp { kind: found, .. } if found == kind),
            "{ping:?}"
        );
        assert!(conntrack.delete(ping).unwrap());
    }
}

/// Sends one echo request.
fn ping(address: IpAddr, kind: u8) {
    use std::os::fd::AsRawFd;

    use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, SockaddrStorage};
    use nix::sys::socket::{SockProtocol, sendto, socket};
    let (family, protocol) = match address {
        IpAddr::V4(_) => (AddressFamily::Inet, SockProtocol::Icmp),
        IpAddr::V6(_) => (AddressFamily::Inet6, SockProtocol::IcmpV6),
    };
    let raw = socket(family, SockType::Raw, SockFlag::empty(), protocol).unwrap();
    // Type, code, checksum, identifier 7, sequence 0; for ICMPv6 the kernel sums.
    let sum = !(u16::from(kind) << 8).wrapping_add(7);
    let [high, low] = sum.to_be_bytes();
    let request = [kind, 0, high, low, 0, 7, 0, 0];
    let to = SockaddrStorage::from(std::net::SocketAddr::new(address, 0));
    sendto(raw.as_raw_fd(), &request, &to, MsgFlags::empty()).unwrap();
}

fn a_full_table_is_listed() {
    let mut conntrack = track();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for port in 1000..4000 {
        // Some get an answer that nobody listens.
        let _ = socket.send_to(b"x", ("127.0.0.1", port));
    }
    assert!(conntrack.entries().unwrap().len() >= 2900);
}
