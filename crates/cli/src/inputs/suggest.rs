//! "Did you mean".

/// Words shorter than this are similar to too many others.
const SHORTEST: usize = 3;

/// The candidate that `word` was probably meant to be.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let word = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= tolerance(&word, candidate))
        .min()
        .map(|(_, candidate)| candidate)
}

fn tolerance(word: &str, candidate: &str) -> usize {
    if word.len() < SHORTEST {
        return 0;
    }
    (word.len().max(candidate.len()) / 3).max(1)
}

/// ` (did you mean `WORD`?)`, or nothing.
pub(crate) fn hint<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, candidates)
        .map(|meant| format!(" (did you mean `{meant}`?)"))
        .unwrap_or_default()
}

/// There is no `kind` of this name; perhaps one of a similar name.
pub(crate) fn missing<'a>(
    kind: &str,
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> anyhow::Error {
    anyhow::anyhow!("there is no {kind} `{name}`{}", hint(name, known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        let words = ["deployment", "daemonset", "internet", "tcp"];
        assert_eq!(nearest("deplyoment", words), Some("deployment"));
        assert_eq!(nearest("Deployments", words), Some("deployment"));
        assert_eq!(nearest("interent", words), Some("internet"));
        assert_eq!(nearest("tpc", words), Some("tcp"));
        assert_eq!(nearest("web", words), None);
        assert_eq!(nearest("tc", words), None);
        assert_eq!(hint("tpc", words), " (did you mean `tcp`?)");
        assert_eq!(hint("web", words), "");
    }
}
