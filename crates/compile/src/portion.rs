//! A large change in portions. Each is a transaction of its own, so that each leads to a state of the table that packets meet. In
//! every one of these states each packet meets what it met before, or what it will meet afterwards (rule DP-27).
//!
//! Some elements can go apart from the rest:
//! - Those of which the comment alone is another one.
//! - Entries of judging maps that nobody looks up: their pod is not judged, or their class has no member. What is so before
//!   the change goes first, what is so afterwards goes last.
//! - Classes of peers that are no pods of this node. Of a packet between such a peer and a pod of this node one judgement depends
//!   on one class; of one between two pods of this node two do, which must not be of different times: what one
//!   has just opened to the other, the other may be about to close.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_model::Direction;
use ringfence_net::Family;
use ringfence_ruleset::{Datum, Element, Key, Operation, Table, Value};

use crate::layout::{ANY_PEER, OWN_SELF, Pass, direction_set, set_name};

/// Keys of sets, and what was behind them.
pub(crate) type Touched = BTreeMap<String, BTreeMap<Key, Option<Element>>>;

/// A change in transactions, each of which leads to a safe state; see [`Compiler::compile_in_portions`](crate::Compiler::compile_in_portions).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Portions {
    /// What goes before the rest.
    pub first: Vec<Vec<Operation>>,
    /// What must go together.
    pub main: Vec<Operation>,
    /// What goes after the rest.
    pub last: Vec<Vec<Operation>>,
}

impl Portions {
    /// All operations, in order.
    pub fn operations(&self) -> impl Iterator<Item = &Operation> {
        let first = self.first.iter().flatten();
        first.chain(&self.main).chain(self.last.iter().flatten())
    }
}

/// What is touched, in the order in which it goes.
#[derive(Debug, Default)]
pub(crate) struct Division {
    pub(crate) first: Vec<Touched>,
    pub(crate) main: Touched,
    pub(crate) last: Vec<Touched>,
}

/// Divides what differs from `table`, if that is more than `most` elements that come or go.
pub(crate) fn divide(mut touched: Touched, table: &Table, most: usize) -> Division {
    for (name, keys) in &mut touched {
        keys.retain(|key, old| now(table, name, key) != old.as_ref());
    }
    touched.retain(|_, keys| !keys.is_empty());
    let count = touched.iter().flat_map(|(name, keys)| {
        let keys = keys.iter();
        keys.map(|(key, old)| weight(old.is_some(), now(table, name, key).is_some()))
    });
    if count.sum::<usize>() <= most {
        return Division {
            main: touched,
            ..Division::default()
        };
    }
    Divider::new(&touched, table).divide(&touched, most)
}

/// How many elements come and go.
fn weight(was_there: bool, is_there: bool) -> usize {
    usize::from(was_there) + usize::from(is_there)
}

fn now<'t>(table: &'t Table, set: &str, key: &Key) -> Option<&'t Element> {
    table.sets.get(set)?.elements.get(key)
}

/// What a set is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// Says whether pods of this node are judged.
    Subjects(Direction, Family),
    /// What becomes of them and their peers.
    Entries(Direction, Family),
    /// The classes of pods.
    Peers(Family),
    /// What pods send to themselves.
    Selves,
}

/// A moment: before the change or afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    Before,
    After,
}

/// An element that comes, goes or changes.
type Item<'a> = (&'a str, &'a Key, &'a Option<Element>);

/// Where an item goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    First,
    Main,
    Last,
}

struct Divider<'a> {
    table: &'a Table,
    touched: &'a Touched,
    parts: BTreeMap<String, Part>,
    /// The classes that have members, before and afterwards.
    classes: [BTreeSet<(Family, u32)>; 2],
}

impl<'a> Divider<'a> {
    fn new(touched: &'a Touched, table: &'a Table) -> Self {
        let mut found = Self {
            table,
            touched,
            parts: parts(),
            classes: Default::default(),
        };
        found.classes = [Moment::Before, Moment::After].map(|moment| found.members(moment));
        found
    }

