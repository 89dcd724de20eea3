//! A test harness whose every test runs in a network namespace of its own, for root and for ordinary
//! users alike: the process enters a user namespace first if it must, while it has one thread, which
//! is why libtest cannot be used. A missing privilege fails the run.
//!
//! Tests run side by side, since most of their time is waiting. Understands a filter, `--exact`, `--skip`, `--list`,
//! `--test-threads` and RUST_TEST_THREADS as libtest does; its other flags are accepted and ignored.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "the frame of test programs: it reports on standard output as libtest does"
)]

use std::fs;
use std::io;
use std::num::NonZeroUsize;
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use nix::sched::{CloneFlags, unshare};
use nix::unistd::{getegid, geteuid};

/// A test by name.
pub type Test = (&'static str, fn());

/// Flags of libtest that take the next argument as their value and mean nothing here.
const WITH_VALUE: [&str; 5] = ["--format", "--color", "--logfile", "--shuffle-seed", "-Z"];

/// Set in the process that runs the tests a second time, for root without its privileges.
const ROOTLESS: &str = "SANDBOX_ROOTLESS";

/// Set by who has the tests run by an ordinary user as well: they need no second run as root without its privileges.
pub const ONCE: &str = "SANDBOX_ONCE";

/// Runs the tests that the command line selects; if started by root of the machine and [`ONCE`] is not set, once more in
/// a user namespace, where they have no privileges over the machine.
pub fn main_with_and_without_root(tests: &[Test]) -> ExitCode {
    // Asked before the tests run: in the namespaces that they are run in, everybody is root.
    let twice = starts_as_root() && owns_machine() && std::env::var_os(ONCE).is_none();
    let first = main(tests);
    let list = std::env::args().any(|argument| argument == "--list");
    if list || first != ExitCode::SUCCESS || !twice {
        return first;
    }
    let again = std::env::current_exe().and_then(|program| {
        Command::new(program)
            .args(std::env::args_os().skip(1))
            .env(ROOTLESS, "1")
            .status()
    });
    if again.is_ok_and(|status| status.success()) {
        first
    } else {
        ExitCode::FAILURE
    }
}

fn starts_as_root() -> bool {
    std::env::var_os(ROOTLESS).is_none() && geteuid().is_root()
}

/// Whether this process is in the user namespace of the machine, the only one in which every user stands for itself.
#[must_use]
pub fn owns_machine() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    map.split_whitespace().eq(["0", "0", "4294967295"])
}

/// Runs the tests that the command line selects.
pub fn main(tests: &[Test]) -> ExitCode {
    let selection = Selection::from_arguments(std::env::args().skip(1));
    let selected: Vec<_> = tests
        .iter()
        .filter(|(name, _)| selection.takes(name))
        .collect();
    if selection.list {
        selected
            .iter()
            .for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let as_root = starts_as_root();
    if let Err(error) = enter() {
        eprintln!("cannot enter namespaces, which these tests need: {error}");
        return ExitCode::FAILURE;
    }
    let who = if as_root { "root" } else { "an ordinary user" };
    println!("\nrunning {} tests as {who}", selected.len());
    let failed = run(&selected, selection.threads());
    report(selected.len(), &failed, tests.len() - selected.len())
}

/// Takes one test after the other on each of so many threads; which have failed, in their order.
fn run(tests: &[&Test], threads: usize) -> Vec<&'static str> {
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some(test) = tests.get(next.fetch_add(1, Ordering::Relaxed)) {
            if !passes(test) {
                let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                failed.push(test.0);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads.min(tests.len()) {
            scope.spawn(work);
        }
        work();
    });
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    let in_order = tests.iter().map(|test| test.0);
    in_order.filter(|name| failed.contains(name)).collect()
}

fn passes((name, test): &Test) -> bool {
    let test = *test;
    let isolated = move || {
        unshare(CloneFlags::CLONE_NEWNET).expect("a network namespace");
        test();
    };
    let handle = thread::Builder::new()
        .name((*name).to_owned())
        .spawn(isolated);
    let passed = handle.is_ok_and(|handle| handle.join().is_ok());
    println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
    passed
}

fn report(ran: usize, failed: &[&str], filtered: usize) -> ExitCode {
    if !failed.is_empty() {
        println!("\nfailures:");
        failed.iter().for_each(|name| println!("    {name}"));
    }
    println!(
        "\ntest result: {}. {} passed; {} failed; 0 ignored; 0 measured; {filtered} filtered out\n",
        if failed.is_empty() { "ok" } else { "FAILED" },
        ran - failed.len(),
        failed.len(),
    );
    if failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Leaves the machine's network namespace, so that even a faulty test cannot touch it. For a process with one thread.
///
/// # Errors
/// If the kernel allows no namespaces.
pub fn enter() -> io::Result<()> {
    if starts_as_root() {
        return Ok(unshare(CloneFlags::CLONE_NEWNET)?);
    }
    let (user, group) = (geteuid(), getegid());
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET)?;
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("0 {user} 1"))?;
    fs::write("/proc/self/gid_map", format!("0 {group} 1"))
}

#[derive(Default)]
struct Selection {
    filters: Vec<String>,
    skipped: Vec<String>,
    threads: Option<String>,
    exact: bool,
    list: bool,
}

impl Selection {
    fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Self {
        let mut selection = Self::default();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--exact" => selection.exact = true,
                "--list" => selection.list = true,
                "--skip" => selection.skipped.extend(arguments.next()),
                "--test-threads" => selection.threads = arguments.next(),
                flag if WITH_VALUE.contains(&flag) => drop(arguments.next()),
                flag if flag.starts_with("--test-threads=") => {
                    selection.threads = flag.split_once('=').map(|(_, count)| count.to_owned());
                }
                flag if flag.starts_with('-') => {}
                _ => selection.filters.push(argument),
            }
        }
        selection
    }

    /// How many tests run at a time: as many as were asked for, or as many as there are processors.
    fn threads(&self) -> usize {
        let asked = self.threads.clone();
        let asked = asked.or_else(|| std::env::var("RUST_TEST_THREADS").ok());
        let asked = asked.and_then(|count| count.parse::<NonZeroUsize>().ok());
        asked.map_or_else(
            || thread::available_parallelism().map_or(1, NonZeroUsize::get),
            NonZeroUsize::get,
        )
    }

    fn takes(&self, name: &str) -> bool {
        let matches = |filter: &String| {
            if self.exact {
                name == filter
            } else {
                name.contains(filter.as_str())
            }
        };
        let wanted = self.filters.is_empty() || self.filters.iter().any(matches);
        wanted && !self.skipped.iter().any(matches)
    }
}
