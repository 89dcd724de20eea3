//! From what groups say to elements: what is gone leaves first, then what is new comes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ringfence_net::Family;
use ringfence_ruleset::{Datum, Key, Value, Verdict};

use super::entry::Anyone;
use super::judged::{Judged, Policies};
use super::row::{Rows, rows};
use super::tiers::Tiers;
use super::weigh::News;
use crate::class::{ClassId, Classes, GroupId, TermId, Terms};
use crate::comment;
use crate::emit::{Emitter, Mark, span_key, twice};
use crate::layout::{ANY_PEER, OWN_SELF, Pass, direction_set, set_name};
use crate::peer::{PeerId, Peers};

/// What of a group is written.
#[derive(Debug, Default)]
pub(super) struct Shown {
    subjects: BTreeSet<IpAddr>,
    anyone: Option<Rows>,
    classes: BTreeMap<ClassId, Block>,
    selves: BTreeMap<IpAddr, Rows>,
}

/// What is written of one class.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Block {
    number: u32,
    families: [bool; 2],
    rows: Rows,
}

impl Shown {
    pub(super) fn classes(&self) -> impl Iterator<Item = ClassId> {
        self.classes.keys().copied()
    }
}

/// What is to be written of a group.
struct Next {
    id: GroupId,
    anyone: Option<Rows>,
    classes: Vec<(ClassId, Block)>,
    selves: Vec<(IpAddr, Rows)>,
}

impl Policies {
    /// Writes what changed of classes and groups.
    pub(super) fn show(&mut self, peers: &Peers, emitter: &mut Emitter) {
        self.show_classes(peers, emitter);
        self.call_those_who_reach_themselves(peers);
        let due: Vec<GroupId> = self.due.iter().copied().collect();
        let mut coming = Vec::new();
        for id in due {
            let (terms, classes) = (&self.terms, &self.classes);
            if let Some(judged) = self.slots.get_mut(id).and_then(Option::as_mut) {
                coming.push(judged.take_away(id, terms, classes, emitter));
            }
        }
        for next in coming {
            if let Some(judged) = self.get_mut(next.id) {
                judged.write(next, emitter);
            }
        }
    }

    /// What a pod sends to itself is judged by what its own address is.
    fn call_those_who_reach_themselves(&mut self, peers: &Peers) {
        let mut called = BTreeSet::new();
        let changed = &self.classes.changed;
        for address in changed.addresses.union(&changed.named) {
            let local = peers
                .claimants(*address)
                .filter(|(_, peer)| peer.is_local());
            for (id, _) in local {
                let groups = self.groups_of(id);
                let tiered = groups.filter(|(_, judged)| judged.group.is_tiered());
                called.extend(tiered.map(|(id, _)| id));
            }
        }
        self.due.extend(called);
    }

    /// Which class each peer's address and each block has.
    fn show_classes(&self, peers: &Peers, emitter: &mut Emitter) {
        let changed = &self.classes.changed;
        for address in &changed.addresses {
            let set = set_name("peers", Family::of(*address));
            let key = Key::point(vec![Datum::Address(*address)]);
            match self.classes.of_peer(*address) {
                None => emitter.remove(&set, &key),
                Some(class) => {
                    let comment = peers.name(*address).map(comment::of);
                    emitter.put(&set, key, self.number_of(class), comment);
                }
            }
        }
        for address in &changed.named {
            let set = set_name("names", Family::of(*address));
            let key = Key::point(vec![Datum::Address(*address)]);
            match self.classes.of_named(*address) {
                None => emitter.remove(&set, &key),
                Some(class) => {
                    let comment = self.words_of(self.classes.names_of(*address));
                    emitter.put(&set, key, self.number_of(class), Some(comment));
                }
            }
        }
        for (family, span) in &changed.gone {
            emitter.remove(&set_name("blocks", *family), &span_key(*family, *span));
        }
        for (family, span) in &changed.atoms {
            let Some((atom, class)) = self.classes.atom(*family, *span) else {
                continue;
            };
            let comment = self.words_of(&atom.terms);
            let key = span_key(*family, *span);
            let number = self.number_of(*class);
            emitter.put(&set_name("blocks", *family), key, number, Some(comment));
        }
    }

    /// Terms about addresses as a comment.
    fn words_of(&self, terms: &[TermId]) -> String {
        let words = terms.iter();
        let words = words.filter_map(|term| self.terms.in_words(*term));
        let words: BTreeSet<String> = words.collect();
        comment::joined(words.into_iter())
    }

