//! The life of a pod: sandbox, network, containers, readiness, end.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use ringfence_agent::protocol::AgentObject;
use ringfence_cni::result::AddResult;
use ringfence_cni::runtime::{Attachment, Runtime, RuntimeError};
use ringfence_dns::{DnsConfig, Updates};
use ringfence_model::{ObjectName, Phase, RestartPolicy};
use ringfence_net::Protocol;
use ringfence_netlink::namespace;
use ringfence_standin::responder::{ResponderConfig, ResponderPort};

use super::containers::now;
use super::nodes::{DIRECTORY, Node, plugin_dir};
use super::{Lab, PodRecord, programs};
use crate::cluster::desired::{DesiredContainer, DesiredPod, Program};
use crate::process::sandbox::{ContainerCommand, InitEvent, SandboxConfig};
use crate::sandbox::{Sandbox, pod_files};

/// How long a container may take until its ports answer.
const READY_LIMIT: Duration = Duration::from_secs(10);
const READY_PAUSE: Duration = Duration::from_millis(5);
/// Longest pause before a container that ends is started again; the first is a tenth of a second and doubles.
const LONGEST_BACK_OFF: Duration = Duration::from_secs(10);
/// The CNI specification's code for "try again later".
const TRY_AGAIN_LATER: u32 = 11;
/// The name of a pod's interface.
const INTERFACE: &str = "eth0";
const DNS_PORT: u16 = 53;
/// Where the DNS pod takes zones.
pub const DNS_SOCKET: &str = "/run/ringfence/dns.sock";

/// Brings a pod up; its record says what became of it.
pub fn run(lab: &Arc<Lab>, name: &ObjectName) {
    let Err(error) = start(lab, name) else {
        return;
    };
    tracing::warn!(pod = %name, "{error:#}");
    let mut sandbox = None;
    lab.update_pod(name, |record| {
        record.pod.phase = Phase::Failed;
        record.message = Some(format!("{error:#}"));
        record.failed_to_start = true;
        sandbox = record.sandbox.take();
    });
    if let (Some(sandbox), Some(pod)) = (sandbox, lab.desired_pod(name)) {
        release(lab, &pod, sandbox);
    }
}

fn start(lab: &Arc<Lab>, name: &ObjectName) -> anyhow::Result<()> {
    let desired = lab.desired_pod(name).context("the pod is gone")?;
    let node = lab.node(desired.pod.node.as_deref().context("the pod has no node")?)?;
    let directory = directory(name);
    let mut sandbox = start_sandbox(lab, node, &desired, &directory)?;
    let attachment = attachment(name, &sandbox);
    let process = sandbox.pid();
    let events = sandbox.events.take().context("events already taken")?;
    let known = lab.update_pod(name, |record| record.sandbox = Some(sandbox));
    anyhow::ensure!(known, "the pod was deleted while it started");
    let addresses = if desired.pod.host_network {
        lab.node_addresses(&node.name)
    } else {
        attach(node, &attachment)?
    };
    write_hosts(&desired, &addresses, &directory)?;
    lab.publish_addresses(name, &addresses);
    for container in &desired.containers {
        start_container(
            lab,
            name,
            command(&desired, container, &node.name, &addresses)?,
        )?;
    }
    let early = wait_until_started(&events, desired.containers.len())?;
    lab.update_pod(name, |record| {
        for container in &desired.containers {
            let state = record.containers.entry(container.name.clone());
            state.or_default().start(now());
        }
    });
    watch(lab, name, process, early.into_iter().chain(events));
    wait_until_ports_answer(node, &desired, &addresses)?;
    lab.mark_running(name);
    Ok(())
}

fn start_container(lab: &Lab, name: &ObjectName, command: ContainerCommand) -> anyhow::Result<()> {
    let mut started = Err(anyhow::anyhow!("the pod was deleted while it started"));
    lab.update_pod(name, |record| {
        if let Some(sandbox) = &mut record.sandbox {
            started = sandbox.start_container(command);
        }
    });
    started
}

