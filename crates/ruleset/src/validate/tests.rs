use ringfence_net::Family;

use super::*;
use crate::sample::{
    address, base, called, chains, jump, map, number, packet, rule, set, set_priority, source,
    table, verdict, when,
};
use crate::{
    ChainKind, DataType, Datum, Element, Expression, Field, Key, MetaKey, Operand, Operator,
    SetKind, Statement, Value, Verdict, evaluate,
};

/// The errors of the sample after a change.
fn errors(change: impl FnOnce(&mut Table)) -> Vec<String> {
    let mut table = table();
    change(&mut table);
    let errors = validate(&table).unwrap_err();
    errors.iter().map(ToString::to_string).collect()
}

fn add_rule(table: &mut Table, statements: impl Into<Vec<Statement>>) {
    let rules = &mut table.chains.get_mut("judge").unwrap().rules;
    rules.push(rule(statements));
}

fn insert(table: &mut Table, set: &str, key: Key, value: Value) {
    let element = Element {
        value,
        comment: None,
    };
    let set = table.sets.get_mut(set).unwrap();
    set.elements.insert(key, element);
}

fn range(first: &str, last: &str) -> Key {
    Key::range(vec![address(first)], vec![address(last)])
}

#[test]
fn the_sample_is_valid() {
    assert_eq!(validate(&table()), Ok(()));
}

#[test]
fn names_are_ones_that_nft_reads_back() {
    let long = "a".repeat(256);
    for bad in [
        "", "1a", "a b", "a:b", "ä", &long, "fwd", "ip", "th", "limit",
    ] {
        let found = errors(|table| {
            table.chains.insert(bad.to_owned(), called([]));
        });
        assert_eq!(found.len(), 1, "{bad}");
    }
    let longest = "a".repeat(255);
    for good in ["balance-2", "a.b_c/d", "forward2", &longest] {
        let mut table = table();
        table.chains.insert(good.to_owned(), called([]));
        assert_eq!(validate(&table), Ok(()), "{good}");
    }
}

#[test]
fn comments_have_a_limit_and_no_quotes() {
    let at_limit = "x".repeat(127);
    for (comment, valid) in [
        (at_limit.clone(), true),
        (at_limit + "x", false),
        ("a\"b".to_owned(), false),
    ] {
        let mut table = table();
        table.comment = Some(comment);
        assert_eq!(validate(&table).is_ok(), valid);
    }
}

#[test]
fn rules_and_elements_refer_to_what_is_there() {
    assert_eq!(
        errors(|table| add_rule(table, [jump("nowhere")])),
        ["rule 3 of chain `judge` refers to the missing chain `nowhere`"]
    );
    assert_eq!(
        errors(|table| add_rule(table, [jump("forward")])),
        [
            "rule 3 of chain `judge` jumps to the base chain `forward`",
            "jumps from chain `forward` form a loop or go too deep",
            "jumps from chain `judge` form a loop or go too deep",
        ]
    );
    assert_eq!(
        errors(|table| {
            table.chains.remove("judge");
        }),
        ["element `10.0.0.1` of `isolated` refers to the missing chain `judge`"]
    );
    assert_eq!(
        errors(|table| {
            table.sets.remove("blocks");
        }),
        ["rule 1 of chain `judge` refers to the missing set `blocks`"]
    );
}

#[test]
fn lookups_have_the_kind_and_type_of_their_set() {
    let within = |left, set: &str| {
        let found = when(left, Operand::Set(set.to_owned()), Verdict::Drop);
        move |table: &mut Table| add_rule(table, found.statements)
    };
    assert_eq!(
        errors(within(source(), "classes")),
        ["rule 3 of chain `judge` uses `classes` as another kind of set than it is"]
    );
    let port = Expression::Field(Field::DestinationPort);
    assert_eq!(
        errors(within(port.clone(), "blocks")),
        ["rule 3 of chain `judge` has fields of other types than `blocks`"]
    );
    assert_eq!(
        errors(|table| add_rule(table, set_priority(map(source(), "isolated")).statements)),
        ["rule 3 of chain `judge` uses `isolated` as another kind of set than it is"]
    );
    assert_eq!(
        errors(|table| add_rule(table, set_priority(port).statements)),
        ["rule 3 of chain `judge` compares values of different types"]
    );
}

#[test]
fn operands_fit_their_field() {
    let bad = [
        (source(), Operand::Value(Datum::Port(1))),
        (source(), Operand::Value(address("::1"))),
        (
            source(),
            Operand::Range(address("10.0.0.2"), address("10.0.0.1")),
        ),
        (source(), Operand::Prefix("fd00::/8".parse().unwrap())),
        (source(), Operand::InterfacePrefix("vethrf".to_owned())),
        (
            source(),
            Operand::State(ringfence_net::ConnectionState::New),
        ),
        (
            Expression::Field(Field::TcpFlags),
            Operand::TcpFlags { mask: 1, value: 2 },
        ),
    ];
    for (left, right) in bad {
        let text = format!("{right:?}");
        let found = errors(|table| add_rule(table, when(left, right, Verdict::Drop).statements));
        assert_eq!(
            found,
            ["rule 3 of chain `judge` compares values of different types"],
            "{text}"
        );
    }
}

