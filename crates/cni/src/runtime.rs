//! The other side of the plugin: what a kubelet's container runtime does with a configuration folder and a
//! folder of plugins. Follows the reference library of the CNI project in what it sends and keeps.
//!
//! Plugins are started from the calling thread, and so in its network namespace.

mod cache;
mod error;
mod exec;
pub mod network;

use std::path::PathBuf;

use serde_json::{Map, Value, json};

use crate::endpoint::EndpointId;
use crate::error::{CniError, chain};
use crate::result::AddResult;
use crate::version::SpecVersion;
use cache::Cached;
pub use error::{PluginFailure, RuntimeError};
use network::NetworkList;

/// Where plugins, configurations and results are.
#[derive(Clone, Debug)]
pub struct Runtime {
    /// Folders with plugins.
    pub cni_path: Vec<PathBuf>,
    /// Folder with configurations; the lexically first valid one counts.
    pub conf_dir: PathBuf,
    /// Folder for the results of ADD, kept for CHECK and DEL.
    pub cache_dir: PathBuf,
}

/// One interface of one pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attachment {
    /// The pod's sandbox.
    pub container_id: String,
    /// Path of its network namespace; may be gone, or empty, at DEL.
    pub netns: PathBuf,
    /// The interface's name in the pod.
    pub ifname: String,
    /// `CNI_ARGS`, in order.
    pub args: Vec<(String, String)>,
    /// What plugins get as `runtimeConfig` if they declare the capability of that name.
    pub capabilities: Map<String, Value>,
}

impl Runtime {
    /// The configuration in force. An error means that the node is not ready.
    ///
    /// # Errors
    /// [`RuntimeError::NoNetwork`].
    pub fn network(&self) -> Result<NetworkList, RuntimeError> {
        network::load(&self.conf_dir).map_err(|reason| RuntimeError::NoNetwork {
            conf_dir: self.conf_dir.clone(),
            reason,
        })
    }

    /// Attaches a pod. On failure, what was done is undone.
    ///
    /// # Errors
    /// [`RuntimeError`].
    pub fn add(&self, attachment: &Attachment) -> Result<AddResult, RuntimeError> {
        let network = self.network()?;
        let added = self
            .add_all(&network, attachment)
            .and_then(|(value, result)| {
                self.remember(&network, attachment, value)?;
                Ok(result)
            });
        added.inspect_err(|_| {
            // The first failure is the one to report; DEL is tried as far as it goes.
            let _ = self.del_all(&network, attachment, None);
            let _ = self.forget(&network, attachment);
        })
    }

    /// Detaches a pod, also one that was never attached, with the configuration of its ADD.
    ///
    /// # Errors
    /// [`RuntimeError`]; the result stays cached, and the call can be repeated.
    pub fn del(&self, attachment: &Attachment) -> Result<(), RuntimeError> {
        let (network, previous) = self.network_of(attachment)?;
        self.del_all(&network, attachment, previous.as_ref())?;
        self.forget(&network, attachment)
    }

    /// Asks whether a pod is still attached as ADD left it. Networks that know no CHECK pass.
    ///
    /// # Errors
    /// [`RuntimeError`].
    pub fn check(&self, attachment: &Attachment) -> Result<(), RuntimeError> {
        let (network, previous) = self.network_of(attachment)?;
        if network.disable_check || network.version < SpecVersion::V0_4_0 {
            return Ok(());
        }
        for plugin in &network.plugins {
            let config = network.plugin_config(plugin, &attachment.capabilities, previous.as_ref());
            self.exec("CHECK", attachment, &config)?;
        }
        Ok(())
    }

    /// Takes away everything that does not belong to `valid`: attachments whose results are cached, and
    /// what only the plugins know of. Goes on after failures and reports the first.
    ///
    /// # Errors
    /// [`RuntimeError`].
    pub fn gc(&self, valid: &[EndpointId]) -> Result<(), RuntimeError> {
        let network = self.network()?;
        if network.disable_gc {
            return Ok(());
        }
        let mut outcome = Ok(());
        for cached in self.cached(&network.name)? {
            if !valid.contains(&cached.id()) {
                outcome = outcome.and(self.del(&cached.attachment()));
            }
        }
        if network.version < SpecVersion::V1_1_0 {
            return outcome;
        }
        let listed: Vec<Value> = valid
            .iter()
            .map(|id| json!({"containerID": id.container_id, "ifname": id.interface}))
            .collect();
        for plugin in &network.plugins {
            let mut config = network.plugin_config(plugin, &Map::new(), None);
            for key in ["cni.dev/valid-attachments", "cni.dev/attachments"] {
                config.insert(key.to_owned(), listed.clone().into());
            }
            outcome = outcome.and(self.exec("GC", &Attachment::default(), &config).map(drop));
        }
        outcome
    }

    /// Asks whether an ADD could succeed. Networks that know no STATUS pass.
    ///
    /// # Errors
    /// [`RuntimeError`].
    pub fn status(&self) -> Result<(), RuntimeError> {
        let network = self.network()?;
        if network.version < SpecVersion::V1_1_0 {
            return Ok(());
        }
        for plugin in &network.plugins {
            let config = network.plugin_config(plugin, &Map::new(), None);
            self.exec("STATUS", &Attachment::default(), &config)?;
        }
        Ok(())
    }

    fn add_all(
        &self,
        network: &NetworkList,
        attachment: &Attachment,
    ) -> Result<(Value, AddResult), RuntimeError> {
        let mut previous = None;
        let mut result = AddResult::default();
        for plugin in &network.plugins {
            let config = network.plugin_config(plugin, &attachment.capabilities, previous.as_ref());
            let output = self.exec("ADD", attachment, &config)?;
            let (value, understood) = decode(&output).map_err(|error| RuntimeError::Plugin {
                plugin: network::type_of(plugin).to_owned(),
                verb: "ADD",
                failure: PluginFailure {
                    code: None,
                    message: chain(&error),
                },
            })?;
            previous = Some(value);
            result = understood;
        }
        Ok((previous.unwrap_or_default(), result))
    }

    /// In reverse order. Stops at a failure, since plugins may lean on those before them.
    fn del_all(
        &self,
        network: &NetworkList,
        attachment: &Attachment,
        previous: Option<&Value>,
    ) -> Result<(), RuntimeError> {
        // Before 0.4.0, DEL knows no results.
        let previous = previous.filter(|_| network.version >= SpecVersion::V0_4_0);
        for plugin in network.plugins.iter().rev() {
            let config = network.plugin_config(plugin, &attachment.capabilities, previous);
            self.exec("DEL", attachment, &config)?;
        }
        Ok(())
    }

    /// The network that the pod was attached to, and the result; where nothing is cached, the one in force.
    fn network_of(
        &self,
        attachment: &Attachment,
    ) -> Result<(NetworkList, Option<Value>), RuntimeError> {
        match self.recall(attachment)? {
            Some(Cached { config, result, .. }) => match NetworkList::from_json(&config, &[]) {
                Ok(network) => Ok((network, Some(result))),
                Err(_) => Ok((self.network()?, Some(result))),
            },
            None => Ok((self.network()?, None)),
        }
    }
}

fn decode(output: &[u8]) -> Result<(Value, AddResult), CniError> {
    let value: Value = serde_json::from_slice(output).map_err(|error| {
        CniError::new(
            crate::error::ErrorCode::Decode,
            format!("the plugin's result is not JSON: {error}"),
        )
    })?;
    let result = AddResult::from_json(&value)?;
    Ok((value, result))
}

#[cfg(test)]
mod tests;
