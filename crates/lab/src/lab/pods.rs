//! The life of a pod: sandbox, network, containers, readiness, end.

mod command;
mod init;
mod probes;
mod volumes;
mod watch;

use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use ringfence_cni::result::AddResult;
use ringfence_cni::runtime::{Attachment, Runtime, RuntimeError};
use ringfence_model::{ObjectName, RestartPolicy};
use ringfence_net::Protocol;
use ringfence_netlink::namespace;

use super::kubelet::{Normal, Warning};
use super::nodes::{DIRECTORY, Node, plugin_dir};
use super::{Lab, PodId};
use crate::cluster::desired::{DesiredPod, Program};
use crate::process::sandbox::{ContainerCommand, InitEvent, SandboxConfig};
use crate::process::volumes::VolumePlace;
use crate::sandbox::{Sandbox, pod_files};
pub(super) use command::command;
pub(super) use probes::waits_for_probe;
pub(super) use volumes::added as added_volumes;
use watch::{back_off, watch};

/// How long a container may take until its ports answer.
const READY_LIMIT: Duration = Duration::from_secs(10);
const READY_PAUSE: Duration = Duration::from_millis(5);
/// The CNI specification's code for "try again later".
const TRY_AGAIN_LATER: u32 = 11;
/// The name of a pod's interface.
const INTERFACE: &str = "eth0";

/// Where a DNS server, a container of the DNS pod, takes zones.
#[must_use]
pub fn dns_socket(container: &str) -> PathBuf {
    PathBuf::from(format!("/run/ringfence/{container}.sock"))
}

/// What is to be ended of a pod: what ran in it, and its sandbox.
pub(super) type Remains = (DesiredPod, Option<Sandbox>);

/// Why a pod could not be started.
#[derive(Debug)]
struct Failure {
    /// Why its containers wait.
    waiting: &'static str,
    /// The reason of the event.
    event: &'static str,
    /// Whether it is the fault of a container, which may be one that is not tried again.
    is_of_container: bool,
    error: anyhow::Error,
}

impl Failure {
    const fn sandbox(error: anyhow::Error) -> Self {
        Self {
            waiting: "ContainerCreating",
            event: "FailedCreatePodSandBox",
            is_of_container: false,
            error,
        }
    }

    const fn container(error: anyhow::Error) -> Self {
        Self {
            waiting: "RunContainerError",
            event: "Failed",
            is_of_container: true,
            error,
        }
    }

    fn is_final(&self, restart: RestartPolicy) -> bool {
        self.is_of_container && restart == RestartPolicy::Never
    }
}

/// Brings a pod up, again and again if need be, until it runs or is to end. Its record says what became of it.
pub fn run(lab: &Arc<Lab>, pod: &PodId) {
    let mut failures = 0;
    while let Err(failure) = start(lab, pod) {
        failures += 1;
        give_up(lab, pod, &failure);
        if desired(lab, pod).is_ok_and(|desired| failure.is_final(desired.restart)) {
            lab.fail_pod(pod);
            break;
        }
        if !lab.may_try_again(pod, back_off(failures)) {
            break;
        }
    }
    lab.leave_pod(pod);
}

/// Ends what has been started of a pod and says why.
fn give_up(lab: &Arc<Lab>, pod: &PodId, failure: &Failure) {
    let message = format!("{:#}", failure.error);
    tracing::warn!(pod = %pod.name, "{message}");
    let mut remains = None;
    lab.update_pod(pod, |record| {
        record.message = Some(message.clone());
        record.failure = Some(failure.waiting);
        record.containers.clear();
        record.pod.addresses.clear();
        remains = record.sandbox.take().zip(Some(record.desired.clone()));
    });
    if let Some((sandbox, desired)) = remains {
        release(lab, &desired, sandbox);
    }
    lab.event(pod, Warning(failure.event), &message);
}

fn start(lab: &Arc<Lab>, pod: &PodId) -> Result<(), Failure> {
    let (events, addresses) = start_network(lab, pod).map_err(Failure::sandbox)?;
    start_containers(lab, pod, events, &addresses).map_err(Failure::container)
}

/// The pod's sandbox, with its addresses.
fn start_network(
    lab: &Arc<Lab>,
    pod: &PodId,
) -> anyhow::Result<(Receiver<InitEvent>, Vec<IpAddr>)> {
    let desired = desired(lab, pod)?;
    lab.update_pod(pod, |_| {});
    let node = node(lab, &desired)?;
    let directory = directory(&pod.name);
    let volumes = volumes::prepare(lab, &desired)?;
    tell_substitutes(lab, pod, &desired);
    let mut sandbox = start_sandbox(lab, node, &desired, volumes)?;
    let attachment = attachment(&pod.name, &sandbox);
    let events = sandbox.events.take().context("events already taken")?;
    let known = lab.update_pod(pod, |record| record.sandbox = Some(sandbox));
    anyhow::ensure!(known, "the pod was deleted while it started");
    let addresses = if desired.pod.host_network {
        lab.node_addresses(&node.name)
    } else {
        attach(node, &attachment)?
    };
    write_hosts(&desired, &addresses, &directory)?;
    lab.publish_addresses(pod, &addresses);
    Ok((events, addresses))
}

