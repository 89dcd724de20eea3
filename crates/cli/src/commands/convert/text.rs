//! Conversions as manifests, and what is to be said beside them.

use ringfence_convert::{Conversion, Refusal};
use ringfence_model::{Diagnostic, RenderStyle, Severity};

use crate::paint;

/// The policies, each with a comment that says where it came from.
pub(super) fn yaml(conversion: &Conversion) -> String {
    let objects: Vec<String> = conversion
        .objects
        .iter()
        .map(|object| object.yaml())
        .collect();
    let objects = objects.join("---\n");
    match conversion.refusals.len() {
        0 => objects,
        refused => format!("# Incomplete: {}\n{objects}", incomplete(refused)),
    }
}

fn incomplete(refused: usize) -> String {
    let objects = if refused == 1 {
        "object is"
    } else {
        "objects are"
    };
    format!("{refused} {objects} refused, so this does not say what the input says")
}

/// What is refused and why, what else is to be known, and how much came of it.
pub(super) fn remarks(conversion: &Conversion) -> String {
    let notes = conversion.notes.iter().cloned();
    let reasons = conversion.refusals.iter().flat_map(reasons);
    let told: String = notes
        .chain(reasons)
        .map(|found| quoted(conversion, &found))
        .collect();
    format!("{told}{}", summary(conversion))
}

/// The reasons with the name of the object before them.
fn reasons(refusal: &Refusal) -> impl Iterator<Item = Diagnostic> + '_ {
    refusal.reasons.iter().map(|reason| Diagnostic {
        message: format!("{}: {}", refusal.origin.object, reason.message),
        ..reason.clone()
    })
}

fn quoted(conversion: &Conversion, found: &Diagnostic) -> String {
    if found.severity == Severity::Note {
        return format!("{}: {}\n\n", paint::good("note"), found.message);
    }
    format!(
        "{}\n\n",
        found.render(&conversion.sources, RenderStyle::Colored)
    )
}

fn summary(conversion: &Conversion) -> String {
    let made = conversion.objects.len();
    let policies = if made == 1 { "policy" } else { "policies" };
    match conversion.refusals.len() {
        0 => format!("{made} {policies}\n"),
        refused => format!("{made} {policies}; {}\n", incomplete(refused)),
    }
}
