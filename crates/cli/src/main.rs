//! The `ringfence` program: the lab, the demonstration, and the parts that run inside of them.
//!
//! Reads arguments and prints answers; decides nothing. Started under the name `ringfence-cni` it is the CNI plugin, as
//! `kubectl-ringfence` a plugin of kubectl.
//! Start with [`arguments`]; commands that users type are in [`commands`], those that ringfence calls itself in
//! [`internal`]; what they are told to read is read in [`inputs`].

mod arguments;
mod clock;
mod commands;
mod demo;
mod inputs;
mod internal;
mod merged;
mod output;
mod paint;
mod progress;
mod threads;

use std::process::ExitCode;

use crate::arguments::{Command, PLUGIN, as_plugin};

/// Commands on large clusters make and forget millions of small values: with this they take a quarter less time than with
/// the C library's own. Without huge pages, which would cost every small process megabytes.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Exit code for input that cannot be used.
const BAD_INPUT: u8 = 2;

fn main() -> ExitCode {
    if started_as(CNI_PLUGIN) {
        return ringfence_cni::main_from_environment();
    }
    let arguments = if started_as(PLUGIN) {
        arguments::read(as_plugin(std::env::args_os().skip(1)))
    } else {
        arguments::read(std::env::args_os())
    };
    if !matches!(
        arguments.command,
        Command::Internal { .. } | Command::Agent(_)
    ) {
        restore_broken_pipe();
    }
    let result = match arguments.command {
        Command::Internal { role } => return internal::run(role),
        Command::Demo(demo) => demo::run(&demo),
        Command::Audit(audit) => commands::audit::run(&audit),
        Command::Check(check) => commands::check::run(&check),
        Command::Explain(explain) => commands::explain::run(&explain),
        Command::Status(status) => commands::status::run(&status),
        Command::Rules(rules) => commands::rules::run(&rules),
        Command::Test(test) => commands::test::run(&test),
        Command::Lab { command } => commands::lab::run(command),
        Command::Diff(diff) => commands::diff::run(&diff),
        Command::Lock(lock) => commands::lock::run(&lock),
        Command::Flows(flows) => commands::flows::run(&flows),
        Command::Replay(replay) => commands::replay::run(&replay),
        Command::Trace(trace) => commands::trace::run(&trace),
        Command::Matrix(matrix) => commands::matrix::run(&matrix),
        Command::Zones(zones) => commands::zones::run(&zones),
        Command::Verify(verify) => commands::verify::run(&verify),
        Command::Guard { command } => commands::guard::run(&command),
        Command::HostFirewall { command } => commands::host_firewall::run(&command),
        Command::Suggest(suggest) => commands::suggest::run(&suggest),
        Command::Convert(convert) => commands::convert::run(&convert),
        Command::Man { directory } => commands::man::run(directory.as_deref()),
        Command::Agent(agent) => commands::agent::run(&agent),
        Command::Uninstall(uninstall) => commands::uninstall::run(&uninstall),
        Command::Completions { shell } => commands::completions::run(shell),
    };
    result.unwrap_or_else(|error| {
        anstream::eprintln!("{}: {error:#}", paint::bad("error"));
        ExitCode::from(BAD_INPUT)
    })
}

/// The name by which container runtimes call the CNI plugin, from their configuration.
const CNI_PLUGIN: &str = "ringfence-cni";

/// Whether the program was called by this name.
fn started_as(name: &str) -> bool {
    let own = std::env::args_os().next();
    own.is_some_and(|own| std::path::Path::new(&own).file_name() == Some(name.as_ref()))
}

/// Ends quietly when a reader such as `head` has seen enough, as other command-line programs do. Not so the parts of a
/// lab and the agent of a node, which must outlive whoever hangs up.
fn restore_broken_pipe() {
    sigpipe::reset();
}
