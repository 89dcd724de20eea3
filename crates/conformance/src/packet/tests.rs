use super::read::{PORT_UNREACHABLE, PORT_UNREACHABLE_V6};
use super::*;

fn every_kind() -> Vec<Opening> {
    let ends = [("10.0.1.10", "10.0.2.11"), ("fd00:10:1::a", "fd00:10:2::b")];
    let kinds = [
        (TCP, Some(80)),
        (UDP, Some(53)),
        (SCTP, Some(7777)),
        (ICMP, None),
        (ICMPV6, None),
    ];
    ends.into_iter()
        .flat_map(|(source, destination)| {
            kinds.map(|(protocol, port)| Opening {
                source: source.parse().unwrap(),
                destination: destination.parse().unwrap(),
                protocol: IpProtocol(protocol),
                port,
                kind: None,
            })
        })
        .collect()
}

#[test]
fn what_is_sent_is_known_again() {
    for opening in every_kind() {
        for number in [0, 1, 0xffff, 0x1_0000, 0x1234_5678] {
            let seen = read(&opening.bytes(number));
            let is_udp = opening.protocol.0 == UDP;
            let expected = Seen::Packet {
                number,
                role: if is_udp { Role::Either } else { Role::Opening },
                source: opening.source,
                destination: Some(opening.destination),
                ports: opening.port.map(|port| [source_port(number), port]),
            };
            assert_eq!(seen, Some(expected), "{opening:?}");
        }
    }
}

#[test]
fn a_refusal_names_the_packet_that_it_is_about() {
    for opening in every_kind() {
        let (protocol, [kind, code]) = match opening.source {
            IpAddr::V4(_) => (ICMP, PORT_UNREACHABLE),
            IpAddr::V6(_) => (ICMPV6, PORT_UNREACHABLE_V6),
        };
        let error = [vec![kind, code, 0, 0, 0, 0, 0, 0], opening.bytes(77)].concat();
        let seen = read_transport(protocol, opening.destination, &error);
        assert_eq!(seen, Some(Seen::Refusal { number: 77 }), "{opening:?}");
        let other = [vec![kind, code + 1, 0, 0, 0, 0, 0, 0], opening.bytes(77)].concat();
        assert_eq!(read_transport(protocol, opening.destination, &other), None);
    }
}

#[test]
fn answers_are_no_openings() {
    for opening in every_kind() {
        let answer = Answer {
            source: opening.destination,
            destination: opening.source,
            protocol: opening.protocol,
            ports: [opening.port.unwrap_or(0), source_port(5)],
        };
        let Some(Seen::Packet { number, role, .. }) = read(&answer.bytes(5)) else {
            panic!("{answer:?}");
        };
        assert_eq!(number, 5);
        assert_ne!(role, Role::Opening, "{answer:?}");
        assert_eq!(role == Role::Either, opening.protocol.0 == UDP);
    }
}

#[test]
fn resets_refuse_what_they_acknowledge_and_are_nothing_else() {
    let mut packet = every_kind()[0].bytes(5);
    let flags = V4_HEADER + 13;
    packet[flags] = ringfence_net::TcpFlags::RST.0;
    assert_eq!(read(&packet), None);
    packet[flags] |= ringfence_net::TcpFlags::ACK.0;
    for number in [0_u32, 77, u32::MAX] {
        let acknowledged = V4_HEADER + 8..V4_HEADER + 12;
        packet[acknowledged].copy_from_slice(&number.wrapping_add(1).to_be_bytes());
        assert_eq!(read(&packet), Some(Seen::Refusal { number }));
    }
}

#[test]
fn no_bytes_are_too_few() {
    for opening in every_kind() {
        let packet = opening.bytes(5);
        for length in 0..packet.len() {
            let _ = read(&packet[..length]);
        }
    }
}
