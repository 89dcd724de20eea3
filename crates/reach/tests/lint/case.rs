//! Literate cases: prose, `yaml` blocks, and a table of what the lint of the file finds in them.
//!
//! A `##` heading begins a section; blocks above the first one belong to all. A section without a table has nothing to say.

use std::path::{Path, PathBuf};

use ringfence_model::Input;

use super::{input, report};

/// A file of the corpus.
pub(crate) struct Case {
    /// `RF001-policy-selects-nothing`
    pub(crate) name: String,
    pub(crate) sections: Vec<Section>,
}

/// One cluster, and the findings in it.
pub(crate) struct Section {
    pub(crate) heading: String,
    manifests: Input,
    pub(crate) expected: Vec<Row>,
}

/// One row of a table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Row {
    pub(crate) rule: String,
    object: String,
    line: Option<u32>,
}

const HEADER: [&str; 3] = ["rule", "object", "line"];

pub(crate) fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus/lint")
}

/// Every case, in order of name.
pub(crate) fn cases() -> Vec<Case> {
    let entries = std::fs::read_dir(directory()).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
        .iter()
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy();
            Case::parse(&name, &std::fs::read_to_string(path).unwrap())
        })
        .collect()
}

impl Case {
    pub(crate) fn parse(name: &str, text: &str) -> Self {
        let lines: Vec<&str> = text.lines().collect();
        let starts = lines
            .iter()
            .enumerate()
            .filter(|(_, line)| line.starts_with("## "));
        let mut starts: Vec<usize> = starts.map(|(number, _)| number).collect();
        starts.push(lines.len());
        let shared = 0..starts[0];
        let ranges = starts.windows(2).map(|ends| ends[0]..ends[1]);
        let sections = ranges.filter_map(|range| {
            let parts = [shared.clone(), range.clone()];
            let rows = lines[range.clone()]
                .iter()
                .filter(|line| line.starts_with('|'));
            let rows: Vec<Vec<&str>> = rows.map(|line| cells(line)).collect();
            let (header, rest) = rows.split_first()?;
            assert_eq!(header[..], HEADER, "{name}: the header of a table");
            Some(Section {
                heading: lines[range.start].replacen("## ", "", 1),
                manifests: input(name, manifests(&lines, &parts)),
                expected: rest[1..]
                    .iter()
                    .map(|cells| Row::parse(name, cells))
                    .collect(),
            })
        });
        Self {
            name: name.to_owned(),
            sections: sections.collect(),
        }
    }

    /// The id that the file is about.
    pub(crate) fn id(&self) -> &str {
        self.name.split('-').next().unwrap()
    }
}

/// The blocks in `parts` as one text, in which every line is where it is in the file.
fn manifests(lines: &[&str], parts: &[std::ops::Range<usize>]) -> String {
    let mut text = String::new();
    let mut inside = false;
    for (number, line) in lines.iter().enumerate() {
        let wanted = parts.iter().any(|part| part.contains(&number));
        let fence = line.starts_with("```");
        if wanted && fence && inside {
            text.push_str("---");
        } else if wanted && !fence && inside {
            text.push_str(line);
        }
        text.push('\n');
        inside ^= fence;
    }
    text
}

fn cells(line: &str) -> Vec<&str> {
    line.trim()
        .trim_matches('|')
        .split('|')
        .map(str::trim)
        .collect()
}

impl Row {
    fn parse(name: &str, cells: &[&str]) -> Self {
        let [rule, object, line] = cells else {
            panic!("{name}: a row has three cells, not {cells:?}");
        };
        Self {
            rule: (*rule).to_owned(),
            object: (*object).to_owned(),
            line: (*line != "-").then(|| line.parse().unwrap()),
        }
    }
}

impl Section {
    /// What is found of the lint `id`.
    pub(crate) fn found(&self, id: &str) -> Vec<Row> {
        let report = report(std::slice::from_ref(&self.manifests));
        let refused = report
            .findings
            .iter()
            .find(|finding| finding.diagnostic.is_error());
        if let Some(error) = refused {
            panic!("{}: {}", self.heading, error.diagnostic);
        }
        let own = report
            .findings
            .iter()
            .filter(|finding| finding.id() == Some(id));
        own.map(|finding| Row {
            rule: id.to_owned(),
            object: finding
                .object
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            line: finding
                .diagnostic
                .location
                .as_ref()
                .map(|location| location.source.line),
        })
        .collect()
    }

    /// What is said, for people who look for why a case fails.
    pub(crate) fn said(&self) -> String {
        let report = report(std::slice::from_ref(&self.manifests));
        let lines = report
            .findings
            .iter()
            .map(|finding| format!("  {}", finding.diagnostic));
        lines.collect::<Vec<_>>().join("\n")
    }
}
