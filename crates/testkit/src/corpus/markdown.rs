//! The form of a case: headings, fenced manifests and tables; the rest is prose.

use ipnet::IpNet;
use ringfence_model::{DomainAddresses, Input};

use super::CorpusError;
use super::beyond;
use super::row::Row;

/// One file, taken apart.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// Manifests above the first `##`.
    pub(super) shared: Vec<Input>,
    /// Names above the first `##`, and their addresses.
    pub(super) shared_names: DomainAddresses,
    /// Blocks of pods above the first `##`.
    pub(super) shared_blocks: Vec<IpNet>,
    /// The part above the first `##`, then each section.
    pub(super) sections: Vec<Section>,
    /// Manifests that must not load.
    pub(super) refused: Vec<Refused>,
}

#[derive(Debug, Default)]
pub(super) struct Section {
    pub(super) heading: String,
    pub(super) manifests: Vec<Input>,
    pub(super) names: DomainAddresses,
    pub(super) blocks: Vec<IpNet>,
    pub(super) rows: Vec<Row>,
}

#[derive(Debug)]
pub(super) struct Refused {
    pub(super) manifest: Input,
    pub(super) rule: String,
    pub(super) line: usize,
}

impl Document {
    pub(super) fn parse(file: &str, text: &str) -> Result<Self, CorpusError> {
        let mut reader = Reader {
            file,
            document: Self {
                sections: vec![Section::default()],
                ..Self::default()
            },
            fence: None,
        };
        for (place, line) in text.lines().enumerate() {
            reader.line(place + 1, line)?;
        }
        match reader.fence {
            Some(fence) => Err(reader_error(file, fence.line, "this block is never closed")),
            None => Ok(reader.document),
        }
    }
}

struct Reader<'a> {
    file: &'a str,
    document: Document,
    fence: Option<Fence>,
}

/// A fenced block that is still open.
struct Fence {
    line: usize,
    information: String,
    text: String,
}

impl Reader<'_> {
    fn line(&mut self, number: usize, line: &str) -> Result<(), CorpusError> {
        if let Some(mut fence) = self.fence.take() {
            if line.trim_end() == "```" {
                return self.close(fence);
            }
            fence.text.push_str(line);
            fence.text.push('\n');
            self.fence = Some(fence);
        } else if let Some(information) = line.strip_prefix("```") {
            // Empty lines in front, so that positions in the block are positions in the file.
            let text = "\n".repeat(number);
            self.fence = Some(Fence {
                line: number,
                information: information.trim().to_owned(),
                text,
            });
        } else if let Some(heading) = line.strip_prefix("## ") {
            let section = Section {
                heading: heading.to_owned(),
                ..Section::default()
            };
            self.document.sections.push(section);
        } else if line.starts_with('|') {
            self.table_line(number, line)?;
        }
        Ok(())
    }

    fn close(&mut self, fence: Fence) -> Result<(), CorpusError> {
        let manifest = Input {
            name: self.file.to_owned(),
            text: fence.text,
        };
        let is_first = self.document.sections.len() == 1;
        let words: Vec<&str> = fence.information.split_whitespace().collect();
        match (words.as_slice(), self.document.sections.last_mut()) {
            (["yaml"], _) if is_first => self.document.shared.push(manifest),
            (["yaml"], Some(section)) => section.manifests.push(manifest),
            (["yaml", "refused", rule], _) => {
                let rule = (*rule).to_owned();
                self.document.refused.push(Refused {
                    manifest,
                    rule,
                    line: fence.line,
                });
            }
            (["names"], section) => {
                let names = beyond::names(&manifest.text);
                let names =
                    names.map_err(|problem| reader_error(self.file, fence.line, &problem))?;
                match section.filter(|_| !is_first) {
                    Some(section) => section.names.extend(names),
                    None => self.document.shared_names.extend(names),
                }
            }
            (["pod-blocks"], section) => {
                let blocks = beyond::blocks(&manifest.text);
                let blocks =
                    blocks.map_err(|problem| reader_error(self.file, fence.line, &problem))?;
                match section.filter(|_| !is_first) {
                    Some(section) => section.blocks.extend(blocks),
                    None => self.document.shared_blocks.extend(blocks),
                }
            }
            (["text"], _) => {}
            _ => {
                return Err(self.error(
                    fence.line,
                    "a block is `yaml`, `yaml refused RULE`, `names`, `pod-blocks` or `text`",
                ));
            }
        }
        Ok(())
    }

    fn table_line(&mut self, number: usize, line: &str) -> Result<(), CorpusError> {
        let cells: Vec<&str> = line
            .trim()
            .trim_matches('|')
            .split('|')
            .map(str::trim)
            .collect();
        let is_header = cells == ["from", "to", "port", "verdict", "because"];
        let is_ruler = cells.iter().all(|cell| cell.starts_with("---"));
        if is_header || is_ruler {
            return Ok(());
        }
        let row = Row::parse(number, &cells).map_err(|problem| self.error(number, &problem))?;
        if let Some(section) = self.document.sections.last_mut() {
            section.rows.push(row);
        }
        Ok(())
    }

    fn error(&self, line: usize, problem: &str) -> CorpusError {
        reader_error(self.file, line, problem)
    }
}

fn reader_error(file: &str, line: usize, problem: &str) -> CorpusError {
    CorpusError::Form {
        file: file.to_owned(),
        line,
        problem: problem.to_owned(),
    }
}
