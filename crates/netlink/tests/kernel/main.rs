//! Everything against the real kernel, each test in a network namespace of its own.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "test code"
)]

/// Lists a module's tests as `TESTS`, named by what they are about.
macro_rules! tests {
    ($($topic:literal => [$($test:ident),* $(,)?]),* $(,)?) => {
        pub(crate) const TESTS: &[crate::sandbox::Test] =
            &[$($((concat!($topic, "::", stringify!($test)), $test as fn())),*),*];
    };
}

mod conntrack;
mod counters;
mod design;
mod nflog;
mod nftables;
mod owner;
mod random;
mod route;
mod runs;
mod timed;

use std::process::{Command, ExitCode};

use ringfence_testkit::sandbox;

fn main() -> ExitCode {
    let tests: Vec<sandbox::Test> = [
        nftables::TESTS,
        counters::TESTS,
        owner::TESTS,
        route::TESTS,
        conntrack::TESTS,
        random::TESTS,
        nflog::TESTS,
        timed::TESTS,
        runs::TESTS,
    ]
    .concat();
    sandbox::main_with_and_without_root(&tests)
}

/// Whether a program to compare with is missing. Continuous integration has them all; elsewhere `cargo test` must need
/// nothing but a toolchain, and says what it leaves out.
fn lacks(program: &str) -> bool {
    let found = Command::new(program).arg("-V").output();
    let missing = found.is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound);
    if missing {
        let message = format!("left out: there is no `{program}` on this machine to compare with");
        assert!(std::env::var_os("CI").is_none(), "{message}");
        println!("{message}");
    }
    missing
}

/// Runs a program in the test's namespace and returns what it printed; it must succeed.
fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .expect(program);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {:?} {error}",
        output.status
    );
    String::from_utf8(output.stdout).expect("text")
}

/// New namespaces have their loopback interface down.
fn loopback_up() {
    let mut socket = ringfence_netlink::route::RouteSocket::open().expect("a route socket");
    let index = socket.link_by_name("lo").expect("lo").index;
    socket.set_link_up(index, true).expect("lo up");
}
