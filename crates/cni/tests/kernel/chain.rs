//! Plugins of the CNI project before and behind ours, called as a container runtime calls them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use ringfence_cni::runtime::{Attachment, Runtime};
use ringfence_netlink::route::RouteSocket;
use serde_json::{Value, json};

use crate::node::{FakeAgent, Manner, Node, Pod};

/// Where Debian's package `containernetworking-plugins` puts them.
const PLUGINS: &str = "/usr/lib/cni";

pub(crate) fn plugins_of_others_work_behind_ours() {
    assert!(
        Path::new(PLUGINS).is_dir(),
        "this test needs the package containernetworking-plugins"
    );
    let node = Node::new();
    let _agent = FakeAgent::start(&node, Manner::Serve);
    let runtime = runtime(&node);
    let pod = Pod::new("c1");
    let attachment = Attachment {
        container_id: pod.container.clone(),
        netns: PathBuf::from(pod.netns()),
        ifname: pod.interface.clone(),
        args: vec![("IgnoreUnknown".to_owned(), "1".to_owned())],
        capabilities: capabilities(),
    };
    let result = runtime.add(&attachment).unwrap();
    assert_eq!(result.interface_in("eth0", &pod.netns()), Some(1));
    assert_eq!(result.addresses_of(1).len(), 2);
    // The bandwidth plugin found our end of the pair and put its own device beside it.
    let names = |socket: &mut RouteSocket| -> Vec<String> {
        socket
            .links()
            .unwrap()
            .into_iter()
            .map(|link| link.name)
            .collect()
    };
    let mut socket = RouteSocket::open().unwrap();
    assert!(
        names(&mut socket)
            .iter()
            .any(|name| name.starts_with("bwp")),
        "{:?}",
        names(&mut socket)
    );
    runtime.check(&attachment).unwrap();
    runtime.del(&attachment).unwrap();
    runtime.del(&attachment).unwrap();
    assert_eq!(pod.links(), ["lo"]);
    node.assert_clean("chain");
}

fn capabilities() -> serde_json::Map<String, Value> {
    let rates = json!({"ingressRate": 8_000_000, "ingressBurst": 8_000_000,
        "egressRate": 8_000_000, "egressBurst": 8_000_000});
    let Value::Object(offered) = json!({"bandwidth": rates}) else {
        unreachable!()
    };
    offered
}

/// Our plugin, then `loopback` and `bandwidth`.
fn runtime(node: &Node) -> Runtime {
    let folder = |name: &str| node.folder.path().join(name);
    for name in ["bin", "conf"] {
        fs::create_dir(folder(name)).unwrap();
    }
    symlink(
        env!("CARGO_BIN_EXE_ringfence-cni"),
        folder("bin/ringfence-cni"),
    )
    .unwrap();
    let list = json!({"cniVersion": "1.0.0", "name": "pods", "plugins": [
        node.config,
        {"type": "loopback"},
        {"type": "bandwidth", "capabilities": {"bandwidth": true}},
    ]});
    fs::write(folder("conf/10-pods.conflist"), list.to_string()).unwrap();
    Runtime {
        cni_path: vec![folder("bin"), PathBuf::from(PLUGINS)],
        conf_dir: folder("conf"),
        cache_dir: folder("cache"),
    }
}
