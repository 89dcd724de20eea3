use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;
use tempfile::TempDir;

use super::place::beside;
use super::*;
use crate::config::NetworkConfig;

/// A node without anything, and a program to install.
struct Node {
    folder: TempDir,
}

impl Node {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("program"), "first").unwrap();
        Self { folder }
    }

    fn folders(&self) -> Folders {
        Folders {
            programs: self.folder.path().join("opt/cni/bin"),
            networks: self.folder.path().join("etc/cni/net.d"),
        }
    }

    fn program(&self) -> PathBuf {
        self.folder.path().join("program")
    }

    fn install(&self, network: &Network) -> Result<Installed, InstallError> {
        self.folders().install(&self.program(), network)
    }

    /// The same with a file of somebody else.
    fn with(self, path: &str) -> Self {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "{}").unwrap();
        self
    }

    /// The names of all files, hidden ones too, below the two folders.
    fn files(&self) -> Vec<String> {
        let Folders { programs, networks } = self.folders();
        let listed = [networks, programs].into_iter().flat_map(|folder| {
            let entries = fs::read_dir(folder).into_iter().flatten();
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap())
        });
        let mut names: Vec<String> = listed.collect();
        names.sort();
        names
    }
}

fn network() -> Network {
    Network {
        pod_cidrs: vec![
            "10.244.1.0/24".parse().unwrap(),
            "fd00:1::/64".parse().unwrap(),
        ],
        data_dir: "/run/ringfence/node".into(),
        agent_socket: "/run/ringfence/agent.sock".into(),
        mtu: None,
        chained: Vec::new(),
    }
}

const BOTH: [&str; 2] = [NETWORK_FILE, PROGRAM];
const CHANGED: Installed = Installed {
    program: true,
    network: true,
};

#[test]
fn what_is_installed_is_what_the_plugin_reads() {
    let node = Node::new();
    assert_eq!(node.install(&network()).unwrap(), CHANGED);
    let text = fs::read_to_string(node.folders().network_file()).unwrap();
    let list: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(list["cniVersion"], "1.0.0");
    assert_eq!(list["cniVersions"][1], "1.1.0");
    let mut entry = list["plugins"][0].clone();
    assert_eq!(entry["type"], PROGRAM);
    entry["name"] = list["name"].clone();
    entry["cniVersion"] = list["cniVersion"].clone();
    let read = NetworkConfig::parse(entry.to_string().as_bytes()).unwrap();
    assert_eq!(read.pod_cidrs, network().pod_cidrs);
    assert_eq!(read.agent_socket, network().agent_socket);
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(node.folders().program_file()), 0o755);
    assert_eq!(mode(node.folders().network_file()), 0o644);
}

#[test]
fn what_is_there_already_is_not_written_again() {
    let node = Node::new();
    node.install(&network()).unwrap();
    assert_eq!(node.install(&network()).unwrap(), Installed::default());
    assert!(node.folders().holds(&node.program(), &network()));
    fs::write(node.program(), "longer than the first").unwrap();
    assert!(!node.folders().holds(&node.program(), &network()));
    fs::write(node.program(), "other").unwrap();
    let upgraded = node.install(&network()).unwrap();
    assert!(upgraded.program && !upgraded.network, "{upgraded:?}");
    let installed = fs::read_to_string(node.folders().program_file()).unwrap();
    assert_eq!(installed, "other");
    let mut larger = network();
    larger.mtu = Some(8950);
    assert!(!node.folders().holds(&node.program(), &larger));
    let changed = node.install(&larger).unwrap();
    assert!(changed.network && !changed.program, "{changed:?}");
}

