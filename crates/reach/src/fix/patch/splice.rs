//! Items of lists and fields of mappings, in block style and in flow style.

use std::ops::Range;

use ringfence_model::Place;

use crate::matching::Step;
use crate::yaml::{Yaml, field};

/// What to do to a part of an object.
#[derive(Clone, Debug)]
pub(super) enum Operation {
    /// Some items of a list are replaced by others.
    Items {
        path: Vec<Step>,
        /// The first item; behind the last one if there are fewer.
        at: usize,
        remove: usize,
        insert: Vec<Yaml>,
    },
    /// A mapping gets a field that it has not.
    Field {
        path: Vec<Step>,
        key: String,
        value: Yaml,
    },
}

/// `text` after `operation` on `object`, which is a part of it.
pub(super) fn applied(text: &str, object: Place<'_>, operation: &Operation) -> Option<String> {
    let json = byte(text, object.value().start) == Some(b'{') && text.contains("\"spec\"");
    let site = Site { text, json };
    match operation {
        Operation::Items {
            path,
            at,
            remove,
            insert,
        } => match reached(object, path) {
            Reached::All(list, parent) => {
                site.items(list, parent, *at..at.saturating_add(*remove), insert)
            }
            Reached::AllButLast(parent, name) => {
                site.add_field(parent, name, &Yaml::List(insert.clone()))
            }
            Reached::Less => None,
        },
        Operation::Field { path, key, value } => match reached(object, path) {
            Reached::All(mapping, _) => site.add_field(mapping, key, value),
            Reached::AllButLast(parent, name) => {
                site.add_field(parent, name, &Yaml::Map(vec![(key.clone(), value.clone())]))
            }
            Reached::Less => None,
        },
    }
}

enum Reached<'a> {
    /// The part, and what it is in.
    All(Place<'a>, Place<'a>),
    /// What the part would be a field of.
    AllButLast(Place<'a>, &'a str),
    Less,
}

fn reached<'a>(object: Place<'a>, path: &'a [Step]) -> Reached<'a> {
    let (mut here, mut parent) = (object, object);
    for (index, step) in path.iter().enumerate() {
        let next = match step {
            Step::Field(name) => here.field(name),
            Step::Item(item) => here.item(*item),
        };
        match (next, step) {
            (Some(next), _) => (here, parent) = (next, here),
            (None, Step::Field(name)) if index + 1 == path.len() => {
                return Reached::AllButLast(here, name);
            }
            (None, _) => return Reached::Less,
        }
    }
    Reached::All(here, parent)
}

fn byte(text: &str, at: usize) -> Option<u8> {
    text.as_bytes().get(at).copied()
}

#[derive(Clone, Copy)]
struct Site<'a> {
    text: &'a str,
    json: bool,
}

