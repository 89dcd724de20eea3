//! ADD, CHECK, DEL and GC, one after the other.

use std::collections::BTreeSet;

use ringfence_cni::{EndpointState, Request};
use ringfence_netlink::namespace;
use ringfence_netlink::route::{InterfaceAddress, Route, RouteKind, RouteSocket, VethPair};
use serde_json::{Value, json};

use crate::agent::{FakeAgent, Manner};
use crate::node::{Node, Pod, addresses, finish};

pub(crate) fn add_check_and_del_in_every_version() {
    let node = Node::new();
    let agent = FakeAgent::start(&node, Manner::Serve);
    for version in ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"] {
        let pod = Pod::new("c1");
        let config = node.config_with(&json!({"cniVersion": version}));
        let result = node.call_with("ADD", &pod, &config).result();
        assert_eq!(result["cniVersion"], version);
        assert_result(&pod, &result);
        let endpoint = node.endpoints().remove(0);
        assert_eq!(
            (endpoint.state, &endpoint.addresses),
            (EndpointState::Wired, &addresses(&result))
        );
        assert_eq!(agent.requests(), [Request::Wired(endpoint)]);

        let later = node.config_with(&json!({"cniVersion": version, "prevResult": result}));
        let check = node.call_with("CHECK", &pod, &later);
        if version < "0.4.0" {
            let message = "config version does not allow CHECK".to_owned();
            assert_eq!(check.error(), (1, message, String::new()));
        } else {
            assert_eq!(check.result(), Value::Null);
            assert_eq!(agent.requests(), [Request::Check(pod.id())]);
        }
        assert_eq!(node.call_with("DEL", &pod, &later).result(), Value::Null);
        assert_eq!(agent.requests(), [Request::Released(pod.id())]);
        assert_eq!(pod.links(), ["lo"]);
        node.assert_clean(version);
    }
}

/// What the CNI project's own tests require of a plugin with a veth pair.
fn assert_result(pod: &Pod, result: &Value) {
    let host = &result["interfaces"][0];
    let name = host["name"].as_str().unwrap();
    assert!(
        name.starts_with("vethrf") && host.get("sandbox").is_none(),
        "{host}"
    );
    let link = RouteSocket::open().unwrap().link_by_name(name).unwrap();
    assert_eq!(host["mac"], link.mac.unwrap().to_string());
    assert_eq!(link.mtu, 1450);
    let inside = &result["interfaces"][1];
    assert_eq!(
        (inside["name"].as_str(), inside["sandbox"].as_str()),
        (Some("eth0"), Some(&*pod.netns()))
    );
    let link = pod.run(|| RouteSocket::open().unwrap().link_by_name("eth0").unwrap());
    assert_eq!(inside["mac"], link.mac.unwrap().to_string());
    assert_eq!((link.mtu, link.up), (1450, true));
    let loopback = pod.run(|| RouteSocket::open().unwrap().link_by_name("lo").unwrap());
    assert!(loopback.up);
    let ips = result["ips"].as_array().unwrap();
    assert!(ips.iter().all(|ip| ip["interface"] == 1));
    assert_eq!(
        (ips[0]["gateway"].as_str(), ips[1]["gateway"].as_str()),
        (Some("169.254.1.1"), Some("fe80::1"))
    );
    let held = pod.run(|| RouteSocket::open().unwrap().addresses().unwrap());
    let held: Vec<_> = held
        .iter()
        .filter(|held| held.index == link.index)
        .collect();
    // The pod has these addresses and no others, not even one that the kernel made up.
    let expected: Vec<_> = addresses(result)
        .into_iter()
        .map(|ip| InterfaceAddress {
            index: link.index,
            address: ip.into(),
        })
        .collect();
    assert_eq!(held, expected.iter().collect::<Vec<_>>());
}

