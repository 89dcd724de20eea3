//! The agent as a child process in the calling thread's namespace.

use std::fs;
use std::io::{self, BufReader};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use ringfence_agent::protocol::AgentObject;
use ringfence_agent::{AgentConfig, Capacity, Enforcement, NetworkConfig, TABLE_NAME, run_behind};
use ringfence_cni::protocol::{receive, send};
use ringfence_cni::{Endpoint, EndpointId, Request, Response};
use ringfence_compile::{Compiler, Limits, LocalEndpoint, NodeView, Trial};
use ringfence_model::{Cluster, ObjectName};
use ringfence_netlink::nftables::Nftables;
use ringfence_netlink::route::RouteSocket;
use ringfence_netlink::sysctl;
use ringfence_ruleset::Table;
use tempfile::TempDir;

use crate::refusal::{self, Refusal};
use crate::store::FakeStore;

/// Names the configuration file to the child process.
pub(crate) const CONFIG: &str = "RINGFENCE_AGENT_TEST_CONFIG";
/// Beside the configuration: what every transaction is refused with.
const REFUSAL: &str = "refusal";
const PATIENCE: Duration = Duration::from_secs(60);

/// The child's `main`.
pub(crate) fn main(config: &Path) -> ExitCode {
    let refusal = config.with_file_name(REFUSAL);
    let config = serde_json::from_slice(&fs::read(config).unwrap()).unwrap();
    match run_behind(config, Some(Box::new(move |_| refusal::read(&refusal)))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// A node with a store and, most of the time, an agent.
pub(crate) struct Node {
    pub(crate) config: AgentConfig,
    pub(crate) store: FakeStore,
    agent: Option<Child>,
    folder: TempDir,
}

impl Node {
    /// A node whose store holds `objects`, without agent.
    pub(crate) fn new(objects: impl IntoIterator<Item = AgentObject>) -> Self {
        Self::named("one", objects)
    }

    pub(crate) fn named(name: &str, objects: impl IntoIterator<Item = AgentObject>) -> Self {
        sysctl::write(&["ipv4", "ip_forward"], "1").unwrap();
        sysctl::write(&["ipv6", "conf", "all", "forwarding"], "1").unwrap();
        let mut routes = RouteSocket::open().unwrap();
        let loopback = routes.link_by_name("lo").unwrap();
        routes.set_link_up(loopback.index, true).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let config = AgentConfig {
            node: name.to_owned(),
            store: Some(path("store.sock")),
            cni_socket: path("run/cni.sock"),
            data_dir: path("data"),
            network: NetworkConfig {
                pod_cidrs: vec!["10.244.0.0/16".parse().unwrap()],
                service_cidrs: vec!["10.96.0.0/16".parse().unwrap()],
                tunnel_port: None,
                record: ringfence_compile::Record::Denied,
                capacity: Capacity {
                    addresses: 256,
                    entries: 1024,
                },
            },
            enforcement: Enforcement::On,
            table_name: TABLE_NAME.to_owned(),
            protect_table: true,
            listen: None,
            host_cgroups: None,
        };
        fs::create_dir_all(config.data_dir.join("endpoints")).unwrap();
        write_config(folder.path(), &config);
        let store = FakeStore::listen(&path("store.sock"), objects);
        Self {
            config,
            store,
            agent: None,
            folder,
        }
    }

    /// Changes what the next agent is told.
    pub(crate) fn configure(&mut self, change: impl FnOnce(&mut AgentConfig)) {
        change(&mut self.config);
        write_config(self.folder.path(), &self.config);
    }

    /// From now on the kernel refuses the agent every transaction, so to speak; or no more.
    pub(crate) fn refuse(&self, refusal: Option<Refusal>) {
        refusal::write(&self.folder.path().join(REFUSAL), refusal);
    }

    /// The agent's process.
    pub(crate) fn pid(&self) -> Pid {
        let agent = self.agent.as_ref().expect("an agent");
        Pid::from_raw(i32::try_from(agent.id()).unwrap())
    }

    /// Starts the agent.
    pub(crate) fn start(&mut self) {
        assert!(self.agent.is_none());
        let child = Command::new(std::env::current_exe().unwrap())
            .env(CONFIG, self.folder.path().join("config.json"))
            .spawn();
        self.agent = Some(child.unwrap());
    }

    /// A second agent beside the first; tells whether it was content.
    pub(crate) fn start_another(&self) -> bool {
        let agent = Command::new(std::env::current_exe().unwrap())
            .env(CONFIG, self.folder.path().join("config.json"))
            .stderr(Stdio::null())
            .status();
        agent.unwrap().success()
    }

    /// Ends the agent as the kernel's memory killer does.
    pub(crate) fn kill(&mut self) {
        let mut agent = self.agent.take().unwrap();
        agent.kill().unwrap();
        agent.wait().unwrap();
    }

    /// Ends the agent politely; tells whether it was content.
    pub(crate) fn terminate(&mut self) -> bool {
        self.end().success()
    }

    /// The same; one that has only just been started ends by the signal itself.
    pub(crate) fn end(&mut self) -> ExitStatus {
        kill(self.pid(), Signal::SIGTERM).unwrap();
        let mut agent = self.agent.take().unwrap();
        agent.wait().unwrap()
    }

    /// Writes a record, as the plugin does.
    pub(crate) fn record(&self, endpoint: &Endpoint) {
        fs::write(
            self.record_path(&endpoint.id),
            serde_json::to_vec(endpoint).unwrap(),
        )
        .unwrap();
    }

    pub(crate) fn record_path(&self, id: &EndpointId) -> PathBuf {
        self.config
            .data_dir
            .join("endpoints")
            .join(format!("{id}.json"))
    }

    /// Asks as the plugin does, but waits for an agent that is starting.
    pub(crate) fn ask(&self, request: &Request) -> Response {
        eventually("an answer", || ask(&self.config.cni_socket, request).ok())
    }

    /// The table compiled from nothing.
    pub(crate) fn expected(&self, cluster: &Cluster, endpoints: &[Endpoint]) -> Table {
        self.expected_during(None, cluster, endpoints)
    }

    /// The same during a trial of host firewalls.
    pub(crate) fn expected_during(
        &self,
        trial: Option<Trial>,
        cluster: &Cluster,
        endpoints: &[Endpoint],
    ) -> Table {
        let local: Vec<_> = endpoints.iter().map(local).collect();
        let node = NodeView {
            name: &self.config.node,
            endpoints: &local,
            network: &self.config.network,
            enforcement: self.config.enforcement,
        };
        let mut compiler = Compiler::with(cluster.clone(), &node, Limits::default());
        compiler.set_trial(trial);
        compiler.compile().unwrap();
        compiler.into_compiled().table
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(mut agent) = self.agent.take() {
            let _ = agent.kill();
            let _ = agent.wait();
        }
    }
}

fn ask(socket: &Path, request: &Request) -> io::Result<Response> {
    let stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    send(&stream, request)?;
    receive(BufReader::new(&stream))
}

/// The live table.
pub(crate) fn live() -> Option<Table> {
    let state = Nftables::open().unwrap().read_table(TABLE_NAME).unwrap()?;
    Some(
        state
            .to_table(TABLE_NAME)
            .expect("only what ringfence writes"),
    )
}

pub(crate) fn generation() -> u32 {
    Nftables::open().unwrap().generation().unwrap()
}

/// Waits until `found` finds something.
pub(crate) fn eventually<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < end, "{what} never came");
        thread::sleep(Duration::from_millis(10));
    }
}

/// In one step: an agent that has just been started may be about to read it.
fn write_config(folder: &Path, config: &AgentConfig) {
    let new = folder.join("config.new");
    fs::write(&new, serde_json::to_vec(config).unwrap()).unwrap();
    fs::rename(new, folder.join("config.json")).unwrap();
}

fn local(endpoint: &Endpoint) -> LocalEndpoint {
    let pod = endpoint.pod.as_ref().unwrap();
    LocalEndpoint {
        pod: ObjectName::new(&pod.namespace, &pod.name),
        host_interface: endpoint.host_interface.clone(),
        addresses: endpoint.addresses.clone(),
    }
}
