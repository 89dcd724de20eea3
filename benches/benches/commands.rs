//! What commands take on the manifests of a large cluster, reading them included: processor time, which other programs on the
//! machine disturb least, and memory. `cargo build --release -p ringfence` comes first; the program is the one that it makes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use ringfence_benches::{Times, doubled, print, write};
use ringfence_testkit::scale::{Size, cluster, with_services};
use tempfile::TempDir;

const RUNS: usize = 3;

/// What is typed behind `ringfence`, in a directory with the files of [`Files`].
const COMMANDS: [&str; 13] = [
    "explain ns-0/web-0 ns-1/api-0 tcp/8080 -R -f manifests",
    "explain ns-0/web-0 ns-1/api-0 tcp/8080 --fix -R -f manifests",
    "matrix --by namespace -R -f manifests",
    "matrix --by workload -R -f manifests",
    "zones --zones zones.yaml -R -f manifests",
    "check -R -f manifests",
    "audit -R -f manifests",
    "suggest -R -f manifests",
    "lock -R -f manifests",
    "diff -R manifests after",
    "test tests.yaml -R -f manifests",
    "test tests.yaml --coverage -R -f manifests",
    "test tests.yaml --mutate -R -f manifests",
];

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
    let base = Files::of(Size::LARGE)?;
    let larger = doubled(Size::LARGE).map(|(what, size)| Ok((what, Files::of(size)?)));
    let larger: Vec<(&str, Files)> = larger.collect::<anyhow::Result<_>>()?;
    let fixed = ["command", "processor time", "memory, MiB"].map(str::to_owned);
    let grown = larger.iter().map(|(what, _)| format!("{what} x2"));
    let header: Vec<String> = fixed.into_iter().chain(grown).collect();
    let rows = COMMANDS
        .iter()
        .map(|command| row(&program, &base, &larger, command));
    let rows: Vec<Vec<String>> = rows.collect::<anyhow::Result<_>>()?;
    let title = "Commands: 10000 pods, 200 namespaces, 2000 policies and 10 cluster-scoped";
    print(title, &header, rows);
    Ok(())
}

fn row(
    program: &Path,
    base: &Files,
    larger: &[(&str, Files)],
    command: &str,
) -> anyhow::Result<Vec<String>> {
    let (times, memory) = measured(program, base, command)?;
    let mut row = vec![
        format!("`{command}`"),
        times.to_string(),
        memory.to_string(),
    ];
    for (_, files) in larger {
        let (grown, _) = measured(program, files, command)?;
        row.push(format!("x{:.1}", grown.ratio(&times)));
    }
    Ok(row)
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

/// Processor time of several runs, and the most memory of any in MiB.
fn measured(program: &Path, files: &Files, command: &str) -> anyhow::Result<(Times, u64)> {
    let (mut times, mut memory) = (Vec::new(), 0);
    for _ in 0..RUNS {
        let before = processor_time()?;
        let child = Command::new(program)
            .args(command.split_whitespace())
            .current_dir(files.0.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let most = most_memory(child, command)?;
        times.push(processor_time()?.saturating_sub(before));
        memory = memory.max(most);
    }
    Ok((Times::of(times), memory))
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
