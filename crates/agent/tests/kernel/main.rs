//! The whole agent against the kernel, in a process of its own that can be killed. Each test has a network
//! namespace of its own.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod agent;
mod host_pods;
mod killed;
mod loose;
mod objects;
mod protection;
mod protocols;
mod refusal;
mod replacement;
mod reuse;
mod services;
mod socket;
mod source;
mod store;
mod storm;
mod table;
mod traffic;
mod transfers;
mod trials;

use std::process::ExitCode;

use ringfence_testkit::sandbox;

macro_rules! tests {
    ($($module:ident::$name:ident),* $(,)?) => {
        &[$((concat!(stringify!($module), "::", stringify!($name)), $module::$name as fn())),*]
    };
}

fn main() -> ExitCode {
    if let Some(config) = std::env::var_os(agent::CONFIG) {
        return agent::main(config.as_ref());
    }
    if let Some(what) = std::env::var_os(host_pods::SENDER) {
        return host_pods::main(&what);
    }
    sandbox::main_with_and_without_root(tests![
        host_pods::the_kernel_tells_them_by_their_cgroups,
        table::the_kernel_holds_what_was_compiled,
        table::a_restart_writes_nothing,
        table::what_others_change_is_repaired,
        table::an_edited_element_is_repaired_and_told_with_a_packet,
        table::a_table_that_was_put_to_sleep_is_replaced,
        protection::other_programs_cannot_change_the_table,
        protection::the_next_agent_adopts_the_table,
        protection::an_orphan_that_was_changed_is_repaired,
        protection::versions_with_and_without_protection_follow_each_other,
        protection::a_kernel_that_refuses_is_asked_again,
        protection::a_busy_neighbour_does_not_keep_the_agent_from_its_table,
        table::sigterm_leaves_everything_in_place,
        refusal::a_refused_transaction_leaves_the_old_table_and_is_tried_again,
        refusal::a_pod_that_could_not_be_programmed_stays_closed,
        socket::sockets_are_private_and_replaced,
        socket::status_names_the_policy_behind_an_element,
        traffic::a_new_deny_ends_exactly_what_it_denies,
        traffic::a_server_that_speaks_first_is_cut_as_well,
        traffic::an_agent_that_dies_interrupts_nothing_and_opens_nothing,
        loose::a_cut_server_is_not_taken_for_a_client,
        loose::a_cut_client_is_not_reached_by_its_server,
        loose::a_cut_client_is_not_reached_by_its_own_node,
        services::datagrams_follow_their_service,
        services::datagrams_find_a_service_that_comes_late,
        services::a_service_without_backends_refuses_at_once,
        replacement::nothing_denied_passes_while_a_table_is_replaced,
        source::a_pod_gets_its_source_back_when_the_table_is_repaired,
        reuse::whoever_gets_the_address_inherits_nothing,
        reuse::nothing_passes_before_a_pod_is_programmed,
        protocols::errors_come_back_through_closed_policies,
        protocols::an_error_about_nothing_is_dropped,
        protocols::other_protocols_need_a_rule_without_ports,
        transfers::what_stays_allowed_runs_through_changes_and_what_is_denied_is_cut,
        trials::the_kernel_takes_back_what_nobody_confirms,
        trials::a_crash_at_any_moment_leaves_what_was_or_what_is_tried,
        storm::faults_open_nothing_and_break_nothing,
        storm::the_probes_notice_an_open_door,
        storm::the_probes_notice_a_broken_connection,
        killed::at_any_moment_the_kernel_holds_one_whole_state,
    ])
}
