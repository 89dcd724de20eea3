//! The network configuration that is installed.

use std::path::PathBuf;

use ipnet::IpNet;
use serde_json::{Map, Value, json};

use super::PROGRAM;
use crate::config::NetworkConfig;
use crate::error::{CniError, ErrorCode};

/// The network's name.
const NAME: &str = "ringfence";
/// Understood by every runtime and plugin that is still in use.
const VERSION: &str = "1.0.0";
/// With STATUS and GC. A runtime that does not know the key that offers it takes [`VERSION`].
const LATEST_VERSION: &str = "1.1.0";

/// A node's network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// The node's blocks of pod addresses, at most one of each family.
    pub pod_cidrs: Vec<IpNet>,
    /// Where the plugin keeps its records, as the runtime sees it.
    pub data_dir: PathBuf,
    /// Where the agent listens, as the runtime sees it.
    pub agent_socket: PathBuf,
    /// Of the pods' interfaces, in bytes; without it the plugin's default.
    pub mtu: Option<u32>,
    /// Which plugins are called after this one, in this order.
    pub chained: Vec<Chained>,
}

/// A plugin of the CNI project that is called after this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Chained {
    /// `hostPort` of containers.
    Portmap,
    /// The annotations `kubernetes.io/ingress-bandwidth` and `kubernetes.io/egress-bandwidth`.
    Bandwidth,
}

impl Chained {
    /// The plugin's name.
    #[must_use]
    pub const fn program(self) -> &'static str {
        match self {
            Self::Portmap => "portmap",
            Self::Bandwidth => "bandwidth",
        }
    }

    const fn capability(self) -> &'static str {
        match self {
            Self::Portmap => "portMappings",
            Self::Bandwidth => "bandwidth",
        }
    }

    fn entry(self) -> Value {
        json!({"type": self.program(), "capabilities": {self.capability(): true}})
    }
}

impl Network {
    /// The file's text.
    pub(super) fn text(&self) -> String {
        let chained = self.chained.iter().map(|chained| chained.entry());
        let plugins: Vec<Value> = [self.entry().into()].into_iter().chain(chained).collect();
        let mut list = Map::from_iter([("cniVersion".to_owned(), VERSION.into())]);
        // Plugins of the CNI project refuse versions that they do not know, and distributions ship old ones.
        if self.chained.is_empty() {
            let versions = json!([VERSION, LATEST_VERSION]);
            list.insert("cniVersions".to_owned(), versions);
        }
        list.insert("name".to_owned(), NAME.into());
        list.insert("plugins".to_owned(), plugins.into());
        format!("{:#}\n", Value::Object(list))
    }

    /// Asks the plugin's own reader.
    ///
    /// # Errors
    /// As the plugin would answer.
    pub(super) fn check(&self) -> Result<(), CniError> {
        let mut entry = self.entry();
        entry.insert("cniVersion".to_owned(), LATEST_VERSION.into());
        entry.insert("name".to_owned(), NAME.into());
        let read = NetworkConfig::parse(Value::Object(entry).to_string().as_bytes())?;
        if read.pod_cidrs.is_empty() {
            return Err(CniError::new(
                ErrorCode::InvalidConfig,
                "missing `podCidrs`",
            ));
        }
        Ok(())
    }

    fn entry(&self) -> Map<String, Value> {
        let blocks: Vec<String> = self.pod_cidrs.iter().map(ToString::to_string).collect();
        let fields = [
            ("type", json!(PROGRAM)),
            ("podCidrs", json!(blocks)),
            ("dataDir", json!(self.data_dir)),
            ("agentSocket", json!(self.agent_socket)),
        ];
        let mtu = self.mtu.map(|mtu| ("mtu", json!(mtu)));
        let fields = fields.into_iter().chain(mtu);
        fields.map(|(key, value)| (key.to_owned(), value)).collect()
    }
}
