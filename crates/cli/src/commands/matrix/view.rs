//! Words for units and cells, the same in every form of output.

use std::collections::BTreeMap;

use ringfence_model::Query;
use ringfence_net::{ConnectionSet, IpProtocol};
use ringfence_reach::matrix::Cell;
use ringfence_reach::workload::Unit;

use crate::output::plain::plain;

/// What units are called: short, unless two would be called the same.
#[derive(Debug)]
pub(crate) struct Names {
    names: BTreeMap<Unit, String>,
}

impl Names {
    pub(crate) fn of<'a>(units: impl IntoIterator<Item = &'a Unit>) -> Self {
        let mut by_name: BTreeMap<String, Vec<&Unit>> = BTreeMap::new();
        for unit in units {
            let same = by_name.entry(unit.to_string()).or_default();
            if !same.contains(&unit) {
                same.push(unit);
            }
        }
        let named = |(name, units): (String, Vec<&Unit>)| -> Vec<(Unit, String)> {
            let alone = units.len() == 1;
            let name = |unit: &Unit| {
                if alone {
                    name.clone()
                } else {
                    unit.full_name()
                }
            };
            units
                .into_iter()
                .map(|unit| (unit.clone(), name(unit)))
                .collect()
        };
        Self {
            names: by_name.into_iter().flat_map(named).collect(),
        }
    }

    /// The name of `unit`, without what a terminal would obey.
    pub(crate) fn of_unit(&self, unit: &Unit) -> String {
        let name = self.names.get(unit).cloned();
        plain(&name.unwrap_or_else(|| unit.full_name()))
    }
}

/// What stands in a cell in which nothing may be opened.
pub(crate) const NOTHING: &str = "-";

/// `all`, `tcp/80 udp/53`, `tcp/80; some tcp/443; unknown udp/53`, or `-`.
pub(crate) fn cell_text(cell: &Cell) -> String {
    let word = |word: &str, set: &ConnectionSet| (!set.is_empty()).then(|| format!("{word}{set}"));
    let words = [
        word("", &cell.all),
        word("some ", &cell.some),
        word("unknown ", &cell.unknown),
    ];
    let words: Vec<String> = words.into_iter().flatten().collect();
    if words.is_empty() {
        NOTHING.to_owned()
    } else {
        words.join("; ")
    }
}

/// What the words in cells mean, for those that occur.
pub(crate) fn legend<'a>(cells: impl Iterator<Item = &'a Cell>) -> Vec<&'static str> {
    let (mut some, mut unknown) = (false, false);
    for cell in cells {
        some |= !cell.some.is_empty();
        unknown |= !cell.unknown.is_empty();
    }
    let lines = [
        (
            some,
            "some: not between all of the pods, or in one address family alone",
        ),
        (
            unknown,
            "unknown: depends on an address that is not known (AM-22)",
        ),
    ];
    lines
        .into_iter()
        .filter_map(|(occurs, line)| occurs.then_some(line))
        .collect()
}

/// `shop/web-0 -> shop/db-0 tcp/5432`.
pub(crate) fn flow(query: &Query) -> String {
    let protocol = match (query.protocol.as_policy(), query.port) {
        (Some(protocol), Some(port)) => {
            format!("{}/{port}", protocol.name().to_ascii_lowercase())
        }
        (_, _) if query.protocol == IpProtocol::ICMP => "icmp".to_owned(),
        (_, _) => format!("proto/{}", query.protocol.0),
    };
    plain(&format!(
        "{} -> {} {protocol}",
        query.source, query.destination
    ))
}
