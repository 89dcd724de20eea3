use std::collections::BTreeMap;
use std::net::Ipv6Addr;

use ipnet::{IpNet, Ipv6Net};
use ringfence_model::Direction;
use ringfence_net::{ConnectionState, Family, IpProtocol, TcpFlags};
use ringfence_ruleset::{
    BaseChain, Chain, ChainKind, Datum, Expression, Field, Hook, MetaKey, Operand, Rule, Statement,
    Verdict,
};

use super::part::{
    destination, equal, jump, not_equal, priority, protocol, rule, service_key, set_priority,
    source, state, verdict, within,
};
use super::reports::{self, end_for};
use super::services::unserved;
use super::{
    ANY_PEER, INTERFACE_PREFIX, OWN_SELF, Pass, audit_chain, direction_set, judge_chain,
    self_chain, set_name,
};
use crate::report::{Reason, Record};

/// RFC 4291, section 2.5.6.
const LINK_LOCAL: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10);
/// Multicast of link scope: RFC 4291, section 2.7.
const LINK_MULTICAST: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0), 16);
/// How the kernel numbers the families (`NFPROTO_IPV4`, `NFPROTO_IPV6`).
const NFPROTO_IPV4: u8 = 2;
const NFPROTO_IPV6: u8 = 10;
/// Before connection tracking and address translation (`NF_IP_PRI_RAW`).
const BEFORE_TRACKING: i32 = -300;
/// The source of a host that has no address yet.
const UNSPECIFIED: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 128);

pub(super) fn base_chains(record: Record) -> BTreeMap<String, Chain> {
    let chains = [
        ("prerouting", prerouting()),
        ("forward", forward(record)),
        ("input", input(record)),
        ("output", output()),
        ("postrouting", postrouting()),
        ("untracked", untracked()),
        ("feeders", feeders()),
        ("related", related()),
        ("strict", strict()),
        ("unwired", unwired()),
    ];
    let families = Family::ALL.into_iter().flat_map(|family| {
        [
            ("opening", opening(family)),
            ("from-pod", from_pod(family)),
            ("to-pod", to_pod(family)),
        ]
        .map(|(stem, chain)| (set_name(stem, family), chain))
    });
    chains
        .into_iter()
        .map(|(name, chain)| (name.to_owned(), chain))
        .chain(families)
        .collect()
}

pub(super) fn base(kind: ChainKind, hook: Hook, priority: i32, rules: Vec<Rule>) -> Chain {
    Chain {
        base: Some(BaseChain {
            kind,
            hook,
            priority,
        }),
        rules,
    }
}

pub(super) fn called(rules: Vec<Rule>) -> Chain {
    Chain { base: None, rules }
}

pub(super) fn both(rule: impl Fn(Family) -> Rule) -> impl Iterator<Item = Rule> {
    Family::ALL.into_iter().map(rule)
}

pub(super) fn pod_interface() -> Operand {
    Operand::InterfacePrefix(INTERFACE_PREFIX.to_owned())
}

pub(super) fn input_interface() -> Expression {
    Expression::Meta(MetaKey::InputInterface)
}

fn output_interface() -> Expression {
    Expression::Meta(MetaKey::OutputInterface)
}

/// Neighbour discovery, never filtered (rule NP-66): from and to addresses of the link, where no router forwards it and
/// no answer leaves it. Else a pod could carry data out in such messages, under any source address.
fn neighbour_discovery() -> impl Iterator<Item = Rule> {
    let sources = [LINK_LOCAL, UNSPECIFIED];
    let destinations = [LINK_LOCAL, LINK_MULTICAST];
    let pairs = sources
        .into_iter()
        .flat_map(move |from| destinations.map(|to| (from, to)));
    pairs.map(|(from, to)| {
        rule([
            equal(source(Family::V6), block(from)),
            equal(destination(Family::V6), block(to)),
            equal(
                Expression::Field(Field::Icmpv6Type),
                Operand::Range(Datum::Byte(133), Datum::Byte(137)),
            ),
            verdict(Verdict::Accept),
        ])
    })
}

