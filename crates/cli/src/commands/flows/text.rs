//! Records for people: one line each, and why under it.

use ringfence_agent::flows::{FlowEnd, FlowRecord, FlowVerdict};

use crate::output::answer::say_line;
use crate::paint;

pub(super) fn record(record: &FlowRecord) {
    say_line!("{}", headline(record));
    for line in &record.because {
        say_line!("{}", paint::dim(&format!("    {line}")));
    }
    if let Some(nearest) = &record.nearest {
        say_line!("{}", paint::dim(&format!("    nearest {nearest}")));
    }
}

/// `2026-11-25T18:10:00.123Z kind-worker deny egress default/client -> default/web tcp/80 x3`
fn headline(record: &FlowRecord) -> String {
    let count = match record.count {
        1 => String::new(),
        count => format!(" x{count}"),
    };
    let word = record.verdict.word();
    let verdict = match record.verdict {
        FlowVerdict::Allow => paint::good(word),
        FlowVerdict::Deny | FlowVerdict::Drop => paint::bad(word),
        FlowVerdict::Audit => paint::heading(word),
    };
    let reason = match record.verdict {
        FlowVerdict::Allow => String::new(),
        FlowVerdict::Deny | FlowVerdict::Drop => format!(" {}", record.reason.word()),
        FlowVerdict::Audit => format!(" {}", record.reason.word().trim_start_matches("audit-")),
    };
    format!(
        "{} {} {verdict}{reason} {} -> {} {}{count}",
        record.time,
        record.node,
        end(&record.source),
        end(&record.destination),
        port(record)
    )
}

pub(crate) fn end(end: &FlowEnd) -> String {
    match (&end.pod, &end.node) {
        (Some(pod), _) => pod.to_string(),
        (None, Some(node)) => format!("node/{node}"),
        (None, None) => end.address.to_string(),
    }
}

fn port(record: &FlowRecord) -> String {
    match record.port {
        Some(port) => format!("{}/{port}", record.protocol),
        None => record.protocol.clone(),
    }
}
