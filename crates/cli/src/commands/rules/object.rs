//! Which policies stand behind an object.

use std::fmt::Write as _;
use std::io::Read as _;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use ringfence_compile::trace::{Behind, Found, Trace};

use super::json::Answer;
use super::source::{Node, Nodes};
use super::words;
use crate::arguments::OutputFormat;
use crate::output::answer::say;
use crate::{output, paint};

/// Longer input is no line of nft.
const LIMIT: u64 = 1 << 20;

pub(super) fn run(text: &str, nodes: &Nodes, format: OutputFormat) -> anyhow::Result<ExitCode> {
    let texts = texts(text)?;
    let on_node = |node| behind(node, &texts);
    let found: usize = nodes.all.iter().map(|node| on_node(node).len()).sum();
    match format {
        OutputFormat::Json => output::json::print(&Answer::new(nodes, on_node))?,
        OutputFormat::Text if found == 0 => {
            anstream::eprintln!(
                "{}: no set, element, chain or rule like `{}` is there; name one, paste a line that nft prints, or see all with `ringfence rules`",
                paint::bad("not found"),
                texts.join("\n")
            );
        }
        OutputFormat::Text => {
            nodes.print_note();
            for node in &nodes.all {
                say!("{}", render(node, &on_node(node)));
            }
        }
    }
    Ok(ExitCode::from(u8::from(found == 0)))
}

/// The text itself, or the lines of standard input.
fn texts(text: &str) -> anyhow::Result<Vec<String>> {
    if text != "-" {
        return Ok(vec![text.to_owned()]);
    }
    let mut input = String::new();
    let mut bounded = std::io::stdin().lock().take(LIMIT);
    bounded
        .read_to_string(&mut input)
        .context("cannot read standard input")?;
    let lines = input.lines().map(str::trim);
    let lines: Vec<String> = lines
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect();
    if lines.is_empty() {
        bail!("there is no object on standard input");
    }
    Ok(lines)
}

fn behind<'a>(node: &'a Node, texts: &[String]) -> Vec<Behind<'a>> {
    let trace = Trace::new(&node.listing);
    let found = texts.iter().flat_map(|text| trace.find(text));
    found.map(|object| trace.behind(object)).collect()
}

fn render(node: &Node, all: &[Behind<'_>]) -> String {
    let mut text = String::new();
    if all.is_empty() {
        return text;
    }
    let title = format!("# node {}, table {}", node.name, node.listing.table);
    let _ = writeln!(text, "{}", paint::heading(&title));
    for behind in all {
        render_one(&mut text, node, behind);
    }
    text.push('\n');
    text
}

fn render_one(text: &mut String, node: &Node, behind: &Behind<'_>) {
    let purpose = paint::dim(&format!("# {}", behind.purpose));
    let _ = writeln!(text, "{}  {purpose}", title(node, behind.object));
    if let Found::Element(placed) = behind.object {
        let _ = writeln!(text, "  {}", placed.element.text);
    }
    if let Found::Rule(placed) = behind.object {
        let _ = writeln!(text, "  {}", placed.rule.text);
    }
    for cause in &behind.causes {
        let _ = writeln!(text, "    {}", words::cause(cause));
    }
    for firewall in &behind.firewalls {
        let _ = writeln!(text, "    {firewall}");
    }
    if behind.causes.is_empty() && behind.firewalls.is_empty() {
        let _ = writeln!(text, "    {}", paint::dim("no policy"));
    }
}

fn title(node: &Node, object: Found<'_>) -> String {
    let kind = |set: &str| {
        let listed = node.listing.sets.get(set);
        listed.map_or("set", |set| set.kind.as_str()).to_owned()
    };
    match object {
        Found::Set { set } => format!("{} {set}", kind(set)),
        Found::Element(placed) => format!("{} {}", kind(placed.set), placed.set),
        Found::Chain { chain } => format!("chain {chain}"),
        Found::Rule(placed) => format!("chain {}", placed.chain),
    }
}
