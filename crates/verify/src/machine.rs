//! All packets at once through the chains of one hook.

mod matching;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;

use ringfence_net::{ConnectionState, Family};
use ringfence_ruleset::{
    ChainKind, Datum, Expression, Hook, Rule, Statement, Table, Value, Verdict,
};

use crate::axes::states;

use crate::axes::Axes;
use crate::error::Unverifiable;
use crate::key::{Part, parts};
use crate::lookup::{Entry, Found, Lookup};
use crate::region::{Axis, Priority, Region, merge};

use matching::Test;

/// The kernel allows 16 jumps.
const DEPTH: usize = 16;
/// How many parts of header space are judged at most.
const MOST: usize = 4_000_000;

/// What becomes of packets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fate {
    Accept,
    /// Accepted, and kept out of connection tracking.
    Untracked,
    Drop,
    Reject,
    /// To one of these, each as likely as the others.
    Translate(Vec<(IpAddr, u16)>),
    Masquerade,
    /// Their verdict depends on what the scratch register held before.
    Unset,
}

/// Packets that share a fate.
#[derive(Clone, Debug)]
pub(crate) struct Leaf {
    pub(crate) region: Region,
    pub(crate) fate: Fate,
}

/// Runs regions through a table.
#[derive(Debug)]
pub(crate) struct Machine<'a> {
    table: &'a Table,
    axes: &'a Axes,
    lookups: BTreeMap<(String, Vec<Part>), Rc<Lookup>>,
    leaves: Vec<Leaf>,
    steps: usize,
    /// Whether connection tracking has seen the packets.
    tracked: bool,
}

/// Where a rule leaves packets that are not decided.
#[derive(Debug, Default)]
struct After {
    next: Vec<Region>,
    returned: Vec<Region>,
}

impl<'a> Machine<'a> {
    pub(crate) fn new(table: &'a Table, axes: &'a Axes) -> Self {
        Self {
            table,
            axes,
            lookups: BTreeMap::new(),
            leaves: Vec::new(),
            steps: 0,
            tracked: true,
        }
    }

    /// What the chains of this kind at `hook` do to `regions`.
    pub(crate) fn run(
        mut self,
        hook: Hook,
        kind: ChainKind,
        regions: Vec<Region>,
    ) -> Result<Vec<Leaf>, Unverifiable> {
        let mut accepted = regions;
        let chains = base_chains(self.table, hook);
        for (name, priority) in chains.into_iter().filter(|(_, it)| it.1 == kind) {
            self.tracked =
                !matches!(hook, Hook::Prerouting | Hook::Output) || priority.0 > Level(-200);
            let ended = self.chain(name, accepted, 0)?;
            self.leaves.extend(ended.into_iter().map(accepted_leaf));
            accepted = self.take_accepted();
        }
        self.leaves.extend(accepted.into_iter().map(accepted_leaf));
        Ok(self.leaves)
    }

    /// What goes on to the next base chain.
    fn take_accepted(&mut self) -> Vec<Region> {
        let leaves = std::mem::take(&mut self.leaves);
        let (accepted, decided): (Vec<_>, Vec<_>) = leaves
            .into_iter()
            .partition(|leaf| matches!(leaf.fate, Fate::Accept | Fate::Untracked));
        self.leaves = decided;
        accepted.into_iter().map(|leaf| leaf.region).collect()
    }

    /// Runs a chain and gives back what comes to its end or returns.
    fn chain(
        &mut self,
        name: &str,
        regions: Vec<Region>,
        depth: usize,
    ) -> Result<Vec<Region>, Unverifiable> {
        if depth > DEPTH {
            return Err(Unverifiable::construct(
                name,
                "chains call each other too deeply",
            ));
        }
        let table = self.table;
        let chain = table.chains.get(name);
        let chain = chain.ok_or_else(|| Unverifiable::Missing(name.to_owned()))?;
        let mut current = regions;
        let mut returned = Vec::new();
        for rule in &chain.rules {
            if current.is_empty() {
                break;
            }
            let after = self.rule(name, rule, current, depth)?;
            current = after.next;
            returned.extend(after.returned);
        }
        returned.extend(current);
        Ok(merge(returned, &Axis::ALL))
    }

    fn rule(
        &mut self,
        chain: &str,
        rule: &Rule,
        regions: Vec<Region>,
        depth: usize,
    ) -> Result<After, Unverifiable> {
        let mut after = After::default();
        let mut active = regions;
        for (place, statement) in rule.statements.iter().enumerate() {
            self.count(active.len())?;
            let behind = rule.statements.iter().skip(place);
            if behind.clone().all(is_without_effect) {
                break;
            }
            active = self.statement(chain, statement, active, depth, &mut after)?;
            if active.is_empty() {
                break;
            }
        }
        after.next.extend(active);
        Ok(after)
    }

    fn count(&mut self, regions: usize) -> Result<(), Unverifiable> {
        self.steps = self.steps.saturating_add(regions);
        if self.steps > MOST {
            return Err(Unverifiable::TooLarge(MOST));
        }
        Ok(())
    }

