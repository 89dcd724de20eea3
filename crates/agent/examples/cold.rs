//! How long a node agent takes from its start to enforced policies in a large cluster, what it keeps in memory, and what its
//! table takes of the kernel's. Run it with `--release`; it makes a network namespace of its own.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program that measures and prints"
)]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode};
use std::time::{Duration, Instant};

use ringfence_agent::protocol::{AgentObject, AgentStatus, StoreEvent};
use ringfence_agent::{AgentConfig, Capacity, Enforcement, NetworkConfig, Record, TABLE_NAME, run};
use ringfence_cni::plan::host_interface;
use ringfence_cni::{Endpoint, EndpointId, EndpointState, PodName};
use ringfence_compile::{LocalEndpoint, NodeView, compile};
use ringfence_model::{Cluster, Pod};
use ringfence_netlink::nftables::Nftables;
use ringfence_ruleset::Operation;
use ringfence_testkit::sandbox;
use ringfence_testkit::scale::{Size, cluster};

/// Names the configuration file to the agent, which is this program again.
const CONFIG: &str = "RINGFENCE_COLD_AGENT";
const NODE: &str = "node-0";
const TURNS: usize = 9;
/// Tables that are made side by side, so that what else the machine does matters less.
const TABLES: usize = 8;

fn main() -> ExitCode {
    if let Some(config) = std::env::var_os(CONFIG) {
        run(serde_json::from_slice(&fs::read(config).unwrap()).unwrap()).unwrap();
        return ExitCode::SUCCESS;
    }
    sandbox::main(&[("agent", agent), ("kernel", kernel)])
}

/// A started agent, ended with this.
struct Agent(Child);

impl Agent {
    fn start(config: &Path) -> Self {
        let program = std::env::current_exe().unwrap();
        Self(Command::new(program).env(CONFIG, config).spawn().unwrap())
    }

