//! Random sets: what is applied is what is read back, and nft can list it.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use ringfence_net::{ConnectionState, Family};
use ringfence_netlink::nftables::Nftables;
use ringfence_ruleset::{
    DataType, Datum, Element, Expression, Field, Key, MetaKey, Operand, Operation, Operator, Rule,
    Set, SetKind, Statement, Value, Verdict,
};

use crate::{lacks, run};

tests! {
    "random" => [
        sets_survive_the_kernel,
        rules_survive_the_kernel,
    ],
}

const TYPES: [DataType; 8] = [
    DataType::Ipv4Address,
    DataType::Ipv6Address,
    DataType::InetProto,
    DataType::InetService,
    DataType::ClassId,
    DataType::Mark,
    DataType::InterfaceName,
    DataType::Cgroup,
];

fn datum(kind: DataType) -> BoxedStrategy<Datum> {
    match kind {
        DataType::Ipv4Address => any::<u32>()
            .prop_map(|number| Datum::Address(Ipv4Addr::from(number).into()))
            .boxed(),
        DataType::Ipv6Address => any::<u128>()
            .prop_map(|number| Datum::Address(Ipv6Addr::from(number).into()))
            .boxed(),
        DataType::InetProto => any::<u8>().prop_map(Datum::Byte).boxed(),
        DataType::InetService => any::<u16>().prop_map(Datum::Port).boxed(),
        DataType::ClassId | DataType::Mark => any::<u32>().prop_map(Datum::Number).boxed(),
        DataType::Cgroup => any::<u64>().prop_map(Datum::Cgroup).boxed(),
        DataType::InterfaceName => "[a-z][a-z0-9.]{0,14}".prop_map(Datum::Interface).boxed(),
    }
}

fn data(types: &[DataType]) -> BoxedStrategy<Vec<Datum>> {
    types
        .iter()
        .map(|kind| datum(*kind))
        .collect::<Vec<_>>()
        .boxed()
}

fn kind() -> impl Strategy<Value = SetKind> {
    prop_oneof![
        Just(SetKind::Set),
        Just(SetKind::VerdictMap),
        vec(prop::sample::select(&TYPES[..]), 1..3).prop_map(SetKind::Map),
    ]
}

fn value(kind: &SetKind) -> BoxedStrategy<Value> {
    match kind {
        SetKind::Set => Just(Value::Member).boxed(),
        SetKind::Map(types) => data(types).prop_map(Value::Data).boxed(),
        SetKind::VerdictMap => prop::sample::select(vec![
            Verdict::Accept,
            Verdict::Drop,
            Verdict::Return,
            Verdict::Continue,
            Verdict::Jump("target".to_owned()),
            Verdict::Goto("target".to_owned()),
        ])
        .prop_map(Value::Verdict)
        .boxed(),
    }
}

/// Keys of interval sets do not overlap: of several fields only the first is kept, of one field the
/// sorted bounds are paired up.
fn keys(points: Vec<Vec<Datum>>, interval: bool) -> Vec<Key> {
    if !interval {
        return points.into_iter().map(Key::point).collect();
    }
    let mut bounds = points;
    if bounds.first().is_some_and(|fields| fields.len() > 1) {
        bounds.truncate(2);
        let pair: Option<[Vec<Datum>; 2]> = bounds.try_into().ok();
        return pair.map(|[a, b]| span(&a, &b)).into_iter().collect();
    }
    bounds.sort();
    bounds.dedup();
    let pairs = bounds.chunks_exact(2);
    pairs
        .map(|pair| Key::range(pair[0].clone(), pair[1].clone()))
        .collect()
}

/// The range in each field from the lower to the higher value.
fn span(a: &[Datum], b: &[Datum]) -> Key {
    let (first, last): (Vec<_>, Vec<_>) = a
        .iter()
        .cloned()
        .zip(b.iter().cloned())
        .map(|(a, b)| if a < b { (a, b) } else { (b, a) })
        .unzip();
    Key::range(first, last)
}

fn set() -> impl Strategy<Value = Set> {
    let shape = (
        vec(prop::sample::select(&TYPES[..]), 1..4),
        kind(),
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
    );
    shape.prop_flat_map(|(key, kind, interval, counted, sized, timed)| {
        // Ranges of names make no sense, and nft cannot print them.
        let interval = interval && !key.contains(&DataType::InterfaceName);
        // The ends of ranges of one field have no counter; no set of ringfence is such a one.
        let counted = counted && !(interval && key.len() == 1);
        let size = sized.then_some(100);
        let element = (value(&kind), prop::option::of("[ -~&&[^\"]]{1,40}"))
            .prop_map(|(value, comment)| Element { value, comment });
        let contents = (vec(data(&key), 0..20), vec(element, 20));
        contents.prop_map(move |(points, elements)| Set {
            elements: keys(points, interval).into_iter().zip(elements).collect(),
            key: key.clone(),
            kind: kind.clone(),
            interval,
            counted,
            dynamic: false,
            // Those of ringfence have points.
            timed: timed && !interval,
            size,
        })
    })
}

