use ringfence_net::{ConnectionState, Family, IpProtocol, Packet, TcpFlags};

use super::*;
use crate::sample::{
    address, base, called, chains, jump, map, number, packet, priority_is, rule, set, set_priority,
    source, table, verdict, when,
};
use crate::{
    DataType, Datum, Element, Expression, Field, MetaKey, Operand, Operator, Rule, SetKind,
    Statement, Value,
};

fn forward(rules: impl Into<Vec<Rule>>) -> Chain {
    base(ChainKind::Filter, Hook::Forward, rules)
}

fn outcome(table: &Table, packet: &Packet) -> Outcome {
    evaluate(table, Hook::Forward, packet, &mut |_| 0).outcome
}

fn syn() -> Packet {
    packet("10.0.0.1", "10.0.0.2", 80)
}

/// Whether a rule that drops on this match drops the packet.
fn drops(left: Expression, operator: Operator, right: Operand, packet: &Packet) -> bool {
    let matching = Statement::Match {
        left,
        operator,
        right,
    };
    let rules = [rule([matching, Statement::Verdict(Verdict::Drop)])];
    outcome(&chains([("forward", forward(rules))]), packet) == Outcome::Drop
}

#[test]
fn the_end_of_a_base_chain_and_return_from_it_accept() {
    let drop = || verdict(Verdict::Drop);
    let rules: [(Vec<Rule>, Outcome); 3] = [
        (vec![], Outcome::Accept),
        (vec![verdict(Verdict::Return), drop()], Outcome::Accept),
        (vec![drop()], Outcome::Drop),
    ];
    for (rules, expected) in rules {
        assert_eq!(
            outcome(&chains([("forward", forward(rules))]), &syn()),
            expected
        );
    }
}

#[test]
fn accept_ends_only_its_base_chain() {
    let mut later = forward([verdict(Verdict::Drop)]);
    later.base.as_mut().unwrap().priority = 10;
    let first = forward([verdict(Verdict::Accept), verdict(Verdict::Drop)]);
    let result = evaluate(
        &chains([("z", first), ("a", later)]),
        Hook::Forward,
        &syn(),
        &mut |_| 0,
    );
    assert_eq!(result.outcome, Outcome::Drop);
    let chains: Vec<&str> = result
        .trace
        .iter()
        .map(|step| step.chain.as_str())
        .collect();
    assert_eq!(chains, ["z", "a"], "lower priorities run first");
}

#[test]
fn drop_is_final() {
    let mut later = forward([verdict(Verdict::Accept)]);
    later.base.as_mut().unwrap().priority = 10;
    let first = forward([verdict(Verdict::Drop)]);
    assert_eq!(
        outcome(&chains([("first", first), ("later", later)]), &syn()),
        Outcome::Drop
    );
}

#[test]
fn jump_comes_back_and_goto_does_not() {
    let goto = || rule([Statement::Verdict(Verdict::Goto("other".to_owned()))]);
    let after = |call: Rule, other: Chain| {
        let table = chains([
            ("forward", forward([call, verdict(Verdict::Drop)])),
            ("other", other),
        ]);
        outcome(&table, &syn())
    };
    let returns = || called([verdict(Verdict::Return), verdict(Verdict::Accept)]);
    assert_eq!(after(rule([jump("other")]), called([])), Outcome::Drop);
    assert_eq!(after(rule([jump("other")]), returns()), Outcome::Drop);
    assert_eq!(after(goto(), called([])), Outcome::Accept);
    assert_eq!(after(goto(), returns()), Outcome::Accept);
    let nested = chains([
        (
            "forward",
            forward([rule([jump("middle")]), verdict(Verdict::Drop)]),
        ),
        ("middle", called([goto(), verdict(Verdict::Accept)])),
        ("other", called([])),
    ]);
    assert_eq!(
        outcome(&nested, &syn()),
        Outcome::Drop,
        "goto returns to the caller of its chain"
    );
}

