//! What is asked: ways from an end to an end, and the ports on each.

use std::collections::BTreeSet;

use ringfence_model::{Cluster, Endpoint, ObjectName};
use ringfence_net::IpProtocol;
use ringfence_policy::Engine;
use ringfence_reach::assertion::pairs;

use super::ExplainArguments;
use super::few::Few;
use crate::inputs::endpoint::EndpointArgument;
use crate::inputs::port::PortArgument;
use crate::inputs::resolve::{Asked, Side, asked, resolve, resolve_at};

/// What the user asks, as it was typed.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) source: EndpointArgument,
    pub(super) destination: EndpointArgument,
    pub(super) port: Option<PortArgument>,
    /// The ends as they were typed.
    texts: [String; 2],
}

/// One way from an end to an end, in the place of all that no policy tells apart from it.
#[derive(Clone, Debug)]
pub(super) struct Way {
    pub(super) source: Endpoint,
    pub(super) destination: Endpoint,
    /// The ways that it stands for, itself included.
    pub(super) alike: usize,
    /// Whether an end stands for others of its workload.
    pub(super) is_for_others: bool,
}

impl Question {
    pub(super) fn parse(arguments: &ExplainArguments) -> anyhow::Result<Self> {
        let namespace = &arguments.manifests.options.namespace;
        let port = arguments.port.as_deref().map(str::parse).transpose()?;
        Ok(Self {
            source: EndpointArgument::parse(&arguments.source, namespace)?,
            destination: EndpointArgument::parse(&arguments.destination, namespace)?,
            port,
            texts: [arguments.source.clone(), arguments.destination.clone()],
        })
    }

    /// The ends, and how they were typed.
    pub(super) fn typed(&self) -> impl Iterator<Item = (&EndpointArgument, &str)> {
        let ends = [&self.source, &self.destination].into_iter();
        ends.zip(self.texts.iter().map(String::as_str))
    }

    /// The pods that it names.
    pub(super) fn pods(&self) -> impl Iterator<Item = ObjectName> {
        let ends = [&self.source, &self.destination].into_iter();
        ends.filter_map(EndpointArgument::pod).cloned()
    }

    /// The port as it stands behind the ends, if one is asked for; else of a Service what is asked in its place.
    pub(super) fn port_behind(&self) -> String {
        match (&self.port, &self.destination) {
            (Some(port), _) => format!(" {port}"),
            (None, EndpointArgument::Service(_)) => " on the ports that it serves".to_owned(),
            (None, _) => String::new(),
        }
    }

    /// The ends, with what they need added to `cluster`.
    pub(super) fn resolve(
        &self,
        cluster: &mut Cluster,
    ) -> anyhow::Result<(Vec<Endpoint>, Vec<Endpoint>)> {
        let sources = resolve(cluster, &self.source, Side::Source)?;
        let ports = self.port.as_slice();
        let destinations = resolve_at(cluster, &self.destination, Side::Destination, ports)?;
        Ok((sources, destinations))
    }

    /// What is asked on the way to `destination`.
    pub(super) fn asked(&self, cluster: &Cluster, destination: &Endpoint) -> anyhow::Result<Asked> {
        asked(
            cluster,
            &self.destination,
            destination,
            self.port.as_slice(),
        )
    }

    /// The protocol that is asked, where it has no ports; others stand for one another (rule Q-12).
    pub(super) const fn portless(&self) -> Option<IpProtocol> {
        match &self.port {
            Some(PortArgument::Portless(protocol)) => Some(*protocol),
            Some(PortArgument::Numbers(..) | PortArgument::Named(..)) | None => None,
        }
    }

    /// Whether the answer is about one port, and not about which ports pass.
    pub(super) fn is_about_one_port(&self) -> bool {
        match &self.port {
            Some(PortArgument::Numbers(_, range)) => range.first() == range.last(),
            Some(PortArgument::Named(..) | PortArgument::Portless(_)) => true,
            None => false,
        }
    }
}

/// Every way from one of `sources` to one of `destinations`, of those that nothing tells apart one.
pub(super) fn ways(engine: &Engine, sources: &[Endpoint], destinations: &[Endpoint]) -> Vec<Way> {
    let from = Few::of(engine, sources, destinations);
    let to = Few::of(engine, destinations, sources);
    let (sources, destinations) = (from.kept(), to.kept());
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for (source, destination) in pairs(engine.cluster(), &sources, &destinations) {
        let kinds = (from.kind(&source), to.kind(&destination));
        let is_new = match kinds {
            (Some(from), Some(to)) => seen.insert((from, to)),
            (None, _) | (_, None) => true,
        };
        if is_new {
            let alike = match kinds {
                (Some(_), Some(_)) => from.pairs_with(&to, kinds),
                (None, _) | (_, None) => from.share(&source) * to.share(&destination),
            };
            let is_for_others = from.members(kinds.0) > 1 || to.members(kinds.1) > 1;
            found.push(Way {
                source,
                destination,
                alike,
                is_for_others,
            });
        }
    }
    found
}