/// A block, or its address if it is one.
fn block(block: Ipv6Net) -> Operand {
    if block.prefix_len() == block.max_prefix_len() {
        Operand::Value(Datum::Address(block.addr().into()))
    } else {
        Operand::Prefix(IpNet::V6(block))
    }
}

/// What arrives through the tunnel between nodes counts as what its inner header says: nobody but a node may feed it.
/// The kernel listens on every address of the node, so the port alone decides.
fn feeders() -> Chain {
    let mut rules = vec![rule([
        equal(input_interface(), pod_interface()),
        end_for(Reason::Tunnel),
    ])];
    rules.extend(both(|family| {
        rule([from_node(family), verdict(Verdict::Return)])
    }));
    rules.push(rule([end_for(Reason::Tunnel)]));
    called(rules)
}

fn from_node(family: Family) -> Statement {
    within(source(family), &set_name("nodes", family))
}

pub(super) fn to_node(family: Family) -> Statement {
    within(destination(family), &set_name("nodes", family))
}

pub(super) fn to_tunnel() -> Statement {
    let key = vec![
        Expression::Meta(MetaKey::L4Protocol),
        Expression::Field(Field::DestinationPort),
    ];
    within(Expression::Concat(key), "tunnels")
}

/// Established connections, and errors that belong to one (rules NP-63, DP-21).
pub(super) fn tracked() -> [Rule; 2] {
    [
        rule([
            state(ConnectionState::Established),
            verdict(Verdict::Accept),
        ]),
        rule([state(ConnectionState::Related), jump("related")]),
    ]
}

fn related() -> Chain {
    let errors = [IpProtocol::ICMP, IpProtocol::ICMPV6];
    called(
        errors
            .map(|number| rule([protocol(number), verdict(Verdict::Accept)]))
            .to_vec(),
    )
}

/// Who you are: pods speak with their own address from their own interface, and nobody else with the address of a
/// pod of this node. What pods send comes first, because there is most of it.
fn prerouting() -> Chain {
    let mut rules: Vec<Rule> = both(|family| {
        let key = Expression::Concat(vec![input_interface(), source(family)]);
        let endpoints = set_name("endpoints", family);
        rule([within(key, &endpoints), verdict(Verdict::Accept)])
    })
    .collect();
    rules.push(rule([
        equal(input_interface(), pod_interface()),
        verdict(Verdict::Goto("unwired".to_owned())),
    ]));
    rules.extend(both(|family| {
        rule([
            to_tunnel(),
            from_node(family),
            to_node(family),
            Statement::NoTrack,
            verdict(Verdict::Accept),
        ])
    }));
    rules.extend(both(|family| {
        rule([
            within(source(family), &set_name("locals", family)),
            end_for(Reason::Spoofed),
        ])
    }));
    base(ChainKind::Filter, Hook::Prerouting, BEFORE_TRACKING, rules)
}

/// From the interface of a pod, with an address that it does not have or has not yet.
fn unwired() -> Chain {
    let mut rules: Vec<Rule> = neighbour_discovery().collect();
    rules.push(rule([end_for(Reason::Spoofed)]));
    called(rules)
}

/// Tunnels between nodes are not tracked: each packet in them is, as what it is inside.
fn untracked() -> Chain {
    let rules = both(|family| rule([to_tunnel(), to_node(family), Statement::NoTrack]));
    base(
        ChainKind::Filter,
        Hook::Output,
        BEFORE_TRACKING,
        rules.collect(),
    )
}

fn judged(direction: Direction, family: Family) -> Rule {
    let key = match direction {
        Direction::Egress => source(family),
        Direction::Ingress => destination(family),
    };
    let map = direction_set(direction, "", family);
    let judge = jump(&judge_chain(direction, family));
    rule([Statement::VerdictMap { key, map }, judge])
}

fn hairpin_key(family: Family) -> Expression {
    Expression::Concat(vec![source(family), destination(family)])
}

/// What opens a connection and came this far is reported too, where the layout says so.
fn recorded(record: Record) -> Option<Rule> {
    match record {
        Record::Denied => None,
        Record::All => Some(reports::allowed()),
    }
}