    fn number_of(&self, class: ClassId) -> Value {
        Value::Data(vec![Datum::Number(self.classes.number(class))])
    }

    /// Pods that are wired here reach themselves through a Service, where nothing else is said of it (rule AM-4).
    pub(crate) fn show_selves(
        &self,
        touched: &BTreeSet<PeerId>,
        peers: &Peers,
        emitter: &mut Emitter,
    ) {
        for id in touched {
            let Some(peer) = peers.get(*id).filter(|peer| peer.is_local()) else {
                continue;
            };
            let groups = self.groups_of(*id).map(|(_, judged)| &judged.key);
            let tiered = groups.filter(|key| key.is_tiered() && key.stage.pass() == Pass::Enforce);
            let key = tiered.min_by_key(|key| key.direction);
            for address in &peer.addresses {
                let family = Family::of(*address);
                let (verdict, comment) = match key {
                    // What follows the lookup leads to the judgement.
                    Some(key) => (
                        Verdict::Continue,
                        comment::joined(key.policy_names().map(comment::of)),
                    ),
                    None => (Verdict::Accept, comment::of(&peer.name)),
                };
                let set = set_name("selves", family);
                emitter.put(
                    &set,
                    twice(*address),
                    Value::Verdict(verdict),
                    Some(comment),
                );
            }
        }
    }
}

impl Judged {
    /// Takes away what of the group is written and no longer so. Gives what is to be written instead.
    fn take_away(
        &mut self,
        id: GroupId,
        terms: &Terms,
        classes: &Classes,
        emitter: &mut Emitter,
    ) -> Next {
        let gone: Vec<IpAddr> = self
            .shown
            .subjects
            .difference(&self.subjects)
            .copied()
            .collect();
        for subject in gone {
            self.leave(subject, emitter);
        }
        let anyone = self.new_for_anyone(emitter);
        let selves = self.new_selves(terms, classes, emitter);
        let classes = self.new_classes(classes, emitter);
        Next {
            id,
            anyone,
            classes,
            selves,
        }
    }

    /// Takes away everything about an address.
    fn leave(&mut self, subject: IpAddr, emitter: &mut Emitter) {
        let direction = self.key.direction;
        let set = direction_set(direction, "", Family::of(subject));
        let (stage, family) = (self.key.stage, Family::of(subject));
        if stage.entrance(direction, family).is_some() {
            emitter.remove_with_origins(&set, &Key::point(vec![Datum::Address(subject)]));
        }
        let mark = |number| Mark {
            direction,
            pass: stage.pass(),
            subject,
            number,
        };
        if let Some(rows) = &self.shown.anyone {
            emitter.remove_rows(mark(ANY_PEER), rows);
        }
        for block in self.shown.classes.values() {
            if block.is_about(Family::of(subject)) {
                emitter.remove_rows(mark(block.number), &block.rows);
            }
        }
        if let Some(rows) = self.shown.selves.remove(&subject) {
            emitter.remove_rows(mark(OWN_SELF), &rows);
        }
        self.shown.subjects.remove(&subject);
    }

    fn new_for_anyone(&mut self, emitter: &mut Emitter) -> Option<Rows> {
        if !self.weighed.is_stale {
            return None;
        }
        let group = &self.group;
        let entries = if group.is_tiered() {
            Tiers::new(group).entries_for_anyone()
        } else {
            Anyone::new(group).entries()
        };
        let new = rows(group, &entries);
        if self.shown.anyone.as_ref() == Some(&new) {
            return None;
        }
        if let Some(old) = self.shown.anyone.take() {
            for subject in &self.shown.subjects {
                emitter.remove_rows(self.mark(*subject, ANY_PEER), &old);
            }
        }
        Some(new)
    }

    fn new_selves(
        &mut self,
        terms: &Terms,
        classes: &Classes,
        emitter: &mut Emitter,
    ) -> Vec<(IpAddr, Rows)> {
        // A NetworkPolicy allows them all (rule AM-4): one in audit mode would deny nothing there.
        if !self.group.is_tiered() || self.key.stage.pass() == Pass::Audit {
            return Vec::new();
        }
        let tiers = Tiers::new(&self.group);
        let is_new = |subject: &&IpAddr| {
            self.weighed.is_stale
                || classes.changed.addresses.contains(*subject)
                || classes.changed.named.contains(*subject)
                || !self.shown.selves.contains_key(*subject)
        };
        let mut coming = Vec::new();
        for subject in self.subjects.iter().filter(is_new) {
            let class = classes.of(*subject).and_then(|class| classes.get(class));
            let own = class.map_or(&[][..], |class| &class.terms);
            let new = rows(&self.group, &tiers.to_itself(own, terms));
            let old = self.shown.selves.get(subject);
            if old != Some(&new) {
                if let Some(old) = old {
                    emitter.remove_rows(self.mark(*subject, OWN_SELF), old);
                }
                coming.push((*subject, new));
            }
        }
        coming
    }

