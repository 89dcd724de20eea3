//! "Did you mean".

/// The candidate that `word` was probably meant to be.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= tolerance(word, candidate))
        .min()
        .map(|(_, candidate)| candidate)
}

/// Edits between the two; another case of letters, dashes or underscores counts as nothing.
fn distance(word: &str, candidate: &str) -> usize {
    let plain = |text: &str| text.replace(['-', '_'], "").to_lowercase();
    strsim::damerau_levenshtein(&plain(word), &plain(candidate))
}

fn tolerance(word: &str, candidate: &str) -> usize {
    let length = word.chars().count().max(candidate.chars().count());
    match length {
        0..=3 => 1,
        _ => length.min(24) / 3,
    }
}
