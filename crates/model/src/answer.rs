//! Rule Q-13: what comes of a question.

mod host;
mod matching;
mod party;
mod reason;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use ringfence_net::IpProtocol;

use crate::{Direction, ObjectName};

pub use host::{HostReason, HostRef, HostRuleRef, JudgedHostRule};
pub use matching::Match;
pub use party::Party;
pub use reason::{
    AuditRef, Audited, Because, ClusterRuleRef, DirectionDecision, DirectionVerdict, JudgedRule,
    PolicyRef, RuleRef,
};

/// What comes of a connection attempt (rule Q-13). Only allow and deny are verdicts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Both ends let it pass.
    Allow,
    /// One end refuses it.
    Deny,
    /// The Service sends it to backends that do not agree (rule Q-8).
    Partial,
    /// The Service has nobody to send it to (rule Q-8).
    NoEndpoints,
    /// It depends on addresses that are not known (rule AM-22).
    Unknown {
        /// Whose addresses, as the explanation names them.
        missing: BTreeSet<String>,
    },
}

/// The outcome, and each connection that it rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What comes of the attempt.
    pub outcome: Outcome,
    /// The Service that was dialled, if one was (rule Q-8).
    pub service: Option<ObjectName>,
    /// One connection; for a Service one for each backend, in order of name.
    pub connections: Vec<Connection>,
}

/// One connection after Service addresses are resolved, judged at both ends (rule Q-9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Who opens it.
    pub source: Party,
    /// Who accepts it.
    pub destination: Party,
    /// Its IP protocol.
    pub protocol: IpProtocol,
    /// The port it reaches, after a Service's target port is resolved (rule NP-33).
    pub port: Option<u16>,
    /// The port of a node that was dialled, where it leads to the destination (rule OB-24).
    pub entry: Option<Entry>,
    /// What the source's policies say.
    pub egress: DirectionDecision,
    /// What the destination's policies say.
    pub ingress: DirectionDecision,
}

/// A port of a node that leads to a pod (rule OB-24).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The node.
    pub node: Party,
    /// Its port.
    pub port: u16,
    /// Whether the source is on the same node, so that its policies see the pod already.
    pub is_local: bool,
}

impl Connection {
    /// As the policies see it that judge `direction`: those of the source see the port of another node as such, before that
    /// node leads it to the pod (rule OB-24).
    #[must_use]
    pub fn seen(&self, direction: Direction) -> Cow<'_, Self> {
        match (&self.entry, direction) {
            (Some(entry), Direction::Egress) if !entry.is_local => Cow::Owned(Self {
                destination: entry.node.clone(),
                port: Some(entry.port),
                ..self.clone()
            }),
            (Some(_) | None, _) => Cow::Borrowed(self),
        }
    }

    /// Q-9, NP-7: both ends must let it pass; a refusal outweighs what is not known.
    #[must_use]
    pub fn verdict(&self) -> DirectionVerdict {
        self.egress.verdict.min(self.ingress.verdict)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Allow => f.write_str("allow"),
            Self::Deny => f.write_str("deny"),
            Self::Partial => f.write_str("partial"),
            Self::NoEndpoints => f.write_str("no-endpoints"),
            Self::Unknown { missing } => {
                let names: Vec<&str> = missing.iter().map(String::as_str).collect();
                write!(f, "unknown: no address of {}", names.join(", "))
            }
        }
    }
}

impl fmt::Display for Answer {
    /// The outcome, then each connection with both its ends on lines of their own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.outcome.fmt(f)?;
        for connection in &self.connections {
            write!(f, "\n{connection}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}", self.source, self.destination)?;
        write!(f, "\n  {}\n  {}", self.egress, self.ingress)
    }
}
