use std::collections::BTreeMap;
use std::net::IpAddr;

use ringfence_model::{ObjectName, PolicyName};
use ringfence_ruleset::{
    Chain, Counters, DataType, Datum, Element, Key, Rule, Set, SetKind, Statement, Table, Value,
    Verdict,
};
use serde::{Deserialize, Serialize};

use super::{Placed, PlacedRule};
use crate::host;
use crate::layout::numbers_no_classes;
use crate::{LocalEndpoint, ObjectRef, Origin};

/// A table in words, with the causes of its objects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Listing {
    /// The table, as `inet ringfence`.
    pub table: String,
    /// The comment stored with it.
    pub comment: Option<String>,
    /// Every policy of the cluster with its parts: its isolation and its rules.
    pub policies: BTreeMap<PolicyName, Vec<Origin>>,
    /// Sets and maps by name.
    pub sets: BTreeMap<String, SetListing>,
    /// Chains by name.
    pub chains: BTreeMap<String, ChainListing>,
}

/// A set or map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SetListing {
    /// `set` or `map`.
    pub kind: String,
    /// The lines of its definition as nft writes them: type, size, flags.
    pub definition: Vec<String>,
    /// The elements, in order of their keys.
    pub elements: Vec<ElementListing>,
}

/// An element.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ElementListing {
    /// Its key as nft writes it.
    pub key: String,
    /// All of it as nft writes it.
    pub text: String,
    /// The pod of this node that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<ObjectName>,
    /// The class of peers in its key, or the one that it gives to an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<u32>,
    /// The chain that its verdict leads to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<String>,
    /// How many packets have hit it: connections that it has judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packets: Option<u64>,
    /// The policy rules that it stands for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Origin>,
    /// The host firewalls, or rules of them, that it stands for: `HostFirewall workers ingress[0]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub firewalls: Vec<String>,
}

/// A chain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChainListing {
    /// Where the kernel calls it, as nft writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// Its rules in order.
    pub rules: Vec<RuleListing>,
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleListing {
    /// As nft writes it.
    pub text: String,
    /// The sets and maps that it looks up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sets: Vec<String>,
    /// The chains that it leads to by itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chains: Vec<String>,
}

impl Listing {
    /// Lists `table`. `origins` say what causes its elements, `endpoints` which pods the addresses of this node belong to,
    /// `policies` which there are, see [`outline`](super::outline).
    #[must_use]
    pub fn new(
        table: &Table,
        origins: &BTreeMap<ObjectRef, Vec<Origin>>,
        endpoints: &[LocalEndpoint],
        policies: BTreeMap<PolicyName, Vec<Origin>>,
    ) -> Self {
        let lister = Lister {
            table,
            origins,
            pods: pods_by_address(endpoints),
        };
        let sets = table.sets.iter();
        let chains = table.chains.iter();
        Self {
            table: format!("inet {}", table.name),
            comment: table.comment.clone(),
            policies,
            sets: sets
                .map(|(name, set)| (name.clone(), lister.set(name, set)))
                .collect(),
            chains: chains
                .map(|(name, chain)| (name.clone(), list_chain(chain)))
                .collect(),
        }
    }

    /// Adds what the elements of `table`, which is listed, have counted.
    #[must_use]
    pub fn counted(mut self, table: &Table, counters: &Counters) -> Self {
        for (name, counters) in counters {
            let (Some(set), Some(listed)) = (table.sets.get(name), self.sets.get_mut(name)) else {
                continue;
            };
            for (key, element) in set.elements.keys().zip(&mut listed.elements) {
                element.packets = counters.get(key).map(|counter| counter.packets);
            }
        }
        self
    }

    /// Every element, by set and key.
    pub fn elements(&self) -> impl Iterator<Item = Placed<'_>> {
        self.sets.iter().flat_map(|(set, listed)| {
            let elements = listed.elements.iter();
            elements.map(move |element| Placed { set, element })
        })
    }

    /// The rules of a chain, in order.
    pub(super) fn rules_of<'a>(&'a self, chain: &str) -> impl Iterator<Item = PlacedRule<'a>> {
        let found = self.chains.get_key_value(chain).into_iter();
        found.flat_map(|(chain, listed)| {
            let rules = listed.rules.iter().enumerate();
            rules.map(move |(position, rule)| PlacedRule {
                chain,
                position,
                rule,
            })
        })
    }

    /// Every rule, by chain and position.
    pub fn rules(&self) -> impl Iterator<Item = PlacedRule<'_>> {
        self.chains.iter().flat_map(|(chain, listed)| {
            let rules = listed.rules.iter().enumerate();
            rules.map(move |(position, rule)| PlacedRule {
                chain,
                position,
                rule,
            })
        })
    }
}

struct Lister<'a> {
    table: &'a Table,
    origins: &'a BTreeMap<ObjectRef, Vec<Origin>>,
    pods: BTreeMap<IpAddr, &'a ObjectName>,
}

