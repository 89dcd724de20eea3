//! What runs for a container.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use ringfence_dns::{DnsConfig, Sharing, Updates, UpstreamConfig};
use ringfence_net::Protocol;
use ringfence_standin::responder::{ResponderConfig, ResponderPort};

use super::super::{Lab, programs};
use super::{directory, dns_socket, volumes};
use crate::cluster::desired::{DesiredContainer, DesiredPod, ImageProgram, Program};
use crate::cluster::images::run_as;
use crate::cluster::system::DNS_SERVERS;
use crate::process::container::ContainerRoot;
use crate::process::sandbox::ContainerCommand;

const DNS_PORT: u16 = 53;
/// Files of `/etc` that every container of a pod has from the pod.
const OWN_FILES: [&str; 3] = ["hostname", "hosts", "resolv.conf"];
/// Where the first of the cluster's DNS servers hands out its counters: the port of CoreDNS. The second has the next one.
const DNS_METRICS_PORT: u16 = 9153;

/// The program of a container, with all that it is given.
pub(in super::super) fn command(
    lab: &Lab,
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
        Program::Responder | Program::Arguments(_) => {
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
        Program::Image(program) => (program.arguments.clone(), false, None),
        Program::Dns => {
            // A socket of a container that was killed may have left its name.
            let updates = dns_socket(&container.name);
            let _ = std::fs::remove_file(&updates);
            let mut servers = (DNS_METRICS_PORT..).zip(DNS_SERVERS);
            let own = servers.find(|(_, server)| *server == container.name);
            let config = DnsConfig {
                sharing: Sharing::Shared,
                listen: addresses
                    .iter()
                    .map(|address| SocketAddr::new(*address, DNS_PORT))
                    .collect(),
                upstream: UpstreamConfig::Nobody,
                metrics: own
                    .into_iter()
                    .flat_map(|(port, _)| {
                        addresses.iter().map(move |ip| SocketAddr::new(*ip, port))
                    })
                    .collect(),
                updates: Updates::Socket(updates),
                agents: lab.nodes.iter().map(|node| node.names_socket()).collect(),
            };
            (
                internal(&["dns"]),
                true,
                Some(serde_json::to_string(&config)?),
            )
        }
    };
    let root = container
        .image_program()
        .map(|program| root(lab, desired, container, program).map(Box::new))
        .transpose()?;
    Ok(ContainerCommand {
        folder: folder(container).map(PathBuf::from),
        name: container.name.clone(),
        arguments,
        builtin,
        environment: programs::environment(desired, Some(container)),
        printed: directory(&desired.pod.name),
        input,
        volumes: Vec::new(),
        taken: Vec::new(),
        root,
    })
}

/// Where it begins, if somebody says.
fn folder(container: &DesiredContainer) -> Option<&str> {
    let image = container
        .image_program()
        .map(|program| &program.image.folder);
    let said = std::iter::once(&container.details.working_dir).chain(image);
    let mut said = said.map(String::as_str);
    said.find(|folder| !folder.is_empty())
}

/// The files of a container that runs its image.
fn root(
    lab: &Lab,
    desired: &DesiredPod,
    container: &DesiredContainer,
    program: &ImageProgram,
) -> anyhow::Result<ContainerRoot> {
    let directory = directory(&desired.pod.name);
    let files = OWN_FILES.map(|name| (directory.join(name), Path::new("/etc").join(name)));
    Ok(ContainerRoot {
        image: lab.images.files(&program.image)?,
        own: directory.join("roots").join(&container.name),
        read_only: container.details.security_context.read_only_root_filesystem,
        files: files.into(),
        volumes: volumes::own(desired, container)?,
        run_as: run_as(&desired.details, &container.details, &program.image),
        waits: program.waits,
    })
}

fn responder(desired: &DesiredPod, container: &DesiredContainer, node: &str) -> ResponderConfig {
    let probed = probed_ports(container).into_iter();
    let probed = probed.map(|port| ResponderPort {
        protocol: Protocol::Tcp,
        port,
        name: None,
    });
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
            .chain(probed)
            .collect(),
    }
}

/// Ports that only probes name: the image would listen there.
fn probed_ports(container: &DesiredContainer) -> BTreeSet<u16> {
    let details = &container.details;
    let probes = [
        &details.startup_probe,
        &details.readiness_probe,
        &details.liveness_probe,
    ];
    let actions = probes.into_iter().flatten().map(|probe| &probe.action);
    let ports = actions.flat_map(|action| {
        let get = action.http_get.as_ref().map(|get| &get.port);
        let socket = action.tcp_socket.as_ref().map(|socket| &socket.port);
        get.into_iter().chain(socket)
    });
    let numbers = ports.filter_map(|port| u16::try_from(port.as_u64()?).ok());
    let is_declared = |number: &u16| {
        let mut ports = container.ports.iter();
        ports.any(|port| port.protocol == Protocol::Tcp && port.port == *number)
    };
    numbers.filter(|number| !is_declared(number)).collect()
}
