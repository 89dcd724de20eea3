//! What runs on each node beside pods: its agent, its metadata service, and the line between agent and lab.

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use nix::errno::Errno;
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;
use ringfence_agent::AgentConfig;
use ringfence_agent::protocol::{AgentStatus, StoreEvent};
use ringfence_cni::installation::NETWORK_FILE;
use ringfence_compile::{Capacity, Enforcement, NetworkConfig, Record};
use ringfence_netlink::namespace;

use super::agents::Installed;
use crate::cluster::feed::Feed;
use crate::control::socket::connections;
use crate::plan::METADATA;

/// Everything the lab keeps in files, on a file system that vanishes with it.
pub const DIRECTORY: &str = "/run/ringfence";
/// The name under which container runtimes start the CNI plugin.
const PLUGIN: &str = "ringfence-cni";
/// Sets of a lab need not be prepared for ten thousand pods.
pub const CAPACITY: Capacity = Capacity {
    addresses: 1024,
    entries: 4096,
};
/// Pause before an agent that ended is started again.
const RESTART_PAUSE: Duration = Duration::from_millis(50);

/// A node of the lab.
#[derive(Debug)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// `control-plane` or `worker`.
    pub role: String,
    /// Its network namespace.
    pub namespace: OwnedFd,
    /// Its files.
    pub directory: PathBuf,
    /// How its agent is started.
    command: Part,
    agent: Mutex<AgentProcess>,
}

/// How a part of ringfence is started.
#[derive(Clone, Debug, Default)]
pub(super) struct Part {
    /// Of this binary.
    pub(super) arguments: Vec<String>,
    /// Beside what the lab itself has.
    pub(super) environment: Vec<(String, String)>,
}

impl Part {
    fn of(arguments: &[&str]) -> Self {
        Self {
            arguments: arguments
                .iter()
                .map(|&argument| argument.to_owned())
                .collect(),
            environment: Vec::new(),
        }
    }
}

#[derive(Debug, Default)]
struct AgentProcess {
    running: Option<Child>,
    starts: u32,
}

/// What all nodes have in common.
#[derive(Clone, Debug)]
pub struct NodeSettings {
    /// Blocks of all pods.
    pub pod_cidrs: Vec<ipnet::IpNet>,
    /// Blocks of Services.
    pub service_cidrs: Vec<ipnet::IpNet>,
    /// Whether policies are enforced.
    pub enforcement: Enforcement,
    /// Which packets are recorded.
    pub record: Record,
    /// Largest packet of a pod.
    pub pod_mtu: u32,
    /// What they are given where agents follow the API.
    pub installed: Option<Installed>,
}

