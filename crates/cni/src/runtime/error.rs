use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why the runtime could not carry a verb out.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The folder has no valid configuration: the node is not ready for pods.
    #[error("no valid network configuration in `{}`{}", conf_dir.display(), because(.reason.as_ref()))]
    NoNetwork {
        /// The folder.
        conf_dir: PathBuf,
        /// What is wrong with the first one, if there is any.
        reason: Option<String>,
    },
    /// No folder has the plugin.
    #[error("failed to find plugin \"{plugin}\" in path {}", .cni_path.join(":"))]
    NoPlugin {
        /// Its `type`.
        plugin: String,
        /// The folders.
        cni_path: Vec<String>,
    },
    /// The plugin could not be started or listened to.
    #[error("cannot run plugin \"{plugin}\"")]
    Run {
        /// Its `type`.
        plugin: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The plugin failed.
    #[error("plugin type=\"{plugin}\" failed ({verb}): {failure}")]
    Plugin {
        /// Its `type`.
        plugin: String,
        /// The verb.
        verb: &'static str,
        /// What it said.
        failure: PluginFailure,
    },
    /// A result of ADD could not be kept or read.
    #[error("cannot {action} cached result `{}`", path.display())]
    Cache {
        /// What was to be done.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
}

/// What a plugin said when it failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginFailure {
    /// The code of its error object; `None` if it printed none.
    pub code: Option<u32>,
    /// Message and details, or whatever it printed.
    pub message: String,
}

impl fmt::Display for PluginFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

fn because(reason: Option<&String>) -> String {
    reason
        .map(|reason| format!(": {reason}"))
        .unwrap_or_default()
}

impl RuntimeError {
    /// The code of the plugin's error object.
    #[must_use]
    pub fn code(&self) -> Option<u32> {
        match self {
            Self::Plugin { failure, .. } => failure.code,
            Self::NoNetwork { .. }
            | Self::NoPlugin { .. }
            | Self::Run { .. }
            | Self::Cache { .. } => None,
        }
    }
}
