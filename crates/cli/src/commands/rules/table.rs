//! A whole table as nft text, each element with its policies behind it.

use std::fmt::Write as _;

use ringfence_compile::trace::{ChainListing, ElementListing, Listing, SetListing};

use super::source::Node;
use super::words;
use crate::paint;

/// The table in a form that nft reads: what is added is a comment.
pub(super) fn render(node: &Node) -> String {
    let title = paint::heading(&format!("# node {}", node.name));
    let mut text = format!("{title}\n");
    if let Some(problem) = &node.problem {
        let _ = writeln!(text, "{}", paint::bad(&format!("# {problem}")));
    }
    if node.listing.sets.is_empty() {
        return text + "# there is no table yet\n\n";
    }
    if !node.as_intended {
        let warning =
            "# this is not the table that the agent means to be here; it is being repaired";
        let _ = writeln!(text, "{}", paint::bad(warning));
    }
    listing(&mut text, &node.listing);
    if let Some(host_pods) = &node.host_pods {
        text.push('\n');
        listing(&mut text, host_pods);
    }
    text + "\n"
}

fn listing(text: &mut String, listing: &Listing) {
    let _ = writeln!(text, "table {} {{", listing.table);
    if let Some(comment) = &listing.comment {
        let _ = writeln!(text, "\tcomment \"{comment}\"");
    }
    let mut separator = "";
    for (name, listed) in &listing.sets {
        text.push_str(separator);
        set(text, name, listed);
        separator = "\n";
    }
    for (name, listed) in &listing.chains {
        text.push_str(separator);
        chain(text, name, listed);
        separator = "\n";
    }
    text.push_str("}\n");
}

fn set(text: &mut String, name: &str, set: &SetListing) {
    let _ = writeln!(text, "\t{} {name} {{", set.kind);
    for line in &set.definition {
        let _ = writeln!(text, "\t\t{line}");
    }
    if let Some((last, before)) = set.elements.split_last() {
        text.push_str("\t\telements = {\n");
        for listed in before {
            element(text, listed, ",");
        }
        element(text, last, "");
        text.push_str("\t\t}\n");
    }
    text.push_str("\t}\n");
}

fn element(text: &mut String, element: &ElementListing, separator: &str) {
    let causes = words::causes(&element.causes);
    let causes = causes.map(|causes| format!("  {}", paint::dim(&causes)));
    let _ = writeln!(
        text,
        "\t\t\t{}{separator}{}",
        element.text,
        causes.unwrap_or_default()
    );
}

fn chain(text: &mut String, name: &str, chain: &ChainListing) {
    let _ = writeln!(text, "\tchain {name} {{");
    if let Some(base) = &chain.base {
        let _ = writeln!(text, "\t\t{base}");
    }
    for rule in &chain.rules {
        let _ = writeln!(text, "\t\t{}", rule.text);
    }
    text.push_str("\t}\n");
}