    /// What it holds now, and held at most, in MiB.
    fn memory(&self) -> (u64, u64) {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        (
            field(&status, "VmRSS:") / 1024,
            field(&status, "VmHWM:") / 1024,
        )
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn agent() {
    let cluster = cluster(1, Size::LARGE);
    let folder = tempfile::tempdir().unwrap();
    let config = configure(folder.path(), &cluster);
    let listener = UnixListener::bind(config.store.as_ref().unwrap()).unwrap();
    let events = events(cluster.clone());
    let path = folder.path().join("config.json");
    fs::write(&path, serde_json::to_vec(&config).unwrap()).unwrap();
    let (mut cold, mut warm, mut kept, mut most) = (vec![], vec![], 0, 0);
    for _ in 0..TURNS {
        let delete = [Operation::DeleteTable];
        let _ = Nftables::open().unwrap().apply(TABLE_NAME, &delete);
        for times in [&mut cold, &mut warm] {
            let start = Instant::now();
            let agent = Agent::start(&path);
            wait_until_enforced(&listener, &events);
            times.push(start.elapsed());
            (kept, most) = agent.memory();
        }
    }
    println!(
        "{} pods, {} policies, {} pods of this node; {} KiB from the store",
        cluster.pods.len(),
        cluster.network_policies.len(),
        local(&cluster).count(),
        events.len() / 1024
    );
    println!("from start to enforced, no table before: {}", spread(cold));
    println!("from start to enforced, over its table:  {}", spread(warm));
    println!("memory: {kept} MiB, {most} MiB at most");
}

/// What the kernel takes for one table, rules and elements and their counters.
fn kernel() {
    let cluster = cluster(1, Size::LARGE);
    let endpoints: Vec<LocalEndpoint> = local(&cluster).map(endpoint).collect();
    let network = network();
    let view = NodeView {
        name: NODE,
        endpoints: &endpoints,
        network: &network,
        enforcement: Enforcement::On,
    };
    let table = compile(&cluster, &view).unwrap().table;
    let operations = ringfence_ruleset::diff(None, &table);
    let mut kernel = Nftables::open().unwrap();
    let name = |number: usize| format!("ringfence-{number}");
    let before = kernel_memory();
    (0..TABLES).for_each(|number| kernel.apply(&name(number), &operations).unwrap());
    let taken = kernel_memory().saturating_sub(before);
    let delete = [Operation::DeleteTable];
    (0..TABLES).for_each(|number| kernel.apply(&name(number), &delete).unwrap());
    let elements: usize = table.sets.values().map(|set| set.elements.len()).sum();
    println!(
        "{elements} elements: {} KiB of the kernel's memory each time",
        taken / u64::try_from(TABLES).unwrap()
    );
}

/// Plays the store for one agent until it reports that everything is applied.
fn wait_until_enforced(listener: &UnixListener, events: &[u8]) {
    let (mut stream, _) = listener.accept().unwrap();
    let statuses = BufReader::new(stream.try_clone().unwrap());
    stream.write_all(events).unwrap();
    let applied = |line: &String| {
        let status: AgentStatus = serde_json::from_str(line).unwrap();
        matches!(status, AgentStatus::Applied { .. })
    };
    let mut lines = statuses.lines().map(Result::unwrap);
    lines.find(applied).unwrap();
    hang_up(&stream);
}

fn hang_up(stream: &UnixStream) {
    stream.shutdown(std::net::Shutdown::Both).unwrap();
}

fn events(cluster: Cluster) -> Vec<u8> {
    let Cluster {
        namespaces,
        pods,
        nodes,
        services,
        network_policies,
        cluster_policies,
        ..
    } = cluster;
    let objects = (namespaces.into_values().map(AgentObject::Namespace))
        .chain(nodes.into_values().map(AgentObject::Node))
        .chain(services.into_values().map(AgentObject::Service))
        .chain(
            network_policies
                .into_values()
                .map(AgentObject::NetworkPolicy),
        )
        .chain(
            cluster_policies
                .into_values()
                .map(AgentObject::ClusterPolicy),
        )
        .chain(pods.into_values().map(AgentObject::Pod));
    let events = std::iter::once(StoreEvent::Reset)
        .chain(objects.map(StoreEvent::Apply))
        .chain([StoreEvent::Synced { revision: 1 }]);
    let mut lines = Vec::new();
    for event in events {
        serde_json::to_writer(&mut lines, &event).unwrap();
        lines.push(b'\n');
    }
    lines
}

fn configure(folder: &Path, cluster: &Cluster) -> AgentConfig {
    let path = |name: &str| folder.join(name);
    let records = path("data/endpoints");
    fs::create_dir_all(&records).unwrap();
    for pod in local(cluster) {
        let record = record(pod);
        let file = records.join(format!("{}.json", record.id));
        fs::write(file, serde_json::to_vec(&record).unwrap()).unwrap();
    }
    AgentConfig {
        node: NODE.to_owned(),
        store: Some(path("store.sock")),
        cni_socket: path("cni.sock"),
        data_dir: path("data"),
        network: network(),
        enforcement: Enforcement::On,
        table_name: TABLE_NAME.to_owned(),
        protect_table: false,
        listen: None,
        host_cgroups: None,
    }
}

fn network() -> NetworkConfig {
    NetworkConfig {
        pod_cidrs: vec!["10.0.0.0/8".parse().unwrap()],
        service_cidrs: vec!["172.31.0.0/16".parse().unwrap()],
        tunnel_port: None,
        record: Record::Denied,
        capacity: Capacity::default(),
    }
}

fn local(cluster: &Cluster) -> impl Iterator<Item = &Pod> {
    let pods = cluster.pods.values();
    pods.filter(|pod| pod.node.as_deref() == Some(NODE) && !pod.host_network)
}

fn record(pod: &Pod) -> Endpoint {
    let id = EndpointId::new(pod.name.to_string().replace('/', "."), "eth0");
    Endpoint {
        host_interface: host_interface(&id),
        pod: Some(PodName {
            namespace: pod.name.namespace.clone(),
            name: pod.name.name.clone(),
        }),
        uid: None,
        netns: PathBuf::from("/nowhere"),
        network: "pods".to_owned(),
        addresses: pod.addresses.clone(),
        state: EndpointState::Wired,
        id,
    }
}

fn endpoint(pod: &Pod) -> LocalEndpoint {
    let record = record(pod);
    LocalEndpoint {
        pod: pod.name.clone(),
        host_interface: record.host_interface,
        addresses: record.addresses,
    }
}

/// In KiB: what is neither a process's nor can be taken back.
fn kernel_memory() -> u64 {
    let info = fs::read_to_string("/proc/meminfo").unwrap();
    ["SUnreclaim:", "Percpu:", "VmallocUsed:"]
        .into_iter()
        .map(|name| field(&info, name))
        .sum()
}

/// The number behind `name`, in KiB.
fn field(text: &str, name: &str) -> u64 {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

fn spread(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |index: usize| times.get(index).unwrap().as_millis();
    format!(
        "{} ms, {} to {} ms in {} turns",
        at(times.len() / 2),
        at(0),
        at(times.len() - 1),
        times.len()
    )
}
