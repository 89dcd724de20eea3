//! What a policy became on each node.

use std::fmt::Write as _;
use std::process::ExitCode;

use ringfence_compile::trace::{ElementListing, PartTrace, Placed, PlacedRule, PolicyTrace, Trace};
use ringfence_model::PolicyName;
use serde::Serialize;

use super::arguments::RulesArguments;
use super::host;
use super::json::Answer;
use super::source::{Node, Nodes};
use super::words;
use crate::arguments::OutputFormat;
use crate::inputs::{missing, policy_name};
use crate::output::answer::{say, say_line};
use crate::{output, paint};

#[derive(Debug, Serialize)]
struct OnNode<'a> {
    table: &'a str,
    #[serde(flatten)]
    trace: Option<PolicyTrace<'a>>,
}

pub(super) fn run(
    text: &str,
    nodes: &Nodes,
    arguments: &RulesArguments,
) -> anyhow::Result<ExitCode> {
    if let Some(name) = host::named(text) {
        return host::run(name, nodes, arguments);
    }
    let policy = find(text, nodes, &arguments.options.namespace)?;
    let on_node = |node| trace(node, &policy);
    let is_empty = nodes.all.iter().all(|node| {
        let trace = trace(node, &policy).trace;
        trace.is_none_or(|trace| trace.is_empty())
    });
    match arguments.output {
        OutputFormat::Json => output::json::print(&Answer::new(nodes, on_node))?,
        OutputFormat::Text => {
            nodes.print_note();
            for node in &nodes.all {
                say!("{}", render(node, &on_node(node), arguments.counters));
            }
            if arguments.counters {
                say_line!("{}", paint::dim(super::counters::FOOTNOTE));
            }
        }
    }
    Ok(ExitCode::from(u8::from(is_empty)))
}

fn trace<'a>(node: &'a Node, policy: &PolicyName) -> OnNode<'a> {
    OnNode {
        table: &node.listing.table,
        trace: Trace::new(&node.listing).policy(policy),
    }
}

/// The policy that is meant, if there is one.
fn find(text: &str, nodes: &Nodes, namespace: &str) -> anyhow::Result<PolicyName> {
    let mut known: Vec<PolicyName> = nodes
        .all
        .iter()
        .flat_map(|node| Trace::new(&node.listing).policies())
        .cloned()
        .collect();
    known.sort_unstable();
    known.dedup();
    let meant = policy_name::candidates(text, namespace)?;
    let found = meant.iter().find(|name| known.contains(name)).cloned();
    found.ok_or_else(|| {
        let names: Vec<String> = known.iter().map(ToString::to_string).collect();
        missing("policy", text, names.iter().map(String::as_str))
    })
}

fn render(node: &Node, on_node: &OnNode<'_>, counters: bool) -> String {
    let mut text = format!(
        "{}\n",
        paint::heading(&format!("# node {}, table {}", node.name, on_node.table))
    );
    let Some(trace) = &on_node.trace else {
        return text + "nothing: no pod of this node is selected\n\n";
    };
    for part in &trace.parts {
        render_part(&mut text, part, counters);
    }
    text + "\n"
}

fn render_part(text: &mut String, part: &PartTrace<'_>, counters: bool) {
    let source = part.part.source.as_ref();
    let source = source.map(ToString::to_string).unwrap_or_default();
    let title = format!(
        "{} {}",
        words::policy(&part.part.policy),
        words::part(&part.part)
    );
    let packets = part.packets.filter(|_| counters);
    let packets = packets.map(|packets| format!("  {packets} packets"));
    let packets = packets.unwrap_or_default();
    let _ = writeln!(text, "{title}  {}{packets}", paint::dim(&source));
    if part.elements.is_empty() {
        let why = "# nothing: it selects no pod of this node, or nobody matches, or another rule says the same, or it costs too much (`ringfence verify` tells)";
        let _ = writeln!(text, "  {}", paint::dim(why));
        return;
    }
    render_elements(text, &part.elements, "", counters);
    render_elements(text, &part.classes, "  # who is meant", counters);
    render_rules(text, &part.rules);
}

pub(super) fn render_elements(
    text: &mut String,
    elements: &[Placed<'_>],
    remark: &str,
    counters: bool,
) {
    for group in elements.chunk_by(|one, other| one.set == other.set) {
        let Some(first) = group.first() else { continue };
        let _ = writeln!(text, "  map {}{}", first.set, paint::dim(remark));
        for placed in group {
            let remark = remark_on(placed.element, counters);
            let _ = writeln!(text, "    {}{remark}", placed.element.text);
        }
    }
}

/// The pod that an element is about, and what it has counted.
fn remark_on(element: &ElementListing, counters: bool) -> String {
    let pod = element.pod.as_ref().map(ToString::to_string);
    let packets = element.packets.filter(|_| counters);
    let packets = packets.map(|packets| format!("{packets} packets"));
    let remarks: Vec<String> = pod.into_iter().chain(packets).collect();
    if remarks.is_empty() {
        return String::new();
    }
    paint::dim(&format!("  # {}", remarks.join(", ")))
}

fn render_rules(text: &mut String, rules: &[PlacedRule<'_>]) {
    for group in rules.chunk_by(|one, other| one.chain == other.chain) {
        let Some(first) = group.first() else { continue };
        let _ = writeln!(text, "  chain {}", first.chain);
        let mut texts: Vec<&str> = group
            .iter()
            .map(|placed| placed.rule.text.as_str())
            .collect();
        // The same lookup is made for the class of the peer, and again for any peer.
        texts.dedup();
        for rule in texts {
            let _ = writeln!(text, "    {rule}");
        }
    }
}
