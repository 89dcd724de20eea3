//! What commands take on the manifests of clusters of three sizes, reading them included: on the clock, in processor time,
//! which other programs on the machine disturb least, and in memory. `cargo build --release -p ringfence` comes first; the
//! program is the one that it makes.
//!
//! With the argument `huge` 100,000 pods as well; with `page=FILE` the table is put into that page.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use ringfence_benches::{Times, print, put_into, table, write};
use ringfence_testkit::scale::{Size, cluster, with_services};
use tempfile::TempDir;

const RUNS: usize = 3;

/// What is typed behind `ringfence`, in a directory with the files of [`Files`], the goal for 10,000 pods in tenths of a
/// second, and whether it is measured with 100,000 pods: what grows faster than they do would take minutes.
const COMMANDS: [(&str, Option<u64>, bool); 13] = [
    ("explain ns-0/web-0 ns-1/api-0 tcp/8080", Some(10), true),
    (
        "explain ns-0/web-0 ns-1/api-0 tcp/8080 --fix",
        Some(15),
        true,
    ),
    ("matrix --by namespace", Some(10), true),
    ("matrix --by workload", Some(10), true),
    ("zones --zones zones.yaml", Some(10), true),
    ("lock", Some(10), true),
    ("diff manifests after", Some(10), true),
    ("test tests.yaml", Some(10), true),
    ("test tests.yaml --coverage", Some(10), true),
    ("check", Some(10), false),
    ("audit", Some(10), false),
    ("suggest", Some(10), false),
    ("test tests.yaml --mutate", None, false),
];

/// A tenth of [`Size::LARGE`]: as many pods and policies in a namespace.
const SMALL: Size = Size {
    namespaces: 20,
    pods: 1_000,
    policies: 200,
    cluster_policies: 10,
};

/// About 33,000 connections, most of which are not as asserted.
const TESTS: &str = "
apiVersion: ringfence.dev/v1alpha1
kind: PolicyTest
tests:
- name: the web tier reaches the database
  allow: {from: ns-0/deployment/web, to: ns-0/deployment/db, ports: tcp/5432}
- name: the outside reaches nothing
  deny: {from: internet, to: ns-0/deployment/db}
- name: gateways of the first namespace are reached from everywhere
  allow: {from: ns-5/deployment/web, to: svc/ns-0/gateway}
";

const ZONES: &str = "
apiVersion: ringfence.dev/v1alpha1
kind: TrustZones
zones:
- {name: production, pods: {namespaceSelector: {matchLabels: {env: production}}}}
- {name: staging, pods: {namespaceSelector: {matchLabels: {env: staging}}}}
- {name: development, pods: {namespaceSelector: {matchLabels: {env: development}}}}
- {name: nodes, nodes: {}}
- {name: outside, cidrs: [0.0.0.0/0, '::/0']}
intended:
- {from: production, to: outside, ports: tcp/443, reason: partners}
";

fn main() -> anyhow::Result<()> {
    let program = program()?;
    let arguments: Vec<String> = std::env::args().collect();
    let is_huge = arguments.iter().any(|argument| argument == "huge");
    let mut sizes = vec![(SMALL, RUNS), (Size::LARGE, RUNS)];
    sizes.extend(is_huge.then_some((Size::HUGE, 1)));
    let mut rows = COMMANDS.map(|(command, goal, _)| {
        let goal = goal.map_or("-".to_owned(), |tenths| {
            format!("{:.1} s", tenths as f64 / 10.0)
        });
        (vec![format!("`{command}`"), goal], None)
    });
    for (size, runs) in &sizes {
        let files = Files::of(*size)?;
        for ((command, _, everywhere), (row, last)) in COMMANDS.iter().zip(&mut rows) {
            let is_measured = *everywhere || size.pods <= Size::LARGE.pods;
            let found = is_measured
                .then(|| measured(&program, &files, command, *runs))
                .transpose()?;
            row.extend(cells(found.as_ref(), last.as_ref()));
            *last = found;
        }
    }
    let (header, rows) = (header(&sizes), rows.map(|(row, _)| row));
    print("Commands", &header, rows.clone());
    let page = arguments
        .iter()
        .find_map(|argument| argument.strip_prefix("page="));
    page.map_or(Ok(()), |page| {
        put_into(Path::new(page), "commands", &table(&header, rows))
    })
}

