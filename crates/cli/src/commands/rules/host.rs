//! What a HostFirewall became on each node.

use std::process::ExitCode;

use ringfence_compile::trace::Placed;
use serde::Serialize;

use super::arguments::RulesArguments;
use super::json::Answer;
use super::policy::render_elements;
use super::source::{Node, Nodes};
use crate::arguments::OutputFormat;
use crate::output::answer::say;
use crate::{output, paint};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct OnNode<'a> {
    table: &'a str,
    host_firewall: &'a str,
    elements: Vec<Placed<'a>>,
}

/// The name in `hostfirewall/NAME`.
pub(super) fn named(text: &str) -> Option<&str> {
    let (kind, name) = text.split_once('/')?;
    let kinds = ["hostfirewall", "hostfirewalls"];
    let is_kind = kinds.iter().any(|it| it.eq_ignore_ascii_case(kind));
    is_kind.then_some(name)
}

pub(super) fn run(
    name: &str,
    nodes: &Nodes,
    arguments: &RulesArguments,
) -> anyhow::Result<ExitCode> {
    let on_node = |node| on_node(node, name);
    let is_empty = nodes
        .all
        .iter()
        .all(|node| on_node(node).elements.is_empty());
    match arguments.output {
        OutputFormat::Json => output::json::print(&Answer::new(nodes, on_node))?,
        OutputFormat::Text => {
            nodes.print_note();
            for node in &nodes.all {
                say!("{}", render(node, &on_node(node)));
            }
        }
    }
    Ok(ExitCode::from(u8::from(is_empty)))
}

fn on_node<'a>(node: &'a Node, name: &'a str) -> OnNode<'a> {
    let is_meant = |text: &String| text.split(' ').nth(1) == Some(name);
    let elements = node.listing.elements();
    OnNode {
        table: &node.listing.table,
        host_firewall: name,
        elements: elements
            .filter(|placed| placed.element.firewalls.iter().any(is_meant))
            .collect(),
    }
}

fn render(node: &Node, on_node: &OnNode<'_>) -> String {
    let title = format!("# node {}, table {}", node.name, on_node.table);
    let mut text = format!("{}\n", paint::heading(&title));
    if on_node.elements.is_empty() {
        let name = on_node.host_firewall;
        return text
            + &format!(
                "nothing: HostFirewall {name} does not select this node, is neither confirmed nor tried out, or does not exist\n\n"
            );
    }
    render_elements(&mut text, &on_node.elements, "", false);
    text + "\n"
}
