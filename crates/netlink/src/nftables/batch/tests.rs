//! Bodies of messages against those that nft 1.0.6 sent for the same objects, seen with strace.

use std::collections::BTreeMap;

use ringfence_ruleset::{DataType, Datum, Element, Key, SetKind, Statement, Value, Verdict};

use super::*;

/// The body of the only message between begin and end.
fn body(operation: Operation) -> Vec<u8> {
    let batch = encode("y", &[operation], 7, None, 0, &|_| None).unwrap();
    let length = |at: usize| u32::from_ne_bytes(batch.bytes[at..at + 4].try_into().unwrap());
    let begin = usize::try_from(length(0)).unwrap();
    let end = begin + usize::try_from(length(begin)).unwrap();
    assert_eq!(batch.bytes.len(), end + 20);
    batch.bytes[begin + 16..end].to_vec()
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits: Vec<_> = hexadecimal.split_whitespace().collect();
    digits
        .iter()
        .map(|digits| u8::from_str_radix(digits, 16).unwrap())
        .collect()
}

fn ip(text: &str) -> Datum {
    Datum::Address(text.parse().unwrap())
}

fn map(key: &[DataType], data: &[DataType], interval: bool) -> Set {
    let kind = SetKind::Map(data.to_vec());
    Set {
        key: key.to_vec(),
        kind,
        interval,
        counted: false,
        dynamic: false,
        timed: false,
        size: None,
        elements: BTreeMap::new(),
    }
}

#[test]
fn a_verdict_map_of_ranges() {
    let key = vec![DataType::Ipv4Address];
    let kind = SetKind::VerdictMap;
    let mut set = Set {
        key,
        kind,
        interval: true,
        counted: false,
        dynamic: false,
        timed: false,
        size: None,
        elements: BTreeMap::new(),
    };
    let expected = bytes(
        "01 00 00 00 06 00 01 00 79 00 00 00 06 00 02 00 76 00 00 00
         08 00 03 00 00 00 00 0c 08 00 04 00 00 00 00 07 08 00 05 00 00 00 00 04
         08 00 06 00 ff ff ff 00 08 00 07 00 00 00 00 00 08 00 0a 00 00 00 00 01
         16 00 0d 00 00 04 02 00 00 00 01 04 00 00 00 00 06 04 00 00 00 00 00 00",
    );
    assert_eq!(
        body(Operation::AddSet {
            name: "v".to_owned(),
            set: set.clone()
        }),
        expected
    );
    set.key.clear();
    let empty = Operation::AddSet {
        name: "v".to_owned(),
        set,
    };
    assert_eq!(
        encode("y", &[empty], 7, None, 0, &|_| None).unwrap_err(),
        (0, None, EncodeError::Fields)
    );
}

#[test]
fn a_range_in_a_concatenated_map_with_a_comment() {
    let definition = map(
        &[DataType::Ipv4Address, DataType::ClassId],
        &[DataType::ClassId],
        true,
    );
    let key = Key::range(
        vec![ip("10.1.0.7"), Datum::Number(7)],
        vec![ip("10.1.0.9"), Datum::Number(7)],
    );
    let value = Value::Data(vec![Datum::Number(8)]);
    let element = Element {
        value,
        comment: Some("abc".to_owned()),
    };
    // The map's data is in the machine's order, here little-endian.
    let mut expected = bytes(
        "01 00 00 00 06 00 01 00 79 00 00 00 06 00 02 00 6d 00 00 00
         40 00 03 80 3c 00 01 80 10 00 01 80 0c 00 01 00 0a 01 00 07 00 00 00 07
         10 00 0a 80 0c 00 01 00 0a 01 00 09 00 00 00 07 0c 00 02 80 08 00 01 00
         08 00 00 00 0a 00 06 00 00 04 61 62 63 00 00 00",
    );
    if cfg!(target_endian = "big") {
        expected[68..72].reverse();
    }
    let elements = vec![(key, element)];
    let operation = Operation::AddElements {
        set: "m".to_owned(),
        definition,
        elements,
        lifetime: None,
    };
    assert_eq!(body(operation), expected);
}

#[test]
fn an_element_with_an_address_and_a_port() {
    let pair = [DataType::Ipv4Address, DataType::InetService];
    let key = Key::point(vec![ip("10.1.0.7"), Datum::Port(7)]);
    let value = Value::Data(vec![ip("10.1.0.8"), Datum::Port(8)]);
    let operation = Operation::AddElements {
        set: "b".to_owned(),
        definition: map(&pair, &pair, false),
        elements: vec![(
            key,
            Element {
                value,
                comment: None,
            },
        )],
        lifetime: None,
    };
    let expected = bytes(
        "01 00 00 00 06 00 01 00 79 00 00 00 06 00 02 00 62 00 00 00
         28 00 03 80 24 00 01 80 10 00 01 80 0c 00 01 00 0a 01 00 07 00 07 00 00
         10 00 02 80 0c 00 01 00 0a 01 00 08 00 08 00 00",
    );
    assert_eq!(body(operation), expected);
}

#[test]
fn a_rule_with_a_comment() {
    let statements = vec![Statement::Verdict(Verdict::Drop)];
    let rule = Rule {
        statements,
        comment: Some("q".to_owned()),
    };
    let expected = bytes(
        "01 00 00 00 06 00 01 00 79 00 00 00 06 00 02 00 78 00 00 00
         34 00 04 80 30 00 01 80 0e 00 01 00 69 6d 6d 65 64 69 61 74 65 00 00 00
         1c 00 02 80 08 00 01 00 00 00 00 00 10 00 02 80 0c 00 02 80 08 00 01 00 00 00 00 00
         08 00 07 00 00 02 71 00",
    );
    assert_eq!(
        body(Operation::AddRule {
            chain: "x".to_owned(),
            rule
        }),
        expected
    );
}

#[test]
fn elements_are_split_into_messages_and_found_again() {
    let definition = map(&[DataType::Ipv4Address], &[DataType::Mark], false);
    let element = |number: u32| {
        let value = Value::Data(vec![Datum::Number(number)]);
        (
            Key::point(vec![Datum::Address(
                std::net::Ipv4Addr::from(number).into(),
            )]),
            Element {
                value,
                comment: None,
            },
        )
    };
    let elements: Vec<_> = (0..10_000).map(element).collect();
    let operation = Operation::AddElements {
        set: "m".to_owned(),
        definition,
        elements,
        lifetime: None,
    };
    let batch = encode("y", &[operation], 7, None, 0, &|_| None).unwrap();
    assert!(batch.origins.len() > 1);
    let count: usize = batch.origins.iter().map(|origin| origin.starts.len()).sum();
    assert_eq!(count, 10_000);
    for origin in &batch.origins {
        let second = u32::try_from(origin.starts[1]).unwrap();
        assert_eq!(origin.element_at(second), Some(origin.first + 1));
        assert_eq!(origin.element_at(second - 1), Some(origin.first));
        assert_eq!(origin.element_at(0), None);
    }
}

#[test]
fn names_that_the_kernel_cannot_hold_are_refused() {
    for name in ["", "a\0b", &"a".repeat(256)] {
        let operation = Operation::DeleteChain {
            name: name.to_owned(),
        };
        let refused = encode("y", &[operation], 7, None, 0, &|_| None).unwrap_err();
        assert_eq!(refused, (0, None, EncodeError::Name(name.to_owned())));
    }
}
