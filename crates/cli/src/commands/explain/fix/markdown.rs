use super::text::besides;
use super::{Patch, Remedy, Shown, Site};

/// The fixes for a comment under a change.
pub(in crate::commands::explain) fn markdown(remedy: &Remedy, all: bool) -> String {
    let word = remedy.word();
    if let Some(obstacle) = remedy.obstacle {
        return format!("No edit of policies was found that would {word} it: {obstacle}.");
    }
    let mut parts = vec![format!("#### To {word} it")];
    let numbered = remedy.fixes.iter().enumerate();
    parts.extend(numbered.map(|(index, shown)| fix(index + 1, shown, all)));
    parts.join("\n\n")
}

fn fix(number: usize, shown: &Shown, all: bool) -> String {
    let patches: Vec<String> = shown.patches.iter().map(patch).collect();
    let besides: Vec<String> = besides(&shown.fix.besides, all)
        .iter()
        .map(|line| format!("- {line}"))
        .collect();
    format!(
        "**{number}.** {}\n\n{}",
        patches.join("\n\nand "),
        besides.join("\n")
    )
}

fn patch(patch: &Patch) -> String {
    let what = &patch.what;
    match &patch.site {
        Site::Lines { file, hunk } => {
            let (before, after) = hunk.lines;
            let line = hunk.line;
            let text = hunk.text.join("\n");
            format!(
                "{what}\n\n```diff\n--- a/{file}\n+++ b/{file}\n@@ -{line},{before} +{line},{after} @@\n{text}\n```"
            )
        }
        Site::Document(text) => format!("{what}\n\n```yaml\n{text}```"),
    }
}