/// `| command | goal | 1000 pods | processors | MiB | 10000 pods | x | processors | MiB |`
fn header(sizes: &[(Size, usize)]) -> Vec<String> {
    let mut header = ["command", "goal for 10,000 pods"]
        .map(str::to_owned)
        .to_vec();
    for (place, (size, _)) in sizes.iter().enumerate() {
        header.push(format!("{} pods", size.pods));
        header.extend((place > 0).then(|| "growth".to_owned()));
        header.extend(["processor time", "memory, MiB"].map(str::to_owned));
    }
    header
}

/// The times, their growth since the size `before`, and memory.
fn cells(found: Option<&Measured>, before: Option<&Measured>) -> Vec<String> {
    let Some(found) = found else {
        return vec!["-".to_owned(); 4];
    };
    let mut cells = vec![found.clock.to_string()];
    let growth = before.map(|before| found.processor.ratio(&before.processor));
    cells.extend(growth.map(|growth| format!("x{growth:.1}")));
    cells.extend([found.processor.to_string(), found.memory.to_string()]);
    cells
}

/// What a command takes.
struct Measured {
    clock: Times,
    processor: Times,
    /// The most of any run, in MiB.
    memory: u64,
}

/// The program beside the directory that this one lies in.
fn program() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let directory = own.parent().and_then(Path::parent);
    let program = directory.context("no directory")?.join("ringfence");
    let told = "is not there: `cargo build --release -p ringfence` makes it";
    ensure!(program.exists(), "{} {told}", program.display());
    Ok(program)
}

/// A directory with a cluster in `manifests`, the same without every 40th policy in `after`, `tests.yaml` and `zones.yaml`.
struct Files(TempDir);

impl Files {
    fn of(size: Size) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir()?;
        let mut cluster = with_services(cluster(1, size));
        write(cluster.clone(), &directory.path().join("manifests"))?;
        let mut place = 0;
        cluster.network_policies.retain(|_, _| {
            place += 1;
            place % 40 != 0
        });
        write(cluster, &directory.path().join("after"))?;
        fs::write(directory.path().join("tests.yaml"), TESTS)?;
        fs::write(directory.path().join("zones.yaml"), ZONES)?;
        Ok(Self(directory))
    }
}

fn measured(program: &Path, files: &Files, command: &str, runs: usize) -> anyhow::Result<Measured> {
    let (mut clock, mut processor, mut memory) = (Vec::new(), Vec::new(), 0);
    let manifests: &[&str] = if command.starts_with("diff") {
        &["-R"]
    } else {
        &["-R", "-f", "manifests"]
    };
    for _ in 0..runs {
        let (before, start) = (processor_time()?, Instant::now());
        let child = Command::new(program)
            .args(command.split_whitespace().chain(manifests.iter().copied()))
            .current_dir(files.0.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let most = most_memory(child, command)?;
        clock.push(start.elapsed());
        processor.push(processor_time()?.saturating_sub(before));
        memory = memory.max(most);
    }
    Ok(Measured {
        clock: Times::of(clock),
        processor: Times::of(processor),
        memory,
    })
}

/// That of all children that have ended, in the hundredths of a second that Linux counts.
fn processor_time() -> anyhow::Result<Duration> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(") ").context("no name in `stat`")?;
    let spent = fields.split(' ').skip(13).take(2);
    let spent: Vec<u64> = spent.map(str::parse).collect::<Result<_, _>>()?;
    Ok(Duration::from_millis(10 * spent.iter().sum::<u64>()))
}

/// What `child` took at most until shortly before it ended, in MiB.
fn most_memory(mut child: Child, command: &str) -> anyhow::Result<u64> {
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    loop {
        let now = fs::read_to_string(&status).unwrap_or_default();
        let line = now.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        most = most.max(kilobytes.unwrap_or_default() / 1024);
        if let Some(ended) = child.try_wait()? {
            // 0 and 1 are answers.
            let answers = ended.code().is_some_and(|code| code < 2);
            ensure!(answers, "`ringfence {command}` failed: {ended}");
            return Ok(most);
        }
        sleep(Duration::from_millis(5));
    }
}
