use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use ringfence_lab::control::client::{Client, Origin};
use ringfence_lab::control::protocol::{LabStatus, PodStatus};
use ringfence_model::{Cluster, ObjectName};
use ringfence_standin::probe::{ProbeOutcome, ProbeProtocol, ProbeRequest};

use super::process::{Finished, Run, ringfence};
use super::{PATIENCE, Permit, processes_of};

static NEXT: AtomicU32 = AtomicU32::new(0);
/// How long a connection that shall be denied is tried; allowed ones answer within a few milliseconds.
const DENIED_MS: u64 = 400;
/// One attempt of a connection that shall be allowed.
const ALLOWED_MS: u64 = 3000;

/// Says to a test that [`Lab::by_hand`] runs what it shall do.
const HANDS_ACTION: &str = "RINGFENCE_TEST_ACTION";

/// What a test shall do that is run by [`Lab::by_hand`].
pub(crate) fn hands_action() -> String {
    std::env::var(HANDS_ACTION).expect("run by a test of a lab")
}

/// A lab name that no other test and no other run of the tests uses.
pub(crate) fn unique_name() -> String {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("test-{}-{number}", std::process::id())
}

/// A lab of a test; gone when dropped.
#[derive(Debug)]
pub(crate) struct Lab {
    pub(crate) name: String,
    pub(crate) folder: tempfile::TempDir,
    _permit: Option<Permit>,
}

impl Lab {
    /// For tests that run several labs and hold the permit themselves.
    pub(crate) fn without_permit() -> Self {
        Self::new(None)
    }

    fn new(permit: Option<Permit>) -> Self {
        Self {
            name: unique_name(),
            folder: tempfile::tempdir().unwrap(),
            _permit: permit,
        }
    }

    /// A name and a folder; nothing runs yet.
    pub(crate) fn planned(permit: Permit) -> Self {
        Self::new(Some(permit))
    }

    /// Three nodes and the objects of `manifests`.
    #[track_caller]
    pub(crate) fn up(manifests: &str) -> Self {
        let lab = Self::planned(Permit::shared());
        lab.command(&["up", "-f", "-"])
            .finish_with_input(manifests.as_bytes())
            .expect_ok();
        lab
    }

    /// Nodes and networks of a kind configuration, and the objects of `manifests`.
    #[track_caller]
    pub(crate) fn up_on(kind: &str, manifests: &str) -> Self {
        let lab = Self::planned(Permit::shared());
        let config = lab.file("kind.yaml", kind);
        lab.command(&["up", "--config", config.to_str().unwrap(), "-f", "-"])
            .finish_with_input(manifests.as_bytes())
            .expect_ok();
        lab
    }

