//! Field paths as the API server writes them.

/// One step from a value to a value inside of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step<'a> {
    Name(&'a str),
    Index(usize),
}

/// The steps of `path`. What stands in brackets is an index if it is a number, and a key otherwise.
pub(super) fn steps(path: &str) -> impl Iterator<Item = Step<'_>> {
    let mut rest = path;
    std::iter::from_fn(move || {
        let (step, left) = first(rest)?;
        rest = left;
        Some(step)
    })
}

fn first(path: &str) -> Option<(Step<'_>, &str)> {
    if let Some(bracketed) = path.strip_prefix('[') {
        let (inside, left) = bracketed.split_once(']')?;
        let step = inside.parse().map_or(Step::Name(inside), Step::Index);
        return Some((step, left));
    }
    let path = path.strip_prefix('.').unwrap_or(path);
    let end = path.find(['.', '[']).unwrap_or(path.len());
    let (name, left) = path.split_at_checked(end)?;
    (!name.is_empty()).then_some((Step::Name(name), left))
}

/// `path` and every path that it lies in, the longest first; the last is the object itself.
pub(super) fn enclosing(path: &str) -> Vec<&str> {
    let mut ends = vec![path.len()];
    let mut rest = path;
    while let Some((_, left)) = first(rest) {
        ends.push(path.len() - left.len());
        rest = left;
    }
    ends.push(0);
    ends.sort_unstable();
    ends.dedup();
    let paths = ends.into_iter().rev();
    paths.filter_map(|end| path.get(..end)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_indexes_and_keys_are_told_apart() {
        use Step::{Index, Name};
        let found: Vec<Step<'_>> = steps("spec.from[1].matchLabels[a.b/c]").collect();
        let (spec, from, labels) = (Name("spec"), Name("from"), Name("matchLabels"));
        assert_eq!(found, [spec, from, Index(1), labels, Name("a.b/c")]);
        assert_eq!(steps("").count(), 0);
    }

    #[test]
    fn a_path_lies_in_each_of_its_beginnings() {
        assert_eq!(
            enclosing("a.b[0].c"),
            ["a.b[0].c", "a.b[0]", "a.b", "a", ""]
        );
        assert_eq!(enclosing(""), [""]);
    }
}