/// The trap of design: a miss must not leave another packet's class behind, so chains clear it first.
#[test]
fn a_map_miss_leaves_the_register_as_it_was() {
    let mut table = table();
    let rules = vec![
        set_priority(number(5)),
        set_priority(map(source(), "classes")),
        priority_is(5, Verdict::Drop),
        rule([Statement::Reject]),
    ];
    table.chains.insert("forward".to_owned(), forward(rules));
    assert_eq!(
        outcome(&table, &packet("9.9.9.9", "10.0.0.2", 80)),
        Outcome::Drop
    );
    assert_eq!(
        outcome(&table, &packet("10.0.0.3", "10.0.0.2", 80)),
        Outcome::Reject
    );
}

#[test]
fn a_verdict_map_decides_on_a_hit_and_goes_on_after_a_miss() {
    let table = table();
    let hit = evaluate(&table, Hook::Forward, &syn(), &mut |_| 0);
    assert_eq!(hit.outcome, Outcome::Accept);
    let hits: Vec<(&str, usize, &str)> = hit
        .trace
        .iter()
        .flat_map(|step| step.hits.iter().map(move |hit| (step, hit)))
        .map(|(step, hit)| (step.chain.as_str(), step.rule, hit.set.as_str()))
        .collect();
    assert_eq!(
        hits,
        [
            ("forward", 0, "isolated"),
            ("judge", 0, "classes"),
            ("judge", 1, "blocks")
        ]
    );
    let missed = evaluate(
        &table,
        Hook::Forward,
        &packet("10.0.0.9", "10.0.0.2", 80),
        &mut |_| 0,
    );
    assert_eq!((missed.outcome, missed.trace), (Outcome::Accept, vec![]));
}

/// An element that goes on leads to what follows in its rule; one that jumps does not come back there, but to the next rule;
/// and whoever has no element meets neither.
#[test]
fn what_follows_a_verdict_map_is_for_elements_that_go_on() {
    let fate = |verdict: Verdict, packet: &Packet| {
        let mut table = table();
        let elements = [("10.0.0.1", "10.0.0.1", Value::Verdict(verdict))];
        let isolated = set(SetKind::VerdictMap, false, &elements);
        table.sets.insert("isolated".to_owned(), isolated);
        let lookup = Statement::VerdictMap {
            key: source(),
            map: "isolated".to_owned(),
        };
        let followed = rule([lookup, Statement::Verdict(Verdict::Drop)]);
        let rules = [followed, rule([Statement::Reject])];
        table.chains.insert("forward".to_owned(), forward(rules));
        table.chains.insert("judge".to_owned(), called([]));
        outcome(&table, packet)
    };
    let jump = || Verdict::Jump("judge".to_owned());
    assert_eq!(fate(Verdict::Continue, &syn()), Outcome::Drop);
    assert_eq!(fate(jump(), &syn()), Outcome::Reject);
    assert_eq!(fate(Verdict::Accept, &syn()), Outcome::Accept);
    let other = packet("10.0.0.9", "10.0.0.2", 80);
    assert_eq!(fate(Verdict::Continue, &other), Outcome::Reject);
}

#[test]
fn fields_of_the_other_family_end_the_rule_whatever_the_operator() {
    let v6 = Expression::Field(Field::SourceAddress(Family::V6));
    let other = Operand::Value(address("fd00::1"));
    assert!(!drops(
        v6.clone(),
        Operator::NotEqual,
        other.clone(),
        &syn()
    ));
    assert!(drops(
        v6,
        Operator::NotEqual,
        other,
        &packet("fd00::2", "fd00::3", 80)
    ));
}

#[test]
fn packets_without_ports_end_the_rule() {
    let port = Expression::Field(Field::DestinationPort);
    let range = Operand::Range(Datum::Port(0), Datum::Port(65535));
    let mut short = syn();
    short.destination_port = None;
    assert!(drops(port.clone(), Operator::Equal, range.clone(), &syn()));
    assert!(!drops(port.clone(), Operator::Equal, range.clone(), &short));
    assert!(!drops(port, Operator::NotEqual, range, &short));
}

