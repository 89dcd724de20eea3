//! Labs start, live in the background, lie side by side and leave nothing behind.

use std::os::unix::process::CommandExt;
use std::process::Stdio;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use ringfence_standin::probe::ProbeProtocol;

use crate::support::{Lab, Permit, Run, Surroundings, Traces, eventually, processes_of, ringfence};

const TWO_PODS: &str = "
apiVersion: v1
kind: Pod
metadata: {name: server, labels: {app: server}}
spec:
  containers: [{name: c, image: web, ports: [{containerPort: 80}]}]
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec:
  containers: [{name: c, image: client}]
";

const CLOSED: &str = "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed}
spec: {podSelector: {matchLabels: {app: server}}}
";

/// A lab that runs, what it has, and what was there before.
struct Running {
    lab: Lab,
    traces: Traces,
    before: Surroundings,
}

impl Running {
    fn new() -> Self {
        let lab = Lab::planned(Permit::alone());
        let before = Surroundings::now(&lab.scratch());
        lab.command(&["up", "-f", "-"])
            .finish_with_input(TWO_PODS.as_bytes())
            .expect_ok();
        let traces = Traces::of(&lab.name);
        // Three nodes, two pods and the DNS server's, the outside and what lies between.
        assert!(traces.network_namespaces() >= 6, "{traces:#?}");
        assert!(traces.processes.len() > 10, "{traces:#?}");
        Self {
            lab,
            traces,
            before,
        }
    }

    #[track_caller]
    fn expect_nothing_left(&self) {
        self.traces.vanish();
        let name = &self.lab.name;
        assert_eq!(Surroundings::now(&self.lab.scratch()), self.before);
        assert!(!self.lab.ok(&["list"]).lines().any(|line| line == name));
        let refusal = self.lab.run(&["down"]).expect_refused();
        assert_eq!(
            refusal,
            format!(
                "error: no lab named `{name}` is running\n  start one: ringfence lab up --name {name}\n"
            )
        );
        // The name is free again.
        self.lab.ok(&["up"]);
    }
}

#[test]
fn down_leaves_nothing() {
    let running = Running::new();
    let name = &running.lab.name;
    assert!(running.lab.ok(&["list"]).lines().any(|line| line == name));
    assert_eq!(
        running.lab.ok(&["down"]),
        format!("lab \"{name}\" is gone\n")
    );
    // Nothing to wait for: it is gone when the command says so.
    assert!(processes_of(name).is_empty());
    running.expect_nothing_left();
}

#[test]
fn each_of_its_processes_may_be_killed() {
    for role in ["lab-host", "lab-init", "lab"] {
        let running = Running::new();
        let pid = Pid::from_raw(running.traces.process(role));
        kill(pid, Signal::SIGKILL).unwrap();
        running.expect_nothing_left();
    }
}

#[test]
fn pods_do_not_ignore_what_whoever_started_the_lab_ignores() {
    let lab = Lab::planned(Permit::alone());
    let file = lab.file("pods.yaml", TWO_PODS);
    let up = lab.command(&["up", "-f", file.to_str().unwrap()]);
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", "trap '' INT QUIT HUP; exec \"$0\" \"$@\""]);
    shell.arg(up.get_program()).args(up.get_args());
    for (name, value) in up.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.finish().expect_ok();
    let status = lab.ok(&["exec", "default/server", "--", "cat", "/proc/1/status"]);
    let ignored = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .unwrap();
    let ignored = u64::from_str_radix(ignored.trim(), 16).unwrap();
    for signal in [Signal::SIGINT, Signal::SIGQUIT, Signal::SIGHUP] {
        assert_eq!(ignored >> (signal as i32 - 1) & 1, 0, "{signal}: {status}");
    }
}

