//! An audit as a page by itself. Nothing is loaded from elsewhere, and nothing runs in it.

use ringfence_reach::audit::{Finding, Measured};

use super::{Report, text, words};
use crate::output::plain::plain;
use crate::output::xml;

const STYLE: &str = include_str!("html/page.css");

pub(super) fn render(report: &Report) -> String {
    let audit = &report.audit;
    let score = audit.score().map_or_else(
        || "<p>There is no workload in these manifests to measure.</p>\n".to_owned(),
        |score| {
            let points = score.points();
            format!("<p><span class=\"score\">{points}</span> of 100</p>\n")
        },
    );
    let rows: String = audit.principles().iter().map(row).collect();
    let left_out =
        words::left_out(report).map(|line| format!("<p class=\"dim\">{}</p>\n", xml::text(&line)));
    let left_out: String = left_out.collect();
    let open = audit.principles().iter();
    let sections: String = open
        .filter(|measured| !measured.findings.is_empty())
        .map(section)
        .collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>Network security audit</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <h1>Network security audit</h1>\n{score}\
         <table>\n<tr><th></th><th>principle</th><th>holds for</th><th></th><th>weight</th></tr>\n{rows}</table>\n\
         {left_out}{sections}<p class=\"dim\">{}</p>\n</body>\n</html>\n",
        xml::text(&text::health(report.health))
    )
}

fn row(measured: &Measured) -> String {
    let about = measured.principle.about();
    let (holds, all) = (measured.holds, measured.measured());
    let bar = match all {
        0 => String::new(),
        _ => format!("<meter min=\"0\" max=\"{all}\" value=\"{holds}\"></meter>"),
    };
    let (id, weight) = (about.id, about.weight);
    let (title, share) = (xml::text(about.title), words::share(holds, all));
    format!(
        "<tr><td>{id}</td><td>{title}</td><td>{share}</td><td class=\"bar\">{bar}</td><td>{weight}</td></tr>\n"
    )
}

fn section(measured: &Measured) -> String {
    let about = measured.principle.about();
    let findings: String = measured.findings.iter().map(finding).collect();
    format!(
        "<h2 id=\"{}\">{} {}</h2>\n<p>{}</p>\n<p class=\"dim\">To mend it: {}.</p>\n{findings}",
        about.id,
        about.id,
        xml::text(about.title),
        with_code(about.reason),
        with_code(about.mend),
    )
}

/// What is between two backticks as code.
fn with_code(words: &str) -> String {
    let parts = words.split('`').map(xml::text).enumerate();
    let parts = parts.map(|(place, part)| {
        if place.is_multiple_of(2) {
            part
        } else {
            format!("<code>{part}</code>")
        }
    });
    parts.collect()
}

/// Opened it shows the connections, with the lines that let them pass.
fn finding(finding: &Finding) -> String {
    let word = match &finding.accepted {
        Some(_) => "accepted",
        None => finding.severity.word(),
    };
    let place = finding.source.iter();
    let place: String = place
        .map(|source| format!(" <small>{}</small>", shown(&source.to_string())))
        .collect();
    let reason = finding.accepted.iter();
    let reason: String = reason
        .map(|one| format!("<p>{}</p>\n", shown(&one.reason)))
        .collect();
    let gaps = finding
        .gaps
        .iter()
        .map(|gap| text::opened(finding, gap, ""));
    let gaps: String = gaps.collect();
    format!(
        "<details><summary><span class=\"{word}\">{word}</span> {}{place}</summary>\n{reason}<pre>{}</pre></details>\n",
        shown(&words::sentence(finding)),
        xml::text(&gaps)
    )
}

/// Without what would be obeyed instead of shown.
fn shown(words: &str) -> String {
    xml::text(&plain(words))
}
