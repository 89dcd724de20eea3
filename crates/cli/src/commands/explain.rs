//! `ringfence explain`: may this connection be opened, and which line of which manifest says so?

mod arguments;

use std::process::ExitCode;

use anyhow::bail;
use ringfence_model::{Endpoint, Outcome, Query};
use ringfence_net::IpProtocol;

use crate::inputs::endpoint::EndpointArgument;
use crate::inputs::port::PortArgument;

pub(crate) use arguments::{EXAMPLES, ExplainArguments};

pub(crate) fn run(arguments: &ExplainArguments) -> anyhow::Result<ExitCode> {
    let loaded = arguments.manifests.load()?;
    let answer = ringfence_reference::answer(&loaded.cluster, &query(arguments)?)?;
    println!("{answer}");
    Ok(match answer.outcome {
        Outcome::Allow => ExitCode::SUCCESS,
        Outcome::Deny | Outcome::Partial | Outcome::NoEndpoints | Outcome::Unknown { .. } => {
            ExitCode::FAILURE
        }
    })
}

fn query(arguments: &ExplainArguments) -> anyhow::Result<Query> {
    let namespace = &arguments.manifests.options.namespace;
    let (protocol, port) = port(&arguments.port)?;
    Ok(Query {
        source: endpoint(&arguments.source, namespace)?,
        destination: endpoint(&arguments.destination, namespace)?,
        protocol,
        port,
    })
}

fn port(text: &str) -> anyhow::Result<(IpProtocol, Option<u16>)> {
    Ok(match text.parse()? {
        PortArgument::Numbers(protocol, range) if range.first() == range.last() => {
            (protocol.into(), Some(range.first()))
        }
        PortArgument::Portless(protocol) => (protocol, None),
        PortArgument::Numbers(..) | PortArgument::Named(..) => {
            bail!("`{text}` is not one port: write its number")
        }
    })
}

fn endpoint(text: &str, namespace: &str) -> anyhow::Result<Endpoint> {
    Ok(match EndpointArgument::parse(text, namespace)? {
        EndpointArgument::Pod(name) => Endpoint::Pod(name),
        EndpointArgument::Service(name) => Endpoint::Service(name),
        EndpointArgument::Node(name) => Endpoint::Node(name),
        EndpointArgument::Address(address) => Endpoint::Address(address),
        EndpointArgument::Workload(..)
        | EndpointArgument::NewPod { .. }
        | EndpointArgument::WellKnown(_) => {
            bail!("`{text}` is not one endpoint: name a pod, a Service, a node or an address")
        }
    })
}