impl Node {
    /// A node with its folders and CNI configuration; nothing runs yet.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn new(
        name: String,
        role: String,
        namespace: OwnedFd,
        pod_cidrs: &[ipnet::IpNet],
        settings: &NodeSettings,
    ) -> anyhow::Result<Self> {
        let directory = Path::new(DIRECTORY).join("nodes").join(&name);
        let mut node = Self {
            name,
            role,
            namespace,
            directory,
            command: Part::default(),
            agent: Mutex::default(),
        };
        let written = node.write_files(pod_cidrs, settings);
        node.command =
            written.with_context(|| format!("cannot write the files of node {}", node.name))?;
        Ok(node)
    }

    /// Writes what an agent of this node needs, and says how it is started.
    fn write_files(
        &self,
        pod_cidrs: &[ipnet::IpNet],
        settings: &NodeSettings,
    ) -> anyhow::Result<Part> {
        for folder in [
            self.conf_dir(),
            self.cache_dir(),
            self.data_dir(),
            plugin_dir(),
        ] {
            std::fs::create_dir_all(folder)?;
        }
        let plugin = plugin_dir().join(PLUGIN);
        if !plugin.exists() {
            std::os::unix::fs::symlink(format!("/proc/{}/exe", std::process::id()), plugin)?;
        }
        if let Some(installed) = &settings.installed {
            return self.install(installed);
        }
        let agent = AgentConfig {
            node: self.name.clone(),
            store: Some(self.store_socket()),
            cni_socket: self.agent_socket(),
            data_dir: self.data_dir(),
            network: NetworkConfig {
                pod_cidrs: settings.pod_cidrs.clone(),
                service_cidrs: settings.service_cidrs.clone(),
                tunnel_port: Some(crate::network::TUNNEL_PORT),
                record: settings.record,
                capacity: CAPACITY,
            },
            enforcement: settings.enforcement,
            table_name: ringfence_agent::TABLE_NAME.to_owned(),
            protect_table: true,
            listen: None,
            host_cgroups: None,
        };
        std::fs::write(self.agent_config(), serde_json::to_vec_pretty(&agent)?)?;
        let network = serde_json::json!({
            "cniVersion": "1.0.0",
            "name": "ringfence",
            "plugins": [{
                "type": PLUGIN,
                "dataDir": self.data_dir(),
                "agentSocket": self.agent_socket(),
                "podCidrs": pod_cidrs,
                "mtu": settings.pod_mtu,
            }],
        });
        let network = serde_json::to_vec_pretty(&network)?;
        std::fs::write(self.conf_dir().join(NETWORK_FILE), network)?;
        let config = self.agent_config();
        let config = config.to_str().context("a path that is not UTF-8")?;
        Ok(Part::of(&["internal", "agent", "--config", config]))
    }

    /// Folder of the CNI configuration.
    #[must_use]
    pub fn conf_dir(&self) -> PathBuf {
        self.directory.join("net.d")
    }

    /// Folder of the container runtime's CNI results.
    #[must_use]
    pub fn cache_dir(&self) -> PathBuf {
        self.directory.join("cni-cache")
    }

    /// Folder that agent and plugin share.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// Where the agent answers questions about its table.
    #[must_use]
    pub fn status_socket(&self) -> PathBuf {
        self.data_dir().join("status.sock")
    }

    /// Where the agent learns what names have.
    #[must_use]
    pub fn names_socket(&self) -> PathBuf {
        self.data_dir().join("names.sock")
    }

    fn agent_config(&self) -> PathBuf {
        self.directory.join("agent.json")
    }

    /// Where the plugin asks the agent.
    pub(super) fn agent_socket(&self) -> PathBuf {
        self.directory.join("agent.sock")
    }

    fn store_socket(&self) -> PathBuf {
        self.directory.join("store.sock")
    }

    /// Starts a part of ringfence as a process of this node.
    ///
    /// # Errors
    /// If the process cannot be started.
    pub fn start_part(&self, arguments: &[&str], log: &str) -> anyhow::Result<Child> {
        start_in(&self.namespace, arguments, &self.directory.join(log))
    }

    /// Keeps an agent running for as long as the lab lives.
    pub fn keep_agent_running(self: Arc<Self>) {
        std::thread::spawn(move || {
            loop {
                if let Err(error) = self.run_agent_once() {
                    tracing::warn!(node = self.name, "agent: {error:#}");
                }
                std::thread::sleep(RESTART_PAUSE);
            }
        });
    }

    fn run_agent_once(&self) -> anyhow::Result<()> {
        let log = self.directory.join("agent.log");
        let child = start(&self.namespace, &self.command, &log, Stdio::null())?;
        let process = Pid::from_raw(i32::try_from(child.id()).context("process id out of range")?);
        {
            let mut agent = self.lock_agent();
            agent.running = Some(child);
            agent.starts += 1;
        }
        wait_without_reaping(process)?;
        let mut agent = self.lock_agent();
        if let Some(mut child) = agent.running.take() {
            let status = child.wait()?;
            tracing::info!(node = self.name, %status, "agent ended");
        }
        Ok(())
    }

    /// Ends the agent with SIGKILL.
    ///
    /// # Errors
    /// If none runs at the moment.
    pub fn kill_agent(&self) -> anyhow::Result<()> {
        let mut agent = self.lock_agent();
        let child = agent
            .running
            .as_mut()
            .context("no agent is running at the moment")?;
        child.kill().context("cannot end the agent")
    }

    /// How often the agent was started.
    pub fn agent_starts(&self) -> u32 {
        self.lock_agent().starts
    }

    fn lock_agent(&self) -> std::sync::MutexGuard<'_, AgentProcess> {
        self.agent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the node's stand-in for the instance metadata service.
    ///
    /// # Errors
    /// If the process cannot be started.
    pub fn start_metadata(&self) -> anyhow::Result<()> {
        let addresses = METADATA.map(|address| std::net::SocketAddr::new(address, 80).to_string());
        let mut arguments = vec!["internal", "metadata"];
        arguments.extend(addresses.iter().map(String::as_str));
        let mut child = self.start_part(&arguments, "metadata.log")?;
        std::thread::spawn(move || child.wait());
        Ok(())
    }

    /// Serves the cluster's state to this node's agent.
    ///
    /// # Errors
    /// If the socket cannot be made.
    pub fn serve_store(&self, feed: &Arc<Feed>) -> anyhow::Result<()> {
        let listener =
            UnixListener::bind(self.store_socket()).context("cannot make the store's socket")?;
        let (feed, name) = (Arc::clone(feed), self.name.clone());
        std::thread::spawn(move || {
            for stream in connections(&listener) {
                let (feed, name) = (Arc::clone(&feed), name.clone());
                std::thread::spawn(move || serve_agent(&feed, &name, &stream));
            }
        });
        Ok(())
    }
}

