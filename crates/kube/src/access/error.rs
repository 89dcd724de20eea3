use std::io;
use std::path::{Path, PathBuf};

use kube::config::{InClusterError, KubeconfigError};

/// A cluster that cannot be found out, or whose credentials cannot be used. No message holds a credential.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// There is no kubeconfig.
    #[error("there is no kubeconfig: name one with --kubeconfig, or set KUBECONFIG to where it is")]
    NoKubeconfig,
    /// It cannot be read.
    #[error("cannot read the kubeconfig {}", .file.display())]
    Unreadable {
        /// Which.
        file: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// It is no kubeconfig. What stands in it is not repeated: it may be a token.
    #[error("{} is no kubeconfig", named(.file.as_deref()))]
    Malformed {
        /// Which, if one was named.
        file: Option<PathBuf>,
    },
    /// No context is named, and none is current.
    #[error("no context is current: name one with --context; {}", list(.known))]
    NoContext {
        /// The contexts there are.
        known: Vec<String>,
    },
    /// The context does not exist.
    #[error("there is no context `{context}`; {}", list(.known))]
    UnknownContext {
        /// The one that was named.
        context: String,
        /// The contexts there are.
        known: Vec<String>,
    },
    /// The context names something that is not in the file.
    #[error("context `{context}` is not complete: its {missing} is not in the kubeconfig")]
    Incomplete {
        /// The context.
        context: String,
        /// What it names in vain.
        missing: String,
    },
    /// The credentials come from a program.
    #[error(
        "the user of context `{context}` gets its credentials from the {program}, and ringfence starts no programs: give \
         the context a user with a token, as `kubectl create token ACCOUNT` prints one, or let kubectl read, as in \
         `kubectl get ns,nodes,pods,svc,netpol -A -o yaml | ringfence matrix -f -`"
    )]
    Program {
        /// The context.
        context: String,
        /// What would be started.
        program: String,
    },
    /// The server is behind a proxy.
    #[error(
        "context `{context}` has a `proxy-url`, and ringfence speaks to servers without a proxy"
    )]
    Proxy {
        /// The context.
        context: String,
    },
    /// A certificate, key or address of the context is not usable.
    #[error("context `{context}` cannot be used: {problem}")]
    Unusable {
        /// The context.
        context: String,
        /// Why.
        problem: String,
    },
    /// This is a pod, but it has no account.
    #[error("this pod has no account to ask its cluster with, and there is no kubeconfig")]
    InCluster(#[source] InClusterError),
}

impl AccessError {
    /// Why a kubeconfig could not be read.
    pub(super) fn unread(file: Option<PathBuf>, error: KubeconfigError) -> Self {
        if let KubeconfigError::ReadConfig(error, file) = error {
            return Self::Unreadable { file, error };
        }
        Self::Malformed { file }
    }

    /// Why a context could not be used. Errors of decoders tell a place, never what stands there.
    pub(super) fn unusable(context: String, error: KubeconfigError) -> Self {
        let problem = if let KubeconfigError::LoadCertificateAuthority(error) = error {
            format!("the certificate authority of its cluster: {error}")
        } else if matches!(error, KubeconfigError::ParseCertificates(_)) {
            "the certificate authority of its cluster is not PEM".to_owned()
        } else if matches!(error, KubeconfigError::MissingClusterUrl) {
            "its cluster has no `server`".to_owned()
        } else if matches!(error, KubeconfigError::ParseClusterUrl(_)) {
            "the `server` of its cluster is no URL".to_owned()
        } else {
            "the kubeconfig is not complete".to_owned()
        };
        Self::Unusable { context, problem }
    }
}

fn named(file: Option<&Path>) -> String {
    file.map_or_else(
        || "the file that KUBECONFIG names, or ~/.kube/config,".to_owned(),
        |file| file.display().to_string(),
    )
}

fn list(known: &[String]) -> String {
    if known.is_empty() {
        "the kubeconfig has none".to_owned()
    } else {
        format!("there are: {}", known.join(", "))
    }
}
