//! A pod's own world: its namespaces, its files under `/etc`, and process 1 that runs its containers.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, Write};
use std::os::unix::process::CommandExt as _;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::{Pid, sethostname};
use serde::{Deserialize, Serialize};

use super::container::{self, ContainerProcess, ContainerRoot};
use super::init::die_with_parent;
use super::printed::{Printed, Recorder};
use super::volumes::{self, VolumePlace};

/// What a sandbox is made of; one JSON line on its standard input.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SandboxConfig {
    /// Host name of the pod.
    pub hostname: String,
    /// Whether the pod keeps the network namespace it is started in (`hostNetwork: true`).
    pub host_network: bool,
    /// A directory of the lab for the pod's own files.
    pub directory: PathBuf,
    /// Files that replace the machine's: path to content.
    pub files: BTreeMap<PathBuf, String>,
    /// Volumes, which all containers see.
    pub volumes: Vec<VolumePlace>,
}

/// What the lab tells process 1 of a pod, one JSON line each.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum InitRequest {
    /// Start a container.
    Start(ContainerCommand),
    /// Send the program of a container a signal, if it runs.
    Signal {
        /// The container.
        name: String,
        /// The number of the signal.
        signal: i32,
    },
}

/// A program to run in a pod.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ContainerCommand {
    /// The container's name.
    pub name: String,
    /// Program and arguments; without the program where `builtin` is set.
    pub arguments: Vec<String>,
    /// Whether the program is ringfence itself.
    pub builtin: bool,
    /// The whole of its environment.
    pub environment: BTreeMap<String, String>,
    /// Where it begins, if not where the lab did.
    pub folder: Option<PathBuf>,
    /// Where what it prints is kept, see [`Printed`].
    pub printed: PathBuf,
    /// One line for the program's standard input, which is closed after it.
    pub input: Option<String>,
    /// Volumes that the pod does not see yet.
    pub volumes: Vec<VolumePlace>,
    /// Where it sees volumes already.
    pub taken: Vec<PathBuf>,
    /// Files of its own, if it does not see its pod's.
    pub root: Option<Box<ContainerRoot>>,
}

/// What process 1 of a pod reports, one JSON line each.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum InitEvent {
    /// The namespaces and files are in place.
    Ready,
    /// A container runs.
    Started {
        /// Its name.
        name: String,
    },
    /// A container could not be started.
    StartFailed {
        /// Its name.
        name: String,
        /// Why.
        message: String,
    },
    /// A container ended.
    Exited {
        /// Its name.
        name: String,
        /// Its exit code; 128 + signal if it was killed.
        code: i32,
    },
}

/// The path under which a pod's processes find this binary: process 1 of the pod is ringfence.
pub const POD_SELF: &str = "/proc/1/exe";

/// How long the last of what an ended container has printed may take.
const OUTPUT_LIMIT: Duration = Duration::from_millis(500);

/// The first port on which everybody in a pod may listen.
const UNPRIVILEGED_PORTS: &str = "/proc/sys/net/ipv4/ip_unprivileged_port_start";

/// The folder below a pod's own in which volumes are put together.
const STAGING: &str = "staging";

/// Says that nothing more is printed.
type OutputEnd = std::sync::mpsc::Receiver<()>;

/// How often a pod whose containers have all ended looks for new children.
const NO_CHILDREN_PAUSE: Duration = Duration::from_millis(20);

/// `internal pod-sandbox`: makes the namespaces and starts process 1 in them.
///
/// # Errors
/// If a namespace, mount or process cannot be made.
pub fn sandbox() -> anyhow::Result<ExitCode> {
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .context("cannot read the sandbox's config")?;
    let config: SandboxConfig = serde_json::from_str(&line).context("sandbox config")?;
    unshare(namespaces(&config)).context("cannot create the pod's namespaces")?;
    sethostname(&config.hostname).context("cannot set the pod's host name")?;
    if !config.host_network {
        // As container runtimes have it: who is not root may listen on port 80, too.
        fs::write(UNPRIVILEGED_PORTS, "0").context("cannot open the pod's ports to its users")?;
    }
    mount(
        None::<&str>,
        "/",
        None::<&str>,
        MsFlags::MS_REC | MsFlags::MS_PRIVATE,
        None::<&str>,
    )
    .context("cannot make the pod's mounts private")?;
    for (path, content) in &config.files {
        replace_file(&config.directory, path, content)
            .with_context(|| format!("cannot replace {} for the pod", path.display()))?;
    }
    place_volumes(&config)?;
    let status = Command::new("/proc/self/exe")
        .args(["internal", "pod-init"])
        .status()
        .context("cannot start the pod's process 1")?;
    Ok(ExitCode::from(super::exit_code(status)))
}

fn place_volumes(config: &SandboxConfig) -> anyhow::Result<()> {
    let staging = config.directory.join(STAGING);
    fs::create_dir_all(&staging).context("cannot create a folder for volumes")?;
    volumes::place(&config.volumes, &[], &staging)
}

fn namespaces(config: &SandboxConfig) -> CloneFlags {
    let own = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWIPC;
    if config.host_network {
        own
    } else {
        own | CloneFlags::CLONE_NEWNET
    }
}

