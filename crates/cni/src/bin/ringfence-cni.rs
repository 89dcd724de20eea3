//! The plugin as a program of its own, for packages that install nothing else on a node.

use std::process::ExitCode;

fn main() -> ExitCode {
    ringfence_cni::main_from_environment()
}