#[test]
fn tcp_flags_and_icmp_types_imply_their_protocol() {
    let flags = Expression::Field(Field::TcpFlags);
    let opening = Operand::TcpFlags {
        mask: 0x17,
        value: 0x02,
    };
    let mut segment = syn();
    assert!(!drops(
        flags.clone(),
        Operator::NotEqual,
        opening.clone(),
        &segment
    ));
    segment.tcp_flags = TcpFlags(0x12);
    assert!(drops(
        flags.clone(),
        Operator::NotEqual,
        opening.clone(),
        &segment
    ));
    segment.tcp_flags = TcpFlags(0x02 | 0x08);
    assert!(
        drops(flags.clone(), Operator::Equal, opening.clone(), &segment),
        "PSH is not looked at"
    );
    segment.protocol = IpProtocol(17);
    assert!(!drops(flags, Operator::NotEqual, opening, &segment));

    let kind = Expression::Field(Field::Icmpv6Type);
    let discovery = Operand::Range(Datum::Byte(133), Datum::Byte(137));
    let mut solicit = packet("fe80::1", "ff02::1", 0);
    solicit.source_port = Some(135 << 8);
    assert!(!drops(
        kind.clone(),
        Operator::Equal,
        discovery.clone(),
        &solicit
    ));
    solicit.protocol = IpProtocol::ICMPV6;
    assert!(drops(
        kind.clone(),
        Operator::Equal,
        discovery.clone(),
        &solicit
    ));
    solicit.source_port = Some(128 << 8);
    assert!(!drops(kind, Operator::Equal, discovery, &solicit));
}

#[test]
fn interfaces_states_and_blocks() {
    let input = || Expression::Meta(MetaKey::InputInterface);
    let pods = || Operand::InterfacePrefix("vethrf".to_owned());
    assert!(drops(input(), Operator::NotEqual, pods(), &syn()));
    let mut from_pod = syn();
    from_pod.input_interface = "vethrf1".to_owned();
    assert!(drops(input(), Operator::Equal, pods(), &from_pod));
    let output = Expression::Meta(MetaKey::OutputInterface);
    assert!(
        drops(output, Operator::NotEqual, pods(), &syn()),
        "no outgoing interface yet"
    );
    let state = |state| {
        drops(
            Expression::ConnectionState,
            Operator::Equal,
            Operand::State(state),
            &syn(),
        )
    };
    assert!(state(ConnectionState::New));
    assert!(!state(ConnectionState::Established));
    let block = |text: &str| Operand::Prefix(text.parse().unwrap());
    assert!(drops(
        source(),
        Operator::Equal,
        block("10.0.0.0/30"),
        &syn()
    ));
    assert!(drops(
        source(),
        Operator::NotEqual,
        block("10.0.0.4/30"),
        &syn()
    ));
    let nfproto = Expression::Meta(MetaKey::NfProtocol);
    assert!(drops(
        nfproto,
        Operator::Equal,
        Operand::Value(Datum::Byte(2)),
        &syn()
    ));
}

/// The destination that a packet gets from a balance chain over two backends.
fn balancing() -> Table {
    let key = Expression::Concat(vec![
        Expression::Field(Field::DestinationAddress(Family::V4)),
        Expression::Random { modulus: 2 },
    ]);
    let translate = Statement::DestinationNat {
        family: Family::V4,
        target: map(key, "backends"),
    };
    let value = SetKind::Map(vec![DataType::Ipv4Address, DataType::InetService]);
    let mut backends = set(value, false, &[]);
    backends.key.push(DataType::Mark);
    for number in 0..2_u32 {
        let fields = vec![address("10.96.0.1"), Datum::Number(number)];
        let backend = ["10.0.0.1", "10.0.0.2"][number as usize];
        let element = Element {
            value: Value::Data(vec![address(backend), Datum::Port(8080)]),
            comment: None,
        };
        backends.elements.insert(Key::point(fields), element);
    }
    let mut judge = base(
        ChainKind::Filter,
        Hook::Output,
        [when(
            Expression::Field(Field::DestinationAddress(Family::V4)),
            Operand::Value(address("10.0.0.2")),
            Verdict::Drop,
        )],
    );
    judge.base.as_mut().unwrap().priority = 10;
    let services = base(
        ChainKind::Nat,
        Hook::Output,
        [rule([translate]), verdict(Verdict::Drop)],
    );
    let mut table = chains([("judge", judge), ("services", services)]);
    table.sets.insert("backends".to_owned(), backends);
    table
}

