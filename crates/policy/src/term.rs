//! What rules ask of a peer, each distinct question once.

mod resolve;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use ringfence_model::{Cluster, Direction, LabelSelector};
use ringfence_net::Family;

use crate::address_set::AddressSet;
use crate::class::entry::Entry as ClassEntry;
use crate::class::table::ClassTable;
use crate::class::{ClassId, ClassSet};
use crate::policies::PolicyId;

pub(crate) use resolve::PodTerm;

/// One question about a peer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Term {
    /// Is it such a pod?
    Pods(PodTerm),
    /// Is its address one of these (rule NP-40)?
    Addresses(AddressSet),
    /// Is its address of this family one of a node with such labels (rule CN-35)?
    Nodes(Family, LabelSelector),
    /// Is no address of it known (rule AM-22)?
    Unaddressed,
    /// The same, if there is a node with such labels and an address to compare with.
    UnaddressedLikeNodes(LabelSelector),
    /// Is it this node (rule HF-6)?
    Node(String),
    /// Does it declare a port of this name (rules NP-34, CN-33)?
    Port(String),
}

/// The number of a term.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TermId(usize);

/// Who asks: one direction of a policy.
pub(crate) type Asker = (PolicyId, Direction);

/// The terms of all policies.
#[derive(Clone, Debug, Default)]
pub(crate) struct TermTable {
    ids: BTreeMap<Arc<Term>, TermId>,
    /// By number; a term that nobody asks leaves its entry to the next one.
    entries: Vec<Entry>,
    free: Vec<TermId>,
    /// Those that only pods of one namespace can match.
    of_namespace: BTreeMap<String, BTreeSet<TermId>>,
    /// The others.
    of_any: BTreeSet<TermId>,
}

#[derive(Clone, Debug)]
struct Entry {
    term: Arc<Term>,
    askers: BTreeSet<Asker>,
    /// The classes for which the answer is yes, once somebody wanted to know.
    classes: OnceLock<ClassSet>,
}

impl TermTable {
    /// The number of a term that `asker` asks.
    pub(crate) fn ask(&mut self, term: Term, asker: Asker) -> TermId {
        let id = match self.ids.get(&term) {
            Some(id) => *id,
            None => self.create(term),
        };
        if let Some(entry) = self.entries.get_mut(id.0) {
            entry.askers.insert(asker);
        }
        id
    }

    fn create(&mut self, term: Term) -> TermId {
        let id = self.free.pop().unwrap_or(TermId(self.entries.len()));
        match term.namespace() {
            Some(name) => {
                let same = self.of_namespace.entry(name.to_owned()).or_default();
                same.insert(id);
            }
            None => {
                self.of_any.insert(id);
            }
        }
        let entry = Entry {
            term: Arc::new(term),
            askers: BTreeSet::new(),
            classes: OnceLock::new(),
        };
        self.ids.insert(Arc::clone(&entry.term), id);
        match self.entries.get_mut(id.0) {
            Some(old) => *old = entry,
            None => self.entries.push(entry),
        }
        id
    }

    /// The number of terms that somebody asks.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    /// `asker` does not ask this any more.
    pub(crate) fn forget(&mut self, id: TermId, asker: Asker) {
        let Some(entry) = self.entries.get_mut(id.0) else {
            return;
        };
        let asked = entry.askers.remove(&asker);
        if !asked || !entry.askers.is_empty() {
            return;
        }
        self.ids.remove(&entry.term);
        self.of_any.remove(&id);
        if let Some(name) = entry.term.namespace()
            && let Some(same) = self.of_namespace.get_mut(name)
        {
            same.remove(&id);
            if same.is_empty() {
                self.of_namespace.remove(name);
            }
        }
        entry.classes = OnceLock::new();
        self.free.push(id);
    }

    /// The classes for which the answer to the term is yes.
    pub(crate) fn classes(&self, id: TermId, classes: &ClassTable, cluster: &Cluster) -> &ClassSet {
        const NOBODY: &ClassSet = &ClassSet::new();
        self.entries.get(id.0).map_or(NOBODY, |entry| {
            let resolve = || entry.term.resolve(classes, cluster);
            entry.classes.get_or_init(resolve)
        })
    }

    pub(crate) fn askers(&self, id: TermId) -> impl Iterator<Item = Asker> + '_ {
        let entry = self.entries.get(id.0).into_iter();
        entry.flat_map(|entry| entry.askers.iter().copied())
    }

    /// A class is new, or asked anew: the terms whose answers are others now.
    pub(crate) fn admit(
        &mut self,
        class: ClassId,
        classes: &ClassTable,
        cluster: &Cluster,
    ) -> Vec<TermId> {
        let entry = classes.entry(class);
        let concerned = self.concerned(entry);
        let changes = |id: &TermId| {
            self.entries.get_mut(id.0).is_some_and(|found| {
                let matches = || found.term.matches(entry, classes, cluster);
                match found.classes.get() {
                    Some(_) if matches() => found.update(|members| members.insert(class)),
                    Some(_) => found.update(|members| members.remove(class)),
                    None => false,
                }
            })
        };
        concerned.into_iter().filter(changes).collect()
    }

    /// A class goes: the terms whose answers are others then.
    pub(crate) fn dismiss(&mut self, class: ClassId, entry: &ClassEntry) -> Vec<TermId> {
        let concerned = self.concerned(entry);
        let changes = |id: &TermId| {
            let found = self.entries.get_mut(id.0);
            found.is_some_and(|found| found.update(|members| members.remove(class)))
        };
        concerned.into_iter().filter(changes).collect()
    }

    /// The terms that a class can match.
    fn concerned(&self, entry: &ClassEntry) -> Vec<TermId> {
        let own = entry
            .namespace()
            .and_then(|name| self.of_namespace.get(name));
        let all = own.into_iter().flatten().chain(&self.of_any);
        all.copied().collect()
    }

    /// Labels or addresses of nodes changed: forgets what is known of terms about them, and returns these.
    pub(crate) fn forget_nodes(&mut self) -> Vec<TermId> {
        let mut forgotten = Vec::new();
        for id in &self.of_any {
            if let Some(entry) = self.entries.get_mut(id.0)
                && entry.term.is_about_nodes()
                && entry.classes.take().is_some()
            {
                forgotten.push(*id);
            }
        }
        forgotten
    }
}

impl Entry {
    /// Changes what is known, if anything is. True if `change` says that it did.
    fn update(&mut self, change: impl FnOnce(&mut ClassSet) -> bool) -> bool {
        self.classes.get_mut().is_some_and(change)
    }
}
