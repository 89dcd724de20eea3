//! The chains that lead to Services, and those that lead nowhere.

use std::collections::BTreeMap;

use ringfence_net::{Family, IpProtocol};
use ringfence_ruleset::{Chain, ChainKind, Expression, Hook, Rule, Statement, Verdict};

use super::chains::{base, both, called, input_interface, pod_interface, to_node};
use super::part::{
    destination, equal, jump, not_equal, port_key, priority, protocol, rule, service_key,
    set_priority, source, verdict, within,
};
use super::reports::end_for;
use super::{BALANCES, GUARD, REFUSE, set_name};
use crate::report::Reason;

pub(super) fn chains() -> BTreeMap<String, Chain> {
    let chains = [
        ("services", services(Hook::Prerouting)),
        ("services-local", services(Hook::Output)),
        (GUARD, guard()),
        (REFUSE, refuse()),
    ];
    chains.map(|(name, chain)| (name.to_owned(), chain)).into()
}

/// Service address to backend, before judgement (rule DP-5). Whoever is in the cluster reaches Services at the ports of any
/// node; those from outside at the node that they come in at (rule OB-19). Whom a load balancer does not list comes to
/// nothing first.
fn services(hook: Hook) -> Chain {
    let from_pod = equal(input_interface(), pod_interface());
    let from_outside = not_equal(input_interface(), pod_interface());
    let at = |set: &'static str| move |family| within(destination(family), &set_name(set, family));
    let entry = |family| leads(service_key(family), "entries", family);
    let node_port = |family| leads(port_key(), "node-ports", family);
    let served = both(|family| rule(leads(service_key(family), "services", family)));
    let is_prerouting = hook == Hook::Prerouting;
    let mut rules: Vec<Rule> = both(|family| {
        let key = Expression::Concat(service_key(family));
        rule([within(key, &set_name("guarded", family)), jump(GUARD)])
    })
    .collect();
    if is_prerouting {
        rules.extend(both(|family| {
            rule([from_outside.clone()].into_iter().chain(entry(family)))
        }));
    }
    rules.extend(served);
    if is_prerouting {
        rules.extend(both(|family| {
            let tests = [from_pod.clone(), at("nodes")(family)];
            rule(tests.into_iter().chain(node_port(family)))
        }));
        rules.extend(both(|family| {
            let tests = [from_outside.clone(), at("own")(family)];
            rule(tests.into_iter().chain(node_port(family)))
        }));
    } else {
        rules.extend(both(|family| {
            let tests = [at("nodes")(family)];
            rule(tests.into_iter().chain(node_port(family)))
        }));
    }
    base(ChainKind::Nat, hook, -100, rules)
}

/// The number behind what is dialled, and the chain that it stands for.
fn leads(key: Vec<Expression>, map: &str, family: Family) -> [Statement; 2] {
    let number = Expression::Map {
        key: Box::new(Expression::Concat(key)),
        map: set_name(map, family),
    };
    let chain = Statement::VerdictMap {
        key: priority(),
        map: BALANCES.to_owned(),
    };
    [Statement::SetPriority(number), chain]
}

/// Who may connect to the addresses of a load balancer that lists its sources (rule OB-20).
fn guard() -> Chain {
    let listed = both(|family| {
        let mut key = service_key(family);
        key.push(source(family));
        let key = Expression::Concat(key);
        rule([
            within(key, &set_name("listed", family)),
            verdict(Verdict::Return),
        ])
    });
    let end = rule([end_for(Reason::Unlisted)]);
    called(listed.chain([end]).collect())
}

fn drawn(family: Family, mut key: Vec<Expression>, modulus: u32, map: &str) -> Statement {
    key.push(Expression::Random { modulus });
    Statement::DestinationNat {
        family,
        target: Expression::Map {
            key: Box::new(Expression::Concat(key)),
            map: set_name(map, family),
        },
    }
}

/// The chain that picks one of `count` backends, of a Service's address or of a port of the nodes.
pub(crate) fn balance_chain(count: u32) -> Chain {
    let of_address = both(|family| rule([drawn(family, service_key(family), count, "backends")]));
    let of_nodes = both(|family| {
        rule([
            to_node(family),
            drawn(family, port_key(), count, "node-backends"),
        ])
    });
    called(first_of(of_address.chain(of_nodes)))
}

/// The number that led here is not seen by others.
fn first_of(rules: impl Iterator<Item = Rule>) -> Vec<Rule> {
    std::iter::once(set_priority(0)).chain(rules).collect()
}

/// The same of `count` backends on this node.
pub(crate) fn local_balance_chain(count: u32) -> Chain {
    let rules = both(|family| rule([drawn(family, service_key(family), count, "local-backends")]));
    called(first_of(rules))
}

/// Nobody serves what is dialled (rule Q-8). A socket that connects over IPv6 heeds an ICMP error only at its second try, a second
/// later; a reset it heeds at once.
fn refuse() -> Chain {
    called(vec![
        rule([protocol(IpProtocol::TCP), Statement::Reset]),
        rule([Statement::Reject]),
    ])
}

pub(super) fn unserved(family: Family) -> [Statement; 2] {
    let key = Expression::Concat(service_key(family));
    [
        within(key, &set_name("unserved", family)),
        verdict(Verdict::Goto(REFUSE.to_owned())),
    ]
}
