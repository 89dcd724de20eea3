//! A table that uses everything the encoder knows, as objects and as nft prints it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ringfence_net::{ConnectionState, Family};
use ringfence_ruleset::{
    BaseChain, ChainKind, DataType, Datum, Element, Expression, Field, Hook, Key, MetaKey, Operand,
    Operation, Operator, Rule, Set, SetKind, Statement, Value, Verdict,
};

pub(crate) fn ip(text: &str) -> Datum {
    Datum::Address(text.parse::<IpAddr>().unwrap())
}

pub(crate) fn set(key: &[DataType], kind: SetKind, interval: bool, size: Option<u32>) -> Set {
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

pub(crate) fn point(fields: &[Datum]) -> Key {
    Key::point(fields.to_vec())
}

pub(crate) fn range(first: &[Datum], last: &[Datum]) -> Key {
    Key::range(first.to_vec(), last.to_vec())
}

pub(crate) fn member() -> Element {
    Element {
        value: Value::Member,
        comment: None,
    }
}

pub(crate) fn data(fields: &[Datum]) -> Element {
    Element {
        value: Value::Data(fields.to_vec()),
        comment: None,
    }
}

pub(crate) fn verdict(verdict: Verdict) -> Element {
    Element {
        value: Value::Verdict(verdict),
        comment: None,
    }
}

pub(crate) fn commented(mut element: Element, comment: &str) -> Element {
    element.comment = Some(comment.to_owned());
    element
}

/// The sets of the example with their elements.
pub(crate) fn sets() -> BTreeMap<String, Set> {
    use DataType::{
        ClassId, InetProto, InetService, InterfaceName, Ipv4Address, Ipv6Address, Mark,
    };
    let flow = [Ipv4Address, ClassId, InetProto, InetService];
    let class = |number| data(&[Datum::Number(number)]);
    let mut sets = BTreeMap::new();
    let mut add = |name: &str, mut set: Set, elements: Vec<(Key, Element)>| {
        set.elements.extend(elements);
        sets.insert(name.to_owned(), set);
    };
    add(
        "pod4",
        set(
            &[Ipv4Address],
            SetKind::Map(vec![ClassId]),
            false,
            Some(65536),
        ),
        vec![(point(&[ip("10.1.0.8")]), class(7))],
    );
    add(
        "cidr4",
        set(&[Ipv4Address], SetKind::Map(vec![ClassId]), true, None),
        vec![
            (range(&[ip("0.0.0.0")], &[ip("10.0.255.255")]), class(1)),
            (
                range(&[ip("10.1.0.0")], &[ip("10.1.255.255")]),
                commented(class(8), "a block"),
            ),
            (
                range(&[ip("200.0.0.0")], &[ip("255.255.255.255")]),
                class(9),
            ),
        ],
    );
    add(
        "cidr6",
        set(&[Ipv6Address], SetKind::Map(vec![ClassId]), true, None),
        vec![(
            range(
                &[ip("::")],
                &[ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")],
            ),
            class(3),
        )],
    );
    add(
        "port4",
        set(&flow, SetKind::Set, false, Some(1024)),
        vec![(
            point(&[
                ip("10.1.0.7"),
                Datum::Number(7),
                Datum::Byte(6),
                Datum::Port(80),
            ]),
            commented(member(), "ns/pol ingress[0]"),
        )],
    );
    add(
        "range4",
        set(&flow, SetKind::Set, true, None),
        vec![
            (
                range(
                    &[
                        ip("10.1.0.7"),
                        Datum::Number(0xffff_fffe),
                        Datum::Byte(6),
                        Datum::Port(80),
                    ],
                    &[
                        ip("10.1.0.7"),
                        Datum::Number(0xffff_fffe),
                        Datum::Byte(6),
                        Datum::Port(90),
                    ],
                ),
                commented(member(), "ports"),
            ),
            (
                range(
                    &[
                        ip("10.1.0.7"),
                        Datum::Number(1),
                        Datum::Byte(17),
                        Datum::Port(0),
                    ],
                    &[
                        ip("10.1.0.7"),
                        Datum::Number(9),
                        Datum::Byte(17),
                        Datum::Port(65535),
                    ],
                ),
                member(),
            ),
        ],
    );
    add(
        "sticky6",
        Set {
            dynamic: true,
            timed: false,
            ..set(
                &[Ipv6Address, Ipv6Address, InetProto, InetService],
                SetKind::Map(vec![ClassId]),
                false,
                Some(1024),
            )
        },
        Vec::new(),
    );
    add(
        "in4",
        set(&[Ipv4Address], SetKind::VerdictMap, false, None),
        vec![
            (
                point(&[ip("10.1.0.7")]),
                verdict(Verdict::Jump("ing".to_owned())),
            ),
            (
                point(&[ip("10.1.0.77")]),
                commented(verdict(Verdict::Return), "late"),
            ),
            (
                point(&[ip("10.1.0.78")]),
                verdict(Verdict::Goto("ing".to_owned())),
            ),
            (point(&[ip("10.1.0.79")]), verdict(Verdict::Drop)),
            (point(&[ip("10.1.0.80")]), verdict(Verdict::Accept)),
        ],
    );
    add(
        "ep4",
        set(&[InterfaceName, Ipv4Address], SetKind::Set, false, None),
        vec![(
            point(&[Datum::Interface("vethrf0".to_owned()), ip("10.1.0.7")]),
            member(),
        )],
    );
    add(
        "ep6",
        set(&[InterfaceName, Ipv6Address], SetKind::Set, false, None),
        vec![(
            point(&[Datum::Interface("vethrf0".to_owned()), ip("fd00::7")]),
            member(),
        )],
    );
    let service4 = [Ipv4Address, InetProto, InetService, Mark];
    add(
        "backends4",
        set(
            &service4,
            SetKind::Map(vec![Ipv4Address, InetService]),
            false,
            None,
        ),
        vec![(
            point(&[
                ip("10.96.0.1"),
                Datum::Byte(6),
                Datum::Port(80),
                Datum::Number(1),
            ]),
            data(&[ip("10.1.0.7"), Datum::Port(8080)]),
        )],
    );
    let service6 = [Ipv6Address, InetProto, InetService, Mark];
    add(
        "backends6",
        set(
            &service6,
            SetKind::Map(vec![Ipv6Address, InetService]),
            false,
            None,
        ),
        vec![(
            point(&[
                ip("fd01::1"),
                Datum::Byte(6),
                Datum::Port(80),
                Datum::Number(1),
            ]),
            data(&[ip("fd00::7"), Datum::Port(8080)]),
        )],
    );
    add(
        "classes",
        set(&[ClassId], SetKind::Set, true, None),
        vec![
            (
                range(&[Datum::Number(0x100)], &[Datum::Number(0x2ff)]),
                member(),
            ),
            (
                range(&[Datum::Number(0x1_0000)], &[Datum::Number(u32::MAX)]),
                member(),
            ),
        ],
    );
    add(
        "marks",
        set(&[Mark], SetKind::Map(vec![Mark]), false, None),
        vec![(
            point(&[Datum::Number(0x3e9)]),
            data(&[Datum::Number(0x3ea)]),
        )],
    );
    add(
        "names",
        set(&[InterfaceName], SetKind::Set, false, None),
        vec![(
            point(&[Datum::Interface("a23456789012345".to_owned())]),
            member(),
        )],
    );
    sets
}

/// The operations that build the example from nothing.
pub(crate) fn build() -> Vec<Operation> {
    let mut operations = vec![Operation::AddTable {
        comment: Some("layout 1".to_owned()),
    }];
    operations.extend(chains());
    let sets = sets();
    for (name, set) in &sets {
        let definition = Set {
            elements: BTreeMap::new(),
            ..set.clone()
        };
        operations.push(Operation::AddSet {
            name: name.clone(),
            set: definition,
        });
    }
    for (name, mut set) in sets {
        let elements = std::mem::take(&mut set.elements).into_iter().collect();
        operations.push(Operation::AddElements {
            set: name,
            definition: set,
            elements,
            lifetime: None,
        });
    }
    operations.extend(rules());
    operations
}

fn chains() -> Vec<Operation> {
    let base = |kind, hook, priority| {
        Some(BaseChain {
            kind,
            hook,
            priority,
        })
    };
    [
        ("ing", None),
        ("f", base(ChainKind::Filter, Hook::Forward, 0)),
        ("pre", base(ChainKind::Filter, Hook::Prerouting, -300)),
        ("n", base(ChainKind::Nat, Hook::Prerouting, -100)),
        ("post", base(ChainKind::Nat, Hook::Postrouting, 100)),
    ]
    .map(|(name, base)| Operation::AddChain {
        name: name.to_owned(),
        base,
    })
    .to_vec()
}

fn matching(left: Expression, right: Operand) -> Statement {
    Statement::Match {
        left,
        operator: Operator::Equal,
        right,
    }
}

fn unequal(left: Expression, right: Operand) -> Statement {
    Statement::Match {
        left,
        operator: Operator::NotEqual,
        right,
    }
}

fn state(state: ConnectionState) -> Statement {
    matching(Expression::ConnectionState, Operand::State(state))
}

fn rules() -> Vec<Operation> {
    let mut rules = Vec::new();
    let mut add = |chain: &str, statements: Vec<Statement>| {
        let rule = Rule {
            statements,
            comment: None,
        };
        rules.push(Operation::AddRule {
            chain: chain.to_owned(),
            rule,
        });
    };
    ing(&mut add);
    f(&mut add);
    pre(&mut add);
    nat(&mut add);
    let comment = Some("hey".to_owned());
    let rule = Rule {
        statements: vec![Statement::Verdict(Verdict::Drop)],
        comment,
    };
    rules.push(Operation::AddRule {
        chain: "ing".to_owned(),
        rule,
    });
    rules
}

type Add<'a> = &'a mut dyn FnMut(&str, Vec<Statement>);

const SOURCE4: Expression = Expression::Field(Field::SourceAddress(Family::V4));
const TARGET4: Expression = Expression::Field(Field::DestinationAddress(Family::V4));
const SOURCE6: Expression = Expression::Field(Field::SourceAddress(Family::V6));
const TARGET6: Expression = Expression::Field(Field::DestinationAddress(Family::V6));
const PORT: Expression = Expression::Field(Field::DestinationPort);
const PROTOCOL: Expression = Expression::Meta(MetaKey::L4Protocol);
const PRIORITY: Expression = Expression::Meta(MetaKey::Priority);
const INPUT: Expression = Expression::Meta(MetaKey::InputInterface);

fn flow() -> Expression {
    Expression::Concat(vec![TARGET4, PRIORITY, PROTOCOL, PORT])
}

fn map(key: Expression, map: &str) -> Expression {
    Expression::Map {
        key: Box::new(key),
        map: map.to_owned(),
    }
}

fn ing(add: Add<'_>) {
    let chosen = |set: &str| Operand::Set(set.to_owned());
    let done = || Statement::Verdict(Verdict::Return);
    add(
        "ing",
        vec![Statement::SetPriority(Expression::Constant(Datum::Number(
            0,
        )))],
    );
    add("ing", vec![Statement::SetPriority(map(SOURCE4, "cidr4"))]);
    add("ing", vec![Statement::SetPriority(map(SOURCE4, "pod4"))]);
    add("ing", vec![matching(flow(), chosen("port4")), done()]);
    add("ing", vec![matching(flow(), chosen("range4")), done()]);
    add("ing", vec![matching(PRIORITY, chosen("classes")), done()]);
    add(
        "ing",
        vec![unequal(PRIORITY, Operand::Value(Datum::Number(5))), done()],
    );
    let numbers = Operand::Range(Datum::Number(0x1_0000), Datum::Number(0x2_0000));
    add("ing", vec![matching(PRIORITY, numbers), done()]);
    add(
        "ing",
        vec![Statement::SetPriority(Expression::Constant(Datum::Number(
            0xffff_fffe,
        )))],
    );
}

fn f(add: Add<'_>) {
    let accept = || Statement::Verdict(Verdict::Accept);
    let drop = || Statement::Verdict(Verdict::Drop);
    let pods = || Operand::InterfacePrefix("vethrf".to_owned());
    let block = |text: &str| Operand::Prefix(text.parse().unwrap());
    let established = Operand::State(ConnectionState::Established);
    let flags = Operand::TcpFlags {
        mask: 0x17,
        value: 0x02,
    };
    let tcp_flags = Expression::Field(Field::TcpFlags);
    add("f", vec![state(ConnectionState::Established), accept()]);
    add(
        "f",
        vec![
            matching(INPUT, pods()),
            state(ConnectionState::New),
            unequal(tcp_flags, flags),
            drop(),
        ],
    );
    let icmp = Operand::Value(Datum::Byte(1));
    add(
        "f",
        vec![
            state(ConnectionState::Related),
            matching(PROTOCOL, icmp),
            accept(),
        ],
    );
    add(
        "f",
        vec![unequal(Expression::ConnectionState, established), drop()],
    );
    add(
        "f",
        vec![Statement::VerdictMap {
            key: TARGET4,
            map: "in4".to_owned(),
        }],
    );
    add(
        "f",
        vec![
            matching(TARGET4, block("10.1.0.0/16")),
            unequal(SOURCE4, block("10.1.2.0/23")),
            drop(),
        ],
    );
    add(
        "f",
        vec![
            matching(TARGET6, block("fd00::/8")),
            matching(SOURCE6, block("fd00:1::/47")),
            drop(),
        ],
    );
    let some = Operand::Range(ip("fd00:1::"), ip("fd00:2::"));
    add(
        "f",
        vec![
            matching(TARGET6, Operand::Value(ip("fd00::1"))),
            unequal(SOURCE6, some),
            drop(),
        ],
    );
    add(
        "f",
        vec![
            matching(SOURCE4, block("0.0.0.0/0")),
            matching(PORT, Operand::Value(Datum::Port(80))),
            drop(),
        ],
    );
    let ports = Operand::Range(Datum::Port(80), Datum::Port(90));
    add("f", vec![matching(PORT, ports), drop()]);
    let ipv6 = Operand::Value(Datum::Byte(10));
    let goto = Statement::Verdict(Verdict::Goto("ing".to_owned()));
    add(
        "f",
        vec![matching(Expression::Meta(MetaKey::NfProtocol), ipv6), goto],
    );
    let out = Operand::Value(Datum::Interface("eth0".to_owned()));
    let jump = Statement::Verdict(Verdict::Jump("ing".to_owned()));
    add(
        "f",
        vec![
            unequal(Expression::Meta(MetaKey::OutputInterface), out),
            jump,
        ],
    );
    let protocol = Expression::Meta(MetaKey::L4Protocol);
    let tcp = Operand::Value(Datum::Byte(6));
    add("f", vec![matching(protocol, tcp), Statement::Reset]);
    add("f", vec![Statement::Reject]);
}

fn pre(add: Add<'_>) {
    let accept = || Statement::Verdict(Verdict::Accept);
    let pods = Operand::InterfacePrefix("vethrf".to_owned());
    let chosen = |set: &str| Operand::Set(set.to_owned());
    let icmpv6 = Expression::Field(Field::Icmpv6Type);
    let discovery = Operand::Range(Datum::Byte(133), Datum::Byte(137));
    add("pre", vec![unequal(INPUT, pods), accept()]);
    add(
        "pre",
        vec![
            matching(Expression::Concat(vec![INPUT, SOURCE4]), chosen("ep4")),
            accept(),
        ],
    );
    add(
        "pre",
        vec![
            matching(Expression::Concat(vec![INPUT, SOURCE6]), chosen("ep6")),
            accept(),
        ],
    );
    add("pre", vec![matching(icmpv6, discovery), accept()]);
    add("pre", vec![Statement::Verdict(Verdict::Drop)]);
}

fn nat(add: Add<'_>) {
    let backend = |target: Expression, maps: &str| {
        let random = Expression::Random { modulus: 2 };
        map(
            Expression::Concat(vec![target, PROTOCOL, PORT, random]),
            maps,
        )
    };
    let nat = |family, target| Statement::DestinationNat { family, target };
    add("n", vec![nat(Family::V4, backend(TARGET4, "backends4"))]);
    add("n", vec![nat(Family::V6, backend(TARGET6, "backends6"))]);
    let client = || Expression::Concat(vec![SOURCE6, TARGET6, PROTOCOL, PORT]);
    let remember = Statement::Remember {
        key: client(),
        value: PRIORITY,
        map: "sticky6".to_owned(),
        seconds: 90_061,
    };
    let recall = Statement::SetPriority(map(client(), "sticky6"));
    add("n", vec![recall, remember]);
    let forget = Statement::Forget {
        key: client(),
        value: PRIORITY,
        map: "sticky6".to_owned(),
    };
    let nothing = Operand::Value(Datum::Number(0));
    add("n", vec![unequal(PRIORITY, nothing), forget]);
    add("post", vec![Statement::Masquerade]);
}

/// What `nft list table inet rf` prints of the chains; `icmpv6 type` and such as nft words them.
pub(crate) const CHAINS: &str = "	chain ing {
		meta priority set none
		meta priority set ip saddr map @cidr4
		meta priority set ip saddr map @pod4
		ip daddr . meta priority . meta l4proto . th dport @port4 return
		ip daddr . meta priority . meta l4proto . th dport @range4 return
		meta priority @classes return
		meta priority != 0:5 return
		meta priority 1:0-2:0 return
		meta priority set ffff:fffe
		drop comment \"hey\"
	}

	chain f {
		type filter hook forward priority filter; policy accept;
		ct state established accept
		iifname \"vethrf*\" ct state new tcp flags != syn / fin,syn,rst,ack drop
		ct state related meta l4proto icmp accept
		ct state != established drop
		ip daddr vmap @in4
		ip daddr 10.1.0.0/16 ip saddr != 10.1.2.0/23 drop
		ip6 daddr fd00::/8 ip6 saddr fd00:1::/47 drop
		ip6 daddr fd00::1 ip6 saddr != fd00:1::-fd00:2:: drop
		meta nfproto ipv4 th dport 80 drop
		th dport 80-90 drop
		meta nfproto ipv6 goto ing
		oifname != \"eth0\" jump ing
		meta l4proto tcp reject with tcp reset
		reject
	}

	chain pre {
		type filter hook prerouting priority raw; policy accept;
		iifname != \"vethrf*\" accept
		iifname . ip saddr @ep4 accept
		iifname . ip6 saddr @ep6 accept
		icmpv6 type 133-137 accept
		drop
	}

	chain n {
		type nat hook prerouting priority dstnat; policy accept;
		dnat ip to ip daddr . meta l4proto . th dport . numgen random mod 2 map @backends4
		dnat ip6 to ip6 daddr . meta l4proto . th dport . numgen random mod 2 map @backends6
		meta priority set ip6 saddr . ip6 daddr . meta l4proto . th dport map @sticky6 update @sticky6 { ip6 saddr . ip6 daddr . meta l4proto . th dport timeout 1d1h1m1s : meta priority }
		meta priority != none delete @sticky6 { ip6 saddr . ip6 daddr . meta l4proto . th dport : meta priority }
	}

	chain post {
		type nat hook postrouting priority srcnat; policy accept;
		masquerade
	}
}
";