fn start_containers(
    lab: &Arc<Lab>,
    pod: &PodId,
    events: Receiver<InitEvent>,
    addresses: &[IpAddr],
) -> anyhow::Result<()> {
    let desired = desired(lab, pod)?;
    let node = node(lab, &desired)?;
    unpack_images(lab, pod, &desired)?;
    let process = lab.exec_target(&pod.name, None)?.pid;
    if !init::run(lab, pod, &desired, addresses, &events)? {
        lab.finish_pod(pod, false);
        return Ok(());
    }
    for container in &desired.containers {
        let command = command(lab, &desired, container, &node.name, addresses)?;
        start_container(lab, pod, command)?;
    }
    let early = wait_until_started(&events, desired.containers.len())?;
    lab.update_pod(pod, |record| {
        record.failure = None;
        record.message = None;
        for container in &desired.containers {
            record.begin(container);
        }
    });
    watch(lab, pod, process, early.into_iter().chain(events));
    wait_until_ports_answer(node, &desired, addresses)?;
    lab.mark_running(pod);
    probes::start(lab, pod, &desired.containers);
    for container in &desired.containers {
        lab.event(
            pod,
            Normal("Started"),
            &format!("Started container {}", container.name),
        );
    }
    Ok(())
}

/// Unpacks what the containers run, and says so.
fn unpack_images(lab: &Lab, pod: &PodId, desired: &DesiredPod) -> anyhow::Result<()> {
    for container in desired.init.iter().chain(&desired.containers) {
        if let Some(program) = container.image_program() {
            lab.images.files(&program.image)?;
            let message = format!(
                "Container image \"{}\" already present on machine",
                container.image
            );
            lab.event(pod, Normal("Pulled"), &message);
        }
    }
    Ok(())
}

/// Says what a lab does in another way than the manifest asks for, or not at all.
fn tell_substitutes(lab: &Lab, pod: &PodId, desired: &DesiredPod) {
    let mut said: Vec<String> = Vec::new();
    for volume in volumes::substituted(desired) {
        said.push(format!(
            "volume {volume} is an empty folder that goes with the pod"
        ));
    }
    for container in desired.init.iter().chain(&desired.containers) {
        let (name, details) = (&container.name, &container.details);
        if details.lifecycle.is_some() {
            said.push(format!("hooks of container {name} are not carried out"));
        }
        let probes = [
            &details.startup_probe,
            &details.readiness_probe,
            &details.liveness_probe,
        ];
        if probes
            .iter()
            .any(|it| it.as_ref().is_some_and(|it| it.action.grpc.is_some()))
        {
            said.push(format!(
                "gRPC probes of container {name} are taken to succeed"
            ));
        }
    }
    if !said.is_empty() {
        let message = format!("not as in a cluster: {}", said.join("; "));
        lab.event(pod, Warning("StandIn"), &message);
    }
}

fn desired(lab: &Lab, pod: &PodId) -> anyhow::Result<DesiredPod> {
    let running = lab.running_pod(&pod.name);
    let own = running.filter(|(id, _)| id == pod);
    own.map(|(_, desired)| desired).context("the pod is gone")
}

fn node<'a>(lab: &'a Lab, desired: &DesiredPod) -> anyhow::Result<&'a Node> {
    let name = desired.pod.node.as_deref();
    Ok(lab.node(name.context("the pod has no node")?)?)
}

fn start_container(lab: &Lab, pod: &PodId, command: ContainerCommand) -> anyhow::Result<()> {
    let mut started = Err(anyhow::anyhow!("the pod was deleted while it started"));
    lab.update_pod(pod, |record| {
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

/// Ends a pod, and says so to the API, which waits for it.
pub fn end(lab: &Lab, pod: &PodId) {
    for (container, record) in lab.container_records(pod).unwrap_or_default() {
        if record.running_since.is_some() {
            let message = format!("Stopping container {container}");
            lab.event(pod, Normal("Killing"), &message);
        }
    }
    lab.wait_until_avoided(pod);
    lab.tell_to_end(pod);
    lab.wait_until_stopped(pod);
    let Some((desired, sandbox)) = lab.take_pod(pod) else {
        return;
    };
    if let Some(sandbox) = sandbox {
        release(lab, &desired, sandbox);
    }
    let _ = std::fs::remove_dir_all(directory(&pod.name));
    if let Some(stored) = lab.stored_as(pod) {
        lab.remove_pod(&stored);
    }
    lab.forget_pod(pod);
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
    volumes: Vec<VolumePlace>,
) -> anyhow::Result<Sandbox> {
    let config = SandboxConfig {
        hostname: if desired.pod.host_network {
            node.name.clone()
        } else {
            desired.hostname.clone()
        },
        host_network: desired.pod.host_network,
        directory: directory(&desired.pod.name),
        files: pod_files(&desired.hostname, None, &lab.resolv_conf(&desired.pod)),
        volumes,
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
        .filter(|container| !matches!(container.program, Program::Machine(_) | Program::Image(_)))
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
