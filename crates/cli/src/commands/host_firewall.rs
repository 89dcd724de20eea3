//! `ringfence host-firewall`: rules for nodes, tried out before they stay (rules HF-*).

mod arguments;
mod change;
mod lockout;

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail, ensure};
use ringfence_kube::{
    Access, WriteError, list_api_servers, list_host_firewalls, list_nodes, write_host_firewall,
};
use ringfence_model::{
    Input, LabelSelector, LoadOptions, Object, RenderStyle, Timestamp, UnknownFields, assemble,
    load, load_json, read_json,
};
use serde_json::Value;

use crate::clock::now;
use crate::output::answer::say_line;
use crate::paint;

use arguments::{ApplyArguments, NamedArguments};
pub(crate) use arguments::{EXAMPLES, HostFirewallCommand};

pub(crate) fn run(command: &HostFirewallCommand) -> anyhow::Result<ExitCode> {
    match command {
        HostFirewallCommand::Apply(arguments) => apply(arguments),
        HostFirewallCommand::Confirm(arguments) => confirm(arguments),
        HostFirewallCommand::Abort(arguments) => abort(arguments),
        HostFirewallCommand::Status(access) => status(&access.access()),
    }
}

fn apply(arguments: &ApplyArguments) -> anyhow::Result<ExitCode> {
    let inputs = arguments.files.read()?;
    let access = arguments.access.access();
    let firewalls = firewalls(&inputs)?;
    warn(&access, &inputs, &firewalls);
    let mut code = ExitCode::SUCCESS;
    for firewall in firewalls {
        let name = firewall.name.clone();
        match begin(
            &access,
            firewall,
            arguments.confirm_within.0,
            arguments.replace,
        ) {
            Ok(until) => {
                say_line!("HostFirewall {name} is tried out until {until}, and then taken back");
                say_line!(
                    "when you still reach your nodes: ringfence host-firewall confirm {name}"
                );
            }
            Err(WriteError::Unfit(why)) => {
                say_line!("HostFirewall {name}: {why}");
                code = ExitCode::FAILURE;
            }
            Err(error) => {
                return Err(error).with_context(|| format!("HostFirewall {name} is not applied"));
            }
        }
    }
    Ok(code)
}

/// Tells of firewalls that no node has the labels for, which close nothing, and of those that close what their operator comes by.
/// Who may not list nodes or EndpointSlices hears nothing of them.
fn warn(access: &Access, inputs: &[Input], firewalls: &[Firewall]) {
    let Ok(nodes) = list_nodes(access) else {
        return;
    };
    let slices = list_api_servers(access).unwrap_or_default();
    let mut daemons = lockout::of_slices(&objects(&slices));
    let session = std::env::var("SSH_CONNECTION").ok();
    daemons.extend(lockout::of_session(session.as_deref()));
    let mut all = load(inputs, &LoadOptions::default()).objects;
    all.extend(objects(&nodes));
    let (cluster, _) = assemble(&all);
    let nodes = || cluster.nodes.values();
    let selects = |wanted: &LabelSelector| nodes().any(|node| wanted.matches(&node.labels));
    let idle = firewalls.iter().filter(|firewall| {
        let wanted = firewall.nodes.as_ref();
        wanted.is_some_and(|wanted| !selects(wanted))
    });
    let idle = idle.map(|firewall| {
        format!(
            "HostFirewall {} closes nothing, because no node has the labels of its nodeSelector",
            firewall.name
        )
    });
    for warning in idle.chain(lockout::closed(&cluster, &daemons)) {
        anstream::eprintln!("{}: {warning}", paint::bad("warning"));
    }
}

/// What a server stores, with fields of whatever version it is.
fn objects(stored: &[Value]) -> Vec<Object> {
    let options = LoadOptions {
        unknown_fields: UnknownFields::Ignore,
        ..LoadOptions::default()
    };
    let loaded = stored.iter().map(|value| load_json(value, &options));
    loaded.flat_map(|loaded| loaded.objects).collect()
}

/// Has the firewalls of manifests tried out for so many milliseconds, in the place of others; gives them with the end of their
/// trials.
///
/// # Errors
/// If they hold anything else, or what the cluster does not take. Those before it are tried out then.
pub(crate) fn try_out(
    access: &Access,
    inputs: &[Input],
    milliseconds: i64,
) -> anyhow::Result<Vec<(String, Timestamp)>> {
    let mut begun = Vec::new();
    for firewall in firewalls(inputs)? {
        let name = firewall.name.clone();
        let until = begin(access, firewall, milliseconds, true)
            .with_context(|| format!("HostFirewall {name} is not applied"))?;
        begun.push((name, until));
    }
    Ok(begun)
}