    /// `ringfence lab ...` for this lab, with temporary files in the test's folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = ringfence(&["lab"]);
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("RINGFENCE_LAB", &self.name)
            .env("TMPDIR", self.scratch())
            .env("XDG_RUNTIME_DIR", self.scratch());
        command
    }

    /// Where programs that keep files would put them.
    pub(crate) fn scratch(&self) -> PathBuf {
        let folder = self.folder.path().join("scratch");
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Finished {
        self.command(arguments).finish()
    }

    #[track_caller]
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        self.run(arguments).expect_ok()
    }

    /// The tables of all nodes, with the policies behind their elements.
    #[track_caller]
    pub(crate) fn rules(&self) -> String {
        ringfence(&["rules", "--lab", &self.name])
            .finish()
            .expect_ok()
    }

    /// Runs a command in a pod.
    pub(crate) fn exec(&self, pod: &str, command: &[&str]) -> Finished {
        self.run(&[&["exec", pod, "--"], command].concat())
    }

    #[track_caller]
    pub(crate) fn apply(&self, manifests: &str) -> String {
        self.try_apply(manifests).expect_ok()
    }

    pub(crate) fn try_apply(&self, manifests: &str) -> Finished {
        self.command(&["apply", "-f", "-"])
            .finish_with_input(manifests.as_bytes())
    }

    #[track_caller]
    pub(crate) fn delete(&self, manifests: &str) -> String {
        self.try_delete(manifests).expect_ok()
    }

    pub(crate) fn try_delete(&self, manifests: &str) -> Finished {
        self.command(&["delete", "-f", "-"])
            .finish_with_input(manifests.as_bytes())
    }

    /// Writes a file into the test's folder.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    #[track_caller]
    pub(crate) fn status(&self) -> LabStatus {
        serde_json::from_str(&self.ok(&["status", "-o", "json"])).unwrap()
    }

    #[track_caller]
    pub(crate) fn pod(&self, name: &str) -> PodStatus {
        let name = pod_name(name);
        let pods = self.status().pods;
        pods.into_iter()
            .find(|pod| pod.name == name)
            .unwrap_or_else(|| panic!("no pod {name}"))
    }

    /// The pod's first address.
    #[track_caller]
    pub(crate) fn address(&self, pod: &str) -> String {
        self.pod(pod).addresses[0].to_string()
    }

    /// How often the agent of `node` was started.
    pub(crate) fn agent_starts(&self, node: &str) -> u32 {
        let nodes = self.status().nodes.into_iter();
        let mut own = nodes.filter(|found| found.name == node);
        own.next().unwrap().agent_starts
    }

    /// Runs `test` of this very program, an ignored one, in the pod `hand`, which has its node's network; [`hands_action`]
    /// gives it `action` there.
    pub(crate) fn by_hand(&self, test: &str, action: &str) {
        self.by_hand_of("hand", test, action);
    }

    /// The same in another pod; what it printed.
    pub(crate) fn by_hand_of(&self, pod: &str, test: &str, action: &str) -> String {
        let program = std::env::current_exe().unwrap();
        let variable = format!("{HANDS_ACTION}={action}");
        let command = [
            "env",
            &variable,
            program.to_str().unwrap(),
            "--exact",
            test,
            "--ignored",
            "--nocapture",
        ];
        let done = self.exec(pod, &command).expect_ok();
        assert!(done.contains("1 passed"), "{action}: {done}");
        done
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(&self.name)
    }

    pub(crate) fn cluster(&self) -> Cluster {
        self.client().cluster().unwrap()
    }

    /// One attempt at a connection.
    pub(crate) fn probe(
        &self,
        pod: &str,
        target: &str,
        port: u16,
        protocol: ProbeProtocol,
        timeout_ms: u64,
    ) -> ProbeOutcome {
        let request = ProbeRequest {
            target: target.to_owned(),
            port,
            protocol,
            timeout_ms,
        };
        let origin = Origin::Pod(pod_name(pod));
        let mut reports = self.client().probe(&origin, &[request]).unwrap();
        reports.remove(0).outcome
    }

    /// The connection comes about, if need be after a few attempts on a busy machine.
    #[track_caller]
    pub(crate) fn reaches(&self, pod: &str, target: &str, port: u16, protocol: ProbeProtocol) {
        let mut last = None;
        for _ in 0..3 {
            let outcome = self.probe(pod, target, port, protocol.clone(), ALLOWED_MS);
            if outcome.is_reached() {
                return;
            }
            last = Some(outcome);
        }
        panic!("{pod} does not reach {target} port {port}: {last:?}");
    }

    /// The connection never comes about: its packets are dropped.
    #[track_caller]
    pub(crate) fn is_denied(&self, pod: &str, target: &str, port: u16, protocol: ProbeProtocol) {
        for _ in 0..2 {
            let outcome = self.probe(pod, target, port, protocol.clone(), DENIED_MS);
            assert_eq!(
                outcome,
                ProbeOutcome::TimedOut,
                "{pod} to {target} port {port}"
            );
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // A test may have ended it already, or its failure may be that it cannot be ended this way.
        let _ = self.command(&["down"]).output();
        let deadline = std::time::Instant::now() + PATIENCE;
        while let Some(pid) = processes_of(&self.name).keys().next() {
            let _ = nix::sys::signal::kill(
                nix::unistd::Pid::from_raw(*pid),
                nix::sys::signal::Signal::SIGKILL,
            );
            if std::time::Instant::now() > deadline {
                return;
            }
            std::thread::sleep(super::POLL);
        }
    }
}

/// `NAMESPACE/NAME`, or `NAME` in the namespace `default`.
fn pod_name(text: &str) -> ObjectName {
    let full = if text.contains('/') {
        text.to_owned()
    } else {
        format!("default/{text}")
    };
    full.parse().unwrap()
}
