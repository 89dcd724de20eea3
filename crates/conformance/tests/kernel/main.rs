//! Reference, evaluated ruleset and kernel agree on random clusters, and the comparison notices when they do not.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "test code"
)]

mod answers;
mod differential;
mod forged;
mod mistakes;
mod run;
mod validity;

use std::process::ExitCode;

use ringfence_testkit::sandbox;

macro_rules! tests {
    ($($module:ident::$name:ident),* $(,)?) => {
        &[$((concat!(stringify!($module), "::", stringify!($name)), $module::$name as fn())),*]
    };
}

fn main() -> ExitCode {
    sandbox::main(tests![
        differential::the_three_agree_on_random_clusters,
        answers::answers_come_back,
        answers::nobody_answers_who_was_not_asked,
        forged::nobody_speaks_with_anothers_address,
        forged::nobody_but_nodes_feeds_tunnels,
        validity::without_enforcement_every_refusal_is_gone,
        validity::without_one_element_flows_change,
        validity::every_misreading_is_noticed,
        validity::every_mistake_of_a_compiler_is_noticed,
    ])
}