/// Gives the end of the trial.
fn begin(
    access: &Access,
    firewall: Firewall,
    milliseconds: i64,
    replaces: bool,
) -> Result<Timestamp, WriteError> {
    let span = change::span(now(), milliseconds);
    write_host_firewall(access, &firewall.name, |stored| {
        change::tried(stored, firewall.spec, span, replaces)
    })?;
    Ok(span.1)
}

fn confirm(arguments: &NamedArguments) -> anyhow::Result<ExitCode> {
    let name = &arguments.name;
    let done = keep(&arguments.access.access(), name);
    answered(done, name, "is in force until it is changed")
}

/// Confirms the firewall `name`.
///
/// # Errors
/// [`WriteError`]; [`WriteError::Unfit`] if it is not tried out any more.
pub(crate) fn keep(access: &Access, name: &str) -> Result<(), WriteError> {
    write_host_firewall(access, name, |stored| change::confirmed(stored, now()))
}

fn abort(arguments: &NamedArguments) -> anyhow::Result<ExitCode> {
    let name = &arguments.name;
    let access = arguments.access.access();
    let done = write_host_firewall(&access, name, change::aborted);
    answered(done, name, "is as it was before the trial")
}

/// What is there does not allow it: no. Anything else that fails is bad input.
fn answered(done: Result<(), WriteError>, name: &str, what: &str) -> anyhow::Result<ExitCode> {
    match done {
        Ok(()) => {
            say_line!("HostFirewall {name} {what}");
            Ok(ExitCode::SUCCESS)
        }
        Err(WriteError::Unfit(why)) => {
            say_line!("HostFirewall {name}: {why}");
            Ok(ExitCode::FAILURE)
        }
        Err(error) => Err(error).with_context(|| format!("HostFirewall {name} is not changed")),
    }
}

fn status(access: &Access) -> anyhow::Result<ExitCode> {
    let found = list_host_firewalls(access).context("cannot list HostFirewalls")?;
    if found.is_empty() {
        say_line!("no HostFirewall: every port of every node is open to all who reach it");
    }
    for stored in &found {
        say_line!("{}", change::in_words(stored, now()));
    }
    Ok(ExitCode::SUCCESS)
}

/// A firewall of a manifest.
struct Firewall {
    name: String,
    spec: Value,
    /// Which nodes it selects; `None` of one that a server has stored before.
    nodes: Option<LabelSelector>,
}

/// The firewalls in files, checked as other commands check them, and none twice.
fn firewalls(inputs: &[Input]) -> anyhow::Result<Vec<Firewall>> {
    let loaded = load(inputs, &LoadOptions::default());
    let twice = assemble(&loaded.objects).1;
    let twice = twice.iter().filter(|found| found.rule == Some("OB-3"));
    let errors = loaded.diagnostics.iter().filter(|found| found.is_error());
    let errors: Vec<String> = errors
        .chain(twice)
        .map(|error| error.render(&loaded.sources, RenderStyle::Colored))
        .collect();
    ensure!(
        errors.is_empty(),
        "nothing is tried out\n\n{}",
        errors.join("\n\n")
    );
    let names = inputs.iter().map(|input| input.name.as_str());
    let names = names.collect::<Vec<_>>().join(", ");
    let mut selectors = BTreeMap::new();
    for object in &loaded.objects {
        let file = object
            .source()
            .map_or(names.as_str(), |source| &*source.file);
        let Object::HostFirewall(firewall) = object else {
            bail!(
                "{file} holds {}: apply other objects with kubectl",
                object.key()
            );
        };
        let rules = firewall.confirmed.as_ref();
        selectors.extend(rules.map(|rules| (firewall.name.clone(), rules.nodes.clone())));
    }
    let mut found = Vec::new();
    for input in inputs {
        let documents = read_json(input);
        let documents = documents.map_err(|_| anyhow!("{} is no manifest", input.name))?;
        found.extend(documents.into_iter().filter_map(|document| {
            let name = document.pointer("/metadata/name")?.as_str()?.to_owned();
            Some(Firewall {
                spec: document.get("spec")?.clone(),
                nodes: selectors.get(&name).cloned(),
                name,
            })
        }));
    }
    ensure!(!found.is_empty(), "{names} holds no HostFirewall");
    Ok(found)
}