/// Waits until every container runs; what else was reported meanwhile is returned.
fn wait_until_started(
    events: &Receiver<InitEvent>,
    containers: usize,
) -> anyhow::Result<Vec<InitEvent>> {
    let mut early = Vec::new();
    let mut started = 0;
    while started < containers {
        let event = events.recv_timeout(READY_LIMIT);
        match event.context("the pod's process 1 does not answer")? {
            InitEvent::Started { .. } => started += 1,
            InitEvent::StartFailed { name, message } => {
                anyhow::bail!("container {name}: {message}")
            }
            other @ (InitEvent::Ready | InitEvent::Exited { .. }) => early.push(other),
        }
    }
    Ok(early)
}

/// Ends a pod.
pub fn stop(lab: &Lab, record: PodRecord) {
    if let Some(sandbox) = record.sandbox {
        release(lab, &record.desired, sandbox);
    }
    let _ = std::fs::remove_dir_all(directory(&record.pod.name));
}

/// Ends a pod's sandbox: first its network, so that its address is free of rules and connections before it is given
/// out again.
pub(crate) fn release(lab: &Lab, desired: &DesiredPod, sandbox: Sandbox) {
    let name = &desired.pod.name;
    if let Some(node) = &desired.pod.node
        && !desired.pod.host_network
        && let Ok(node) = lab.node(node)
    {
        let attachment = attachment(name, &sandbox);
        let detached = namespace::run_in(&node.namespace, || runtime(node).del(&attachment));
        match detached {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(pod = %name, "CNI DEL: {error}"),
            Err(error) => tracing::warn!(pod = %name, "CNI DEL: {error}"),
        }
    }
    drop(sandbox);
}

/// The pod's own files.
#[must_use]
pub fn directory(name: &ObjectName) -> PathBuf {
    Path::new(DIRECTORY)
        .join("pods")
        .join(format!("{}_{}", name.namespace, name.name))
}

fn start_sandbox(
    lab: &Lab,
    node: &Node,
    desired: &DesiredPod,
    directory: &Path,
) -> anyhow::Result<Sandbox> {
    let config = SandboxConfig {
        hostname: if desired.pod.host_network {
            node.name.clone()
        } else {
            desired.hostname.clone()
        },
        host_network: desired.pod.host_network,
        directory: directory.to_owned(),
        files: pod_files(&desired.hostname, None, &lab.resolv_conf(&desired.pod)),
    };
    namespace::run_in(&node.namespace, || Sandbox::start(&config))?
}

fn attach(node: &Node, attachment: &Attachment) -> anyhow::Result<Vec<IpAddr>> {
    let result = namespace::run_in(&node.namespace, || add(node, attachment))?
        .context("the CNI plugin failed")?;
    Ok(result.ips.iter().map(|ip| ip.address.addr()).collect())
}

/// Tries again as a kubelet does while the plugin says that it may work later: the agent has just been started.
fn add(node: &Node, attachment: &Attachment) -> Result<AddResult, RuntimeError> {
    let deadline = Instant::now() + READY_LIMIT;
    loop {
        match runtime(node).add(attachment) {
            Err(error) if error.code() == Some(TRY_AGAIN_LATER) && Instant::now() < deadline => {
                std::thread::sleep(READY_PAUSE);
            }
            result => return result,
        }
    }
}

fn runtime(node: &Node) -> Runtime {
    Runtime {
        cni_path: vec![plugin_dir()],
        conf_dir: node.conf_dir(),
        cache_dir: node.cache_dir(),
    }
}

fn attachment(name: &ObjectName, sandbox: &Sandbox) -> Attachment {
    let container_id = format!("lab-{}", sandbox.pid());
    Attachment {
        args: vec![
            ("IgnoreUnknown".to_owned(), "1".to_owned()),
            ("K8S_POD_NAMESPACE".to_owned(), name.namespace.clone()),
            ("K8S_POD_NAME".to_owned(), name.name.clone()),
            (
                "K8S_POD_INFRA_CONTAINER_ID".to_owned(),
                container_id.clone(),
            ),
        ],
        container_id,
        netns: sandbox.network_namespace(),
        ifname: INTERFACE.to_owned(),
        ..Attachment::default()
    }
}

