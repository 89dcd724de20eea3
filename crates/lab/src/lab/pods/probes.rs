//! Probes: whether a container has begun, is ready, and may go on, asked from its node, which every policy lets through (rule NP-50).

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use nix::sys::signal::Signal;
use ringfence_netlink::namespace;
use serde_json::Value;

use super::super::kubelet::{Normal, Warning};
use super::super::server::{Terminal, end_group, pod_exec};
use super::super::{Lab, PodId};
use super::{desired, node};
use crate::cluster::desired::{DesiredContainer, Program};
use crate::cluster::details::{Action, HttpGet, Probe};

/// How often it is looked whether a container runs again.
const RUN_PAUSE: Duration = Duration::from_millis(50);
/// How often it is looked whether a command has ended.
const PAUSE: Duration = Duration::from_millis(10);
/// How long a container that may not go on has to end.
const GRACE: Duration = Duration::from_secs(2);
/// Exit codes of shells for programs that are not there.
const NOT_THERE: [i32; 2] = [126, 127];

/// Probes the containers of a pod that ask for it, until it ends.
pub(super) fn start(lab: &Arc<Lab>, pod: &PodId, containers: &[DesiredContainer]) {
    for container in containers.iter().filter(|one| is_probed(one)) {
        let prober = Prober {
            lab: Arc::clone(lab),
            pod: pod.clone(),
            container: container.clone(),
        };
        std::thread::spawn(move || prober.run());
    }
}

/// Whether a container is not ready before a probe says so.
pub(in super::super) fn waits_for_probe(container: &DesiredContainer) -> bool {
    let details = &container.details;
    details.readiness_probe.is_some() || details.startup_probe.is_some()
}

fn is_probed(container: &DesiredContainer) -> bool {
    waits_for_probe(container) || container.details.liveness_probe.is_some()
}

struct Prober {
    lab: Arc<Lab>,
    pod: PodId,
    container: DesiredContainer,
}

/// How often a probe has said the same.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    good: u32,
    bad: u32,
}

impl Count {
    /// What is certain by now.
    const fn judge(&mut self, good: bool, probe: &Probe) -> Option<bool> {
        if good {
            self.good += 1;
            self.bad = 0;
        } else {
            self.bad += 1;
            self.good = 0;
        }
        if self.good >= probe.success_threshold {
            Some(true)
        } else if self.bad >= probe.failure_threshold {
            Some(false)
        } else {
            None
        }
    }
}

/// A probe that goes on, and when it is next due.
struct Turn<'a> {
    kind: &'static str,
    probe: &'a Probe,
    count: Count,
    due: Instant,
}

impl<'a> Turn<'a> {
    fn new(kind: &'static str, probe: &'a Probe) -> Self {
        Self {
            kind,
            probe,
            count: Count::default(),
            due: Instant::now() + Duration::from_secs(probe.initial_delay_seconds),
        }
    }
}

impl Prober {
    fn run(&self) {
        let mut followed = None;
        while self.lab.may_try_again(&self.pod, RUN_PAUSE) {
            let runs = self.runs();
            if let Some(restarts) = runs.filter(|_| runs != followed) {
                self.one_run(restarts);
                followed = runs;
            }
        }
    }

    /// How often it was started again, if it runs.
    fn runs(&self) -> Option<u32> {
        let containers = self.lab.container_records(&self.pod)?;
        let record = containers.get(&self.container.name)?;
        record.running_since.map(|_| record.restarts)
    }

    /// Follows one run of the container.
    fn one_run(&self, restarts: u32) {
        let details = &self.container.details;
        if let Some(startup) = &details.startup_probe
            && !self.follow(vec![Turn::new("Startup", startup)], restarts)
        {
            return;
        }
        if details.readiness_probe.is_none() {
            self.tell_ready(restarts, true);
        }
        let readiness = details.readiness_probe.iter();
        let liveness = details.liveness_probe.iter();
        let turns = readiness
            .map(|probe| Turn::new("Readiness", probe))
            .chain(liveness.map(|probe| Turn::new("Liveness", probe)));
        self.follow(turns.collect(), restarts);
    }

    /// Tries what is due for as long as the run goes on; `true` once a startup probe has succeeded.
    fn follow(&self, mut turns: Vec<Turn<'_>>, restarts: u32) -> bool {
        while let Some(turn) = turns.iter_mut().min_by_key(|turn| turn.due) {
            let pause = turn.due.saturating_duration_since(Instant::now());
            if !self
                .lab
                .may_try_again(&self.pod, pause.min(Duration::from_secs(1)))
            {
                return false;
            }
            if self.runs() != Some(restarts) {
                return false;
            }
            if Instant::now() < turn.due {
                continue;
            }
            let tried = self.attempt(turn.probe);
            if let Err(error) = &tried {
                let message = format!("{} probe failed: {error:#}", turn.kind);
                self.lab.event(&self.pod, Warning("Unhealthy"), &message);
            }
            turn.due = Instant::now() + Duration::from_secs(turn.probe.period_seconds.max(1));
            match (turn.kind, turn.count.judge(tried.is_ok(), turn.probe)) {
                (_, None) | ("Liveness", Some(true)) => {}
                ("Readiness", Some(good)) => self.tell_ready(restarts, good),
                ("Startup", Some(true)) => return true,
                (kind, Some(_)) => {
                    self.end_run(kind, restarts);
                    return false;
                }
            }
        }
        false
    }