    fn divide(&self, touched: &Touched, most: usize) -> Division {
        let items = touched.iter().flat_map(|(set, keys)| {
            let keys = keys.iter();
            keys.map(move |(key, old)| (set.as_str(), key, old))
        });
        let (mut early, mut late, mut main) = (Vec::new(), Vec::new(), Vec::new());
        for item in items {
            match self.place_of(item) {
                Place::First => early.push(item),
                Place::Main => main.push(item),
                Place::Last => late.push(item),
            }
        }
        let (mut first, mut last) = (self.chunks(early, most), Vec::new());
        for family in Family::ALL {
            let place = self.place_of_classes(&main, family);
            let (moved, rest): (Vec<_>, Vec<_>) = main
                .into_iter()
                .partition(|item| place != Place::Main && self.is_of_stranger(*item, family));
            main = rest;
            match place {
                Place::First => first.extend(self.chunks(moved, most)),
                Place::Main => {}
                Place::Last => last.extend(self.chunks(moved, most)),
            }
        }
        last.extend(self.chunks(late, most));
        Division {
            first,
            main: collect(main),
            last,
        }
    }

    /// Where an element goes that says the same as before, or an entry that nobody looks up, before or afterwards; and all others
    /// among the rest.
    fn place_of(&self, (set, key, old): Item<'_>) -> Place {
        let Some(part) = self.parts.get(set) else {
            return Place::Main;
        };
        let same = |(old, new): (&Element, &Element)| old.value == new.value;
        if old
            .as_ref()
            .zip(now(self.table, set, key))
            .is_some_and(same)
        {
            return Place::First;
        }
        let Part::Entries(direction, family) = part else {
            return Place::Main;
        };
        let [Datum::Address(_), Datum::Number(class), ..] = &*key.first else {
            return Place::Main;
        };
        let is_looked_up = |moment| {
            let subject = subject(key);
            let is_judged =
                subject.is_some_and(|it| self.is_judged(&it, (*direction, *family), moment));
            match *class {
                OWN_SELF => true,
                // Whoever is judged is looked up under these.
                ANY_PEER | 0 => is_judged,
                class => is_judged && self.has_members(class, *family, moment),
            }
        };
        if !is_looked_up(Moment::Before) {
            Place::First
        } else if !is_looked_up(Moment::After) {
            Place::Last
        } else {
            Place::Main
        }
    }

    /// Where the classes of strangers go that are among `main`: before the rest if who is judged otherwise was not judged, after
    /// it if such pods are not judged any more. Else a packet could meet a class of afterwards and entries of before.
    fn place_of_classes(&self, main: &[Item<'_>], family: Family) -> Place {
        let is_apart = |(set, _, _): &Item<'_>| match self.parts.get(*set) {
            Some(Part::Subjects(..) | Part::Entries(..) | Part::Peers(_) | Part::Selves) => true,
            None => false,
        };
        if !main.iter().all(is_apart) {
            return Place::Main;
        }
        let judged_otherwise: BTreeSet<(Direction, Key)> = main
            .iter()
            .filter_map(|(set, key, _)| match self.parts.get(*set)? {
                Part::Subjects(direction, of) | Part::Entries(direction, of) if *of == family => {
                    Some((*direction, subject(key)?))
                }
                Part::Subjects(..) | Part::Entries(..) | Part::Peers(_) | Part::Selves => None,
            })
            .collect();
        let none_is_judged = |moment| {
            let mut subjects = judged_otherwise.iter();
            !subjects
                .any(|(direction, subject)| self.is_judged(subject, (*direction, family), moment))
        };
        if none_is_judged(Moment::Before) {
            Place::First
        } else if none_is_judged(Moment::After) {
            Place::Last
        } else {
            Place::Main
        }
    }

    /// Whether it is the class of somebody who is no pod of this node.
    fn is_of_stranger(&self, (set, key, _): Item<'_>, family: Family) -> bool {
        let locals = set_name("locals", family);
        self.parts.get(set) == Some(&Part::Peers(family)) && now(self.table, &locals, key).is_none()
    }

