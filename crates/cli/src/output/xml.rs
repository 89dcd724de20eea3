//! Texts inside of XML 1.0, SVG and HTML.

/// `text` between tags.
pub(crate) fn text(text: &str) -> String {
    escape(text, Place::Text)
}

/// `text` between the double quotes of an attribute.
pub(crate) fn attribute(text: &str) -> String {
    escape(text, Place::Attribute)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Text,
    Attribute,
}

fn escape(text: &str, place: Place) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match (character, place) {
            ('&', _) => escaped.push_str("&amp;"),
            ('<', _) => escaped.push_str("&lt;"),
            ('>', _) => escaped.push_str("&gt;"),
            ('"', Place::Attribute) => escaped.push_str("&quot;"),
            // Readers make a space of these in attributes, and a line feed of the last one everywhere.
            ('\t', Place::Attribute) => escaped.push_str("&#9;"),
            ('\n', Place::Attribute) => escaped.push_str("&#10;"),
            ('\r', _) => escaped.push_str("&#13;"),
            _ if is_allowed(character) => escaped.push(character),
            _ => escaped.push(char::REPLACEMENT_CHARACTER),
        }
    }
    escaped
}

/// XML has no way to write the others, not even as numbers.
const fn is_allowed(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stay_what_they_are() {
        let table = [
            ("a & b", "a &amp; b", "a &amp; b"),
            ("<a>]]>", "&lt;a&gt;]]&gt;", "&lt;a&gt;]]&gt;"),
            (
                "say \"no\" 'no'",
                "say \"no\" 'no'",
                "say &quot;no&quot; 'no'",
            ),
            ("a\tb\nc\rd", "a\tb\nc&#13;d", "a&#9;b&#10;c&#13;d"),
            (
                "\u{1b}[31m\0",
                "\u{fffd}[31m\u{fffd}",
                "\u{fffd}[31m\u{fffd}",
            ),
            ("\u{fffe}\u{ffff}", "\u{fffd}\u{fffd}", "\u{fffd}\u{fffd}"),
            ("grün \u{1f980}", "grün \u{1f980}", "grün \u{1f980}"),
        ];
        for (given, in_text, in_attribute) in table {
            assert_eq!(text(given), in_text, "{given}");
            assert_eq!(attribute(given), in_attribute, "{given}");
        }
    }
}