/// Writes `content` below `directory` and mounts it over `path`. A link that leads into the lab's empty `/run` gets
/// its target there; a file that the machine lacks elsewhere is left out.
fn replace_file(directory: &Path, path: &Path, content: &str) -> anyhow::Result<()> {
    let name = path.file_name().context("a path without file name")?;
    let own = directory.join(name);
    fs::write(&own, content)?;
    let target = link_target(path);
    if !target.exists() {
        if !target.starts_with("/run") {
            return Ok(());
        }
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&target, "")?;
    }
    mount(
        Some(&own),
        &target,
        None::<&str>,
        MsFlags::MS_BIND,
        None::<&str>,
    )?;
    Ok(())
}

/// Where a chain of symbolic links ends, even if nothing is there.
fn link_target(path: &Path) -> PathBuf {
    let mut target = path.to_owned();
    for _ in 0..16 {
        let Ok(next) = fs::read_link(&target) else {
            break;
        };
        target = match target.parent() {
            Some(parent) => parent.join(next),
            None => next,
        };
    }
    fs::canonicalize(&target).unwrap_or_else(|_| normalized(&target))
}

/// The path without `.` and `..`, by text alone.
fn normalized(path: &Path) -> PathBuf {
    path.components()
        .fold(PathBuf::new(), |mut result, component| {
            if component == Component::ParentDir {
                result.pop();
            } else if component != Component::CurDir {
                result.push(component);
            }
            result
        })
}

/// `internal pod-init`: process 1 of a pod.
///
/// # Errors
/// If `/proc` cannot be mounted or the lab's requests cannot be read.
pub fn pod_init() -> anyhow::Result<ExitCode> {
    die_with_parent()?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("proc"), "/proc", Some("proc"), flags, None::<&str>)
        .context("cannot mount the pod's /proc")?;
    report(&InitEvent::Ready)?;
    let (events, incoming) = std::sync::mpsc::channel();
    let requests = events.clone();
    std::thread::spawn(move || read_requests(&requests));
    std::thread::spawn(move || watch_children(&events));
    supervise(&incoming)
}

/// Held while a child is started or reaped: one whose program cannot be run is reaped by whoever started it, and the
/// standard library panics if it is gone already.
static CHILDREN: Mutex<()> = Mutex::new(());

fn hold_children() -> MutexGuard<'static, ()> {
    CHILDREN.lock().unwrap_or_else(PoisonError::into_inner)
}

enum InitInput {
    Request(InitRequest),
    LabGone,
    Ended(Pid, i32),
}

fn read_requests(events: &std::sync::mpsc::Sender<InitInput>) {
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        if let Ok(request) = serde_json::from_str(&line) {
            let _ = events.send(InitInput::Request(request));
        }
    }
    let _ = events.send(InitInput::LabGone);
}

/// Reaps every child of process 1: containers and orphans alike.
fn watch_children(events: &std::sync::mpsc::Sender<InitInput>) {
    loop {
        let ended = match waitid(Id::All, WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT) {
            Ok(_) => reap(),
            Err(_) => {
                std::thread::sleep(NO_CHILDREN_PAUSE);
                None
            }
        };
        if let Some((pid, code)) = ended
            && events.send(InitInput::Ended(pid, code)).is_err()
        {
            return;
        }
    }
}

fn reap() -> Option<(Pid, i32)> {
    let _children = hold_children();
    match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
        Ok(WaitStatus::Exited(pid, code)) => Some((pid, code)),
        Ok(WaitStatus::Signaled(pid, signal, _)) => Some((pid, 128 + signal as i32)),
        Ok(_) | Err(_) => None,
    }
}

