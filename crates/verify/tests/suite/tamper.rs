//! Ways to tamper with a table.

use std::sync::Arc;

use ringfence_ruleset::{Datum, Element, Key, Operator, Rule, Statement, Table, Value, Verdict};
use ringfence_testkit::random::Random;

/// One way to tamper with a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tampering {
    ElementRemoved,
    ElementAdded,
    ElementVerdict,
    ElementValue,
    IntervalWidened,
    RuleRemoved,
    RulesSwapped,
    RuleVerdict,
    TestReversed,
}

pub(crate) const ALL: [Tampering; 9] = [
    Tampering::ElementRemoved,
    Tampering::ElementAdded,
    Tampering::ElementVerdict,
    Tampering::ElementValue,
    Tampering::IntervalWidened,
    Tampering::RuleRemoved,
    Tampering::RulesSwapped,
    Tampering::RuleVerdict,
    Tampering::TestReversed,
];

/// The table changed in one place, and what that is; nothing if there is no such place.
pub(crate) fn tamper(
    table: &Table,
    how: Tampering,
    random: &mut Random,
) -> Option<(Table, String)> {
    let mut changed = table.clone();
    let what = match how {
        Tampering::ElementRemoved => {
            let (set, key) = any_element(table, random)?;
            changed.sets.get_mut(&set)?.elements.remove(&key)?;
            describe(table, &set, &key)
        }
        Tampering::ElementAdded => added(&mut changed, random)?,
        Tampering::ElementVerdict | Tampering::ElementValue => {
            let (set, key) = any_element(table, random)?;
            let element = changed.sets.get_mut(&set)?.elements.get_mut(&key)?;
            let wants_verdict = how == Tampering::ElementVerdict;
            revalue(element, wants_verdict, random)?;
            describe(table, &set, &key)
        }
        Tampering::IntervalWidened => widened(&mut changed, random)?,
        Tampering::RuleRemoved => {
            let (chain, rule) = any_rule(table, random)?;
            let removed = changed.chains.get_mut(&chain)?.rules.remove(rule);
            format!("{chain}[{rule}] {removed}")
        }
        Tampering::RulesSwapped => {
            let (chain, rule) = any_rule(table, random)?;
            let rules = &mut changed.chains.get_mut(&chain)?.rules;
            let other = rule + 1;
            (other < rules.len()).then(|| rules.swap(rule, other))?;
            format!("{chain}[{rule}] {}", rules[rule])
        }
        Tampering::RuleVerdict | Tampering::TestReversed => {
            let (chain, rule) = any_rule(table, random)?;
            let own = &mut changed.chains.get_mut(&chain)?.rules[rule];
            let before = own.to_string();
            reverse(own, how == Tampering::RuleVerdict)?;
            format!("{chain}[{rule}] {before}")
        }
    };
    (changed != *table).then_some((changed, what))
}

fn describe(table: &Table, set: &str, key: &Key) -> String {
    let set_of = &table.sets[set];
    format!(
        "{set} {{ {} }}",
        set_of.element_text(key, &set_of.elements[key])
    )
}

/// Whether the chain chooses among so many backends that no Service has: no packet meets it.
fn is_idle(table: &Table, chain: &str) -> bool {
    let number = chain.strip_prefix("balance-").map(str::parse::<u32>);
    let Some(Ok(number)) = number else {
        return false;
    };
    let leads =
        ["services", "entries", "node-ports"].map(|stem| [4, 6].map(|it| format!("{stem}{it}")));
    let sets = leads
        .iter()
        .flatten()
        .filter_map(|name| table.sets.get(name));
    let mut elements = sets.flat_map(|set| set.elements.values());
    let wanted = Value::Data(vec![Datum::Number(number)]);
    !elements.any(|element| element.value == wanted)
}

fn leads_nowhere(table: &Table, element: &Element) -> bool {
    matches!(&element.value, Value::Verdict(Verdict::Goto(chain)) if is_idle(table, chain))
}

fn any_element(table: &Table, random: &mut Random) -> Option<(String, Key)> {
    let used = |name: &String| -> Vec<&Key> {
        let elements = table.sets[name].elements.iter();
        let used = elements.filter(|(_, element)| !leads_nowhere(table, element));
        used.map(|(key, _)| key).collect()
    };
    let filled: Vec<&String> = table
        .sets
        .keys()
        .filter(|name| !used(name).is_empty())
        .collect();
    if filled.is_empty() {
        return None;
    }
    let set = *random.pick(&filled).unwrap();
    Some((set.clone(), (*random.pick(&used(set)).unwrap()).clone()))
}

fn any_rule(table: &Table, random: &mut Random) -> Option<(String, usize)> {
    let rules: Vec<(String, usize)> = table
        .chains
        .iter()
        .filter(|(name, _)| !is_idle(table, name))
        .flat_map(|(name, chain)| (0..chain.rules.len()).map(move |at| (name.clone(), at)))
        .collect();
    (!rules.is_empty()).then(|| random.pick(&rules).unwrap().clone())
}

