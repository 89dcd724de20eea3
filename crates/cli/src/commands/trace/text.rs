use ringfence_standin::probe::ProbeReport;

use super::hop::{Hop, Step};
use crate::commands::show;
use crate::output::answer::say_line;
use crate::paint;

/// A line for each step, and last the answer.
pub(super) fn print(hops: &[Hop], answer: &ProbeReport) {
    for (index, hop) in hops.iter().enumerate() {
        say_line!("{:>2} {}", index + 1, line(hop));
    }
    let told = show::probe(answer);
    let told = if answer.outcome.is_reached() {
        paint::good(&told)
    } else {
        paint::bad(&told)
    };
    say_line!("{:>2} answer: {told}", hops.len() + 1);
}

fn line(hop: &Hop) -> String {
    let word = match hop.step {
        Step::Sent => "sent",
        Step::Translated => "translated",
        Step::Egress => "egress",
        Step::Ingress => "ingress",
        Step::Dropped => "dropped",
        Step::Unseen => "unseen",
    };
    let what = if hop.ends {
        paint::bad(&hop.what)
    } else {
        hop.what.clone()
    };
    match &hop.node {
        Some(node) => format!("{node}: {word}: {what}"),
        None => format!("{word}: {what}"),
    }
}
