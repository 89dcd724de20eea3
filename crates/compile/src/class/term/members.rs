//! Which terms are true of which peers, kept so while both change.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_model::{Cluster, LabelSelector};

use super::super::content;
use super::{NamedPort, TermId, TermKind, Terms};
use crate::peer::{Peer, PeerId, Peers, anchors, in_scope, namespace_matches};

/// Terms about pods by what they insist on.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Those about pods of one namespace.
    own: BTreeMap<String, Anchored>,
    any: Anchored,
}

/// Terms by a label that their pods must have.
#[derive(Debug, Default)]
struct Anchored {
    without: BTreeSet<TermId>,
    by_label: BTreeMap<String, BTreeMap<String, BTreeSet<TermId>>>,
}

impl Terms {
    /// Brings the memberships up to date after `touched` peers changed (all terms may be others for them) and after
    /// terms came and went. Gives the peers for which another set of terms is true now.
    pub(crate) fn settle(
        &mut self,
        touched: BTreeSet<PeerId>,
        peers: &Peers,
        cluster: &Cluster,
    ) -> BTreeSet<PeerId> {
        let mut changed = BTreeSet::new();
        self.bury(&mut changed);
        for id in std::mem::take(&mut self.born) {
            self.meet(id, peers, cluster, &mut changed);
        }
        let mut touched = touched;
        for (name, protocol) in std::mem::take(&mut self.changed_names) {
            touched.extend(peers.with_port(&name, protocol));
        }
        for peer in touched {
            let terms = peers.get(peer);
            let terms = terms.map(|found| self.matching(found, cluster));
            self.set(peer, terms.unwrap_or_default(), &mut changed);
        }
        self.bury(&mut changed);
        changed
    }

    /// Lets the slots of buried terms be used again.
    pub(crate) fn reuse(&mut self) {
        self.free.append(&mut self.emptied);
    }

    /// Takes out the terms that nobody asks any more.
    fn bury(&mut self, changed: &mut BTreeSet<PeerId>) {
        for id in std::mem::take(&mut self.idle) {
            let is_idle = self.get(id).is_some_and(|term| match term.kind {
                TermKind::NamedPort(..) => term.members.is_empty(),
                TermKind::Pods { .. }
                | TermKind::Scope { .. }
                | TermKind::Block(_)
                | TermKind::Network(_)
                | TermKind::Addresses { .. } => term.users.is_empty(),
            });
            if is_idle {
                self.remove(id, changed);
            }
        }
    }

    fn remove(&mut self, id: TermId, changed: &mut BTreeSet<PeerId>) {
        let Some(term) = self.slots.get_mut(id).and_then(Option::take) else {
            return;
        };
        self.addresses_changed |= match term.kind {
            TermKind::Block(_) | TermKind::Network(_) | TermKind::Addresses { .. } => true,
            TermKind::Pods { .. } | TermKind::Scope { .. } | TermKind::NamedPort(..) => false,
        };
        self.ids.remove(&term.content);
        self.born.remove(&id);
        self.index.change(&term.kind, |ids| {
            ids.remove(&id);
        });
        for peer in term.members {
            if let Some(terms) = self.by_peer.get_mut(&peer) {
                terms.remove(&id);
            }
            changed.insert(peer);
        }
        self.emptied.push(id);
    }

    /// Asks all peers a term that is new.
    fn meet(
        &mut self,
        id: TermId,
        peers: &Peers,
        cluster: &Cluster,
        changed: &mut BTreeSet<PeerId>,
    ) {
        let Some(term) = self.slots.get_mut(id).and_then(Option::as_mut) else {
            return;
        };
        let members = match &term.kind {
            TermKind::Pods {
                selector,
                namespace,
            } => peers.matching(selector, namespace, cluster),
            TermKind::Scope { scope, .. } => peers.in_scope(scope, cluster),
            TermKind::Block(_)
            | TermKind::Network(_)
            | TermKind::Addresses { .. }
            | TermKind::NamedPort(..) => Vec::new(),
        };
        self.index.change(&term.kind, |ids| {
            ids.insert(id);
        });
        term.members.extend(&members);
        for peer in members {
            self.by_peer.entry(peer).or_default().insert(id);
            changed.insert(peer);
        }
    }

