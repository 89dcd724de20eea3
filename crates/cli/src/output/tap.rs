//! The Test Anything Protocol, version 14.

use super::case::{Case, Failure};

/// The whole document.
pub(crate) fn document<'a>(cases: impl IntoIterator<Item = &'a Case>) -> String {
    let points: Vec<String> = cases
        .into_iter()
        .zip(1..)
        .map(|(case, number)| point(case, number))
        .collect();
    format!("TAP version 14\n1..{}\n{}", points.len(), points.concat())
}

fn point(case: &Case, number: usize) -> String {
    let description = description(&format!("{}: {}", case.class, case.name));
    match (&case.failure, &case.skipped) {
        (None, None) => {
            let remarks = case.remarks.iter().map(|line| remark(line));
            let remarks: String = remarks.collect();
            format!("ok {number} - {description}\n{remarks}")
        }
        (None, Some(reason)) => {
            let reason = self::description(reason);
            format!("ok {number} - {description} # SKIP {reason}\n")
        }
        (Some(failure), _) => format!("not ok {number} - {description}\n{}", block(failure)),
    }
}

/// One line in which nothing begins a directive such as `# SKIP`.
fn description(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | '#' => {
                line.push('\\');
                line.push(character);
            }
            other if other.is_control() => line.push(' '),
            other => line.push(other),
        }
    }
    line
}

/// A line that is no part of the results.
fn remark(text: &str) -> String {
    let line: String = text
        .chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect();
    format!("# {line}\n")
}

/// The YAML under a point that failed.
fn block(failure: &Failure) -> String {
    let mut block = format!("  ---\n  message: {}\n", quoted(&failure.message));
    if !failure.details.is_empty() {
        block.push_str(&format!("  details: {}\n", quoted(&failure.details)));
    }
    block.push_str("  ...\n");
    block
}

/// `text` in double quotes, as YAML and JSON have them.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            other if other.is_control() => {
                quoted.push_str(&format!("\\u{:04x}", u32::from(other)));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::case::examples;

    #[test]
    fn points_are_numbered_and_texts_escaped() {
        let suites = examples::suites();
        let cases = suites.iter().flat_map(|suite| &suite.cases);
        let expected = r#"TAP version 14
1..3
not ok 1 - demo: web -> db tcp/5432
  ---
  message: "expected allow, \"deny\" found"
  details: "isolated by <db>:\n  no rule\n"
  ...
ok 2 - demo: web -> dns \# 1
# 2 < 3 rules
#   never:
ok 3 - demo: web -> 192.0.2.1 # SKIP no <host> has "it"
"#;
        assert_eq!(document(cases), expected);
        assert_eq!(document([]), "TAP version 14\n1..0\n");
    }

    #[test]
    fn no_text_begins_a_line_or_a_directive() {
        assert_eq!(description("a\nok 2 # SKIP \\"), "a ok 2 \\# SKIP \\\\");
        let text = "two\nlines\t\"q\" \\ \u{1b}\u{7f} ü";
        assert_eq!(
            quoted(text),
            "\"two\\nlines\\t\\\"q\\\" \\\\ \\u001b\\u007f ü\""
        );
        assert_eq!(serde_json::from_str::<String>(&quoted(text)).unwrap(), text);
    }
}
