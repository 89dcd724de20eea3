//! A node and its pods.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use ringfence_cni::{Endpoint, EndpointId, EndpointStore};
use ringfence_netlink::namespace;
use ringfence_netlink::route::RouteSocket;
use ringfence_netlink::sysctl;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A node in the calling thread's namespace.
pub(crate) struct Node {
    pub(crate) folder: TempDir,
    /// The configuration, to be changed by tests.
    pub(crate) config: Value,
}

/// What a run of the plugin left.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) success: bool,
    /// `Null` for an empty standard output.
    pub(crate) output: Value,
    pub(crate) log: String,
}

impl Outcome {
    pub(crate) fn result(self) -> Value {
        assert!(self.success, "{self:?}");
        self.output
    }

    /// Code, message and details of the error object.
    pub(crate) fn error(self) -> (u64, String, String) {
        assert!(!self.success, "{self:?}");
        let text = |key: &str| self.output[key].as_str().unwrap_or_default().to_owned();
        (
            self.output["code"].as_u64().unwrap(),
            text("msg"),
            text("details"),
        )
    }
}

impl Node {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (key, value) in [("ip_forward", "1"), ("conf/all/rp_filter", "0")] {
            let key: Vec<&str> = ["ipv4"].into_iter().chain(key.split('/')).collect();
            sysctl::write(&key, value).unwrap();
        }
        sysctl::write(&["ipv6", "conf", "all", "forwarding"], "1").unwrap();
        let mut socket = RouteSocket::open().unwrap();
        let loopback = socket.link_by_name("lo").unwrap();
        socket.set_link_up(loopback.index, true).unwrap();
        let config = json!({
            "cniVersion": "1.1.0", "name": "pods", "type": "ringfence-cni",
            "dataDir": folder.path().join("node"), "agentSocket": folder.path().join("agent.sock"),
            "podCidrs": ["10.244.1.0/24", "fd00:10:244:1::/64"], "mtu": 1450, "agentTimeoutSeconds": 10,
        });
        Self { folder, config }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("agent.sock")
    }

    pub(crate) fn store(&self) -> EndpointStore {
        EndpointStore::open(&self.folder.path().join("node")).unwrap()
    }

    pub(crate) fn endpoints(&self) -> Vec<Endpoint> {
        self.store().list().unwrap().endpoints
    }

    /// The configuration with keys set otherwise.
    pub(crate) fn config_with(&self, changes: &Value) -> Value {
        let mut config = self.config.clone();
        for (key, value) in changes.as_object().unwrap() {
            config[key] = value.clone();
        }
        config
    }

    /// Starts the plugin; its input is already sent.
    pub(crate) fn start(&self, verb: &str, pod: &Pod, config: &Value) -> Child {
        start(&pod.variables(verb), config.to_string().as_bytes())
    }

    pub(crate) fn call_with(&self, verb: &str, pod: &Pod, config: &Value) -> Outcome {
        finish(self.start(verb, pod, config))
    }

    pub(crate) fn call(&self, verb: &str, pod: &Pod) -> Outcome {
        self.call_with(verb, pod, &self.config)
    }

    pub(crate) fn add(&self, pod: &Pod) -> Value {
        self.call("ADD", pod).result()
    }

    pub(crate) fn del(&self, pod: &Pod) {
        assert_eq!(self.call("DEL", pod).result(), Value::Null);
    }

    /// Nothing of any pod is left in the kernel or in the folder.
    pub(crate) fn assert_clean(&self, when: &str) {
        assert_eq!(self.leftovers(), Vec::<String>::new(), "{when}");
    }

    fn leftovers(&self) -> Vec<String> {
        let mut socket = RouteSocket::open().unwrap();
        let mut left: Vec<String> = socket
            .links()
            .unwrap()
            .into_iter()
            .map(|link| link.name)
            .collect();
        left.retain(|name| name != "lo");
        left.extend(
            socket
                .routes()
                .unwrap()
                .iter()
                .map(|route| format!("{route:?}")),
        );
        left.extend(
            socket
                .neighbours()
                .unwrap()
                .iter()
                .map(|neighbour| format!("{neighbour:?}")),
        );
        let own = socket
            .addresses()
            .unwrap()
            .into_iter()
            .map(|address| address.address);
        left.extend(
            own.filter(|address| !address.addr().is_loopback())
                .map(|ip| ip.to_string()),
        );
        for folder in ["node/endpoints", "node/locks"] {
            left.extend(file_names(&self.folder.path().join(folder)));
        }
        left
    }
}

pub(crate) fn file_names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

pub(crate) fn start(variables: &BTreeMap<String, String>, input: &[u8]) -> Child {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ringfence-cni"))
        .env_clear()
        .envs(variables)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A plugin that refuses its environment may be gone without reading.
    let _ = child.stdin.take().unwrap().write_all(input);
    child
}

pub(crate) fn finish(child: Child) -> Outcome {
    let output = child.wait_with_output().unwrap();
    let parsed = match output.stdout.is_empty() {
        true => Value::Null,
        false => serde_json::from_slice(&output.stdout).unwrap(),
    };
    let log = String::from_utf8(output.stderr).unwrap();
    Outcome {
        success: output.status.success(),
        output: parsed,
        log,
    }
}

/// A pod: a namespace, and the names that a runtime gives it.
pub(crate) struct Pod {
    pub(crate) namespace: OwnedFd,
    pub(crate) container: String,
    pub(crate) interface: String,
}

impl Pod {
    pub(crate) fn new(container: &str) -> Self {
        Self {
            namespace: namespace::create().unwrap(),
            container: container.to_owned(),
            interface: "eth0".to_owned(),
        }
    }

    pub(crate) fn id(&self) -> EndpointId {
        EndpointId::new(&self.container, &self.interface)
    }

    /// The path goes when the pod does.
    pub(crate) fn netns(&self) -> String {
        format!(
            "/proc/{}/fd/{}",
            std::process::id(),
            self.namespace.as_raw_fd()
        )
    }

    pub(crate) fn variables(&self, verb: &str) -> BTreeMap<String, String> {
        let arguments = format!(
            "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME={}",
            self.container
        );
        [
            ("CNI_COMMAND", verb.to_owned()),
            ("CNI_CONTAINERID", self.container.clone()),
            ("CNI_NETNS", self.netns()),
            ("CNI_IFNAME", self.interface.clone()),
            ("CNI_ARGS", arguments),
            ("CNI_PATH", "/nowhere".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// Runs something in the pod.
    pub(crate) fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        namespace::run_in(&self.namespace, work).unwrap()
    }

    pub(crate) fn links(&self) -> Vec<String> {
        self.run(|| {
            let links = RouteSocket::open().unwrap().links().unwrap();
            links.into_iter().map(|link| link.name).collect()
        })
    }
}

/// The pod's addresses in a result.
pub(crate) fn addresses(result: &Value) -> Vec<IpAddr> {
    let ips = result["ips"].as_array().unwrap().iter();
    ips.map(|ip| {
        ip["address"]
            .as_str()
            .unwrap()
            .split('/')
            .next()
            .unwrap()
            .parse()
            .unwrap()
    })
    .collect()
}
