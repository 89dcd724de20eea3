//! From needs to policies: a default deny, and one policy for each workload with the rules that it needs at its end.

mod present;

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use ringfence_model::{Cluster, Direction, IpBlock, Labels, ObjectName};

use super::inhabitants::{Inhabitants, pod_ranges};
use super::selection::{Selection, Selections};
use super::{End, Evidence, Need, NeededPort, Unresolved};
use crate::workload::Unit;
use present::Present;

/// A policy to suggest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Its namespace and name.
    pub name: ObjectName,
    /// The workloads that it is for: several if no label tells them apart, none for the default deny.
    pub units: BTreeSet<Unit>,
    /// The pods that it selects; empty means all of the namespace.
    pub selector: Labels,
    /// The directions that it isolates, egress first.
    pub directions: BTreeSet<Direction>,
    /// Who may connect.
    pub ingress: Vec<DraftRule>,
    /// To whom it may connect.
    pub egress: Vec<DraftRule>,
}

/// A rule of a [`Draft`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftRule {
    /// Whom it is about.
    pub peers: Vec<DraftPeer>,
    /// Which ports, in order.
    pub ports: Vec<NeededPort>,
    /// What shows that it is needed, in order.
    pub evidence: Vec<Evidence>,
}

/// A peer of a [`DraftRule`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DraftPeer {
    /// Pods.
    Pods {
        /// Their namespace; `None` for the policy's own.
        namespace: Option<String>,
        /// Their labels; empty for all pods of the namespace.
        labels: Labels,
    },
    /// Addresses.
    Block(IpBlock),
}

/// Policies, and what no policy can say.
#[derive(Clone, Debug, Default)]
pub(super) struct Drafted {
    pub(super) policies: Vec<Draft>,
    pub(super) unresolved: Vec<Unresolved>,
}

/// Whom a policy selects: a namespace, and labels in it. Workloads that no label tells apart have one policy.
type Chosen = (String, Labels);

/// What a policy is to say.
#[derive(Default)]
struct Sheet {
    units: BTreeSet<Unit>,
    rules: BTreeMap<Direction, BTreeMap<Vec<DraftPeer>, Lines>>,
}

/// Ports and evidence of one rule.
#[derive(Default)]
struct Lines {
    ports: BTreeSet<NeededPort>,
    evidence: BTreeSet<Evidence>,
}

/// The policies that `needs` come to. With `existing`, those that are missing beside its policies.
pub(super) fn drafts(
    needs: &[Need],
    inhabitants: &Inhabitants<'_>,
    existing: Option<&Cluster>,
) -> Drafted {
    let present = existing.map(|cluster| Present::new(cluster, inhabitants, needs));
    let mut drafter = Drafter {
        inhabitants,
        selections: Selections::of(inhabitants),
        known: BTreeMap::new(),
        sheets: BTreeMap::new(),
        taken: taken(existing),
        drafted: Drafted::default(),
    };
    for namespace in inhabitants.managed() {
        let directions = match &present {
            Some(present) => present.not_denied(namespace),
            None => Direction::ALL.into(),
        };
        drafter.default_deny(namespace, directions);
    }
    for need in needs {
        for direction in Direction::ALL {
            let allowed = |present: &Present| present.allows(need, direction);
            if !present.as_ref().is_some_and(allowed) {
                drafter.add(need, direction);
            }
        }
    }
    drafter.finish()
}

fn order(draft: &Draft) -> impl Ord + '_ {
    (
        &draft.name.namespace,
        !draft.units.is_empty(),
        &draft.name.name,
    )
}

fn rule((peers, lines): (Vec<DraftPeer>, Lines)) -> DraftRule {
    DraftRule {
        peers,
        ports: lines.ports.into_iter().collect(),
        evidence: lines.evidence.into_iter().collect(),
    }
}

fn taken(existing: Option<&Cluster>) -> BTreeSet<ObjectName> {
    let policies = existing.map(|cluster| cluster.network_policies.keys().cloned());
    policies.into_iter().flatten().collect()
}

struct Drafter<'a> {
    inhabitants: &'a Inhabitants<'a>,
    selections: Selections<'a>,
    known: BTreeMap<Unit, Option<Selection>>,
    sheets: BTreeMap<Chosen, Sheet>,
    /// Names that are not free.
    taken: BTreeSet<ObjectName>,
    drafted: Drafted,
}