pub(crate) fn del_works_without_the_pod_and_twice() {
    let node = Node::new();
    let _agent = FakeAgent::start(&node, Manner::Serve);
    let pod = Pod::new("c1");
    node.del(&pod);
    node.assert_clean("never added");
    node.add(&pod);
    let mut variables = pod.variables("DEL");
    drop(pod);
    // Once with the path of a namespace that is gone, once without any.
    for _ in 0..2 {
        let child = crate::node::start(&variables, node.config.to_string().as_bytes());
        assert_eq!(finish(child).result(), Value::Null);
        node.assert_clean("pod gone");
        variables.insert("CNI_NETNS".to_owned(), String::new());
    }
}

pub(crate) fn dual_stack_and_each_family_alone() {
    let mut node = Node::new();
    let _agent = FakeAgent::start(&node, Manner::Serve);
    for (blocks, families) in [
        (json!(["10.244.1.0/24"]), [true, false]),
        (json!(["fd00::/64"]), [false, true]),
        (json!(["fd00::/64", "10.244.1.0/24"]), [true, true]),
    ] {
        node.config["podCidrs"] = blocks;
        let pod = Pod::new("c1");
        let addresses = addresses(&node.add(&pod));
        let has = [
            addresses.iter().any(|ip| ip.is_ipv4()),
            addresses.iter().any(|ip| ip.is_ipv6()),
        ];
        assert_eq!(has, families);
        let routes = pod.run(|| RouteSocket::open().unwrap().routes().unwrap());
        let defaults = routes
            .iter()
            .filter(|route| route.destination.prefix_len() == 0)
            .count();
        assert_eq!(defaults, addresses.len(), "{routes:?}");
        node.del(&pod);
        node.assert_clean("one family");
    }
}

pub(crate) fn what_is_there_already_is_refused_and_left_alone() {
    let node = Node::new();
    let agent = FakeAgent::start(&node, Manner::Serve);
    let pod = Pod::new("c1");
    let first = node.add(&pod);
    let before = node.endpoints();
    let (code, message, _) = node.call("ADD", &pod).error();
    assert_eq!(code, 100);
    assert_eq!(
        message,
        "pod `shop/c1` is attached already: DEL comes before another ADD"
    );
    assert_eq!(node.endpoints(), before);
    let checked = node.config_with(&json!({"prevResult": first}));
    assert_eq!(
        node.call_with("CHECK", &pod, &checked).result(),
        Value::Null
    );
    node.del(&pod);

    // An interface of somebody else in the pod.
    let namespace = namespace::current().unwrap();
    pod.run(|| {
        let pair = VethPair {
            name: "eth0",
            mac: None,
            peer_name: "other",
            peer_mac: None,
            peer_namespace: Some(std::os::fd::AsFd::as_fd(&namespace)),
            mtu: 1500,
        };
        RouteSocket::open().unwrap().create_veth(&pair).unwrap();
    });
    agent.requests();
    let (code, message, _) = node.call("ADD", &pod).error();
    assert_eq!(code, 100);
    assert!(
        message.starts_with("interface `eth0` of the pod or `vethrf"),
        "{message}"
    );
    assert_eq!(pod.links(), ["lo", "eth0"]);
    assert_eq!((node.endpoints(), agent.requests()), (vec![], vec![]));
}

pub(crate) fn a_step_that_fails_half_way_is_undone() {
    let node = Node::new();
    let agent = FakeAgent::start(&node, Manner::Serve);
    let pod = Pod::new("c1");
    let first = node.add(&pod);
    agent.requests();
    // The pod has a default route already, which only the last step finds.
    let mut variables = pod.variables("ADD");
    variables.insert("CNI_IFNAME".to_owned(), "eth1".to_owned());
    let second = crate::node::start(&variables, node.config.to_string().as_bytes());
    let (code, message, details) = finish(second).error();
    assert_eq!((code, message.as_str()), (103, "cannot wire the pod"));
    assert!(
        details.starts_with("pod side: cannot add a route to 0.0.0.0/0"),
        "{details}"
    );
    assert_eq!(pod.links(), ["lo", "eth0"]);
    assert_eq!((node.endpoints().len(), agent.requests()), (1, vec![]));
    let later = node.config_with(&json!({"prevResult": first}));
    assert_eq!(node.call_with("CHECK", &pod, &later).result(), Value::Null);
    node.del(&pod);
    node.assert_clean("half way");
}