    fn tell_ready(&self, restarts: u32, ready: bool) {
        let is_news = self
            .lab
            .container_records(&self.pod)
            .is_some_and(|records| {
                let record = records.get(&self.container.name);
                record.is_some_and(|it| it.restarts == restarts && it.unready == ready)
            });
        if is_news {
            self.lab.update_pod(&self.pod, |record| {
                if let Some(container) = record.containers.get_mut(&self.container.name) {
                    container.unready = !ready;
                }
                record.turn();
            });
        }
    }

    /// Ends the container, which is then started again if its pod says so.
    fn end_run(&self, kind: &str, restarts: u32) {
        let message = format!(
            "Container {} failed {} probe, will be restarted",
            self.container.name,
            kind.to_lowercase()
        );
        self.lab.event(&self.pod, Normal("Killing"), &message);
        self.signal(Signal::SIGTERM);
        let deadline = Instant::now() + GRACE;
        while self.runs() == Some(restarts) {
            if !self.lab.may_try_again(&self.pod, PAUSE) {
                return;
            }
            if Instant::now() > deadline {
                self.signal(Signal::SIGKILL);
            }
        }
    }

    fn signal(&self, signal: Signal) {
        self.lab.update_pod(&self.pod, |record| {
            let sandbox = record.sandbox.as_mut();
            // Without a sandbox it has ended.
            let _ = sandbox.map(|sandbox| sandbox.signal(&self.container.name, signal));
        });
    }

    fn attempt(&self, probe: &Probe) -> anyhow::Result<()> {
        let limit = Duration::from_secs(probe.timeout_seconds.max(1));
        let Action {
            exec,
            http_get,
            tcp_socket,
            grpc: _,
        } = &probe.action;
        if let Some(exec) = exec {
            return self.exec(&exec.command, limit);
        }
        if let Some(get) = http_get {
            return self.get(get, limit);
        }
        match tcp_socket {
            Some(socket) => self.connect(&socket.host, &socket.port, limit).map(drop),
            None => Ok(()),
        }
    }

    fn connect(&self, host: &str, port: &Value, limit: Duration) -> anyhow::Result<TcpStream> {
        let desired = desired(&self.lab, &self.pod)?;
        let records = self.lab.running_addresses(&self.pod);
        let address: IpAddr = match host.parse() {
            Ok(address) => address,
            Err(_) => *records.first().context("the pod has no address")?,
        };
        let target = SocketAddr::new(address, self.port(port)?);
        let node = node(&self.lab, &desired)?;
        let connect = || TcpStream::connect_timeout(&target, limit);
        namespace::run_in(&node.namespace, connect)?.with_context(|| format!("dial tcp {target}"))
    }

    fn port(&self, port: &Value) -> anyhow::Result<u16> {
        if let Some(number) = port.as_u64() {
            return Ok(u16::try_from(number)?);
        }
        let name = port.as_str().unwrap_or_default();
        let mut ports = self.container.ports.iter();
        let named = ports.find(|port| port.name.as_deref() == Some(name));
        match named {
            Some(port) => Ok(port.port),
            None => name
                .parse()
                .with_context(|| format!("the container has no port named {name:?}")),
        }
    }

    /// An answer of 200 to 399 is good. Of `HTTPS`, a connection is.
    fn get(&self, get: &HttpGet, limit: Duration) -> anyhow::Result<()> {
        let mut stream = self.connect(&get.host, &get.port, limit)?;
        if get.scheme == "HTTPS" {
            return Ok(());
        }
        stream.set_read_timeout(Some(limit))?;
        let path = get.path.trim_start_matches('/');
        let own = get.http_headers.iter();
        let own = own.map(|header| format!("{}: {}\r\n", header.name, header.value));
        let own: String = own.collect();
        let host = stream.peer_addr()?;
        let request = format!(
            "GET /{path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: kube-probe/1.32\r\nConnection: close\r\n{own}\r\n"
        );
        stream.write_all(request.as_bytes())?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).context("no answer")?;
        let answer = String::from_utf8_lossy(&answer);
        let code = answer.split(' ').nth(1).unwrap_or_default();
        let good = matches!(code.parse(), Ok(200..=399_u16));
        anyhow::ensure!(good, "HTTP probe failed with statuscode: {code}");
        Ok(())
    }

    /// A command that ends with 0 is good. That a stand-in has not the programs of its image says nothing.
    fn exec(&self, words: &[String], limit: Duration) -> anyhow::Result<()> {
        let target = self
            .lab
            .exec_target(&self.pod.name, Some(&self.container.name))?;
        let mut command = Command::new("/proc/self/exe");
        command
            .env_clear()
            .envs(&target.environment)
            .args(pod_exec(
                &target,
                Terminal::Callers,
                target.invocation(words),
            ))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command.spawn().context("cannot start the command")?;
        let code = wait(child, limit)?;
        let is_lacking = self.container.program == Program::Responder && NOT_THERE.contains(&code);
        anyhow::ensure!(code == 0 || is_lacking, "command ended with code {code}");
        Ok(())
    }
}

/// Waits for a command and ends it when it takes too long.
fn wait(mut child: Child, limit: Duration) -> anyhow::Result<i32> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(i32::from(crate::process::exit_code(status)));
        }
        if Instant::now() > deadline {
            end_group(&child);
            child.wait()?;
            anyhow::bail!("command timed out after {} s", limit.as_secs());
        }
        std::thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_is_certain_after_its_thresholds() {
        let probe = Probe {
            success_threshold: 2,
            failure_threshold: 3,
            ..Probe::default()
        };
        let mut count = Count::default();
        let said = [true, true, false, false, true, false, false, false]
            .map(|good| count.judge(good, &probe));
        let expected = [None, Some(true), None, None, None, None, None, Some(false)];
        assert_eq!(said, expected);
    }
}