impl Lister<'_> {
    fn set(&self, name: &str, set: &Set) -> SetListing {
        let elements = set.elements.iter();
        let behind = behind_lookup(self.table, name);
        let behind = behind.as_deref();
        SetListing {
            kind: kind(set).to_owned(),
            definition: set.definition_lines(),
            elements: elements
                .map(|(key, element)| self.element((name, set, behind), key, element))
                .collect(),
        }
    }

    /// `behind` is the chain that rules name behind their lookup in the set.
    fn element(
        &self,
        (name, set, behind): (&str, &Set, Option<&str>),
        key: &Key,
        element: &Element,
    ) -> ElementListing {
        let object = ObjectRef::Element {
            set: name.to_owned(),
            key: key.clone(),
        };
        let pod = address(key).and_then(|address| self.pods.get(&address));
        ElementListing {
            key: set.key_text(key),
            text: set.element_text(key, element),
            pod: pod.map(|pod| (*pod).clone()),
            class: class(set, key, element).filter(|_| !numbers_no_classes(name)),
            chain: leads_to(&element.value, behind),
            packets: None,
            causes: self.origins.get(&object).cloned().unwrap_or_default(),
            firewalls: host::behind(name, element.comment.as_deref()),
        }
    }
}

/// The word that begins a set's definition.
pub(super) const fn kind(set: &Set) -> &'static str {
    match set.kind {
        SetKind::Set => "set",
        SetKind::Map(_) | SetKind::VerdictMap => "map",
    }
}

fn pods_by_address(endpoints: &[LocalEndpoint]) -> BTreeMap<IpAddr, &ObjectName> {
    let pairs = endpoints.iter().flat_map(|endpoint| {
        let addresses = endpoint.addresses.iter();
        addresses.map(move |address| (address.to_canonical(), &endpoint.pod))
    });
    pairs.collect()
}

/// The first address of a key that is a point.
fn address(key: &Key) -> Option<IpAddr> {
    let (first, last) = (key.first.iter(), key.last.iter());
    first.zip(last).find_map(|(first, last)| match first {
        Datum::Address(address) if first == last => Some(*address),
        Datum::Address(_)
        | Datum::Byte(_)
        | Datum::Port(_)
        | Datum::Number(_)
        | Datum::Interface(_)
        | Datum::Cgroup(_) => None,
    })
}

/// The class in the key, or the one that the value gives.
fn class(set: &Set, key: &Key, element: &Element) -> Option<u32> {
    let position = set.key.iter().position(|kind| *kind == DataType::ClassId);
    let in_key = position.and_then(|position| key.first.get(position));
    let given = match (&set.kind, &element.value) {
        (SetKind::Map(types), Value::Data(fields)) if types.as_slice() == [DataType::ClassId] => {
            fields.first()
        }
        (SetKind::Set | SetKind::Map(_) | SetKind::VerdictMap, _) => None,
    };
    match in_key.or(given)? {
        Datum::Number(class) => Some(*class),
        Datum::Address(_)
        | Datum::Byte(_)
        | Datum::Port(_)
        | Datum::Interface(_)
        | Datum::Cgroup(_) => None,
    }
}

/// The chain that packets with an element of this value come to; `behind` is the one behind the lookup.
fn leads_to(value: &Value, behind: Option<&str>) -> Option<String> {
    match value {
        Value::Verdict(Verdict::Jump(chain) | Verdict::Goto(chain)) => Some(chain.clone()),
        Value::Verdict(Verdict::Continue) => behind.map(str::to_owned),
        Value::Member
        | Value::Data(_)
        | Value::Verdict(Verdict::Accept | Verdict::Drop | Verdict::Return) => None,
    }
}

/// The chain that the rules name behind their lookup in `set`: all of them the same.
fn behind_lookup(table: &Table, set: &str) -> Option<String> {
    let rules = table.chains.values().flat_map(|chain| &chain.rules);
    let mut found = rules.filter_map(|rule| match rule.statements.as_slice() {
        [
            Statement::VerdictMap { map, .. },
            Statement::Verdict(verdict),
        ] if map == set => verdict.chain(),
        [..] => None,
    });
    found.next().map(str::to_owned)
}

fn list_chain(chain: &Chain) -> ChainListing {
    ChainListing {
        base: chain.base.as_ref().map(ToString::to_string),
        rules: chain.rules.iter().map(list_rule).collect(),
    }
}

fn list_rule(rule: &Rule) -> RuleListing {
    let mut listed = RuleListing {
        text: rule.to_string(),
        sets: Vec::new(),
        chains: Vec::new(),
    };
    for statement in &rule.statements {
        let sets = statement.sets().into_iter();
        listed.sets.extend(sets.map(str::to_owned));
        if let Statement::Verdict(Verdict::Jump(chain) | Verdict::Goto(chain)) = statement {
            listed.chains.push(chain.clone());
        }
    }
    listed
}
