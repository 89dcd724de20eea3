//! Markdown as GitHub and GitLab show it.

/// One cell of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    /// Words, none of which is markup.
    Text(String),
    /// The same, in bold.
    Strong(String),
    /// Several lines of words.
    Lines(Vec<String>),
    /// Words, and below them an example in small letters.
    Example(String, String),
    /// Something to be shown letter by letter.
    Code(String),
    /// A sentence in which what is between two backticks is shown letter by letter.
    Sentence(String),
}

impl Cell {
    fn markdown(&self) -> String {
        match self {
            Self::Text(text) => escape(text),
            Self::Strong(text) => format!("**{}**", escape(text)),
            Self::Lines(lines) => escape(&lines.join("\n")),
            Self::Example(text, example) => {
                format!("{}<br><sub>{}</sub>", escape(text), escape(example))
            }
            // A pipe ends a cell even in code, unless it is escaped.
            Self::Code(text) => code(text).replace('|', "\\|"),
            Self::Sentence(text) => sentence(text),
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// A table with `names` above its columns.
pub(crate) fn table(names: &[&str], rows: &[Vec<Cell>]) -> String {
    let names: Vec<Cell> = names.iter().map(|&name| name.into()).collect();
    let mut text = line(names.iter().map(Cell::markdown));
    text.push_str(&line(names.iter().map(|_| "---".to_owned())));
    for row in rows {
        text.push_str(&line(row.iter().map(Cell::markdown)));
    }
    text
}

/// `text` letter by letter, on lines of its own.
pub(crate) fn fenced(text: &str) -> String {
    let fence = fence(text);
    format!("{fence}text\n{text}\n{fence}\n")
}

/// A fence that is longer than any in `text`, which quotes what others wrote.
fn fence(text: &str) -> String {
    let longest = text
        .split(|letter| letter != '`')
        .map(str::len)
        .max()
        .unwrap_or_default();
    "`".repeat(longest.max(2) + 1)
}

fn line(cells: impl Iterator<Item = String>) -> String {
    format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
}

fn sentence(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    // An even number of parts has a backtick that nothing closes.
    if parts.len().is_multiple_of(2) {
        return escape(text);
    }
    let shown = parts.iter().enumerate().map(|(index, part)| {
        if index.is_multiple_of(2) {
            escape(part)
        } else {
            Cell::Code((*part).to_owned()).markdown()
        }
    });
    shown.collect()
}

/// `text` as words alone, whatever it holds: no markup, no link, no second line.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            // Words with these signs call people and issues on the pages that show comments.
            '@' => escaped.push_str("&#64;"),
            '#' => escaped.push_str("&#35;"),
            '\n' => escaped.push_str("<br>"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' => {
                escaped.push('\\');
                escaped.push(character);
            }
            other if other.is_control() => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}

/// `text` as code, behind as many backticks as it needs.
pub(crate) fn code(text: &str) -> String {
    let text = text.replace(char::is_control, " ");
    let longest = text
        .split(|character| character != '`')
        .map(str::len)
        .max()
        .unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    // One space on each side is taken away again; it parts backticks, and keeps spaces at the ends.
    let space = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) {
        " "
    } else {
        ""
    };
    format!("{fence}{space}{text}{space}{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_no_markup() {
        let table = [
            ("demo/web-1", "demo/web-1"),
            ("ingress[0]", "ingress\\[0\\]"),
            ("a|b\\", "a\\|b\\\\"),
            ("*x* _y_ `z` ~q~", "\\*x\\* \\_y\\_ \\`z\\` \\~q\\~"),
            ("<b>&amp;", "&lt;b&gt;&amp;amp;"),
            ("@all #1", "&#64;all &#35;1"),
            ("one\ntwo\tthree\u{1b}", "one<br>two three "),
        ];
        for (text, expected) in table {
            assert_eq!(escape(text), expected, "{text}");
        }
    }

    #[test]
    fn code_is_shown_letter_by_letter() {
        let table = [
            ("tcp/80", "`tcp/80`"),
            ("a`b", "``a`b``"),
            ("``", "``` `` ```"),
            (" x", "`  x `"),
            ("a\nb", "`a b`"),
        ];
        for (text, expected) in table {
            assert_eq!(code(text), expected, "{text}");
        }
    }

    #[test]
    fn a_sentence_keeps_its_code_and_nothing_else() {
        let table = [
            ("set `a|b: [x]` in *c*", "set `a\\|b: [x]` in \\*c\\*"),
            ("one ` alone", "one \\` alone"),
        ];
        for (text, expected) in table {
            assert_eq!(sentence(text), expected, "{text}");
        }
    }

    #[test]
    fn a_table_has_a_line_for_each_row() {
        let rows = [
            vec!["demo/web".into(), Cell::Code("a|b".to_owned())],
            vec!["x|y".into(), String::new().into()],
            vec![
                Cell::Strong("*".to_owned()),
                Cell::Lines(vec!["a|b".to_owned(), "c".to_owned()]),
            ],
        ];
        assert_eq!(
            table(&["from", "selector"], &rows),
            "| from | selector |\n| --- | --- |\n| demo/web | `a\\|b` |\n| x\\|y |  |\n| **\\*** | a\\|b<br>c |\n"
        );
        let example = Cell::Example("tcp/80".to_owned(), "<a>".to_owned());
        assert_eq!(example.markdown(), "tcp/80<br><sub>&lt;a&gt;</sub>");
    }
}
