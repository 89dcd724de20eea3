//! What Services do with real packets, one line of `docs/services.md` for each feature: the same client dials over both
//! families, with the backend beside it and on the other node.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod affinity;
mod lines;
mod page;
mod topology;
mod traffic;
mod world;

use std::process::ExitCode;

use ringfence_testkit::sandbox;

fn main() -> ExitCode {
    sandbox::main(&[
        (
            "page::services_do_what_the_page_says",
            page::services_do_what_the_page_says,
        ),
        (
            "affinity::clients_come_back_to_their_backend",
            affinity::clients_come_back_to_their_backend,
        ),
        (
            "affinity::what_packets_wrote_is_no_part_of_the_table",
            affinity::what_packets_wrote_is_no_part_of_the_table,
        ),
        (
            "affinity::nobody_is_remembered_for_longer_than_asked",
            affinity::nobody_is_remembered_for_longer_than_asked,
        ),
        ("affinity::a_crowd_is_served", affinity::a_crowd_is_served),
        (
            "topology::near_backends_are_preferred",
            topology::near_backends_are_preferred,
        ),
    ])
}
