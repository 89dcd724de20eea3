//! Who gets in to the node itself: from host firewalls to elements (rules HF-*).
//!
//! Made anew as a whole when anything changes that it may depend on; without a firewall in the cluster that costs nothing.

mod class;
mod port;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ringfence_model::{Cluster, ClusterPeer, ClusterRule, HostFirewall};
use ringfence_net::{Family, Protocol};
use ringfence_ruleset::{Datum, Key, Value, Verdict};

use crate::comment;
use crate::emit::{Emitter, protocol_datum, span_key};
use crate::layout::HostPass;
use crate::peer::{Peer, Peers, in_scope};
use crate::span::{Span, block_family};
use class::Classes;

const KIND: &str = "HostFirewall";

/// Rules that are tried out (rule HF-4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// Every firewall as it is during the trial.
    pub firewalls: BTreeMap<String, HostFirewall>,
    /// Which trial it is, in words: another text is another trial.
    pub name: String,
}

/// What is written of host firewalls.
#[derive(Debug, Default)]
pub(crate) struct Hosts {
    shown: Elements,
}

type Elements = BTreeMap<(String, Key), (Value, Option<String>)>;

/// A rule with what names it.
#[derive(Clone, Copy, Debug)]
struct Named<'a> {
    firewall: &'a str,
    index: usize,
    rule: &'a ClusterRule,
}

/// What closes a node.
struct Closing<'a> {
    names: Vec<&'a str>,
    rules: Vec<Named<'a>>,
    failsafes: Vec<(Protocol, u16)>,
}

impl Hosts {
    /// Whether something is written.
    pub(crate) fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }

    /// Writes what `node` lets in.
    pub(crate) fn update(
        &mut self,
        cluster: &Cluster,
        node: &str,
        trial: Option<&Trial>,
        peers: &Peers,
        emitter: &mut Emitter,
    ) {
        let mut wanted = Elements::new();
        let confirmed = closing(cluster, node);
        if let Some(closing) = &confirmed {
            elements(HostPass::Confirmed, closing, cluster, peers, &mut wanted);
        }
        if let Some(trial) = trial {
            let tried = Cluster {
                host_firewalls: trial.firewalls.clone(),
                nodes: cluster.nodes.clone(),
                ..Cluster::default()
            };
            try_out(trial, (&tried, cluster), node, peers, &mut wanted);
        }
        for (set, key) in self.shown.keys().filter(|it| !wanted.contains_key(*it)) {
            emitter.remove(set, key);
        }
        for ((set, key), (value, comment)) in &wanted {
            emitter.put(set, key.clone(), value.clone(), comment.clone());
        }
        self.shown = wanted;
    }
}

/// What the comment of an element of host firewalls says of them, rule by rule: `HostFirewall workers ingress[0]`. Of another
/// element nothing.
pub(crate) fn behind(set: &str, comment: Option<&str>) -> Vec<String> {
    let stem = set.trim_end_matches(['4', '6']);
    let parts = comment.into_iter().flat_map(|text| text.split(", "));
    match stem {
        "host" | "trial" => parts.map(|name| format!("{KIND} {name}")).collect(),
        "host-peers" | "host-ports" | "host-ranges" | "trial-peers" | "trial-ports"
        | "trial-ranges" => parts
            .filter(|part| part.starts_with(KIND))
            .map(str::to_owned)
            .collect(),
        _ => Vec::new(),
    }
}

/// A trial that changes nothing here is none.
fn try_out(
    trial: &Trial,
    (tried, cluster): (&Cluster, &Cluster),
    node: &str,
    peers: &Peers,
    wanted: &mut Elements,
) {
    let (now, before) = (closing(tried, node), closing(cluster, node));
    if contents(now.as_ref()) == contents(before.as_ref()) {
        return;
    }
    let text = comment::of(&trial.name);
    let verdict = |family| match now {
        Some(_) => Verdict::Goto(HostPass::Trial.chain(family)),
        None => Verdict::Return,
    };
    for family in Family::ALL {
        entrances(HostPass::Trial, family, &verdict(family), &text, wanted);
    }
    if let Some(closing) = &now {
        rules(HostPass::Trial, closing, cluster, peers, wanted);
    }
}

/// What closing says, to be compared.
fn contents<'a>(closing: Option<&Closing<'a>>) -> Option<Vec<(&'a str, usize, &'a ClusterRule)>> {
    let rules = &closing?.rules;
    Some(
        rules
            .iter()
            .map(|it| (it.firewall, it.index, it.rule))
            .collect(),
    )
}

