use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// Puts `text` into the page between the lines `<!-- bench: NAME -->` and `<!-- end -->`, in the place of what is there.
///
/// # Errors
/// If the page cannot be read or written, or has no such lines.
pub fn put_into(page: &Path, name: &str, text: &str) -> anyhow::Result<()> {
    let page = &from_root(page);
    let known = fs::read_to_string(page).with_context(|| format!("reading {}", page.display()))?;
    let changed = replaced(&known, name, text)
        .with_context(|| format!("{} has no place for `{name}`", page.display()))?;
    Ok(fs::write(page, changed)?)
}

/// Cargo starts benches in the folder of their package; a page is named as seen from the repository.
fn from_root(page: &Path) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(page)
}

fn replaced(page: &str, name: &str, text: &str) -> Option<String> {
    let start = format!("<!-- bench: {name} -->\n");
    let (before, rest) = page.split_once(&start)?;
    let (_, after) = rest.split_once("<!-- end -->")?;
    Some(format!("{before}{start}{text}<!-- end -->{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_named_as_seen_from_the_repository() {
        assert!(from_root(Path::new("docs/performance.md")).is_file());
        assert_eq!(from_root(Path::new("/page.md")), Path::new("/page.md"));
    }

    #[test]
    fn what_is_between_the_lines_is_replaced_and_nothing_else() {
        let page =
            "a\n<!-- bench: one -->\nold\n<!-- end -->\n<!-- bench: two -->\n<!-- end -->\nb\n";
        let changed = replaced(page, "one", "new\n").unwrap();
        assert_eq!(changed, page.replace("old", "new"));
        let twice = replaced(&changed, "two", "more\n").unwrap();
        assert!(
            twice.contains("two -->\nmore\n<!-- end -->\nb\n"),
            "{twice}"
        );
        assert_eq!(replaced(page, "three", "new\n"), None);
    }
}
