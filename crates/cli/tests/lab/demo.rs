//! `ringfence demo`: agrees with itself, needs nothing, and would notice if nothing were enforced.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use ringfence_lab::control::client::Client;
use serde_json::Value;

use crate::support::{
    Finished, Permit, Run, Surroundings, eventually, processes_of, ringfence, unique_name,
};

/// Limits on a machine with two cores.
const WHOLE_DEMO: Duration = Duration::from_secs(20);
const LAB_READY_MS: u64 = 3000;
/// How often the demonstration is run until it keeps them.
const ATTEMPTS: usize = 5;
const NOBODY: u32 = 65534;

/// The user who runs the demonstration, and the program in a place that this user may read.
struct User {
    program: PathBuf,
    folder: tempfile::TempDir,
    nobody: bool,
}

impl User {
    fn current() -> Self {
        Self {
            program: env!("CARGO_BIN_EXE_ringfence").into(),
            folder: tempfile::tempdir().unwrap(),
            nobody: false,
        }
    }

    /// A user without any privilege, for tests that root runs.
    fn nobody() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("ringfence");
        std::fs::copy(env!("CARGO_BIN_EXE_ringfence"), &program).unwrap();
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open).unwrap();
        Self {
            program,
            folder,
            nobody: true,
        }
    }

    /// The demonstration with an empty `PATH`.
    fn demo(&self, name: &str, arguments: &[&str]) -> Finished {
        let empty = self.folder.path().join("empty");
        std::fs::create_dir_all(&empty).unwrap();
        let mut command = Command::new(&self.program);
        command
            .args(["demo", "--name", name])
            .args(arguments)
            .env("PATH", &empty)
            .env("RINGFENCE_LAB", name)
            .current_dir("/");
        if self.nobody {
            command.uid(NOBODY).gid(NOBODY);
        }
        command.finish()
    }

    fn scratch(&self) -> &Path {
        self.folder.path()
    }
}

fn users() -> Vec<User> {
    if nix::unistd::geteuid().is_root() {
        vec![User::current(), User::nobody()]
    } else {
        vec![User::current()]
    }
}

fn parsed(finished: &Finished) -> Value {
    serde_json::from_str(&finished.stdout).unwrap_or_else(|error| panic!("{error}: {finished:#?}"))
}

/// Every attempt of the chapters and the final table.
fn checks(report: &Value) -> Vec<&Value> {
    let steps = report["steps"].as_array().unwrap().iter();
    steps
        .flat_map(|step| step["checks"].as_array().unwrap())
        .chain(report["table"].as_array().unwrap())
        .collect()
}

/// Runs the demonstration, which must agree with itself; how long it took, and its lab to be ready, in milliseconds.
#[track_caller]
fn agrees(user: &User, name: &str) -> (Duration, u64) {
    let finished = user.demo(name, &["--output", "json"]);
    assert_eq!(finished.code(), Some(0), "{finished:#?}");
    let report = parsed(&finished);
    assert_eq!(report["agreed"], true);
    assert!(checks(&report).len() > 60, "{}", checks(&report).len());
    (finished.took, report["lab_ready_ms"].as_u64().unwrap())
}

#[test]
fn story_specification_and_packets_agree_for_every_user_without_any_program() {
    let _permit = Permit::alone();
    for user in users() {
        let name = unique_name();
        let before = Surroundings::now(user.scratch());
        // Somebody else may use the machine; every time it is the demonstration's fault.
        let is_quick =
            |(took, ready): &(Duration, u64)| *took <= WHOLE_DEMO && *ready <= LAB_READY_MS;
        let quick = (0..ATTEMPTS).map(|_| agrees(&user, &name)).find(is_quick);
        assert!(
            quick.is_some(),
            "never within {WHOLE_DEMO:?} and ready within {LAB_READY_MS} ms"
        );
        std::fs::remove_dir(user.scratch().join("empty")).unwrap();
        assert_eq!(Surroundings::now(user.scratch()), before);
        assert!(processes_of(&name).is_empty());
    }
}

#[test]
fn the_text_names_the_times_and_the_result() {
    let _permit = Permit::shared();
    let finished = User::current().demo(&unique_name(), &[]);
    assert_eq!(finished.code(), Some(0), "{finished:#?}");
    let end: Vec<&str> = finished.stdout.lines().rev().take(2).collect();
    assert!(end[0].starts_with("lab ready after "), "{end:?}");
    assert!(end[0].contains(" s, cleaned up"), "{end:?}");
    assert!(
        end[1].ends_with("attempts: story, specification and packets agree on every one"),
        "{end:?}"
    );
}

#[test]
fn without_enforcement_every_denial_disagrees() {
    let _permit = Permit::shared();
    let user = User::current();
    let finished = user.demo(
        &unique_name(),
        &["--without-enforcement", "--output", "json"],
    );
    assert_eq!(finished.code(), Some(1), "{finished:#?}");
    let report = parsed(&finished);
    assert_eq!(report["agreed"], false);
    let all = checks(&report);
    let denials: Vec<_> = all
        .iter()
        .filter(|check| check["predicted"] == "closed")
        .collect();
    assert!(denials.len() > 20, "{}", denials.len());
    for denial in denials {
        assert_eq!(denial["agreed"], false, "{denial:#}");
    }
    for allowed in all.iter().filter(|check| check["predicted"] == "open") {
        assert_eq!(allowed["measured"], "open", "{allowed:#}");
    }
}

/// Whoever gets the prompt back after Ctrl-C can use the name again at once.
#[test]
fn what_ends_the_demonstration_early_ends_its_lab_before() {
    let _permit = Permit::shared();
    for (signal, runs) in [(Signal::SIGINT, true), (Signal::SIGTERM, false)] {
        let name = unique_name();
        let mut command = ringfence(&["demo", "--name", &name]);
        let mut demo = command
            .env("RINGFENCE_LAB", &name)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        eventually("the lab begins", || {
            let has_begun = processes_of(&name).len() > 2;
            let is_ready = || Client::new(&name).status().is_ok();
            (has_begun && (!runs || is_ready())).then_some(())
        });
        let pid = Pid::from_raw(demo.id().try_into().unwrap());
        kill(pid, signal).unwrap();
        let ended = demo.wait().unwrap();
        assert_eq!(processes_of(&name), BTreeMap::new());
        assert_eq!(ended.code(), Some(128 + signal as i32));
        let said = std::io::read_to_string(demo.stderr.take().unwrap()).unwrap();
        assert_eq!(said, "");
    }
}

#[test]
fn a_name_that_is_none_is_refused() {
    let _permit = Permit::shared();
    let finished = ringfence(&["demo", "--name", "Not a name"]).finish();
    snapbox::assert_data_eq!(
        finished.expect_refused(),
        snapbox::str![[r#"
error: `Not a name` is no name for a lab: use 1 to 40 lower-case letters, digits and `-`, beginning and ending with a letter or digit

"#]]
    );
}
