//! The page and its table.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use ringfence_conformance::bench::Bench;
use ringfence_conformance::plan::NodeId;
use ringfence_net::Family;

use crate::lines::{Line, Situation, all};
use crate::traffic::outcome;

/// Between these the page is written by this test.
const BEGIN: &str = "<!-- measured: begin -->\n";
const END: &str = "<!-- measured: end -->\n";

/// Every line of the table is what packets do; `SNAPSHOTS=overwrite` writes it anew.
pub(crate) fn services_do_what_the_page_says() {
    let page = std::fs::read_to_string(path()).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("where the table begins");
    let (_, after) = rest.split_once(END).expect("where the table ends");
    let measured = format!("{before}{BEGIN}{}{END}{after}", table());
    if std::env::var("SNAPSHOTS").is_ok_and(|value| value == "overwrite") {
        std::fs::write(path(), &measured).unwrap();
        return;
    }
    for (found, written) in measured.lines().zip(page.lines()) {
        assert_eq!(
            found, written,
            "SNAPSHOTS=overwrite writes docs/services.md"
        );
    }
    assert_eq!(
        measured.len(),
        page.len(),
        "docs/services.md has other lines"
    );
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/services.md")
}

fn table() -> String {
    let mut bench = Bench::new();
    let mut table = "| feature | IPv4, same node | IPv4, across | IPv6, same node | IPv6, across | kube-proxy |\n\
                     | --- | --- | --- | --- | --- | --- |\n"
        .to_owned();
    for line in all() {
        let cells = situations().map(|situation| cell(&mut bench, &line, situation));
        let (feature, other) = (line.feature, line.kube_proxy);
        writeln!(table, "| {feature} | {} | {other} |", cells.join(" | ")).unwrap();
    }
    table
}

fn situations() -> [Situation; 4] {
    let [v4, v6] = Family::ALL;
    [
        (v4, NodeId::One),
        (v4, NodeId::Two),
        (v6, NodeId::One),
        (v6, NodeId::Two),
    ]
    .map(|(family, node)| Situation { family, node })
}

fn cell(bench: &mut Bench, line: &Line, situation: Situation) -> String {
    if !line.makes_sense(situation) {
        return "-".to_owned();
    }
    let outcome = outcome(bench, line, situation);
    assert!(!outcome.contains("astray"), "{}: {outcome}", line.feature);
    outcome
}