fn sets_survive_the_kernel() {
    if lacks("nft") {
        return;
    }
    let mut nftables = Nftables::open().unwrap();
    let mut runner = TestRunner::new(Config {
        cases: 150,
        failure_persistence: None,
        ..Config::default()
    });
    let survives = |set: Set| {
        let definition = Set {
            elements: BTreeMap::new(),
            ..set.clone()
        };
        let elements: Vec<_> = set.elements.clone().into_iter().collect();
        let name = "s".to_owned();
        let operations = [
            Operation::AddTable { comment: None },
            Operation::AddChain {
                name: "target".to_owned(),
                base: None,
            },
            Operation::AddSet {
                name: name.clone(),
                set: definition.clone(),
            },
            Operation::AddElements {
                set: name.clone(),
                definition: definition.clone(),
                elements,
                lifetime: None,
            },
        ];
        nftables.apply("rf", &operations).unwrap();
        assert_eq!(nftables.read_table("rf").unwrap().unwrap().sets["s"], set);
        run("nft", &["list", "table", "inet", "rf"]);
        let keys = set.elements.into_keys().collect();
        let delete = Operation::DeleteElements {
            set: name,
            definition,
            keys,
        };
        nftables.apply("rf", &[delete]).unwrap();
        assert!(
            nftables.read_table("rf").unwrap().unwrap().sets["s"]
                .elements
                .is_empty()
        );
        nftables.apply("rf", &[Operation::DeleteTable]).unwrap();
        Ok(())
    };
    // The closure changes the connection, which the runner's shared borrow does not allow.
    let survives = std::cell::RefCell::new(survives);
    runner
        .run(&set(), |set| survives.borrow_mut()(set))
        .unwrap();
}

fn field(family: Family) -> BoxedStrategy<Expression> {
    let fields = [
        Field::SourceAddress(family),
        Field::DestinationAddress(family),
    ];
    prop::sample::select(fields.to_vec())
        .prop_map(Expression::Field)
        .boxed()
}

fn address(family: Family) -> BoxedStrategy<Datum> {
    match family {
        Family::V4 => datum(DataType::Ipv4Address),
        Family::V6 => datum(DataType::Ipv6Address),
    }
}

fn family() -> impl Strategy<Value = Family> {
    prop::sample::select(&Family::ALL[..])
}

fn operator() -> impl Strategy<Value = Operator> {
    prop_oneof![Just(Operator::Equal), Just(Operator::NotEqual)]
}

/// An expression and an operand that goes with it.
fn comparison() -> BoxedStrategy<(Expression, Operand)> {
    let meta = Expression::Meta;
    // Others before a port make nft 1.0.6 abort when it lists the rule.
    let protocols = [6, 17, 132].map(|number| {
        (
            meta(MetaKey::L4Protocol),
            Operand::Value(Datum::Byte(number)),
        )
    });
    let families = [2, 10].map(|number| {
        (
            meta(MetaKey::NfProtocol),
            Operand::Value(Datum::Byte(number)),
        )
    });
    let named = prop::sample::select([protocols.to_vec(), families.to_vec()].concat());
    let scalar = prop_oneof![
        Just((
            Expression::Field(Field::DestinationPort),
            DataType::InetService
        )),
        Just((Expression::Field(Field::Icmpv6Type), DataType::InetProto)),
        Just((meta(MetaKey::Priority), DataType::ClassId)),
    ];
    let value = scalar.clone().prop_flat_map(|(left, kind)| {
        datum(kind).prop_map(move |value| (left.clone(), Operand::Value(value)))
    });
    let range = scalar.prop_flat_map(|(left, kind)| {
        (datum(kind), datum(kind)).prop_map(move |(a, b)| {
            let (first, last) = if a < b { (a, b) } else { (b, a) };
            (left.clone(), Operand::Range(first, last))
        })
    });
    let prefix = family().prop_flat_map(|family| {
        (field(family), address(family), 1..=32_u8).prop_map(|(left, address, bits)| {
            let Datum::Address(address) = address else {
                panic!("no address")
            };
            (
                left,
                Operand::Prefix(ipnet::IpNet::new(address, bits).unwrap().trunc()),
            )
        })
    });
    let states = [
        ConnectionState::Invalid,
        ConnectionState::Established,
        ConnectionState::Related,
        ConnectionState::New,
        ConnectionState::Untracked,
    ];
    let state = prop::sample::select(states.to_vec())
        .prop_map(|state| (Expression::ConnectionState, Operand::State(state)));
    let flags = (any::<u8>(), any::<u8>()).prop_map(|(mask, value)| {
        (
            Expression::Field(Field::TcpFlags),
            Operand::TcpFlags {
                mask,
                value: value & mask,
            },
        )
    });
    let names = [
        meta(MetaKey::InputInterface),
        meta(MetaKey::OutputInterface),
    ];
    let name = (
        prop::sample::select(names.to_vec()),
        "[a-z]{1,15}",
        any::<bool>(),
    )
        .prop_map(|(left, name, whole)| {
            let right = if whole {
                Operand::Value(Datum::Interface(name))
            } else {
                Operand::InterfacePrefix(name)
            };
            (left, right)
        });
    let set = Just((meta(MetaKey::Priority), Operand::Set("classes".to_owned())));
    prop_oneof![named, value, range, prefix, state, flags, name, set].boxed()
}

