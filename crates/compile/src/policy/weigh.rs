//! How many elements each group needs, before any of them is made.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_model::Direction;
use ringfence_net::Family;

use super::entry::{Reasons, weight_of_anyone};
use super::judged::{Judged, Policies};
use super::row::{Rows, rows};
use super::tiers::Tiers;
use crate::class::{Class, ClassId, Classes, GroupId, Terms};

/// What a group says of classes, as far as that is known and not written.
#[derive(Debug, Default)]
pub(super) struct Weighed {
    /// Whether its rules are others than those that were weighed.
    pub(super) is_stale: bool,
    /// Elements for one address, of what is so for anyone.
    anyone: u64,
    /// The same, of each class that the rules say something particular about.
    classes: BTreeMap<ClassId, u64>,
    /// Elements for all addresses.
    total: u128,
    /// What is to be written.
    pub(super) news: BTreeMap<ClassId, News>,
}

/// What a group says of a class.
#[derive(Debug)]
pub(super) enum News {
    /// Nothing any more.
    Nothing,
    /// What the policies of a namespace allow, for these reasons.
    Reasons(Reasons),
    /// What the tiers make of it.
    Rows(Rows),
}

impl Policies {
    /// Weighs what stale groups say of all classes, and what the others say of classes that changed.
    pub(super) fn weigh(&mut self) {
        let mut asked: BTreeMap<GroupId, BTreeSet<ClassId>> = BTreeMap::new();
        for class in &self.classes.changed.classes {
            let terms = self.classes.get(*class).map(|class| &class.terms);
            for group in terms
                .into_iter()
                .flatten()
                .flat_map(|term| self.terms.users(*term))
            {
                asked.entry(group).or_default().insert(*class);
            }
        }
        self.due.extend(asked.keys());
        for id in self.due.clone() {
            let (terms, classes) = (&self.terms, &self.classes);
            let Some(judged) = self.slots.get_mut(id).and_then(Option::as_mut) else {
                continue;
            };
            let asked = asked.remove(&id).unwrap_or_default();
            let before = judged.weighed.total;
            judged.weigh(asked, terms, classes);
            let now = judged.weighed.total;
            self.total = self.total.saturating_sub(before).saturating_add(now);
        }
    }
}

impl Judged {
    fn weigh(&mut self, mut asked: BTreeSet<ClassId>, terms: &Terms, classes: &Classes) {
        if self.weighed.is_stale {
            asked.extend(self.weighed.classes.keys());
            asked.extend(self.shown.classes());
            asked.extend(self.terms.iter().flat_map(|term| classes.with_term(*term)));
            let named = self.names.iter().flat_map(|name| terms.with_name(name));
            asked.extend(named.flat_map(|term| classes.with_term(term)));
        }
        if self.group.is_tiered() {
            self.weigh_tiers(asked, terms, classes);
        } else {
            self.weigh_reasons(asked, terms, classes);
        }
        self.weighed.total = self.sum(classes);
    }

    fn weigh_reasons(&mut self, asked: BTreeSet<ClassId>, terms: &Terms, classes: &Classes) {
        if self.weighed.is_stale {
            self.weighed.anyone = weight_of_anyone(&self.group);
        }
        for id in asked {
            let class = self.class(id, terms, classes);
            let reasons = class.and_then(|class| Reasons::new(&self.group, &class.terms, terms));
            match reasons {
                Some(reasons) => {
                    let weight = reasons.weight(&self.group);
                    self.weighed.classes.insert(id, weight);
                    self.weighed.news.insert(id, News::Reasons(reasons));
                }
                None => self.forget(id),
            }
        }
    }

    fn weigh_tiers(&mut self, asked: BTreeSet<ClassId>, terms: &Terms, classes: &Classes) {
        let tiers = Tiers::new(&self.group);
        if self.weighed.is_stale {
            self.weighed.anyone = tiers.entries_for_anyone().len() as u64;
        }
        let mut found = Vec::new();
        // Many classes have the same entries.
        let mut known: Vec<(Vec<super::Entry>, Rows)> = Vec::new();
        for id in asked {
            let class = self.class(id, terms, classes);
            let entries = class.and_then(|class| tiers.entries(&class.terms, terms));
            let rows = entries.map(|entries| {
                let same = known.iter().rev().take(8).find(|(own, _)| *own == entries);
                same.map(|(_, rows)| rows.clone()).unwrap_or_else(|| {
                    let rows = rows(&self.group, &entries);
                    known.push((entries, rows.clone()));
                    rows
                })
            });
            found.push((id, rows));
        }
        for (id, rows) in found {
            match rows {
                Some(rows) => {
                    self.weighed.classes.insert(id, rows.len() as u64);
                    self.weighed.news.insert(id, News::Rows(rows));
                }
                None => self.forget(id),
            }
        }
    }

    /// A class that the group's rules are asked about. Names are those of destinations (rule CN-37): nobody looks up where a packet
    /// comes from in them.
    fn class<'a>(&self, id: ClassId, terms: &Terms, classes: &'a Classes) -> Option<&'a Class> {
        let has_names = |class: &Class| class.terms.iter().any(|term| terms.is_of_names(*term));
        let class = classes.get(id).filter(|class| class.has_members())?;
        match self.key.direction {
            Direction::Egress => Some(class),
            Direction::Ingress => Some(class).filter(|class| !has_names(class)),
        }
    }

    fn forget(&mut self, id: ClassId) {
        self.weighed.classes.remove(&id);
        self.weighed.news.insert(id, News::Nothing);
    }

    fn sum(&self, classes: &Classes) -> u128 {
        let subjects = self.count_subjects();
        let mut total = 0_u128;
        for (family, subjects) in Family::ALL.into_iter().zip(subjects) {
            if subjects == 0 {
                continue;
            }
            let of_classes = self.weighed.classes.iter().filter(|(id, _)| {
                let class = classes.get(**id);
                class.is_some_and(|class| class.has_family(family))
            });
            let each: u128 = of_classes.map(|(_, weight)| u128::from(*weight)).sum();
            let each = each.saturating_add(self.weighed.anyone.into());
            total = total.saturating_add(each.saturating_mul(subjects.into()));
        }
        total
    }
}
