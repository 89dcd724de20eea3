//! Nodes of both clusters side by side, address by address (rule Q-5).
//!
//! The same address of the same node is compared with itself. An address that a node had not before is compared with all
//! that the node had, and one of a new node with all of the nodes that resemble it: it opens what none of them could.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ringfence_model::Labels;
use ringfence_policy::Engine;

use super::twins::{Twin, Twins, lasting_labels};
use crate::workload::Part;

/// The nodes of one unit, of which the first cluster has the parts `old` and the second the parts `new`.
pub(super) fn twins<'a>(engines: [&Engine; 2], old: &'a [Part], new: &'a [Part]) -> Vec<Twins<'a>> {
    let [before, after] = engines;
    let (old, new) = (Nodes::of(before, old), Nodes::of(after, new));
    let mut found = Vec::new();
    for (name, address, part) in new.all() {
        match old.at(name, address) {
            Some(known) => found.push(same(known, part)),
            None => found.extend(fresh(&old.stand_ins(name, &new), part)),
        }
    }
    for (name, address, part) in old.all() {
        if new.at(name, address).is_none() {
            found.extend(gone(part, &new.stand_ins(name, &old)));
        }
    }
    found
}

type Addresses<'a> = BTreeMap<Option<IpAddr>, &'a Part>;

/// The nodes of one cluster that have parts in a unit.
struct Nodes<'a> {
    nodes: BTreeMap<&'a str, Addresses<'a>>,
    labels: BTreeMap<&'a str, Labels>,
}

impl<'a> Nodes<'a> {
    fn of(engine: &Engine, parts: &'a [Part]) -> Self {
        let mut nodes: BTreeMap<&str, Addresses<'_>> = BTreeMap::new();
        for part in parts {
            if let Some((name, address)) = &part.node {
                nodes.entry(name).or_default().insert(*address, part);
            }
        }
        let labels = nodes.keys().map(|name| {
            let node = engine.cluster().nodes.get(*name);
            let labels = node.map(|node| lasting_labels(&node.labels));
            (*name, labels.unwrap_or_default())
        });
        Self {
            labels: labels.collect(),
            nodes,
        }
    }

    fn all(&self) -> impl Iterator<Item = (&'a str, Option<IpAddr>, &'a Part)> {
        let nodes = self.nodes.iter();
        nodes.flat_map(|(name, addresses)| {
            let addresses = addresses.iter();
            addresses.map(move |(address, part)| (*name, *address, *part))
        })
    }

    fn at(&self, name: &str, address: Option<IpAddr>) -> Option<&'a Part> {
        self.nodes.get(name)?.get(&address).copied()
    }

    /// What the node `name` of `other` is compared with: its namesake, nodes with its labels, or else all.
    fn stand_ins(&self, name: &str, other: &Nodes<'_>) -> Vec<&'a Part> {
        if let Some(own) = self.nodes.get(name) {
            return own.values().copied().collect();
        }
        let wanted = other.labels.get(name);
        let is_like = |known: &&str| self.labels.get(known) == wanted;
        let alike: Vec<&Addresses<'_>> = self
            .nodes
            .iter()
            .filter(|(known, _)| is_like(known))
            .map(|(_, addresses)| addresses)
            .collect();
        let chosen = if alike.is_empty() {
            self.nodes.values().collect()
        } else {
            alike
        };
        let parts = chosen.into_iter().flat_map(|addresses| addresses.values());
        parts.copied().collect()
    }
}

fn same<'a>(old: &'a Part, new: &'a Part) -> Twins<'a> {
    Twins {
        parts: [old, new],
        members: members(&[old], &[new]),
        also: [Vec::new(), Vec::new()],
        more: None,
    }
}

fn fresh<'a>(earlier: &[&'a Part], part: &'a Part) -> Option<Twins<'a>> {
    let (first, others) = earlier.split_first()?;
    Some(Twins {
        parts: [first, part],
        members: members(earlier, &[part]),
        also: [others.to_vec(), Vec::new()],
        more: Some(true),
    })
}

fn gone<'a>(part: &'a Part, later: &[&'a Part]) -> Option<Twins<'a>> {
    let (first, others) = later.split_first()?;
    Some(Twins {
        parts: [part, first],
        members: members(&[part], later),
        also: [Vec::new(), others.to_vec()],
        more: Some(false),
    })
}

fn members(old: &[&Part], new: &[&Part]) -> Vec<Twin> {
    let ends = |parts: &[&Part]| -> Vec<_> {
        let members = parts.iter().flat_map(|part| &part.members);
        members.cloned().collect()
    };
    let after = ends(new);
    let pairs = ends(old).into_iter().flat_map(|before| {
        let after = after.iter().cloned();
        after.map(move |after| Twin {
            before: before.clone(),
            after,
        })
    });
    pairs.collect()
}
