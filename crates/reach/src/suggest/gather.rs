//! From facts to needs: who has to reach whom, and what shows it.

mod api_server;
mod idle;
mod mentioned;
mod names;
mod outside;
mod service;
mod settings;
mod streams;
mod unread;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use ringfence_model::{Diagnostic, Documents, Location, ObjectName, Pod, Source, Wiring};

use super::facts::{Facts, Place};
use super::inhabitants::{Inhabitants, unit_of};
use super::resolve::Resolver;
use super::{End, Evidence, Need, NeededPort, Options, Subject, Unresolved};
use crate::workload::Unit;

/// What is needed, and what could not be made out.
#[derive(Clone, Debug)]
pub(super) struct Gathered {
    pub(super) needs: Vec<Need>,
    pub(super) unresolved: Vec<Unresolved>,
    pub(super) diagnostics: Vec<Diagnostic>,
    /// Services that nothing is shown to lead to.
    pub(super) idle: Vec<ObjectName>,
}

/// A destination and its port.
type Destination = (End, NeededPort);

/// Who and what a need is about.
type NeedKey = (End, End, NeededPort);

/// Gathers what `subject`'s workloads need.
pub(super) fn gather(
    subject: &Subject<'_>,
    documents: &Documents,
    inhabitants: &Inhabitants<'_>,
    options: &Options,
) -> Gathered {
    let wiring = Wiring::of(documents, &options.default_namespace);
    let facts = Facts::of(subject, documents, inhabitants, &options.default_namespace);
    let mut gatherer = Gatherer {
        documents,
        inhabitants,
        options,
        resolver: Resolver::new(inhabitants.cluster, &options.cluster_domain),
        sources: subject.sources,
        needs: BTreeMap::new(),
        unresolved: BTreeSet::new(),
        looking_up: BTreeMap::new(),
    };
    settings::read(&mut gatherer, &facts);
    streams::read(&mut gatherer, &facts);
    api_server::read(&mut gatherer, &facts, &wiring);
    outside::read(&mut gatherer, &facts, &wiring);
    names::read(&mut gatherer, &facts);
    unread::read(&mut gatherer, &facts);
    let idle = idle::idle(&gatherer);
    mentioned::read(&mut gatherer, &facts);
    Gathered {
        idle,
        needs: gatherer.needs.into_iter().map(need).collect(),
        unresolved: gatherer.unresolved.into_iter().collect(),
        diagnostics: wiring.diagnostics,
    }
}

fn need(((from, to, port), evidence): (NeedKey, BTreeSet<Evidence>)) -> Need {
    Need {
        from,
        to,
        port,
        evidence: evidence.into_iter().collect(),
    }
}

/// What has been gathered so far.
pub(super) struct Gatherer<'a> {
    documents: &'a Documents,
    inhabitants: &'a Inhabitants<'a>,
    options: &'a Options,
    resolver: Resolver<'a>,
    sources: &'a ringfence_model::SourceMap,
    needs: BTreeMap<NeedKey, BTreeSet<Evidence>>,
    unresolved: BTreeSet<Unresolved>,
    /// Workloads that look up names, and what shows it.
    looking_up: BTreeMap<Unit, Evidence>,
}

impl Gatherer<'_> {
    /// Notes a need, as far as policies are suggested for one of its ends.
    fn add(&mut self, from: End, to: End, port: NeededPort, evidence: Evidence) {
        if self.is_managed(&from) || self.is_managed(&to) {
            let found = self.needs.entry((from, to, port)).or_default();
            found.insert(evidence);
        }
    }

    fn is_managed(&self, end: &End) -> bool {
        match end {
            End::Workload(unit) => self.inhabitants.manages(unit),
            End::Unseen { .. } | End::Block(_) | End::Outside => false,
        }
    }

    /// Notes that `unit` needs something that cannot be made a rule.
    fn undecided(&mut self, unit: &Unit, evidence: &Evidence, problem: String, help: String) {
        if self.inhabitants.manages(unit) {
            self.unresolved.insert(Unresolved {
                namespace: unit.namespace().unwrap_or_default().to_owned(),
                what: evidence.what.clone(),
                source: evidence.source.clone(),
                problem,
                help,
            });
        }
    }

    /// The workload as the end of a need: host pods are their nodes (rule NP-53). Nothing if it has no pods.
    fn ends_of(&self, unit: &Unit) -> Vec<End> {
        let pods = self.inhabitants.pods_of(unit);
        if self.inhabitants.is_on_host(unit) {
            let addresses: BTreeSet<IpAddr> = pods
                .iter()
                .flat_map(|pod| self.host_addresses(pod))
                .collect();
            return addresses.into_iter().map(End::address).collect();
        }
        let found = pods.first().map(|pod| End::Workload(unit_of(pod)));
        found.into_iter().collect()
    }

    /// The addresses of the node that `pod` runs on, as far as they are known (rule Q-5).
    fn host_addresses(&self, pod: &Pod) -> Vec<IpAddr> {
        let node = pod
            .node
            .as_ref()
            .and_then(|name| self.inhabitants.cluster.nodes.get(name));
        let of_node = node.map_or(&[][..], |node| &node.addresses);
        let all = pod.host_addresses.iter().chain(of_node);
        all.map(IpAddr::to_canonical).collect()
    }

    /// Where `place` is, if possible at the line that says `needle`.
    fn locate(&self, place: &Place, needle: &str) -> Option<Source> {
        let location = self.documents.locate(place.object.as_ref()?, &place.path)?;
        Some(self.within(&location, place.line, needle))
    }

    /// The place of `needle` in the text at `location`, in its line `line` if that says so.
    fn within(&self, location: &Location, line: usize, needle: &str) -> Source {
        let text = self.sources.text(&location.source.file);
        let text = text.and_then(|text| text.get(location.bytes.clone()));
        let lines: Vec<&str> = text.unwrap_or_default().lines().collect();
        let in_line = |number: usize| Some((number, lines.get(number)?.find(needle)?));
        // Behind `|` or `>` the text begins on the next line.
        let found = in_line(line + 1).or_else(|| in_line(line));
        let found = found.or_else(|| (0..lines.len()).find_map(in_line));
        match found {
            Some((number, column)) if number > 0 => Source {
                file: location.source.file.clone(),
                line: location
                    .source
                    .line
                    .saturating_add(u32::try_from(number).unwrap_or(0)),
                column: u32::try_from(column).unwrap_or(0).saturating_add(1),
            },
            Some(_) | None => location.source.clone(),
        }
    }
}

impl End {
    /// One address.
    pub(super) fn address(address: IpAddr) -> Self {
        Self::Block(IpNet::from(address.to_canonical()))
    }
}