    fn is_judged(
        &self,
        subject: &Key,
        (direction, family): (Direction, Family),
        moment: Moment,
    ) -> bool {
        let set = direction_set(direction, "", family);
        self.at(&set, subject, moment).is_some()
    }

    fn has_members(&self, class: u32, family: Family, moment: Moment) -> bool {
        let [before, after] = &self.classes;
        let classes = match moment {
            Moment::Before => before,
            Moment::After => after,
        };
        classes.contains(&(family, class))
    }

    fn at(&self, set: &str, key: &Key, moment: Moment) -> Option<&Element> {
        let old = self.touched.get(set).and_then(|keys| keys.get(key));
        match (moment, old) {
            (Moment::Before, Some(old)) => old.as_ref(),
            (Moment::Before, None) | (Moment::After, _) => now(self.table, set, key),
        }
    }

    fn members(&self, moment: Moment) -> BTreeSet<(Family, u32)> {
        let mut found = BTreeSet::new();
        for family in Family::ALL {
            for name in ["peers", "blocks", "names"].map(|stem| set_name(stem, family)) {
                let elements = self.table.sets.get(&name).map(|set| &set.elements);
                let touched = self.touched.get(&name);
                let now = elements.into_iter().flat_map(BTreeMap::keys);
                let keys = now.chain(touched.into_iter().flat_map(BTreeMap::keys));
                let elements = keys.filter_map(|key| self.at(&name, key, moment));
                found.extend(elements.filter_map(class).map(|class| (family, class)));
            }
        }
        found
    }

    /// At most so many elements at a time. What goes comes first: ranges that come may lie where it was.
    fn chunks(&self, mut items: Vec<Item<'a>>, most: usize) -> Vec<Touched> {
        items.sort_by_key(|(set, key, _)| now(self.table, set, key).is_some());
        let mut chunks = Vec::new();
        let (mut chunk, mut count) = (Vec::new(), 0_usize);
        for item in items {
            let (set, key, old) = item;
            let weight = weight(old.is_some(), now(self.table, set, key).is_some());
            if !chunk.is_empty() && count.saturating_add(weight) > most {
                chunks.push(collect(std::mem::take(&mut chunk)));
                count = 0;
            }
            chunk.push(item);
            count = count.saturating_add(weight);
        }
        if !chunk.is_empty() {
            chunks.push(collect(chunk));
        }
        chunks
    }
}

fn parts() -> BTreeMap<String, Part> {
    let mut parts = BTreeMap::new();
    for family in Family::ALL {
        parts.insert(set_name("peers", family), Part::Peers(family));
        parts.insert(set_name("selves", family), Part::Selves);
        for direction in Direction::ALL {
            let subjects = Part::Subjects(direction, family);
            parts.insert(direction_set(direction, "", family), subjects);
            for pass in [Pass::Enforce, Pass::Audit] {
                for stem in ["-ports", "-ranges", "-peers"] {
                    let name = direction_set(direction, &format!("{}{stem}", pass.infix()), family);
                    parts.insert(name, Part::Entries(direction, family));
                }
            }
        }
    }
    parts
}

/// The pod that an element is about, as the sets of those who are judged have it.
fn subject(key: &Key) -> Option<Key> {
    match key.first.first()? {
        address @ Datum::Address(_) => Some(Key::point(vec![address.clone()])),
        Datum::Byte(_)
        | Datum::Port(_)
        | Datum::Number(_)
        | Datum::Interface(_)
        | Datum::Cgroup(_) => None,
    }
}

fn class(element: &Element) -> Option<u32> {
    match &element.value {
        Value::Data(fields) => match fields.as_slice() {
            [Datum::Number(class)] => Some(*class),
            [..] => None,
        },
        Value::Member | Value::Verdict(_) => None,
    }
}

fn collect(items: Vec<Item<'_>>) -> Touched {
    let mut touched = Touched::new();
    for (set, key, old) in items {
        let keys = touched.entry(set.to_owned()).or_default();
        keys.insert(key.clone(), old.clone());
    }
    touched
}
