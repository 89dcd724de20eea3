//! Addresses, protocols and ports, cut where a rule begins or ends.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use ringfence_model::{ClusterAction, ClusterPeer, ClusterPolicy, ClusterPort, ClusterRule};
use ringfence_net::{Family, PortRange, Protocol};

use crate::span::{Span, block_family, merged};

/// A rule of a policy that judges pods in the network of their node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'a> {
    pub(super) policy: &'a ClusterPolicy,
    pub(super) rule: &'a ClusterRule,
}

/// What is open to somebody of the addresses that are kept from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Open {
    pub(super) addresses: Span,
    pub(super) protocols: RangeInclusive<u8>,
    pub(super) ports: PortRange,
}

/// The rules for one family.
#[derive(Debug)]
pub(super) struct Cells<'a> {
    /// In the order in which they are asked, with the addresses that each is about.
    rows: Vec<(Row<'a>, Vec<Span>)>,
    /// The addresses that a rule denies.
    denied: Vec<Span>,
    /// The same, cut where another rule begins or ends.
    atoms: Vec<Span>,
    /// The same of ports.
    ports: Vec<PortRange>,
}

/// What rules tell apart by ports, and the numbers of all else.
const OTHERS: [RangeInclusive<u8>; 4] = [0..=5, 7..=16, 18..=131, 133..=255];

impl<'a> Cells<'a> {
    pub(super) fn new(rows: Vec<Row<'a>>, family: Family) -> Self {
        let rows: Vec<_> = rows
            .into_iter()
            .map(|row| (row, addresses(row.rule, family)))
            .filter(|(_, spans)| !spans.is_empty())
            .collect();
        let all = || rows.iter().flat_map(|(_, spans)| spans);
        let begins: BTreeSet<u128> = all()
            .flat_map(|span| [Some(span.first), span.last.checked_add(1)])
            .flatten()
            .collect();
        let denied = rows.iter().filter(|(row, _)| is_denial(row.rule));
        let denied = merged(denied.flat_map(|(_, spans)| spans.clone()).collect());
        Self {
            denied: denied.clone(),
            atoms: denied.iter().flat_map(|span| cut(*span, &begins)).collect(),
            ports: port_atoms(&rows),
            rows,
        }
    }

    /// The addresses that a rule denies, and the policies that do.
    pub(super) fn kept(&self) -> Vec<(Span, BTreeSet<String>)> {
        let of = |kept: &Span| {
            let atoms = self.atoms.iter();
            let within = atoms.filter(|atom| kept.first <= atom.first && atom.last <= kept.last);
            let rows = within.flat_map(|atom| self.about(atom));
            let denials = rows.filter(|row| is_denial(row.rule));
            (
                *kept,
                denials.map(|row| row.policy.name.to_string()).collect(),
            )
        };
        self.denied.iter().map(of).collect()
    }

