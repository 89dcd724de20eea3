//! What policies in audit mode would refuse (rule AU-4).

use ringfence_model::{Audited, Because, DirectionVerdict};

use super::{Decided, Reason, Tone, isolation};

pub(super) fn reason(decided: Decided<'_>, audited: &Audited) -> Reason {
    let names: Vec<String> = audited.by.iter().map(|by| by.policy.to_string()).collect();
    let verb = match audited.decision.verdict {
        DirectionVerdict::Deny => "deny",
        DirectionVerdict::Unknown | DirectionVerdict::Allow => "perhaps deny",
    };
    let until = audited.until().map(|until| format!(" until {until}"));
    let title = format!(
        "{}: {} would {verb} it; in audit mode{}, passes now",
        decided.headline(),
        names.join(", "),
        until.unwrap_or_default(),
    );
    let quotes = match &audited.decision.because {
        Because::NoRuleMatched { isolated_by, .. } => isolation::policies(decided, isolated_by),
        Because::NoSubject
        | Because::Host(_)
        | Because::Loopback
        | Because::OwnAddress
        | Because::ClusterRule(_)
        | Because::LocalNode { .. }
        | Because::OwnService { .. }
        | Because::Rules { .. }
        | Because::AddressUnknown { .. }
        | Because::NotIsolated => Vec::new(),
    };
    Reason::new(Tone::Audited, title).quoting(quotes)
}
