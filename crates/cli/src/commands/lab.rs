mod kubeconfig;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use ringfence_agent::Record;
use ringfence_lab::control::client::{Client, Origin};
use ringfence_lab::control::protocol::{Change, LabConfig, LabelTarget, Request};
use ringfence_lab::control::socket;
use ringfence_model::ObjectName;
use ringfence_standin::probe::{ProbeProtocol as Protocol, ProbeRequest};

use super::show;
use crate::arguments::{LabCommand, LabelKind, OutputFormat, ProbeProtocol};
use crate::inputs::{FileArguments, kind_cluster_among};
use crate::output::answer::{write_line, write_out};
use crate::output::json;
use crate::paint;

pub(crate) fn run(command: LabCommand) -> anyhow::Result<ExitCode> {
    match command {
        LabCommand::Up {
            lab,
            config,
            manifests,
            without_enforcement,
            record_allowed,
            kubeconfig,
            snapshot,
        } => {
            let record = if record_allowed {
                Record::All
            } else {
                Record::Denied
            };
            up(
                &lab.name,
                config.as_deref(),
                &manifests,
                !without_enforcement,
                record,
                kubeconfig.as_deref(),
                snapshot.as_deref(),
            )
        }
        LabCommand::Status { lab, output } => status(&lab.name, output),
        LabCommand::List => list(),
        LabCommand::Apply {
            lab,
            manifests,
            namespace,
        } => {
            let inputs = manifests.read()?;
            change(&lab.name, &Request::Apply { inputs, namespace })
        }
        LabCommand::Delete {
            lab,
            manifests,
            namespace,
        } => {
            let inputs = manifests.read()?;
            change(&lab.name, &Request::Delete { inputs, namespace })
        }
        LabCommand::Label {
            lab,
            kind,
            object,
            labels,
        } => label(&lab.name, kind, &object, &labels),
        LabCommand::Exec { lab, pod, command } => exec(&lab.name, &pod, command),
        LabCommand::Probe {
            lab,
            pod,
            target,
            port,
            protocol,
            timeout,
        } => {
            let protocol = match protocol {
                ProbeProtocol::Tcp => Protocol::Tcp,
                ProbeProtocol::Udp => Protocol::Udp,
                ProbeProtocol::Http => Protocol::Http {
                    path: "/".to_owned(),
                },
            };
            probe(
                &lab.name,
                &pod,
                &ProbeRequest {
                    target,
                    port,
                    protocol,
                    timeout_ms: timeout,
                },
            )
        }
        LabCommand::Logs { lab, pod } => logs(&lab.name, &pod),
        LabCommand::KillAgent { lab, node } => {
            Client::new(&lab.name).kill_agent(&node)?;
            Ok(ExitCode::SUCCESS)
        }
        LabCommand::Down { lab } => {
            Client::new(&lab.name).stop()?;
            write_line!("lab \"{}\" is gone", lab.name);
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn up(
    name: &str,
    config: Option<&Path>,
    manifests: &FileArguments,
    enforcement: bool,
    record: Record,
    kubeconfig: Option<&Path>,
    snapshot: Option<&Path>,
) -> anyhow::Result<ExitCode> {
    socket::check_name(name)?;
    let snapshot = snapshot
        .map(ringfence_lab::lab::snapshot::check)
        .transpose()?;
    let mut manifests = manifests.read()?;
    let cluster = kind_cluster_among(&mut manifests, config)?;
    ringfence_lab::plan::plan(cluster.nodes.len(), &cluster.pod_subnets)
        .context("the kind configuration cannot be used")?;
    // What is wrong with them is said before anything starts.
    ringfence_lab::manifests::load(&manifests, "default")?;
    let config = LabConfig {
        name: name.to_owned(),
        cluster,
        manifests,
        enforcement,
        record,
        api: true,
        snapshot,
    };
    let lab = ringfence_lab::start::start(config, |message, at_ms| {
        anstream::eprintln!(
            "{} {message}",
            paint::dim(&format!("{:>6.2} s", seconds(at_ms)))
        );
    })?;
    let ready = seconds(lab.ready_after_ms);
    let path = match kubeconfig {
        Some(path) => {
            kubeconfig::write(path, lab.kubeconfig.as_deref().unwrap_or_default())?;
            path.to_path_buf()
        }
        None => lab.kubeconfig_path(),
    };
    lab.detach()?;
    write_line!("lab \"{name}\" is ready after {ready:.2} s");
    write_line!("kubectl: export KUBECONFIG={}", path.display());
    Ok(ExitCode::SUCCESS)
}

/// Seconds for people; milliseconds of a lab's life fit an f64 exactly.
#[expect(
    clippy::cast_precision_loss,
    reason = "a lab runs less than 285,000 years"
)]
pub(crate) fn seconds(milliseconds: u64) -> f64 {
    milliseconds as f64 / 1000.0
}

fn status(name: &str, output: OutputFormat) -> anyhow::Result<ExitCode> {
    let status = Client::new(name).status()?;
    match output {
        OutputFormat::Text => show::status(&status),
        OutputFormat::Json => json::print(&status)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn list() -> anyhow::Result<ExitCode> {
    for name in socket::running()? {
        write_line!("{name}");
    }
    Ok(ExitCode::SUCCESS)
}

fn change(name: &str, request: &Request) -> anyhow::Result<ExitCode> {
    let changes = Client::new(name).change(request, |message| {
        anstream::eprintln!("{}", paint::dim(message))
    })?;
    for (object, change) in changes {
        write_line!("{object} {}", Change::word(change));
    }
    Ok(ExitCode::SUCCESS)
}

fn label(name: &str, kind: LabelKind, object: &str, labels: &[String]) -> anyhow::Result<ExitCode> {
    let target = match kind {
        LabelKind::Namespace => LabelTarget::Namespace(object.to_owned()),
        LabelKind::Pod => LabelTarget::Pod(pod_name(object)?),
    };
    let labels = labels
        .iter()
        .map(|text| label_change(text))
        .collect::<anyhow::Result<BTreeMap<_, _>>>()?;
    change(name, &Request::Label { target, labels })
}

fn label_change(text: &str) -> anyhow::Result<(String, Option<String>)> {
    match (text.split_once('='), text.strip_suffix('-')) {
        (Some((key, value)), _) if !key.is_empty() => Ok((key.to_owned(), Some(value.to_owned()))),
        (None, Some(key)) if !key.is_empty() => Ok((key.to_owned(), None)),
        _ => anyhow::bail!("`{text}` is neither KEY=VALUE nor KEY-"),
    }
}

/// `NAMESPACE/NAME`, or `NAME` in the namespace `default`.
pub(crate) fn pod_name(text: &str) -> anyhow::Result<ObjectName> {
    if text.contains('/') {
        text.parse().context("a pod is named NAMESPACE/NAME")
    } else {
        Ok(ObjectName::new("default", text))
    }
}

fn exec(name: &str, pod: &str, command: Vec<String>) -> anyhow::Result<ExitCode> {
    let request = Request::Exec {
        pod: pod_name(pod)?,
        command,
        builtin: false,
    };
    let code = Client::new(name).run_attached(&request)?;
    Ok(ExitCode::from(code))
}

fn probe(name: &str, pod: &str, request: &ProbeRequest) -> anyhow::Result<ExitCode> {
    let reports =
        Client::new(name).probe(&Origin::Pod(pod_name(pod)?), std::slice::from_ref(request))?;
    let report = reports.first().context("the probe gave no report")?;
    write_line!("{}", show::probe(report));
    Ok(if report.outcome.is_reached() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn logs(name: &str, pod: &str) -> anyhow::Result<ExitCode> {
    write_out!("{}", Client::new(name).logs(&pod_name(pod)?)?);
    Ok(ExitCode::SUCCESS)
}