/// What it prints before the chains.
pub(crate) const SETS: &str = "\
table inet rf {
	comment \"layout 1\"
	map backends4 {
		type ipv4_addr . inet_proto . inet_service . mark : ipv4_addr . inet_service
		elements = { 10.96.0.1 . tcp . 80 . 0x00000001 : 10.1.0.7 . 8080 }
	}

	map backends6 {
		type ipv6_addr . inet_proto . inet_service . mark : ipv6_addr . inet_service
		elements = { fd01::1 . tcp . 80 . 0x00000001 : fd00::7 . 8080 }
	}

	map cidr4 {
		type ipv4_addr : classid
		flags interval
		elements = { 0.0.0.0-10.0.255.255 : 0:1, 10.1.0.0/16 comment \"a block\" : 0:8,
			     200.0.0.0-255.255.255.255 : 0:9 }
	}

	map cidr6 {
		type ipv6_addr : classid
		flags interval
		elements = { ::/0 : 0:3 }
	}

	set classes {
		type classid
		flags interval
		elements = { 0:100-0:2ff, 1:0-root }
	}

	set ep4 {
		type ifname . ipv4_addr
		elements = { \"vethrf0\" . 10.1.0.7 }
	}

	set ep6 {
		type ifname . ipv6_addr
		elements = { \"vethrf0\" . fd00::7 }
	}

	map in4 {
		type ipv4_addr : verdict
		elements = { 10.1.0.7 : jump ing, 10.1.0.77 comment \"late\" : return,
			     10.1.0.78 : goto ing, 10.1.0.79 : drop,
			     10.1.0.80 : accept }
	}

	map marks {
		type mark : mark
		elements = { 0x000003e9 : 0x000003ea }
	}

	set names {
		type ifname
		elements = { \"a23456789012345\" }
	}

	map pod4 {
		type ipv4_addr : classid
		size 65536
		elements = { 10.1.0.8 : 0:7 }
	}

	set port4 {
		type ipv4_addr . classid . inet_proto . inet_service
		size 1024
		elements = { 10.1.0.7 . 0:7 . tcp . 80 comment \"ns/pol ingress[0]\" }
	}

	set range4 {
		type ipv4_addr . classid . inet_proto . inet_service
		flags interval
		elements = { 10.1.0.7 . 0:1-0:9 . udp . 0-65535,
			     10.1.0.7 . ffff:fffe . tcp . 80-90 comment \"ports\" }
	}

	map sticky6 {
		type ipv6_addr . ipv6_addr . inet_proto . inet_service : classid
		size 1024
		flags dynamic,timeout
	}

";
