//! Tables and texts for people.

use std::fmt::Display;

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use ringfence_lab::control::protocol::LabStatus;
use ringfence_standin::probe::{ProbeOutcome, ProbeReport};

use crate::commands::lab::seconds;
use crate::output::answer::write_line;

pub(crate) fn status(status: &LabStatus) {
    let enforcement = if status.enforcement {
        "policies enforced"
    } else {
        "policies NOT enforced"
    };
    write_line!(
        "lab \"{}\", {enforcement}, ready after {:.2} s\n",
        status.name,
        seconds(status.ready_after_ms)
    );
    let mut nodes = table(&["NODE", "ROLE", "ADDRESSES", "POD BLOCKS", "ENFORCES"]);
    for node in &status.nodes {
        let enforced = match (&node.trouble, node.enforced_revision) {
            (Some(trouble), _) => format!("trouble: {trouble}"),
            (None, Some(revision)) if revision == status.revision => "all".to_owned(),
            (None, Some(revision)) => format!("up to revision {revision} of {}", status.revision),
            (None, None) => "nothing yet".to_owned(),
        };
        nodes.add_row([
            node.name.clone(),
            node.role.clone(),
            join(&node.addresses),
            join(&node.pod_cidrs),
            enforced,
        ]);
    }
    let mut pods = table(&["POD", "STATUS", "ADDRESSES", "NODE", "NOTE"]);
    for pod in &status.pods {
        let host = if pod.host_network { "host network" } else { "" };
        pods.add_row([
            pod.name.to_string(),
            pod.phase.clone(),
            join(&pod.addresses),
            pod.node.clone().unwrap_or_default(),
            pod.message
                .as_deref()
                .map_or_else(|| host.to_owned(), plain),
        ]);
    }
    let mut services = table(&["SERVICE", "CLUSTER-IP", "PORTS", "BACKENDS"]);
    for service in &status.services {
        services.add_row([
            service.name.to_string(),
            if service.cluster_addresses.is_empty() {
                "None".to_owned()
            } else {
                join(&service.cluster_addresses)
            },
            service.ports.join(","),
            service.backends.to_string(),
        ]);
    }
    write_line!("{nodes}\n\n{pods}\n\n{services}");
    for policy in &status.network_policies {
        write_line!("\nNetworkPolicy {policy}");
    }
    for policy in &status.cluster_policies {
        write_line!("\n{} {}", policy.kind, policy.name);
    }
}

fn table(columns: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(columns.to_vec());
    table
}

fn join(values: &[impl Display]) -> String {
    values
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(",")
}

pub(crate) fn probe(report: &ProbeReport) -> String {
    format!(
        "{} after {} ms",
        outcome(&report.outcome),
        report.duration_ms
    )
}

pub(crate) fn outcome(outcome: &ProbeOutcome) -> String {
    match outcome {
        ProbeOutcome::Reached { detail, .. } => format!("reached: {detail}"),
        ProbeOutcome::TimedOut => "timed out".to_owned(),
        ProbeOutcome::Refused => "refused".to_owned(),
        ProbeOutcome::DnsFailed { reason } => format!("name not resolved: {reason}"),
        ProbeOutcome::Other { reason } => reason.clone(),
    }
}

/// Text that came from a manifest or a container, without what a terminal would obey.
fn plain(text: &str) -> String {
    let shown = |c: char| {
        if c.is_control() {
            c.escape_default().to_string()
        } else {
            c.to_string()
        }
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_obeys_no_manifest() {
        assert_eq!(plain("no `\u{1b}[31m`, tschüß"), "no `\\u{1b}[31m`, tschüß");
    }
}
