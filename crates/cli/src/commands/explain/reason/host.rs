//! Nodes that host firewalls close (rules HF-*).

use ringfence_model::{HostReason, Source};

use super::{Decided, Reason, Tone};
use crate::commands::explain::excerpt::Quote;

pub(super) fn reasons(decided: Decided<'_>, because: &HostReason) -> Vec<Reason> {
    let (tone, sources): (Tone, Vec<&Option<Source>>) = match because {
        HostReason::Itself | HostReason::OtherProtocol => (Tone::Allowed, Vec::new()),
        HostReason::Rules { allowed_by } => {
            let rules = allowed_by.iter().map(|rule| &rule.source);
            (Tone::Allowed, rules.take(1).collect())
        }
        HostReason::Failsafe { .. } => (Tone::Allowed, Vec::new()),
        HostReason::AddressUnknown { rules, .. } => (
            Tone::Unknown,
            rules.iter().map(|rule| &rule.source).collect(),
        ),
        HostReason::NoRuleMatched { rules, .. } => {
            let rules = rules.iter().map(|judged| &judged.rule.source);
            (Tone::Denied, rules.collect())
        }
    };
    let quotes = sources.into_iter().flatten();
    let quotes = quotes.filter_map(|source| quote(decided, source));
    let title = format!("{}: {because}", decided.headline());
    vec![Reason::new(tone, title).quoting(quotes)]
}

fn quote(decided: Decided<'_>, source: &Source) -> Option<Quote> {
    decided.context.excerpts.whole(source, &[])
}