fn write_hosts(desired: &DesiredPod, addresses: &[IpAddr], directory: &Path) -> anyhow::Result<()> {
    let files = pod_files(&desired.hostname, addresses.first().copied(), "");
    let hosts = files
        .get(Path::new("/etc/hosts"))
        .map(String::as_str)
        .unwrap_or_default();
    std::fs::write(directory.join("hosts"), hosts).context("cannot write the pod's /etc/hosts")
}

fn command(
    desired: &DesiredPod,
    container: &DesiredContainer,
    node: &str,
    addresses: &[IpAddr],
) -> anyhow::Result<ContainerCommand> {
    let internal = |arguments: &[&str]| {
        std::iter::once("internal")
            .chain(arguments.iter().copied())
            .map(str::to_owned)
            .collect()
    };
    let (arguments, builtin, input) = match &container.program {
        Program::Responder => {
            let config = responder(desired, container, node);
            (
                internal(&["responder"]),
                true,
                Some(serde_json::to_string(&config)?),
            )
        }
        Program::Agnhost(arguments) => {
            let invocation = programs::builtin("agnhost", arguments);
            (invocation.arguments, invocation.builtin, None)
        }
        Program::Machine(arguments) => {
            let invocation = programs::invocation(arguments);
            (invocation.arguments, invocation.builtin, None)
        }
        Program::Dns => {
            // A socket of a container that was killed may have left its name.
            let _ = std::fs::remove_file(DNS_SOCKET);
            let config = DnsConfig {
                listen: addresses
                    .iter()
                    .map(|address| SocketAddr::new(*address, DNS_PORT))
                    .collect(),
                upstream: Vec::new(),
                updates: Updates::Socket(DNS_SOCKET.into()),
            };
            (
                internal(&["dns"]),
                true,
                Some(serde_json::to_string(&config)?),
            )
        }
    };
    Ok(ContainerCommand {
        name: container.name.clone(),
        arguments,
        builtin,
        environment: programs::environment(desired, &container.environment),
        log: directory(&desired.pod.name).join(format!("{}.log", container.name)),
        input,
    })
}

fn responder(desired: &DesiredPod, container: &DesiredContainer, node: &str) -> ResponderConfig {
    ResponderConfig {
        pod: desired.pod.name.name.clone(),
        namespace: desired.pod.name.namespace.clone(),
        node: node.to_owned(),
        image: container.image.clone(),
        container: container.name.clone(),
        addresses: vec![IpAddr::from([0; 4]), IpAddr::from([0; 16])],
        ports: container
            .ports
            .iter()
            .filter(|port| port.protocol != Protocol::Sctp)
            .map(|port| ResponderPort {
                protocol: port.protocol,
                port: port.port,
                name: port.name.clone(),
            })
            .collect(),
    }
}

/// A kubelet's TCP probe from the node, which every policy lets through (rule NP-50).
fn wait_until_ports_answer(
    node: &Node,
    desired: &DesiredPod,
    addresses: &[IpAddr],
) -> anyhow::Result<()> {
    let Some(address) = addresses.first() else {
        return Ok(());
    };
    let ports: Vec<u16> = desired
        .containers
        .iter()
        .filter(|container| !matches!(container.program, Program::Machine(_)))
        .flat_map(|container| &container.ports)
        .filter(|port| port.protocol == Protocol::Tcp)
        .map(|port| port.port)
        .collect();
    namespace::run_in(&node.namespace, || {
        let deadline = Instant::now() + READY_LIMIT;
        for port in ports {
            let target = SocketAddr::new(*address, port);
            while TcpStream::connect_timeout(&target, READY_LIMIT).is_err() {
                anyhow::ensure!(
                    Instant::now() < deadline,
                    "port {port} does not answer after {} s",
                    READY_LIMIT.as_secs()
                );
                std::thread::sleep(READY_PAUSE);
            }
        }
        Ok(())
    })?
}