#[test]
fn elements_fit_their_set() {
    let member = Value::Member;
    let found = errors(|table| {
        insert(
            table,
            "blocks",
            range("10.0.0.7", "10.0.0.9"),
            member.clone(),
        )
    });
    assert_eq!(
        found,
        ["elements `10.0.0.0/29` and `10.0.0.7-10.0.0.9` of `blocks` overlap"]
    );
    let found = errors(|table| {
        insert(
            table,
            "blocks",
            range("10.9.0.7", "10.9.0.6"),
            member.clone(),
        )
    });
    assert_eq!(
        found,
        ["element `10.9.0.7-10.9.0.6` of `blocks` is not a key of that set"]
    );
    let found = errors(|table| insert(table, "blocks", range("::1", "::1"), member.clone()));
    assert_eq!(
        found,
        ["element `::1` of `blocks` is not a key of that set"]
    );
    let accept = Value::Verdict(Verdict::Accept);
    let found = errors(|table| {
        insert(
            table,
            "isolated",
            range("1.0.0.0", "1.0.0.9"),
            accept.clone(),
        )
    });
    assert_eq!(
        found,
        ["element `1.0.0.0-1.0.0.9` of `isolated` is not a key of that set"]
    );
    let found = errors(|table| insert(table, "blocks", range("1.0.0.0", "1.0.0.9"), accept));
    assert_eq!(
        found,
        ["element `1.0.0.0-1.0.0.9` of `blocks` has a value of another type"]
    );
}

#[test]
fn overlaps_are_found_in_any_field_of_a_concatenation() {
    let key = |first: (&str, u16), last: (&str, u16)| {
        Key::range(
            vec![address(first.0), Datum::Port(first.1)],
            vec![address(last.0), Datum::Port(last.1)],
        )
    };
    let mut ranges = set(SetKind::Set, true, &[]);
    ranges.key.push(DataType::InetService);
    let mut table = table();
    table.sets.insert("ranges".to_owned(), ranges);
    insert(
        &mut table,
        "ranges",
        key(("10.0.0.0", 80), ("10.0.0.255", 90)),
        Value::Member,
    );
    insert(
        &mut table,
        "ranges",
        key(("10.0.0.9", 91), ("10.0.0.9", 99)),
        Value::Member,
    );
    assert_eq!(validate(&table), Ok(()));
    insert(
        &mut table,
        "ranges",
        key(("10.0.0.9", 85), ("10.0.0.9", 86)),
        Value::Member,
    );
    assert!(matches!(
        validate(&table).unwrap_err().as_slice(),
        [ValidationError::Overlap { .. }]
    ));
}

#[test]
fn a_set_holds_no_more_than_its_size() {
    let found = errors(|table| table.sets.get_mut("classes").unwrap().size = Some(1));
    assert_eq!(found, ["set `classes` holds 2 elements and has room for 1"]);
    let found = errors(|table| table.sets.get_mut("classes").unwrap().key.clear());
    assert!(
        found.contains(&"set `classes` has a key or value that the kernel cannot hold".to_owned())
    );
}

#[test]
fn translation_stays_in_its_hooks() {
    let masquerade = || rule([Statement::Masquerade]);
    let at = |kind, hook| {
        let table = chains([
            ("out", base(kind, hook, [rule([jump("translate")])])),
            ("translate", called([masquerade()])),
        ]);
        validate(&table).is_ok()
    };
    assert!(at(ChainKind::Nat, Hook::Postrouting));
    assert!(!at(ChainKind::Filter, Hook::Postrouting));
    assert!(!at(ChainKind::Nat, Hook::Output));
    let found = errors(|table| {
        let chain = base(ChainKind::Nat, Hook::Forward, []);
        table.chains.insert("nat".to_owned(), chain);
    });
    assert_eq!(
        found,
        ["chain `nat` cannot translate addresses at hook forward"]
    );
    let found = errors(|table| {
        let chain = base(
            ChainKind::Filter,
            Hook::Postrouting,
            [rule([Statement::Reject])],
        );
        table.chains.insert("late".to_owned(), chain);
    });
    assert_eq!(
        found,
        ["rule 0 of chain `late` is reached from base chain `late`, where it is not allowed"]
    );
}

