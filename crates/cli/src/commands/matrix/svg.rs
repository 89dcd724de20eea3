//! A matrix as a picture.

use std::fmt::Write as _;

use ringfence_reach::matrix::{Cell, Matrix, Summary};
use ringfence_reach::workload::Unit;

use super::html::{edges, escaped, legend_name};
use super::view::{Names, cell_text};

const STYLE: &str = include_str!("svg/picture.css");

/// With more columns cells hold colours and no words.
const ROOMY: usize = 14;

/// Where everything is, in pixels.
struct Layout {
    cell_width: usize,
    cell_height: usize,
    left: usize,
    top: usize,
    /// How many letters a cell has room for.
    letters: usize,
}

const MARGIN: usize = 24;
/// The fewest and the most letters of a cell that has words: more are shown in its title alone.
const FEWEST: usize = 12;
const MOST: usize = 30;
/// Pixels of a letter of a name.
const LETTER: usize = 7;
/// The height of the title.
const TITLE: usize = 56;
const LEGEND: usize = 64;
/// Names of columns are turned by 45 degrees: their height and width as percentage of their length.
const TURNED: usize = 71;

impl Layout {
    fn of(matrix: &Matrix, names: &Names) -> Self {
        let letters = if matrix.destinations.len() > ROOMY {
            0
        } else {
            let words = matrix.cells().map(|(_, _, cell)| cell_text(cell));
            let longest = words.map(|word| word.chars().count()).max();
            longest.unwrap_or_default().clamp(FEWEST, MOST)
        };
        Self {
            cell_width: 22 + letters * 6,
            cell_height: if letters == 0 { 22 } else { 34 },
            left: MARGIN + longest(&matrix.sources, names) * LETTER + 14,
            top: MARGIN + TITLE + longest(&matrix.destinations, names) * LETTER * TURNED / 100 + 16,
            letters,
        }
    }

    const fn x(&self, column: usize) -> usize {
        self.left + column * self.cell_width
    }

    const fn y(&self, row: usize) -> usize {
        self.top + row * self.cell_height
    }
}

fn longest(units: &[Unit], names: &Names) -> usize {
    let lengths = units.iter().map(|unit| names.of_unit(unit).chars().count());
    lengths.max().unwrap_or_default()
}

pub(crate) fn render(matrix: &Matrix, names: &Names) -> String {
    let layout = Layout::of(matrix, names);
    let overhang = longest(&matrix.destinations, names) * LETTER * TURNED / 100;
    let width = (layout.x(matrix.destinations.len()) + overhang + MARGIN).max(720);
    let height = layout.y(matrix.sources.len()) + LEGEND + MARGIN;
    let mut out = String::new();
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         role=\"img\" aria-label=\"Who can talk to whom\">\n<style>\n{STYLE}</style>\n{PATTERNS}\
         <rect class=\"ground\" width=\"{width}\" height=\"{height}\"/>\n\
         <text class=\"title\" x=\"{MARGIN}\" y=\"44\">Who can talk to whom</text>\n\
         <text class=\"dim\" x=\"{MARGIN}\" y=\"66\">rows open connections to columns</text>"
    );
    headers(&mut out, matrix, names, &layout);
    cells(&mut out, matrix, names, &layout);
    rules(&mut out, matrix, &layout);
    legend(&mut out, matrix, layout.y(matrix.sources.len()) + 40);
    out + "</svg>\n"
}

/// What colours alone would not tell to everybody.
const PATTERNS: &str = "<defs>\n\
<pattern id=\"stripes\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">\
<rect class=\"sheet\" width=\"8\" height=\"8\"/><rect class=\"ports\" width=\"4\" height=\"8\"/></pattern>\n\
<pattern id=\"dots\" width=\"7\" height=\"7\" patternUnits=\"userSpaceOnUse\">\
<rect class=\"sheet\" width=\"7\" height=\"7\"/><circle class=\"dot\" cx=\"3.5\" cy=\"3.5\" r=\"1.7\"/></pattern>\n\
</defs>\n";

fn headers(out: &mut String, matrix: &Matrix, names: &Names, layout: &Layout) {
    for (row, source) in matrix.sources.iter().enumerate() {
        let (x, y) = (layout.left - 10, layout.y(row) + layout.cell_height / 2 + 5);
        let label = label(source, names);
        let _ = writeln!(
            out,
            "<text class=\"row\" x=\"{x}\" y=\"{y}\">{label}</text>"
        );
    }
    for (column, destination) in matrix.destinations.iter().enumerate() {
        let (x, y) = (layout.x(column) + layout.cell_width / 2, layout.top - 9);
        let label = label(destination, names);
        let _ = writeln!(
            out,
            "<text class=\"column\" transform=\"translate({x} {y}) rotate(-45)\">{label}</text>"
        );
    }
}

