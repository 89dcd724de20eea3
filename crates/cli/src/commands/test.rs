//! `ringfence test`: assertions about who can talk to whom, judged in continuous integration.
//!
//! [`suite`] reads files of tests, [`oracle`] says who judges their connections, [`judge()`] compares, and
//! [`mod@print`] tells people.

mod arguments;
mod judge;
mod oracle;
mod print;
mod suite;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{bail, ensure};
use ringfence_model::Endpoint;
use ringfence_policy::Engine;
use ringfence_reach::assertion::Coverage;

use crate::paint;
use arguments::Against;
pub(crate) use arguments::{EXAMPLES, TestArguments};
use judge::{Judge, Report};
use oracle::{Manifests, Oracle, Ruleset};
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
    let engine = Engine::new(cluster);
    let mut judge = Judge {
        engine: &engine,
        oracle: oracle(arguments.against, &engine, &cases)?,
        coverage: arguments
            .wants_coverage()
            .then(|| Coverage::of(engine.cluster())),
    };
    let report = judge_all(&mut judge, &cases, arguments.fail_fast)?;
    print::summary(&report);
    let covered = judge.coverage.is_none_or(|coverage| {
        print::coverage(&coverage, arguments.coverage_min);
        coverage.percent() >= arguments.coverage_min.unwrap_or(0)
    });
    Ok(if report.passed() && covered {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Who judges the connections of `cases`.
fn oracle<'a>(
    against: Against,
    engine: &'a Engine,
    cases: &[&Case],
) -> anyhow::Result<Box<dyn Oracle + 'a>> {
    Ok(match against {
        Against::Manifests => Box::new(Manifests::new(engine)),
        Against::Ruleset => {
            let ruleset = Ruleset::new(engine, &addresses(cases))?;
            for rule in ruleset.refused() {
                anstream::eprintln!("{}: {rule}", paint::bad("left out of the tables"));
            }
            Box::new(ruleset)
        }
        Against::Lab => bail!("tests cannot be judged by packets in a lab yet"),
        Against::Cluster => bail!("tests cannot be judged by packets in a cluster yet"),
    })
}

/// The literal addresses that tests name.
fn addresses(cases: &[&Case]) -> BTreeSet<IpAddr> {
    let assertions = cases.iter().flat_map(|case| &case.assertions);
    let ends = assertions
        .flat_map(|assertion| &assertion.claims)
        .flat_map(|claim| [&claim.source, &claim.destination]);
    ends.filter_map(|end| match end {
        Endpoint::Address(address) => Some(*address),
        Endpoint::Pod(_) | Endpoint::Node(_) | Endpoint::Service(_) => None,
    })
    .collect()
}

/// Judges one test after another and prints each as soon as it is judged.
fn judge_all(judge: &mut Judge<'_>, cases: &[&Case], fail_fast: bool) -> anyhow::Result<Report> {
    let mut printer = print::Printer::default();
    let mut report = Report::default();
    for case in cases {
        let judged = judge.judge(case)?;
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
