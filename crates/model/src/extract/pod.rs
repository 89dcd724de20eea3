//! Pods and pod templates (rules, NP-36, OB-7, OB-12).

use std::net::IpAddr;

use super::containers::containers;
use super::{Context, host_pod, meta};
use crate::report::Report;
use crate::validate::{address, names, selector};
use crate::view::View;
use crate::{
    Container, ContainerPort, HostPort, Phase, Pod, PodManifest, PodSpec, RestartPolicy,
    Toleration, Volume, VolumeSource,
};

pub(super) fn pod(context: &mut Context<'_>, root: &View<'_>) -> Option<PodManifest> {
    let meta = meta::namespaced(context, root, names::dns_subdomain);
    let report = &mut *context.report;
    let spec = pod_spec(report, &root.field("spec"));
    let status = root.field("status");
    let pod = Pod {
        name: meta.object_name(),
        labels: meta.labels,
        node: spec.node_name.clone(),
        host_network: spec.host_network,
        phase: phase(report, &status.field("phase"))?,
        addresses: addresses(report, &status, "podIPs", "podIP"),
        host_addresses: addresses(report, &status, "hostIPs", "hostIP"),
        ports: policy_ports(&spec),
        host_ports: host_ports(&spec),
        ready: is_ready(&status),
        workload: None,
        terminating: root.field("metadata").field("deletionTimestamp").is_set(),
        uid: host_pod::uid(root, spec.host_network),
        source: report.source(root.span),
    };
    Some(PodManifest {
        pod,
        spec,
        owner: meta.owner,
    })
}

/// The ports that policy sees: containers in order, then sidecars (rule NP-36).
pub(crate) fn policy_ports(spec: &PodSpec) -> Vec<ContainerPort> {
    running(spec)
        .flat_map(|container| container.ports.iter().cloned())
        .collect()
}

/// The ports of its node that lead to it. A pod in the network of its node listens there itself (rule OB-24).
pub(crate) fn host_ports(spec: &PodSpec) -> Vec<HostPort> {
    running(spec)
        .filter(|_| !spec.host_network)
        .flat_map(|container| container.host_ports.iter().cloned())
        .collect()
}

/// Containers in order, then sidecars.
fn running(spec: &PodSpec) -> impl Iterator<Item = &Container> {
    let sidecars = spec.init_containers.iter().filter(|found| found.sidecar);
    spec.containers.iter().chain(sidecars)
}

fn phase(report: &mut Report, at: &View<'_>) -> Option<Phase> {
    const PHASES: [(&str, Phase); 5] = [
        ("Pending", Phase::Pending),
        ("Running", Phase::Running),
        ("Succeeded", Phase::Succeeded),
        ("Failed", Phase::Failed),
        ("Unknown", Phase::Unknown),
    ];
    let text = at.text_or_empty();
    if text.is_empty() {
        return Some(Phase::Unknown);
    }
    let found = PHASES.iter().find(|(name, _)| *name == text);
    if found.is_none() {
        report.not_supported("Q-4", at, text, &PHASES.map(|(name, _)| name));
    }
    found.map(|(_, phase)| *phase)
}

/// The addresses of `list[].ip`, else the one of `single` (rule Q-6).
fn addresses(
    report: &mut Report,
    status: &View<'_>,
    list: &'static str,
    single: &'static str,
) -> Vec<IpAddr> {
    let (list, single) = (status.field(list), status.field(single));
    let written: Vec<View<'_>> = if list.items().len() > 0 {
        list.items().map(|item| item.field("ip")).collect()
    } else {
        single.set().into_iter().collect()
    };
    written
        .iter()
        .filter(|at| !at.text_or_empty().is_empty())
        .filter_map(|at| address::ip(report, "Q-6", at))
        .collect()
}

fn is_ready(status: &View<'_>) -> bool {
    status
        .field("conditions")
        .items()
        .find(|condition| condition.field("type").text() == Some("Ready"))
        .is_none_or(|condition| condition.field("status").text() == Some("True"))
}

pub(super) fn pod_spec(report: &mut Report, at: &View<'_>) -> PodSpec {
    let containers_at = at.field("containers");
    if containers_at.items().len() == 0 {
        report.required("OB-7", &containers_at, "");
    }
    let mut taken = Vec::new();
    PodSpec {
        containers: containers(report, &containers_at, &mut taken),
        init_containers: containers(report, &at.field("initContainers"), &mut taken),
        volumes: at
            .field("volumes")
            .items()
            .map(|item| volume(&item))
            .collect(),
        host_network: at.field("hostNetwork").boolean().unwrap_or(false),
        node_name: owned(&at.field("nodeName")),
        node_selector: selector::labels(report, "V-12", &at.field("nodeSelector")),
        tolerations: at
            .field("tolerations")
            .items()
            .map(|item| toleration(&item))
            .collect(),
        restart_policy: restart_policy(report, &at.field("restartPolicy")),
        termination_grace_seconds: at
            .field("terminationGracePeriodSeconds")
            .integer()
            .and_then(|seconds| u32::try_from(seconds).ok())
            .unwrap_or(DEFAULT_GRACE_SECONDS),
        hostname: owned(&at.field("hostname")),
        subdomain: owned(&at.field("subdomain")),
        service_account: owned(&at.field("serviceAccountName"))
            .or_else(|| owned(&at.field("serviceAccount"))),
    }
}

const DEFAULT_GRACE_SECONDS: u32 = 30;

/// The text at `at`, `None` if empty.
pub(super) fn owned(at: &View<'_>) -> Option<String> {
    at.text().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn restart_policy(report: &mut Report, at: &View<'_>) -> RestartPolicy {
    match at.text_or_empty() {
        "" | "Always" => RestartPolicy::Always,
        "OnFailure" => RestartPolicy::OnFailure,
        "Never" => RestartPolicy::Never,
        other => {
            report.not_supported("OB-7", at, other, &["Always", "OnFailure", "Never"]);
            RestartPolicy::Always
        }
    }
}

fn volume(at: &View<'_>) -> Volume {
    let source = at.entries().find(|(key, _)| key.text != "name").map_or(
        VolumeSource::EmptyDir,
        |(key, value)| {
            let name = |field| value.field(field).text_or_empty().to_owned();
            match key.text.as_str() {
                "emptyDir" => VolumeSource::EmptyDir,
                "secret" => VolumeSource::Secret(name("secretName")),
                "configMap" => VolumeSource::ConfigMap(name("name")),
                other => VolumeSource::Other(other.to_owned()),
            }
        },
    );
    Volume {
        name: at.field("name").text_or_empty().to_owned(),
        source,
    }
}

fn toleration(at: &View<'_>) -> Toleration {
    Toleration {
        key: owned(&at.field("key")),
        any_value: at.field("operator").text() == Some("Exists"),
        value: at.field("value").text_or_empty().to_owned(),
        effect: owned(&at.field("effect")),
    }
}
