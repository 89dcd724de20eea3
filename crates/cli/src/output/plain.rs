//! Texts of manifests as a terminal may show them.

/// Control characters as their escapes.
pub(crate) fn plain(text: &str) -> String {
    let shown = |c: char| {
        if c.is_control() {
            c.escape_default().to_string()
        } else {
            c.to_string()
        }
    };
    text.chars().map(shown).collect()
}
