//! Containers and their ports (rules NP-36, OB-7).

use ringfence_net::Protocol;

use super::pod::owned;
use crate::diagnostic::Severity;
use crate::report::{Problem, Report};
use crate::validate::{address, invalid_text, names, ports, quote};
use crate::view::View;
use crate::{Container, ContainerPort, EnvFrom, EnvValue, EnvVar, HostPort, KeyRef, VolumeMount};

/// The containers at `at`. Names in `taken` belong to earlier containers of the pod.
pub(super) fn containers<'a>(
    report: &mut Report,
    at: &View<'a>,
    taken: &mut Vec<Names<'a>>,
) -> Vec<Container> {
    at.items()
        .map(|item| container(report, &item, taken))
        .collect()
}

/// The names that one container has used up.
pub(super) struct Names<'a> {
    container: &'a str,
    ports: Vec<&'a str>,
}

fn container<'a>(report: &mut Report, at: &View<'a>, taken: &mut Vec<Names<'a>>) -> Container {
    let name = container_name(report, &at.field("name"), taken);
    let image_at = at.field("image");
    if image_at.text_or_empty().is_empty() {
        report.required("OB-7", &image_at, "");
    }
    let mut names = Names {
        container: name,
        ports: Vec::new(),
    };
    let ports_at = at.field("ports");
    let ports = ports_at
        .items()
        .filter_map(|item| container_port(report, &item, &mut names, taken))
        .collect();
    let host_ports = ports_at.items();
    let host_ports = host_ports
        .filter_map(|item| host_port(report, &item))
        .collect();
    taken.push(names);
    Container {
        name: name.to_owned(),
        image: image_at.text_or_empty().to_owned(),
        command: texts(&at.field("command")),
        args: texts(&at.field("args")),
        env: at
            .field("env")
            .items()
            .map(|item| env_var(report, &item))
            .collect(),
        env_from: at
            .field("envFrom")
            .items()
            .filter_map(|item| env_from(&item))
            .collect(),
        ports,
        host_ports,
        volume_mounts: at
            .field("volumeMounts")
            .items()
            .map(|item| mount(&item))
            .collect(),
        working_dir: owned(&at.field("workingDir")),
        stdin: at.field("stdin").boolean().unwrap_or(false),
        tty: at.field("tty").boolean().unwrap_or(false),
        sidecar: at.field("restartPolicy").text() == Some("Always"),
    }
}

fn container_name<'a>(report: &mut Report, at: &View<'a>, taken: &[Names<'_>]) -> &'a str {
    let name = at.text_or_empty();
    if name.is_empty() {
        report.required("OB-7", at, "");
    } else if taken.iter().any(|other| other.container == name) {
        report.duplicate("OB-7", at, &quote(name));
    } else {
        invalid_text(report, "OB-7", at, name, names::dns_label(name));
    }
    name
}

fn container_port<'a>(
    report: &mut Report,
    at: &View<'a>,
    names: &mut Names<'a>,
    others: &[Names<'a>],
) -> Option<ContainerPort> {
    let number_at = at.field("containerPort");
    let protocol = ports::protocol(report, "OB-7", &at.field("protocol"));
    let port = if number_at.integer().unwrap_or(0) == 0 {
        report.required("OB-7", &number_at, "");
        None
    } else {
        ports::port(report, "OB-7", &number_at)
    };
    let name_at = at.field("name");
    if let Some(name) = name_at.text().filter(|name| !name.is_empty()) {
        port_name(report, &name_at, name, names, others);
    }
    Some(ContainerPort {
        name: owned(&name_at),
        protocol: protocol?,
        port: port?,
    })
}

/// OB-24: the port of the node, if there is one. What is wrong with the port of the container is told once, elsewhere.
fn host_port(report: &mut Report, at: &View<'_>) -> Option<HostPort> {
    let number_at = at.field("hostPort");
    if number_at.integer().unwrap_or(0) == 0 {
        return None;
    }
    let port = ports::port(report, "OB-24", &number_at)?;
    let address_at = at.field("hostIP");
    let address = match address_at.text_or_empty() {
        "" => None,
        _ => Some(address::ip(report, "OB-24", &address_at)?),
    };
    let protocol = match at.field("protocol").text_or_empty() {
        "" => Protocol::Tcp,
        written => written.parse().ok()?,
    };
    let number = at.field("containerPort").integer();
    Some(HostPort {
        address: address.filter(|address| !address.is_unspecified()),
        port,
        protocol,
        container_port: number.and_then(|number| u16::try_from(number).ok())?,
    })
}

/// Unique inside a container; repeated across containers it only misleads (rules OB-7, AM-12).
fn port_name<'a>(
    report: &mut Report,
    at: &View<'a>,
    name: &'a str,
    names: &mut Names<'a>,
    others: &[Names<'a>],
) {
    ports::name(report, "OB-7", at);
    if names.ports.contains(&name) {
        report.duplicate("OB-7", at, &quote(name));
    } else if let Some(other) = others.iter().find(|other| other.ports.contains(&name)) {
        let message = format!(
            "duplicate port name {} with container {}: a Service uses the first, a policy both",
            quote(name),
            quote(other.container)
        );
        report.add(
            Problem::new("AM-12", &at.path, at.span, message).with_severity(Severity::Warning),
        );
    }
    names.ports.push(name);
}

fn texts(at: &View<'_>) -> Vec<String> {
    at.items()
        .map(|item| item.text_or_empty().to_owned())
        .collect()
}

fn env_var(report: &mut Report, at: &View<'_>) -> EnvVar {
    let name_at = at.field("name");
    let name = name_at.text_or_empty();
    if name.is_empty() {
        report.required("OB-7", &name_at, "");
    }
    EnvVar {
        name: name.to_owned(),
        value: env_value(at),
    }
}

fn env_value(at: &View<'_>) -> EnvValue {
    let from = at.field("valueFrom");
    let Some((key, source)) = from.entries().next() else {
        return EnvValue::Literal(at.field("value").text_or_empty().to_owned());
    };
    match key.text.as_str() {
        "secretKeyRef" => EnvValue::Secret(key_ref(&source)),
        "configMapKeyRef" => EnvValue::ConfigMap(key_ref(&source)),
        "fieldRef" => EnvValue::Field(source.field("fieldPath").text_or_empty().to_owned()),
        other => EnvValue::Other(other.to_owned()),
    }
}

fn key_ref(at: &View<'_>) -> KeyRef {
    KeyRef {
        name: at.field("name").text_or_empty().to_owned(),
        key: at.field("key").text_or_empty().to_owned(),
        optional: at.field("optional").boolean().unwrap_or(false),
    }
}

fn env_from(at: &View<'_>) -> Option<EnvFrom> {
    let prefix = at.field("prefix").text_or_empty().to_owned();
    let parts = |at: &View<'_>| {
        let name = at.field("name").text_or_empty().to_owned();
        (name, at.field("optional").boolean().unwrap_or(false))
    };
    if let Some(secret) = at.field("secretRef").set() {
        let (name, optional) = parts(&secret);
        return Some(EnvFrom::Secret {
            name,
            prefix,
            optional,
        });
    }
    let (name, optional) = parts(&at.field("configMapRef").set()?);
    Some(EnvFrom::ConfigMap {
        name,
        prefix,
        optional,
    })
}

fn mount(at: &View<'_>) -> VolumeMount {
    VolumeMount {
        name: at.field("name").text_or_empty().to_owned(),
        path: at.field("mountPath").text_or_empty().to_owned(),
        sub_path: owned(&at.field("subPath")),
        read_only: at.field("readOnly").boolean().unwrap_or(false),
    }
}