pub(crate) fn check_finds_what_is_missing() {
    let node = Node::new();
    let agent = FakeAgent::start(&node, Manner::Serve);
    let pod = Pod::new("c1");
    let result = node.add(&pod);
    let config = node.config_with(&json!({"prevResult": result}));
    let details = |pod: &Pod, config: &Value| {
        let (code, message, details) = node.call_with("CHECK", pod, config).error();
        assert_eq!(
            (code, message.as_str()),
            (101, "pod `shop/c1` is not as ADD left it")
        );
        details
    };
    assert_eq!(
        node.call("CHECK", &pod).error().1,
        "required prevResult missing"
    );
    let mut shifted = config.clone();
    shifted["prevResult"]["ips"][0]["address"] = "10.244.1.99/32".into();
    assert_eq!(
        details(&pod, &shifted),
        "prevResult lacks address 10.244.1.2"
    );

    let host = result["interfaces"][0]["name"].as_str().unwrap();
    let mut socket = RouteSocket::open().unwrap();
    let index = socket.link_by_name(host).unwrap().index;
    let route = Route {
        destination: "10.244.1.2/32".parse().unwrap(),
        kind: RouteKind::Device {
            index,
            gateway: None,
            onlink: false,
        },
        source: None,
        metric: None,
    };
    socket.delete_route(&route).unwrap();
    assert_eq!(
        details(&pod, &config),
        format!("node: no route to 10.244.1.2/32 through `{host}`")
    );
    socket.add_route(&route).unwrap();
    socket
        .delete_neighbour(index, "fd00:10:244:1::2".parse().unwrap())
        .unwrap();
    let expected = format!("node: no permanent neighbour fd00:10:244:1::2 on `{host}`");
    assert_eq!(details(&pod, &config), expected);
    pod.run(|| {
        let mut socket = RouteSocket::open().unwrap();
        let index = socket.link_by_name("eth0").unwrap().index;
        socket.set_link_up(index, false).unwrap();
    });
    let all = details(&pod, &config);
    assert!(all.contains("pod: interface `eth0` is down"), "{all}");
    assert!(
        all.contains("pod: no route to 0.0.0.0/0 through `eth0`"),
        "{all}"
    );
    socket.delete_link(index).unwrap();
    let all = details(&pod, &config);
    assert!(
        all.contains("pod: no interface `eth0`") && all.contains("node: no interface"),
        "{all}"
    );
    drop(agent);
    let all = details(&pod, &config);
    assert!(all.contains("the agent does not listen on"), "{all}");
}

pub(crate) fn parallel_adds_get_different_addresses() {
    let node = Node::new();
    let _agent = FakeAgent::start(&node, Manner::Serve);
    let pods: Vec<Pod> = (0..20)
        .map(|number| Pod::new(&format!("c{number}")))
        .collect();
    let add = |pod: &Pod| node.start("ADD", pod, &node.config);
    let children: Vec<_> = pods.iter().map(add).collect();
    let results: Vec<Value> = children
        .into_iter()
        .map(|child| finish(child).result())
        .collect();
    let given: BTreeSet<_> = results.iter().flat_map(addresses).collect();
    assert_eq!(given.len(), 40, "{given:?}");
    let children: Vec<_> = pods
        .iter()
        .map(|pod| node.start("DEL", pod, &node.config))
        .collect();
    children
        .into_iter()
        .for_each(|child| assert!(finish(child).success));
    node.assert_clean("20 pods");
    // The same attachment from many sides at once: one is made.
    let pod = Pod::new("c1");
    let children: Vec<_> = (0..8).map(|_| add(&pod)).collect();
    let made = children
        .into_iter()
        .map(finish)
        .filter(|outcome| outcome.success)
        .count();
    assert_eq!(made, 1);
    node.del(&pod);
    node.assert_clean("one pod");
}

