//! `ringfence agent` as it runs on a cluster: it follows a Kubernetes API, and pods feel what it does. Each test has a network
//! namespace of its own.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod api;
mod follows;
mod install;
mod node;
mod routes;

use std::process::ExitCode;

use ringfence_testkit::sandbox;

fn main() -> ExitCode {
    sandbox::main(&[
        (
            "an_agent_follows_an_api_through_cuts_and_restarts",
            follows::an_agent_follows_an_api_through_cuts_and_restarts,
        ),
        (
            "an_agent_without_its_cluster_says_what_it_waits_for",
            follows::an_agent_without_its_cluster_says_what_it_waits_for,
        ),
        (
            "an_agent_refuses_a_node_whose_services_are_balanced_by_ipvs",
            follows::an_agent_refuses_a_node_whose_services_are_balanced_by_ipvs,
        ),
        (
            "an_agent_installs_the_plugin_and_its_network_and_both_can_be_taken_away",
            install::an_agent_installs_the_plugin_and_its_network_and_both_can_be_taken_away,
        ),
        (
            "a_death_between_any_two_steps_of_leaving_is_finished_by_the_next_run",
            install::a_death_between_any_two_steps_of_leaving_is_finished_by_the_next_run,
        ),
        (
            "an_agent_routes_to_the_pods_of_other_nodes",
            routes::an_agent_routes_to_the_pods_of_other_nodes,
        ),
    ])
}
