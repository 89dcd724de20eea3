//! Small valid tables, drawn from few names so that two of them have much in common.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use ringfence_net::Family;
use ringfence_ruleset::{
    BaseChain, Chain, ChainKind, DataType, Datum, Element, Expression, Field, Hook, Key, Operand,
    Operator, Rule, Set, SetKind, Statement, TABLE_NAME, Table, Value, Verdict,
};

/// `SplitMix64`.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }

    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// Called chains; a chain jumps only to later ones.
const CALLED: [&str; 4] = ["a", "b", "c", "d"];

/// Sets of each shape: hash, interval, map, verdict map.
const SETS: [&str; 4] = ["hash", "range", "value", "verdict"];

pub(crate) fn table(random: &mut Random) -> Table {
    let mut table = Table {
        name: TABLE_NAME.to_owned(),
        comment: Some(format!("layout {}", u64::from(random.chance(5)))),
        chains: BTreeMap::new(),
        sets: BTreeMap::new(),
    };
    for name in CALLED {
        if random.chance(75) {
            table.chains.insert(name.to_owned(), Chain::default());
        }
    }
    for name in SETS {
        if random.chance(85) {
            let set = set(random, name, &table);
            table.sets.insert(name.to_owned(), set);
        }
    }
    fill_chains(random, &mut table);
    table
}

fn fill_chains(random: &mut Random, table: &mut Table) {
    let names: Vec<String> = table.chains.keys().cloned().collect();
    for name in &names {
        let later: Vec<&String> = names.iter().filter(|other| *other > name).collect();
        let rules = rules(random, table, &later);
        table.chains.get_mut(name).unwrap().rules = rules;
    }
    let base = Chain {
        base: Some(BaseChain {
            kind: ChainKind::Filter,
            hook: Hook::Forward,
            priority: 0,
        }),
        rules: rules(random, table, &names.iter().collect::<Vec<_>>()),
    };
    table.chains.insert("forward".to_owned(), base);
}

fn rules(random: &mut Random, table: &Table, targets: &[&String]) -> Vec<Rule> {
    let count = random.below(4);
    (0..count)
        .map(|_| Rule {
            statements: statements(random, table, targets),
            comment: None,
        })
        .collect()
}

fn statements(random: &mut Random, table: &Table, targets: &[&String]) -> Vec<Statement> {
    let mut statements = Vec::new();
    let source = Expression::Field(Field::SourceAddress(Family::V4));
    let has = |name: &str| table.sets.contains_key(name);
    match random.below(5) {
        0 if has("hash") => statements.push(within("hash", source)),
        1 if has("range") => statements.push(within("range", source)),
        2 if has("value") => statements.push(Statement::SetPriority(Expression::Map {
            key: Box::new(source),
            map: "value".to_owned(),
        })),
        3 if has("verdict") && calls_nobody(table) => {
            return vec![Statement::VerdictMap {
                key: source,
                map: "verdict".to_owned(),
            }];
        }
        _ => {}
    }
    statements.push(Statement::Verdict(verdict(random, targets)));
    statements
}

/// Whether the verdict map may stand in any chain without a loop.
fn calls_nobody(table: &Table) -> bool {
    let elements = table.sets["verdict"].elements.values();
    elements
        .filter_map(|element| match &element.value {
            Value::Verdict(verdict) => verdict.chain(),
            Value::Member | Value::Data(_) => None,
        })
        .next()
        .is_none()
}

fn within(set: &str, left: Expression) -> Statement {
    Statement::Match {
        left,
        operator: Operator::Equal,
        right: Operand::Set(set.to_owned()),
    }
}

fn verdict(random: &mut Random, targets: &[&String]) -> Verdict {
    let pick = random.below(4 + 2 * targets.len() as u64);
    let target = |index: u64| targets[usize::try_from(index).unwrap()].clone();
    let count = targets.len() as u64;
    match pick {
        0 => Verdict::Accept,
        1 => Verdict::Drop,
        2 => Verdict::Return,
        3 => Verdict::Continue,
        _ if pick - 4 < count => Verdict::Jump(target(pick - 4)),
        _ => Verdict::Goto(target(pick - 4 - count)),
    }
}

fn set(random: &mut Random, name: &str, table: &Table) -> Set {
    let kind = match name {
        "value" => SetKind::Map(vec![DataType::ClassId]),
        "verdict" => SetKind::VerdictMap,
        _ => SetKind::Set,
    };
    let mut set = Set {
        key: vec![DataType::Ipv4Address],
        kind,
        interval: name == "range",
        counted: name == "verdict",
        dynamic: false,
        timed: false,
        size: Some(if random.chance(5) { 32 } else { 16 }),
        elements: BTreeMap::new(),
    };
    let targets: Vec<&String> = table.chains.keys().collect();
    for start in 0..6 {
        if random.chance(50) {
            let key = key(random, start * 10, set.interval);
            let element = element(random, &set.kind, &targets);
            set.elements.insert(key, element);
        }
    }
    set
}

fn key(random: &mut Random, start: u8, interval: bool) -> Key {
    let length = if interval { random.below(10) } else { 0 };
    let address = |last: u64| {
        let last = u8::try_from(last).unwrap();
        Datum::Address(IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)))
    };
    Key::range(
        vec![address(start.into())],
        vec![address(u64::from(start) + length)],
    )
}

fn element(random: &mut Random, kind: &SetKind, targets: &[&String]) -> Element {
    let number = u32::try_from(random.below(3)).unwrap();
    Element {
        value: match kind {
            SetKind::Set => Value::Member,
            SetKind::Map(_) => Value::Data(vec![Datum::Number(number)]),
            SetKind::VerdictMap => Value::Verdict(verdict(random, targets)),
        },
        comment: random.chance(30).then(|| format!("policy {number}")),
    }
}
