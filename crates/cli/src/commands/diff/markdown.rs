//! A difference as a comment on a change.

use ringfence_reach::diff::Difference;

use super::gate::Judged;
use super::words::{Section, Told, grouped, names, sections, summary, unused};
use crate::commands::matrix::view::Names;
use crate::commands::matrix::{markdown_escaped, markdown_rule};

pub(super) fn render(difference: &Difference, judged: Option<&Judged>) -> String {
    let names = names(difference);
    let sections = sections(difference);
    let sections: String = sections
        .iter()
        .map(|section| format!("\n{}", render_section(section, &names, judged)))
        .collect();
    let summary = markdown_escaped(&summary(difference, &names));
    let verdict = judged.map_or_else(String::new, verdict);
    format!("### Connectivity: {summary}\n{verdict}{sections}")
}

fn verdict(judged: &Judged) -> String {
    let verdict = match judged.refused() {
        0 => "\n**Passed**: nothing is newly allowed that is not permitted.\n".to_owned(),
        1 => "\n**Failed**: 1 change is not permitted.\n".to_owned(),
        count => format!("\n**Failed**: {count} changes are not permitted.\n"),
    };
    let unused = judged.unused().iter().map(|allowance| {
        let text = markdown_escaped(&unused(allowance));
        format!("\n{text}\n")
    });
    verdict + &unused.collect::<String>()
}

fn render_section(section: &Section<'_>, names: &Names, judged: Option<&Judged>) -> String {
    let title = format!("#### {}\n", markdown_escaped(&section.heading(names)));
    if section.changes.is_empty() {
        return title;
    }
    let marked = judged.is_some() && section.has_more_access();
    let mut columns = vec!["from", "to", "connections", "before", "now"];
    columns.extend(marked.then_some("permitted"));
    let header = format!("| {} |\n", columns.join(" | "));
    let rule = markdown_rule(columns.len());
    let groups = grouped(section, names, judged);
    let rows: String = groups.iter().map(row).collect();
    format!("{title}\n{header}{rule}{rows}")
}

fn row(told: &Told) -> String {
    let lines = |lines: &[String]| {
        let lines: Vec<String> = lines.iter().map(|line| markdown_escaped(line)).collect();
        lines.join("<br>")
    };
    let example = told.example.as_ref();
    let example = example.map(|text| format!("<br><sub>{}</sub>", markdown_escaped(text)));
    let mut cells = vec![
        lines(&told.sources),
        lines(&told.destinations),
        markdown_escaped(&told.what.ports) + &example.unwrap_or_default(),
        lines(&told.what.before),
        lines(&told.what.after),
    ];
    cells.extend(told.what.mark.as_ref().map(|mark| markdown_escaped(mark)));
    format!("| {} |\n", cells.join(" | "))
}
