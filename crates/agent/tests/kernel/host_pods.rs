//! What pods in the network of their node send, told apart by real cgroups (rules HN-*). Making cgroups is for root of the machine.

use std::ffi::OsStr;
use std::fs;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::thread;
use std::time::Duration;

use ringfence_agent::HostPodsHealth;
use ringfence_agent::protocol::{AgentKey, AgentObject};
use ringfence_agent::status::{Health, ask_flows, ask_health, ask_rules, ask_verification};
use ringfence_model::{
    ClusterPolicyKind, ClusterPolicyName, Input, LoadOptions, Object, Pod, load,
};
use ringfence_netlink::nftables::Nftables;
use ringfence_netlink::route::{InterfaceAddress, RouteSocket};
use ringfence_testkit::sandbox::owns_machine;

use crate::agent::{Node, eventually};
use crate::objects;

/// Tells a child process what it is to send: folder of its cgroup, `tcp` or `udp`, to whom, milliseconds.
pub(crate) const SENDER: &str = "RINGFENCE_AGENT_TEST_SENDER";

const TABLE: &str = "ringfence-host-pods";
const METADATA: [&str; 2] = ["169.254.169.254", "fd00:ec2::254"];
const DNS_CACHE: &str = "169.254.20.10";
const PROTOCOLS: [&str; 2] = ["tcp", "udp"];
const PORTS: [u16; 2] = [80, 53];
const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(500);

const POLICIES: &str = "
apiVersion: policy.networking.k8s.io/v1beta1
kind: ClusterNetworkPolicy
metadata: {name: grant, annotations: {ringfence.dev/host-network-pods: judged}}
spec:
  tier: Admin
  priority: 0
  subject: {pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: granted}}}}
  egress:
  - {action: Pass, to: [{networks: [169.254.169.254/32, 'fd00:ec2::254/128']}]}
---
apiVersion: policy.networking.k8s.io/v1beta1
kind: ClusterNetworkPolicy
metadata: {name: guard, annotations: {ringfence.dev/host-network-pods: judged}}
spec:
  tier: Admin
  priority: 1
  subject: {namespaces: {}}
  egress:
  - action: Pass
    to: [{networks: [169.254.169.254/32]}]
    protocols: [{udp: {destinationPort: {number: 53}}}, {tcp: {destinationPort: {number: 53}}}]
  - {action: Deny, to: [{networks: [169.254.169.254/32, 'fd00:ec2::254/128']}]}
";

/// The child's `main`: whether somebody answered.
pub(crate) fn main(what: &OsStr) -> ExitCode {
    let what = what.to_str().unwrap();
    let [folder, protocol, to, patience] = what.split('|').collect::<Vec<_>>()[..] else {
        panic!("{what}");
    };
    fs::write(Path::new(folder).join("cgroup.procs"), "0").unwrap();
    let patience = Duration::from_millis(patience.parse().unwrap());
    let answered = match protocol {
        "tcp" => TcpStream::connect_timeout(&to.parse().unwrap(), patience).is_ok(),
        _ => asks(to.parse().unwrap(), patience),
    };
    ExitCode::from(u8::from(!answered))
}

fn asks(to: SocketAddr, patience: Duration) -> bool {
    let any: IpAddr = match to {
        SocketAddr::V4(_) => [0; 4].into(),
        SocketAddr::V6(_) => [0_u8; 16].into(),
    };
    let socket = UdpSocket::bind((any, 0)).unwrap();
    socket.set_read_timeout(Some(patience)).unwrap();
    socket.connect(to).unwrap();
    socket.send(b"?").is_ok() && socket.recv(&mut [0; 8]).is_ok()
}

/// Folders of cgroups, which are removed at the end.
struct Cgroups {
    mount: PathBuf,
    own: PathBuf,
}

impl Cgroups {
    fn new() -> Option<Self> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let mut mounts = mounts.lines().filter(|line| line.contains(" - cgroup2 "));
        let mount = PathBuf::from(mounts.find_map(|line| line.split(' ').nth(4))?);
        let own = mount.join(format!("ringfence-test-{}", std::process::id()));
        fs::create_dir(&own).ok()?;
        let found = Self { mount, own };
        for cgroup in [
            "kubepods/burstable/podother/c",
            "kubepods/podunknown",
            "system",
        ] {
            found.make(cgroup);
        }
        Some(found)
    }

    fn path(&self, cgroup: &str) -> PathBuf {
        self.own.join(cgroup)
    }

    fn make(&self, cgroup: &str) {
        fs::create_dir_all(self.path(cgroup)).unwrap();
    }

    /// Waits for the last process in it to be gone.
    fn remove(&self, cgroup: &str) {
        eventually("an empty cgroup", || fs::remove_dir(self.path(cgroup)).ok());
    }

    /// Whether a process in this cgroup gets an answer.
    fn reaches(&self, cgroup: &str, protocol: &str, to: (&str, u16), patience: Duration) -> bool {
        let to = SocketAddr::new(to.0.parse().unwrap(), to.1);
        let folder = self.path(cgroup);
        let what = format!(
            "{}|{protocol}|{to}|{}",
            folder.display(),
            patience.as_millis()
        );
        let status = Command::new(std::env::current_exe().unwrap())
            .env(SENDER, what)
            .status()
            .unwrap();
        match status.code() {
            Some(0) => true,
            Some(1) => false,
            _ => panic!("{status} in {cgroup}"),
        }
    }

    #[track_caller]
    fn is_served(&self, cgroup: &str, addresses: &[&str], port: u16) {
        for (address, protocol) in pairs(addresses) {
            let served = self.reaches(cgroup, protocol, (address, port), LONG);
            assert!(served, "{cgroup}: {protocol} to {address}, port {port}");
        }
    }

    #[track_caller]
    fn is_kept_out(&self, cgroup: &str, addresses: &[&str], port: u16) {
        for (address, protocol) in pairs(addresses) {
            let served = self.reaches(cgroup, protocol, (address, port), SHORT);
            assert!(!served, "{cgroup}: {protocol} to {address}, port {port}");
        }
    }
}