#[test]
fn translation_ends_its_chain_and_later_chains_see_the_new_destination() {
    let table = balancing();
    assert_eq!(crate::validate(&table), Ok(()));
    let dialled = packet("10.0.0.9", "10.96.0.1", 80);
    let to = |number| {
        evaluate(&table, Hook::Output, &dialled, &mut |modulus| {
            number % modulus
        })
    };
    let first = to(0);
    assert_eq!(first.destination, Some(("10.0.0.1".parse().unwrap(), 8080)));
    assert_eq!(first.outcome, Outcome::Accept);
    assert_eq!(to(1).outcome, Outcome::Drop);
    let other = evaluate(
        &table,
        Hook::Output,
        &packet("10.0.0.9", "10.96.0.2", 80),
        &mut |_| 0,
    );
    assert_eq!(
        other.outcome,
        Outcome::Drop,
        "a miss ends the rule, not the chain"
    );
}

#[test]
fn only_opening_packets_ask_for_translation() {
    let mut reply = packet("10.0.0.9", "10.96.0.1", 80);
    reply.state = ConnectionState::Established;
    let result = evaluate(&balancing(), Hook::Output, &reply, &mut |_| 0);
    assert_eq!(
        (result.destination, result.outcome),
        (None, Outcome::Accept)
    );
}

#[test]
fn masquerade_is_reported() {
    let table = chains([(
        "out",
        base(
            ChainKind::Nat,
            Hook::Postrouting,
            [rule([Statement::Masquerade])],
        ),
    )]);
    let result = evaluate(&table, Hook::Postrouting, &syn(), &mut |_| 0);
    assert!(result.masquerade);
    assert_eq!(result.trace[0].action, Action::Masquerade);
    let silent = Evaluator::new(&table).without_trace();
    let silent = silent.evaluate(Hook::Postrouting, &syn(), &mut |_| 0);
    assert_eq!((silent.masquerade, silent.trace), (true, Vec::new()));
}

/// Both ways of finding an element in concatenated ranges agree.
#[test]
fn concatenated_ranges_are_found_by_order_and_by_trying() {
    let key = |first: (&str, u16), last: (&str, u16)| {
        Key::range(
            vec![address(first.0), Datum::Port(first.1)],
            vec![address(last.0), Datum::Port(last.1)],
        )
    };
    let mut ranges = set(SetKind::Set, true, &[]);
    ranges.key.push(DataType::InetService);
    let member = || Element {
        value: Value::Member,
        comment: None,
    };
    for first in [80, 85, 100] {
        let key = key(("10.0.0.1", first), ("10.0.0.1", first + 4));
        ranges.elements.insert(key, member());
    }
    for port in 78..110 {
        let fields = [address("10.0.0.1"), Datum::Port(port)];
        let expected = (80..90).contains(&port) || (100..105).contains(&port);
        assert_eq!(ranges.find(&fields).is_some(), expected, "{port}");
        assert_eq!(
            ranges.find_with(&fields, true).is_some(),
            expected,
            "{port}"
        );
    }
    let wide = key(("10.0.1.0", 0), ("10.0.1.255", 9));
    ranges.elements.insert(wide, member());
    assert!(
        ranges
            .find(&[address("10.0.1.7"), Datum::Port(9)])
            .is_some()
    );
}