/// HF-2: `None` if nothing closes the node.
fn closing<'a>(cluster: &'a Cluster, node: &str) -> Option<Closing<'a>> {
    let firewalls: Vec<_> = cluster.host_firewalls_of(node).collect();
    if firewalls.is_empty() {
        return None;
    }
    let names = firewalls.iter().map(|(it, _)| it.name.as_str()).collect();
    let rules = firewalls.into_iter().flat_map(|(firewall, rules)| {
        let rules = rules.ingress.iter().enumerate();
        rules.map(|(index, rule)| Named {
            firewall: &firewall.name,
            index,
            rule,
        })
    });
    Some(Closing {
        names,
        rules: rules.collect(),
        failsafes: cluster.open_failsafes(node),
    })
}

fn elements(
    pass: HostPass,
    closing: &Closing<'_>,
    cluster: &Cluster,
    peers: &Peers,
    wanted: &mut Elements,
) {
    let text = comment::joined(closing.names.iter().map(|name| (*name).to_owned()));
    for family in Family::ALL {
        let verdict = Verdict::Goto(pass.chain(family));
        entrances(pass, family, &verdict, &text, wanted);
    }
    rules(pass, closing, cluster, peers, wanted);
}

/// HF-6: other protocols are not judged.
fn entrances(pass: HostPass, family: Family, verdict: &Verdict, text: &str, wanted: &mut Elements) {
    for protocol in Protocol::ALL {
        let place = (
            pass.set("", family),
            Key::point(vec![protocol_datum(protocol)]),
        );
        let element = (Value::Verdict(verdict.clone()), Some(text.to_owned()));
        wanted.insert(place, element);
    }
}

fn rules(
    pass: HostPass,
    closing: &Closing<'_>,
    cluster: &Cluster,
    peers: &Peers,
    wanted: &mut Elements,
) {
    for family in Family::ALL {
        let classes = Classes::new(closing, family, cluster, peers);
        for (span, number, text) in classes.spans() {
            let place = (pass.set("-peers", family), span_key(family, span));
            let value = Value::Data(vec![Datum::Number(number)]);
            wanted.insert(place, (value, Some(text)));
        }
        for (number, rules) in classes.numbered() {
            for (protocol, range, text) in port::permitted(closing, rules) {
                let stem = if range.first() == range.last() {
                    "-ports"
                } else {
                    "-ranges"
                };
                let with = |port| {
                    vec![
                        Datum::Number(number),
                        protocol_datum(protocol),
                        Datum::Port(port),
                    ]
                };
                let key = Key::range(with(range.first()), with(range.last()));
                let value = Value::Verdict(Verdict::Return);
                wanted.insert((pass.set(stem, family), key), (value, Some(text)));
            }
        }
    }
}

impl Named<'_> {
    /// `HostFirewall workers ingress[0]`
    fn in_words(&self) -> String {
        format!("{KIND} {} ingress[{}]", self.firewall, self.index)
    }

    /// Whether it is about a pod, as such.
    fn matches(&self, peer: &Peer, cluster: &Cluster) -> bool {
        self.rule.peers.iter().any(|item| match item {
            ClusterPeer::Pods(scope) => in_scope(scope, peer, cluster),
            ClusterPeer::Networks(_)
            | ClusterPeer::Nodes(_)
            | ClusterPeer::DomainNames(_)
            | ClusterPeer::Unrecognized => false,
        })
    }

    /// The blocks of a family that it is about, whoever is in them.
    fn blocks(&self, family: Family, cluster: &Cluster) -> Vec<Span> {
        let mut found = Vec::new();
        for item in &self.rule.peers {
            match item {
                ClusterPeer::Networks(networks) => {
                    let own = networks.iter().filter(|it| block_family(it) == family);
                    found.extend(own.map(Span::of));
                }
                ClusterPeer::Nodes(labels) => {
                    let nodes = cluster.nodes.values();
                    let matching = nodes.filter(|node| labels.matches(&node.labels));
                    let addresses = matching.flat_map(|node| &node.addresses);
                    let addresses: BTreeSet<IpAddr> = addresses.map(IpAddr::to_canonical).collect();
                    let own = addresses.into_iter().filter(|it| Family::of(*it) == family);
                    found.extend(own.map(Span::single));
                }
                ClusterPeer::Pods(_) | ClusterPeer::DomainNames(_) | ClusterPeer::Unrecognized => {}
            }
        }
        found
    }
}