impl Drafter<'_> {
    fn default_deny(&mut self, namespace: &str, directions: BTreeSet<Direction>) {
        if directions.is_empty() {
            return;
        }
        let name = self.free_name(namespace, "default-deny".to_owned());
        self.drafted.policies.push(Draft {
            name,
            units: BTreeSet::new(),
            selector: Labels::new(),
            directions,
            ingress: Vec::new(),
            egress: Vec::new(),
        });
    }

    /// Notes what `need` asks of the policy at its end that `direction` is about, if that is to have one.
    fn add(&mut self, need: &Need, direction: Direction) {
        let (own, other) = match direction {
            Direction::Egress => (&need.from, &need.to),
            Direction::Ingress => (&need.to, &need.from),
        };
        let unit = match own {
            End::Workload(unit) if self.inhabitants.manages(unit) => unit,
            End::Workload(_) | End::Unseen { .. } | End::Block(_) | End::Outside => return,
        };
        let Some(Selection { labels, .. }) = self.selection(unit) else {
            return;
        };
        let Some(peers) = self.peers(unit, other) else {
            return;
        };
        let namespace = unit.namespace().unwrap_or_default().to_owned();
        let sheet = self.sheets.entry((namespace, labels)).or_default();
        sheet.units.insert(unit.clone());
        let lines = sheet
            .rules
            .entry(direction)
            .or_default()
            .entry(peers)
            .or_default();
        lines.ports.insert(need.port.clone());
        lines.evidence.extend(need.evidence.iter().cloned());
    }

    fn finish(mut self) -> Drafted {
        for ((namespace, selector), sheet) in std::mem::take(&mut self.sheets) {
            let directions = sheet.rules.keys().copied().collect();
            let name = self.name(&namespace, &sheet.units);
            let mut rules = sheet.rules;
            let mut of = |direction| rules.remove(&direction).unwrap_or_default();
            let (ingress, egress) = (of(Direction::Ingress), of(Direction::Egress));
            self.drafted.policies.push(Draft {
                name,
                units: sheet.units,
                selector,
                directions,
                ingress: ingress.into_iter().map(rule).collect(),
                egress: egress.into_iter().map(rule).collect(),
            });
        }
        let mut drafted = self.drafted;
        drafted.policies.sort_by(|a, b| order(a).cmp(&order(b)));
        drafted
    }

    fn peers(&mut self, unit: &Unit, other: &End) -> Option<Vec<DraftPeer>> {
        let own = unit.namespace();
        let elsewhere = |namespace: &str| (own != Some(namespace)).then(|| namespace.to_owned());
        Some(match other {
            End::Workload(peer) => vec![DraftPeer::Pods {
                namespace: elsewhere(peer.namespace()?),
                labels: self.selection(peer)?.labels,
            }],
            End::Unseen { namespace, labels } => vec![DraftPeer::Pods {
                namespace: elsewhere(namespace),
                labels: labels.clone(),
            }],
            End::Block(block) => vec![DraftPeer::Block(IpBlock {
                cidr: *block,
                except: Vec::new(),
            })],
            End::Outside => self.outside(),
        })
    }

    /// Every address but those that pods may have, as far as somebody tells.
    fn outside(&self) -> Vec<DraftPeer> {
        let pods = pod_ranges(self.inhabitants.cluster);
        let all = [
            std::net::Ipv4Addr::UNSPECIFIED.into(),
            std::net::Ipv6Addr::UNSPECIFIED.into(),
        ];
        let all = all
            .into_iter()
            .filter_map(|address| IpNet::new(address, 0).ok());
        let block = |cidr: IpNet| {
            let except = pods.iter().filter(|range| cidr.contains(*range));
            let except = except.copied().collect();
            DraftPeer::Block(IpBlock { cidr, except })
        };
        all.map(block).collect()
    }

    /// The labels of `unit`. That there are none, or that others have them too, is noted.
    fn selection(&mut self, unit: &Unit) -> Option<Selection> {
        if let Some(known) = self.known.get(unit) {
            return known.clone();
        }
        let found = self.selections.get(unit);
        let problem = match &found {
            None => Some(
                "has no labels that stay, so that no policy can select its pods alone".to_owned(),
            ),
            Some(selection) if !selection.others.is_empty() => {
                let others: Vec<String> = selection.others.iter().map(Unit::full_name).collect();
                Some(format!(
                    "no label tells its pods from those of {}",
                    others.join(", ")
                ))
            }
            Some(_) => None,
        };
        let source = self
            .inhabitants
            .pods_of(unit)
            .first()
            .and_then(|pod| pod.source.clone());
        self.drafted
            .unresolved
            .extend(problem.map(|problem| Unresolved {
                namespace: unit.namespace().unwrap_or_default().to_owned(),
                what: unit.full_name(),
                source,
                problem,
                help: "give its pods a label of their own, such as `app`".to_owned(),
            }));
        self.known.insert(unit.clone(), found.clone());
        found
    }

    /// The name of the policy of `units`: that of the first, with its kind if the name is taken.
    fn name(&mut self, namespace: &str, units: &BTreeSet<Unit>) -> ObjectName {
        let full = units.first().map(Unit::full_name).unwrap_or_default();
        let mut parts = full.rsplit('/');
        let (name, kind) = (
            parts.next().unwrap_or_default(),
            parts.next().unwrap_or_default(),
        );
        let short = ObjectName::new(namespace, format!("allow-{name}"));
        if self.taken.contains(&short) {
            return self.free_name(namespace, format!("allow-{kind}-{name}"));
        }
        self.taken.insert(short.clone());
        short
    }

    /// `wanted`, with a number behind it if another policy has that name.
    fn free_name(&mut self, namespace: &str, wanted: String) -> ObjectName {
        let mut name = ObjectName::new(namespace, &wanted);
        let mut number = 1_u32;
        while self.taken.contains(&name) {
            number += 1;
            name.name = format!("{wanted}-{number}");
        }
        self.taken.insert(name.clone());
        name
    }
}
