//! What a lab leaves in the machine while it runs, and whether it is still there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::eventually;

/// A process: its start tells it from a later one with the same number.
pub(crate) type Started = u64;

/// Processes of a lab by number: all below its first one.
pub(crate) fn processes_of(lab: &str) -> BTreeMap<i32, Started> {
    let all: BTreeMap<i32, Process> = numbers()
        .into_iter()
        .filter_map(|pid| Some((pid, Process::read(pid)?)))
        .collect();
    let mark = format!("RINGFENCE_LAB={lab}");
    let mut found: BTreeMap<i32, Started> = all
        .iter()
        .filter(|(pid, _)| role(**pid).as_deref() == Some("lab-host") && has(**pid, &mark))
        .map(|(pid, process)| (*pid, process.started))
        .collect();
    loop {
        let more: Vec<_> = all
            .iter()
            .filter(|(pid, process)| {
                found.contains_key(&process.parent) && !found.contains_key(pid)
            })
            .map(|(pid, process)| (*pid, process.started))
            .collect();
        if more.is_empty() {
            return found;
        }
        found.extend(more);
    }
}

fn numbers() -> Vec<i32> {
    let entries = fs::read_dir("/proc").unwrap();
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect()
}

struct Process {
    parent: i32,
    started: Started,
}

impl Process {
    /// `None` if the process has ended, waited for or not.
    fn read(pid: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name in parentheses may hold anything; what follows its end does not.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        if matches!(fields[0], "Z" | "X") {
            return None;
        }
        Some(Self {
            parent: fields[1].parse().ok()?,
            started: fields[19].parse().ok()?,
        })
    }
}

/// `lab-host` of `ringfence internal lab-host`.
pub(crate) fn role(pid: i32) -> Option<String> {
    let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
    let mut words = line.split('\0').skip(1);
    (words.next() == Some("internal")).then(|| words.next().map(str::to_owned))?
}

fn has(pid: i32, variable: &str) -> bool {
    fs::read(format!("/proc/{pid}/environ")).is_ok_and(|bytes| {
        bytes
            .split(|byte| *byte == 0)
            .any(|one| one == variable.as_bytes())
    })
}

/// A lab's processes and the namespaces they are in, which the test itself is not.
#[derive(Debug)]
pub(crate) struct Traces {
    lab: String,
    pub(crate) processes: BTreeMap<i32, Started>,
    namespaces: BTreeSet<String>,
}

impl Traces {
    pub(crate) fn of(lab: &str) -> Self {
        let own = namespaces_of("self");
        let processes = processes_of(lab);
        let namespaces = processes
            .keys()
            .flat_map(|pid| namespaces_of(&pid.to_string()))
            .filter(|namespace| !own.contains(namespace))
            .collect();
        Self {
            lab: lab.to_owned(),
            processes,
            namespaces,
        }
    }

    pub(crate) fn network_namespaces(&self) -> usize {
        let network = |name: &&String| name.starts_with("net:");
        self.namespaces.iter().filter(network).count()
    }

    /// The lab's process with this role, `lab-host`, `lab-init` or `lab`.
    pub(crate) fn process(&self, wanted: &str) -> i32 {
        let found = self
            .processes
            .keys()
            .find(|pid| role(**pid).as_deref() == Some(wanted));
        *found.unwrap_or_else(|| panic!("no process `internal {wanted}`"))
    }

    /// Waits until every process has ended and every namespace is unused.
    #[track_caller]
    pub(crate) fn vanish(&self) {
        eventually("every process of the lab has ended", || {
            let alive = self.processes.iter().any(|(pid, started)| {
                Process::read(*pid).is_some_and(|process| process.started == *started)
            });
            (!alive).then_some(())
        });
        eventually("nothing runs in the lab's namespaces", || {
            let used = numbers().into_iter().any(|pid| {
                let current = namespaces_of(&pid.to_string());
                !current.is_disjoint(&self.namespaces)
            });
            (!used).then_some(())
        });
        assert!(processes_of(&self.lab).is_empty());
    }
}

fn namespaces_of(process: &str) -> BTreeSet<String> {
    let kinds = ["net", "mnt", "pid", "uts", "ipc", "user"];
    kinds
        .iter()
        .filter_map(|kind| fs::read_link(format!("/proc/{process}/ns/{kind}")).ok())
        .filter_map(|link| link.to_str().map(str::to_owned))
        .collect()
}

/// What the machine's users see of it: links, mounts, files where programs keep state.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Surroundings {
    links: BTreeSet<String>,
    mounts: BTreeSet<String>,
    files: BTreeSet<String>,
}

impl Surroundings {
    pub(crate) fn now(scratch: &Path) -> Self {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let state = ["/tmp", "/run", "/run/netns", "/var/lib/cni", "/dev/shm"];
        let ours = |file: &String| file.contains("ringfence") || file.contains("lab-");
        Self {
            links: names(Path::new("/sys/class/net")).collect(),
            mounts: mounts.lines().map(str::to_owned).collect(),
            files: state
                .iter()
                .flat_map(|folder| names(Path::new(folder)))
                .filter(ours)
                .chain(names(scratch))
                .collect(),
        }
    }
}

fn names(folder: &Path) -> impl Iterator<Item = String> {
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().to_str()?.to_owned()))
}