impl Drop for Cgroups {
    fn drop(&mut self) {
        remove(&self.own);
    }
}

/// The folders alone: files of cgroups go with them.
fn remove(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove(&entry.path());
        }
    }
    for _ in 0..200 {
        if fs::remove_dir(folder).is_ok() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    println!("`{}` is left", folder.display());
}

fn pairs<'a>(addresses: &'a [&'a str]) -> impl Iterator<Item = (&'a str, &'static str)> {
    let addresses = addresses.iter();
    addresses.flat_map(|address| PROTOCOLS.map(|protocol| (*address, protocol)))
}

fn serve() {
    let mut routes = RouteSocket::open().unwrap();
    let index = routes.link_by_name("lo").unwrap().index;
    for address in METADATA.into_iter().chain([DNS_CACHE]) {
        let address: IpAddr = address.parse().unwrap();
        let address = address.into();
        routes
            .add_address(&InterfaceAddress { index, address })
            .unwrap();
    }
    for port in PORTS {
        let listener = TcpListener::bind(("::", port)).unwrap();
        thread::spawn(move || listener.incoming().for_each(drop));
        let socket = UdpSocket::bind(("::", port)).unwrap();
        thread::spawn(move || {
            let mut bytes = [0; 8];
            while let Ok((_, from)) = socket.recv_from(&mut bytes) {
                let _ = socket.send_to(b"!", from);
            }
        });
    }
}

fn host_pod(name: &str) -> AgentObject {
    let AgentObject::Pod(pod) = objects::pod(name, "192.0.2.1") else {
        panic!("a pod");
    };
    AgentObject::Pod(Pod {
        host_network: true,
        uid: Some(name.into()),
        ..pod
    })
}

fn policies() -> Vec<AgentObject> {
    let input = Input {
        name: "policies".to_owned(),
        text: POLICIES.to_owned(),
    };
    let loaded = load(&[input], &LoadOptions::default());
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
    let policies = loaded.objects.into_iter().map(|object| {
        let Object::ClusterPolicy(policy) = object else {
            panic!("something else than a policy");
        };
        AgentObject::ClusterPolicy(policy)
    });
    policies.collect()
}

fn key(name: &str) -> AgentKey {
    AgentKey::ClusterPolicy(ClusterPolicyName {
        kind: ClusterPolicyKind::ClusterNetworkPolicy,
        name: name.to_owned(),
    })
}

/// Waits until the agent says so.
fn is_told(node: &Node, what: &str, is: impl Fn(&Health) -> bool) {
    eventually(what, || {
        let health = ask_health(&node.config.status_socket()).ok()?;
        is(&health).then_some(())
    });
}

fn is_on(granted: &'static [&str], waiting: &'static [&str]) -> impl Fn(&Health) -> bool {
    let names = |pods: &[&str]| -> Vec<String> {
        pods.iter()
            .map(|pod| objects::named(pod).to_string())
            .collect()
    };
    move |health| {
        health.host_pods
            == HostPodsHealth::On {
                pods: 2,
                granted: names(granted),
                waiting: names(waiting),
            }
    }
}

fn tables() -> Vec<String> {
    Nftables::open().unwrap().list_tables().unwrap()
}

