//! Why a direction was decided as it was, with the lines that did it (rule Q-11).

mod audit;
mod cluster_rule;
mod host;
mod isolation;
mod rule;
mod unknown;

use ringfence_model::{
    Because, Cluster, Connection, Direction, DirectionDecision, DirectionVerdict, PolicyRef,
};

use super::excerpt::{Excerpts, Quote};

/// One thing to say about a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reason {
    pub(super) tone: Tone,
    pub(super) title: String,
    pub(super) quotes: Vec<Quote>,
    /// What has to be known besides.
    pub(super) notes: Vec<String>,
    /// What to do about it.
    pub(super) help: Vec<String>,
}

/// What a reason speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Allowed,
    Denied,
    Unknown,
    /// It is allowed, and policies in audit mode would refuse it.
    Audited,
    /// A rule that was met on the way and passed on.
    Passed,
    /// A rule that could have allowed it.
    Missed,
}

/// What reasons are found in, and how many of them.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) excerpts: &'a Excerpts<'a>,
    /// Whether to show everything.
    pub(super) all: bool,
    /// What says where pods get their addresses from.
    pub(super) pod_blocks: &'a str,
}

/// One direction of a connection.
#[derive(Clone, Copy)]
struct Decided<'a> {
    context: Context<'a>,
    connection: &'a Connection,
    decision: &'a DirectionDecision,
}

impl Reason {
    pub(super) fn new(tone: Tone, title: impl Into<String>) -> Self {
        Self {
            tone,
            title: title.into(),
            quotes: Vec::new(),
            notes: Vec::new(),
            help: Vec::new(),
        }
    }

    fn quoting(mut self, quotes: impl IntoIterator<Item = Quote>) -> Self {
        self.quotes.extend(quotes);
        self
    }
}

/// The reasons of one direction, the deciding one last but for the rules that it missed. None where the line of tiers
/// has said everything.
pub(super) fn reasons(
    context: Context<'_>,
    connection: &Connection,
    decision: &DirectionDecision,
) -> Vec<Reason> {
    let seen = connection.seen(decision.direction);
    let decided = Decided {
        context,
        connection: &seen,
        decision,
    };
    let passed = decision.passed.iter();
    let mut found: Vec<Reason> = passed
        .map(|rule| cluster_rule::passed(decided, rule))
        .collect();
    match &decision.because {
        Because::NoSubject | Because::Loopback | Because::OwnAddress | Because::NotIsolated => {}
        Because::Host(because) => found.extend(host::reasons(decided, because)),
        Because::ClusterRule(rule) => found.push(cluster_rule::deciding(decided, rule)),
        Because::LocalNode { isolated_by } => found.push(exempt(
            decided,
            "a pod's own node may always reach it (NP-50)",
            isolated_by,
        )),
        Because::OwnService { isolated_by } => found.push(exempt(
            decided,
            "a pod may reach itself through a Service (NP-62)",
            isolated_by,
        )),
        Because::Rules { allowed_by } => found.extend(rule::allowing(decided, allowed_by)),
        Because::NoRuleMatched {
            isolated_by,
            rules,
            local_node_unknown,
        } => found.extend(isolation::refused(
            decided,
            isolated_by,
            rules,
            *local_node_unknown,
        )),
        Because::AddressUnknown {
            of,
            cluster_rules,
            rules,
        } => found.extend(unknown::reasons(decided, of, cluster_rules, rules)),
    }
    found.extend(decision.audited.iter().map(|it| audit::reason(decided, it)));
    found
}

/// Allowed in spite of the policies that isolate the pod.
fn exempt(decided: Decided<'_>, why: &str, isolated_by: &[PolicyRef]) -> Reason {
    let title = format!("{}: {why}", decided.headline());
    let quotes = isolation::policies(decided, isolated_by);
    Reason::new(Tone::Allowed, title).quoting(quotes)
}

impl Decided<'_> {
    /// `ingress to netpol-demo/web-app-0`
    fn headline(self) -> String {
        let DirectionDecision {
            direction, subject, ..
        } = self.decision;
        match direction {
            Direction::Ingress => format!("ingress to {subject}"),
            Direction::Egress => format!("egress from {subject}"),
        }
    }

    fn tone(self) -> Tone {
        match self.decision.verdict {
            DirectionVerdict::Allow => Tone::Allowed,
            DirectionVerdict::Deny => Tone::Denied,
            DirectionVerdict::Unknown => Tone::Unknown,
        }
    }

    /// `tcp/80`, or the name or number of a protocol without ports.
    fn asked(self) -> String {
        super::ports::dialled(self.connection.protocol, self.connection.port)
    }

    /// The other end.
    fn peer(self) -> &'static str {
        match self.decision.direction {
            Direction::Ingress => "source",
            Direction::Egress => "destination",
        }
    }
}

/// `items` that are shown, and how many are not.
fn few<T>(items: &[T], most: usize, all: bool) -> (&[T], usize) {
    let shown = if all {
        items.len()
    } else {
        most.min(items.len())
    };
    let (first, rest) = items.split_at(shown);
    (first, rest.len())
}