/// An element like another one, with one field taken from a third.
fn added(table: &mut Table, random: &mut Random) -> Option<String> {
    let (name, key) = any_element(table, random)?;
    let set = table.sets.get_mut(&name)?;
    let element = set.elements[&key].clone();
    let field = random.below(key.first.len());
    let others: Vec<&Key> = set.elements.keys().collect();
    let other = *random.pick(&others).unwrap();
    let mut added = key.clone();
    Arc::make_mut(&mut added.first)[field] = other.first[field].clone();
    Arc::make_mut(&mut added.last)[field] = other.last[field].clone();
    if added == key || random.chance(33) {
        let next = next(&added.last[field])?;
        Arc::make_mut(&mut added.first)[field] = next.clone();
        Arc::make_mut(&mut added.last)[field] = next;
    }
    let overlaps = set.elements.keys().any(|own| own.overlaps(&added));
    (!overlaps).then_some(())?;
    set.elements.insert(added.clone(), element);
    Some(describe(table, &name, &added))
}

fn widened(table: &mut Table, random: &mut Random) -> Option<String> {
    let names: Vec<String> = table
        .sets
        .iter()
        .filter(|(_, set)| set.interval && !set.elements.is_empty())
        .map(|(name, _)| name.clone())
        .collect();
    if names.is_empty() {
        return None;
    }
    let name = random.pick(&names).unwrap().clone();
    let set = table.sets.get_mut(&name)?;
    let keys: Vec<Key> = set.elements.keys().cloned().collect();
    let key = random.pick(&keys).unwrap().clone();
    let element = set.elements.remove(&key)?;
    let mut wide = key.clone();
    let last = wide.last.len() - 1;
    Arc::make_mut(&mut wide.last)[last] = next(&key.last[last])?;
    let overlaps = set.elements.keys().any(|own| own.overlaps(&wide));
    (!overlaps).then_some(())?;
    set.elements.insert(wide.clone(), element);
    Some(describe(table, &name, &wide))
}

fn next(datum: &Datum) -> Option<Datum> {
    Some(match datum {
        Datum::Address(std::net::IpAddr::V4(own)) => {
            Datum::Address(std::net::Ipv4Addr::from_bits(own.to_bits().checked_add(1)?).into())
        }
        Datum::Address(std::net::IpAddr::V6(own)) => {
            Datum::Address(std::net::Ipv6Addr::from_bits(own.to_bits().checked_add(1)?).into())
        }
        Datum::Byte(own) => Datum::Byte(own.checked_add(1)?),
        Datum::Port(own) => Datum::Port(own.checked_add(1)?),
        Datum::Number(own) => Datum::Number(own.checked_add(1)?),
        Datum::Cgroup(own) => Datum::Cgroup(own.checked_add(1)?),
        Datum::Interface(own) => Datum::Interface(own.replace(char::is_numeric, "x")),
    })
}

fn revalue(element: &mut Element, wants_verdict: bool, random: &mut Random) -> Option<()> {
    match &mut element.value {
        Value::Verdict(verdict) if wants_verdict => {
            let others = [
                Verdict::Drop,
                Verdict::Return,
                Verdict::Accept,
                Verdict::Continue,
            ];
            *verdict = random.pick(&others).unwrap().clone();
        }
        Value::Data(data) if !wants_verdict => {
            let field = random.below(data.len());
            data[field] = next(&data[field])?;
        }
        Value::Verdict(_) | Value::Data(_) | Value::Member => return None,
    }
    Some(())
}

/// The contrary of what a rule says at its end, or of its first test.
fn reverse(rule: &mut Rule, verdict: bool) -> Option<()> {
    for statement in &mut rule.statements {
        match statement {
            Statement::Verdict(own) if verdict => {
                *own = match own {
                    Verdict::Drop => Verdict::Accept,
                    Verdict::Accept | Verdict::Return => Verdict::Drop,
                    Verdict::Jump(_) | Verdict::Goto(_) | Verdict::Continue => Verdict::Accept,
                };
                return Some(());
            }
            Statement::Match { operator, .. } if !verdict => {
                *operator = match operator {
                    Operator::Equal => Operator::NotEqual,
                    Operator::NotEqual => Operator::Equal,
                };
                return Some(());
            }
            Statement::Verdict(_)
            | Statement::Match { .. }
            | Statement::VerdictMap { .. }
            | Statement::SetPriority(_)
            | Statement::DestinationNat { .. }
            | Statement::Remember { .. }
            | Statement::Forget { .. }
            | Statement::Masquerade
            | Statement::Limit(_)
            | Statement::Log(_)
            | Statement::NoTrack
            | Statement::Reject
            | Statement::Reset => {}
        }
    }
    None
}
