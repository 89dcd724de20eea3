use ringfence_reach::diff::{Kind, PairChange};

use super::{Patch, Remedy, Shown, Site};
use crate::paint;

/// Changes that are named.
const MOST_CHANGES: usize = 5;

/// The fixes for people, best first.
pub(in crate::commands::explain) fn text(remedy: &Remedy, all: bool) -> String {
    let word = remedy.word();
    if let Some(obstacle) = remedy.obstacle {
        return format!("No edit of policies was found that would {word} it: {obstacle}.");
    }
    let title = match remedy.fixes.len() {
        1 => format!("To {word} it:"),
        _ => format!("To {word} it, one of these:"),
    };
    let mut parts = vec![paint::heading(&title)];
    let numbered = remedy.fixes.iter().enumerate();
    parts.extend(numbered.map(|(index, shown)| fix(index + 1, shown, all)));
    if remedy.more > 0 {
        parts.push(format!("{} more; --all shows them", remedy.more));
    }
    parts.join("\n\n")
}

fn fix(number: usize, shown: &Shown, all: bool) -> String {
    let mut lines = Vec::new();
    for (index, patch) in shown.patches.iter().enumerate() {
        let head = if index == 0 {
            format!("{number}. ")
        } else {
            "   and ".to_owned()
        };
        lines.push(format!("{head}{}", patch.what));
        lines.extend(site(patch));
    }
    lines.extend(
        besides(&shown.fix.besides, all)
            .iter()
            .map(|line| format!("   {line}")),
    );
    lines.join("\n")
}

fn site(patch: &Patch) -> Vec<String> {
    match &patch.site {
        Site::Lines { file, hunk } => {
            let mut lines = vec![format!("   --> {file}:{}", hunk.line)];
            lines.extend(hunk.text.iter().map(|line| format!("   {}", painted(line))));
            lines
        }
        Site::Document(text) => {
            let mut lines = vec!["   --> a new document".to_owned()];
            lines.extend(
                text.lines()
                    .map(|line| format!("   {}", paint::good(&format!("+{line}")))),
            );
            lines
        }
    }
}

fn painted(line: &str) -> String {
    let line = line.trim_end();
    match line.chars().next() {
        Some('+') => paint::good(line),
        Some('-') => paint::bad(line),
        Some(_) | None => line.to_owned(),
    }
}

/// What changes besides, in words.
pub(super) fn besides(pairs: &[PairChange], all: bool) -> Vec<String> {
    let changes = pairs
        .iter()
        .flat_map(|pair| pair.changes.iter().map(move |change| (pair, change)));
    let lines: Vec<String> = changes
        .map(|(pair, change)| {
            let some = if change.partial { "some " } else { "" };
            format!(
                "it also {} {some}{} -> {} {}",
                verb(change.kind),
                pair.source,
                pair.destination,
                change
                    .connections
                    .to_string()
                    .replace("other", "other-protocols")
            )
        })
        .collect();
    let most = if all { usize::MAX } else { MOST_CHANGES };
    let more = lines.len().saturating_sub(most);
    let mut shown: Vec<String> = lines.into_iter().take(most).collect();
    if shown.is_empty() {
        shown.push("nothing else changes".to_owned());
    }
    if more > 0 {
        shown.push(format!("and {more} more; --all shows them"));
    }
    shown
}

pub(super) const fn verb(kind: Kind) -> &'static str {
    match kind {
        Kind::Opened => "opens",
        Kind::MayOpen => "may open",
        Kind::Closed => "closes",
        Kind::MayClose => "may close",
    }
}
