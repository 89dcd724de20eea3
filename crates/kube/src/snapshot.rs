//! Everything at once: all kinds beside each other, and what went wrong told together.

use std::error::Error as _;

use futures_util::future::join_all;
use kube::Client;
use ringfence_model::Input;

use crate::access::{Access, AccessError, Target};
use crate::kinds::{CLUSTER_POLICIES, Content, FOREIGN, KINDS, Kind, Presence};
use crate::list::{ListError, Listed, groups, list};
use crate::manifest::manifests;

/// What a cluster held when it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// The name of the context.
    pub context: String,
    /// Policies, a text each.
    pub policies: Vec<Input>,
    /// What they are about: namespaces, pods and others, a text each.
    pub objects: Vec<Input>,
    /// What the cluster has that is not judged.
    pub notes: Vec<String>,
}

/// A cluster that was not read. Nothing of it is used then: an answer without some of its objects would be wrong.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is not clear which cluster is meant.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The user may not list what is needed.
    #[error("the user of context `{context}` may not read the cluster: {}", rights(.forbidden))]
    Forbidden {
        /// The context.
        context: String,
        /// All that is refused.
        forbidden: Vec<Forbidden>,
    },
    /// The credentials are not accepted.
    #[error(
        "the server of context `{context}` does not accept its credentials: a token may have expired, `kubectl create token ACCOUNT` \
         prints a new one"
    )]
    Unauthorized {
        /// The context.
        context: String,
    },
    /// There is no server, or none that can be trusted.
    #[error("cannot reach the server of context `{context}` at {server}: {reason}")]
    Unreachable {
        /// The context.
        context: String,
        /// Its address.
        server: String,
        /// The causes.
        reason: String,
    },
    /// The server is none of Kubernetes.
    #[error("what answers at {server} is no Kubernetes API: it has no list of `{resource}`")]
    NotKubernetes {
        /// Its address.
        server: String,
        /// What it does not list.
        resource: String,
    },
    /// The server refuses for another reason.
    #[error("the server of context `{context}` does not list `{resource}`: {message}")]
    Refused {
        /// The context.
        context: String,
        /// What was asked for.
        resource: String,
        /// What it says.
        message: String,
    },
    /// Policies are there in a form that is not known here.
    #[error(
        "the cluster of context `{context}` has policies of {CLUSTER_POLICIES} in {versions}, which this version of ringfence \
         does not read"
    )]
    UnknownPolicies {
        /// The context.
        context: String,
        /// The versions that it has.
        versions: String,
    },
    /// The program cannot wait for answers.
    #[error("cannot wait for the cluster's answers")]
    Runtime(#[source] std::io::Error),
}

impl ReadError {
    pub(crate) fn unreachable(context: &str, server: &str, error: &kube::Error) -> Self {
        Self::Unreachable {
            context: context.to_owned(),
            server: server.to_owned(),
            reason: reason(error),
        }
    }
}

/// A right that is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forbidden {
    /// The resource as Kubernetes names it: `pods`, `deployments.apps`.
    pub resource: String,
}

fn rights(forbidden: &[Forbidden]) -> String {
    let names = forbidden.iter().map(|right| right.resource.as_str());
    let names: Vec<&str> = names.collect();
    format!(
        "it needs the verb `list` in all namespaces on {}, as `kubectl create clusterrole ringfence-reader --verb=list \
         --resource={}` with a ClusterRoleBinding gives it",
        names.join(", "),
        names.join(",")
    )
}

/// Reads the cluster that `access` names: each kind once, all at the same time.
///
/// # Errors
/// If anything that is needed cannot be read.
pub fn read(access: &Access) -> Result<Snapshot, ReadError> {
    runtime()?.block_on(read_all(access))
}

/// What waits for answers, on the calling thread.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, ReadError> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().map_err(ReadError::Runtime)
}

