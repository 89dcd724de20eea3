//! A difference as a page by itself. Nothing is loaded from elsewhere, and nothing runs in it.

use ringfence_reach::diff::{Difference, Kind};

use super::gate::Judged;
use super::words::{DOUBTS, Section, Told, doubts, grouped, names, sections, summary, unused};
use crate::commands::matrix::view::Names;
use crate::output::plain::plain;
use crate::output::xml;

const STYLE: &str = include_str!("html/page.css");

pub(super) fn render(difference: &Difference, judged: Option<&Judged>) -> String {
    let names = names(difference);
    let sections = sections(difference);
    let sections: String = sections
        .iter()
        .map(|section| render_section(section, &names, judged))
        .collect();
    let doubtful = doubtful(&doubts(difference, &names, judged));
    let gate = judged.map_or_else(String::new, gate);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>Connectivity: what changes</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <h1>Connectivity</h1>\n<p>{}</p>\n{gate}{doubtful}{sections}</body>\n</html>\n",
        shown(&summary(difference, &names))
    )
}

fn gate(judged: &Judged) -> String {
    let verdict = match judged.refused() {
        0 => &format!(
            "<span class=\"less\">Passed</span>: nothing is newly allowed that is not permitted{}.",
            shown(&judged.aside())
        ),
        1 => "<span class=\"more\">Failed</span>: 1 change is not permitted.",
        count => &format!("<span class=\"more\">Failed</span>: {count} changes are not permitted."),
    };
    let idle = judged.unused().iter();
    let idle: String = idle
        .map(|allowance| format!("<p class=\"dim\">{}</p>\n", shown(&unused(allowance))))
        .collect();
    format!("<p>{verdict}</p>\n{idle}")
}

fn doubtful(doubts: &[String]) -> String {
    if doubts.is_empty() {
        return String::new();
    }
    let lines = doubts.iter();
    let lines: String = lines
        .map(|doubt| format!("<li>{}</li>\n", shown(doubt)))
        .collect();
    format!("<h2>{}</h2>\n<ul>\n{lines}</ul>\n", shown(DOUBTS))
}

fn render_section(section: &Section<'_>, names: &Names, judged: Option<&Judged>) -> String {
    let title = format!("<h2>{}</h2>\n", shown(&section.heading(names)));
    if section.changes.is_empty() {
        return title;
    }
    let mark = if judged.is_some() && section.has_more_access() {
        "<th>permitted</th>"
    } else {
        ""
    };
    let rows: String = grouped(section, names, judged).iter().map(row).collect();
    format!(
        "{title}<table>\n<tr><th></th><th>from</th><th>to</th><th>connections</th><th>before</th><th>now</th>{mark}</tr>\n\
         {rows}</table>\n"
    )
}

fn row(told: &Told) -> String {
    let what = &told.what;
    let example = told.example.iter();
    let example: String = example
        .map(|example| format!("<br><small>{}</small>", shown(example)))
        .collect();
    let mark = what.mark.iter();
    let mark: String = mark
        .map(|mark| format!("<td>{}</td>", shown(mark)))
        .collect();
    format!(
        "<tr>{}<td>{}</td><td>{}</td><td>{}{example}</td><td>{}</td><td>{}</td>{mark}</tr>\n",
        sign(what.kind),
        lines(&told.sources),
        lines(&told.destinations),
        shown(&what.ports),
        lines(&what.before),
        lines(&what.after),
    )
}

/// More access in the colour of danger, with a sign for those who see none.
const fn sign(kind: Kind) -> &'static str {
    match kind {
        Kind::Opened => "<td class=\"more\">+</td>",
        Kind::MayOpen => "<td class=\"more\">?+</td>",
        Kind::Closed => "<td class=\"less\">−</td>",
        Kind::MayClose => "<td class=\"less\">?−</td>",
    }
}

fn lines(lines: &[String]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| shown(line)).collect();
    lines.join("<br>")
}

/// Without what would be obeyed instead of shown.
fn shown(words: &str) -> String {
    xml::text(&plain(words))
}
