use std::collections::BTreeMap;

use ringfence_net::{ConnectionState, Family};

use crate::{
    BaseChain, Chain, ChainKind, DataType, Datum, Element, Expression, Field, Hook, Key, MetaKey,
    Operand, Operator, Rule, Set, SetKind, Statement, Table, Value, Verdict, validate,
};

/// What `nft list table inet ringfence` of nftables 1.0.6 prints for [`sample`], loaded into a kernel.
const LISTED: &str = include_str!("../../tests/golden/sample.nft");

fn set(key: &[DataType], kind: SetKind, interval: bool, size: Option<u32>) -> Set {
    Set {
        key: key.to_vec(),
        kind,
        interval,
        counted: false,
        dynamic: false,
        timed: false,
        size,
        elements: BTreeMap::new(),
    }
}

fn address(text: &str) -> Datum {
    Datum::Address(text.parse().unwrap())
}

fn add(set: &mut Set, key: Key, value: Value, comment: Option<&str>) {
    let comment = comment.map(str::to_owned);
    set.elements.insert(key, Element { value, comment });
}

fn range(first: &str, last: &str) -> Key {
    Key::range(vec![address(first)], vec![address(last)])
}

fn class(number: u32) -> Value {
    Value::Data(vec![Datum::Number(number)])
}

fn port_key(pod: &str, class: u32, protocol: u8, ports: (u16, u16)) -> Key {
    let fields = |port| {
        vec![
            address(pod),
            Datum::Number(class),
            Datum::Byte(protocol),
            Datum::Port(port),
        ]
    };
    Key::range(fields(ports.0), fields(ports.1))
}

const PORT_TYPES: [DataType; 4] = [
    DataType::Ipv4Address,
    DataType::ClassId,
    DataType::InetProto,
    DataType::InetService,
];

fn blocks() -> Set {
    let kind = SetKind::Map(vec![DataType::ClassId]);
    let mut blocks = set(&[DataType::Ipv4Address], kind, true, Some(64));
    add(
        &mut blocks,
        range("10.0.0.0", "10.255.255.255"),
        class(7),
        None,
    );
    let comment = Some("198.51.100.0/24 except");
    add(
        &mut blocks,
        range("198.51.100.0", "198.51.100.9"),
        class(0xffff_fffe),
        comment,
    );
    add(
        &mut blocks,
        range("203.0.113.9", "203.0.113.9"),
        class(0x00ab_0001),
        None,
    );
    blocks
}

