//! Elements into the table, and their origins beside it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ringfence_model::{Cluster, Direction};
use ringfence_net::{Family, Protocol};
use ringfence_ruleset::{Datum, Element, Key, Table, Value, Verdict, fingerprint};

use crate::class::{ClassId, Classes, Terms};
use crate::comment;
use crate::layout::{self, ANY_PEER, OWN_SELF, direction_set, judge_chain, self_chain, set_name};
use crate::peer::{Peers, canonical};
use crate::policy::{Admitted, Entry, Extent, Group, Tiers, Whom, entries};
use crate::report::{Reason, Record};
use crate::span::{Span, address, block_family, merged};
use crate::{Capacity, CompileError, Compiled, NodeView, ObjectRef, Origin, RefusedRule};

/// The comment of what no rule decides and is therefore allowed (rules NP-1, CN-27): it is there because some policy
/// judges the pod.
const UNMATCHED: &str = "no rule denies";

/// A table on its way.
pub(crate) struct Emitter {
    record: Record,
    table: Table,
    origins: BTreeMap<ObjectRef, Vec<Origin>>,
    refused: Vec<RefusedRule>,
}

impl Emitter {
    pub(crate) fn new(record: Record) -> Self {
        Self {
            record,
            table: layout::skeleton(record),
            origins: BTreeMap::new(),
            refused: Vec::new(),
        }
    }

    /// Isolates the pods that policies select, and says what they may do.
    pub(crate) fn policies(&mut self, admitted: Admitted<'_>, peers: &Peers<'_>) {
        self.classes(&admitted.classes, &admitted.terms, peers);
        for group in &admitted.groups {
            self.group(group, &admitted.terms, &admitted.classes, peers);
        }
        self.refused = admitted.refused;
    }

    /// Adds an element; the first one of a key stays.
    pub(crate) fn element(&mut self, set: &str, key: Key, value: Value, comment: Option<String>) {
        if let Some(set) = self.table.sets.get_mut(set) {
            set.elements
                .entry(key)
                .or_insert(Element { value, comment });
        }
    }

    fn member(&mut self, set: &str, fields: Vec<Datum>, comment: String) {
        self.element(set, Key::point(fields), Value::Member, Some(comment));
    }

    /// Pods that are wired here: who may speak from which interface, and who may reach itself.
    pub(crate) fn endpoints(&mut self, peers: &Peers<'_>) {
        for (peer, endpoint) in peers.local() {
            let comment = comment::of(&peer.pod.name);
            for ip in &peer.addresses {
                let family = Family::of(*ip);
                let interface = Datum::Interface(endpoint.host_interface.clone());
                let fields = vec![interface, Datum::Address(*ip)];
                self.member(&set_name("endpoints", family), fields, comment.clone());
                let hairpin = set_name("hairpin", family);
                let comment = Some(comment.clone());
                self.element(&hairpin, twice(*ip), Value::Member, comment);
            }
        }
    }

    /// Pod blocks, and everything that a pod reaches under its own address.
    pub(crate) fn blocks(&mut self, cluster: &Cluster, node: &NodeView<'_>) {
        let network = node.network;
        let nodes = cluster.nodes.values().flat_map(|node| &node.addresses);
        let hosts = cluster.pods.values().flat_map(|pod| &pod.host_addresses);
        let addresses: Vec<IpAddr> = nodes.chain(hosts).map(IpAddr::to_canonical).collect();
        for family in Family::ALL {
            let of_family = |blocks: &[ipnet::IpNet]| -> Vec<Span> {
                let blocks = blocks.iter().filter(|block| block_family(block) == family);
                blocks.map(Span::of).collect()
            };
            let pods = of_family(&network.pod_cidrs);
            let mut all = pods.clone();
            all.append(&mut of_family(&network.service_cidrs));
            let own = addresses.iter().filter(|ip| Family::of(**ip) == family);
            all.extend(own.map(|ip| Span::single(*ip)));
            self.spans("pods", family, pods);
            self.spans("cluster", family, all);
        }
    }

