//! `ringfence host-firewall`: rules for nodes, tried out before they stay (rules HF-*).

mod arguments;
mod change;

use std::process::ExitCode;

use anyhow::{Context as _, anyhow, ensure};
use ringfence_kube::{Access, WriteError, list_host_firewalls, write_host_firewall};
use ringfence_model::{
    Input, LoadOptions, Object, RenderStyle, Timestamp, assemble, load, read_json,
};
use serde_json::Value;

use crate::clock::now;
use crate::output::answer::say_line;

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
    for (name, until) in try_out(&access, &inputs, arguments.confirm_within.0)? {
        say_line!("HostFirewall {name} is tried out until {until}, and then taken back");
        say_line!("when you still reach your nodes: ringfence host-firewall confirm {name}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Has the firewalls of manifests tried out for so many milliseconds; gives them with the end of their trials.
///
/// # Errors
/// If they hold anything else, or what the cluster does not take. Those before it are tried out then.
pub(crate) fn try_out(
    access: &Access,
    inputs: &[Input],
    milliseconds: i64,
) -> anyhow::Result<Vec<(String, Timestamp)>> {
    let mut begun = Vec::new();
    for (name, spec) in firewalls(inputs)? {
        let (since, until) = change::span(now(), milliseconds);
        write_host_firewall(access, &name, |stored| {
            Ok(change::tried(stored, spec, since, until))
        })
        .with_context(|| format!("HostFirewall {name} is not applied"))?;
        begun.push((name, until));
    }
    Ok(begun)
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

/// The firewalls in files, checked as other commands check them, and none twice: names and specs.
fn firewalls(inputs: &[Input]) -> anyhow::Result<Vec<(String, Value)>> {
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
    for object in &loaded.objects {
        let is_firewall = matches!(object, Object::HostFirewall(_));
        let file = object
            .source()
            .map_or(names.as_str(), |source| &*source.file);
        ensure!(
            is_firewall,
            "{file} holds {}: apply other objects with kubectl",
            object.key()
        );
    }
    let mut found = Vec::new();
    for input in inputs {
        let documents = read_json(input);
        let documents = documents.map_err(|_| anyhow!("{} is no manifest", input.name))?;
        found.extend(documents.into_iter().filter_map(|document| {
            let name = document.pointer("/metadata/name")?.as_str()?.to_owned();
            Some((name, document.get("spec")?.clone()))
        }));
    }
    ensure!(!found.is_empty(), "{names} holds no HostFirewall");
    Ok(found)
}
