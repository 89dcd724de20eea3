//! Suggestions for people.

use std::fmt::Write as _;

use ringfence_model::{RenderStyle, SourceMap};
use ringfence_reach::suggest::{Deviation, DeviationKind, Need, Pairs, Suggestion, Unresolved};

use crate::paint;

/// How many Services that nobody needs are named.
const IDLE_SHOWN: usize = 20;

/// The policies of all namespaces as one stream.
pub(super) fn yaml(suggestion: &Suggestion) -> String {
    let texts = suggestion
        .namespaces
        .iter()
        .map(|found| found.text.as_str());
    texts.collect::<Vec<_>>().join("---\n")
}

/// What is to be said beside the policies.
pub(super) fn remarks(suggestion: &Suggestion) -> String {
    let mut out = deviations(suggestion);
    for diagnostic in &suggestion.diagnostics {
        let _ = writeln!(
            out,
            "{}",
            diagnostic.render(&SourceMap::default(), RenderStyle::Colored)
        );
    }
    for found in &suggestion.unresolved {
        let _ = write!(out, "{}: {}", paint::bad("unresolved"), unresolved(found));
    }
    out.push_str(&idle(suggestion));
    out.push_str(&summary(suggestion));
    out
}

fn idle(suggestion: &Suggestion) -> String {
    if suggestion.idle.is_empty() {
        return String::new();
    }
    let shown = suggestion.idle.iter().take(IDLE_SHOWN);
    let names: Vec<String> = shown.map(|name| format!("svc/{name}")).collect();
    let names = names.join(", ");
    let more = match suggestion.idle.len().saturating_sub(IDLE_SHOWN) {
        0 => String::new(),
        1 => " and 1 more Service".to_owned(),
        count => format!(" and {count} more Services"),
    };
    let note = paint::dim("note");
    format!("{note}: nothing in these manifests leads to {names}{more}\n")
}

/// Needs with their evidence, and everything else.
pub(super) fn render(suggestion: &Suggestion) -> String {
    let mut out = String::new();
    for need in &suggestion.needs {
        out.push_str(&one(need));
    }
    if !suggestion.needs.is_empty() {
        out.push('\n');
    }
    out + &remarks(suggestion)
}

fn one(need: &Need) -> String {
    let pair = paint::heading(&format!("{} -> {}", need.from, need.to));
    let mut out = format!("{pair} {}\n", need.port);
    for evidence in &need.evidence {
        let _ = writeln!(out, "  {evidence}");
    }
    out
}

fn unresolved(found: &Unresolved) -> String {
    format!("{found}\n  {}\n", found.help)
}

fn deviations(suggestion: &Suggestion) -> String {
    let mut out = String::new();
    for deviation in &suggestion.deviations {
        out.push_str(&difference(deviation));
    }
    if suggestion.further > 0 {
        let _ = writeln!(out, "and {} more differences", suggestion.further);
    }
    out
}

fn difference(deviation: &Deviation) -> String {
    let Deviation {
        kind,
        from,
        to,
        connections,
        witness,
    } = deviation;
    let words = words(*kind);
    let warning = paint::bad("warning");
    let mut out = format!("{warning}: {from} -> {to} {connections}: {words}\n");
    if let Some((_, answer)) = witness {
        for connection in &answer.connections {
            for line in connection.to_string().lines() {
                let _ = writeln!(out, "  {line}");
            }
        }
    }
    out
}

pub(super) const fn words(kind: DeviationKind) -> &'static str {
    match kind {
        DeviationKind::Missing => "needed, and not allowed",
        DeviationKind::Unknown => "needed, and not known to be allowed",
        DeviationKind::Excess => "allowed, and not needed",
    }
}

fn summary(suggestion: &Suggestion) -> String {
    let policies: usize = suggestion
        .namespaces
        .iter()
        .map(|found| found.policies.len())
        .sum();
    let (before, after) = (suggestion.before, suggestion.after);
    let verdict = if suggestion.is_complete() {
        paint::good("allows what is needed and nothing else")
    } else {
        let left = suggestion.unresolved.len();
        let differences = suggestion.deviations.len() + suggestion.further;
        paint::bad(&format!(
            "{} for a human to decide, {} between needs and policies",
            count(left, "thing"),
            count(differences, "difference")
        ))
    };
    format!(
        "{} for {} in {}: {verdict}\nopen between workloads: {}\n",
        count_of(policies, "policy", "policies"),
        count(suggestion.needs.len(), "need"),
        count(suggestion.namespaces.len(), "namespace"),
        open(before, after),
    )
}

/// How much is open before and after, and of how much more that is not known.
pub(super) fn open(before: Pairs, after: Pairs) -> String {
    let unknown = |pairs: Pairs| match pairs.unknown {
        0 => String::new(),
        more => format!(" ({more} more unknown)"),
    };
    format!(
        "{} of {} pairs before{}, {} after{}",
        before.open,
        before.all,
        unknown(before),
        after.open,
        unknown(after)
    )
}

fn count(number: usize, what: &str) -> String {
    count_of(number, what, &format!("{what}s"))
}

fn count_of(number: usize, one: &str, several: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        number => format!("{number} {several}"),
    }
}
