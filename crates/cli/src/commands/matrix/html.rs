//! A matrix as a page by itself: every cell explains itself when it is opened. Nothing is loaded from elsewhere.

mod data;

use ringfence_reach::matrix::{Cell, Matrix, Summary};
use ringfence_reach::workload::Unit;

use super::view::{Names, cell_text};
pub(super) use data::Page;

const STYLE: &str = include_str!("html/page.css");
const SCRIPT: &str = include_str!("html/page.js");

/// With more columns cells hold colours and no words.
const ROOMY: usize = 14;

pub(crate) fn render(matrix: &Matrix, names: &Names, page: &Page) -> String {
    let data = escaped_json(&page.to_json());
    let title = "Who can talk to whom";
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" \
         content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <header>\n<h1>{title}</h1>\n<p>{}</p>\n{}</header>\n\
         <div id=\"matrix\">\n{}</div>\n<aside id=\"detail\" aria-live=\"polite\">\n\
         <h2>Open a cell</h2>\n<p class=\"hint\">It says which lines of which manifests decide, at both ends. \
         Arrow keys move from cell to cell.</p>\n</aside>\n\
         <script id=\"data\" type=\"application/json\">{data}</script>\n<script>\n{SCRIPT}</script>\n\
         </body>\n</html>\n",
        subtitle(matrix),
        tools(matrix),
        table(matrix, names),
    )
}

fn subtitle(matrix: &Matrix) -> String {
    format!(
        "Rows open connections to columns: {} by {}. Policy alone is judged, not what listens.",
        matrix.sources.len(),
        matrix.destinations.len()
    )
}

fn tools(matrix: &Matrix) -> String {
    let chip = |summary: Summary| {
        let count = matrix
            .cells()
            .filter(|(_, _, cell)| cell.summary() == summary)
            .count();
        let (word, help) = (summary.word(), help(summary));
        let hidden = if count == 0 { " hidden" } else { "" };
        format!(
            "<button type=\"button\" aria-pressed=\"false\" data-verdict=\"{word}\" title=\"{help}\"{hidden}>\
             <span class=\"swatch {word}\"></span>{} <small>{count}</small></button>\n",
            legend_name(summary)
        )
    };
    let chips: String = Summary::ALL.into_iter().map(chip).collect();
    format!(
        "<div class=\"tools\">\n\
         <input id=\"from\" type=\"search\" placeholder=\"Filter rows\" aria-label=\"Filter rows\">\n\
         <input id=\"to\" type=\"search\" placeholder=\"Filter columns\" aria-label=\"Filter columns\">\n\
         <div class=\"legend\">\n{chips}</div>\n</div>\n"
    )
}

/// What the legend calls it.
pub(super) const fn legend_name(summary: Summary) -> &'static str {
    match summary {
        Summary::All => "everything",
        Summary::Ports => "some ports",
        Summary::Partial => "some pods",
        Summary::Unknown => "unknown",
        Summary::Nothing => "nothing",
    }
}

const fn help(summary: Summary) -> &'static str {
    match summary {
        Summary::All => "Every port and protocol may be opened",
        Summary::Ports => "Certain ports or protocols may be opened",
        Summary::Partial => "Some of the pods may open more than others",
        Summary::Unknown => {
            "It depends on an address that is not known (AM-22); --pod-cidr says where pods get theirs from"
        }
        Summary::Nothing => "Nothing may be opened",
    }
}

fn table(matrix: &Matrix, names: &Names) -> String {
    let class = if matrix.destinations.len() > ROOMY {
        ""
    } else {
        "roomy"
    };
    let header: String = edges(&matrix.destinations)
        .map(|(unit, edge)| column(unit, edge, class.is_empty(), names))
        .collect();
    let rows: String = edges(&matrix.sources)
        .map(|(source, edge)| row(matrix, source, edge, class.is_empty(), names))
        .collect();
    format!(
        "<table class=\"{class}\" role=\"grid\">\n<thead>\n<tr><th class=\"corner\">from \\ to</th>{header}</tr>\n\
         </thead>\n<tbody>\n{rows}</tbody>\n</table>\n"
    )
}

/// Units, and whether another namespace begins with each.
pub(super) fn edges(units: &[Unit]) -> impl Iterator<Item = (&Unit, bool)> {
    let before = std::iter::once(None).chain(units.iter().map(Some));
    let begins = |one: &Unit, other: &Unit| {
        one.namespace() != other.namespace() || one.is_place() != other.is_place()
    };
    units.iter().zip(before).map(move |(unit, before)| {
        let edge = before.is_some_and(|before| begins(before, unit));
        (unit, edge)
    })
}

fn column(unit: &Unit, edge: bool, turned: bool, names: &Names) -> String {
    let (label, title) = (label(unit, names), escaped(&names.of_unit(unit)));
    let edge = if edge { " ns-edge" } else { "" };
    if turned {
        format!(
            "<th scope=\"col\" class=\"turned{edge}\" title=\"{title}\"><span class=\"label\">{label}</span></th>"
        )
    } else {
        format!(
            "<th scope=\"col\" class=\"{}\" title=\"{title}\">{label}</th>",
            edge.trim_start()
        )
    }
}

fn row(matrix: &Matrix, source: &Unit, edge: bool, dense: bool, names: &Names) -> String {
    let edge = if edge { " class=\"ns-edge\"" } else { "" };
    let cells: String = edges(&matrix.destinations)
        .map(|(destination, edge)| cell(matrix.cell(source, destination), edge, dense))
        .collect();
    format!(
        "<tr{edge}><th scope=\"row\" title=\"{}\">{}</th>{cells}</tr>\n",
        escaped(&names.of_unit(source)),
        label(source, names)
    )
}

fn cell(cell: Option<&Cell>, edge: bool, dense: bool) -> String {
    let edge = if edge { " ns-edge" } else { "" };
    let Some(cell) = cell else {
        return format!("<td class=\"none{edge}\" tabindex=\"-1\"></td>");
    };
    let word = cell.summary().word();
    let text = if dense {
        String::new()
    } else {
        format!("<b>{}</b>", escaped(&cell_text(cell)))
    };
    format!("<td class=\"{word}{edge}\" tabindex=\"-1\">{text}</td>")
}

/// The namespace in a lighter colour than what matters.
fn label(unit: &Unit, names: &Names) -> String {
    let name = names.of_unit(unit);
    match name.split_once('/') {
        Some((namespace, rest)) if !unit.is_place() => format!(
            "<span class=\"ns\">{}/</span>{}",
            escaped(namespace),
            escaped(rest)
        ),
        Some(_) | None => escaped(&name),
    }
}

/// `text` as text or attribute of HTML and SVG.
pub(crate) fn escaped(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '"' => "&quot;".to_owned(),
            '\'' => "&#39;".to_owned(),
            c => c.to_string(),
        })
        .collect()
}

/// JSON that no browser takes for the end of its script.
fn escaped_json(json: &str) -> String {
    let json = json.replace('&', "\\u0026");
    json.replace('<', "\\u003c").replace('>', "\\u003e")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_place() {
        assert_eq!(
            escaped("</th><script>'\"&"),
            "&lt;/th&gt;&lt;script&gt;&#39;&quot;&amp;"
        );
        let json = escaped_json("\"</script><!--&\"");
        assert_eq!(json, "\"\\u003c/script\\u003e\\u003c!--\\u0026\"");
        let back: String = serde_json::from_str(&json).unwrap();
        assert_eq!(back, "</script><!--&");
    }
}