impl Site<'_> {
    fn items(
        self,
        list: Place<'_>,
        parent: Place<'_>,
        range: Range<usize>,
        insert: &[Yaml],
    ) -> Option<String> {
        let count = list.items();
        let range = range.start.min(count)..range.end.min(count);
        let is_emptied = insert.is_empty() && range == (0..count);
        if count == 0 || is_emptied {
            return self.rewritten(list, parent, insert);
        }
        if byte(self.text, list.value().start) == Some(b'[') {
            self.flow_items(list, range, insert)
        } else {
            self.block_items(list, range, insert)
        }
    }

    /// The whole field anew, where there is nothing to be kept of its value.
    fn rewritten(self, list: Place<'_>, parent: Place<'_>, insert: &[Yaml]) -> Option<String> {
        let whole = list.bytes();
        let whole = whole.start..self.trimmed(whole.start..whole.end)?;
        let key = self
            .text
            .get(whole.clone())?
            .split(':')
            .next()?
            .trim()
            .to_owned();
        let value = Yaml::List(insert.to_vec());
        if insert.is_empty() || byte(self.text, parent.value().start) == Some(b'{') {
            return self.replaced(whole, &format!("{key}: {}", value.flow(self.json)));
        }
        let field = field(&key, &value, self.column(whole.start)?);
        self.replaced(whole, field.trim())
    }

    fn flow_items(self, list: Place<'_>, range: Range<usize>, insert: &[Yaml]) -> Option<String> {
        let item = |index: usize| list.item(index).map(|found| self.item_bytes(found));
        let new: Vec<String> = insert.iter().map(|item| item.flow(self.json)).collect();
        let new = new.join(", ");
        if range.is_empty() {
            return match item(range.start) {
                Some(next) => self.replaced(next.start..next.start, &format!("{new}, ")),
                None => {
                    let end = item(list.items().checked_sub(1)?)?.end;
                    self.replaced(end..end, &format!(", {new}"))
                }
            };
        }
        let (first, last) = (item(range.start)?, item(range.end.checked_sub(1)?)?);
        if !insert.is_empty() {
            return self.replaced(first.start..last.end, &new);
        }
        match (item(range.end), range.start.checked_sub(1).and_then(item)) {
            (Some(next), _) => self.replaced(first.start..next.start, ""),
            (None, Some(before)) => self.replaced(before.end..last.end, ""),
            (None, None) => None,
        }
    }

    fn item_bytes(self, item: Place<'_>) -> Range<usize> {
        let bytes = item.value();
        let end = self.trimmed(bytes.clone()).unwrap_or(bytes.end);
        bytes.start..end
    }

    fn block_items(self, list: Place<'_>, range: Range<usize>, insert: &[Yaml]) -> Option<String> {
        let (first_line, dash) = self.dash(list.item(0)?)?;
        let indent = dash - first_line;
        let new = Yaml::List(insert.to_vec());
        let new = if insert.is_empty() {
            String::new()
        } else {
            new.block(indent)
        };
        let from = match list.item(range.start) {
            Some(item) => self.dash(item)?.0,
            None => self.end_of_lines(list.item(list.items().checked_sub(1)?)?)?,
        };
        let to = match range.end.checked_sub(1).filter(|_| !range.is_empty()) {
            Some(last) => self.end_of_lines(list.item(last)?)?,
            None => from,
        };
        let ends_line = from == 0 || byte(self.text, from - 1) == Some(b'\n');
        let new = if ends_line {
            new
        } else {
            format!("\n{}", new.trim_end())
        };
        self.replaced(from..to, &new)
    }

    /// Where the line of an item's dash begins, and where the dash is.
    fn dash(self, item: Place<'_>) -> Option<(usize, usize)> {
        let start = item.value().start;
        let line = self.text.get(..start)?.rfind('\n').map_or(0, |end| end + 1);
        let before = self.text.get(line..start)?;
        let dash = before.rfind('-')?;
        let is_alone = before.get(..dash)?.trim().is_empty();
        is_alone.then_some((line, line + dash))
    }

    /// Behind the line break after the last line of an item.
    fn end_of_lines(self, item: Place<'_>) -> Option<usize> {
        let end = self.trimmed(item.value())?;
        let rest = self.text.get(end..)?;
        Some(
            rest.find('\n')
                .map_or(self.text.len(), |length| end + length + 1),
        )
    }

    fn add_field(self, mapping: Place<'_>, key: &str, value: &Yaml) -> Option<String> {
        let bytes = mapping.value();
        if byte(self.text, bytes.start) == Some(b'{') {
            return self.add_to_flow(bytes, key, value);
        }
        let indent = self.column(bytes.start)?;
        let end = self.trimmed(bytes)?;
        let rest = self.text.get(end..)?;
        let end = rest
            .find('\n')
            .map_or(self.text.len(), |length| end + length);
        let field = field(key, value, indent);
        self.replaced(end..end, &format!("\n{}", field.trim_end()))
    }

    fn add_to_flow(self, bytes: Range<usize>, key: &str, value: &Yaml) -> Option<String> {
        let single = Yaml::Map(vec![(key.to_owned(), value.clone())]).flow(self.json);
        let single = single.strip_prefix('{')?.strip_suffix('}')?.to_owned();
        let end = self.trimmed(bytes.clone())?.checked_sub(1)?;
        let inside = self.text.get(bytes.start + 1..end)?;
        let kept = bytes.start + 1 + inside.trim_end().len();
        let separator = if inside.trim().is_empty() { "" } else { ", " };
        self.replaced(kept..kept, &format!("{separator}{single}"))
    }

    /// The bytes from the beginning of the line.
    fn column(self, at: usize) -> Option<usize> {
        let line = self.text.get(..at)?.rfind('\n').map_or(0, |end| end + 1);
        Some(at - line)
    }

    /// The end of a part without the blanks behind it.
    fn trimmed(self, bytes: Range<usize>) -> Option<usize> {
        let part = self.text.get(bytes.clone())?;
        Some(bytes.start + part.trim_end().len())
    }

    fn replaced(self, bytes: Range<usize>, by: &str) -> Option<String> {
        let (before, after) = (self.text.get(..bytes.start)?, self.text.get(bytes.end..)?);
        Some(format!("{before}{by}{after}"))
    }
}
