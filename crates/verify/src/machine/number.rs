//! What is done with the scratch register, and where packets are led by it.

use std::net::IpAddr;

use ringfence_net::Family;
use ringfence_ruleset::{Datum, Expression, Value};

use super::{After, Fate, Machine, only};
use crate::error::Unverifiable;
use crate::lookup::{Entry, Lookup};
use crate::region::{Axis, Priority, Region, merge};

impl Machine<'_> {
    pub(super) fn set_priority(
        &mut self,
        chain: &str,
        value: &Expression,
        regions: Vec<Region>,
        after: &mut After,
    ) -> Result<Vec<Region>, Unverifiable> {
        let active = match value {
            Expression::Constant(Datum::Number(number)) => {
                let number = Priority::Set(*number);
                let regions = regions.into_iter();
                regions.map(|region| with(region, &number)).collect()
            }
            Expression::Map { key, map } if self.is_written(map) => {
                self.read_written(chain, (key, map), regions, after)?
            }
            Expression::Map { key, map } => self.read_number(chain, (key, map), regions, after)?,
            Expression::Constant(_)
            | Expression::Field(_)
            | Expression::Meta(_)
            | Expression::ConnectionState
            | Expression::Concat(_)
            | Expression::SenderCgroup { .. }
            | Expression::Random { .. } => {
                let what = "`meta priority` is set to something of a kind that is not known";
                return Err(Unverifiable::construct(chain, what));
            }
        };
        Ok(merge(active, &Axis::ALL))
    }

    fn read_number(
        &mut self,
        chain: &str,
        (key, map): (&Expression, &str),
        regions: Vec<Region>,
        after: &mut After,
    ) -> Result<Vec<Region>, Unverifiable> {
        let lookup = self.lookup(chain, key, map)?;
        check_known(chain, &lookup, &regions)?;
        let mut active = Vec::new();
        for region in regions {
            let found = self.find(&lookup, &region, after);
            for (region, entries) in found.hits {
                let Some(modulus) = lookup.modulus else {
                    let number = number(chain, only(chain, &entries)?)?;
                    active.push(with(region, &Priority::Set(number)));
                    continue;
                };
                let drawn = drawn(chain, modulus, &entries)?;
                if drawn.len() < usize::try_from(modulus).unwrap_or(usize::MAX) {
                    after.next.push(region.clone());
                }
                active.push(with(region, &Priority::Drawn(drawn)));
            }
            after.next.extend(found.misses);
        }
        Ok(active)
    }

    /// Any packet may have been written about, or not, and any number.
    fn read_written(
        &mut self,
        chain: &str,
        (key, map): (&Expression, &str),
        regions: Vec<Region>,
        after: &mut After,
    ) -> Result<Vec<Region>, Unverifiable> {
        let lookup = self.any_lookup(chain, key, map)?;
        check_known(chain, &lookup, &regions)?;
        let mut active = Vec::new();
        for region in regions {
            let found = self.find(&lookup, &region, after);
            for region in found.misses {
                after.next.push(region.clone());
                active.push(with(region, &Priority::Written));
            }
        }
        Ok(active)
    }

    pub(super) fn translate(
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
                let led = led(chain, &lookup, &region.priority, &entries)?;
                if led.may_miss {
                    after.next.push(region.clone());
                }
                self.end(vec![region], &Fate::Translate(led.targets));
            }
        }
        Ok(())
    }
}

fn with(mut region: Region, priority: &Priority) -> Region {
    region.priority = priority.clone();
    region
}

/// A lookup by a number that is not the same for all packets of a region is understood where it leads them alone.
pub(super) fn check_known(
    chain: &str,
    lookup: &Lookup,
    regions: &[Region],
) -> Result<(), Unverifiable> {
    let is_known = |region: &Region| match region.priority {
        Priority::Unset | Priority::Set(_) => true,
        Priority::Drawn(_) | Priority::Written => false,
    };
    if !lookup.reads_priority || regions.iter().all(is_known) {
        return Ok(());
    }
    let what = "a number that was drawn or that packets wrote decides";
    Err(Unverifiable::construct(chain, what))
}

/// The number that each value of the random number gives, sorted; fewer than the modulus if some give none.
fn drawn(chain: &str, modulus: u32, entries: &[&Entry]) -> Result<Vec<u32>, Unverifiable> {
    let values = (0..modulus).filter_map(|random| at(entries, random));
    let numbers: Result<Vec<u32>, _> = values.map(|value| number(chain, value)).collect();
    let mut numbers = numbers?;
    numbers.sort_unstable();
    Ok(numbers)
}

fn at<'a>(entries: &[&'a Entry], random: u32) -> Option<&'a Value> {
    let mut entries = entries.iter();
    let hit = entries.find(|entry| (entry.random.0..=entry.random.1).contains(&random));
    hit.map(|entry| &entry.value)
}

/// Where packets are led.
struct Led {
    /// To one of these, each as likely as the others; sorted.
    targets: Vec<(IpAddr, u16)>,
    /// Whether some may find nothing.
    may_miss: bool,
}

fn led(
    chain: &str,
    lookup: &Lookup,
    priority: &Priority,
    entries: &[&Entry],
) -> Result<Led, Unverifiable> {
    match (lookup.reads_priority, priority) {
        (true, Priority::Drawn(numbers)) if lookup.modulus.is_none() => {
            let of = |number: &u32| {
                let mut entries = entries.iter();
                let has = |(first, last): (u32, u32)| (first..=last).contains(number);
                entries.find(|entry| entry.number.is_none_or(has))
            };
            let found = numbers.iter().filter_map(of);
            let targets = targets(chain, found.map(|entry| &entry.value))?;
            Ok(Led {
                may_miss: targets.len() < numbers.len(),
                targets,
            })
        }
        (true, Priority::Written) if lookup.modulus.is_none() => Ok(Led {
            targets: targets(chain, entries.iter().map(|entry| &entry.value))?,
            may_miss: true,
        }),
        (true, Priority::Drawn(_) | Priority::Written) => {
            let what = "a number that was drawn or written is looked up beside a random one";
            Err(Unverifiable::construct(chain, what))
        }
        (true | false, _) => {
            let numbers = 0..lookup.modulus.unwrap_or(1);
            let values = numbers.clone().filter_map(|random| at(entries, random));
            let targets = targets(chain, values)?;
            Ok(Led {
                may_miss: targets.len() < numbers.len(),
                targets,
            })
        }
    }
}

fn targets<'a>(
    chain: &str,
    values: impl Iterator<Item = &'a Value>,
) -> Result<Vec<(IpAddr, u16)>, Unverifiable> {
    let target = |value: &Value| match value {
        Value::Data(data) => match data.as_slice() {
            [Datum::Address(address), Datum::Port(port)] => Ok((*address, *port)),
            [..] => Err(Unverifiable::construct(chain, "a map holds no targets")),
        },
        Value::Member | Value::Verdict(_) => {
            Err(Unverifiable::construct(chain, "a map holds no targets"))
        }
    };
    let mut found = values.map(target).collect::<Result<Vec<_>, _>>()?;
    found.sort_unstable();
    Ok(found)
}

fn number(chain: &str, value: &Value) -> Result<u32, Unverifiable> {
    match value {
        Value::Data(data) => match data.as_slice() {
            [Datum::Number(number)] => Ok(*number),
            [..] => Err(Unverifiable::construct(chain, "a map holds no numbers")),
        },
        Value::Member | Value::Verdict(_) => {
            Err(Unverifiable::construct(chain, "a map holds no numbers"))
        }
    }
}
