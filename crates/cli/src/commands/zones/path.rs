//! Ways between zones or workloads, and what cuts them.

use std::collections::BTreeSet;
use std::process::ExitCode;

use anyhow::{bail, ensure};
use ringfence_model::{Cluster, TrustZones};
use ringfence_policy::Engine;
use ringfence_reach::path::{Cut, Step, Uncut, cut, shortest};
use ringfence_reach::workload::Unit;
use ringfence_reach::zone::{Workloads, workloads};
use serde::Serialize;

use super::arguments::{Form, ZonesArguments};
use super::json::WitnessJson;
use super::text::witness;
use crate::commands::matrix::pattern::{Pattern, World};
use crate::inputs::manifests::Missing;
use crate::output::answer::{say, say_line};
use crate::output::markdown::fenced;
use crate::output::plain::plain;
use crate::paint;

pub(super) fn run(
    engine: &Engine,
    zones: &TrustZones,
    (from, to): (&str, &str),
    arguments: &ZonesArguments,
    missing: &Missing,
) -> anyhow::Result<ExitCode> {
    ensure!(
        arguments.output.tells_ways(),
        "--path tells a way step by step: as text, json or md"
    );
    let found = workloads(engine, zones);
    let meant = |name| units(engine.cluster(), &found, name, &arguments.options.namespace);
    let (sources, destinations) = (meant(from)?, meant(to)?);
    let way = shortest(engine, &found.groups, &sources, &destinations);
    let cut = match &way {
        None => Ok(Cut::default()),
        Some(_) => {
            let groups = |engine: &Engine| workloads(engine, zones).groups;
            cut(engine, &groups, &sources, &destinations)
        }
    };
    let way = way.unwrap_or_default();
    let cluster = engine.cluster();
    let own_pods = found.groups.have_own_pods(cluster, &sources, &destinations);
    let text = |way: &[Step]| text((from, to), own_pods, way, &cut);
    match arguments.output {
        Form::Json => say_line!("{}", json(own_pods, &way, &cut)?),
        Form::Markdown => {
            let text = text(&way);
            let plain = anstream::adapter::strip_str(&text).to_string();
            say!("{}", fenced(plain.trim_end()));
        }
        Form::Text
        | Form::Csv
        | Form::Dot
        | Form::Mermaid
        | Form::Svg
        | Form::Sarif
        | Form::Junit => say!("{}", text(&way)),
    }
    missing.tell_if(!way.iter().all(Step::is_certain));
    Ok(if way.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The workloads of the zone `name`, or those that it means where rows of a matrix are chosen.
fn units(
    cluster: &Cluster,
    found: &Workloads,
    name: &str,
    namespace: &str,
) -> anyhow::Result<BTreeSet<Unit>> {
    if let Some(units) = found.by_zone.get(name) {
        return Ok(units.clone());
    }
    let groups = &found.groups;
    let world = World { cluster, groups };
    let pattern = Pattern::parse(name, namespace)?;
    let meant = |unit: &&Unit| pattern.matches(world, unit);
    let units: BTreeSet<Unit> = groups.units().filter(meant).cloned().collect();
    if units.is_empty() {
        let zones: Vec<&str> = found.by_zone.keys().map(String::as_str).collect();
        bail!(
            "`{name}` is neither a zone with members nor a workload, pod or place such as `shop/web` or `internet`; zones with members are {}",
            zones.join(", ")
        );
    }
    Ok(units)
}

/// What no policy can change.
const OWN_PODS: &str = ", but for that of a node to the pods on it: it always reaches them, whatever policies say (NP-50)";

/// What a step depends on that cannot be judged.
const UNKNOWN: &str =
    "\nan address that it depends on is not known (AM-22): nothing says that there is no such way";

fn text(
    (from, to): (&str, &str),
    own_pods: bool,
    way: &[Step],
    cut: &Result<Cut, Uncut>,
) -> String {
    if way.is_empty() {
        let answer = format!("there is no way from {from} to {to}");
        let but = if own_pods { OWN_PODS } else { "" };
        return format!("{}{but}\n", paint::good(&plain(&answer)));
    }
    let steps = match way.len() {
        1 => "1 step".to_owned(),
        count => format!("{count} steps"),
    };
    let (perhaps, why) = if way.iter().all(Step::is_certain) {
        ("", "")
    } else {
        ("perhaps ", UNKNOWN)
    };
    let names = names(way);
    let heading = format!("{perhaps}a way from {from} to {to} in {steps}: {names}");
    let shown = way.iter().map(|step| witness(&step.evidence, "  "));
    format!(
        "{}{why}\n{}\n{}",
        paint::bad(&plain(&heading)),
        shown.collect::<String>(),
        cut_text(cut)
    )
}

fn names(way: &[Step]) -> String {
    let first = way.first().map(|step| step.from.to_string());
    let others = way.iter().map(|step| step.to.to_string());
    let names: Vec<String> = first.into_iter().chain(others).collect();
    names.join(" -> ")
}

fn cut_text(cut: &Result<Cut, Uncut>) -> String {
    match cut {
        Ok(Cut {
            rules,
            without_egress,
        }) => {
            let lines = rules.iter().map(|rule| {
                let place = rule.source.as_ref().map(|source| format!(" ({source})"));
                format!("  {rule}{}\n", place.unwrap_or_default())
            });
            let heading = paint::heading("no way is left without, and no fewer rules do");
            let kept = without_egress.iter().map(|policy| {
                format!("  NetworkPolicy {policy} then has no egress rule: its policyTypes have to name Egress, or it isolates no more (NP-3)\n")
            });
            format!("{heading}\n{}", lines.chain(kept).collect::<String>())
        }
        Err(Uncut::NoRule(_)) => {
            "no rule allows it: nothing isolates its ends, so it takes a policy, such as a default deny\n"
                .to_owned()
        }
        Err(Uncut::TooMany { tried, .. }) => {
            format!("taking away {tried} rules, whichever, leaves a way\n")
        }
    }
}

#[derive(Debug, Serialize)]
struct PathJson {
    /// Whether the way depends on an address that is not known (rule AM-22).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    perhaps: bool,
    /// Whether a node is at the beginning that runs pods at the end: it always reaches them, and no step tells of it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    own_pods: bool,
    steps: Vec<StepJson>,
    /// Absent if no removal of rules was found that leaves no way.
    #[serde(skip_serializing_if = "Option::is_none")]
    cut: Option<Vec<RuleJson>>,
    /// The policies that the cut leaves without egress rules, and that have to name Egress in `policyTypes` (rule NP-3).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    without_egress: Vec<String>,
}

#[derive(Debug, Serialize)]
struct StepJson {
    from: String,
    to: String,
    witness: WitnessJson,
}

#[derive(Debug, Serialize)]
struct RuleJson {
    rule: String,
    file: Option<String>,
    line: Option<u32>,
    column: Option<u32>,
}

fn json(own_pods: bool, way: &[Step], cut: &Result<Cut, Uncut>) -> serde_json::Result<String> {
    let steps = way.iter().map(|step| StepJson {
        from: step.from.full_name(),
        to: step.to.full_name(),
        witness: WitnessJson::of(&step.evidence),
    });
    let rules = cut.as_ref().ok().map(|cut| {
        let rules = cut.rules.iter().map(|rule| {
            let source = rule.source.as_ref();
            RuleJson {
                rule: rule.to_string(),
                file: source.map(|source| source.file.to_string()),
                line: source.map(|source| source.line),
                column: source.map(|source| source.column),
            }
        });
        rules.collect()
    });
    let emptied = cut.as_ref().map(|cut| cut.without_egress.as_slice());
    let emptied = emptied.unwrap_or_default().iter();
    serde_json::to_string_pretty(&PathJson {
        perhaps: !way.iter().all(Step::is_certain),
        own_pods,
        steps: steps.collect(),
        cut: rules,
        without_egress: emptied.map(ToString::to_string).collect(),
    })
}
