//! The book in `docs/` has every page, and no page that is not there.
//!
//! `docs/SUMMARY.md` is the table of contents that mdBook reads; a page that it leaves out is a page that
//! nobody finds.

use super::file::SourceFile;
use std::collections::BTreeSet;

const CONTENTS: &str = "docs/SUMMARY.md";

/// The findings about the book among `files`.
pub(super) fn check(files: &[SourceFile]) -> Vec<String> {
    let Some(contents) = files.iter().find(|file| file.path == CONTENTS) else {
        return vec![format!("{CONTENTS} is missing")];
    };
    let listed: BTreeSet<&str> = links(&contents.text).collect();
    let pages: BTreeSet<&str> = files
        .iter()
        .filter_map(|file| file.path.strip_prefix("docs/"))
        .filter(|page| page.ends_with(".md") && *page != "SUMMARY.md")
        .collect();
    let missing = pages
        .difference(&listed)
        .map(|page| format!("docs/{page}: no line of {CONTENTS} leads to it"));
    let dangling = listed
        .difference(&pages)
        .map(|page| format!("{CONTENTS}: docs/{page} does not exist"));
    missing.chain(dangling).collect()
}

/// Where the links of a table of contents lead.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(page, _)| page)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> SourceFile {
        SourceFile {
            path: path.into(),
            text: text.into(),
        }
    }

    #[test]
    fn pages_and_contents_agree() {
        let page = file("docs/a.md", "");
        let good = file(CONTENTS, "- [A](a.md)\n");
        assert_eq!(check(&[page.clone(), good]), Vec::<String>::new());
        let bad = file(CONTENTS, "- [B](b/c.md)\n");
        assert_eq!(
            check(&[page, bad]),
            [
                "docs/a.md: no line of docs/SUMMARY.md leads to it",
                "docs/SUMMARY.md: docs/b/c.md does not exist"
            ]
        );
    }
}