fn label(unit: &Unit, names: &Names) -> String {
    let name = names.of_unit(unit);
    match name.split_once('/') {
        Some((namespace, rest)) if !unit.is_place() => {
            let (namespace, rest) = (escaped(namespace), escaped(rest));
            format!("<tspan class=\"dim\">{namespace}/</tspan>{rest}")
        }
        Some(_) | None => escaped(&name),
    }
}

fn cells(out: &mut String, matrix: &Matrix, names: &Names, layout: &Layout) {
    for (row, source) in matrix.sources.iter().enumerate() {
        for (column, destination) in matrix.destinations.iter().enumerate() {
            let (x, y) = (layout.x(column), layout.y(row));
            match matrix.cell(source, destination) {
                Some(found) => {
                    let ends = (names.of_unit(source), names.of_unit(destination));
                    cell(out, (x, y), layout, found, &ends);
                }
                None => no_cell(out, (x, y), layout),
            }
        }
    }
}

fn cell(
    out: &mut String,
    (x, y): (usize, usize),
    layout: &Layout,
    cell: &Cell,
    (source, destination): &(String, String),
) {
    let (width, height) = (layout.cell_width, layout.cell_height);
    let text = cell_text(cell);
    let title = escaped(&format!("{source} \u{2192} {destination}: {text}"));
    let class = cell.summary().word();
    let _ = write!(
        out,
        "<g class=\"{class}\"><title>{title}</title>\
         <rect class=\"{class} cell\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/>"
    );
    if layout.letters > 0 {
        let shown = shortened(&text, layout.letters);
        let (x, y) = (x + width / 2, y + height / 2 + 4);
        if matches!(cell.summary(), Summary::Partial | Summary::Unknown) {
            let half = shown.chars().count() * 33 / 10 + 5;
            let _ = write!(
                out,
                "<rect class=\"sheet\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"17\" rx=\"3\"/>",
                x - half,
                y - 12,
                half * 2
            );
        }
        let _ = write!(
            out,
            "<text class=\"word\" x=\"{x}\" y=\"{y}\">{}</text>",
            escaped(&shown)
        );
    }
    out.push_str("</g>\n");
}

fn shortened(text: &str, letters: usize) -> String {
    if text.chars().count() <= letters {
        return text.to_owned();
    }
    let kept: String = text.chars().take(letters - 1).collect();
    kept + "\u{2026}"
}

/// Where policy has no say.
fn no_cell(out: &mut String, (x, y): (usize, usize), layout: &Layout) {
    let (right, bottom) = (x + layout.cell_width, y + layout.cell_height);
    let _ = writeln!(
        out,
        "<line class=\"none\" x1=\"{x}\" y1=\"{bottom}\" x2=\"{right}\" y2=\"{y}\"/>"
    );
}

/// The frame, and a line wherever another namespace begins.
fn rules(out: &mut String, matrix: &Matrix, layout: &Layout) {
    let (left, top) = (layout.left, layout.top);
    let (right, bottom) = (
        layout.x(matrix.destinations.len()),
        layout.y(matrix.sources.len()),
    );
    let mut line = |x1, y1, x2, y2| {
        let _ = writeln!(
            out,
            "<line class=\"rule\" x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"/>"
        );
    };
    for (row, (_, edge)) in edges(&matrix.sources).enumerate() {
        if edge || row == 0 {
            line(left, layout.y(row), right, layout.y(row));
        }
    }
    for (column, (_, edge)) in edges(&matrix.destinations).enumerate() {
        if edge || column == 0 {
            line(layout.x(column), top, layout.x(column), bottom);
        }
    }
    line(left, bottom, right, bottom);
    line(right, top, right, bottom);
}

fn legend(out: &mut String, matrix: &Matrix, y: usize) {
    let mut x = MARGIN;
    for summary in Summary::ALL {
        if !matrix.cells().any(|(_, _, cell)| cell.summary() == summary) {
            continue;
        }
        let (class, name) = (summary.word(), legend_name(summary));
        let _ = writeln!(
            out,
            "<rect class=\"{class} cell\" x=\"{x}\" y=\"{}\" width=\"18\" height=\"18\" rx=\"3\"/>\
             <text class=\"key\" x=\"{}\" y=\"{}\">{name}</text>",
            y - 13,
            x + 26,
            y + 1
        );
        x += 26 + name.len() * LETTER + 28;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_words_are_shortened_between_letters() {
        assert_eq!(shortened("tcp/80", 6), "tcp/80");
        assert_eq!(shortened("tcp/443", 6), "tcp/4\u{2026}");
        assert_eq!(shortened("\u{e9}\u{e9}\u{e9}", 2), "\u{e9}\u{2026}");
    }
}