/// Waits for a child's end and leaves it to be reaped, so that until then its number names no other process.
fn wait_without_reaping(child: Pid) -> nix::Result<()> {
    let end = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
    loop {
        match waitid(Id::Pid(child), end) {
            Err(Errno::EINTR) => {}
            ended => return ended.map(drop),
        }
    }
}

/// Where runtimes find the plugin.
#[must_use]
pub fn plugin_dir() -> PathBuf {
    Path::new(DIRECTORY).join("bin")
}

/// Starts a part of ringfence in a network namespace.
///
/// # Errors
/// If the process cannot be started.
pub fn start_in(namespace: impl AsFd, arguments: &[&str], log: &Path) -> anyhow::Result<Child> {
    start(namespace, &Part::of(arguments), log, Stdio::null())
}

/// The same for a part that is told what to be on its standard input.
///
/// # Errors
/// If the process cannot be started, or does not read that.
pub fn start_told(
    namespace: impl AsFd,
    arguments: &[&str],
    log: &Path,
    config: &impl serde::Serialize,
) -> anyhow::Result<Child> {
    let mut child = start(namespace, &Part::of(arguments), log, Stdio::piped())?;
    let mut input = child.stdin.take().context("no pipe to the process")?;
    writeln!(input, "{}", serde_json::to_string(config)?).context("the process does not listen")?;
    Ok(child)
}

fn start(namespace: impl AsFd, part: &Part, log: &Path, input: Stdio) -> anyhow::Result<Child> {
    let log = std::fs::File::options()
        .create(true)
        .append(true)
        .open(log)?;
    let output = log.try_clone()?;
    namespace::run_in(namespace, move || {
        Command::new("/proc/self/exe")
            .args(&part.arguments)
            .envs(part.environment.iter().cloned())
            .stdin(input)
            .stdout(output)
            .stderr(log)
            .spawn()
    })?
    .with_context(|| format!("cannot start `{}`", part.arguments.join(" ")))
}

/// Follows the agent at the other end until it hangs up: it hears every change, and what it says is taken note of.
fn serve_agent(feed: &Feed, node: &str, stream: &UnixStream) {
    let (subscription, events) = feed.subscribe();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            if let Err(error) = tell(stream, events) {
                tracing::debug!(node, "the agent hung up: {error}");
            }
            // An agent that is told nothing more must not believe that nothing happens.
            let _ = stream.shutdown(Shutdown::Both);
        });
        listen_to_agent(feed, node, stream);
        drop(subscription);
    });
}

fn tell(stream: &UnixStream, events: Receiver<StoreEvent>) -> std::io::Result<()> {
    let mut writer = BufWriter::new(stream);
    for event in events {
        serde_json::to_writer(&mut writer, &event)?;
        writer.write_all(b"\n")?;
        if matches!(event, StoreEvent::Synced { .. }) {
            writer.flush()?;
        }
    }
    Ok(())
}

fn listen_to_agent(feed: &Feed, node: &str, stream: &UnixStream) {
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        match serde_json::from_str::<AgentStatus>(&line) {
            Ok(status) => feed.report(node, status),
            Err(error) => tracing::warn!(node, "an agent status that cannot be read: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_that_hangs_up_is_followed_no_longer() {
        let feed = Feed::default();
        let (agent, ours) = UnixStream::pair().unwrap();
        std::thread::scope(|scope| {
            let serving = scope.spawn(|| serve_agent(&feed, "n1", &ours));
            let status = AgentStatus::Applied { revision: 0 };
            writeln!(&agent, "{}", serde_json::to_string(&status).unwrap()).unwrap();
            let mut lines = BufReader::new(&agent).lines();
            assert_eq!(lines.next().unwrap().unwrap(), r#""reset""#);
            agent.shutdown(Shutdown::Write).unwrap();
            // Ends although nothing changes any more.
            serving.join().unwrap();
        });
        assert_eq!(feed.progress()["n1"].enforced, Some(0));
    }
}
