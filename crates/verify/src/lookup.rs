//! A set as it is looked up in: which packets hit which elements.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_ruleset::{Datum, Key, Set, Value, Verdict};

use crate::axes::Axes;
use crate::bits::Bits;
use crate::error::Unverifiable;
use crate::key::{Part, between, readable};
use crate::region::{Axis, Priority, Region};

/// A set under one key.
#[derive(Debug)]
pub(crate) struct Lookup {
    /// What a packet must be to have all parts of the key; `None` if none has them.
    readable: Option<Vec<(Axis, Bits)>>,
    axes: Vec<Axis>,
    pub(crate) reads_priority: bool,
    pub(crate) modulus: Option<u32>,
    entries: Vec<Entry>,
    /// Entries by the number that the scratch register must hold.
    by_number: BTreeMap<u32, Vec<usize>>,
    /// Entries with a range of such numbers.
    ranged: Vec<usize>,
}

/// An element.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// One for each axis of the lookup.
    limits: Vec<(Axis, Bits)>,
    pub(crate) number: Option<(u32, u32)>,
    pub(crate) random: (u32, u32),
    pub(crate) value: Value,
    /// For each axis a number for what the element says behind it: limits on later axes, and its value.
    suffixes: Vec<u32>,
}

/// What a lookup finds, for the parts of a region.
#[derive(Debug, Default)]
pub(crate) struct Found<'a> {
    pub(crate) hits: Vec<(Region, Vec<&'a Entry>)>,
    pub(crate) misses: Vec<Region>,
    /// Packets without a field of the key: the rule ends for them.
    pub(crate) unreadable: Vec<Region>,
    /// Packets whose scratch register was read before anything set it.
    pub(crate) unset: Option<Region>,
}

impl Lookup {
    pub(crate) fn new(
        name: &str,
        set: &Set,
        parts: &[Part],
        axes: &Axes,
    ) -> Result<Self, Unverifiable> {
        let bad = |what: &str| Unverifiable::construct(name, what);
        if parts.len() != set.key.len() {
            return Err(bad("a key that does not fit the set is looked up"));
        }
        let mut lookup = Self {
            readable: readable_parts(parts, axes),
            axes: axes_of(parts),
            reads_priority: parts.contains(&Part::Priority),
            modulus: modulus(parts).map_err(bad)?,
            entries: Vec::with_capacity(set.elements.len()),
            by_number: BTreeMap::new(),
            ranged: Vec::new(),
        };
        if lookup.readable.is_none() {
            return Ok(lookup);
        }
        for (key, element) in &set.elements {
            let entry = entry(key, parts, &lookup.axes, axes, &element.value).map_err(bad)?;
            lookup.entries.extend(entry);
        }
        lookup.index();
        Ok(lookup)
    }

    fn index(&mut self) {
        let mut known = BTreeMap::new();
        for (place, entry) in self.entries.iter_mut().enumerate() {
            entry.suffixes = suffixes(entry, &mut known);
            match entry.number {
                Some((first, last)) if first == last => {
                    self.by_number.entry(first).or_default().push(place);
                }
                Some(_) | None => self.ranged.push(place),
            }
        }
    }

    pub(crate) fn find(&self, region: &Region) -> Found<'_> {
        let mut found = Found::default();
        let Some(limits) = &self.readable else {
            found.unreadable.push(region.clone());
            return found;
        };
        let (inside, outside) = region.cut(limits);
        found.unreadable = outside;
        let Some(inside) = inside else { return found };
        if self.reads_priority && inside.priority == Priority::Unset {
            found.unset = Some(inside);
            return found;
        }
        let candidates = self.candidates(&inside);
        split(&inside, candidates, &self.axes, 0, &mut found);
        found
    }

    fn candidates(&self, region: &Region) -> Vec<&Entry> {
        let fits = |entry: &&Entry| {
            let mut limits = entry.limits.iter();
            let number = match (entry.number, &region.priority) {
                (None, _) | (Some(_), Priority::Written) => true,
                (Some((first, last)), Priority::Set(number)) => (first..=last).contains(number),
                (Some((first, last)), Priority::Drawn(numbers)) => {
                    numbers.iter().any(|number| (first..=last).contains(number))
                }
                (Some(_), Priority::Unset) => false,
            };
            number && limits.all(|(axis, atoms)| region.get(*axis).meets(atoms))
        };
        let exact: Vec<&Vec<usize>> = match &region.priority {
            Priority::Set(number) => self.by_number.get(number).into_iter().collect(),
            Priority::Drawn(numbers) => {
                let numbers: BTreeSet<u32> = numbers.iter().copied().collect();
                let exact = numbers.iter();
                exact
                    .filter_map(|number| self.by_number.get(number))
                    .collect()
            }
            Priority::Written => self.by_number.values().collect(),
            Priority::Unset => Vec::new(),
        };
        let places = exact.into_iter().flatten().chain(&self.ranged);
        let entries = places.filter_map(|place| self.entries.get(*place));
        entries.filter(fits).collect()
    }
}

