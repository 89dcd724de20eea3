//! `ringfence trace`: one real connection attempt in a lab, and what each node's kernel did with it.

mod arguments;
mod hop;
mod text;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use ringfence_lab::control::client::{Client, Origin};
use ringfence_lab::control::protocol::Place;
use ringfence_model::Endpoint;
use ringfence_net::{ConnectionSet, Protocol};
use ringfence_standin::probe::{ProbeProtocol, ProbeReport, ProbeRequest};
use serde::Serialize;

use super::flows::{Source, behind};
use crate::inputs::endpoint::EndpointArgument;
use crate::inputs::resolve::{Side, asked, resolve_at};
use crate::output::json;
use arguments::TraceFormat;
pub(crate) use arguments::{EXAMPLES, TraceArguments};
use hop::{Asked, Hop, hops};

/// How long nodes count equal packets before they are recorded, and a little more.
const RECORDED_AFTER: Duration = Duration::from_millis(1_500);

/// What is told.
#[derive(Serialize)]
struct Trace {
    hops: Vec<Hop>,
    answer: ProbeReport,
}

pub(crate) fn run(arguments: &TraceArguments) -> anyhow::Result<ExitCode> {
    let client = Client::new(&arguments.lab);
    let asked = ask(arguments, &client)?;
    let mut source = Source::of_lab(&arguments.lab);
    // What is recorded until now is about other packets, and what is still being counted too.
    std::thread::sleep(RECORDED_AFTER);
    source.news()?;
    let answer = probe(arguments, &client, &asked)?;
    std::thread::sleep(RECORDED_AFTER);
    let records = source.news()?.records;
    let trace = Trace {
        hops: hops(&asked, &records, answer.outcome.is_reached()),
        answer,
    };
    match arguments.output {
        TraceFormat::Text => text::print(&trace.hops, &trace.answer),
        TraceFormat::Json => json::print(&trace)?,
    }
    Ok(if trace.answer.outcome.is_reached() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What the words stand for in the lab.
fn ask(arguments: &TraceArguments, client: &Client) -> anyhow::Result<Asked> {
    let mut cluster = client.cluster()?;
    let ports = std::slice::from_ref(&arguments.port);
    let mut one = |argument: &EndpointArgument, side| -> anyhow::Result<Endpoint> {
        let ends = resolve_at(&mut cluster, argument, side, ports)?;
        ends.into_iter().next().context("there is no such endpoint")
    };
    let argument = EndpointArgument::parse(&arguments.source, "default")?;
    let source = one(&argument, Side::Source)?;
    let argument = EndpointArgument::parse(&arguments.destination, "default")?;
    let destination = one(&argument, Side::Destination)?;
    let source = hop::owner(&cluster, source);
    if !matches!(source, Endpoint::Pod(_) | Endpoint::Node(_)) {
        bail!("a connection starts in a pod or at a node of the lab, and {source} is neither");
    }
    let dialled = hop::address(&cluster, &destination)
        .with_context(|| format!("{destination} has no address"))?;
    let asked = asked(&cluster, &argument, &destination, ports)?;
    let (protocol, port) = dialled_port(&asked.connections)?;
    Ok(Asked {
        node: hop::node(&cluster, &source),
        behind: behind(&cluster, destination.clone()),
        source,
        destination,
        dialled,
        protocol,
        port,
    })
}

/// The one port that is meant.
fn dialled_port(asked: &ConnectionSet) -> anyhow::Result<(Protocol, u16)> {
    let mut single = [Protocol::Tcp, Protocol::Udp]
        .into_iter()
        .filter(|protocol| asked.ports(*protocol).len() == 1);
    single
        .find_map(|protocol| Some((protocol, asked.ports(protocol).first()?)))
        .context("one connection is tried: name one port of TCP or UDP, such as 80 or udp/53")
}

fn probe(
    arguments: &TraceArguments,
    client: &Client,
    asked: &Asked,
) -> anyhow::Result<ProbeReport> {
    let origin = match &asked.source {
        Endpoint::Node(name) => Origin::Place(Place::Node(name.clone())),
        Endpoint::Pod(name) => Origin::Pod(name.clone()),
        Endpoint::Address(_) | Endpoint::Service(_) => bail!("nothing can be sent from there"),
    };
    let request = ProbeRequest {
        target: asked.dialled.to_string(),
        port: asked.port,
        protocol: match asked.protocol {
            Protocol::Tcp => ProbeProtocol::Tcp,
            Protocol::Udp => ProbeProtocol::Udp,
            Protocol::Sctp => bail!("there is no SCTP client here"),
        },
        timeout_ms: arguments.timeout,
    };
    let reports = client.probe(&origin, &[request])?;
    reports
        .into_iter()
        .next()
        .context("the probe gave no report")
}