/// From pods and to pods (rules DP-1, DP-4): what opens a connection goes on in the chain of its family.
fn forward(record: Record) -> Chain {
    let mut rules = tracked().to_vec();
    rules.extend(both(|family| {
        rule([of_family(family), jump(&set_name("opening", family))])
    }));
    rules.push(set_priority(0));
    rules.extend(recorded(record));
    base(ChainKind::Filter, Hook::Forward, 0, rules)
}

pub(super) fn of_family(family: Family) -> Statement {
    let number = match family {
        Family::V4 => NFPROTO_IPV4,
        Family::V6 => NFPROTO_IPV6,
    };
    equal(
        Expression::Meta(MetaKey::NfProtocol),
        Operand::Value(Datum::Byte(number)),
    )
}

/// Between tunnels and nodes there is nothing to forward: only a Service with such a backend would lead there, under the source
/// of this node.
fn opening(family: Family) -> Chain {
    let from = rule([
        equal(input_interface(), pod_interface()),
        jump(&set_name("from-pod", family)),
    ]);
    let to = rule([
        equal(output_interface(), pod_interface()),
        jump(&set_name("to-pod", family)),
    ]);
    called(vec![
        from,
        to,
        rule([to_tunnel(), to_node(family), end_for(Reason::Tunnel)]),
        rule(unserved(family)),
        judged(Direction::Egress, family),
        judged(Direction::Ingress, family),
    ])
}

/// A pod may use the tunnel's port towards other pods; beyond them any address may be a node's. What a pod sends to
/// itself is judged apart.
fn from_pod(family: Family) -> Chain {
    let pods = Operand::Set(set_name("pods", family));
    called(vec![
        rule([jump("strict")]),
        rule([
            to_tunnel(),
            not_equal(destination(family), pods),
            end_for(Reason::Tunnel),
        ]),
        rule([
            Statement::VerdictMap {
                key: hairpin_key(family),
                map: set_name("selves", family),
            },
            verdict(Verdict::Goto(self_chain(family))),
        ]),
    ])
}

/// Pods that are not programmed yet are not reached (rules NP-65, DP-26).
fn to_pod(family: Family) -> Chain {
    let key = Expression::Concat(vec![output_interface(), destination(family)]);
    let set = set_name("endpoints", family);
    called(vec![
        rule([
            not_equal(input_interface(), pod_interface()),
            jump("strict"),
        ]),
        rule([within(key, &set), verdict(Verdict::Return)]),
        rule([end_for(Reason::Unwired)]),
    ])
}

/// From a pod to its own node: egress only (rule NP-52).
fn input(record: Record) -> Chain {
    let mut rules = vec![
        rule([to_tunnel(), jump("feeders")]),
        rule([
            not_equal(input_interface(), pod_interface()),
            verdict(Verdict::Accept),
        ]),
    ];
    rules.extend(neighbour_discovery());
    rules.extend(tracked());
    rules.push(rule([jump("strict")]));
    rules.extend(both(|family| judged(Direction::Egress, family)));
    rules.push(set_priority(0));
    rules.extend(recorded(record));
    base(ChainKind::Filter, Hook::Input, 0, rules)
}

/// From the node itself: no policy (rule NP-50), only Services without backend, and nothing that would revive a connection
/// that was cut (rule DP-22).
fn output() -> Chain {
    let mut rules = vec![rule([
        equal(output_interface(), pod_interface()),
        jump("strict"),
    ])];
    rules.extend(both(|family| {
        let opens = [state(ConnectionState::New)];
        rule(opens.into_iter().chain(unserved(family)))
    }));
    base(ChainKind::Filter, Hook::Output, 0, rules)
}

