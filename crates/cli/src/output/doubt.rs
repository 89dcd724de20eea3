//! What no answer speaks of: servers of nodes at addresses that no object tells of (rule HF-9).

use ringfence_reach::own_node::Doubt;

use super::plain::plain;
use crate::paint;

/// What to do about it.
pub(crate) fn help(doubt: &Doubt) -> String {
    match doubt.address {
        Some(address) => format!(
            "if a server of the node answers at {address}, a rule must let the pod in to its port"
        ),
        None => "if a server of the node answers at one, a rule must let the pod in to its port; \
                 `ringfence explain POD ADDRESS PORT` tells of each"
            .to_owned(),
    }
}

/// Says it on standard error.
pub(crate) fn tell(doubt: &Doubt) {
    anstream::eprintln!(
        "{}: {}\n  = help: {}",
        paint::bad("warning[HF-9]"),
        plain(&doubt.to_string()),
        plain(&help(doubt))
    );
}
