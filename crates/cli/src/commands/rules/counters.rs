//! How often each rule has matched, and which never has.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;

use ringfence_compile::Origin;
use ringfence_compile::trace::Trace;
use serde::Serialize;

use super::arguments::RulesArguments;
use super::source::Nodes;
use super::words;
use crate::arguments::OutputFormat;
use crate::output::answer::say;
use crate::{output, paint};

/// What the numbers are.
pub(super) const FOOTNOTE: &str = "# packets that open connections, counted since the element was last written; an entry that stands for several rules counts for each of them";

/// What a rule, or an isolation, has matched on all nodes.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Count {
    #[serde(flatten)]
    part: Origin,
    packets: u64,
    elements: usize,
    by_node: BTreeMap<String, u64>,
}

pub(super) fn run(nodes: &Nodes, arguments: &RulesArguments) -> anyhow::Result<ExitCode> {
    let mut counts = counts(nodes);
    if arguments.unused {
        counts.retain(|count| count.part.rule.is_some() && count.packets == 0);
    }
    match arguments.output {
        OutputFormat::Json => output::json::print(&counts)?,
        OutputFormat::Text => say!("{}", render(&counts, arguments.unused)),
    }
    let found = arguments.unused && !counts.is_empty();
    Ok(ExitCode::from(u8::from(found)))
}

/// Every part of every policy, in order.
fn counts(nodes: &Nodes) -> Vec<Count> {
    let mut all: BTreeMap<_, Count> = BTreeMap::new();
    for node in &nodes.all {
        let trace = Trace::new(&node.listing);
        let policies = trace.policies().into_iter();
        for part in policies
            .filter_map(|policy| trace.policy(policy))
            .flat_map(|it| it.parts)
        {
            let key = (
                part.part.policy.clone(),
                part.part.direction,
                part.part.rule,
            );
            let count = all.entry(key).or_insert_with(|| Count::new(&part.part));
            count.elements += part.elements.len();
            if let Some(packets) = part.packets {
                count.packets = count.packets.saturating_add(packets);
                count.by_node.insert(node.name.clone(), packets);
            }
        }
    }
    all.into_values().collect()
}

impl Count {
    fn new(part: &Origin) -> Self {
        Self {
            part: part.clone(),
            packets: 0,
            elements: 0,
            by_node: BTreeMap::new(),
        }
    }
}

fn render(counts: &[Count], unused: bool) -> String {
    if unused && counts.is_empty() {
        return "every rule has matched\n".to_owned();
    }
    let mut text = format!("{}\n", paint::heading("   PACKETS  ELEMENTS  RULE"));
    for count in counts {
        let why = if count.elements == 0 {
            paint::dim(
                "  # nothing in the kernels that were asked: no pod there is selected, or nobody matches",
            )
        } else {
            String::new()
        };
        let cause = words::cause(&count.part);
        let _ = writeln!(
            text,
            "{:>10}  {:>8}  {cause}{why}",
            count.packets, count.elements
        );
    }
    let _ = writeln!(text, "{}", paint::dim(FOOTNOTE));
    text
}
