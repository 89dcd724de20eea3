//! Random sets: what is applied is what is read back, and nft can list it.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use ringfence_netlink::nftables::Nftables;
use ringfence_ruleset::{DataType, Datum, Element, Key, Operation, Set, SetKind, Value, Verdict};

use crate::run;

tests! {
    "random" => [
        sets_survive_the_kernel,
    ],
}

const TYPES: [DataType; 7] = [
    DataType::Ipv4Address,
    DataType::Ipv6Address,
    DataType::InetProto,
    DataType::InetService,
    DataType::ClassId,
    DataType::Mark,
    DataType::InterfaceName,
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
        .map(|pair| Key {
            first: pair[0].clone(),
            last: pair[1].clone(),
        })
        .collect()
}

/// The range in each field from the lower to the higher value.
fn span(a: &[Datum], b: &[Datum]) -> Key {
    let (first, last) = a
        .iter()
        .cloned()
        .zip(b.iter().cloned())
        .map(|(a, b)| if a < b { (a, b) } else { (b, a) })
        .unzip();
    Key { first, last }
}

fn set() -> impl Strategy<Value = Set> {
    let shape = (
        vec(prop::sample::select(&TYPES[..]), 1..4),
        kind(),
        any::<bool>(),
        any::<bool>(),
    );
    shape.prop_flat_map(|(key, kind, interval, sized)| {
        // Ranges of names make no sense, and nft cannot print them.
        let interval = interval && !key.contains(&DataType::InterfaceName);
        let size = sized.then_some(100);
        let element = (value(&kind), prop::option::of("[ -~&&[^\"]]{1,40}"))
            .prop_map(|(value, comment)| Element { value, comment });
        let contents = (vec(data(&key), 0..20), vec(element, 20));
        contents.prop_map(move |(points, elements)| Set {
            elements: keys(points, interval).into_iter().zip(elements).collect(),
            key: key.clone(),
            kind: kind.clone(),
            interval,
            size,
        })
    })
}

fn sets_survive_the_kernel() {
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
