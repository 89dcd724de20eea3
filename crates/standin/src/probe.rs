//! Is something reached from here, and who answers?
//!
//! [`probe`] asks once, [`batch`] reads requests as lines of JSON and writes reports in their order.
//! Everything blocks, and nothing takes longer than its timeout.

use std::fmt;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::Peer;

mod batch;
mod dns;
pub(crate) mod resolve;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod transport;
mod web;

pub use batch::batch;

/// One question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeRequest {
    /// A name, which the system's resolver looks up, or an address.
    pub target: String,
    /// The port.
    pub port: u16,
    /// How to ask.
    pub protocol: ProbeProtocol,
    /// How long everything together may take, name included.
    #[serde(default = "default_timeout")]
    pub timeout_ms: u64,
}

const fn default_timeout() -> u64 {
    1000
}

/// How to ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProbeProtocol {
    /// Connect. Then send a line, and wait a moment for a stand-in's identity.
    Tcp,
    /// Send a datagram, again from time to time, until an answer comes.
    Udp,
    /// Ask for a page. Any status counts as reached.
    Http {
        /// The page, such as `/`.
        path: String,
    },
    /// Ask the target, a DNS server, for the addresses of a name over UDP.
    Dns {
        /// The name.
        name: String,
    },
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "result")]
pub enum ProbeOutcome {
    /// The target answered.
    Reached {
        /// What it answered, in a few words.
        detail: String,
        /// Who answered, if it was a stand-in.
        peer: Option<Peer>,
    },
    /// No answer in time: what a dropped packet looks like.
    TimedOut,
    /// The target's host says that nobody listens there.
    Refused,
    /// The name has no address, or nobody answered for it.
    DnsFailed {
        /// Why.
        reason: String,
    },
    /// Another failure.
    Other {
        /// Which.
        reason: String,
    },
}

/// The answer to a [`ProbeRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeReport {
    /// What came of it.
    #[serde(flatten)]
    pub outcome: ProbeOutcome,
    /// How long it took.
    pub duration_ms: u64,
}

impl ProbeOutcome {
    /// Whether the target answered.
    #[must_use]
    pub const fn is_reached(&self) -> bool {
        match self {
            Self::Reached { .. } => true,
            Self::TimedOut | Self::Refused | Self::DnsFailed { .. } | Self::Other { .. } => false,
        }
    }
}

/// Why there was no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unreached {
    TimedOut,
    Refused,
    Name(String),
    Other(String),
}

impl Unreached {
    pub(crate) fn other(error: impl fmt::Display) -> Self {
        Self::Other(error.to_string())
    }
}

impl From<Unreached> for ProbeOutcome {
    fn from(why: Unreached) -> Self {
        match why {
            Unreached::TimedOut => Self::TimedOut,
            Unreached::Refused => Self::Refused,
            Unreached::Name(reason) => Self::DnsFailed { reason },
            Unreached::Other(reason) => Self::Other { reason },
        }
    }
}

/// Asks once.
#[must_use]
pub fn probe(request: &ProbeRequest) -> ProbeReport {
    let start = Instant::now();
    let deadline = Deadline::after(Duration::from_millis(request.timeout_ms));
    let outcome = match &request.protocol {
        ProbeProtocol::Tcp => transport::tcp(request, deadline),
        ProbeProtocol::Udp => transport::udp(request, deadline),
        ProbeProtocol::Http { path } => web::http(request, path, deadline),
        ProbeProtocol::Dns { name } => dns::dns(request, name, deadline),
    };
    ProbeReport {
        outcome: outcome.unwrap_or_else(ProbeOutcome::from),
        duration_ms: u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX),
    }
}

/// The moment at which an answer comes too late.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    /// A day is as good as forever, and cannot overflow.
    pub(crate) fn after(timeout: Duration) -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self(Instant::now() + timeout.min(DAY))
    }

    /// What is left; an error if nothing is. Never zero, which sockets take for "forever".
    pub(crate) fn left(self) -> Result<Duration, Unreached> {
        let left = self.0.saturating_duration_since(Instant::now());
        if left < Duration::from_millis(1) {
            Err(Unreached::TimedOut)
        } else {
            Ok(left)
        }
    }
}
