//! Names in one line.

/// How many are named.
const NAMED: usize = 3;

/// The first names, and how many more there are; `None` if there are none.
pub(crate) fn shortened(names: &[String]) -> Option<String> {
    let (named, more) = names.split_at(names.len().min(NAMED));
    let named = named.join(", ");
    match more.len() {
        0 if named.is_empty() => None,
        0 => Some(named),
        more => Some(format!("{named} and {more} more")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_are_named_and_the_others_counted() {
        let names = |count: u8| -> Vec<String> {
            let letters = (b'a'..).take(count.into());
            letters
                .map(|letter| char::from(letter).to_string())
                .collect()
        };
        assert_eq!(shortened(&names(0)), None);
        assert_eq!(shortened(&names(1)).unwrap(), "a");
        assert_eq!(shortened(&names(3)).unwrap(), "a, b, c");
        assert_eq!(shortened(&names(5)).unwrap(), "a, b, c and 2 more");
    }
}
