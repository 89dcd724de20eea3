//! Ends of a connection as they are typed: `demo/web`, `demo/deployment/web`, `svc/demo/web`, `10.0.0.7`, `internet`.

mod kind;
mod new_pod;
mod outside;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::IpAddr;

use anyhow::bail;
use ringfence_model::{Labels, ObjectName};

use super::names::{check_label, check_subdomain};
use super::suggest::{hint, nearest};
use kind::Kind;

/// Which forms there are, for errors and help texts.
pub(crate) const ENDPOINT_FORMS: &str = "an endpoint is one of
  demo/web-0, web-0                 a pod, by namespace and name; also pod/demo/web-0
  demo/deployment/web, deploy/web   the pods of a workload
  'demo/[app=web,tier=front]'       a pod that does not exist yet, by its labels
  svc/demo/web, web.demo.svc        a Service
  node/worker-1                     a node
  10.0.0.7, fd00::7                 an address
  internet, metadata, apiserver, dns";

/// One end of a connection.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum EndpointArgument {
    Pod(ObjectName),
    /// The pods that a workload makes; its kind in lower case.
    Workload(String, ObjectName),
    /// A pod that does not exist yet, of which this is known.
    NewPod {
        namespace: String,
        labels: Labels,
    },
    Service(ObjectName),
    Node(String),
    Address(IpAddr),
    WellKnown(WellKnown),
}

/// Ends that have a name in every cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum WellKnown {
    /// Any host outside of the cluster.
    Internet,
    /// The metadata service of cloud providers.
    Metadata,
    /// The API server.
    ApiServer,
    /// The cluster's DNS.
    Dns,
}

impl WellKnown {
    pub(crate) const ALL: [Self; 4] = [Self::Internet, Self::Metadata, Self::ApiServer, Self::Dns];

    /// The word that stands for it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Internet => "internet",
            Self::Metadata => "metadata",
            Self::ApiServer => "apiserver",
            Self::Dns => "dns",
        }
    }

    fn named(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|known| word.eq_ignore_ascii_case(known.word()))
    }
}

/// What others call the well-known ends.
const OTHER_WORDS: &[(&str, WellKnown)] = &[
    ("api", WellKnown::ApiServer),
    ("coredns", WellKnown::Dns),
    ("external", WellKnown::Internet),
    ("imds", WellKnown::Metadata),
    ("kube-apiserver", WellKnown::ApiServer),
    ("kube-dns", WellKnown::Dns),
    ("kubernetes", WellKnown::ApiServer),
    ("outside", WellKnown::Internet),
    ("world", WellKnown::Internet),
];

impl EndpointArgument {
    /// Reads `text`; names without namespace are in `namespace`.
    ///
    /// Where a word names a kind it is one, so that `jobs/x` is a Job and `pod/jobs/x` a pod in the namespace `jobs`.
    pub(crate) fn parse(text: &str, namespace: &str) -> anyhow::Result<Self> {
        let text = text.trim();
        if let Some(known) = WellKnown::named(text) {
            return Ok(Self::WellKnown(known));
        }
        if let Some(address) = outside::address(text)? {
            return Ok(Self::Address(address));
        }
        outside::refuse_ports(text)?;
        if let Some(pod) = new_pod::parse(text, namespace)? {
            return Ok(pod);
        }
        if let Some(service) = outside::service(text)? {
            return named(Kind::Service, &service.namespace, &service.name);
        }
        by_name(text, namespace)
    }

    /// The pod, if it is one by its name.
    pub(crate) const fn pod(&self) -> Option<&ObjectName> {
        match self {
            Self::Pod(name) => Some(name),
            Self::Workload(..)
            | Self::NewPod { .. }
            | Self::Service(_)
            | Self::Node(_)
            | Self::Address(_)
            | Self::WellKnown(_) => None,
        }
    }

    /// The words for its kind. A namespace may be called so.
    pub(crate) fn words(&self) -> &'static [&'static str] {
        let kind = match self {
            Self::Pod(_) => Kind::Pod,
            Self::Workload(kind, _) => match Kind::of(kind) {
                Some(kind) => kind,
                None => return &[],
            },
            Self::Service(_) => Kind::Service,
            Self::Node(_) => Kind::Node,
            Self::NewPod { .. } | Self::Address(_) | Self::WellKnown(_) => return &[],
        };
        kind.own_words()
    }

    /// What was probably meant, where no such endpoint exists: a misspelt word is a pod's name as well.
    pub(crate) fn near_miss(&self) -> Option<String> {
        let Self::Pod(name) = self else {
            return None;
        };
        if let Some(kind) = nearest(&name.namespace, Kind::words()) {
            return Some(format!("{kind}/{}", name.name));
        }
        let other = OTHER_WORDS.iter().find(|(word, _)| *word == name.name);
        let word = other.map(|(_, known)| known.word());
        word.or_else(|| nearest(&name.name, WellKnown::ALL.map(WellKnown::word)))
            .map(ToOwned::to_owned)
    }
}