    fn new_classes(&mut self, classes: &Classes, emitter: &mut Emitter) -> Vec<(ClassId, Block)> {
        let news = std::mem::take(&mut self.weighed.news);
        if news.is_empty() {
            return Vec::new();
        }
        let anyone = Anyone::new(&self.group);
        // Many classes have the same reasons.
        let mut known = BTreeMap::new();
        let mut coming = Vec::new();
        for (id, news) in news {
            let rows = match news {
                News::Nothing => None,
                News::Rows(rows) => Some(rows),
                News::Reasons(reasons) => {
                    let group = &self.group;
                    let new = |reasons: &_| rows(group, &anyone.rest(group, reasons));
                    Some(known.entry(reasons).or_insert_with_key(new).clone())
                }
            };
            let new = rows.and_then(|rows| Block::new(rows, classes, id));
            let old = self.shown.classes.get(&id);
            if old == new.as_ref() {
                continue;
            }
            if let Some(old) = self.shown.classes.remove(&id) {
                for subject in &self.shown.subjects {
                    if old.is_about(Family::of(*subject)) {
                        emitter.remove_rows(self.mark(*subject, old.number), &old.rows);
                    }
                }
            }
            coming.extend(new.map(|new| (id, new)));
        }
        coming
    }

    /// Writes what is new for all, and everything for addresses that are new.
    fn write(&mut self, next: Next, emitter: &mut Emitter) {
        let old: Vec<IpAddr> = self.shown.subjects.iter().copied().collect();
        for subject in &old {
            if self.weighed.is_stale {
                self.isolate(*subject, emitter);
            }
            if let Some(rows) = &next.anyone {
                emitter.put_rows(self.mark(*subject, ANY_PEER), rows);
            }
            for (_, block) in &next.classes {
                self.write_block(*subject, block, emitter);
            }
        }
        self.shown.anyone = next.anyone.or(self.shown.anyone.take());
        self.shown.classes.extend(next.classes);
        let new: Vec<IpAddr> = self
            .subjects
            .difference(&self.shown.subjects)
            .copied()
            .collect();
        for subject in new {
            self.isolate(subject, emitter);
            if let Some(rows) = &self.shown.anyone {
                emitter.put_rows(self.mark(subject, ANY_PEER), rows);
            }
            for block in self.shown.classes.values() {
                self.write_block(subject, block, emitter);
            }
            self.shown.subjects.insert(subject);
        }
        for (subject, rows) in next.selves {
            emitter.put_rows(self.mark(subject, OWN_SELF), &rows);
            self.shown.selves.insert(subject, rows);
        }
        self.weighed.is_stale = false;
    }

    fn write_block(&self, subject: IpAddr, block: &Block, emitter: &mut Emitter) {
        if block.is_about(Family::of(subject)) {
            emitter.put_rows(self.mark(subject, block.number), &block.rows);
        }
    }

    fn isolate(&self, subject: IpAddr, emitter: &mut Emitter) {
        let (direction, family) = (self.key.direction, Family::of(subject));
        let set = direction_set(direction, "", family);
        let key = Key::point(vec![Datum::Address(subject)]);
        let Some(verdict) = self.key.stage.entrance(direction, family) else {
            return;
        };
        let comment = comment::joined(self.key.policy_names().map(comment::of));
        let origins = self.group.judgement();
        emitter.put_with_origins(&set, key, Value::Verdict(verdict), comment, origins);
    }

    const fn mark(&self, subject: IpAddr, number: u32) -> Mark {
        Mark {
            direction: self.key.direction,
            pass: self.key.stage.pass(),
            subject,
            number,
        }
    }
}

impl Block {
    /// What a class gets; `None` if that is nothing.
    fn new(rows: Rows, classes: &Classes, id: ClassId) -> Option<Self> {
        let class = classes.get(id).filter(|_| !rows.is_empty())?;
        Some(Self {
            number: class.number,
            families: Family::ALL.map(|family| class.has_family(family)),
            rows,
        })
    }

    const fn is_about(&self, family: Family) -> bool {
        let [v4, v6] = self.families;
        match family {
            Family::V4 => v4,
            Family::V6 => v6,
        }
    }
}
