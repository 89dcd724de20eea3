//! Results of ADD, one file each, until their DEL.

use std::fs;
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::network::NetworkList;
use super::{Attachment, Runtime, RuntimeError};
use crate::endpoint::EndpointId;

const KIND: &str = "cniCacheV1";

/// What is kept of one ADD. The configuration stands here as it was, whatever the folder says by now.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cached {
    kind: String,
    container_id: String,
    pub(super) config: Value,
    if_name: String,
    network_name: String,
    netns: PathBuf,
    #[serde(default)]
    cni_args: Vec<(String, String)>,
    #[serde(default)]
    capability_args: Map<String, Value>,
    pub(super) result: Value,
}

impl Cached {
    pub(super) fn id(&self) -> EndpointId {
        EndpointId::new(&self.container_id, &self.if_name)
    }

    pub(super) fn attachment(&self) -> Attachment {
        Attachment {
            container_id: self.container_id.clone(),
            netns: self.netns.clone(),
            ifname: self.if_name.clone(),
            args: self.cni_args.clone(),
            capabilities: self.capability_args.clone(),
        }
    }
}

impl Runtime {
    pub(super) fn remember(
        &self,
        network: &NetworkList,
        attachment: &Attachment,
        result: Value,
    ) -> Result<(), RuntimeError> {
        let path = self.path(&network.name, attachment);
        let cached = Cached {
            kind: KIND.to_owned(),
            container_id: attachment.container_id.clone(),
            config: network.source.clone(),
            if_name: attachment.ifname.clone(),
            network_name: network.name.clone(),
            netns: attachment.netns.clone(),
            cni_args: attachment.args.clone(),
            capability_args: attachment.capabilities.clone(),
            result,
        };
        let write = || {
            fs::create_dir_all(self.folder())?;
            let new = path.with_added_extension("new");
            fs::write(&new, serde_json::to_vec(&cached)?)?;
            fs::rename(new, &path)
        };
        write().map_err(|source| RuntimeError::Cache {
            action: "write",
            path: path.clone(),
            source,
        })
    }

    pub(super) fn forget(
        &self,
        network: &NetworkList,
        attachment: &Attachment,
    ) -> Result<(), RuntimeError> {
        let path = self.path(&network.name, attachment);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(RuntimeError::Cache {
                action: "remove",
                path,
                source,
            }),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// The result of an attachment, of whatever network.
    pub(super) fn recall(&self, attachment: &Attachment) -> Result<Option<Cached>, RuntimeError> {
        let id = EndpointId::new(&attachment.container_id, &attachment.ifname);
        Ok(self
            .all_cached()?
            .into_iter()
            .find(|cached| cached.id() == id))
    }

    /// The results of a network, ordered by file name.
    pub(super) fn cached(&self, network: &str) -> Result<Vec<Cached>, RuntimeError> {
        let mut cached = self.all_cached()?;
        cached.retain(|cached| cached.network_name == network);
        Ok(cached)
    }

    fn all_cached(&self) -> Result<Vec<Cached>, RuntimeError> {
        let folder = self.folder();
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => {
                return Err(RuntimeError::Cache {
                    action: "list",
                    path: folder,
                    source,
                });
            }
        };
        let mut paths: Vec<PathBuf> = entries
            .filter_map(Result::ok)
            .map(|entry| entry.path())
            .collect();
        paths.sort();
        // A file that is gone by now, or that is none of ours, is no result.
        let texts = paths.iter().filter_map(|path| fs::read(path).ok());
        let cached = texts.filter_map(|text| serde_json::from_slice::<Cached>(&text).ok());
        Ok(cached.filter(|cached| cached.kind == KIND).collect())
    }

    fn folder(&self) -> PathBuf {
        self.cache_dir.join("results")
    }

    fn path(&self, network: &str, attachment: &Attachment) -> PathBuf {
        self.folder().join(format!(
            "{network}-{}-{}",
            attachment.container_id, attachment.ifname
        ))
    }
}
