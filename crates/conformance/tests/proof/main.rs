//! Tables as the kernel holds them, tampered with over netlink, each test in a network namespace of its own.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "test code"
)]

#[path = "../../../verify/tests/suite/tamper.rs"]
mod tamper;
#[path = "../../../verify/tests/suite/world.rs"]
mod world;

use std::process::ExitCode;

use ringfence_netlink::nftables::Nftables;
use ringfence_ruleset::{Operation, Table, diff};
use ringfence_testkit::generate::{Shape, cluster};
use ringfence_testkit::random::Random;
use ringfence_testkit::sandbox;
use ringfence_verify::verify;

const CORRUPTIONS: usize = 200;

fn main() -> ExitCode {
    let tests: [sandbox::Test; 1] = [("kernel::tampering_is_found", tampering_is_found)];
    sandbox::main_with_and_without_root(&tests)
}

/// What is read back from the kernel is judged as what was written to it, right or wrong. Corruptions that change
/// nothing are told apart by single packets in the tests without a kernel.
fn tampering_is_found() {
    let mut socket = Nftables::open().unwrap();
    let mut random = Random::new(11);
    let (mut done, mut found, mut seed) = (0, 0, 0);
    while found < CORRUPTIONS {
        seed += 1;
        let shape = if seed % 2 == 0 {
            Shape::WIRED
        } else {
            Shape::WIRED_EVERYTHING
        };
        let cluster = cluster(seed, shape);
        for node in world::nodes(&cluster) {
            let right = replace(&mut socket, None, &node.table);
            let report = verify(&right, &cluster, &node.wiring).unwrap();
            assert!(report.is_equal(), "seed {seed}: {:#?}", report.differences);
            for _ in 0..4 {
                let kind = *random.pick(&tamper::ALL).unwrap();
                let Some((wrong, what)) = tamper::tamper(&node.table, kind, &mut random) else {
                    continue;
                };
                let live = replace(&mut socket, Some(&node.table), &wrong);
                let is_equal = |table: &Table| {
                    let report = verify(table, &cluster, &node.wiring);
                    report.map(|report| report.is_equal())
                };
                let judged = is_equal(&live);
                assert_eq!(judged, is_equal(&wrong), "seed {seed}: {kind:?} {what}");
                found += usize::from(judged != Ok(true));
                done += 1;
                replace(&mut socket, Some(&wrong), &node.table);
            }
            socket
                .apply(&node.table.name, &[Operation::DeleteTable])
                .unwrap();
        }
    }
    println!("{found} of {done} corruptions of a live table change what it does, and are found");
    assert!(found * 2 > done, "{found} of {done}");
}

/// Makes the kernel's table another one, and reads it back.
fn replace(socket: &mut Nftables, from: Option<&Table>, to: &Table) -> Table {
    socket.apply(&to.name, &diff(from, to)).unwrap();
    let state = socket.read_table(&to.name).unwrap().unwrap();
    state.to_table(&to.name).unwrap()
}
