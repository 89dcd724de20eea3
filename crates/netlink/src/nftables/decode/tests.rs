use proptest::prelude::*;
use ringfence_ruleset::{
    Datum, Expression, Field, MetaKey, Operand, Operation, Operator, Rule, Statement,
};

use super::*;
use crate::nftables::batch;

/// Bodies of messages as the kernel could send them: it uses the attributes of the requests.
fn messages() -> Vec<Vec<u8>> {
    let key = vec![DataType::Ipv4Address, DataType::ClassId];
    let kind = SetKind::VerdictMap;
    let set = Set {
        key,
        kind,
        interval: true,
        counted: true,
        dynamic: false,
        timed: false,
        size: Some(7),
        elements: BTreeMap::new(),
    };
    let fields = |number| vec![Datum::Address([10, 0, 0, 1].into()), Datum::Number(number)];
    let element = Element {
        value: Value::Verdict(Verdict::Jump("c".to_owned())),
        comment: Some("why".to_owned()),
    };
    let elements = vec![(Key::range(fields(1), fields(9)), element)];
    let address = Expression::Field(Field::SourceAddress(ringfence_net::Family::V4));
    let priority = Expression::Meta(MetaKey::Priority);
    let key = Expression::Concat(vec![address.clone(), priority]);
    let block = Operand::Prefix("10.0.0.0/9".parse().unwrap());
    let statements = vec![
        Statement::Match {
            left: address,
            operator: Operator::NotEqual,
            right: block,
        },
        Statement::VerdictMap {
            key,
            map: "s".to_owned(),
        },
    ];
    let rule = Rule {
        statements,
        comment: Some("r".to_owned()),
    };
    let operations = [
        Operation::AddSet {
            name: "s".to_owned(),
            set: set.clone(),
        },
        Operation::AddElements {
            set: "s".to_owned(),
            definition: set,
            elements,
            lifetime: None,
        },
        Operation::AddRule {
            chain: "c".to_owned(),
            rule,
        },
    ];
    let one = |operation| {
        let bytes = batch::encode("t", &[operation], 1, None, 0, &|_| Some(true))
            .unwrap()
            .bytes;
        bytes[40..bytes.len() - 20].to_vec()
    };
    operations.map(one).to_vec()
}

fn read(messages: &[Vec<u8>]) -> Option<(Set, Option<Vec<Statement>>)> {
    let attributes = |at: usize| Attributes::new(&messages[at]);
    let (name, mut set) = definition(&attributes(0)).ok()??;
    let list = attributes(1).find(element::LIST_ELEMENTS)?.nested();
    set.elements = elements(&name, &set, list).ok()?.elements;
    let sets = BTreeMap::from([(name, set.clone())]);
    let list = attributes(2).find(rule::EXPRESSIONS)?.nested();
    Some((set, disassemble::statements(list, &sets)))
}

#[test]
fn what_is_written_is_read() {
    let (set, statements) = read(&messages()).unwrap();
    assert_eq!(set.elements.len(), 1);
    assert_eq!(statements.unwrap().len(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn broken_messages_are_read_without_panic(
        changes in proptest::collection::vec((0..3_usize, any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in proptest::option::of((0..3_usize, any::<prop::sample::Index>())),
    ) {
        let mut messages = messages();
        for (message, place, value) in changes {
            let message = &mut messages[message];
            let place = place.index(message.len());
            message[place] = value;
        }
        if let Some((message, place)) = cut {
            let length = place.index(messages[message].len());
            messages[message].truncate(length);
        }
        let _ = read(&messages);
        for message in &messages {
            let attributes = Attributes::new(message);
            let _ = chain(&attributes);
            let _ = rule(&attributes, &BTreeMap::new());
            let _ = comment(message);
        }
    }
}