/// Splits a region axis by axis until the same entries hold for all of a part.
fn split<'a>(
    region: &Region,
    entries: Vec<&'a Entry>,
    axes: &[Axis],
    depth: usize,
    found: &mut Found<'a>,
) {
    if entries.is_empty() {
        found.misses.push(region.clone());
        return;
    }
    let Some(axis) = axes.get(depth).copied() else {
        found.hits.push((region.clone(), entries));
        return;
    };
    let own = region.get(axis);
    let mut of_atom: BTreeMap<usize, Vec<&Entry>> = BTreeMap::new();
    for entry in &entries {
        let Some((_, atoms)) = entry.limits.get(depth) else {
            continue;
        };
        for atom in atoms.and(own).iter() {
            of_atom.entry(atom).or_default().push(entry);
        }
    }
    let mut alike: BTreeMap<Vec<u32>, (Vec<usize>, Vec<&Entry>)> = BTreeMap::new();
    for (atom, entries) in of_atom {
        let suffix = |entry: &&Entry| entry.suffixes.get(depth).copied();
        let mut said: Vec<u32> = entries.iter().filter_map(suffix).collect();
        said.sort_unstable();
        said.dedup();
        let group = alike.entry(said).or_insert((Vec::new(), entries));
        group.0.push(atom);
    }
    let mut rest = own.clone();
    for (atoms, entries) in alike.into_values() {
        let atoms = Bits::of(own.capacity(), atoms);
        rest = rest.without(&atoms);
        split(&region.with(axis, atoms), entries, axes, depth + 1, found);
    }
    if !rest.is_empty() {
        found.misses.push(region.with(axis, rest));
    }
}

fn entry(
    key: &Key,
    parts: &[Part],
    order: &[Axis],
    axes: &Axes,
    value: &Value,
) -> Result<Option<Entry>, &'static str> {
    let mut limits: BTreeMap<Axis, Bits> = BTreeMap::new();
    let mut number = None;
    let mut random = (0, u32::MAX);
    let fields = key.first.iter().zip(key.last.iter());
    for (part, (first, last)) in parts.iter().zip(fields) {
        match part {
            Part::Axis(axis) => {
                let Some(mut atoms) = between(*axis, first, last, axes) else {
                    return Err("a key of another type is looked up");
                };
                if let Some(before) = limits.get(axis) {
                    atoms = atoms.and(before);
                }
                limits.insert(*axis, atoms);
            }
            Part::Priority => number = Some(numbers(first, last)?),
            Part::Random(_) => random = numbers(first, last)?,
            Part::Constant(datum) if first <= datum && datum <= last => {}
            Part::Constant(_) | Part::Absent => return Ok(None),
        }
    }
    let limits: Vec<(Axis, Bits)> = order
        .iter()
        .filter_map(|axis| Some((*axis, limits.remove(axis)?)))
        .collect();
    let is_empty = limits.iter().any(|(_, atoms)| atoms.is_empty());
    Ok((!is_empty).then(|| Entry {
        limits,
        number,
        random,
        value: value.clone(),
        suffixes: Vec::new(),
    }))
}

fn numbers(first: &Datum, last: &Datum) -> Result<(u32, u32), &'static str> {
    match (first, last) {
        (Datum::Number(first), Datum::Number(last)) => Ok((*first, *last)),
        _ => Err("a key of another type is looked up"),
    }
}

/// What an element says behind an axis. Elements of one number each are told apart by it, since several are looked up at once
/// where the number is drawn.
type Said = (
    Vec<Bits>,
    (u32, u32),
    Option<u32>,
    Option<Verdict>,
    Vec<Datum>,
);

fn suffixes(entry: &Entry, known: &mut BTreeMap<Said, u32>) -> Vec<u32> {
    let (verdict, data) = match &entry.value {
        Value::Member => (None, Vec::new()),
        Value::Data(data) => (None, data.clone()),
        Value::Verdict(verdict) => (Some(verdict.clone()), Vec::new()),
    };
    let number = entry.number.filter(|(first, last)| first == last);
    let number = number.map(|(first, _)| first);
    let behind = 1..=entry.limits.len();
    let said = behind.map(|from| {
        let limits = entry.limits.iter().skip(from);
        let limits = limits.map(|(_, atoms)| atoms.clone()).collect();
        let said = (limits, entry.random, number, verdict.clone(), data.clone());
        let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
        *known.entry(said).or_insert(next)
    });
    said.collect()
}

fn axes_of(parts: &[Part]) -> Vec<Axis> {
    let mut axes = Vec::new();
    for part in parts {
        match part {
            Part::Axis(axis) if !axes.contains(axis) => axes.push(*axis),
            Part::Axis(_) | Part::Priority | Part::Random(_) | Part::Constant(_) | Part::Absent => {
            }
        }
    }
    axes
}

fn readable_parts(parts: &[Part], axes: &Axes) -> Option<Vec<(Axis, Bits)>> {
    if parts.contains(&Part::Absent) {
        return None;
    }
    let all = axes_of(parts);
    Some(
        all.into_iter()
            .flat_map(|axis| readable(axis, axes))
            .collect(),
    )
}

fn modulus(parts: &[Part]) -> Result<Option<u32>, &'static str> {
    let all = parts.iter().filter_map(|part| match part {
        Part::Random(modulus) => Some(*modulus),
        Part::Axis(_) | Part::Priority | Part::Constant(_) | Part::Absent => None,
    });
    match all.collect::<Vec<_>>().as_slice() {
        [] => Ok(None),
        [modulus] => Ok(Some(*modulus)),
        [..] => Err("a key has two random numbers"),
    }
}
