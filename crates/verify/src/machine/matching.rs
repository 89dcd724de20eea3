//! What a rule compares, for all packets of a region.

use std::collections::BTreeSet;

use super::number::check_known;
use super::{After, Fate, Machine};
use crate::axes::address::span;
use crate::axes::{flags, states};
use crate::bits::Bits;
use crate::error::Unverifiable;
use crate::key::{Part, between, parts, readable};
use crate::region::{Axis, Priority, Region, merge};
use ringfence_net::{ConnectionState, Family};
use ringfence_ruleset::{Datum, Expression, MetaKey, Operand, Operator};

impl Machine<'_> {
    pub(super) fn matching(
        &mut self,
        chain: &str,
        test: &Test<'_>,
        regions: Vec<Region>,
        after: &mut After,
    ) -> Result<Vec<Region>, Unverifiable> {
        let mut active = Vec::new();
        if let Operand::Set(name) = test.right {
            let lookup = self.lookup(chain, test.left, name)?;
            check_known(chain, &lookup, &regions)?;
            for region in regions {
                let found = self.find(&lookup, &region, after);
                let hits = found.hits.into_iter().map(|(region, _)| region);
                let (matching, others) = match test.operator {
                    Operator::Equal => (hits.collect(), found.misses),
                    Operator::NotEqual => (found.misses, hits.collect::<Vec<_>>()),
                };
                active.extend::<Vec<_>>(matching);
                after.next.extend(others);
            }
            let active = merge(active, &Axis::ALL);
            return Ok(active);
        }
        for region in regions {
            self.compare(chain, test, &region, &mut active, after)?;
        }
        Ok(active)
    }

    /// A comparison with a value.
    pub(super) fn compare(
        &mut self,
        chain: &str,
        test: &Test<'_>,
        region: &Region,
        active: &mut Vec<Region>,
        after: &mut After,
    ) -> Result<(), Unverifiable> {
        if *test.left == Expression::Meta(MetaKey::Priority) {
            return self.compare_priority(chain, test, region, active, after);
        }
        let (axis, atoms) = match self.operand(chain, test)? {
            Compared::Axis(axis, atoms) => (axis, atoms),
            Compared::Always(holds) => {
                let matches = holds == (test.operator == Operator::Equal);
                let side = if matches { active } else { &mut after.next };
                side.push(region.clone());
                return Ok(());
            }
            Compared::Never => {
                after.next.push(region.clone());
                return Ok(());
            }
        };
        let (inside, unreadable) = region.cut(&readable(axis, self.axes));
        after.next.extend(unreadable);
        let Some(inside) = inside else { return Ok(()) };
        let (equal, other) = (inside.within(axis, &atoms), inside.outside(axis, &atoms));
        let (matching, rest) = match test.operator {
            Operator::Equal => (equal, other),
            Operator::NotEqual => (other, equal),
        };
        active.extend(matching);
        after.next.extend(rest);
        Ok(())
    }

    fn compare_priority(
        &mut self,
        chain: &str,
        test: &Test<'_>,
        region: &Region,
        active: &mut Vec<Region>,
        after: &mut After,
    ) -> Result<(), Unverifiable> {
        let numbers = match &region.priority {
            Priority::Set(number) => vec![*number],
            Priority::Drawn(numbers) => numbers.clone(),
            Priority::Unset => {
                self.end(vec![region.clone()], &Fate::Unset);
                return Ok(());
            }
            // Nobody knows for which packets: they go both ways.
            Priority::Written => {
                active.push(region.clone());
                after.next.push(region.clone());
                return Ok(());
            }
        };
        let mut ways = BTreeSet::new();
        for number in numbers {
            let holds = holds(chain, &Datum::Number(number), test.right)?;
            ways.insert(holds == (test.operator == Operator::Equal));
        }
        for matches in ways {
            let side = if matches {
                &mut *active
            } else {
                &mut after.next
            };
            side.push(region.clone());
        }
        Ok(())
    }

    fn operand(&self, chain: &str, test: &Test<'_>) -> Result<Compared, Unverifiable> {
        if let Operand::State(state) = test.right {
            return self.state(chain, test.left, *state);
        }
        let key = parts(test.left, self.axes.family).ok_or_else(|| unknown_comparison(chain))?;
        let axis = match key.as_slice() {
            [Part::Axis(axis)] => *axis,
            [Part::Absent] => return Ok(Compared::Never),
            [Part::Constant(own)] => {
                return match test.right {
                    Operand::Value(value) => Ok(Compared::Always(own == value)),
                    Operand::Range(_, _)
                    | Operand::Prefix(_)
                    | Operand::InterfacePrefix(_)
                    | Operand::State(_)
                    | Operand::TcpFlags { .. }
                    | Operand::Set(_) => Err(unknown_comparison(chain)),
                };
            }
            [..] => return Err(unknown_comparison(chain)),
        };
        let atoms = self.atoms(axis, test.right);
        let atoms = atoms.ok_or_else(|| unknown_comparison(chain))?;
        Ok(Compared::Axis(axis, atoms))
    }

    fn state(
        &self,
        chain: &str,
        left: &Expression,
        state: ConnectionState,
    ) -> Result<Compared, Unverifiable> {
        if *left != Expression::ConnectionState {
            return Err(unknown_comparison(chain));
        }
        if !self.tracked {
            let what = "`ct state` before connections are tracked";
            return Err(Unverifiable::construct(chain, what));
        }
        Ok(Compared::Axis(Axis::State, states([state])))
    }

    fn atoms(&self, axis: Axis, right: &Operand) -> Option<Bits> {
        match right {
            Operand::Value(value) => between(axis, value, value, self.axes),
            Operand::Range(first, last) => between(axis, first, last, self.axes),
            Operand::Prefix(block) => {
                let (first, last) = span(*block);
                let is_own = matches!(axis, Axis::Source | Axis::Destination)
                    && Family::of(block.addr()) == self.axes.family;
                is_own.then(|| self.axes.addresses(axis).bits(first, last))
            }
            Operand::InterfacePrefix(prefix) => {
                let is_own = matches!(axis, Axis::Input | Axis::Output);
                let begins = |name: &str| name.starts_with(prefix);
                is_own.then(|| self.axes.interfaces(axis, begins))
            }
            Operand::TcpFlags { mask, value } => {
                (axis == Axis::Flags).then(|| flags(*mask, *value))
            }
            Operand::State(_) | Operand::Set(_) => None,
        }
    }
}

/// A match.
pub(super) struct Test<'a> {
    pub(super) left: &'a Expression,
    pub(super) operator: Operator,
    pub(super) right: &'a Operand,
}

/// What a match compares.
pub(super) enum Compared {
    Axis(Axis, Bits),
    /// The same for every packet.
    Always(bool),
    /// A field that no packet of this family has.
    Never,
}

fn holds(chain: &str, own: &Datum, right: &Operand) -> Result<bool, Unverifiable> {
    match right {
        Operand::Value(value) => Ok(own == value),
        Operand::Range(first, last) => Ok(first <= own && own <= last),
        Operand::Prefix(_)
        | Operand::InterfacePrefix(_)
        | Operand::State(_)
        | Operand::TcpFlags { .. }
        | Operand::Set(_) => Err(unknown_comparison(chain)),
    }
}

fn unknown_comparison(chain: &str) -> Unverifiable {
    Unverifiable::construct(chain, "a comparison of a kind that is not known")
}