/// Each state that a process can leave that dies while it installs, and what the next one makes of it.
#[test]
fn a_death_between_any_two_steps_is_finished_by_the_next_call() {
    let program = |node: &Node| {
        fs::copy(node.program(), node.folders().program_file()).unwrap();
    };
    let half = |target: PathBuf| fs::write(beside(&target), "fir").unwrap();
    let deaths: [&dyn Fn(&Node); 5] = [
        &|_| {},
        &|node| half(node.folders().program_file()),
        &program,
        &|node| {
            program(node);
            half(node.folders().network_file());
        },
        &|node| assert!(node.install(&network()).is_ok()),
    ];
    for die in deaths {
        let node = Node::new()
            .with("opt/cni/bin/loopback")
            .with("etc/cni/net.d/99-x.conf");
        die(&node);
        node.install(&network()).unwrap();
        let expected = [NETWORK_FILE, "99-x.conf", "loopback", PROGRAM];
        assert_eq!(node.files(), expected);
        assert_eq!(
            fs::read_to_string(node.folders().program_file()).unwrap(),
            "first"
        );
        die(&node);
        assert!(node.folders().remove_network().is_ok() && node.folders().remove_program().is_ok());
        assert_eq!(node.files(), ["99-x.conf", "loopback"], "others stay");
    }
}

/// Pods that a runtime starts need the program: no network may appear before it.
#[test]
fn without_a_program_there_is_no_network() {
    let node = Node::new();
    // Nothing can be put in the place of a folder.
    fs::create_dir_all(node.folders().program_file()).unwrap();
    assert!(node.install(&network()).is_err());
    assert!(!node.folders().network_file().exists());
}

#[test]
fn a_node_is_not_taken_over_from_another_network() {
    let node = Node::new().with("etc/cni/net.d/10-flannel.conflist");
    let told = node.install(&network()).unwrap_err().to_string();
    assert!(
        told.contains("10-flannel.conflist` comes before 10-ringfence.conflist"),
        "{told}"
    );
    assert_eq!(node.files(), ["10-flannel.conflist"]);
    for harmless in [
        "87-podman-bridge.conflist",
        "05-x.conflist.bak",
        ".05-x.conflist.new",
    ] {
        let node = Node::new().with(&format!("etc/cni/net.d/{harmless}"));
        assert!(node.install(&network()).is_ok(), "{harmless}");
    }
}

#[test]
fn what_is_called_after_the_plugin_has_to_be_there() {
    let mut chained = network();
    chained.chained = vec![Chained::Portmap, Chained::Bandwidth];
    let node = Node::new().with("opt/cni/bin/portmap");
    let told = node.install(&chained).unwrap_err().to_string();
    assert!(told.starts_with("the plugin `bandwidth`, which"), "{told}");
    let node = node.with("opt/cni/bin/bandwidth");
    node.install(&chained).unwrap();
    let text = fs::read_to_string(node.folders().network_file()).unwrap();
    let list: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(list["plugins"][1]["capabilities"]["portMappings"], true);
    assert_eq!(list["plugins"][2]["type"], "bandwidth");
    assert_eq!(
        list.get("cniVersions"),
        None,
        "old plugins know 1.0.0 at most"
    );
}

#[test]
fn a_network_that_the_plugin_would_refuse_is_not_installed() {
    let node = Node::new();
    let mut bad = network();
    bad.pod_cidrs.clear();
    assert!(matches!(node.install(&bad), Err(InstallError::Unusable(_))));
    bad = network();
    bad.mtu = Some(100);
    assert!(matches!(node.install(&bad), Err(InstallError::Unusable(_))));
    assert!(node.files().is_empty());
}

#[test]
fn taking_away_what_is_not_there_is_fine() {
    let node = Node::new();
    assert!(!node.folders().remove_network().unwrap());
    node.install(&network()).unwrap();
    assert_eq!(node.files(), BOTH);
    assert!(node.folders().remove_network().unwrap());
    assert!(!node.folders().holds(&node.program(), &network()));
    assert_eq!(node.files(), [PROGRAM]);
    assert!(node.folders().remove_program().unwrap());
    assert!(!node.folders().remove_program().unwrap());
    assert!(node.files().is_empty());
}
