//! A server, a directory, and a kubectl to try it with.

use std::cell::RefCell;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;

use ringfence_apiserver::api::{AdmitAll, Api, ApiConfig};
use ringfence_apiserver::server::{Identity, Server};
use serde_json::json;

use super::containers::ThisMachine;

pub(crate) struct Bench {
    api: Arc<Api>,
    _server: Server,
    directory: tempfile::TempDir,
    kubectl: PathBuf,
    ran: RefCell<Vec<String>>,
}

/// A command that goes on until this is dropped.
pub(crate) struct Running {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    /// Reads until a line has all of `words`.
    pub(crate) fn wait_for(&mut self, words: &[&str]) -> String {
        let mut seen = Vec::new();
        for line in self.lines.by_ref() {
            let line = line.unwrap();
            if words.iter().all(|word| line.contains(word)) {
                return line;
            }
            seen.push(line);
        }
        panic!("no line with {words:?} in {seen:#?}");
    }
}

impl Bench {
    pub(crate) fn start(kubectl: PathBuf) -> Self {
        let config = ApiConfig {
            first_revision: 1_000,
            ends_pods: false,
        };
        let api = Arc::new(Api::new(config, Box::new(AdmitAll)));
        for name in ["default", "kube-system"] {
            let kind = api.kinds().of_object("v1", "Namespace").unwrap();
            let object = serde_json::json!({
                "apiVersion": "v1", "kind": "Namespace",
                "metadata": {
                    "name": name, "uid": name, "creationTimestamp": "2026-01-01T00:00:00Z",
                    "labels": {"kubernetes.io/metadata.name": name},
                },
                "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"},
            });
            api.record(kind, &object);
        }
        let identity = Identity::generate(&["127.0.0.1", "localhost"]).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let directory = tempfile::tempdir().unwrap();
        let address = listener.local_addr().unwrap().to_string();
        std::fs::write(
            directory.path().join("kubeconfig"),
            identity.kubeconfig("lab", &address),
        )
        .unwrap();
        let containers = Arc::new(ThisMachine);
        let shared = Arc::clone(&api);
        let server = Server::with_containers(shared, containers, listener, identity).unwrap();
        Self {
            api,
            _server: server,
            directory,
            kubectl,
            ran: RefCell::default(),
        }
    }

    /// Writes a file and gives its path.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A pod that runs, with several containers.
    pub(crate) fn record_pods(&self) {
        let kind = self.api.kinds().of_object("v1", "Pod").unwrap();
        let containers = ["first", "second", "broken"];
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": "shell", "namespace": "default", "uid": "shell",
                "creationTimestamp": "2026-01-01T00:00:00Z",
                "annotations": {"kubectl.kubernetes.io/default-container": "first"},
            },
            "spec": {"containers": containers.map(|name| json!({
                "name": name, "image": "none", "stdin": true, "tty": false,
            }))},
            "status": {"phase": "Running"},
        });
        self.api.record(kind, &pod);
    }

    /// A manifest of the demonstration.
    pub(crate) fn demo(&self, name: &str) -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../examples/netpol-demo")
            .join(name);
        self.file(name, &std::fs::read_to_string(path).unwrap())
    }

    /// Runs a command that must succeed, and gives what it printed.
    pub(crate) fn ok(&self, arguments: &str) -> String {
        let output = self.run(arguments);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "kubectl {arguments}\n{text}{errors}"
        );
        self.ran.borrow_mut().push(self.plain(arguments));
        text + &errors
    }

    /// Runs a command that must fail, and gives what it complained of.
    pub(crate) fn fails(&self, arguments: &str) -> String {
        let output = self.run(arguments);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success(),
            "kubectl {arguments}\n{}",
            String::from_utf8_lossy(&output.stdout)
        );
        self.ran
            .borrow_mut()
            .push(format!("{} (refused)", self.plain(arguments)));
        errors
    }

    /// Runs a command with input, and gives its exit code, output and errors.
    pub(crate) fn ends(&self, arguments: &str, input: &[u8]) -> (i32, Vec<u8>, String) {
        let file = self.directory.path().join("input");
        std::fs::write(&file, input).unwrap();
        let mut command = self.command(arguments);
        let output = command
            .stdin(std::fs::File::open(file).unwrap())
            .output()
            .unwrap();
        let code = output.status.code().unwrap();
        let ending = match code {
            0 => String::new(),
            code => format!(" (exit code {code})"),
        };
        self.ran.borrow_mut().push(self.plain(arguments) + &ending);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        (code, output.stdout, errors)
    }

    /// A command that leads a session, whose terminal is its input.
    pub(crate) fn under_setsid(&self, arguments: &str) -> Command {
        let inner = self.command(arguments);
        let mut command = Command::new("setsid");
        command
            .args(["--ctty", "--wait"])
            .arg(inner.get_program())
            .args(inner.get_args())
            .current_dir(self.directory.path());
        for (name, value) in inner.get_envs() {
            command.env(name, value.unwrap());
        }
        self.ran.borrow_mut().push(self.plain(arguments));
        command
    }

    pub(crate) fn begin(&self, arguments: &str) -> Running {
        self.begin_as(arguments, arguments)
    }

    /// Begins a command that is listed in other words, where its own change with each run.
    pub(crate) fn begin_as(&self, arguments: &str, listed: &str) -> Running {
        let mut child = self
            .command(&format!("--request-timeout=40s {arguments}"))
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        self.ran.borrow_mut().push(self.plain(listed));
        Running { child, lines }
    }

    pub(crate) fn run(&self, arguments: &str) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Words are separated by blanks; `~` in one stands for a blank.
    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(&self.kubectl);
        command
            .args(
                arguments
                    .split_whitespace()
                    .map(|word| word.replace('~', " ")),
            )
            .env("KUBECONFIG", self.directory.path().join("kubeconfig"))
            .env("HOME", self.directory.path())
            .env("KUBE_EDITOR", "sed -i s/tier:.*/tier:\\ edited/")
            .current_dir(self.directory.path())
            .stdin(Stdio::null());
        command
    }

    fn plain(&self, arguments: &str) -> String {
        let directory = format!("{}/", self.directory.path().display());
        arguments.replace(&directory, "").replace('~', " ")
    }

    pub(crate) fn ran(&self) -> Vec<String> {
        self.ran.borrow().clone()
    }
}

