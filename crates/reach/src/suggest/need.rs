use std::fmt;

use ipnet::IpNet;
use ringfence_model::{ContainerPort, Labels, Source};
use ringfence_net::{ConnectionSet, PortSet, Protocol};

use crate::workload::Unit;

/// One thing that has to be possible.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Need {
    /// Who opens the connections.
    pub from: End,
    /// Who accepts them.
    pub to: End,
    /// At which port of the destination.
    pub port: NeededPort,
    /// What shows it, in order.
    pub evidence: Vec<Evidence>,
}

/// One end of a [`Need`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// The pods of a workload.
    Workload(Unit),
    /// Pods that the manifests do not hold.
    Unseen {
        /// Their namespace.
        namespace: String,
        /// Labels that they have; none means every pod of the namespace.
        labels: Labels,
    },
    /// Addresses.
    Block(IpNet),
    /// Whoever is outside of the cluster.
    Outside,
}

/// A port of the destination's pods.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NeededPort {
    /// Its protocol.
    pub protocol: Protocol,
    /// Its number; of a port with a name the number that it has in the manifests.
    pub number: u16,
    /// Its name, if the Service goes by that.
    pub name: Option<String>,
}

/// What shows a need. It holds no value of a variable, only what host and port it names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Evidence {
    /// What was looked at, such as `shop/deployment/web env API_URL`.
    pub what: String,
    /// Where that is written.
    pub source: Option<Source>,
    /// What it leads to, such as `svc/shop/api:8080`.
    pub target: String,
}

/// What could not be made a rule, for a human to decide.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unresolved {
    /// The namespace that it is about; empty if about none.
    pub namespace: String,
    /// What was looked at, such as `shop/deployment/web env API_URL`.
    pub what: String,
    /// Where that is written.
    pub source: Option<Source>,
    /// What is not known, or cannot be said in a NetworkPolicy.
    pub problem: String,
    /// What to do about it.
    pub help: String,
}

impl NeededPort {
    /// What it allows towards a pod that declares `ports` (rule NP-34).
    pub(super) fn connections(&self, ports: &[ContainerPort]) -> ConnectionSet {
        let Some(name) = &self.name else {
            return ConnectionSet::of(self.protocol, PortSet::single(self.number));
        };
        let meant = |port: &&ContainerPort| {
            port.name.as_ref() == Some(name) && port.protocol == self.protocol
        };
        let numbers = ports.iter().filter(meant).map(|port| port.port);
        let one = |number| ConnectionSet::of(self.protocol, PortSet::single(number));
        numbers.fold(ConnectionSet::none(), |all, number| all.union(&one(number)))
    }
}

impl fmt::Display for NeededPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.protocol, self.number)?;
        match &self.name {
            Some(name) => write!(f, " ({name})"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workload(unit) => f.write_str(&unit.full_name()),
            Self::Unseen { namespace, labels } if labels.is_empty() => {
                write!(f, "pods of {namespace}")
            }
            Self::Unseen { namespace, labels } => {
                let labels: Vec<String> = labels
                    .iter()
                    .map(|(key, value)| format!("{key}={value}"))
                    .collect();
                write!(f, "pods of {namespace} with {}", labels.join(","))
            }
            Self::Block(block) => write!(f, "{block}"),
            Self::Outside => f.write_str("the outside"),
        }
    }
}

/// As it stands in comments: `shop/deployment/web env API_URL (web.yaml:31:15) -> svc/shop/api:8080`.
impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if let Some(source) = &self.source {
            write!(f, " ({source})")?;
        }
        write!(f, " -> {}", self.target)
    }
}

/// One line without its help.
impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if let Some(source) = &self.source {
            write!(f, " ({source})")?;
        }
        write!(f, ": {}", self.problem)
    }
}