    /// Gives back what goes on to the rule's next statement.
    fn statement(
        &mut self,
        chain: &str,
        statement: &Statement,
        regions: Vec<Region>,
        depth: usize,
        after: &mut After,
    ) -> Result<Vec<Region>, Unverifiable> {
        match statement {
            Statement::Match {
                left,
                operator,
                right,
            } => {
                let test = Test {
                    left,
                    operator: *operator,
                    right,
                };
                self.matching(chain, &test, regions, after)
            }
            Statement::VerdictMap { key, map } => {
                self.verdict_map(chain, (key, map), regions, depth, after)
            }
            Statement::SetPriority(value) => self.set_priority(chain, value, regions, after),
            Statement::DestinationNat { family, target } => {
                self.translate(chain, (*family, target), regions, after)?;
                Ok(Vec::new())
            }
            // Nobody knows for which packets: they go both ways.
            Statement::Limit(_) => {
                after.next.extend(regions.iter().cloned());
                Ok(regions)
            }
            Statement::Log(_) => Ok(regions),
            Statement::NoTrack => Ok(regions.into_iter().map(untracked).collect()),
            Statement::Masquerade => Ok(self.end(regions, &Fate::Masquerade)),
            Statement::Reject => Ok(self.end(regions, &Fate::Reject)),
            Statement::Verdict(verdict) => self.decide(verdict, regions, depth, after),
        }
    }

    fn end(&mut self, regions: Vec<Region>, fate: &Fate) -> Vec<Region> {
        let leaf = |region| Leaf {
            region,
            fate: fate.clone(),
        };
        self.leaves.extend(regions.into_iter().map(leaf));
        Vec::new()
    }

    /// Gives back what goes on to the rule's next statement.
    fn decide(
        &mut self,
        verdict: &Verdict,
        regions: Vec<Region>,
        depth: usize,
        after: &mut After,
    ) -> Result<Vec<Region>, Unverifiable> {
        match verdict {
            Verdict::Accept => self.leaves.extend(regions.into_iter().map(accepted_leaf)),
            Verdict::Drop => drop(self.end(regions, &Fate::Drop)),
            Verdict::Return => after.returned.extend(regions),
            Verdict::Jump(chain) => after.next.extend(self.chain(chain, regions, depth + 1)?),
            Verdict::Goto(chain) => after
                .returned
                .extend(self.chain(chain, regions, depth + 1)?),
            Verdict::Continue => return Ok(regions),
        }
        Ok(Vec::new())
    }

    /// Gives back what goes on to the rule's next statement.
    fn verdict_map(
        &mut self,
        chain: &str,
        (key, map): (&Expression, &str),
        regions: Vec<Region>,
        depth: usize,
        after: &mut After,
    ) -> Result<Vec<Region>, Unverifiable> {
        let lookup = self.lookup(chain, key, map)?;
        let mut decided: BTreeMap<Verdict, Vec<Region>> = BTreeMap::new();
        for region in regions {
            let found = self.find(&lookup, &region, after);
            for (region, entries) in found.hits {
                let Value::Verdict(verdict) = only(chain, &entries)? else {
                    return Err(Unverifiable::construct(chain, "a map holds no verdicts"));
                };
                decided.entry(verdict.clone()).or_default().push(region);
            }
            after.next.extend(found.misses);
        }
        let mut going_on = Vec::new();
        for (verdict, regions) in decided {
            let regions = merge(regions, &Axis::ALL);
            going_on.extend(self.decide(&verdict, regions, depth, after)?);
        }
        Ok(going_on)
    }

