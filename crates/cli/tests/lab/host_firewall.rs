//! Rules for nodes: tried out, taken back by the kernel alone, confirmed, and proved (rules HF-*). Real traffic of both
//! families: from pods, from a pod in the network of another node, to ports of the node and to a Service's port at it.

use std::path::PathBuf;
use std::process::Command;
use std::thread;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use ringfence_lab::control::client::Origin;
use ringfence_lab::control::protocol::Place;
use ringfence_standin::probe::{ProbeOutcome, ProbeProtocol, ProbeRequest};

use crate::support::{Finished, Lab, Permit, Run as _, eventually, processes_of, ringfence};

const KIND: &str = "
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
networking: {ipFamily: dual}
nodes:
- role: control-plane
- role: worker
- role: worker
";

/// `node` has two ports of its node, one of them a failsafe port; behind the node port is a pod elsewhere.
const PODS: &str = "
apiVersion: v1
kind: Pod
metadata: {name: node}
spec:
  nodeName: kind-worker
  hostNetwork: true
  containers: [{name: c, image: metrics, ports: [{containerPort: 9100}, {containerPort: 10250}]}]
---
apiVersion: v1
kind: Pod
metadata: {name: itself}
spec: {nodeName: kind-worker, hostNetwork: true, containers: [{name: c, image: x}]}
---
apiVersion: v1
kind: Pod
metadata: {name: intruder}
spec: {nodeName: kind-worker2, hostNetwork: true, containers: [{name: c, image: x}]}
---
apiVersion: v1
kind: Pod
metadata: {name: scraper, labels: {app: scraper}}
spec: {nodeName: kind-worker2, containers: [{name: c, image: x}]}
---
apiVersion: v1
kind: Pod
metadata: {name: other}
spec: {nodeName: kind-worker2, containers: [{name: c, image: x}]}
---
apiVersion: v1
kind: Pod
metadata: {name: near}
spec: {nodeName: kind-worker, containers: [{name: c, image: x}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec: {nodeName: kind-worker2, containers: [{name: c, image: web, ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: NodePort
  ipFamilyPolicy: RequireDualStack
  selector: {app: web}
  ports: [{port: 80, nodePort: 30080}]
";

const FIREWALL: &str = "
apiVersion: ringfence.dev/v1alpha1
kind: HostFirewall
metadata: {name: worker}
spec:
  nodeSelector: {matchLabels: {kubernetes.io/hostname: kind-worker}}
  ingress:
  - name: metrics
    from: [{pods: {podSelector: {matchLabels: {app: scraper}}}}]
    ports: [{protocol: TCP, port: 9100}]
";

const METRICS: u16 = 9100;
const KUBELET: u16 = 10_250;
const NODE_PORT: u16 = 30_080;

struct Closed {
    lab: Lab,
    kubeconfig: String,
    file: PathBuf,
    addresses: Vec<String>,
}

impl Closed {
    fn up() -> Self {
        let lab = Lab::planned(Permit::shared());
        let config = lab.file("kind.yaml", KIND);
        let up = lab.command(&["up", "--config", config.to_str().unwrap(), "-f", "-"]);
        let printed = { up }.finish_with_input(PODS.as_bytes()).expect_ok();
        let mut lines = printed.lines();
        let found = lines.find_map(|line| line.strip_prefix("kubectl: export KUBECONFIG="));
        let node = &lab.cluster().nodes["kind-worker"];
        let addresses: Vec<String> = node.addresses.iter().map(ToString::to_string).collect();
        assert_eq!(addresses.len(), 2, "both families");
        Self {
            kubeconfig: found.unwrap().to_owned(),
            file: lab.file("hosts.yaml", FIREWALL),
            lab,
            addresses,
        }
    }

    fn firewall(&self, arguments: &[&str]) -> Command {
        let mut command = ringfence(&["host-firewall"]);
        command.args(arguments).env("KUBECONFIG", &self.kubeconfig);
        command
    }

    fn run(&self, arguments: &[&str]) -> Finished {
        self.firewall(arguments).finish()
    }

    fn try_out(&self, within: &str) {
        let file = self.file.to_str().unwrap();
        let said = self.run(&["apply", "-f", file, "--confirm-within", within]);
        let said = said.expect_ok();
        assert!(said.contains("is tried out until"), "{said}");
    }

    fn is_reached(&self, pod: &str, port: u16) -> Vec<bool> {
        let reached = self.addresses.iter().map(|address| {
            let outcome = self.lab.probe(pod, address, port, ProbeProtocol::Tcp, 400);
            outcome.is_reached()
        });
        reached.collect()
    }

    /// What comes of connections from outside of the cluster, in both families.
    fn outcomes_outside(&self, port: u16) -> Vec<ProbeOutcome> {
        let asked = self.addresses.iter().map(|address| ProbeRequest {
            target: address.clone(),
            port,
            protocol: ProbeProtocol::Tcp,
            timeout_ms: 1_000,
        });
        let asked: Vec<ProbeRequest> = asked.collect();
        let outside = Origin::Place(Place::Outside);
        let reports = self.lab.client().probe(&outside, &asked).unwrap();
        reports.into_iter().map(|report| report.outcome).collect()
    }

    #[track_caller]
    fn lets_in_from_outside(&self, port: u16) {
        let what = format!("from outside to port {port}");
        eventually(&what, || {
            let found = self.outcomes_outside(port);
            found.iter().all(ProbeOutcome::is_reached).then_some(())
        });
    }

    #[track_caller]
    fn keeps_outside(&self, port: u16) {
        for outcome in self.outcomes_outside(port) {
            assert_eq!(outcome, ProbeOutcome::TimedOut, "port {port}");
        }
    }

    /// Waits until the node's port is open or closed for a pod, in both families.
    fn becomes(&self, pod: &str, port: u16, open: bool) {
        let what = format!("{pod} to port {port}: {open}");
        eventually(&what, || {
            let reached = self.is_reached(pod, port);
            reached.iter().all(|it| *it == open).then_some(())
        });
    }

    fn all_reach(&self, pods: &[&str], port: u16) {
        for (pod, address) in pairs(pods, &self.addresses) {
            self.lab.reaches(pod, address, port, ProbeProtocol::Tcp);
        }
    }

    fn none_reaches(&self, pods: &[&str], port: u16) {
        // All at once: whoever is denied waits in vain.
        thread::scope(|scope| {
            for (pod, address) in pairs(pods, &self.addresses) {
                scope.spawn(move || self.lab.is_denied(pod, address, port, ProbeProtocol::Tcp));
            }
        });
    }

    fn is_open(&self) {
        let everybody = ["itself", "intruder", "scraper", "other", "near"];
        self.all_reach(&everybody, METRICS);
        self.all_reach(&["intruder"], KUBELET);
        self.all_reach(&["intruder", "other", "near"], NODE_PORT);
        self.lets_in_from_outside(METRICS);
        self.lets_in_from_outside(NODE_PORT);
    }

    fn is_closed(&self) {
        self.none_reaches(&["intruder", "other", "near"], METRICS);
        self.all_reach(&["scraper", "itself"], METRICS);
        // A failsafe port that no rule names stays open (HF-7).
        self.all_reach(&["intruder"], KUBELET);
        self.lets_in_from_outside(KUBELET);
        // A Service's port is the node's for those from outside (HF-8).
        self.keeps_outside(METRICS);
        self.keeps_outside(NODE_PORT);
        // Pods and nodes are led to the backend by their own node, and never come to this one (HF-8).
        self.all_reach(&["other", "near", "intruder"], NODE_PORT);
        // The node reaches others, and its pods.
        self.lab
            .reaches("itself", &self.lab.address("web"), 80, ProbeProtocol::Tcp);
    }

    #[track_caller]
    fn is_proved(&self) {
        let said = ringfence(&["verify", "--lab", &self.lab.name]).finish();
        said.expect_ok();
    }

    /// Who comes by a port that no rule names is told before it is closed.
    fn warns_of_the_way_in(&self) {
        let file = self.file.to_str().unwrap();
        for (port, is_told) in [(2222, true), (22, false)] {
            let session = format!("203.0.113.9 50000 {} {port}", self.addresses[0]);
            let arguments = ["apply", "-f", file, "--confirm-within", "60m"];
            let mut apply = self.firewall(&arguments);
            let said = apply.env("SSH_CONNECTION", session).finish();
            assert_eq!(said.status.code(), Some(0), "{}", said.stderr);
            let warning =
                "listens at tcp/2222 of node/kind-worker, which HostFirewall worker closes";
            assert_eq!(said.stderr.contains(warning), is_told, "{}", said.stderr);
            assert!(!said.stderr.contains("the API server"), "{}", said.stderr);
        }
    }

    /// Nobody else tries other rules of the same firewall out meanwhile; and that some select no node is told.
    fn is_not_replaced(&self) {
        let other = FIREWALL.replace("kubernetes.io/hostname: kind-worker", "is: nowhere");
        let file = self.lab.file("other.yaml", &other);
        let refused = self.run(&["apply", "-f", file.to_str().unwrap()]);
        assert_eq!(refused.status.code(), Some(1), "{}", refused.stdout);
        let said = &refused.stdout;
        assert!(
            said.contains("worker: other rules of it are tried out until"),
            "{said}"
        );
        let warned = &refused.stderr;
        assert!(
            warned.contains("worker closes nothing, because no node has"),
            "{warned}"
        );
    }

    /// The agents of all nodes.
    fn agents(&self) -> Vec<Pid> {
        let processes = processes_of(&self.lab.name);
        let is_agent = |pid: &i32| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line.split(|byte| *byte == 0).any(|word| word == b"agent")
        };
        let found: Vec<Pid> = processes
            .into_keys()
            .filter(is_agent)
            .map(Pid::from_raw)
            .collect();
        assert!(found.len() >= 3, "{found:?}");
        found
    }
}

fn pairs<'a>(
    pods: &'a [&'a str],
    addresses: &'a [String],
) -> impl Iterator<Item = (&'a str, &'a String)> {
    pods.iter()
        .flat_map(move |pod| addresses.iter().map(move |address| (*pod, address)))
}

#[test]
fn a_node_is_closed_on_trial_and_for_good() {
    let closed = Closed::up();
    closed.is_open();

    // Applied like any object it has no force: nobody has tried it.
    closed.lab.apply(FIREWALL);
    closed.is_open();
    let status = closed.run(&["status"]).expect_ok();
    assert!(status.contains("not in force"), "{status}");
    assert_eq!(closed.run(&["confirm", "worker"]).status.code(), Some(1));

    // A trial that nobody ends early.
    closed.try_out("60m");
    closed.becomes("intruder", METRICS, false);
    closed.is_closed();
    closed.is_proved();
    closed.is_not_replaced();
    closed.warns_of_the_way_in();
    closed.run(&["abort", "worker"]).expect_ok();
    closed.becomes("intruder", METRICS, true);
    closed.is_open();
    closed.is_proved();

    // No agent runs: the kernel ends the trial.
    closed.try_out("12s");
    closed.becomes("intruder", METRICS, false);
    let agents = closed.agents();
    agents
        .iter()
        .for_each(|it| kill(*it, Signal::SIGSTOP).unwrap());
    closed.becomes("intruder", METRICS, true);
    agents
        .iter()
        .for_each(|it| kill(*it, Signal::SIGCONT).unwrap());
    closed.is_open();
    closed.is_proved();
    let late = closed.run(&["confirm", "worker"]);
    assert_eq!(late.status.code(), Some(1), "{}", late.stdout);

    // Confirmed it stays, beyond the end of the trial.
    closed.try_out("20s");
    closed.becomes("intruder", METRICS, false);
    closed.run(&["confirm", "worker"]).expect_ok();
    eventually("the trial is over in the kernel", || {
        let rules = closed.lab.rules();
        (!rules.contains("trial-judge4") || !rules.contains("worker until")).then_some(())
    });
    closed.is_closed();
    closed.is_proved();

    // What is confirmed comes back after another trial, which opens the node.
    let open = FIREWALL.replace("app: scraper", "app: nobody");
    std::fs::write(&closed.file, open).unwrap();
    closed.try_out("12s");
    closed.becomes("scraper", METRICS, false);
    closed.is_proved();
    closed.becomes("scraper", METRICS, true);
    closed.is_closed();
    closed.is_proved();
}
