//! Which records are asked for.

use ringfence_agent::flows::{FlowEnd, FlowRecord};
use ringfence_model::{Cluster, Endpoint, Labels, ObjectName};

use super::FlowsArguments;
use super::source::Source;
use crate::inputs::endpoint::EndpointArgument;
use crate::inputs::resolve::{Side, resolve};

/// What records must be like.
pub(super) struct Filter<'a> {
    arguments: &'a FlowsArguments,
    from: Option<Wanted>,
    to: Option<Wanted>,
}

/// What an end must be like.
enum Wanted {
    /// One of these.
    Named(Vec<Endpoint>),
    /// A pod with these labels.
    Labelled { namespace: String, labels: Labels },
    /// Neither pod nor node.
    Stranger,
}

impl<'a> Filter<'a> {
    pub(super) fn new(arguments: &'a FlowsArguments, source: &Source) -> anyhow::Result<Self> {
        let wanted = |text: Option<&str>, side| {
            let wanted = text.map(|text| wanted(text, side, source));
            wanted.transpose()
        };
        Ok(Self {
            arguments,
            from: wanted(arguments.from.as_deref(), Side::Source)?,
            to: wanted(arguments.to.as_deref(), Side::Destination)?,
        })
    }

    pub(super) fn matches(&self, record: &FlowRecord) -> bool {
        let Self {
            arguments,
            from,
            to,
        } = self;
        let verdict = arguments.verdict.map(super::arguments::Verdict::of_record);
        verdict.is_none_or(|verdict| record.verdict == verdict)
            && from.as_ref().is_none_or(|from| from.is(&record.source))
            && to.as_ref().is_none_or(|to| to.is(&record.destination))
            && arguments.since.is_none_or(|since| record.time >= since)
            && arguments
                .policy
                .as_ref()
                .is_none_or(|policy| record.policies.iter().any(|one| policy.may_be(one)))
    }
}

fn wanted(text: &str, side: Side, source: &Source) -> anyhow::Result<Wanted> {
    let argument = EndpointArgument::parse(text, "default")?;
    match argument {
        EndpointArgument::NewPod { namespace, labels } => {
            Ok(Wanted::Labelled { namespace, labels })
        }
        EndpointArgument::WellKnown(known) if known.word() == "internet" => Ok(Wanted::Stranger),
        // Pods that are gone by now are still in the records.
        EndpointArgument::Pod(name) => Ok(Wanted::Named(vec![Endpoint::Pod(name)])),
        EndpointArgument::Node(name) => Ok(Wanted::Named(vec![Endpoint::Node(name)])),
        EndpointArgument::Address(address) => Ok(Wanted::Named(vec![Endpoint::Address(address)])),
        EndpointArgument::Workload(..)
        | EndpointArgument::Service(_)
        | EndpointArgument::WellKnown(_) => {
            let mut cluster = source.cluster()?;
            let ends = resolve(&mut cluster, &argument, side)?;
            Ok(Wanted::Named(
                ends.into_iter()
                    .flat_map(|end| behind(&cluster, end))
                    .collect(),
            ))
        }
    }
}

/// Records have the pods that Services lead to.
pub(crate) fn behind(cluster: &Cluster, end: Endpoint) -> Vec<Endpoint> {
    let Endpoint::Service(name) = &end else {
        return vec![end];
    };
    let Some(service) = cluster.services.get(name) else {
        return Vec::new();
    };
    let selected = |name: &ObjectName, labels: &Labels| {
        let wanted = &service.selector;
        name.namespace == service.name.namespace
            && !wanted.is_empty()
            && wanted
                .iter()
                .all(|(key, value)| labels.get(key) == Some(value))
    };
    let pods = cluster.pods.values();
    let pods = pods.filter(|pod| selected(&pod.name, &pod.labels));
    pods.map(|pod| Endpoint::Pod(pod.name.clone())).collect()
}

impl Wanted {
    fn is(&self, end: &FlowEnd) -> bool {
        match self {
            Self::Named(ends) => ends.iter().any(|wanted| is(wanted, end)),
            Self::Labelled { namespace, labels } => {
                let pod = end.pod.as_ref();
                pod.is_some_and(|pod| pod.namespace == *namespace)
                    && labels
                        .iter()
                        .all(|(key, value)| end.labels.get(key) == Some(value))
            }
            Self::Stranger => end.pod.is_none() && end.node.is_none(),
        }
    }
}

fn is(wanted: &Endpoint, end: &FlowEnd) -> bool {
    match wanted {
        Endpoint::Pod(name) => end.pod.as_ref() == Some(name),
        Endpoint::Node(name) => end.pod.is_none() && end.node.as_ref() == Some(name),
        Endpoint::Address(address) => end.address == *address,
        Endpoint::Service(_) => false,
    }
}
