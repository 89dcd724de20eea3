use std::collections::BTreeMap;
use std::sync::Arc;

use super::Location;

/// The texts that diagnostics quote, by the name the user gave them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceMap {
    texts: BTreeMap<Arc<str>, Arc<str>>,
}

impl SourceMap {
    /// Keeps `text` under `name`.
    pub fn insert(&mut self, name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) {
        self.texts.insert(name.into(), text.into());
    }

    /// The text of `name`.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.texts.get(name).map(|text| &**text)
    }

    /// Every name and its text, in order of name.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<str>)> {
        self.texts.iter()
    }

    /// The line that `location` begins in, with the byte offset of its start. A large file is not searched from its
    /// beginning as long as the location tells its bytes.
    pub(super) fn line(&self, location: &Location) -> Option<(usize, &str)> {
        let text = self.text(&location.source.file)?;
        let around = || line_start(text, location.bytes.start).filter(|_| location.bytes.end > 0);
        let start = around().or_else(|| numbered_line(text, location.source.line))?;
        let line = text.get(start..)?.split(['\n', '\r']).next()?;
        Some((start, line))
    }
}

/// Where the line begins that the byte at `offset` is in.
fn line_start(text: &str, offset: usize) -> Option<usize> {
    let before = text.get(..offset)?;
    let end = before.rfind(['\n', '\r']);
    Some(end.map_or(0, |end| end + 1))
}

/// Where line `number`, counted from 1, begins.
fn numbered_line(text: &str, number: u32) -> Option<usize> {
    let index = usize::try_from(number.checked_sub(1)?).ok()?;
    std::iter::once(0).chain(line_starts(text)).nth(index)
}

/// Where each line but the first begins: behind a line feed, a carriage return, or both (YAML 1.2, section 5.4).
fn line_starts(text: &str) -> impl Iterator<Item = usize> {
    let bytes = text.as_bytes();
    bytes.iter().enumerate().filter_map(|(index, byte)| {
        let ends = match byte {
            b'\n' => true,
            b'\r' => bytes.get(index + 1) != Some(&b'\n'),
            _ => false,
        };
        ends.then_some(index + 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Source;

    /// Whichever way a line is found, it is the same.
    #[test]
    fn bytes_and_numbers_lead_to_the_same_line() {
        let text = "a: 1\n\n  b: 2\r\nc: \u{e9}\rd: 4\n";
        let mut sources = SourceMap::default();
        sources.insert("f", text);
        let at = |line, bytes| Location {
            source: Source {
                file: "f".into(),
                line,
                column: 1,
            },
            bytes,
        };
        for (line, first) in [(1, 'a'), (3, 'b'), (4, 'c'), (4, '\u{e9}'), (5, 'd')] {
            let offset = text.find(first).unwrap();
            let by_bytes = sources.line(&at(line, offset..offset + 1));
            assert!(by_bytes.is_some_and(|(_, found)| found.contains(first)));
            assert_eq!(by_bytes, sources.line(&at(line, 0..0)), "{first}");
        }
        assert_eq!(sources.line(&at(6, 0..0)), Some((text.len(), "")));
        assert_eq!(sources.line(&at(7, 0..0)), None);
    }
}
