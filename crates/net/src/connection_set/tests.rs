use proptest::prelude::*;

use super::ConnectionSet;
use crate::port_set::tests::any_ports;
use crate::{IpProtocol, PortRange, PortSet, Protocol};

const TCP: IpProtocol = IpProtocol(6);
const UDP: IpProtocol = IpProtocol(17);
const SCTP: IpProtocol = IpProtocol(132);

fn any_connections() -> impl Strategy<Value = ConnectionSet> {
    let ports = || prop_oneof![2 => any_ports(), 1 => Just(PortSet::empty())];
    let some = (ports(), ports(), ports(), any::<bool>())
        .prop_map(|(tcp, udp, sctp, other)| connections(tcp, udp, sctp, other));
    prop_oneof![
        10 => some,
        1 => Just(ConnectionSet::none()),
        1 => Just(ConnectionSet::all()),
    ]
}

fn connections(tcp: PortSet, udp: PortSet, sctp: PortSet, other: bool) -> ConnectionSet {
    ConnectionSet {
        tcp,
        udp,
        sctp,
        other,
    }
}

/// Everything that can be asked, in a fixed order.
fn questions() -> impl Iterator<Item = (IpProtocol, Option<u16>)> {
    let ports = |protocol| (1..=u16::MAX).map(move |port| (protocol, Some(port)));
    let others = (0..=u8::MAX)
        .map(IpProtocol)
        .filter(|protocol| protocol.as_policy().is_none())
        .map(|protocol| (protocol, None));
    [TCP, UDP, SCTP].into_iter().flat_map(ports).chain(others)
}

/// The set in the dullest form: the answer to every question.
fn answers(set: &ConnectionSet) -> Vec<bool> {
    questions()
        .map(|(protocol, port)| set.allows(protocol, port))
        .collect()
}

fn ports(ports: &[u16]) -> PortSet {
    ports.iter().copied().map(PortRange::single).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_algebra_is_that_of_answers(one in any_connections(), other in any_connections()) {
        let (left, right) = (answers(&one), answers(&other));
        let both = |keep: fn(bool, bool) -> bool| -> Vec<bool> {
            left.iter().zip(&right).map(|(a, b)| keep(*a, *b)).collect()
        };
        let minus = both(|a, b| a && !b);
        let common = both(|a, b| a && b);
        // Not `assert_eq`: no one reads 196 thousand bits.
        prop_assert!(answers(&one.union(&other)) == both(|a, b| a || b));
        prop_assert!(answers(&one.intersection(&other)) == common);
        prop_assert!(answers(&one.difference(&other)) == minus);
        prop_assert!(answers(&one.complement()) == both(|a, _| !a));
        prop_assert_eq!(one.is_subset(&other), !minus.contains(&true));
        prop_assert_eq!(one.is_disjoint(&other), !common.contains(&true));
        prop_assert_eq!(one.is_empty(), !left.contains(&true));
        prop_assert_eq!(one.is_all(), !left.contains(&false));
        prop_assert_eq!(one == other, left == right);
    }

    #[test]
    fn the_witness_is_the_first_member(one in any_connections()) {
        let first = questions().find(|(protocol, port)| one.allows(*protocol, *port));
        let as_icmp = |(protocol, port): (IpProtocol, Option<u16>)| match protocol.as_policy() {
            Some(_) => (protocol, port),
            None => (IpProtocol::ICMP, None),
        };
        prop_assert_eq!(one.witness(), first.map(as_icmp));
    }

    #[test]
    fn is_the_union_of_what_it_iterates(one in any_connections()) {
        let other = if one.allows_other() {
            ConnectionSet::other_protocols()
        } else {
            ConnectionSet::none()
        };
        let whole = one.iter().fold(other, |sum, (protocol, ports)| {
            sum.union(&ConnectionSet::of(protocol, ports.clone()))
        });
        prop_assert_eq!(whole, one);
    }

    #[test]
    fn what_is_written_is_read_again(one in any_connections()) {
        let json = serde_json::to_string(&one).unwrap();
        prop_assert_eq!(serde_json::from_str::<ConnectionSet>(&json).unwrap(), one);
    }
}

#[test]
fn protocols_with_ports_need_one() {
    assert!(!ConnectionSet::all().allows(TCP, None));
    assert!(!ConnectionSet::all().allows(UDP, Some(0)));
    assert!(ConnectionSet::all().allows(SCTP, Some(65_535)));
    let tcp = ConnectionSet::of(Protocol::Tcp, ports(&[80]));
    assert!(tcp.allows(TCP, Some(80)) && !tcp.allows(UDP, Some(80)));
}

#[test]
fn other_protocols_stand_and_fall_together() {
    let other = ConnectionSet::other_protocols();
    for protocol in [IpProtocol::ICMP, IpProtocol::ICMPV6, IpProtocol(47)] {
        assert!(other.allows(protocol, None) && other.allows(protocol, Some(80)));
        assert!(!other.complement().allows(protocol, None));
    }
    assert!(!other.allows(TCP, Some(80)) && !other.is_empty());
}

#[test]
fn every_port_of_every_protocol_is_not_everything() {
    let every = ConnectionSet::all().difference(&ConnectionSet::other_protocols());
    assert!(!every.is_all());
    assert_eq!(every.to_string(), "tcp/* udp/* sctp/*");
    assert!(every.union(&ConnectionSet::other_protocols()).is_all());
}

#[test]
fn iterates_what_is_not_empty_in_order() {
    let set = connections(PortSet::empty(), ports(&[53]), ports(&[9]), true);
    let protocols: Vec<Protocol> = set.iter().map(|(protocol, _)| protocol).collect();
    assert_eq!(protocols, [Protocol::Udp, Protocol::Sctp]);
    assert_eq!(set.witness(), Some((UDP, Some(53))));
}

#[test]
fn prints_as_people_speak_of_connections() {
    let cases = [
        (ConnectionSet::all(), "all"),
        (ConnectionSet::none(), "none"),
        (ConnectionSet::other_protocols(), "other"),
        (ConnectionSet::of(Protocol::Tcp, PortSet::all()), "tcp/*"),
        (
            connections(ports(&[443, 80]), ports(&[53]), PortSet::empty(), true),
            "tcp/80,443 udp/53 other",
        ),
    ];
    for (set, text) in cases {
        assert_eq!(set.to_string(), text);
    }
}

#[test]
fn is_an_object_without_empty_members_in_json() {
    let json = |set: &ConnectionSet| serde_json::to_string(set).unwrap();
    assert_eq!(json(&ConnectionSet::none()), "{}");
    assert_eq!(
        json(&connections(
            ports(&[80]),
            PortSet::empty(),
            PortSet::all(),
            true
        )),
        r#"{"tcp":["80"],"sctp":["1-65535"],"other":true}"#
    );
    for wrong in [
        r#"{"icmp":true}"#,
        r#"{"tcp":["0"]}"#,
        r#"{"tcp":null}"#,
        r#"{"other":1}"#,
    ] {
        assert!(
            serde_json::from_str::<ConnectionSet>(wrong).is_err(),
            "{wrong}"
        );
    }
}