/// The first minor version whose kubectl reads OpenAPI v3 when it applies.
const OLDEST: u32 = 30;

/// The kubectl that is found in the path.
fn found() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .map(|folder| folder.join("kubectl"))
        .find(|file| file.exists());
    let found = found.expect("this test needs kubectl in PATH");
    found.canonicalize().unwrap()
}

/// Those of other versions beside it, oldest first.
fn beside(found: &Path) -> Vec<(u32, PathBuf)> {
    let folder = found.parent().unwrap();
    let mut others: Vec<(u32, PathBuf)> = folder
        .read_dir()
        .unwrap()
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let minor = path
                .file_name()?
                .to_str()?
                .strip_prefix("kubectl.1.")?
                .parse()
                .ok()?;
            Some((minor, path))
        })
        .collect();
    others.sort();
    others
}

/// The kubectls of this machine that read OpenAPI v3: the oldest, one in the middle, and the newest.
pub(crate) fn kubectls() -> Vec<PathBuf> {
    let found = found();
    let mut others = beside(&found);
    others.retain(|(minor, _)| *minor >= OLDEST);
    let mut others: Vec<PathBuf> = others.into_iter().map(|(_, path)| path).collect();
    match others.len() {
        0 => vec![found],
        1 | 2 => others,
        count => {
            let newest = others.swap_remove(count - 1);
            let middle = others.swap_remove(count / 2);
            vec![others.swap_remove(0), middle, newest]
        }
    }
}

/// The oldest of all, which speaks SPDY only.
pub(crate) fn oldest() -> PathBuf {
    let found = found();
    let first = beside(&found).into_iter().next();
    first.map_or(found, |(_, path)| path)
}

/// Compares what ran with the list in the documentation, or writes it with `SNAPSHOTS=overwrite`.
pub(crate) fn check_list(ran: &[String]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/kubectl.md");
    let list: String = ran
        .iter()
        .map(|command| format!("kubectl {command}\n"))
        .collect();
    let text = format!(
        "# kubectl against the API of ringfence\n\n\
         Each of these commands is run by a test with the oldest, a middle and the newest kubectl of the machine, and does what it does\n\
         against a cluster. The test writes this page. What is refused is refused with an error that says so; nothing is stored then.\n\n\
         ```text\n{list}```\n"
    );
    if std::env::var("SNAPSHOTS").is_ok_and(|value| value == "overwrite") {
        return std::fs::write(path, text).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        written, text,
        "docs/kubectl.md is not what ran: SNAPSHOTS=overwrite writes it"
    );
}
