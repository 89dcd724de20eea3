//! Plugins of the CNI project behind ours, called as a container runtime calls them.

use std::fs;
use std::io::{Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use ringfence_cni::runtime::{Attachment, Runtime};
use ringfence_netlink::route::{InterfaceAddress, RouteSocket};
use serde_json::{Value, json};

use crate::agent::{FakeAgent, Manner};
use crate::node::{Node, Pod};

/// Where Debian's package `containernetworking-plugins` puts them.
const PLUGINS: &str = "/usr/lib/cni";
/// The node's address, and its port that leads to the pod's port 80.
const NODE: ([u8; 4], u16) = ([192, 0, 2, 10], 8080);

pub(crate) fn a_rate_limit_finds_our_end_of_the_pair() {
    if lacks_plugins() {
        return;
    }
    let node = Node::new();
    let _agent = FakeAgent::start(&node, Manner::Serve);
    let rates = json!({"ingressRate": 80_000_000, "ingressBurst": 80_000_000,
        "egressRate": 80_000_000, "egressBurst": 80_000_000});
    let chain = Chain::new(&node, "bandwidth", ("bandwidth", rates));
    let result = chain.runtime.add(&chain.attachment).unwrap();
    assert_eq!(result.interface_in("eth0", &chain.pod.netns()), Some(1));
    assert_eq!(result.addresses_of(1).len(), 2);
    // It put a device of its own beside ours.
    let links = RouteSocket::open().unwrap().links().unwrap();
    assert!(
        links.iter().any(|link| link.name.starts_with("bwp")),
        "{links:?}"
    );
    chain.runtime.check(&chain.attachment).unwrap();
    chain.del_twice();
    node.assert_clean("bandwidth");
}

pub(crate) fn a_host_port_leads_to_the_pod() {
    if lacks_plugins() {
        return;
    }
    let node = Node::new();
    let _agent = FakeAgent::start(&node, Manner::Serve);
    let mut socket = RouteSocket::open().unwrap();
    let index = socket.link_by_name("lo").unwrap().index;
    let own = InterfaceAddress {
        index,
        address: IpAddr::from(NODE.0).into(),
    };
    socket.add_address(&own).unwrap();
    let ports = json!([{"hostPort": NODE.1, "containerPort": 80, "protocol": "tcp"}]);
    let chain = Chain::new(&node, "portmap", ("portMappings", ports));
    chain.runtime.add(&chain.attachment).unwrap();
    assert!(host_port_leads_to(&chain.pod));
    // No CHECK: version 1.1.1 of the plugin looks for the rules of one family in the other's table.
    chain.del_twice();
    socket.delete_address(&own).unwrap();
    node.assert_clean("portmap");
}

/// A pod, and a runtime that calls our plugin, `loopback` and another.
struct Chain {
    pod: Pod,
    runtime: Runtime,
    attachment: Attachment,
}

/// Continuous integration has the plugins; elsewhere `cargo test` needs nothing but a toolchain, and says what it leaves out.
fn lacks_plugins() -> bool {
    let missing = !Path::new(PLUGINS).is_dir();
    if missing {
        let message = "left out: there is no package `containernetworking-plugins` on this machine";
        assert!(std::env::var_os("CI").is_none(), "{message}");
        println!("{message}");
    }
    missing
}

impl Chain {
    fn new(node: &Node, plugin: &str, (capability, offered): (&str, Value)) -> Self {
        let pod = Pod::new("c1");
        let attachment = Attachment {
            container_id: pod.container.clone(),
            netns: PathBuf::from(pod.netns()),
            ifname: pod.interface.clone(),
            args: vec![("IgnoreUnknown".to_owned(), "1".to_owned())],
            capabilities: [(capability.to_owned(), offered)].into_iter().collect(),
        };
        let list = json!({"cniVersion": "1.0.0", "name": "pods", "plugins": [
            node.config,
            {"type": "loopback"},
            {"type": plugin, "capabilities": {capability: true}},
        ]});
        Self {
            pod,
            runtime: runtime(node, &list),
            attachment,
        }
    }

    fn del_twice(&self) {
        for _ in 0..2 {
            self.runtime.del(&self.attachment).unwrap();
        }
        assert_eq!(self.pod.links(), ["lo"]);
    }
}

fn runtime(node: &Node, list: &Value) -> Runtime {
    let folder = |name: &str| node.folder.path().join(name);
    for name in ["bin", "conf"] {
        fs::create_dir(folder(name)).unwrap();
    }
    symlink(
        env!("CARGO_BIN_EXE_ringfence-cni"),
        folder("bin/ringfence-cni"),
    )
    .unwrap();
    fs::write(folder("conf/10-pods.conflist"), list.to_string()).unwrap();
    Runtime {
        cni_path: vec![folder("bin"), PathBuf::from(PLUGINS)],
        conf_dir: folder("conf"),
        cache_dir: folder("cache"),
    }
}

/// Connects to the node's port, as a process of the node.
fn host_port_leads_to(pod: &Pod) -> bool {
    let listener = pod.run(|| TcpListener::bind("0.0.0.0:80")).unwrap();
    thread::spawn(move || listener.accept().unwrap().0.write_all(b"pod").unwrap());
    let mut text = String::new();
    let to = (IpAddr::from(NODE.0), NODE.1).into();
    let mut stream = TcpStream::connect_timeout(&to, Duration::from_secs(5)).unwrap();
    stream.read_to_string(&mut text).unwrap();
    text == "pod"
}
