//! What the page's script reads: every text once, cells by numbers.

use std::collections::BTreeMap;

use ringfence_model::DirectionDecision;
use ringfence_policy::Engine;
use ringfence_reach::matrix::{Evidence, Matrix, Status, evidence};
use ringfence_reach::workload::Groups;
use serde::Serialize;

use crate::commands::matrix::reason::{self, Line};
use crate::commands::matrix::view::{Names, cell_text, flow};

/// The texts of a page and where they are.
#[derive(Debug, Serialize)]
pub(crate) struct Page {
    sources: Vec<String>,
    destinations: Vec<String>,
    /// What a status is called, and its colour.
    statuses: [(&'static str, &'static str); 4],
    texts: Vec<String>,
    reasons: Vec<Reason>,
    /// The text of each cell, row by row; -1 where policy has no say.
    labels: Vec<i64>,
    cells: Vec<Option<Vec<Fact>>>,
}

/// How a direction is coloured, its headline, and lines of text and source, -1 for none.
type Reason = (&'static str, usize, Vec<(usize, i64)>);

/// Status, connections, flow, and the reasons for egress and ingress.
type Fact = (usize, usize, usize, usize, usize);

impl Page {
    pub(crate) fn of(engine: &Engine, groups: &Groups, matrix: &Matrix, names: &Names) -> Self {
        let mut texts = Texts::default();
        let (mut labels, mut cells) = (Vec::new(), Vec::new());
        for source in &matrix.sources {
            for (destination, cell) in matrix.row(source) {
                labels.push(cell.map_or(-1, |cell| texts.signed(&cell_text(cell))));
                cells.push(cell.map(|cell| {
                    let found = evidence(engine, groups, (source, destination), cell);
                    found.iter().filter_map(|found| texts.fact(found)).collect()
                }));
            }
        }
        Self {
            sources: matrix
                .sources
                .iter()
                .map(|unit| names.of_unit(unit))
                .collect(),
            destinations: matrix
                .destinations
                .iter()
                .map(|unit| names.of_unit(unit))
                .collect(),
            statuses: Status::ALL.map(described),
            texts: texts.texts.into_list(),
            reasons: texts.reasons.into_list(),
            labels,
            cells,
        }
    }

    pub(super) fn to_json(&self) -> String {
        // INVARIANT: strings, numbers and lists of them are always JSON.
        serde_json::to_string(self).unwrap_or_default()
    }
}

const fn described(status: Status) -> (&'static str, &'static str) {
    match status {
        Status::Denied => ("Denied", "nothing"),
        Status::Unknown => ("Depends on an address that is not known", "unknown"),
        Status::Some => ("Allowed for some pods", "partial"),
        Status::All => ("Allowed", "all"),
    }
}

/// Values with a number each, in the order in which they came.
#[derive(Debug)]
struct Numbered<T> {
    numbers: BTreeMap<T, usize>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self {
            numbers: BTreeMap::new(),
        }
    }
}

impl<T: Ord> Numbered<T> {
    fn number(&mut self, value: T) -> usize {
        let next = self.numbers.len();
        *self.numbers.entry(value).or_insert(next)
    }

    fn into_list(self) -> Vec<T> {
        let mut list: Vec<(T, usize)> = self.numbers.into_iter().collect();
        list.sort_by_key(|(_, number)| *number);
        list.into_iter().map(|(value, _)| value).collect()
    }
}

#[derive(Debug, Default)]
struct Texts {
    texts: Numbered<String>,
    reasons: Numbered<Reason>,
}

impl Texts {
    fn text(&mut self, text: &str) -> usize {
        self.texts.number(text.to_owned())
    }

    fn signed(&mut self, text: &str) -> i64 {
        i64::try_from(self.text(text)).unwrap_or(-1)
    }

    fn fact(&mut self, found: &Evidence) -> Option<Fact> {
        let connection = found.answer.connections.first()?;
        let status = Status::ALL
            .iter()
            .position(|status| *status == found.status)?;
        Some((
            status,
            self.text(&found.connections.to_string()),
            self.text(&flow(&found.query)),
            self.reason(&connection.egress),
            self.reason(&connection.ingress),
        ))
    }

    fn reason(&mut self, decision: &DirectionDecision) -> usize {
        let told = reason::told(decision);
        let headline = self.text(&told.headline);
        let lines = told.lines.iter().map(|line| self.line(line)).collect();
        self.reasons.number((told.verdict, headline, lines))
    }

    fn line(&mut self, line: &Line) -> (usize, i64) {
        let source = line.source.as_ref();
        let source = source.map_or(-1, |source| self.signed(&source.to_string()));
        (self.text(&line.text), source)
    }
}
