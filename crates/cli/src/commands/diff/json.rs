//! A difference for machines.

use ringfence_model::{DirectionDecision, DirectionVerdict, Query, Source};
use ringfence_net::ConnectionSet;
use ringfence_reach::diff::{Difference, Doubt, Kind, PairChange, Shown};
use ringfence_reach::workload::Unit;
use serde::{Serialize, Serializer};

use super::gate::{Allowance, Judged, Mark};
use super::one::One;
use super::words;
use crate::commands::matrix::reason;
use crate::output;

#[derive(Debug, Serialize)]
struct DifferenceJson<'a> {
    added: Vec<String>,
    removed: Vec<String>,
    /// Workloads that are on the network of their nodes now, where no policy holds them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unbound: Vec<UnboundJson<'a>>,
    /// Workloads that were there and are not any more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    bound: Vec<String>,
    /// What may be newly allowed and cannot be judged.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    doubts: Vec<DoubtJson<'a>>,
    pairs: PairsJson<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gate: Option<GateJson<'a>>,
}

#[derive(Debug, Serialize)]
struct UnboundJson<'a> {
    unit: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    gate: Option<MarkJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a Source>,
}

#[derive(Debug, Serialize)]
struct DoubtJson<'a> {
    text: String,
    units: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gate: Option<MarkJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a Source>,
}

/// Pairs, each made when it is written: there may be millions.
#[derive(Debug)]
struct PairsJson<'a> {
    pairs: &'a [PairChange],
    judged: Option<&'a Judged>,
}

impl Serialize for PairsJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let pairs = self.pairs.iter().enumerate();
        serializer.collect_seq(pairs.map(|(place, pair)| {
            PairJson {
                source: pair.source.full_name(),
                destination: pair.destination.full_name(),
                changes: One::of_pair(place, pair)
                    .map(|one| ChangeJson::of(one, self.judged))
                    .collect(),
            }
        }))
    }
}

#[derive(Debug, Serialize)]
struct PairJson<'a> {
    source: String,
    destination: String,
    changes: Vec<ChangeJson<'a>>,
}

#[derive(Debug, Serialize)]
struct ChangeJson<'a> {
    change: Kind,
    connections: &'a ConnectionSet,
    /// Whether it is so for some pairs of pods only.
    partial: bool,
    /// From when on it is so, if it is not so yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    /// What the gate says of it; only of what is more access.
    #[serde(skip_serializing_if = "Option::is_none")]
    gate: Option<MarkJson<'a>>,
    /// The pair whose change shows this one too, if this one is not shown by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    like: Option<LikeJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<ShownJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<ShownJson>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum MarkJson<'a> {
    /// With the reasons.
    Permitted(&'a str),
    /// With what is not permitted of the change.
    Refused(&'a ConnectionSet),
}

impl<'a> MarkJson<'a> {
    fn of(mark: &'a Mark) -> Self {
        match mark {
            Mark::Permitted(reason) => Self::Permitted(reason),
            Mark::Refused(left) => Self::Refused(left),
        }
    }
}

#[derive(Debug, Serialize)]
struct LikeJson {
    source: String,
    destination: String,
}

#[derive(Debug, Serialize)]
struct ShownJson {
    source: String,
    destination: String,
    /// A name, or the number of a protocol that has no ports.
    protocol: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    outcome: String,
    egress: Vec<DirectionJson>,
    ingress: Vec<DirectionJson>,
}

#[derive(Debug, Serialize)]
struct DirectionJson {
    verdict: &'static str,
    reason: String,
    lines: Vec<LineJson>,
}

#[derive(Debug, Serialize)]
struct LineJson {
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Source>,
}

#[derive(Debug, Serialize)]
struct GateJson<'a> {
    passed: bool,
    unused: Vec<UnusedJson<'a>>,
    /// How many objects of kinds that are not known were not judged: before, and now.
    not_judged: [usize; 2],
}

/// A row of allowed access that nothing needs.
#[derive(Debug, Serialize)]
struct UnusedJson<'a> {
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a Source>,
}