/// Follows what process 1 of the pod reports, from what it has reported already, and starts ended containers again.
fn watch(
    lab: &Arc<Lab>,
    name: &ObjectName,
    process: u32,
    events: impl Iterator<Item = InitEvent> + Send + 'static,
) {
    let (lab, name) = (Arc::clone(lab), name.clone());
    std::thread::spawn(move || {
        let mut ends: BTreeMap<String, Ends> = BTreeMap::new();
        for event in events {
            match event {
                InitEvent::Ready | InitEvent::Started { .. } => {}
                InitEvent::StartFailed {
                    name: container,
                    message,
                } => {
                    lab.update_pod(&name, |record| {
                        record.message = Some(format!("container {container}: {message}"));
                    });
                }
                InitEvent::Exited {
                    name: container,
                    code,
                } => {
                    let end = ends.entry(container.clone()).or_default();
                    end.count += 1;
                    end.last_code = code;
                    lab.update_pod(&name, |record| {
                        let state = record.containers.entry(container.clone());
                        state.or_default().end(code, now());
                    });
                    container_ended(&lab, &name, process, &container, &ends);
                }
            }
        }
    });
}

/// How a container has ended so far.
#[derive(Clone, Copy, Debug, Default)]
struct Ends {
    count: u32,
    last_code: i32,
}

fn container_ended(
    lab: &Arc<Lab>,
    name: &ObjectName,
    process: u32,
    container: &str,
    ends: &BTreeMap<String, Ends>,
) {
    let (Some(desired), Some(end)) = (lab.desired_pod(name), ends.get(container)) else {
        return;
    };
    let code = end.last_code;
    if stays_ended(desired.restart, code) {
        if code != 0 {
            lab.update_pod(name, |record| {
                record.message = Some(format!("container {container} ended with code {code}"));
            });
        }
        finish_if_all_ended(lab, name, &desired, ends);
        return;
    }
    lab.update_pod(name, |record| {
        record.message = Some(format!(
            "container {container} ended with code {code}, {} times",
            end.count
        ));
    });
    let pause = Duration::from_millis(100 << end.count.min(7)).min(LONGEST_BACK_OFF);
    let (lab, container) = (Arc::clone(lab), container.to_owned());
    std::thread::spawn(move || {
        std::thread::sleep(pause);
        restart(&lab, &desired, process, &container);
    });
}

const fn stays_ended(policy: RestartPolicy, code: i32) -> bool {
    match policy {
        RestartPolicy::Always => false,
        RestartPolicy::OnFailure => code == 0,
        RestartPolicy::Never => true,
    }
}

fn finish_if_all_ended(
    lab: &Lab,
    name: &ObjectName,
    desired: &DesiredPod,
    ends: &BTreeMap<String, Ends>,
) {
    let last: Option<Vec<i32>> = desired
        .containers
        .iter()
        .map(|container| Some(ends.get(&container.name)?.last_code))
        .collect();
    if let Some(codes) = last
        && codes.iter().all(|code| stays_ended(desired.restart, *code))
    {
        lab.finish_pod(name, codes.iter().all(|code| *code == 0));
    }
}

/// Starts a container again, unless its sandbox is gone: a pod of the same name may have come after it.
fn restart(lab: &Lab, desired: &DesiredPod, process: u32, container: &str) {
    let Some(container) = desired.containers.iter().find(|one| one.name == container) else {
        return;
    };
    let node = desired.pod.node.as_deref().unwrap_or_default();
    lab.update_pod(&desired.pod.name, |record| {
        let Some(sandbox) = record.sandbox.as_mut().filter(|it| it.pid() == process) else {
            return;
        };
        let Ok(command) = command(desired, container, node, &record.pod.addresses) else {
            return;
        };
        match sandbox.start_container(command) {
            Ok(()) => {
                let state = record.containers.entry(container.name.clone());
                state.or_default().start(now());
            }
            Err(error) => record.message = Some(format!("{error:#}")),
        }
    });
}

/// The policy view of a pod, for the agents.
#[must_use]
pub fn object(record: &PodRecord) -> AgentObject {
    AgentObject::Pod(record.pod.clone())
}
