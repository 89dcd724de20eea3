use std::collections::BTreeSet;

use super::PROBE_LABEL;
use crate::ReadError;
use crate::exec::message;

/// Why connections cannot be tried in a cluster.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// No cluster is meant, or it cannot be asked.
    #[error(transparent)]
    Access(#[from] ReadError),
    /// Signals cannot be watched for, so pods might stay.
    #[error("cannot watch for signals")]
    Signals(#[source] std::io::Error),
    /// Its namespaces cannot be listed.
    #[error("the cluster's namespaces cannot be listed: {0}")]
    Namespaces(String),
    /// A namespace takes no such pod: for want of a right, for its quota, for its Pod Security level, for a webhook.
    #[error("namespace `{namespace}` takes no pod to try connections from: {message}")]
    Refused {
        /// Its name.
        namespace: String,
        /// What the server says.
        message: String,
    },
    /// Pods cannot be listed.
    #[error("the pods of namespace `{namespace}` cannot be listed: {message}")]
    Unseen {
        /// Its name.
        namespace: String,
        /// What the server says.
        message: String,
    },
    /// A pod does not run.
    #[error(
        "pod {namespace}/{name}, from which connections were to be tried, does not start: {reason}"
    )]
    NotStarted {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// What keeps it.
        reason: String,
    },
    /// Pods were not removed.
    #[error(
        "these pods could not be removed ({message}): {pods}; `kubectl delete pods -A -l {PROBE_LABEL}` removes them"
    )]
    Left {
        /// Which, with their namespaces.
        pods: String,
        /// What the server says.
        message: String,
    },
}

impl ProbeError {
    pub(super) fn client(error: kube::Error) -> Self {
        Self::Namespaces(message(error))
    }

    pub(super) fn not_started(namespace: &str, name: &str, reason: String) -> Self {
        Self::NotStarted {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            reason,
        }
    }

    pub(super) fn left(pods: &BTreeSet<(String, String)>, message: String) -> Self {
        let names = pods
            .iter()
            .map(|(namespace, name)| format!("{namespace}/{name}"));
        let names: Vec<String> = names.collect();
        Self::Left {
            pods: names.join(", "),
            message,
        }
    }
}
