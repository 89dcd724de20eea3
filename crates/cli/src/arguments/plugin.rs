//! The program as a plugin of kubectl: found in `PATH` as `kubectl-ringfence`, it is run for `kubectl ringfence`, and judges
//! the cluster that kubectl speaks to.

use clap::{Arg, Command};

/// The name that kubectl looks for.
pub(crate) const FILE_NAME: &str = "kubectl-ringfence";

/// `command` as people see it who type `kubectl ringfence`: where it judges manifests, the current context of the
/// kubeconfig is judged unless another one is named. Manifests come on top of it.
pub(crate) fn plugin(command: Command) -> Command {
    command
        .bin_name("kubectl ringfence")
        .mut_subcommands(of_current_context)
}

/// The name of the current context, whichever that is.
const CURRENT: &str = "";

fn of_current_context(command: Command) -> Command {
    let has = |id: &str| {
        command
            .get_arguments()
            .any(|argument| argument.get_id() == id)
    };
    if !(has("context") && has("recursive")) {
        return command;
    }
    command.mut_args(|argument| match argument.get_id().as_str() {
        "context" => with_current(argument),
        "files" => argument.required(false),
        _ => argument,
    })
}

fn with_current(context: Arg) -> Arg {
    context
        .default_value(CURRENT)
        .hide_default_value(true)
        .help("Judge the cluster of this context of the kubeconfig; without it the current one")
}
