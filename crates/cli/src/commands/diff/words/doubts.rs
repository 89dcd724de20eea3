//! Words for what cannot be judged.

use ringfence_reach::diff::{Difference, Doubt, Doubted};

use crate::commands::diff::gate::Judged;
use crate::commands::matrix::view::Names;

/// The heading of what cannot be judged.
pub(in crate::commands::diff) const DOUBTS: &str = "Perhaps newly allowed, and cannot be judged";

/// What cannot be judged, a sentence each: `x/web -> *.example.com: tcp/443, ... (b.yaml:6:1) (not permitted)`.
pub(in crate::commands::diff) fn doubts(
    difference: &Difference,
    names: &Names,
    judged: Option<&Judged>,
) -> Vec<String> {
    let doubts = difference.doubts.iter().enumerate();
    let sentence = |(place, doubt): (usize, &Doubt)| {
        let mark = judged.and_then(|judged| judged.doubt(place));
        let mark = mark.map(|mark| format!(" ({})", mark.words()));
        format!("{}{}", doubt_of(doubt, names), mark.unwrap_or_default())
    };
    doubts.map(sentence).collect()
}

fn doubt_of(doubt: &Doubt, names: &Names) -> String {
    let source = doubt.source.as_ref();
    let place = source.map_or_else(String::new, |source| format!(" ({source})"));
    match &doubt.what {
        Doubted::Name { name, connections } => {
            let units: Vec<String> = doubt.units.iter().map(|unit| names.of_unit(unit)).collect();
            let units = units.join(", ");
            format!(
                "{units} -> {name}: {connections}, accepted by name, whatever address that has{place}; \
                 say which it has (--resolve NAME=ADDRESS), or accept blocks of addresses"
            )
        }
        Doubted::Label { policy, label } => format!(
            "{policy} selects by `{label}`, which only a running cluster knows{place}; \
             select by labels that the template of the pods has"
        ),
        Doubted::Absent { policy } => {
            let units: Vec<String> = doubt.units.iter().map(|unit| names.of_unit(unit)).collect();
            format!(
                "{policy} selects no pod of the manifests{place}; give those that it is for, which would be such as {}",
                units.join(", ")
            )
        }
    }
}
