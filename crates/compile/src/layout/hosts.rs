//! The chains that judge who gets in to the node itself (rules HF-*).

use std::collections::BTreeMap;

use ringfence_net::Family;
use ringfence_ruleset::{
    Chain, ChainKind, Datum, Expression, Field, Hook, MetaKey, Operand, Statement, Verdict,
};

use super::chains::{
    base, both, called, input_interface, of_family, pod_interface, to_tunnel, tracked,
};
use super::part::{
    destination, equal, jump, priority, rule, set_priority, source, verdict, within,
};
use super::reports::end_for;
use super::{HostPass, set_name};
use crate::report::Reason;

/// After what judges pods, which may drop what a host firewall lets in, and lets pass what it drops.
const AFTER_PODS: i32 = 20;
/// Before anybody translates destinations: ours are at -100, and so are those of others.
const BEFORE_TRANSLATION: i32 = -120;
const LOOPBACK: &str = "lo";

pub(super) fn chains() -> BTreeMap<String, Chain> {
    let mut chains = BTreeMap::from([
        ("host".to_owned(), input()),
        ("host-ports".to_owned(), ports()),
    ]);
    for family in Family::ALL {
        chains.insert(entry_name(family), entry(family));
        for pass in HostPass::ALL {
            chains.insert(pass.chain(family), judge(pass, family));
        }
    }
    chains
}

/// What is delivered to the node. What belongs to a connection stays (rule HF-6).
fn input() -> Chain {
    let mut rules = vec![
        rule([from_itself(), verdict(Verdict::Accept)]),
        rule([to_tunnel(), verdict(Verdict::Accept)]),
    ];
    rules.extend(tracked());
    rules.extend(both(|family| {
        rule([of_family(family), jump(&entry_name(family))])
    }));
    rules.push(set_priority(0));
    base(ChainKind::Filter, Hook::Input, AFTER_PODS, rules)
}

/// Ports of this node that lead elsewhere, for those from outside (rule HF-8): only what opens a connection comes here.
fn ports() -> Chain {
    let mut rules = vec![
        rule([from_itself(), verdict(Verdict::Accept)]),
        rule([
            equal(input_interface(), pod_interface()),
            verdict(Verdict::Accept),
        ]),
    ];
    rules.extend(both(|family| {
        let own = within(destination(family), &set_name("own", family));
        rule([own, jump(&entry_name(family))])
    }));
    rules.push(set_priority(0));
    base(ChainKind::Nat, Hook::Prerouting, BEFORE_TRANSLATION, rules)
}

fn from_itself() -> Statement {
    let name = Datum::Interface(LOOPBACK.to_owned());
    equal(input_interface(), Operand::Value(name))
}

fn entry_name(family: Family) -> String {
    set_name("host-entry", family)
}

/// A trial that runs decides alone; when its elements have left, what is confirmed does (rule HF-4).
fn entry(family: Family) -> Chain {
    let rules = HostPass::ALL.map(|pass| {
        rule([Statement::VerdictMap {
            key: Expression::Meta(MetaKey::L4Protocol),
            map: pass.set("", family),
        }])
    });
    called(rules.to_vec())
}

/// HF-5: by the class of the source.
fn judge(pass: HostPass, family: Family) -> Chain {
    let class = Expression::Map {
        key: Box::new(source(family)),
        map: pass.set("-peers", family),
    };
    let looked_up = |stem| {
        let key = vec![
            priority(),
            Expression::Meta(MetaKey::L4Protocol),
            Expression::Field(Field::DestinationPort),
        ];
        rule([Statement::VerdictMap {
            key: Expression::Concat(key),
            map: pass.set(stem, family),
        }])
    };
    called(vec![
        set_priority(0),
        rule([Statement::SetPriority(class)]),
        looked_up("-ports"),
        looked_up("-ranges"),
        rule([end_for(Reason::Host)]),
    ])
}