    /// The terms that are true of a peer.
    fn matching(&mut self, peer: &Peer, cluster: &Cluster) -> BTreeSet<TermId> {
        let candidates = self.index.candidates(peer);
        let matches = |id: &TermId| {
            let term = self.get(*id);
            term.is_some_and(|term| term.kind.matches(peer, cluster))
        };
        let mut found: BTreeSet<TermId> = candidates.into_iter().filter(matches).collect();
        for port in &*peer.ports {
            let Some(name) = &port.name else { continue };
            let known = self.names.get(name).into_iter().flatten();
            let senses: Vec<_> = known
                .filter(|((protocol, _), _)| *protocol == port.protocol)
                .map(|((_, sense), _)| *sense)
                .collect();
            for sense in senses {
                let named = NamedPort {
                    name: name.clone(),
                    protocol: port.protocol,
                    port: port.port,
                };
                let content = content::named_port(&named, sense);
                found.insert(self.intern(content, || TermKind::NamedPort(named, sense)));
            }
        }
        found
    }

    fn set(&mut self, peer: PeerId, new: BTreeSet<TermId>, changed: &mut BTreeSet<PeerId>) {
        let old = self.by_peer.remove(&peer).unwrap_or_default();
        for id in old.difference(&new) {
            if let Some(term) = self.slots.get_mut(*id).and_then(Option::as_mut) {
                term.members.remove(&peer);
                if term.members.is_empty() {
                    self.idle.insert(*id);
                }
            }
        }
        for id in new.difference(&old) {
            if let Some(term) = self.get_mut(*id) {
                term.members.insert(peer);
            }
        }
        if old != new {
            changed.insert(peer);
        }
        if !new.is_empty() {
            self.by_peer.insert(peer, new);
        }
    }
}

impl TermKind {
    fn matches(&self, peer: &Peer, cluster: &Cluster) -> bool {
        match self {
            Self::Pods {
                selector,
                namespace,
            } => {
                let own = &peer.name.namespace;
                let in_namespace = match &selector.namespaces {
                    None => own == namespace,
                    Some(namespaces) => namespace_matches(namespaces, own, cluster),
                };
                let pods = selector.pods.as_ref();
                in_namespace && pods.is_none_or(|pods| pods.matches(&peer.labels))
            }
            Self::Scope { scope, .. } => in_scope(scope, peer, cluster),
            Self::Block(_) | Self::Network(_) | Self::Addresses { .. } | Self::NamedPort(..) => {
                false
            }
        }
    }
}

impl Index {
    /// Applies `change` to every list that a term of this kind stands in.
    fn change(&mut self, kind: &TermKind, change: impl FnMut(&mut BTreeSet<TermId>)) {
        match kind {
            TermKind::Pods {
                selector,
                namespace,
            } => {
                let anchored = match &selector.namespaces {
                    None => self.own.entry(namespace.clone()).or_default(),
                    Some(_) => &mut self.any,
                };
                anchored.change(selector.pods.as_ref(), change);
                let is_empty = |anchored: &Anchored| {
                    anchored.without.is_empty() && anchored.by_label.is_empty()
                };
                if self.own.get(namespace).is_some_and(is_empty) {
                    self.own.remove(namespace);
                }
            }
            TermKind::Scope { scope, .. } => self.any.change(scope.pods.as_ref(), change),
            TermKind::Block(_)
            | TermKind::Network(_)
            | TermKind::Addresses { .. }
            | TermKind::NamedPort(..) => {}
        }
    }

    /// The terms that may be true of a peer.
    fn candidates(&self, peer: &Peer) -> BTreeSet<TermId> {
        let own = self.own.get(&peer.name.namespace);
        let mut found = BTreeSet::new();
        for anchored in own.into_iter().chain([&self.any]) {
            found.extend(&anchored.without);
            for (key, value) in &*peer.labels {
                let values = anchored.by_label.get(key);
                found.extend(
                    values
                        .and_then(|values| values.get(value))
                        .into_iter()
                        .flatten(),
                );
            }
        }
        found
    }
}

impl Anchored {
    fn change(
        &mut self,
        selector: Option<&LabelSelector>,
        mut change: impl FnMut(&mut BTreeSet<TermId>),
    ) {
        let Some(anchors) = selector.and_then(anchors) else {
            return change(&mut self.without);
        };
        for (key, value) in anchors {
            let values = self.by_label.entry(key.to_owned()).or_default();
            let ids = values.entry(value.to_owned()).or_default();
            change(ids);
            if ids.is_empty() {
                values.remove(value);
            }
            if values.is_empty() {
                self.by_label.remove(key);
            }
        }
    }
}
