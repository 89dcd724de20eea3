//! `ringfence test`: assertions about who can talk to whom, judged in continuous integration.
//!
//! [`suite`] reads files of tests, [`oracle`] says who judges their connections, [`judge()`] compares, and
//! [`mod@print`] tells people.

mod arguments;
mod judge;
mod oracle;
mod print;
mod suite;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::ensure;
use ringfence_model::Cluster;

pub(crate) use arguments::{EXAMPLES, TestArguments};
use judge::{Report, judge};
use oracle::Manifests;
use suite::{Case, Suite};

pub(crate) fn run(arguments: &TestArguments) -> anyhow::Result<ExitCode> {
    let reads_input = |paths: &[PathBuf]| paths.iter().any(|path| path.as_os_str() == "-");
    ensure!(
        !(reads_input(&arguments.tests) && reads_input(&arguments.manifests.files)),
        "tests and manifests cannot both come from standard input"
    );
    let files = suite::read(&arguments.tests)?;
    let mut cluster = arguments.manifests.load()?.cluster;
    let namespace = &arguments.manifests.options.namespace;
    let suite = Suite::new(&files, &mut cluster, namespace)?;
    let cases = suite.chosen(arguments.filter.as_deref())?;
    let report = judge_all(&cluster, &cases, arguments.fail_fast)?;
    print::summary(&report);
    Ok(if report.passed() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Judges one test after another and prints each as soon as it is judged.
fn judge_all(cluster: &Cluster, cases: &[&Case], fail_fast: bool) -> anyhow::Result<Report> {
    let mut oracle = Manifests::new(cluster);
    let mut printer = print::Printer::default();
    let mut report = Report::default();
    for case in cases {
        let judged = judge(cluster, &mut oracle, case)?;
        let stop = fail_fast && !judged.passed();
        printer.case(&judged);
        report.cases.push(judged);
        if stop {
            break;
        }
    }
    report.not_judged = cases.len() - report.cases.len();
    Ok(report)
}