pub(crate) fn a_used_up_block_is_named_and_recovers() {
    let mut node = Node::new();
    node.config["podCidrs"] = json!(["10.244.1.0/29"]);
    let _agent = FakeAgent::start(&node, Manner::Serve);
    let pods: Vec<Pod> = (0..5)
        .map(|number| Pod::new(&format!("c{number}")))
        .collect();
    let given: BTreeSet<_> = pods
        .iter()
        .flat_map(|pod| addresses(&node.add(pod)))
        .collect();
    assert_eq!(given.len(), 5);
    let late = Pod::new("late");
    let expected = "no address is free in `10.244.1.0/29`: 5 of 5 are in use";
    let (code, message, _) = node.call("ADD", &late).error();
    assert_eq!((code, message.as_str()), (11, expected));
    let (code, message, _) = node.call("STATUS", &late).error();
    assert_eq!((code, message.as_str()), (50, expected));
    assert_eq!(late.links(), ["lo"]);
    node.del(&pods[2]);
    assert_eq!(
        addresses(&node.add(&late)),
        ["10.244.1.4".parse::<std::net::IpAddr>().unwrap()]
    );
}

pub(crate) fn gc_takes_away_what_is_not_listed() {
    let node = Node::new();
    let agent = FakeAgent::start(&node, Manner::Serve);
    let pods: Vec<Pod> = (0..3)
        .map(|number| Pod::new(&format!("c{number}")))
        .collect();
    for pod in &pods[..2] {
        node.add(pod);
    }
    let other = node.config_with(&json!({"name": "other-network"}));
    node.call_with("ADD", &pods[2], &other).result();
    let mut socket = RouteSocket::open().unwrap();
    let pair = VethPair {
        name: "vethrfffffffff0",
        mac: None,
        peer_name: "stray",
        peer_mac: None,
        peer_namespace: None,
        mtu: 1500,
    };
    socket.create_veth(&pair).unwrap();
    agent.requests();
    assert_eq!(
        node.call("GC", &pods[0]).error().1,
        "required cni.dev/valid-attachments missing"
    );
    let old = node.config_with(&json!({"cniVersion": "1.0.0"}));
    assert_eq!(node.call_with("GC", &pods[0], &old).error().0, 1);
    assert_eq!(node.endpoints().len(), 3);

    let listed = json!([{"containerID": "c1", "ifname": "eth0"}]);
    let config = node.config_with(&json!({"cni.dev/valid-attachments": listed}));
    node.call_with("GC", &pods[0], &config).result();
    assert_eq!(agent.requests(), [Request::Released(pods[0].id())]);
    let left: Vec<_> = node
        .endpoints()
        .into_iter()
        .map(|endpoint| endpoint.id)
        .collect();
    assert_eq!(left, [pods[1].id(), pods[2].id()]);
    let links: Vec<usize> = pods.iter().map(|pod| pod.links().len()).collect();
    assert_eq!(links, [1, 2, 2]);
    assert!(socket.link_by_name("stray").is_err());
}

pub(crate) fn a_previous_result_is_passed_through() {
    let node = Node::new();
    let _agent = FakeAgent::start(&node, Manner::Serve);
    let pod = Pod::new("c1");
    let before = json!({"cniVersion": "1.1.0", "interfaces": [{"name": "first", "mtu": 9000}],
        "ips": [{"address": "192.0.2.1/24", "interface": 0}], "dns": {"domain": "first.example"}});
    let config =
        node.config_with(&json!({"prevResult": before, "dns": {"nameservers": ["10.96.0.10"]}}));
    let result = node.call_with("ADD", &pod, &config).result();
    assert_eq!(
        result["interfaces"][0],
        json!({"name": "first", "mtu": 9000})
    );
    assert_eq!(result["ips"][0], before["ips"][0]);
    assert_eq!(result["ips"][1]["interface"], 2);
    assert_eq!(result["interfaces"][2]["name"], "eth0");
    assert_eq!(result["dns"], json!({"nameservers": ["10.96.0.10"]}));
}