    /// The port of the tunnels between nodes, and who may speak to it.
    pub(crate) fn tunnels(&mut self, cluster: &Cluster, tunnel_port: Option<u16>) {
        let Some(port) = tunnel_port else { return };
        let end = vec![protocol_datum(Protocol::Udp), Datum::Port(port)];
        self.element("tunnels", Key::point(end), Value::Member, None);
        for node in cluster.nodes.values() {
            for ip in node.addresses.iter().map(IpAddr::to_canonical) {
                let set = set_name("nodes", Family::of(ip));
                self.member(&set, vec![Datum::Address(ip)], comment::of(&node.name));
            }
        }
    }

    fn spans(&mut self, stem: &str, family: Family, spans: Vec<Span>) {
        let set = set_name(stem, family);
        for span in merged(spans) {
            self.element(&set, span_key(family, span), Value::Member, None);
        }
    }

    /// Which class each peer's address has.
    fn classes(&mut self, classes: &Classes, terms: &Terms<'_>, peers: &Peers<'_>) {
        let names = peers.names();
        for (ip, class) in &classes.peers {
            let set = set_name("peers", Family::of(*ip));
            let key = Key::point(vec![Datum::Address(*ip)]);
            let comment = names.get(ip).map(comment::of);
            self.element(&set, key, class_value(classes, *class), comment);
        }
        for (family, atom, class) in &classes.blocks {
            let set = set_name("blocks", *family);
            let blocks = atom.terms.iter().filter_map(|term| terms.in_words(*term));
            let comment = comment::joined(blocks);
            let key = span_key(*family, atom.span);
            self.element(&set, key, class_value(classes, *class), Some(comment));
        }
    }

    /// A group's isolation and what its members may do.
    fn group(
        &mut self,
        group: &Group<'_>,
        terms: &Terms<'_>,
        classes: &Classes,
        peers: &Peers<'_>,
    ) {
        let tiers = group.is_tiered().then(|| Tiers::new(group, terms, classes));
        let entries = match &tiers {
            Some(tiers) => tiers.entries(),
            None => entries(group, terms, classes),
        };
        for subject in peers.addresses_of(&group.members) {
            self.isolation(group, subject);
            for entry in &entries {
                self.entry(group, entry, classes, subject);
            }
        }
        if let Some(tiers) = tiers {
            self.selves(group, &tiers, classes, peers);
        }
    }

    /// What the members of a group that policies of the cluster judge may send to themselves.
    fn selves(
        &mut self,
        group: &Group<'_>,
        tiers: &Tiers<'_, '_>,
        classes: &Classes,
        peers: &Peers<'_>,
    ) {
        for subject in peers.addresses_of(&group.members) {
            let family = Family::of(subject);
            let verdict = Value::Verdict(Verdict::Goto(self_chain(family)));
            let comment = comment::joined(group.policy_names().map(comment::of));
            self.element(
                &set_name("selves", family),
                twice(subject),
                verdict,
                Some(comment),
            );
            for entry in tiers.to_itself(classes.of(subject)) {
                self.entry(group, &entry, classes, subject);
            }
        }
    }

    /// Pods that are wired here reach themselves through a Service, where nothing else was said of it (rule AM-4).
    pub(crate) fn unjudged_selves(&mut self, peers: &Peers<'_>) {
        for (peer, _) in peers.local() {
            for ip in &peer.addresses {
                let set = set_name("selves", Family::of(*ip));
                let comment = comment::of(&peer.pod.name);
                let verdict = Value::Verdict(Verdict::Accept);
                self.element(&set, twice(*ip), verdict, Some(comment));
            }
        }
    }

    fn isolation(&mut self, group: &Group<'_>, subject: IpAddr) {
        let family = Family::of(subject);
        let set = direction_set(group.direction, "", family);
        let key = Key::point(vec![Datum::Address(subject)]);
        let verdict = Verdict::Jump(judge_chain(group.direction, family));
        let comment = comment::joined(group.policy_names().map(comment::of));
        self.origins(&set, &key, group.judgement().collect());
        self.element(&set, key, Value::Verdict(verdict), Some(comment));
    }