fn supervise(incoming: &std::sync::mpsc::Receiver<InitInput>) -> anyhow::Result<ExitCode> {
    let mut running: BTreeMap<i32, (String, OutputEnd)> = BTreeMap::new();
    for input in incoming {
        match input {
            InitInput::LabGone => break,
            InitInput::Request(InitRequest::Start(command)) => match start(&command) {
                Ok((pid, output_end)) => {
                    report(&InitEvent::Started {
                        name: command.name.clone(),
                    })?;
                    running.insert(pid, (command.name, output_end));
                }
                Err(error) => report(&InitEvent::StartFailed {
                    name: command.name,
                    message: format!("{error:#}"),
                })?,
            },
            InitInput::Request(InitRequest::Signal { name, signal }) => {
                let named = running.iter().find(|(_, (other, _))| *other == name);
                if let (Some((pid, _)), Ok(signal)) = (named, Signal::try_from(signal)) {
                    // One that has just ended is reported as such.
                    let _ = kill(Pid::from_raw(*pid), signal);
                }
            }
            InitInput::Ended(pid, code) => {
                if let Some((name, output_end)) = running.remove(&pid.as_raw()) {
                    // What it has started ends with it, if it is there still.
                    let _ = killpg(pid, Signal::SIGKILL);
                    // What it printed is kept before its end is told; some may have left its output to others.
                    let _ = output_end.recv_timeout(OUTPUT_LIMIT);
                    report(&InitEvent::Exited { name, code })?;
                }
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Starts a container: its process, and whoever says when its output has ended.
fn start(command: &ContainerCommand) -> anyhow::Result<(i32, OutputEnd)> {
    let staging = command.printed.join(STAGING);
    volumes::place(&command.volumes, &command.taken, &staging)?;
    let recorder = Recorder::create(&Printed::of(&command.printed, &command.name))?;
    let (output, printed) = std::io::pipe()?;
    if command.root.is_some() {
        return start_image(command, recorder, output, printed);
    }
    let (program, arguments) = if command.builtin {
        (POD_SELF, command.arguments.as_slice())
    } else {
        let (program, arguments) = command
            .arguments
            .split_first()
            .context("an empty command")?;
        (program.as_str(), arguments)
    };
    let mut process = Command::new(program);
    process
        .args(arguments)
        .process_group(0)
        .env_clear()
        .envs(&command.environment)
        .stdin(if command.input.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        })
        .stdout(printed.try_clone()?)
        .stderr(printed);
    if let Some(folder) = &command.folder {
        process.current_dir(folder);
    }
    let path = command.environment.get("PATH").map_or("", String::as_str);
    let spawned = {
        let _children = hold_children();
        process.spawn()
    };
    // The output ends when nobody can write to it any more.
    drop(process);
    let mut child = spawned.map_err(|error| {
        anyhow::anyhow!(
            "cannot start `{program}`: {}",
            super::exec::reason(program, path, &error, super::exec::Whose::Machines)
        )
    })?;
    if let (Some(input), Some(mut stdin)) = (&command.input, child.stdin.take()) {
        // A container that does not read it has ended, and that is reported.
        let _ = writeln!(stdin, "{input}");
    }
    let pid = i32::try_from(child.id()).context("process id out of range")?;
    Ok((pid, record(recorder, output)))
}

/// The same for a container with files of its own. Which process it is, and who, is kept for those who enter it.
fn start_image(
    command: &ContainerCommand,
    recorder: Recorder,
    output: std::io::PipeReader,
    printed: std::io::PipeWriter,
) -> anyhow::Result<(i32, OutputEnd)> {
    let mut process = Command::new(POD_SELF);
    process
        .process_group(0)
        .env_clear()
        .stdout(printed.try_clone()?)
        .stderr(printed);
    let spawn = |process: &mut Command| {
        let _children = hold_children();
        process.spawn()
    };
    let (_, process) = container::start(command, process, spawn)?;
    let file = ContainerProcess::file(&command.printed, &command.name);
    fs::write(&file, serde_json::to_string(&process)?)
        .with_context(|| format!("cannot write {}", file.display()))?;
    Ok((process.pid, record(recorder, output)))
}

/// Keeps what a container prints; says when that has ended.
fn record(recorder: Recorder, output: std::io::PipeReader) -> OutputEnd {
    let (ended, output_ends) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        if let Err(error) = recorder.record(output) {
            eprintln!("what a container prints cannot be kept: {error}");
        }
        let _ = ended.send(());
    });
    output_ends
}

fn report(event: &InitEvent) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, event)?;
    out.write_all(b"\n")?;
    out.flush().context("the lab is gone")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_path_is_normalized_by_its_text() {
        for (path, expected) in [
            ("/etc/../run/./resolv.conf", "/run/resolv.conf"),
            ("/a/b/../../c", "/c"),
            ("/../a", "/a"),
            ("/a//b/", "/a/b"),
        ] {
            assert_eq!(normalized(Path::new(path)), Path::new(expected), "{path}");
        }
    }

    #[test]
    fn links_are_followed_also_to_where_nothing_is() {
        let folder = std::env::temp_dir().join(format!("ringfence-links-{}", std::process::id()));
        fs::create_dir_all(folder.join("etc")).unwrap();
        let folder = fs::canonicalize(folder).unwrap();
        let at = |name: &str| folder.join(name);
        fs::write(at("etc/plain"), "").unwrap();
        symlink("plain", at("etc/near")).unwrap();
        symlink("../run/stub/resolv.conf", at("etc/relative")).unwrap();
        symlink(at("etc/relative"), at("etc/chain")).unwrap();
        symlink("circle", at("etc/circle")).unwrap();
        let found = ["plain", "near", "relative", "chain", "circle", "nothing"]
            .map(|name| link_target(&at("etc").join(name)));
        fs::remove_dir_all(&folder).unwrap();
        let expected = [
            "etc/plain",
            "etc/plain",
            "run/stub/resolv.conf",
            "run/stub/resolv.conf",
            "etc/circle",
            "etc/nothing",
        ];
        assert_eq!(found, expected.map(at));
    }

    #[test]
    fn a_pod_on_the_host_network_keeps_the_nodes() {
        let config = |host_network| SandboxConfig {
            hostname: "a".to_owned(),
            host_network,
            directory: PathBuf::new(),
            files: BTreeMap::new(),
            volumes: Vec::new(),
        };
        assert!(namespaces(&config(false)).contains(CloneFlags::CLONE_NEWNET));
        assert!(!namespaces(&config(true)).contains(CloneFlags::CLONE_NEWNET));
    }
}