async fn read_all(access: &Access) -> Result<Snapshot, ReadError> {
    let Target { context, config } = access.target().await?;
    let server = config.cluster_url.to_string();
    let cluster = Cluster { context, server };
    let client = Client::try_from(config);
    let client = client.map_err(|error| cluster.unreachable(&error))?;
    let lists = join_all(KINDS.iter().map(|kind| list(&client, kind)));
    let (lists, groups) = futures_util::future::join(lists, groups(&client)).await;
    let listed = cluster.all(lists)?;
    // Whoever may list may nearly always ask for groups; who may not hears nothing of foreign policies.
    let groups = groups.unwrap_or_default();
    cluster.check_versions(&groups, &listed)?;
    Ok(cluster.snapshot(&groups, listed))
}

/// Whose answers they are.
struct Cluster {
    context: String,
    server: String,
}

type Groups = [(String, Vec<String>)];

impl Cluster {
    /// Everything that was listed, or the worst of what went wrong.
    fn all(&self, lists: Vec<Result<Listed, ListError>>) -> Result<Vec<Listed>, ReadError> {
        let (mut listed, mut forbidden) = (Vec::new(), Vec::new());
        for (kind, result) in KINDS.iter().zip(lists) {
            match result {
                Ok(found) => listed.push(found),
                Err(ListError::NotServed) if kind.presence == Presence::Sometimes => {}
                Err(ListError::Forbidden) => forbidden.push(Forbidden {
                    resource: kind.resource(),
                }),
                Err(error) => return Err(self.failed(kind, error)),
            }
        }
        if forbidden.is_empty() {
            return Ok(listed);
        }
        let context = self.context.clone();
        Err(ReadError::Forbidden { context, forbidden })
    }

    fn failed(&self, kind: &Kind, error: ListError) -> ReadError {
        let (context, resource) = (self.context.clone(), kind.resource());
        let message = match error {
            ListError::Unauthorized => return ReadError::Unauthorized { context },
            ListError::Unreachable(error) => return self.unreachable(&error),
            ListError::NotServed | ListError::NoList => {
                let server = self.server.clone();
                return ReadError::NotKubernetes { server, resource };
            }
            ListError::Forbidden => "it is forbidden".to_owned(),
            ListError::Refused(message) => message,
        };
        ReadError::Refused {
            context,
            resource,
            message,
        }
    }

    fn unreachable(&self, error: &kube::Error) -> ReadError {
        ReadError::unreachable(&self.context, &self.server, error)
    }

    /// Policies in versions that are not known would be missing from every answer.
    fn check_versions(&self, groups: &Groups, listed: &[Listed]) -> Result<(), ReadError> {
        let is_ours = |found: &&(String, Vec<String>)| found.0 == CLUSTER_POLICIES;
        let read = listed
            .iter()
            .any(|found| found.kind.group == CLUSTER_POLICIES);
        match groups.iter().find(is_ours) {
            Some((_, versions)) if !read => Err(ReadError::UnknownPolicies {
                context: self.context.clone(),
                versions: versions.join(" and "),
            }),
            Some(_) | None => Ok(()),
        }
    }

    fn snapshot(self, groups: &Groups, listed: Vec<Listed>) -> Snapshot {
        let foreign = groups.iter().map(|(group, _)| group.as_str());
        let foreign: Vec<&str> = foreign.filter(|group| FOREIGN.contains(group)).collect();
        let mut snapshot = Snapshot {
            context: self.context,
            notes: foreign.iter().map(|group| not_judged(group)).collect(),
            ..Snapshot::default()
        };
        for found in listed {
            let texts = match found.kind.content {
                Content::Policy => &mut snapshot.policies,
                Content::Other => &mut snapshot.objects,
            };
            texts.extend(manifests(found));
        }
        snapshot
    }
}

fn not_judged(group: &str) -> String {
    format!("the cluster serves kinds of {group}: policies of these are not judged")
}

/// The causes of `error`, the innermost last, each once. None of them knows a credential.
fn reason(error: &kube::Error) -> String {
    let mut parts = Vec::new();
    let mut cause = error.source();
    while let Some(found) = cause {
        let text = found.to_string();
        if !parts.iter().any(|part: &String| part.contains(&text)) {
            parts.push(text);
        }
        cause = found.source();
    }
    if parts.is_empty() {
        return error.to_string();
    }
    parts.join(": ")
}
