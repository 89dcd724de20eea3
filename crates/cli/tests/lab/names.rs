//! Names in egress rules, from the question of a pod to the packet that is let through (rules CN-37, AM-19).

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use ringfence_standin::probe::{ProbeOutcome, ProbeProtocol};

use crate::support::{DUAL_STACK, Lab, Run, eventually, processes_of, ringfence, role};

const PODS: &str = "
apiVersion: v1
kind: Pod
metadata: {name: near, labels: {app: client}}
spec: {nodeName: kind-worker, containers: [{name: c, image: x}]}
---
apiVersion: v1
kind: Pod
metadata: {name: far, labels: {app: client}}
spec: {nodeName: kind-worker2, containers: [{name: c, image: x}]}
---
apiVersion: v1
kind: Pod
metadata: {name: stranger, labels: {app: stranger}}
spec: {nodeName: kind-worker, containers: [{name: c, image: x}]}
---
apiVersion: v1
kind: Service
metadata: {name: alias}
spec: {type: ExternalName, externalName: outside.example}
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: dns}
spec:
  tier: Admin
  priority: 1
  subject: {namespaces: {}}
  egress:
  - action: Accept
    to: [{pods: {namespaceSelector: {}, podSelector: {matchLabels: {k8s-app: kube-dns}}}}]
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: names}
spec:
  tier: Admin
  priority: 2
  subject: {pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: client}}}}
  egress:
  - action: Accept
    to: [{domainNames: ['*.outside.example', alias.default.svc.cluster.local]}]
    protocols: [{tcp: {destinationPort: {number: 80}}}]
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: nothing-else}
spec:
  tier: Admin
  priority: 3
  subject: {namespaces: {matchLabels: {kubernetes.io/metadata.name: default}}}
  egress: [{action: Deny, to: [{networks: [0.0.0.0/0, '::/0']}]}]
";

/// Addresses of `outside.example`, and of `other.outside.example`.
const HOST: [&str; 2] = ["203.0.113.10", "2001:db8:203::10"];
const OTHER: [&str; 2] = ["203.0.113.11", "2001:db8:203::11"];

fn tcp() -> ProbeProtocol {
    ProbeProtocol::Tcp
}

fn is_verified(lab: &Lab) {
    ringfence(&["verify", "--lab", &lab.name])
        .finish()
        .expect_ok();
}

/// Whether some node's kernel opens `address` by its name.
fn is_known(lab: &Lab, address: &str) -> bool {
    let rules = lab.rules();
    let named = rules.split("map names").skip(1);
    named
        .filter_map(|set| set.split('}').next())
        .any(|set| set.contains(address))
}

#[test]
fn a_name_opens_its_addresses_for_a_while_to_those_who_may() {
    let lab = Lab::up_on(DUAL_STACK, PODS);
    for address in HOST.iter().chain(&OTHER) {
        lab.is_denied("near", address, 80, tcp());
    }
    // Each family is asked for by itself, and the answer waits until the kernel knows it.
    lab.reaches("near", "other.outside.example", 80, tcp());
    for address in OTHER {
        lab.reaches("near", address, 80, tcp());
        lab.reaches("far", address, 80, tcp());
    }
    is_verified(&lab);
    // A pod that no such rule selects may ask, and gets no further; neither does another port.
    lab.is_denied("stranger", "other.outside.example", 80, tcp());
    lab.is_denied("near", OTHER[0], 81, tcp());
    // The name above the wildcard is not meant, and what it has stays closed until an alias is asked for that is.
    for address in ["outside.example", HOST[0], HOST[1]] {
        lab.is_denied("near", address, 80, tcp());
    }
    lab.reaches("far", "alias.default.svc.cluster.local", 80, tcp());
    for address in HOST {
        lab.reaches("near", address, 80, tcp());
    }
    is_verified(&lab);

    // Nobody asks any more.
    eventually("the addresses end", || {
        let known = |address: &&str| is_known(&lab, address);
        (!HOST.iter().chain(&OTHER).any(known)).then_some(())
    });
    for address in HOST.iter().chain(&OTHER) {
        lab.is_denied("near", address, 80, tcp());
    }
    is_verified(&lab);

    // The next agent knows what the last one was told.
    lab.reaches("near", "other.outside.example", 80, tcp());
    let before = lab.agent_starts("kind-worker");
    lab.ok(&["kill-agent", "kind-worker"]);
    lab.reaches("near", OTHER[0], 80, tcp());
    eventually("the agent is back", || {
        (lab.agent_starts("kind-worker") > before).then_some(())
    });
    is_verified(&lab);
    lab.reaches("near", OTHER[0], 80, tcp());
    lab.reaches("near", "alias.default.svc.cluster.local", 80, tcp());

    // What a node leaves out for what it costs is not said to be enforced (rule AM-21).
    lab.apply(&costly());
    let told = ringfence(&["verify", "--lab", &lab.name]).finish();
    assert_eq!(told.code(), Some(1), "{told:#?}");
    let told = told.stdout;
    assert!(told.contains("1 rule is not enforced as written") && told.contains("default/costly"));
    lab.delete(&costly());
    is_verified(&lab);
}

