//! `ringfence explain`: may this connection be opened, and which line of which manifest says so?
//!
//! [`question`] says which ways and ports are asked about, [`judge`] asks the engine, [`reason`] finds the lines
//! behind its decisions, and [`text`], [`json`] and [`markdown`] print the [`story`].

mod arguments;
mod backends;
mod chain;
mod excerpt;
mod family;
mod few;
mod fix;
mod json;
mod judge;
mod markdown;
mod ports;
mod question;
mod reason;
mod render;
mod story;
mod text;
mod verdict;
mod warning;

use std::process::ExitCode;

use ringfence_model::Cluster;
use ringfence_policy::Engine;

use crate::inputs::manifests::ManifestArguments;
use crate::output::answer::{say_line, write_line};
use arguments::Format;
pub(crate) use arguments::{ExplainArguments, after_help};
use fix::Remedy;
use judge::Detail;
use question::Question;
use story::Story;
use verdict::Verdict;

pub(crate) fn run(arguments: &ExplainArguments) -> anyhow::Result<ExitCode> {
    let question = Question::parse(arguments)?;
    let ManifestArguments { options, .. } = &arguments.manifests;
    let mut manifests = options.load_silently(&arguments.manifests.named())?;
    // Whether namespaces are missing is said where it matters.
    manifests
        .diagnostics
        .retain(|diagnostic| diagnostic.rule != Some("OB-4"));
    manifests.print_diagnostics();
    options.add_pods(&mut manifests, question.pods());
    let mut cluster = manifests.cluster.clone();
    let (sources, destinations) = question.resolve(&mut cluster)?;
    let engine = Engine::new(cluster);
    let ways = question::ways(&engine, &sources, &destinations);
    let judged = judge::judge(&engine, &question, &ways)?;
    let detail = detail(&question, arguments.output);
    let story = Story::new(
        &question,
        &engine,
        &manifests,
        &judged,
        detail,
        (arguments.all, explained(arguments)),
    );
    let remedy = || {
        let namespace = &options.namespace;
        Remedy::new(
            &question,
            &engine,
            &manifests,
            &judged,
            namespace,
            arguments.all,
        )
    };
    let remedy = arguments.fix.then(remedy).transpose()?;
    print(arguments, &story, remedy.as_ref(), engine.cluster())?;
    Ok(match story.verdict {
        Verdict::Allow => ExitCode::SUCCESS,
        Verdict::Deny
        | Verdict::NoEndpoints
        | Verdict::NotServed
        | Verdict::Unknown
        | Verdict::Partial => ExitCode::FAILURE,
    })
}

fn print(
    arguments: &ExplainArguments,
    story: &Story<'_>,
    remedy: Option<&Remedy>,
    cluster: &Cluster,
) -> anyhow::Result<()> {
    let all = arguments.all;
    match arguments.output {
        Format::Text => {
            say_line!("{}", text::text(story, all));
            if let Some(remedy) = remedy {
                say_line!("\n{}", fix::text(remedy, all));
            }
        }
        Format::Json => write_line!("{}", json::json(story, remedy, cluster, all)?),
        Format::Md => {
            write_line!("{}", markdown::markdown(story, all));
            if let Some(remedy) = remedy {
                write_line!("\n{}", fix::markdown(remedy, all));
            }
        }
    }
    Ok(())
}

/// How many kinds of connections are explained in words: a rule for each of thousands of blocks makes as many.
const fn explained(arguments: &ExplainArguments) -> usize {
    match arguments.output {
        Format::Json => 0,
        Format::Text | Format::Md if arguments.all => usize::MAX,
        Format::Text => 6,
        Format::Md => 50,
    }
}

/// Ports that differ in what no rule allows are told together to people, and apart to machines.
fn detail(question: &Question, output: Format) -> Detail {
    match output {
        Format::Json => Detail::Rules,
        Format::Text | Format::Md if question.is_about_one_port() => Detail::Rules,
        Format::Text | Format::Md => Detail::Policies,
    }
}
