//! Starts plugins and understands what they print.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::network::type_of;
use super::{Attachment, PluginFailure, Runtime, RuntimeError};

/// A plugin that is being replaced cannot be started for a moment.
const BUSY_ATTEMPTS: usize = 50;
const BUSY_PAUSE: Duration = Duration::from_millis(100);

#[derive(Deserialize)]
struct ErrorObject {
    code: u32,
    msg: String,
    #[serde(default)]
    details: String,
}

impl Runtime {
    /// Runs one verb of one plugin and returns what it printed.
    pub(super) fn exec(
        &self,
        verb: &'static str,
        attachment: &Attachment,
        config: &Map<String, Value>,
    ) -> Result<Vec<u8>, RuntimeError> {
        let plugin = type_of(config);
        let mut command = Command::new(self.find(plugin)?);
        self.set_environment(&mut command, verb, attachment);
        let input = Value::Object(config.clone()).to_string();
        let output = run(&mut command, input.as_bytes()).map_err(|source| RuntimeError::Run {
            plugin: plugin.to_owned(),
            source,
        })?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        Err(RuntimeError::Plugin {
            plugin: plugin.to_owned(),
            verb,
            failure: failure(&output),
        })
    }

    fn find(&self, plugin: &str) -> Result<PathBuf, RuntimeError> {
        let mut candidates = self.cni_path.iter().map(|folder| folder.join(plugin));
        let is_name = !plugin.contains('/');
        let found = candidates.find(|path| is_name && path.is_file());
        found.ok_or_else(|| RuntimeError::NoPlugin {
            plugin: plugin.to_owned(),
            cni_path: self.cni_path_texts(),
        })
    }

    fn cni_path_texts(&self) -> Vec<String> {
        self.cni_path
            .iter()
            .map(|folder| folder.to_string_lossy().into_owned())
            .collect()
    }

    fn set_environment(&self, command: &mut Command, verb: &str, attachment: &Attachment) {
        for (name, _) in env::vars_os().filter(|(name, _)| is_of_cni(name)) {
            command.env_remove(name);
        }
        let arguments: Vec<String> = attachment
            .args
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        command
            .env("PATH", search_path())
            .env("CNI_COMMAND", verb)
            .env("CNI_CONTAINERID", &attachment.container_id)
            .env("CNI_NETNS", &attachment.netns)
            .env("CNI_IFNAME", &attachment.ifname)
            .env("CNI_ARGS", arguments.join(";"))
            .env("CNI_PATH", self.cni_path_texts().join(":"));
    }
}

/// Plugins of others start programs such as `iptables`, which an ordinary user's path lacks.
fn search_path() -> OsString {
    const SYSTEM: &str = "/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin";
    match env::var_os("PATH").filter(|path| !path.is_empty()) {
        None => SYSTEM.into(),
        Some(mut path) => {
            path.push(":");
            path.push(SYSTEM);
            path
        }
    }
}

fn is_of_cni(name: &OsStr) -> bool {
    name.to_string_lossy().starts_with("CNI_")
}

fn run(command: &mut Command, input: &[u8]) -> io::Result<Output> {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = spawn(command)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A plugin may end without reading; its answer says why.
        let _ = stdin.write_all(input);
    }
    child.wait_with_output()
}

fn spawn(command: &mut Command) -> io::Result<std::process::Child> {
    for _ in 1..BUSY_ATTEMPTS {
        match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => {
                thread::sleep(BUSY_PAUSE);
            }
            outcome => return outcome,
        }
    }
    command.spawn()
}

fn failure(output: &Output) -> PluginFailure {
    if let Ok(error) = serde_json::from_slice::<ErrorObject>(&output.stdout) {
        let details = if error.details.is_empty() {
            String::new()
        } else {
            format!("; {}", error.details)
        };
        return PluginFailure {
            code: Some(error.code),
            message: format!("{}{details}", error.msg),
        };
    }
    let printed = if output.stdout.is_empty() {
        &output.stderr
    } else {
        &output.stdout
    };
    let printed = String::from_utf8_lossy(printed).trim().to_owned();
    let message = if printed.is_empty() {
        format!("it ended with {} and said nothing", output.status)
    } else {
        printed
    };
    PluginFailure {
        code: None,
        message,
    }
}
