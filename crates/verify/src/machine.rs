//! All packets at once through the chains of one hook.

mod matching;
mod number;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;

use ringfence_net::ConnectionState;
use ringfence_ruleset::{ChainKind, Expression, Hook, Rule, Statement, Table, Value, Verdict};

use crate::axes::states;

use crate::axes::Axes;
use crate::error::Unverifiable;
use crate::key::{Part, parts};
use crate::lookup::{Entry, Found, Lookup};
use crate::region::{Axis, Region, merge};

use matching::Test;
use number::check_known;

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
    /// Gone, and its sender is told by an ICMP error.
    Reject,
    /// Gone, and its sender is told by a TCP reset.
    Reset,
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
        self.check_written(chain, rule)?;
        let mut after = After::default();
        let mut active = regions;
        for (place, statement) in rule.statements.iter().enumerate() {
            self.count(active.len())?;
            let mut behind = rule.statements.iter().skip(place);
            if behind.all(is_without_effect) {
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

    /// What packets write must be known to be so.
    fn check_written(&self, chain: &str, rule: &Rule) -> Result<(), Unverifiable> {
        for statement in &rule.statements {
            if let Statement::Remember { map, .. } | Statement::Forget { map, .. } = statement
                && !self.is_written(map)
            {
                let what = format!("packets write into `{map}`");
                return Err(Unverifiable::construct(chain, what));
            }
        }
        Ok(())
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
            Statement::Log(_) | Statement::Remember { .. } | Statement::Forget { .. } => {
                Ok(regions)
            }
            Statement::NoTrack => Ok(regions.into_iter().map(untracked).collect()),
            Statement::Masquerade => Ok(self.end(regions, &Fate::Masquerade)),
            Statement::Reject => Ok(self.end(regions, &Fate::Reject)),
            Statement::Reset => Ok(self.end(regions, &Fate::Reset)),
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
        check_known(chain, &lookup, &regions)?;
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

    /// A lookup in a set whose elements the table tells.
    fn lookup(
        &mut self,
        chain: &str,
        key: &Expression,
        name: &str,
    ) -> Result<Rc<Lookup>, Unverifiable> {
        if self.is_written(name) {
            let what = format!("`{name}`, which packets write, decides");
            return Err(Unverifiable::construct(chain, what));
        }
        self.any_lookup(chain, key, name)
    }

    /// Whether packets write what is in the set.
    fn is_written(&self, name: &str) -> bool {
        self.table.sets.get(name).is_some_and(|set| set.dynamic)
    }

    fn any_lookup(
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

/// Whether a statement decides nothing and changes nothing but what packets write, which may be anything anyhow. Behind a
/// comparison there is such a statement or none.
const fn is_without_effect(statement: &Statement) -> bool {
    match statement {
        Statement::Limit(_)
        | Statement::Log(_)
        | Statement::Remember { .. }
        | Statement::Forget { .. }
        | Statement::Match { .. } => true,
        Statement::VerdictMap { .. }
        | Statement::SetPriority(_)
        | Statement::DestinationNat { .. }
        | Statement::Masquerade
        | Statement::NoTrack
        | Statement::Reject
        | Statement::Reset
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