fn blocks6() -> Set {
    let mut blocks = set(&[DataType::Ipv6Address], SetKind::Set, true, None);
    add(
        &mut blocks,
        range("fd00::", "fd00::ffff:ffff:ffff:ffff"),
        Value::Member,
        None,
    );
    add(
        &mut blocks,
        range("::", "7fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        Value::Member,
        None,
    );
    add(
        &mut blocks,
        range("fe80::1", "fe80::9"),
        Value::Member,
        None,
    );
    blocks
}

fn peers6() -> Set {
    let kind = SetKind::Map(vec![DataType::ClassId]);
    let mut peers = set(&[DataType::Ipv6Address], kind, false, Some(64));
    for text in [
        "::1.2.3.4",
        "::ffff:1.2.3.4",
        "1:0:0:2::3",
        "1:0:3:2:0:4:5:3",
        "fd00::ffff:102:304",
    ] {
        let key = Key::point(vec![address(text)]);
        add(&mut peers, key, class(0x0001_0002), None);
    }
    peers
}

fn verdicts() -> Set {
    let mut verdicts = set(
        &[DataType::Ipv4Address],
        SetKind::VerdictMap,
        false,
        Some(64),
    );
    let point = |text| Key::point(vec![address(text)]);
    let jump = Verdict::Jump("judge".to_owned());
    let goto = Verdict::Goto("judge".to_owned());
    add(
        &mut verdicts,
        point("1.1.1.1"),
        Value::Verdict(Verdict::Accept),
        None,
    );
    add(
        &mut verdicts,
        point("2.2.2.2"),
        Value::Verdict(Verdict::Drop),
        None,
    );
    add(
        &mut verdicts,
        point("3.3.3.3"),
        Value::Verdict(Verdict::Return),
        None,
    );
    add(
        &mut verdicts,
        point("10.1.0.8"),
        Value::Verdict(jump),
        Some("a/deny, a/more"),
    );
    add(&mut verdicts, point("10.1.0.9"), Value::Verdict(goto), None);
    verdicts
}

fn endpoints() -> Set {
    let key = [DataType::InterfaceName, DataType::Ipv4Address];
    let mut endpoints = set(&key, SetKind::Set, false, Some(64));
    for (name, ip) in [
        ("vethrf0", "10.1.1.7"),
        ("vethrfaaaa", "10.1.1.7"),
        ("vethrf22", "10.1.0.9"),
    ] {
        let fields = vec![Datum::Interface(name.to_owned()), address(ip)];
        add(
            &mut endpoints,
            Key::point(fields),
            Value::Member,
            Some("demo/web"),
        );
    }
    endpoints
}

fn ports() -> Set {
    let mut ports = set(&PORT_TYPES, SetKind::Set, false, Some(64));
    add(
        &mut ports,
        port_key("10.1.0.8", 7, 6, (80, 80)),
        Value::Member,
        Some("demo/allow ingress[0]"),
    );
    add(
        &mut ports,
        port_key("10.1.0.8", 8, 6, (81, 81)),
        Value::Member,
        None,
    );
    add(
        &mut ports,
        port_key("10.1.0.9", 0x0001_0007, 17, (80, 80)),
        Value::Member,
        None,
    );
    add(
        &mut ports,
        port_key("10.1.0.9", 0x0001_0007, 132, (256, 256)),
        Value::Member,
        None,
    );
    add(
        &mut ports,
        port_key("9.9.9.9", 0x0001_0001, 99, (512, 512)),
        Value::Member,
        None,
    );
    ports
}

fn ranges() -> Set {
    let mut ranges = set(&PORT_TYPES, SetKind::Set, true, Some(64));
    add(
        &mut ranges,
        port_key("10.1.0.8", 8, 6, (81, 81)),
        Value::Member,
        None,
    );
    add(
        &mut ranges,
        port_key("10.1.0.8", 0x0001_0007, 17, (0, 65535)),
        Value::Member,
        Some("x"),
    );
    add(
        &mut ranges,
        port_key("10.1.0.9", 7, 6, (256, 511)),
        Value::Member,
        None,
    );
    ranges
}

fn numbers(kind: DataType, wrap: fn(u16) -> Datum, count: u16) -> Set {
    let mut set = set(&[kind], SetKind::Set, false, Some(64));
    for number in 1..=count {
        add(
            &mut set,
            Key::point(vec![wrap(number)]),
            Value::Member,
            None,
        );
    }
    set
}

fn interfaces() -> Set {
    let mut names = set(&[DataType::InterfaceName], SetKind::Set, false, None);
    for name in ["abc", "abd", "bbb", "aaaa", "z"] {
        let key = Key::point(vec![Datum::Interface(name.to_owned())]);
        add(&mut names, key, Value::Member, None);
    }
    names
}

fn matches(left: Expression, operator: Operator, right: Operand) -> Statement {
    Statement::Match {
        left,
        operator,
        right,
    }
}

fn rule(statements: Vec<Statement>) -> Rule {
    Rule {
        statements,
        comment: None,
    }
}

fn accept(left: Expression, operator: Operator, right: Operand) -> Rule {
    rule(vec![
        matches(left, operator, right),
        Statement::Verdict(Verdict::Accept),
    ])
}

fn base(kind: ChainKind, hook: Hook, priority: i32, rules: Vec<Rule>) -> Chain {
    Chain {
        base: Some(BaseChain {
            kind,
            hook,
            priority,
        }),
        rules,
    }
}

fn forward() -> Chain {
    let state = |state| {
        matches(
            Expression::ConnectionState,
            Operator::Equal,
            Operand::State(state),
        )
    };
    let flags = |value| Operand::TcpFlags { mask: 0x17, value };
    let meta = Expression::Meta;
    let field = Expression::Field;
    let source = field(Field::SourceAddress(Family::V4));
    let byte = |number| Operand::Value(Datum::Byte(number));
    let (equal, other) = (Operator::Equal, Operator::NotEqual);
    let interface = |name: &str| Operand::Value(Datum::Interface(name.to_owned()));
    let pods = Operand::InterfacePrefix("vethrf".to_owned());
    let priority = Operand::Value(Datum::Number(7));
    let mut commented = accept(meta(MetaKey::InputInterface), other, pods);
    commented.comment = Some("from outside".to_owned());
    let judge = Statement::Verdict(Verdict::Jump("judge".to_owned()));
    let icmp = field(Field::Icmpv6Type);
    base(
        ChainKind::Filter,
        Hook::Forward,
        0,
        vec![
            commented,
            rule(vec![state(ConnectionState::Established), judge]),
            rule(vec![
                state(ConnectionState::New),
                matches(field(Field::TcpFlags), other, flags(0x02)),
                Statement::Verdict(Verdict::Drop),
            ]),
            accept(field(Field::TcpFlags), equal, flags(0x02)),
            accept(field(Field::TcpFlags), equal, flags(0)),
            accept(field(Field::TcpFlags), other, flags(0)),
            accept(field(Field::TcpFlags), equal, byte(0x02)),
            accept(field(Field::TcpFlags), other, byte(0x12)),
            accept(meta(MetaKey::L4Protocol), equal, byte(58)),
            accept(meta(MetaKey::L4Protocol), other, byte(99)),
            accept(
                meta(MetaKey::L4Protocol),
                equal,
                Operand::Range(Datum::Byte(0), Datum::Byte(5)),
            ),
            accept(meta(MetaKey::NfProtocol), equal, byte(10)),
            accept(
                icmp.clone(),
                equal,
                Operand::Range(Datum::Byte(133), Datum::Byte(137)),
            ),
            accept(icmp, other, byte(1)),
            accept(meta(MetaKey::OutputInterface), equal, interface("eth0")),
            accept(meta(MetaKey::Priority), other, priority),
            accept(
                source.clone(),
                equal,
                Operand::Prefix("10.0.0.0/8".parse().unwrap()),
            ),
            accept(source.clone(), other, Operand::Value(address("10.0.0.1"))),
            accept(
                source.clone(),
                equal,
                Operand::Range(address("10.0.0.1"), address("10.0.0.9")),
            ),
            accept(
                field(Field::DestinationPort),
                other,
                Operand::Range(Datum::Port(80), Datum::Port(90)),
            ),
            accept(
                Expression::Concat(vec![meta(MetaKey::InputInterface), source.clone()]),
                equal,
                Operand::Set("endpoints".to_owned()),
            ),
            rule(vec![Statement::VerdictMap {
                key: source,
                map: "verdicts".to_owned(),
            }]),
            rule(vec![
                matches(meta(MetaKey::L4Protocol), equal, byte(6)),
                Statement::Reset,
            ]),
            rule(vec![Statement::Reject]),
        ],
    )
}

fn judge() -> Chain {
    let destination = Expression::Field(Field::DestinationAddress(Family::V4));
    let key = Expression::Concat(vec![
        destination,
        Expression::Meta(MetaKey::Priority),
        Expression::Meta(MetaKey::L4Protocol),
        Expression::Field(Field::DestinationPort),
    ]);
    let constant = |number| Expression::Constant(Datum::Number(number));
    let class = Expression::Map {
        key: Box::new(Expression::Field(Field::SourceAddress(Family::V4))),
        map: "blocks".to_owned(),
    };
    Chain {
        base: None,
        rules: vec![
            rule(vec![Statement::SetPriority(constant(0))]),
            rule(vec![Statement::SetPriority(class)]),
            rule(vec![
                matches(
                    key.clone(),
                    Operator::Equal,
                    Operand::Set("ports".to_owned()),
                ),
                Statement::Verdict(Verdict::Return),
            ]),
            rule(vec![Statement::SetPriority(constant(0xffff_fffe))]),
            rule(vec![
                matches(key, Operator::NotEqual, Operand::Set("ranges".to_owned())),
                Statement::Verdict(Verdict::Drop),
            ]),
        ],
    }
}

fn sample() -> Table {
    let sets = [
        ("blocks", blocks()),
        ("blocks-v6", blocks6()),
        (
            "classes",
            numbers(DataType::ClassId, |n| Datum::Number(n.into()), 6),
        ),
        (
            "empty",
            set(&[DataType::Ipv4Address], SetKind::Set, true, None),
        ),
        ("endpoints", endpoints()),
        ("interfaces", interfaces()),
        (
            "marks",
            numbers(DataType::Mark, |n| Datum::Number(n.into()), 11),
        ),
        ("peers-v6", peers6()),
        ("ports", ports()),
        ("ranges", ranges()),
        ("services", numbers(DataType::InetService, Datum::Port, 5)),
        ("verdicts", verdicts()),
    ];
    let masquerade = rule(vec![Statement::Masquerade]);
    let untracked = rule(vec![Statement::NoTrack]);
    let chains = [
        ("forward", forward()),
        ("judge", judge()),
        (
            "late",
            base(ChainKind::Filter, Hook::Postrouting, 300, vec![]),
        ),
        (
            "nat-in",
            base(ChainKind::Nat, Hook::Prerouting, -105, vec![]),
        ),
        (
            "nat-local",
            base(ChainKind::Nat, Hook::Output, -100, vec![]),
        ),
        (
            "nat-out",
            base(ChainKind::Nat, Hook::Postrouting, 100, vec![masquerade]),
        ),
        (
            "raw-in",
            base(ChainKind::Filter, Hook::Prerouting, -299, vec![untracked]),
        ),
        ("secure", base(ChainKind::Filter, Hook::Input, 50, vec![])),
    ];
    Table {
        name: "ringfence".to_owned(),
        comment: Some("ringfence layout 5f3a".to_owned()),
        chains: chains.map(|(name, chain)| (name.to_owned(), chain)).into(),
        sets: sets.map(|(name, set)| (name.to_owned(), set)).into(),
    }
}

#[test]
fn the_sample_is_what_nft_lists() {
    let sample = sample();
    assert_eq!(validate(&sample), Ok(()));
    assert_eq!(sample.to_string(), LISTED);
}

#[test]
fn balancing_prints_as_nft_lists_it() {
    let key = Expression::Concat(vec![
        Expression::Field(Field::DestinationAddress(Family::V6)),
        Expression::Meta(MetaKey::L4Protocol),
        Expression::Field(Field::DestinationPort),
        Expression::Random { modulus: 3 },
    ]);
    let statement = Statement::DestinationNat {
        family: Family::V6,
        target: Expression::Map {
            key: Box::new(key),
            map: "m6".to_owned(),
        },
    };
    assert_eq!(
        statement.to_string(),
        "dnat ip6 to ip6 daddr . meta l4proto . th dport . numgen random mod 3 map @m6"
    );
}

#[test]
fn marks_in_a_concatenation_sort_from_the_last_byte() {
    let key = [DataType::Ipv4Address, DataType::Mark];
    let mut marks = set(&key, SetKind::Set, false, None);
    for (ip, mark) in [
        ("1.1.1.1", 0),
        ("1.1.1.1", 10),
        ("1.1.1.2", 0),
        ("1.1.1.1", 1),
        ("1.1.1.1", 256),
    ] {
        let fields = vec![address(ip), Datum::Number(mark)];
        add(&mut marks, Key::point(fields), Value::Member, None);
    }
    let table = Table {
        sets: [("m".to_owned(), marks)].into(),
        chains: BTreeMap::new(),
        comment: None,
        ..sample()
    };
    assert!(table.to_string().contains(
        "elements = { 1.1.1.1 . 0x00000000,\n\
         \t\t\t     1.1.1.2 . 0x00000000,\n\
         \t\t\t     1.1.1.1 . 0x00000001,\n\
         \t\t\t     1.1.1.1 . 0x0000000a,\n\
         \t\t\t     1.1.1.1 . 0x00000100 }"
    ));
}

#[test]
fn every_offset_near_a_named_priority_is_written_with_its_name() {
    let text = |hook, priority| {
        let chain = base(ChainKind::Filter, hook, priority, vec![]);
        chain.base.unwrap().to_string()
    };
    for (hook, priority, expected) in [
        (Hook::Input, 10, "filter + 10"),
        (Hook::Input, 11, "11"),
        (Hook::Input, -310, "raw - 10"),
        (Hook::Input, -311, "-311"),
        (Hook::Input, 100, "100"),
        (Hook::Input, -100, "-100"),
        (Hook::Postrouting, 109, "srcnat + 9"),
        (Hook::Postrouting, 51, "security + 1"),
        (Hook::Input, -150, "mangle"),
    ] {
        let expected = format!("priority {expected}; policy accept;");
        assert!(text(hook, priority).ends_with(&expected), "{priority}");
    }
}
