//! For people: a line for each node, and what differs below it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ringfence_agent::verification::Verification;
use ringfence_verify::{Difference, Report};

use crate::paint;

/// How many differences of a node are shown.
const SHOWN: usize = 5;

pub(super) fn render(found: &BTreeMap<String, Verification>) -> String {
    let nodes = found.iter().map(|(name, found)| node(name, found));
    nodes.collect()
}

fn node(name: &str, found: &Verification) -> String {
    let title = paint::heading(&format!("node {name}"));
    let Some(report) = &found.report else {
        let problem = found.problem.as_deref().unwrap_or("nothing is known");
        return format!("{title}: {}: {problem}\n", paint::bad("cannot verify"));
    };
    let mut text = format!("{title}: {}\n", verdict(report, &found.left_out));
    let (elements, rules) = (found.elements, found.rules);
    let milliseconds = found.milliseconds;
    let table = format!(
        "{rules} rules, {elements} elements; {}; {milliseconds} ms",
        report.coverage
    );
    let _ = writeln!(text, "  {}", paint::dim(&table));
    if !report.contested.is_empty() {
        let all: Vec<String> = report.contested.iter().map(ToString::to_string).collect();
        let _ = writeln!(
            text,
            "  not compared, because several pods claim it: {}",
            all.join(", ")
        );
    }
    if let Some(problem) = &found.host_pods {
        let _ = writeln!(text, "  not enforced: {}", paint::bad(problem));
    }
    for rule in &found.left_out {
        let _ = writeln!(text, "  {}", paint::bad(rule));
    }
    for found in report.differences.iter().take(SHOWN) {
        text.push_str(&difference(found));
    }
    let hidden = report.count.saturating_sub(SHOWN);
    if hidden > 0 {
        let _ = writeln!(text, "  and {hidden} more");
    }
    text
}

fn verdict(report: &Report, left_out: &[String]) -> String {
    match report.count {
        0 if left_out.is_empty() => {
            paint::good("the rules in the kernel equal the policies, for all packets")
        }
        0 => paint::bad(&format!(
            "the rules in the kernel are not all that policies ask: {} not enforced as written",
            match left_out.len() {
                1 => "1 rule is".to_owned(),
                count => format!("{count} rules are"),
            }
        )),
        1 => paint::bad("1 difference"),
        count => paint::bad(&format!("{count} differences")),
    }
}

fn difference(found: &Difference) -> String {
    let mut text = format!("  {}: {}\n", found.hook, found.packet);
    let _ = writeln!(text, "    the kernel: {}", paint::bad(&found.kernel));
    for step in &found.because {
        let _ = writeln!(text, "      {step}");
    }
    let _ = writeln!(text, "    it should: {}", paint::good(&found.expected));
    for reason in &found.why {
        let _ = writeln!(text, "      {reason}");
    }
    text
}
