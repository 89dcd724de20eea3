//! The score, and how it comes about.

use std::fmt::Write as _;

use ringfence_reach::audit::{NamespaceShare, Score, Term};

use crate::output::plain::plain;
use crate::paint;

pub(super) fn headline(score: Option<&Score>) -> String {
    let Some(score) = score else {
        return "there is no workload in these manifests to measure\n".to_owned();
    };
    let points = score.points();
    let text = format!("score {points} of 100");
    let painted = match points {
        100 => paint::good(&text),
        50..=99 => paint::heading(&text),
        _ => paint::bad(&text),
    };
    format!("{painted}\n")
}

/// The arithmetic, line by line.
pub(super) fn explained(score: Option<&Score>) -> String {
    let Some(score) = score else {
        return "no principle had anything to measure, so there is no score\n".to_owned();
    };
    let mut out = String::from(
        "each principle adds its weight times the share of workloads that it is proven for, in the\nnamespace where that is smallest\n",
    );
    out.extend(score.terms.iter().map(line));
    let sum: u64 = score.terms.iter().map(Term::adds).sum();
    let _ = writeln!(
        out,
        "  {} of {} weights measured = {} of 100, rounded down {}",
        decimals(sum),
        score.weights(),
        decimals(score.millionths() * 100),
        score.points(),
    );
    out.extend(score.left_out.iter().map(left_out));
    out.push_str(
        "what is not proven counts as open; a workload counts once, however many pods it has\n",
    );
    out
}

fn line(term: &Term) -> String {
    let Term {
        principle,
        weight,
        share,
    } = term;
    let (holds, measured) = (share.holds, share.measured);
    let namespace = place(share);
    let (id, adds) = (principle.about().id, decimals(term.adds()));
    format!("  {id}: {weight:>2} * {holds}/{measured} = {adds} ({namespace})\n")
}

/// A principle that would only raise the score.
fn left_out(term: &Term) -> String {
    let (holds, measured) = (term.share.holds, term.share.measured);
    let (id, namespace) = (term.principle.about().id, place(&term.share));
    format!("  {id} is left out, as it may only take away: {holds}/{measured} ({namespace})\n")
}

fn place(share: &NamespaceShare) -> String {
    let namespace = share.namespace.as_deref().map(plain);
    namespace.unwrap_or_else(|| "the whole cluster, for its hubs".to_owned())
}

/// Millionths with two decimals, rounded to the nearest.
fn decimals(millionths: u64) -> String {
    let hundredths = (millionths + 5_000) / 10_000;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}