fn statement() -> impl Strategy<Value = Statement> {
    let matching =
        (comparison(), operator()).prop_map(|((left, right), operator)| Statement::Match {
            left,
            operator,
            right,
        });
    let number = any::<u32>()
        .prop_map(|number| Statement::SetPriority(Expression::Constant(Datum::Number(number))));
    let source = Expression::Field(Field::SourceAddress(Family::V4));
    let looked_up = ["pod4", "cidr4"].map(|map| {
        let key = Box::new(source.clone());
        Statement::SetPriority(Expression::Map {
            key,
            map: map.to_owned(),
        })
    });
    let verdicts = Statement::VerdictMap {
        key: source,
        map: "in4".to_owned(),
    };
    prop_oneof![
        6 => matching,
        1 => number,
        1 => prop::sample::select(looked_up.to_vec()),
        1 => Just(verdicts),
    ]
}

/// A test of what the field before it had tested, and the same field once more.
fn repeated_family() -> Vec<Statement> {
    let is = |left, number| Statement::Match {
        left,
        operator: Operator::Equal,
        right: Operand::Value(Datum::Byte(number)),
    };
    let kind = || Expression::Field(Field::Icmpv6Type);
    let family = Expression::Meta(MetaKey::NfProtocol);
    vec![is(kind(), 1), is(family, 10), is(kind(), 2)]
}

/// What is read of a rule says the same as the rule: written again, it reads the same, and so does nft.
fn rules_survive_the_kernel() {
    if lacks("nft") {
        return;
    }
    let mut nftables = Nftables::open().unwrap();
    let table = |rules: Vec<Rule>| {
        let mut operations = crate::design::build();
        operations.retain(|operation| !matches!(operation, Operation::AddRule { .. }));
        operations.insert(1, Operation::DeleteTable);
        operations.insert(2, Operation::AddTable { comment: None });
        let chain = || "f".to_owned();
        operations.extend(rules.into_iter().map(|rule| Operation::AddRule {
            chain: chain(),
            rule,
        }));
        operations
    };
    let mut round = |statements: Vec<Vec<Statement>>| {
        let rules = statements.into_iter().map(|statements| Rule {
            statements,
            comment: None,
        });
        nftables.apply("rf", &table(rules.collect())).unwrap();
        let listed = run("nft", &["list", "chain", "inet", "rf", "f"]);
        let state = nftables.read_table("rf").unwrap().unwrap();
        nftables.apply("rf", &[Operation::DeleteTable]).unwrap();
        let read = state.chains["f"]
            .rules
            .iter()
            .map(|rule| rule.statements.clone());
        (read.collect::<Option<Vec<_>>>(), listed)
    };
    let mut survives = |statements: Vec<Vec<Statement>>| {
        let (first, listed) = round(statements.clone());
        let first = first.unwrap_or_else(|| panic!("not understood: {statements:#?}"));
        for (given, found) in statements.iter().zip(&first) {
            assert!(found.len() <= given.len(), "{given:?} became {found:?}");
        }
        assert_eq!(round(first.clone()), (Some(first), listed));
    };
    survives(vec![repeated_family()]);
    let rules = vec(vec(statement(), 0..5), 1..20);
    let mut runner = TestRunner::new(Config {
        cases: 60,
        failure_persistence: None,
        ..Config::default()
    });
    let survives = std::cell::RefCell::new(survives);
    runner
        .run(&rules, |statements| {
            survives.borrow_mut()(statements);
            Ok(())
        })
        .unwrap();
}