    /// A lookup whose rule ends for packets without the fields.
    fn find<'l>(&mut self, lookup: &'l Lookup, region: &Region, after: &mut After) -> Found<'l> {
        let mut found = lookup.find(region);
        after.next.append(&mut found.unreadable);
        let unset = found.unset.take();
        self.end(unset.into_iter().collect(), &Fate::Unset);
        found
    }

    fn lookup(
        &mut self,
        chain: &str,
        key: &Expression,
        name: &str,
    ) -> Result<Rc<Lookup>, Unverifiable> {
        let parts = parts(key, self.axes.family);
        let parts = parts
            .ok_or_else(|| Unverifiable::construct(chain, "a key of a kind that is not known"))?;
        let place = (name.to_owned(), parts);
        if let Some(known) = self.lookups.get(&place) {
            return Ok(Rc::clone(known));
        }
        let set = self.table.sets.get(name);
        let set = set.ok_or_else(|| Unverifiable::Missing(name.to_owned()))?;
        let lookup = Rc::new(Lookup::new(name, set, &place.1, self.axes)?);
        self.lookups.insert(place, Rc::clone(&lookup));
        Ok(lookup)
    }

    fn set_priority(
        &mut self,
        chain: &str,
        value: &Expression,
        regions: Vec<Region>,
        after: &mut After,
    ) -> Result<Vec<Region>, Unverifiable> {
        let set = |mut region: Region, number: u32| {
            region.priority = Priority::Set(number);
            region
        };
        let mut active = Vec::new();
        match value {
            Expression::Constant(Datum::Number(number)) => {
                active.extend(regions.into_iter().map(|region| set(region, *number)));
            }
            Expression::Map { key, map } => {
                let lookup = self.lookup(chain, key, map)?;
                for region in regions {
                    let found = self.find(&lookup, &region, after);
                    for (region, entries) in found.hits {
                        active.push(set(region, number(chain, &entries)?));
                    }
                    after.next.extend(found.misses);
                }
            }
            Expression::Constant(_)
            | Expression::Field(_)
            | Expression::Meta(_)
            | Expression::ConnectionState
            | Expression::Concat(_)
            | Expression::Random { .. } => {
                let what = "`meta priority` is set to something of a kind that is not known";
                return Err(Unverifiable::construct(chain, what));
            }
        }
        Ok(merge(active, &Axis::ALL))
    }

    fn translate(
        &mut self,
        chain: &str,
        (family, target): (Family, &Expression),
        regions: Vec<Region>,
        after: &mut After,
    ) -> Result<(), Unverifiable> {
        let Expression::Map { key, map } = target else {
            return Err(Unverifiable::construct(chain, "a translation to no map"));
        };
        let lookup = self.lookup(chain, key, map)?;
        for region in regions {
            if family != self.axes.family {
                after.next.push(region);
                continue;
            }
            let found = self.find(&lookup, &region, after);
            after.next.extend(found.misses);
            for (region, entries) in found.hits {
                let fate = Fate::Translate(targets(chain, lookup.modulus, &entries)?);
                self.end(vec![region], &fate);
            }
        }
        Ok(())
    }
}

fn accepted_leaf(region: Region) -> Leaf {
    let fate = if region.untracked {
        Fate::Untracked
    } else {
        Fate::Accept
    };
    Leaf { region, fate }
}

/// The same packets as connection tracking sees them when it is told to leave them alone.
fn untracked(region: Region) -> Region {
    let mut region = region.with(Axis::State, states([ConnectionState::Untracked]));
    region.untracked = true;
    region
}

/// Whether a statement decides nothing and changes nothing.
const fn is_without_effect(statement: &Statement) -> bool {
    match statement {
        Statement::Limit(_) | Statement::Log(_) => true,
        Statement::Match { .. }
        | Statement::VerdictMap { .. }
        | Statement::SetPriority(_)
        | Statement::DestinationNat { .. }
        | Statement::Masquerade
        | Statement::NoTrack
        | Statement::Reject
        | Statement::Verdict(_) => false,
    }
}

/// The base chains of a hook with their priorities and kinds, in the order in which the kernel runs them.
pub(crate) fn base_chains(table: &Table, hook: Hook) -> Vec<(&str, (Level, ChainKind))> {
    let chains = table.chains.iter();
    let mut found: Vec<_> = chains
        .filter_map(|(name, chain)| {
            let base = chain.base.filter(|base| base.hook == hook)?;
            Some((name.as_str(), (Level(base.priority), base.kind)))
        })
        .collect();
    found.sort_by_key(|(_, (level, _))| *level);
    found
}

/// A base chain's priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Level(pub(crate) i32);

/// The value that all these elements agree about.
fn only<'a>(chain: &str, entries: &[&'a Entry]) -> Result<&'a Value, Unverifiable> {
    let mut values = entries.iter().map(|entry| &entry.value);
    let first = values.next();
    let first = first.ok_or_else(|| Unverifiable::construct(chain, "an element without value"))?;
    if values.any(|other| other != first) {
        return Err(Unverifiable::construct(
            chain,
            "elements that overlap are looked up",
        ));
    }
    Ok(first)
}

fn number(chain: &str, entries: &[&Entry]) -> Result<u32, Unverifiable> {
    match only(chain, entries)? {
        Value::Data(data) => match data.as_slice() {
            [Datum::Number(number)] => Ok(*number),
            [..] => Err(Unverifiable::construct(chain, "a map holds no numbers")),
        },
        Value::Member | Value::Verdict(_) => {
            Err(Unverifiable::construct(chain, "a map holds no numbers"))
        }
    }
}

/// Where packets go for each value of the random number; shorter than the modulus if some values lead nowhere.
fn targets(
    chain: &str,
    modulus: Option<u32>,
    entries: &[&Entry],
) -> Result<Vec<(IpAddr, u16)>, Unverifiable> {
    let mut found = Vec::new();
    for number in 0..modulus.unwrap_or(1) {
        let hit = entries
            .iter()
            .find(|entry| (entry.random.0..=entry.random.1).contains(&number));
        let Some(hit) = hit else { continue };
        match &hit.value {
            Value::Data(data) => match data.as_slice() {
                [Datum::Address(address), Datum::Port(port)] => found.push((*address, *port)),
                [..] => return Err(Unverifiable::construct(chain, "a map holds no targets")),
            },
            Value::Member | Value::Verdict(_) => {
                return Err(Unverifiable::construct(chain, "a map holds no targets"));
            }
        }
    }
    found.sort_unstable();
    Ok(found)
}
