//! `ringfence test`: assertions about who can talk to whom, judged in continuous integration.
//!
//! [`suite`] reads files of tests, [`mod@oracle`] says who judges their connections, [`judge`] compares, [`mutation`] asks
//! which mistakes would be noticed. What came of it is a [`report`]: [`mod@print`] tells people, the others programs.

mod arguments;
mod cases;
mod findings;
mod json;
mod judge;
mod mutation;
mod oracle;
mod print;
mod report;
mod suggestion;
mod suite;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use ringfence_model::{Endpoint, RenderStyle};
use ringfence_policy::Engine;
use ringfence_reach::assertion::Coverage;
use ringfence_reach::entry::Entries;
use ringfence_reach::own_node::{doubt, is_of_nodes};

use crate::inputs::manifests::LoadedManifests;
use crate::output;
use crate::output::answer::{say_line, write_out};
use crate::output::doubt::Doubt;
use crate::paint;
use arguments::{AGNHOST, Against, TestFormat};
pub(crate) use arguments::{EXAMPLES, TestArguments};
use judge::Judge;
use oracle::{Lab, LiveCluster, Oracle, Ruleset, Tables};
use report::{Judged, Report, Status};
use suite::{Case, Suite};

pub(crate) fn run(arguments: &TestArguments) -> anyhow::Result<ExitCode> {
    let reads_input = |paths: &[PathBuf]| paths.iter().any(|path| path.as_os_str() == "-");
    ensure!(
        !(reads_input(&arguments.tests) && reads_input(&arguments.manifests.files)),
        "tests and manifests cannot both come from standard input"
    );
    ensure!(
        arguments.profile.is_none() || arguments.against == Against::Lab,
        "--profile is about the lab that judges: use it with --against lab"
    );
    ensure!(
        (arguments.probe_image == AGNHOST && !arguments.probe_outside)
            || arguments.against == Against::Cluster,
        "--probe-image and --probe-outside are about the pods of --against cluster"
    );
    let files = suite::read(&arguments.tests)?;
    let mut loaded = arguments.manifests.load()?;
    let options = &arguments.manifests.options;
    let namespace = &options.namespace;
    options.add_pods(&mut loaded, files.pods(namespace));
    let missing = loaded.missing();
    let mut cluster = std::mem::take(&mut loaded.cluster);
    let suite = Suite::new(&files, &mut cluster, namespace)?;
    for doubt in &suite.doubts {
        say_line!("{}", doubt.render(&files.sources, RenderStyle::Colored));
    }
    let cases = suite.chosen(arguments.filter.as_deref())?;
    let engine = Engine::new(cluster);
    let mut report = judged(arguments, &engine, &cases, &loaded)?;
    if matches!(arguments.against, Against::Manifests | Against::Ruleset) {
        report.warnings = doubts(&engine, &cases);
    }
    print(&report, arguments.output)?;
    missing.tell_if(report.is_unknown());
    report.warnings.iter().for_each(Doubt::tell);
    Ok(if report.passed() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn judged(
    arguments: &TestArguments,
    engine: &Engine,
    cases: &[&Case],
    loaded: &LoadedManifests,
) -> anyhow::Result<Report> {
    let (judged, coverage) = asked(arguments, engine, cases, loaded)?;
    if arguments.output == TestFormat::Text && !prints_at_once(arguments) {
        let mut printer = print::Printer::default();
        judged.iter().for_each(|judged| printer.case(judged));
    }
    let mutation = arguments.wants_mutation();
    Ok(Report {
        against: arguments.against,
        not_judged: cases.len() - judged.len(),
        cases: judged,
        coverage,
        coverage_min: arguments.coverage_min,
        trial: mutation.then(|| mutation::trial(engine, cases)),
        mutate_min: arguments.mutate_min,
        warnings: BTreeSet::new(),
    })
}

/// Asks whoever judges. What he has made is not kept while policies are judged.
fn asked(
    arguments: &TestArguments,
    engine: &Engine,
    cases: &[&Case],
    loaded: &LoadedManifests,
) -> anyhow::Result<(Vec<Judged>, Option<Coverage>)> {
    let tables = match arguments.against {
        Against::Ruleset => Some(Tables::new(engine.cluster(), &addresses(cases))?),
        Against::Manifests | Against::Lab | Against::Cluster => None,
    };
    let coverage = arguments.wants_coverage();
    let mut judge = Judge {
        engine,
        oracle: oracle(arguments, engine, tables.as_ref(), loaded)?,
        coverage: coverage.then(|| Coverage::of(engine.cluster())),
    };
    let judged = judge_all(&mut judge, cases, arguments)?;
    Ok((judged, judge.coverage))
}

fn print(report: &Report, format: TestFormat) -> anyhow::Result<()> {
    match format {
        TestFormat::Text => print::summary(report),
        TestFormat::Json => json::print(report)?,
        TestFormat::Junit => write_out!("{}", output::junit::document(&cases::suites(report))),
        TestFormat::Tap => {
            let suites = cases::suites(report);
            let cases = suites.iter().flat_map(|suite| &suite.cases);
            write_out!("{}", output::tap::document(cases));
        }
        TestFormat::Sarif => output::json::print(&findings::sarif(report))?,
    }
    Ok(())
}

/// Who judges connections, if not the policies themselves: `tables`, where these are asked.
fn oracle<'a>(
    arguments: &TestArguments,
    engine: &'a Engine,
    tables: Option<&'a Tables>,
    loaded: &LoadedManifests,
) -> anyhow::Result<Option<Box<dyn Oracle + 'a>>> {
    Ok(match arguments.against {
        Against::Manifests => None,
        Against::Ruleset => tables.map(|tables| -> Box<dyn Oracle + 'a> {
            for rule in tables.refused() {
                anstream::eprintln!("{}: {rule}", paint::bad("left out of the tables"));
            }
            Box::new(Ruleset::new(engine, tables))
        }),
        Against::Lab => {
            let namespace = &arguments.manifests.options.namespace;
            let control_plane = arguments.profile.map(Into::into).unwrap_or_default();
            Some(Box::new(Lab::new(
                engine,
                loaded,
                namespace,
                control_plane,
            )?))
        }
        Against::Cluster => {
            let manifests = &arguments.manifests;
            let access = manifests.options.cluster.only(&manifests.files);
            let access = access.context(
                "--against cluster is about what is in force in one live cluster: name it by --context or --kubeconfig, without \
                 manifests on top; --against lab tries those out",
            )?;
            let (image, outside) = (&arguments.probe_image, arguments.probe_outside);
            Some(Box::new(LiveCluster::reach(
                engine, &access, image, outside,
            )?))
        }
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

/// What could make a difference that verdicts know nothing of: firewalls of pods' own nodes (rule HF-9), and the nodes that
/// clients from outside come in at (rule OB-19).
fn doubts(engine: &Engine, cases: &[&Case]) -> BTreeSet<Doubt> {
    let cluster = engine.cluster();
    let mut addresses = addresses(cases).into_iter();
    let asks_nodes = !cluster.host_firewalls.is_empty() && addresses.any(is_of_nodes);
    let entries = Entries::new(engine);
    let asks_entries = entries.matter();
    if !asks_nodes && !asks_entries {
        return BTreeSet::new();
    }
    let asked = cases.iter().flat_map(|case| judge::asked(cluster, case));
    let asked = asked.map(|asked| asked.question.query);
    let asked = asked.filter(|query| match &query.destination {
        Endpoint::Address(address) => asks_entries || is_of_nodes(*address),
        Endpoint::Service(_) => asks_entries,
        Endpoint::Pod(_) | Endpoint::Node(_) => false,
    });
    let found = asked.filter_map(|query| Some((engine.answer(&query).ok()?, query)));
    found
        .flat_map(|(answer, query)| {
            let masked = entries.masked(&query, &answer);
            let entry = masked.as_ref().map(Doubt::of_entry);
            let connections = answer.connections.iter();
            let nodes = connections.filter_map(|found| doubt(engine, found));
            let nodes = nodes.map(|doubt| Doubt::of_own_node(&doubt));
            nodes.chain(entry).collect::<Vec<Doubt>>()
        })
        .collect()
}

/// What is made in a cluster is removed before anything is printed: output that cannot be written ends the program.
fn prints_at_once(arguments: &TestArguments) -> bool {
    arguments.against != Against::Cluster
}

/// Judges one test after another; people read of each as soon as it is judged.
fn judge_all(
    judge: &mut Judge<'_>,
    cases: &[&Case],
    arguments: &TestArguments,
) -> anyhow::Result<Vec<Judged>> {
    let mut printer = print::Printer::default();
    let mut all = Vec::new();
    for case in cases {
        let judged = judge.judge(case)?;
        let stop = arguments.fail_fast && judged.status() == Status::Failed;
        if arguments.output == TestFormat::Text && prints_at_once(arguments) {
            printer.case(&judged);
        }
        all.push(judged);
        if stop {
            break;
        }
    }
    Ok(all)
}