/// More blocks and ports than one rule may have.
fn costly() -> String {
    let blocks = (0..1_000u32).map(|number| {
        let (high, low) = (32 + number / 256, number % 256);
        format!("{{ipBlock: {{cidr: 10.{high}.{low}.0/25}}}}")
    });
    let ports = (8_000..8_020).map(|port| format!("{{port: {port}}}"));
    let (blocks, ports) = (
        blocks.collect::<Vec<_>>().join(", "),
        ports.collect::<Vec<_>>().join(", "),
    );
    format!(
        "{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {{name: costly}}, spec: {{podSelector: \
         {{matchLabels: {{app: client}}}}, policyTypes: [Egress], egress: [{{to: [{blocks}], ports: [{ports}]}}]}}}}"
    )
}

/// The DNS servers of a lab, by their numbers on the machine.
fn servers(lab: &Lab) -> Vec<i32> {
    let processes = processes_of(&lab.name).into_keys();
    let is_server = |pid: &i32| role(*pid).as_deref() == Some("dns");
    processes.filter(is_server).collect()
}

/// Whether a process has a socket of its own that takes DNS questions.
fn answers(pid: i32) -> bool {
    let read = |table| fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
    let sockets = read("udp") + &read("udp6");
    let asked = sockets.lines().filter_map(|line| {
        let mut fields = line.split_whitespace();
        let address = fields.nth(1)?;
        let inode = fields.nth(7)?;
        address
            .ends_with(":0035")
            .then(|| format!("socket:[{inode}]"))
    });
    let asked: Vec<String> = asked.collect();
    let own = fs::read_dir(format!("/proc/{pid}/fd"))
        .into_iter()
        .flatten();
    let mut own = own
        .flatten()
        .filter_map(|file| fs::read_link(file.path()).ok());
    own.any(|link| {
        asked
            .iter()
            .any(|socket| link.as_os_str() == socket.as_str())
    })
}

#[test]
fn names_are_answered_while_each_server_is_started_anew() {
    let lab = Lab::up(
        "{apiVersion: v1, kind: Pod, metadata: {name: client}, spec: {containers: [{name: c, image: x}]}}",
    );
    let services = lab.status().services;
    let service = services.iter().find(|one| one.name.name == "kube-dns");
    let service = service.unwrap().cluster_addresses[0].to_string();
    let ask = || {
        let name = "outside.example".to_owned();
        lab.probe("client", &service, 53, ProbeProtocol::Dns { name }, 3000)
    };
    let (is_over, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    let failures = thread::scope(|scope| {
        let prober = scope.spawn(|| {
            let mut failures: Vec<ProbeOutcome> = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                let outcome = ask();
                asked.fetch_add(1, Ordering::Relaxed);
                failures.extend(Some(outcome).filter(|outcome| !outcome.is_reached()));
                thread::sleep(Duration::from_millis(20));
            }
            failures
        });
        for signal in [Signal::SIGTERM, Signal::SIGKILL] {
            for first in servers(&lab) {
                kill(Pid::from_raw(first), signal).unwrap();
                eventually("the server is back", || {
                    let now = servers(&lab);
                    let is_back = now.len() == 2 && !now.contains(&first);
                    (is_back && now.into_iter().all(answers)).then_some(())
                });
            }
        }
        let before = asked.load(Ordering::Relaxed);
        eventually("the last one is asked as well", || {
            (asked.load(Ordering::Relaxed) > before + 10).then_some(())
        });
        is_over.store(true, Ordering::Relaxed);
        prober.join().unwrap()
    });
    assert_eq!(failures, [], "of {asked:?}");
}