/// nft writes the test by itself, and a table that was read back would differ.
#[test]
fn only_what_is_tested_for_tcp_is_reset() {
    let test = |operator, number| Statement::Match {
        left: Expression::Meta(MetaKey::L4Protocol),
        operator,
        right: Operand::Value(Datum::Byte(number)),
    };
    let found = |statements: &[Statement]| {
        let chain = base(ChainKind::Nat, Hook::Prerouting, [rule(statements)]);
        let error = validate(&chains([("refuse", chain)])).err();
        error.map(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    let refused = Some(vec![
        "rule 0 of chain `refuse` resets connections without a test for TCP".to_owned(),
    ]);
    let reset = Statement::Reset;
    let is_tcp = test(Operator::Equal, 6);
    assert_eq!(found(&[is_tcp.clone(), reset.clone()]), None);
    assert_eq!(found(std::slice::from_ref(&reset)), refused);
    assert_eq!(found(&[reset.clone(), is_tcp]), refused);
    assert_eq!(found(&[test(Operator::Equal, 17), reset.clone()]), refused);
    assert_eq!(found(&[test(Operator::NotEqual, 6), reset]), refused);
}

#[test]
fn a_packet_is_left_untracked_before_it_is_tracked() {
    let at = |kind, hook, priority| {
        let mut first = base(kind, hook, [rule([Statement::NoTrack])]);
        first.base.as_mut().unwrap().priority = priority;
        validate(&chains([("first", first)])).is_ok()
    };
    assert!(at(ChainKind::Filter, Hook::Prerouting, -300));
    assert!(at(ChainKind::Filter, Hook::Output, -201));
    assert!(!at(ChainKind::Filter, Hook::Prerouting, -200), "too late");
    assert!(!at(ChainKind::Filter, Hook::Forward, -300));
    assert!(!at(ChainKind::Nat, Hook::Prerouting, -300));
}

/// What packets write goes for a time into a map that nobody else writes, and that has a size.
#[test]
fn packets_write_into_maps_that_are_theirs() {
    let source = || Expression::Field(Field::SourceAddress(Family::V4));
    let remember = |map: &str, seconds| Statement::Remember {
        key: source(),
        value: Expression::Meta(MetaKey::Priority),
        map: map.to_owned(),
        seconds,
    };
    let forget = |value| Statement::Forget {
        key: source(),
        value,
        map: "own".to_owned(),
    };
    let errors = |statement: Statement, change: &dyn Fn(&mut crate::Set)| {
        let mut table = table();
        let mut own = crate::Set {
            interval: false,
            dynamic: true,
            ..table.sets["classes"].definition()
        };
        change(&mut own);
        table.sets.insert("own".to_owned(), own);
        add_rule(&mut table, vec![statement]);
        validate(&table).map_or_else(|errors| errors.len(), |()| 0)
    };
    let same = |_: &mut crate::Set| {};
    assert_eq!(errors(remember("own", 30), &same), 0);
    assert_eq!(
        errors(forget(Expression::Meta(MetaKey::Priority)), &same),
        0
    );
    assert_eq!(errors(forget(source()), &same), 1, "another value");
    assert_eq!(errors(remember("own", 0), &same), 1, "for no time");
    assert_eq!(
        errors(remember("classes", 30), &same),
        1,
        "where others write"
    );
    let unbounded = |set: &mut crate::Set| set.size = None;
    assert_eq!(errors(remember("own", 30), &unbounded), 1, "without a size");
    let counted = |set: &mut crate::Set| set.counted = true;
    assert_eq!(errors(remember("own", 30), &counted), 1, "with counters");
}

#[test]
fn a_random_number_needs_a_modulus() {
    let found = errors(|table| {
        let right = Operand::Value(Datum::Number(0));
        add_rule(
            table,
            when(Expression::Random { modulus: 0 }, right, Verdict::Drop).statements,
        );
    });
    assert_eq!(
        found,
        ["rule 3 of chain `judge` asks for a random number below 0"]
    );
    assert_eq!(set_priority(number(1)).to_string(), "meta priority set 0:1");
}

/// 15 jumps in a row are what Linux 6.18 takes; one more is `EMLINK`.
#[test]
fn calls_go_as_deep_as_the_kernel_lets_them() {
    let names = [
        "c00", "c01", "c02", "c03", "c04", "c05", "c06", "c07", "c08",
    ];
    let more = [
        "c09", "c10", "c11", "c12", "c13", "c14", "c15", "c16", "c17",
    ];
    let names = [names, more].concat();
    let deep = |count: usize| {
        let links = names.windows(2).take(count - 1);
        let mut all: Vec<_> = links
            .map(|pair| (pair[0], called([rule([jump(pair[1])])])))
            .collect();
        all.push((names[count - 1], called([verdict(Verdict::Drop)])));
        all.push((
            "start",
            base(ChainKind::Filter, Hook::Forward, [rule([jump("c00")])]),
        ));
        chains(all)
    };
    assert_eq!(validate(&deep(15)), Ok(()));
    assert!(validate(&deep(16)).is_err());
    let dropped = evaluate(
        &deep(15),
        Hook::Forward,
        &packet("1.1.1.1", "2.2.2.2", 80),
        &mut |_| 0,
    );
    assert_eq!(dropped.outcome, crate::Outcome::Drop);
    assert_eq!(dropped.trace.len(), 16);
}