    fn entry(&mut self, group: &Group<'_>, entry: &Entry, classes: &Classes, subject: IpAddr) {
        let family = Family::of(subject);
        let number = match entry.whom {
            Whom::Anyone => ANY_PEER,
            Whom::Itself => OWN_SELF,
            Whom::Class(class) => match classes.get(class) {
                Some(class) if class.has_family(family) => class.number,
                Some(_) | None => return,
            },
        };
        let (set, key) = entry_key(group.direction, entry.extent, subject, number);
        let rules = entry.rules.iter();
        let mut origins: Vec<Origin> = rules
            .filter_map(|position| group.origin(*position))
            .collect();
        if entry.isolated {
            origins.extend(group.isolation());
        }
        let verdict = if entry.permits {
            Verdict::Return
        } else {
            Verdict::Goto(Reason::denial(group.direction).chain())
        };
        let comment = if origins.is_empty() {
            origins.extend(group.judgement());
            UNMATCHED.to_owned()
        } else {
            comment::joined(origins.iter().map(comment::origin))
        };
        self.origins(&set, &key, origins);
        self.element(&set, key, Value::Verdict(verdict), Some(comment));
    }

    fn origins(&mut self, set: &str, key: &Key, origins: Vec<Origin>) {
        let element = ObjectRef::Element {
            set: set.to_owned(),
            key: key.clone(),
        };
        self.origins.insert(element, origins);
    }

    /// Adds the chain that picks one of `count` backends and gives its name.
    pub(crate) fn balance(&mut self, count: u32) -> String {
        let name = format!("balance-{count}");
        self.table
            .chains
            .entry(name.clone())
            .or_insert_with(|| layout::balance_chain(count));
        name
    }

    /// Sizes the sets and seals the table with the fingerprint of its layout.
    pub(crate) fn finish(
        mut self,
        capacity: Capacity,
        peers: Peers<'_>,
    ) -> Result<Compiled, CompileError> {
        for (name, set) in &mut self.table.sets {
            set.size = Some(capacity.size(name, set.elements.len())?);
        }
        seal(&mut self.table, self.record);
        Ok(Compiled {
            table: self.table,
            record: self.record,
            origins: self.origins,
            unknown: peers.unknown,
            refused: self.refused,
        })
    }
}

/// Writes the fingerprint of the layout into the table's comment. Balance chains come and go with Services and do
/// not count.
pub(crate) fn seal(table: &mut Table, record: Record) {
    let sizes = table.sets.iter();
    let fixed = Table {
        sets: sizes
            .map(|(name, set)| (name.clone(), set.definition()))
            .collect(),
        ..layout::skeleton(record)
    };
    table.comment = Some(format!("ringfence layout {}", fingerprint(&fixed)));
}

/// The key of what an address sends to itself.
fn twice(address: IpAddr) -> Key {
    Key::point(vec![Datum::Address(address); 2])
}

fn span_key(family: Family, span: Span) -> Key {
    Key {
        first: vec![Datum::Address(address(family, span.first))],
        last: vec![Datum::Address(address(family, span.last))],
    }
}

fn class_value(classes: &Classes, class: ClassId) -> Value {
    Value::Data(vec![Datum::Number(classes.number(class))])
}

fn entry_key(direction: Direction, extent: Extent, subject: IpAddr, class: u32) -> (String, Key) {
    let set = |stem| direction_set(direction, stem, Family::of(subject));
    let peer = vec![Datum::Address(subject), Datum::Number(class)];
    let Extent::Ports(protocol, range) = extent else {
        return (set("-peers"), Key::point(peer));
    };
    let with = |port: u16| {
        let mut fields = peer.clone();
        fields.push(protocol_datum(protocol));
        fields.push(Datum::Port(port));
        fields
    };
    let stem = if range.first() == range.last() {
        "-ports"
    } else {
        "-ranges"
    };
    let key = Key {
        first: with(range.first()),
        last: with(range.last()),
    };
    (set(stem), key)
}

pub(crate) const fn protocol_datum(protocol: Protocol) -> Datum {
    Datum::Byte(protocol.number())
}

/// The addresses of a backend or Service, as they are compared.
pub(crate) fn first_of_family(addresses: &[IpAddr], family: Family) -> Option<IpAddr> {
    canonical(addresses)
        .into_iter()
        .find(|address| Family::of(*address) == family)
}
