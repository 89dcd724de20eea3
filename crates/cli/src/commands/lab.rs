mod kubeconfig;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use ringfence_agent::Record;
use ringfence_lab::control::client::{Client, Origin};
use ringfence_lab::control::protocol::{
    Agents, Change, ControlPlane, LabConfig, LabelTarget, Place, Request,
};
use ringfence_lab::control::socket;
use ringfence_model::{Input, ObjectName};
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
            image_dir,
            profile,
            agents,
        } => {
            let record = if record_allowed {
                Record::All
            } else {
                Record::Denied
            };
            let up = Up {
                name: &lab.name,
                config: config.as_deref(),
                manifests: &manifests,
                enforcement: !without_enforcement,
                record,
                control_plane: profile.into(),
                agents: agents.into(),
            };
            up.run(
                kubeconfig.as_deref(),
                snapshot.as_deref(),
                image_dir.as_deref(),
            )
        }
        LabCommand::Status { lab, output } => status(&lab.name, output),
        LabCommand::List { output } => list(output),
        LabCommand::Apply {
            lab,
            manifests,
            namespace,
        } => {
            let inputs = objects(&manifests, &namespace)?;
            change(&lab.name, &Request::Apply { inputs, namespace })
        }
        LabCommand::Delete {
            lab,
            manifests,
            namespace,
        } => {
            let inputs = objects(&manifests, &namespace)?;
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
            from,
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
                &origin(&from)?,
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

/// A lab that is to be started.
struct Up<'a> {
    name: &'a str,
    config: Option<&'a Path>,
    manifests: &'a FileArguments,
    enforcement: bool,
    record: Record,
    control_plane: ControlPlane,
    agents: Agents,
}

impl Up<'_> {
    fn run(
        &self,
        kubeconfig: Option<&Path>,
        snapshot: Option<&Path>,
        images: Option<&Path>,
    ) -> anyhow::Result<ExitCode> {
        socket::check_name(self.name)?;
        let snapshot = snapshot
            .map(ringfence_lab::lab::snapshot::check)
            .transpose()?;
        let lab = ringfence_lab::start::start(self.lab(snapshot, images)?, |message, at_ms| {
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
        write_line!("lab \"{}\" is ready after {ready:.2} s", self.name);
        write_line!("kubectl: export KUBECONFIG={}", path.display());
        Ok(ExitCode::SUCCESS)
    }

    fn lab(&self, snapshot: Option<PathBuf>, images: Option<&Path>) -> anyhow::Result<LabConfig> {
        let mut manifests = self.manifests.read()?;
        let cluster = kind_cluster_among(&mut manifests, self.config)?;
        let cluster = self.control_plane.visible(cluster)?;
        ringfence_lab::plan::plan(cluster.nodes.len(), &cluster.pod_subnets)
            .context("the kind configuration cannot be used")?;
        // What is wrong with them is said before anything starts.
        ringfence_lab::manifests::load(&manifests, "default")?;
        let images = images.map(ringfence_lab::lab::images::check).transpose()?;
        Ok(LabConfig {
            name: self.name.to_owned(),
            cluster,
            control_plane: self.control_plane,
            manifests,
            enforcement: self.enforcement,
            record: self.record,
            api: true,
            snapshot,
            agents: self.agents,
            images,
        })
    }
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

fn list(output: OutputFormat) -> anyhow::Result<ExitCode> {
    let names = socket::running()?;
    match output {
        OutputFormat::Text => names.iter().for_each(|name| write_line!("{name}")),
        OutputFormat::Json => json::print(&names)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The manifests of a change. Without any object it is a mistake, such as an empty answer of what was to write them.
fn objects(manifests: &FileArguments, namespace: &str) -> anyhow::Result<Vec<Input>> {
    let inputs = manifests.read()?;
    let loaded = ringfence_lab::manifests::load(&inputs, namespace)?;
    if loaded.objects.is_empty() {
        let names = inputs.iter().map(|input| input.name.as_str());
        let names = ringfence_lab::lab::names::join(names);
        anyhow::bail!("there is no object in {names}");
    }
    Ok(inputs)
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

fn label(
    name: &str,
    kind: LabelKind,
    object: &str,
    changes: &[String],
) -> anyhow::Result<ExitCode> {
    let target = match kind {
        LabelKind::Namespace => LabelTarget::Namespace(object.to_owned()),
        LabelKind::Pod => LabelTarget::Pod(pod_name(object)?),
    };
    let mut labels = BTreeMap::new();
    for text in changes {
        let (key, value) = label_change(text)?;
        anyhow::ensure!(
            !labels.contains_key(&key),
            "`{text}` is the second change of the label {key}: say one"
        );
        labels.insert(key, value);
    }
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

/// Where a probe starts, in the words of `explain` and of the demonstration.
fn origin(text: &str) -> anyhow::Result<Origin> {
    if text == "outside" {
        return Ok(Origin::Place(Place::Outside));
    }
    if let Some(node) = text.strip_prefix("node/") {
        return Ok(Origin::Place(Place::Node(node.to_owned())));
    }
    Ok(Origin::Pod(pod_name(text)?))
}

fn probe(name: &str, from: &Origin, request: &ProbeRequest) -> anyhow::Result<ExitCode> {
    let reports = Client::new(name).probe(from, std::slice::from_ref(request))?;
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
