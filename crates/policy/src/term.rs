//! What rules ask of a peer, each distinct question once.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use ringfence_model::{Cluster, IpBlock, LabelSelector};
use ringfence_net::Family;

use crate::atoms::Atom;
use crate::class::ClassSet;
use crate::class::sets::ClassSets;
use crate::class::table::ClassTable;
use crate::rule::is_addressed;

/// One question about a peer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Term {
    /// Is it a pod of such a namespace with such labels?
    Pods(NamespaceTerm, LabelSelector),
    /// Is its address in this block (rule NP-40)?
    Block(IpBlock),
    /// Is its address of this family one of a node with such labels (rule CN-35)?
    Nodes(Family, LabelSelector),
    /// Is no address of it known (rule AM-22)?
    Unaddressed,
    /// The same, if there is a node with such labels and an address to compare with.
    UnaddressedLikeNodes(LabelSelector),
}

/// Which namespaces.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum NamespaceTerm {
    /// This one (rule NP-12).
    Only(String),
    /// Those with such labels (rules NP-13, CN-4).
    Matching(LabelSelector),
}

/// The number of a term.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TermId(usize);

/// The terms of all policies.
#[derive(Clone, Debug, Default)]
pub(crate) struct TermTable {
    ids: BTreeMap<Arc<Term>, TermId>,
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    term: Arc<Term>,
    /// The classes for which the answer is yes.
    classes: OnceLock<ClassSet>,
}

impl TermTable {
    pub(crate) fn intern(&mut self, term: Term) -> TermId {
        if let Some(id) = self.ids.get(&term) {
            return *id;
        }
        let id = TermId(self.entries.len());
        let term = Arc::new(term);
        self.ids.insert(Arc::clone(&term), id);
        self.entries.push(Entry {
            term,
            classes: OnceLock::new(),
        });
        id
    }

    /// The classes for which the answer to the term is yes.
    pub(crate) fn classes(&self, id: TermId, classes: &ClassTable, cluster: &Cluster) -> &ClassSet {
        const NOBODY: &ClassSet = &ClassSet::new();
        self.entries.get(id.0).map_or(NOBODY, |entry| {
            let resolve = || resolve(&entry.term, classes, cluster);
            entry.classes.get_or_init(resolve)
        })
    }
}

fn resolve(term: &Term, classes: &ClassTable, cluster: &Cluster) -> ClassSet {
    let sets = classes.sets();
    match term {
        Term::Pods(namespaces, labels) => select_pods(classes, namespaces, labels),
        Term::Block(block) => {
            let holes = block.except.iter().map(|hole| Atom::from(*hole));
            let holes: Vec<ClassSet> = holes.map(|hole| sets.within(hole)).collect();
            let whole = sets.within(Atom::from(block.cidr));
            whole.difference(&ClassSet::union_of(&holes))
        }
        Term::Nodes(family, labels) => nodes(sets, cluster, *family, labels),
        Term::Unaddressed => sets.unaddressed.clone(),
        Term::UnaddressedLikeNodes(labels) => {
            let mut nodes = cluster.nodes.values();
            if nodes.any(|node| is_addressed(node, labels)) {
                sets.unaddressed.clone()
            } else {
                ClassSet::new()
            }
        }
    }
}

/// NP-12 to NP-16, CN-2 to CN-4: the classes of pods that a pair of selectors matches.
pub(crate) fn select_pods(
    classes: &ClassTable,
    namespaces: &NamespaceTerm,
    labels: &LabelSelector,
) -> ClassSet {
    let sets = classes.sets();
    match namespaces {
        NamespaceTerm::Only(name) => match classes.namespace(name) {
            Some(namespace) => sets.labels.select(labels, &namespace.classes),
            None => ClassSet::new(),
        },
        NamespaceTerm::Matching(selector) => {
            let among = sets.namespace_labels.select(selector, &sets.pods);
            sets.labels.select(labels, &among)
        }
    }
}

/// CN-35: the classes with an address that is in the object of a matching node.
fn nodes(sets: &ClassSets, cluster: &Cluster, family: Family, labels: &LabelSelector) -> ClassSet {
    let matching = cluster
        .nodes
        .values()
        .filter(|node| labels.matches(&node.labels));
    let addresses = matching.flat_map(|node| &node.addresses);
    let addresses = addresses
        .map(std::net::IpAddr::to_canonical)
        .filter(|address| Family::of(*address) == family);
    ClassSet::union_of(addresses.map(|address| sets.with_node_address(address)))
}