/// Pod addresses do not leave the cluster, and a pod that reaches itself through a Service must see another source. So must
/// a backend elsewhere that somebody from outside reaches through this node: its answers have to come back this way.
fn postrouting() -> Chain {
    let mut rules: Vec<Rule> = both(|family| {
        let set = set_name("hairpin", family);
        rule([within(hairpin_key(family), &set), Statement::Masquerade])
    })
    .collect();
    rules.extend(both(|family| {
        rule([
            within(source(family), &set_name("pods", family)),
            not_equal(
                destination(family),
                Operand::Set(set_name("cluster", family)),
            ),
            Statement::Masquerade,
        ])
    }));
    rules.extend(both(|family| {
        let own = Operand::Set(set_name("own", family));
        rule([
            not_equal(input_interface(), pod_interface()),
            not_equal(output_interface(), pod_interface()),
            not_equal(source(family), own),
            within(
                Expression::Concat(service_key(family)),
                &set_name("behind", family),
            ),
            Statement::Masquerade,
        ])
    }));
    base(ChainKind::Nat, Hook::Postrouting, 100, rules)
}

/// What opens no connection and belongs to none (rule DP-22).
fn strict() -> Chain {
    let opening = TcpFlags::FIN.0 | TcpFlags::SYN.0 | TcpFlags::RST.0 | TcpFlags::ACK.0;
    called(vec![
        rule([state(ConnectionState::Invalid), end_for(Reason::Invalid)]),
        rule([
            state(ConnectionState::New),
            not_equal(
                Expression::Field(Field::TcpFlags),
                Operand::TcpFlags {
                    mask: opening,
                    value: TcpFlags::SYN.0,
                },
            ),
            end_for(Reason::Midstream),
        ]),
    ])
}

/// The lookups for a judged pod: by its peer's class, then for any peer.
pub(super) fn judge(direction: Direction, family: Family, pass: Pass) -> Chain {
    let (subject, peer) = match direction {
        Direction::Egress => (source(family), destination(family)),
        Direction::Ingress => (destination(family), source(family)),
    };
    let classify = |stem| {
        rule([Statement::SetPriority(Expression::Map {
            key: Box::new(peer.clone()),
            map: set_name(stem, family),
        })])
    };
    let mut rules = vec![set_priority(0), classify("blocks"), classify("peers")];
    match direction {
        Direction::Egress => rules.push(classify("names")),
        // Names are those of destinations (rule CN-37).
        Direction::Ingress => {}
    }
    rules.extend(lookups(direction, family, &subject, pass));
    rules.push(set_priority(ANY_PEER));
    rules.extend(lookups(direction, family, &subject, pass));
    rules.push(rule([end_for(pass.denial(direction))]));
    called(rules)
}

/// What is not denied comes back from the judgement, and is then asked about once more (rule AU-4).
pub(super) fn judge_and_audit(direction: Direction, family: Family) -> Chain {
    let audit = Verdict::Goto(audit_chain(direction, family));
    called(vec![
        rule([jump(&judge_chain(direction, family))]),
        rule([verdict(audit)]),
    ])
}

/// What a pod sends to itself through a Service, judged by policies of the cluster alone: NetworkPolicy allows it
/// (rules AM-4, CN-40).
pub(super) fn self_judge(family: Family) -> Chain {
    let of = |direction| {
        let chain = direction_set(direction, "-self", family);
        rule([jump(&chain)])
    };
    called(vec![
        set_priority(OWN_SELF),
        of(Direction::Egress),
        of(Direction::Ingress),
        set_priority(0),
        rule([verdict(Verdict::Accept)]),
    ])
}

/// What denies a pod its own company in one direction; what is not found is allowed.
pub(super) fn self_lookups(direction: Direction, family: Family) -> Chain {
    called(lookups(direction, family, &source(family), Pass::Enforce).to_vec())
}

fn lookups(direction: Direction, family: Family, subject: &Expression, pass: Pass) -> [Rule; 3] {
    let peer = vec![subject.clone(), priority()];
    let mut port = peer.clone();
    port.push(Expression::Meta(MetaKey::L4Protocol));
    port.push(Expression::Field(Field::DestinationPort));
    let decided = |key: Vec<Expression>, stem| {
        let lookup = Statement::VerdictMap {
            key: Expression::Concat(key),
            map: direction_set(direction, &format!("{}{stem}", pass.infix()), family),
        };
        rule([lookup, end_for(pass.denial(direction))])
    };
    [
        decided(port.clone(), "-ports"),
        decided(port, "-ranges"),
        decided(peer, "-peers"),
    ]
}