impl<'a> UnusedJson<'a> {
    fn of(allowance: &'a Allowance) -> Self {
        Self {
            text: allowance.to_string(),
            source: allowance.source.as_ref(),
        }
    }
}

pub(super) fn write(difference: &Difference, judged: Option<&Judged>) {
    let names = |units: &std::collections::BTreeSet<Unit>| -> Vec<String> {
        units.iter().map(Unit::full_name).collect()
    };
    let unbound = difference.unbound.iter().map(|(unit, source)| UnboundJson {
        unit: unit.full_name(),
        gate: judged
            .and_then(|judged| judged.unbound(unit))
            .map(MarkJson::of),
        source: source.as_ref(),
    });
    let difference = DifferenceJson {
        doubts: doubts(difference, judged),
        unbound: unbound.collect(),
        bound: names(&difference.bound),
        added: names(&difference.added),
        removed: names(&difference.removed),
        pairs: PairsJson {
            pairs: &difference.pairs,
            judged,
        },
        gate: judged.map(|judged| GateJson {
            passed: judged.passed(),
            unused: judged.unused().iter().map(UnusedJson::of).collect(),
            not_judged: judged.counts_aside(),
        }),
    };
    output::json::stream(&difference);
}

fn doubts<'a>(difference: &'a Difference, judged: Option<&'a Judged>) -> Vec<DoubtJson<'a>> {
    let texts = words::doubts(difference, &words::names(difference), None);
    let doubts = difference.doubts.iter().zip(texts).enumerate();
    let json = |(place, (doubt, text)): (usize, (&'a Doubt, String))| {
        let mark = judged.and_then(|judged| judged.doubt(place));
        DoubtJson {
            text,
            units: doubt.units.iter().map(Unit::full_name).collect(),
            gate: mark.map(MarkJson::of),
            source: doubt.source.as_ref(),
        }
    };
    doubts.map(json).collect()
}

impl<'a> ChangeJson<'a> {
    fn of(one: One<'a>, judged: Option<&'a Judged>) -> Self {
        let change = one.change;
        let mark = judged.and_then(|judged| judged.mark(one));
        let by = change.shown_by.as_deref();
        let like = by.filter(|_| !one.pair.is_shown(change));
        let shown = |shown: &'a Option<Shown>| shown.as_ref().filter(|_| like.is_none());
        Self {
            change: change.kind,
            connections: &change.connections,
            partial: change.partial,
            from: change.from.map(|from| from.to_string()),
            gate: mark.map(MarkJson::of),
            before: shown(&change.before).map(ShownJson::of),
            after: shown(&change.after).map(ShownJson::of),
            like: like.map(|(source, destination)| LikeJson {
                source: source.full_name(),
                destination: destination.full_name(),
            }),
        }
    }
}

impl ShownJson {
    fn of(shown: &Shown) -> Self {
        let connections = || shown.answer.connections.iter();
        let Query {
            source,
            destination,
            protocol,
            port,
        } = &shown.query;
        Self {
            source: source.to_string(),
            destination: destination.to_string(),
            protocol: protocol
                .as_policy()
                .map_or_else(|| protocol.0.to_string(), |named| named.to_string()),
            port: *port,
            outcome: shown.answer.outcome.to_string(),
            egress: connections()
                .map(|connection| DirectionJson::of(&connection.egress))
                .collect(),
            ingress: connections()
                .map(|connection| DirectionJson::of(&connection.ingress))
                .collect(),
        }
    }
}

impl DirectionJson {
    fn of(decision: &DirectionDecision) -> Self {
        let told = reason::told(decision);
        let lines = told.lines.into_iter().map(|line| LineJson {
            text: line.text,
            source: line.source,
        });
        Self {
            verdict: match decision.verdict {
                DirectionVerdict::Allow => "allow",
                DirectionVerdict::Deny => "deny",
                DirectionVerdict::Unknown => "unknown",
            },
            reason: told.headline,
            lines: lines.collect(),
        }
    }
}
