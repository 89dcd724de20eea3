//! The plugin as its runtime starts it, against the kernel. Each test has a network namespace of its own
//! for its node, and one for each pod.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod agent;
mod attach;
mod chain;
mod contract;
mod crash;
mod input;
mod node;
mod traffic;

use std::process::ExitCode;

use ringfence_testkit::sandbox;

macro_rules! tests {
    ($($module:ident::$name:ident),* $(,)?) => {
        &[$((concat!(stringify!($module), "::", stringify!($name)), $module::$name as fn())),*]
    };
}

fn main() -> ExitCode {
    sandbox::main_with_and_without_root(tests![
        attach::add_check_and_del_in_every_version,
        attach::del_works_without_the_pod_and_twice,
        attach::dual_stack_and_each_family_alone,
        attach::what_is_there_already_is_refused_and_left_alone,
        attach::a_step_that_fails_half_way_is_undone,
        attach::check_finds_what_is_missing,
        attach::parallel_adds_get_different_addresses,
        attach::a_used_up_block_is_named_and_recovers,
        attach::gc_takes_away_what_is_not_listed,
        attach::a_previous_result_is_passed_through,
        contract::without_an_agent_nothing_is_taken,
        contract::an_agent_that_refuses_or_dawdles_undoes_the_add,
        contract::add_waits_for_the_rules,
        contract::del_without_an_agent_keeps_the_address_taken,
        contract::a_del_waits_for_the_add_before_it,
        contract::a_damaged_record_stops_adds_until_its_del,
        contract::a_result_that_cannot_be_delivered_is_undone,
        contract::status_tells_whether_add_could_succeed,
        crash::an_add_killed_at_any_point_leaves_nothing_after_del,
        crash::what_a_dead_add_left_is_swept_and_a_living_one_spared,
        crash::a_storm_of_calls_and_kills_keeps_addresses_apart,
        crash::a_del_killed_at_any_point_is_finished_by_the_next,
        input::wrong_input_is_refused_by_code_before_anything_happens,
        input::version_and_about_need_nothing,
        traffic::pods_reach_each_other_and_their_gateway,
        traffic::the_first_packet_of_a_pod_arrives_on_a_busy_machine,
        traffic::a_pod_cannot_send_from_another_address,
        traffic::the_node_reaches_pods_from_its_own_address,
        chain::a_rate_limit_finds_our_end_of_the_pair,
        chain::a_host_port_leads_to_the_pod,
    ])
}