fn by_name(text: &str, namespace: &str) -> anyhow::Result<EndpointArgument> {
    let parts: Vec<&str> = text.split('/').collect();
    match *parts.as_slice() {
        [""] => bail!("an endpoint is missing\n{ENDPOINT_FORMS}"),
        [name] => named(Kind::Pod, namespace, name),
        [first, name] => match Kind::of(first) {
            Some(kind) => named(kind, namespace, name),
            None => named(Kind::Pod, first, name),
        },
        [first, second, _] if Kind::of(first) == Some(Kind::Node) => {
            bail!("`{text}`: a node is in no namespace: write node/{second}")
        }
        [first, second, name] => Ok(match (Kind::of(first), Kind::of(second)) {
            // A namespace called `jobs`: the kind is the word that is written as we write it.
            (Some(other), Some(kind @ Kind::Workload(_)))
                if other.word() != first && kind.word() == second =>
            {
                named(kind, first, name)?
            }
            (Some(kind), _) => named(kind, second, name)?,
            (None, Some(Kind::Node)) => {
                bail!("`{text}`: a node is in no namespace: write node/{name}")
            }
            (None, Some(kind)) => named(kind, first, name)?,
            (None, None) if may_be_kind(first, second) => {
                check_label("namespace", first)?;
                check_subdomain("workload", name)?;
                let kind = second.to_ascii_lowercase();
                EndpointArgument::Workload(kind, ObjectName::new(first, name))
            }
            (None, None) => bail!(no_kind(text, first, second)),
        }),
        _ => bail!("`{text}` has too many parts\n{ENDPOINT_FORMS}"),
    }
}

/// Whether `kind` may be one of another project (rule OB-25), and neither it nor `namespace` is one of ours mistyped.
fn may_be_kind(namespace: &str, kind: &str) -> bool {
    let is_near = |word: &str| nearest(word, Kind::words()).is_some();
    let is_word = !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_word && !is_near(kind) && !is_near(namespace)
}

fn named(kind: Kind, namespace: &str, name: &str) -> anyhow::Result<EndpointArgument> {
    match kind {
        Kind::Service => check_label(kind.word(), name)?,
        Kind::Pod | Kind::Workload(_) | Kind::Node => check_subdomain(kind.word(), name)?,
    }
    if kind == Kind::Node {
        return Ok(EndpointArgument::Node(name.to_owned()));
    }
    check_label("namespace", namespace)?;
    let name = ObjectName::new(namespace, name);
    Ok(match kind {
        Kind::Pod => EndpointArgument::Pod(name),
        Kind::Workload(_) => EndpointArgument::Workload(kind.word().to_owned(), name),
        Kind::Service => EndpointArgument::Service(name),
        Kind::Node => EndpointArgument::Node(name.name),
    })
}

fn no_kind(text: &str, first: &str, second: &str) -> String {
    let mut hint_text = hint(second, Kind::words());
    if hint_text.is_empty() {
        hint_text = hint(first, Kind::words());
    }
    format!("`{text}`: neither `{first}` nor `{second}` is a kind{hint_text}\n{ENDPOINT_FORMS}")
}

/// Writes what [`EndpointArgument::parse`] reads as the same value in every namespace.
impl fmt::Display for EndpointArgument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pod(name) if Kind::of(&name.namespace).is_some() => write!(f, "pod/{name}"),
            Self::Pod(name) => write!(f, "{name}"),
            Self::Workload(kind, name) => {
                if Kind::of(&name.namespace).is_some() {
                    write!(f, "{kind}/{name}")
                } else {
                    write!(f, "{}/{kind}/{}", name.namespace, name.name)
                }
            }
            Self::NewPod { namespace, labels } => new_pod::write(f, namespace, labels),
            Self::Service(name) => write!(f, "svc/{name}"),
            Self::Node(name) => write!(f, "node/{name}"),
            Self::Address(address) => write!(f, "{address}"),
            Self::WellKnown(known) => f.write_str(known.word()),
        }
    }
}