#[test]
fn an_interrupted_start_leaves_nothing() {
    for (signal, pause_ms) in [
        (Signal::SIGINT, 0),
        (Signal::SIGINT, 60),
        (Signal::SIGINT, 150),
        (Signal::SIGTERM, 90),
        (Signal::SIGKILL, 120),
    ] {
        let lab = Lab::planned(Permit::alone());
        let before = Surroundings::now(&lab.scratch());
        let file = lab.file("pods.yaml", TWO_PODS);
        let mut up = lab
            .command(&["up", "-f", file.to_str().unwrap()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        eventually("the lab's first process", || {
            (!processes_of(&lab.name).is_empty()).then_some(())
        });
        std::thread::sleep(std::time::Duration::from_millis(pause_ms));
        let traces = Traces::of(&lab.name);
        kill(Pid::from_raw(up.id().try_into().unwrap()), signal).unwrap();
        let status = up.wait().unwrap();
        if status.success() {
            // It was faster; then it runs.
            lab.ok(&["down"]);
        }
        traces.vanish();
        eventually("later processes have ended", || {
            processes_of(&lab.name).is_empty().then_some(())
        });
        assert_eq!(Surroundings::now(&lab.scratch()), before);
        lab.ok(&["up"]);
    }
}

#[test]
fn a_lab_survives_its_shell() {
    let lab = Lab::planned(Permit::shared());
    let script = format!(
        "{} lab up && exec sleep 100",
        ringfence(&[]).get_program().display()
    );
    let mut shell = std::process::Command::new("sh")
        .args(["-c", &script])
        .env("RINGFENCE_LAB", &lab.name)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap();
    eventually("the lab is ready", || {
        let status = lab.run(&["status", "-o", "json"]);
        (status.stdout.contains("\"ready_after_ms\": ")
            && !status.stdout.contains("\"ready_after_ms\": 0,"))
        .then_some(())
    });
    killpg(
        Pid::from_raw(shell.id().try_into().unwrap()),
        Signal::SIGHUP,
    )
    .unwrap();
    shell.wait().unwrap();
    lab.apply(TWO_PODS);
    lab.reaches("client", &lab.address("server"), 80, ProbeProtocol::Tcp);
}

#[test]
fn a_lab_holds_no_stream_of_whoever_started_it() {
    let lab = Lab::planned(Permit::shared());
    // Ends only when the last holder of its pipes has closed them.
    let finished = lab.run(&["up"]);
    assert!(
        finished
            .stdout
            .starts_with(&format!("lab \"{}\" is ready after ", lab.name))
    );
    assert!(!processes_of(&lab.name).is_empty());
}

#[test]
fn two_labs_lie_side_by_side() {
    let _permit = Permit::alone();
    let one = Lab::without_permit();
    let other = Lab::without_permit();
    // Whose turn it is with the scheduler is chance, and with it the node.
    let pods = TWO_PODS.replacen("spec:\n", "spec:\n  nodeName: kind-worker\n", 1);
    for lab in [&one, &other] {
        lab.ok(&["up"]);
        lab.apply(&pods);
    }
    one.apply(CLOSED);
    let server = one.address("server");
    assert_eq!(server, other.address("server"), "the same network twice");
    one.is_denied("client", &server, 80, ProbeProtocol::Tcp);
    other.reaches("client", &server, 80, ProbeProtocol::Tcp);
    one.ok(&["down"]);
    other.reaches("client", &server, 80, ProbeProtocol::Tcp);
    let listed = other.ok(&["list"]);
    assert!(listed.lines().any(|line| line == other.name));
    assert!(!listed.lines().any(|line| line == one.name));
}

#[test]
fn a_second_lab_of_the_same_name_is_refused() {
    let lab = Lab::up(TWO_PODS);
    let before = lab.status();
    let refusal = lab.run(&["up"]).expect_refused();
    snapbox::assert_data_eq!(
        refusal.replace(&lab.name, "NAME"),
        snapbox::str![[r#"
error: a lab named `NAME` is already running
  look at it: ringfence lab status --name NAME
  end it: ringfence lab down --name NAME
  or choose another name with --name

"#]]
    );
    assert_eq!(lab.status().revision, before.revision);
    lab.reaches("client", &lab.address("server"), 80, ProbeProtocol::Tcp);
}
