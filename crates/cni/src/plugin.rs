//! The program: verb and environment in, result or error object out.

mod add;
mod check;
mod del;
mod gc;
mod netns;
mod status;
mod sweep;

pub use sweep::sweep;

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::config::NetworkConfig;
use crate::environment::{self, Attachment, Invocation};
use crate::error::{CniError, ErrorCode};
use crate::store::{EndpointStore, Turn};
use crate::version::SpecVersion;

/// Runs the plugin as its runtime started it.
#[must_use]
pub fn main_from_environment() -> ExitCode {
    let variables = std::env::vars_os()
        .map(|(name, value)| (lossy(&name), lossy(&value)))
        .filter(|(name, _)| name.starts_with("CNI_"))
        .collect();
    run(&variables, io::stdin().lock(), io::stdout().lock())
}

/// Invalid UTF-8 turns into a character that the input checks refuse, or that names no file.
fn lossy(text: &std::ffi::OsStr) -> String {
    text.to_string_lossy().into_owned()
}

/// Runs one verb.
pub fn run(
    variables: &BTreeMap<String, String>,
    input: impl Read,
    mut output: impl Write,
) -> ExitCode {
    let mut version = SpecVersion::CURRENT;
    match execute(variables, input, &mut output, &mut version) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A runtime that hung up gets no error either; the exit code is all that is left.
            let _ = print(&mut output, &error.to_json(version));
            ExitCode::FAILURE
        }
    }
}

fn execute(
    variables: &BTreeMap<String, String>,
    input: impl Read,
    output: &mut impl Write,
    version: &mut SpecVersion,
) -> Result<(), CniError> {
    let invocation = environment::parse(variables)?;
    match &invocation {
        Invocation::About => {
            note(&format!(
                "ringfence-cni {}, {}",
                env!("CARGO_PKG_VERSION"),
                supported()
            ));
            return Ok(());
        }
        Invocation::Version => return print(output, &versions()),
        Invocation::Add(_)
        | Invocation::Check(_)
        | Invocation::Del(_)
        | Invocation::Gc
        | Invocation::Status => {}
    }
    let config = NetworkConfig::parse(&read(input)?)?;
    *version = config.version;
    match &invocation {
        Invocation::Add(attachment) => {
            let result = add::add(&config, attachment)?;
            print(output, &result.to_json(config.version))
                .inspect_err(|_| add::undo(&config, attachment))
        }
        Invocation::Check(attachment) => check::check(&config, attachment),
        Invocation::Del(attachment) => del::del(&config, attachment),
        Invocation::Gc => gc::gc(&config),
        Invocation::Status => status::status(&config),
        Invocation::About | Invocation::Version => Ok(()),
    }
}

fn read(mut input: impl Read) -> Result<Vec<u8>, CniError> {
    let mut text = Vec::new();
    let outcome = input.read_to_end(&mut text);
    outcome.map_err(|error| CniError::caused(ErrorCode::Io, "error reading from stdin", &error))?;
    Ok(text)
}

fn print(output: &mut impl Write, value: &Value) -> Result<(), CniError> {
    let outcome = writeln!(output, "{value:#}").and_then(|()| output.flush());
    outcome.map_err(|error| CniError::caused(ErrorCode::Io, "error writing to stdout", &error))
}

fn versions() -> Value {
    json!({
        "cniVersion": SpecVersion::CURRENT.as_str(),
        "supportedVersions": SpecVersion::ALL.map(SpecVersion::as_str),
    })
}

fn supported() -> String {
    format!(
        "CNI protocol versions supported: {}",
        SpecVersion::ALL.map(SpecVersion::as_str).join(", ")
    )
}

/// For the runtime's log.
fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Waits for the turn on an attachment: as long as another verb for it can take.
fn turn(
    config: &NetworkConfig,
    store: &EndpointStore,
    attachment: &Attachment,
) -> Result<Turn, CniError> {
    let turn = store.turn(&attachment.id, config.agent_timeout * 4)?;
    turn.ok_or_else(|| {
        let message = format!("another call for {} is still running", attachment.subject());
        CniError::new(ErrorCode::TryAgainLater, message)
    })
}
