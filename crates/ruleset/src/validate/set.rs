use super::{ValidationError, check_comment};
use crate::{DataType, Element, Key, Set, SetKind, Table, Value, Verdict};

/// Longest key or value in bytes.
const DATA_LIMIT: usize = 64;

pub(super) fn check(table: &Table, errors: &mut Vec<ValidationError>) {
    for (name, set) in &table.sets {
        check_definition(name, set, errors);
        for (key, element) in &set.elements {
            check_element(table, name, set, (key, element), errors);
        }
        if set.interval {
            check_overlaps(name, set, errors);
        }
    }
}

fn check_definition(name: &str, set: &Set, errors: &mut Vec<ValidationError>) {
    let value_fits = match &set.kind {
        SetKind::Set | SetKind::VerdictMap => true,
        SetKind::Map(types) => is_storable(types),
    };
    // What packets write is bounded, and nobody else writes there.
    let is_fit = !set.dynamic
        || (!set.interval && !set.counted && set.size.is_some() && set.elements.is_empty());
    if !is_storable(&set.key) || !value_fits || !is_fit {
        errors.push(ValidationError::SetType {
            set: name.to_owned(),
        });
    }
    if let Some(size) = set.size
        && usize::try_from(size).is_ok_and(|size| set.elements.len() > size)
    {
        errors.push(ValidationError::Full {
            set: name.to_owned(),
            elements: set.elements.len(),
            size,
        });
    }
}

fn is_storable(types: &[DataType]) -> bool {
    let length: usize = types.iter().map(|kind| kind.padded_length()).sum();
    (1..=DATA_LIMIT).contains(&length)
}

fn check_element(
    table: &Table,
    name: &str,
    set: &Set,
    (key, element): (&Key, &Element),
    errors: &mut Vec<ValidationError>,
) {
    let at = || format!("element `{}` of `{name}`", set.key_text(key));
    if !is_key(set, key) {
        errors.push(ValidationError::Key {
            set: name.to_owned(),
            key: set.key_text(key),
        });
    }
    if !element.value.fits(&set.kind) {
        errors.push(ValidationError::Value {
            set: name.to_owned(),
            key: set.key_text(key),
        });
    }
    if let Value::Verdict(verdict) = &element.value {
        check_target(table, verdict, at, errors);
    }
    check_comment(element.comment.as_ref(), at, errors);
}

fn is_key(set: &Set, key: &Key) -> bool {
    let lengths_fit = key.first.len() == set.key.len() && key.last.len() == set.key.len();
    let fields_fit = set
        .key
        .iter()
        .zip(key.first.iter().zip(key.last.iter()))
        .all(|(kind, (first, last))| first.fits(*kind) && last.fits(*kind) && first <= last);
    lengths_fit && fields_fit && (set.interval || key.is_point())
}

/// Checks the chain that a verdict names.
pub(super) fn check_target(
    table: &Table,
    verdict: &Verdict,
    at: impl FnOnce() -> String,
    errors: &mut Vec<ValidationError>,
) {
    let Some(chain) = verdict.chain() else {
        return;
    };
    let target = table.chains.get(chain);
    let chain = chain.to_owned();
    match target.map(|found| found.base.is_some()) {
        Some(false) => {}
        Some(true) => errors.push(ValidationError::JumpToBaseChain { at: at(), chain }),
        None => errors.push(ValidationError::MissingChain { at: at(), chain }),
    }
}

fn check_overlaps(name: &str, set: &Set, errors: &mut Vec<ValidationError>) {
    let scan = set.needs_scan();
    for key in set.elements.keys() {
        let Some(other) = set.overlapping(key, scan) else {
            continue;
        };
        if key < other {
            errors.push(ValidationError::Overlap {
                set: name.to_owned(),
                first: set.key_text(key),
                second: set.key_text(other),
            });
        }
    }
}