    /// What of them is open to somebody whom these rules judge (rule HN-2).
    pub(super) fn open(&self, is_meant: &dyn Fn(&Row<'_>) -> bool) -> Vec<Open> {
        let mut found = Vec::new();
        for atom in &self.atoms {
            let rows: Vec<Row<'_>> = self.about(atom).filter(|row| is_meant(row)).collect();
            found.extend(self.open_at(*atom, &rows));
        }
        found
    }

    fn open_at(&self, addresses: Span, rows: &[Row<'_>]) -> Vec<Open> {
        let open = |protocols, ports| Open {
            addresses,
            protocols,
            ports,
        };
        if !rows.iter().any(|row| is_denial(row.rule)) {
            return vec![open(0..=u8::MAX, PortRange::ALL)];
        }
        let mut found = Vec::new();
        for protocol in Protocol::ALL {
            let number = protocol.number();
            let ranges = self
                .ports
                .iter()
                .filter(|ports| is_open(rows, Some((protocol, **ports))));
            found.extend(joined(ranges).map(|ports| open(number..=number, ports)));
        }
        if is_open(rows, None) {
            found.extend(OTHERS.map(|protocols| open(protocols, PortRange::ALL)));
        }
        found
    }

    fn about(&self, atom: &Span) -> impl Iterator<Item = Row<'a>> {
        let first = atom.first;
        let rows = self.rows.iter().filter(move |(_, spans)| {
            let mut spans = spans.iter();
            spans.any(|span| span.first <= first && first <= span.last)
        });
        rows.map(|(row, _)| *row)
    }
}

pub(super) fn is_denial(rule: &ClusterRule) -> bool {
    rule.action == ClusterAction::Deny
}

/// CN-34: other peers than networks are not about what a node's own pods reach.
fn addresses(rule: &ClusterRule, family: Family) -> Vec<Span> {
    let networks = rule.peers.iter().filter_map(|peer| match peer {
        ClusterPeer::Networks(networks) => Some(networks),
        ClusterPeer::Pods(_)
        | ClusterPeer::Nodes(_)
        | ClusterPeer::DomainNames(_)
        | ClusterPeer::Unrecognized => None,
    });
    let own = networks
        .flatten()
        .filter(|block| block_family(block) == family);
    merged(own.map(Span::of).collect())
}

/// The first rule that matches decides; what none matches is open. `ports` is nothing for a protocol without ports.
fn is_open(rows: &[Row<'_>], ports: Option<(Protocol, PortRange)>) -> bool {
    let decisive = rows.iter().find(|row| matches(row.rule, ports));
    decisive.is_none_or(|row| !is_denial(row.rule))
}

/// Names are those of the ports of pods, and at a network there are none (rule CN-31).
fn matches(rule: &ClusterRule, wanted: Option<(Protocol, PortRange)>) -> bool {
    rule.ports.is_empty()
        || rule.ports.iter().any(|port| match (port, wanted) {
            (ClusterPort::Range(own, range), Some((protocol, ports))) => {
                *own == protocol && range.contains(ports.first())
            }
            (ClusterPort::Range(..), None) | (ClusterPort::Name(_), _) => false,
        })
}

/// The part of each that begins at one of `begins`.
fn cut(span: Span, begins: &BTreeSet<u128>) -> Vec<Span> {
    let inner = begins.iter().copied();
    let inner = inner.filter(|begin| span.first < *begin && *begin <= span.last);
    let firsts: Vec<u128> = std::iter::once(span.first).chain(inner).collect();
    let lasts = firsts.iter().skip(1).map(|next| next.saturating_sub(1));
    let lasts = lasts.chain([span.last]);
    let pieces = firsts.iter().zip(lasts);
    pieces
        .map(|(first, last)| Span {
            first: *first,
            last,
        })
        .collect()
}

fn port_atoms(rows: &[(Row<'_>, Vec<Span>)]) -> Vec<PortRange> {
    let ports = rows.iter().flat_map(|(row, _)| &row.rule.ports);
    let begins: BTreeSet<u16> = ports
        .flat_map(|port| match port {
            ClusterPort::Range(_, range) => [Some(range.first()), range.last().checked_add(1)],
            ClusterPort::Name(_) => [None, None],
        })
        .flatten()
        .chain([0])
        .collect();
    let lasts = begins.iter().skip(1).map(|next| next.saturating_sub(1));
    let pieces = begins.iter().zip(lasts.chain([u16::MAX]));
    pieces
        .filter_map(|(first, last)| PortRange::new(*first, last).ok())
        .collect()
}

/// Ranges that touch, as one.
fn joined<'r>(ranges: impl Iterator<Item = &'r PortRange>) -> impl Iterator<Item = PortRange> {
    let mut found: Vec<PortRange> = Vec::new();
    for range in ranges {
        let whole = found.last().and_then(|last| {
            let touches = last.last().checked_add(1) == Some(range.first());
            touches
                .then(|| PortRange::new(last.first(), range.last()).ok())
                .flatten()
        });
        match (whole, found.last_mut()) {
            (Some(whole), Some(last)) => *last = whole,
            (Some(_) | None, _) => found.push(*range),
        }
    }
    found.into_iter()
}