pub(crate) fn the_kernel_tells_them_by_their_cgroups() {
    let cgroups = owns_machine().then(Cgroups::new).flatten();
    let Some(cgroups) = cgroups else {
        println!(
            "not run: cgroups are made by root of the machine alone, where a hierarchy of version 2 is mounted"
        );
        return;
    };
    let (granted, other) = (
        "kubepods/burstable/podgranted/c",
        "kubepods/burstable/podother/c",
    );
    let mut node = Node::new([objects::namespace(), objects::node()]);
    node.configure(|config| config.host_cgroups = Some(cgroups.mount.clone()));
    serve();
    node.start();
    for object in policies()
        .into_iter()
        .chain(["granted", "other"].map(host_pod))
    {
        node.store.apply(object);
    }
    node.store.wait();

    is_told(
        &node,
        "a grant that waits",
        is_on(&["granted"], &["granted"]),
    );
    cgroups.make(granted);
    is_told(&node, "a grant", is_on(&["granted"], &[]));
    cgroups.is_served(granted, &METADATA, 80);
    cgroups.is_kept_out(other, &METADATA, 80);
    cgroups.is_kept_out("kubepods/podunknown", &METADATA, 80);
    cgroups.is_served("system", &METADATA, 80);
    cgroups.is_served(other, &[DNS_CACHE], 53);
    cgroups.is_served(other, &[DNS_CACHE], 80);
    cgroups.is_served(other, &METADATA[..1], 53);
    cgroups.is_kept_out(other, &METADATA[1..], 53);
    is_recorded(&node);
    is_listed();
    let rules = ask_rules(&node.config.status_socket()).unwrap();
    let listed = rules.host_pods.unwrap().sets;
    assert_eq!(listed["withheld4"].elements.len(), 1);
    assert!(rules.as_intended && rules.problem.is_none());

    cgroups.remove(granted);
    cgroups.remove("kubepods/burstable/podgranted");
    is_told(
        &node,
        "a grant that waits again",
        is_on(&["granted"], &["granted"]),
    );
    cgroups.make(granted);
    is_told(&node, "a grant of another cgroup", is_on(&["granted"], &[]));
    cgroups.is_served(granted, &METADATA, 80);

    node.store.delete(key("grant"));
    is_told(&node, "no grant", is_on(&[], &[]));
    cgroups.is_kept_out(granted, &METADATA, 80);

    node.kill();
    cgroups.is_kept_out(other, &METADATA, 80);
    adopts(&mut node, &cgroups, other);

    node.store.delete(key("guard"));
    eventually("no table", || {
        (!tables().contains(&TABLE.to_owned())).then_some(())
    });
    is_told(&node, "nothing to judge", |health| {
        health.host_pods == HostPodsHealth::Off
    });
    cgroups.is_served(other, &METADATA, 80);
    says_what_is_missing(&mut node, &cgroups);
}

/// What operators run understands the table, where they have it.
fn is_listed() {
    let listed = Command::new("nft")
        .args(["list", "table", "inet", TABLE])
        .output();
    if let Ok(listed) = listed {
        let text = String::from_utf8(listed.stdout).unwrap();
        assert!(
            listed.status.success(),
            "{}",
            String::from_utf8_lossy(&listed.stderr)
        );
        let part = "socket cgroupv2 level 8 . ip daddr . meta l4proto . th dport @opened4 accept";
        assert!(text.contains(part), "{text}");
    }
}

/// A flow says by which policy.
fn is_recorded(node: &Node) {
    eventually("a record", || {
        let flows = ask_flows(&node.config.status_socket(), 0).ok()?;
        let text = serde_json::to_string(&flows).unwrap();
        let parts = ["host-pod", "ClusterNetworkPolicy/guard egress[1] denies it"];
        parts.iter().all(|part| text.contains(part)).then_some(())
    });
}

/// An agent that starts finds its table as it left it, and writes nothing.
fn adopts(node: &mut Node, cgroups: &Cgroups, denied: &str) {
    let read = || {
        Nftables::open()
            .unwrap()
            .read_table(TABLE)
            .unwrap()
            .unwrap()
    };
    let handles = || -> Vec<u64> {
        let chains = read().chains.into_values();
        chains
            .flat_map(|it| it.rules)
            .map(|rule| rule.handle)
            .collect()
    };
    let before = handles();
    node.store.forget_statuses();
    node.start();
    node.store.wait();
    is_told(node, "the same after a restart", is_on(&[], &[]));
    assert_eq!(handles(), before);
    cgroups.is_kept_out(denied, &METADATA, 80);
}

/// Without a hierarchy nothing can be told apart, which is not passed over.
fn says_what_is_missing(node: &mut Node, cgroups: &Cgroups) {
    for object in policies() {
        node.store.apply(object);
    }
    for (folder, message) in [
        (None, "hostCgroups"),
        (Some(PathBuf::from("/proc")), "no cgroup v2 hierarchy"),
    ] {
        assert!(node.terminate());
        node.configure(|config| config.host_cgroups = folder);
        node.store.forget_statuses();
        node.start();
        node.store.wait();
        is_told(node, message, |health| {
            let problem = health.problem.as_deref().unwrap_or_default();
            problem.contains(message) && health.host_pods.problem() == Some(problem)
        });
        let verified = ask_verification(&node.config.status_socket()).unwrap();
        assert_eq!(verified.is_equal(), Some(true), "{verified:#?}");
        assert!(verified.host_pods.unwrap().contains(message));
    }
    assert!(cgroups.own.exists());
}
