//! What answers do not speak of, and what to do about it.

use ringfence_reach::entry::Masked;
use ringfence_reach::own_node;
use serde::Serialize;

use super::plain::plain;
use crate::paint;

/// A thing to know before relying on an answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Doubt {
    /// The rule of the specification.
    pub(crate) rule: &'static str,
    pub(crate) message: String,
    pub(crate) help: String,
}

impl Doubt {
    /// HF-9: servers of nodes at addresses that no object tells of.
    pub(crate) fn of_own_node(doubt: &own_node::Doubt) -> Self {
        Self {
            rule: "HF-9",
            message: doubt.to_string(),
            help: match doubt.address {
                Some(address) => format!(
                    "if a server of the node answers at {address}, a rule must let the pod in to its port"
                ),
                None => "if a server of the node answers at one, a rule must let the pod in to its port; \
                         `ringfence explain POD ADDRESS PORT` tells of each"
                    .to_owned(),
            },
        }
    }

    /// OB-19: nodes in the place of clients.
    pub(crate) fn of_entry(masked: &Masked) -> Self {
        Self {
            rule: "OB-19",
            message: masked.to_string(),
            help: "with `externalTrafficPolicy: Local` pods see the client wherever it comes in"
                .to_owned(),
        }
    }

    /// Says it on standard error.
    pub(crate) fn tell(&self) {
        anstream::eprintln!(
            "{}: {}\n  = help: {}",
            paint::bad(&format!("warning[{}]", self.rule)),
            plain(&self.message),
            plain(&self.help)
        );
    }
}
