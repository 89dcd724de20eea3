use std::net::IpAddr;
use std::os::fd::AsFd;

use ringfence_netlink::namespace;
use ringfence_netlink::route::{
    ForwardingEntry, InterfaceAddress, MacAddress, Neighbour, Route, RouteKind, RouteSocket,
    VethPair, Vxlan,
};
use ringfence_netlink::sysctl::{self, SysctlError};

use crate::{lacks, run};

tests! {
    "route" => [
        a_veth_pair_is_born_in_both_namespaces,
        links_are_made_changed_and_deleted,
        addresses_come_and_go,
        routes_come_and_go,
        neighbours_come_and_go,
        forwarding_entries_come_and_go,
    ],
    "namespace" => [
        work_runs_elsewhere,
        a_panic_inside_continues_outside,
    ],
    "sysctl" => [
        keys_are_read_and_written,
    ],
}

fn open() -> RouteSocket {
    RouteSocket::open().unwrap()
}

fn pair(name: &str) -> VethPair<'_> {
    VethPair {
        name,
        mac: None,
        peer_name: "peer0",
        peer_mac: None,
        peer_namespace: None,
        mtu: 1450,
    }
}

/// A veth pair in the test's namespace, both ends up; returns the number of the first.
fn veth(socket: &mut RouteSocket) -> u32 {
    socket.create_veth(&pair("veth0")).unwrap();
    for name in ["peer0", "veth0"] {
        let index = socket.link_by_name(name).unwrap().index;
        socket.set_link_up(index, true).unwrap();
    }
    socket.link_by_name("veth0").unwrap().index
}

fn a_veth_pair_is_born_in_both_namespaces() {
    let mut socket = open();
    let pod = namespace::create().unwrap();
    let peer_mac = Some(MacAddress([2, 0, 0, 0, 0, 9]));
    let inside = Some(pod.as_fd());
    let wanted = VethPair {
        peer_name: "eth0",
        peer_mac,
        peer_namespace: inside,
        ..pair("veth.5")
    };
    socket.create_veth(&wanted).unwrap();
    assert!(socket.create_veth(&wanted).unwrap_err().is_exists());
    let host = socket.link_by_name("veth.5").unwrap();
    assert_eq!(
        (host.mtu, host.up, host.kind.as_deref()),
        (1450, false, Some("veth"))
    );
    let pod_end = namespace::run_in(&pod, || open().link_by_name("eth0").unwrap()).unwrap();
    assert_eq!((pod_end.mtu, pod_end.mac), (1450, peer_mac));
    assert_eq!(host.peer, Some(pod_end.index));
    assert_eq!(pod_end.peer, Some(host.index));
    socket.delete_link(host.index).unwrap();
    assert!(socket.delete_link(host.index).unwrap_err().is_missing());
    let gone = namespace::run_in(&pod, || open().link_by_name("eth0").unwrap_err()).unwrap();
    assert!(gone.is_missing(), "{gone:?}");
}

fn links_are_made_changed_and_deleted() {
    if lacks("ip") {
        return;
    }
    let mut socket = open();
    socket.create_bridge("br0").unwrap();
    let local = "10.0.0.1".parse().unwrap();
    let vxlan = Vxlan {
        name: "vx0",
        id: 7,
        port: 4789,
        local,
        device: None,
        mtu: Some(1400),
        mac: None,
    };
    socket.create_vxlan(&vxlan).unwrap();
    let bridge = socket.link_by_name("br0").unwrap();
    let tunnel = socket.link_by_name("vx0").unwrap();
    assert_eq!((tunnel.mtu, tunnel.kind.as_deref()), (1400, Some("vxlan")));
    let shown = run("ip", &["-d", "link", "show", "vx0"]);
    assert!(shown.contains("vxlan id 7 local 10.0.0.1"), "{shown}");
    assert!(shown.contains("dstport 4789 nolearning"), "{shown}");
    socket
        .set_link_master(tunnel.index, Some(bridge.index))
        .unwrap();
    socket.set_link_mtu(tunnel.index, 1300).unwrap();
    let mac = MacAddress([2, 0, 0, 0, 0, 1]);
    socket.set_link_mac(tunnel.index, mac).unwrap();
    socket.set_link_up(tunnel.index, true).unwrap();
    let changed = socket.link_by_index(tunnel.index).unwrap();
    assert_eq!(changed.master, Some(bridge.index));
    assert_eq!(
        (changed.mtu, changed.mac, changed.up),
        (1300, Some(mac), true)
    );
    socket.set_link_master(tunnel.index, None).unwrap();
    socket.set_link_up(tunnel.index, false).unwrap();
    let changed = socket.link_by_index(tunnel.index).unwrap();
    assert_eq!((changed.master, changed.up), (None, false));
    socket.rename_link(tunnel.index, "vx1").unwrap();
    let names: Vec<_> = socket
        .links()
        .unwrap()
        .into_iter()
        .map(|link| link.name)
        .collect();
    assert!(
        names.contains(&"vx1".to_owned()) && names.contains(&"br0".to_owned()),
        "{names:?}"
    );
    assert!(socket.link_by_name("vx0").unwrap_err().is_missing());
    let elsewhere = namespace::create().unwrap();
    // Not the bridge: newer kernels keep those where they were made.
    socket.move_link(tunnel.index, &elsewhere).unwrap();
    assert!(socket.link_by_name("vx1").unwrap_err().is_missing());
    namespace::run_in(&elsewhere, || open().link_by_name("vx1").unwrap()).unwrap();
}

fn addresses_come_and_go() {
    if lacks("ip") {
        return;
    }
    let mut socket = open();
    let index = veth(&mut socket);
    for text in ["10.1.0.1/24", "fd00::1/64"] {
        let address = InterfaceAddress {
            index,
            address: text.parse().unwrap(),
        };
        socket.add_address(&address).unwrap();
        assert!(socket.add_address(&address).unwrap_err().is_exists());
        assert!(socket.addresses().unwrap().contains(&address));
        assert!(run("ip", &["addr", "show", "veth0"]).contains(text));
        socket.delete_address(&address).unwrap();
        let missing = socket.delete_address(&address).unwrap_err();
        assert!(missing.is_missing(), "{missing:?}");
        assert!(!socket.addresses().unwrap().contains(&address));
    }
}

fn routes_come_and_go() {
    let mut socket = open();
    let index = veth(&mut socket);
    for (source, gateway, block, other) in [
        ("10.1.0.1/32", "169.254.1.1", "10.2.0.0/16", "10.3.0.0/16"),
        ("fd00::1/128", "fe80::1", "fd02::/64", "fd03::/64"),
    ] {
        let address = InterfaceAddress {
            index,
            address: source.parse().unwrap(),
        };
        socket.add_address(&address).unwrap();
        let gateway: IpAddr = gateway.parse().unwrap();
        let device = |gateway, onlink| RouteKind::Device {
            index,
            gateway,
            onlink,
        };
        let metric = gateway.is_ipv6().then_some(1024);
        let route = |destination: &str, kind, source| Route {
            destination: destination.parse().unwrap(),
            kind,
            source,
            metric,
        };
        let own = Some(address.address.addr());
        let default = if gateway.is_ipv4() {
            "0.0.0.0/0"
        } else {
            "::/0"
        };
        let direct = route(block, device(None, false), own);
        let all = [
            direct.clone(),
            route(default, device(Some(gateway), true), None),
            route(other, RouteKind::Blackhole, None),
        ];
        for route in &all {
            socket.add_route(route).unwrap();
            assert!(socket.add_route(route).unwrap_err().is_exists());
        }
        let listed = socket.routes().unwrap();
        // The kernel puts unreachable routes of IPv6 on the loopback interface, and still says blackhole.
        assert!(
            all.iter().all(|route| listed.contains(route)),
            "{listed:#?}"
        );
        let replaced = Route {
            source: None,
            ..direct
        };
        socket.replace_route(&replaced).unwrap();
        assert!(socket.routes().unwrap().contains(&replaced));
        socket.delete_route(&replaced).unwrap();
        let missing = socket.delete_route(&replaced).unwrap_err();
        assert!(missing.is_missing(), "{missing:?}");
        socket.delete_route(&all[2]).unwrap();
        let unreachable = route(other, RouteKind::Unreachable, None);
        socket.add_route(&unreachable).unwrap();
        assert!(socket.routes().unwrap().contains(&unreachable));
    }
}

fn neighbours_come_and_go() {
    if lacks("ip") {
        return;
    }
    let mut socket = open();
    let index = veth(&mut socket);
    for address in ["169.254.1.1", "fe80::1"] {
        let address = address.parse().unwrap();
        let first = Neighbour {
            index,
            address,
            mac: MacAddress([2, 0, 0, 0, 0, 1]),
        };
        let second = Neighbour {
            mac: MacAddress([2, 0, 0, 0, 0, 2]),
            ..first
        };
        socket.add_neighbour(&first).unwrap();
        assert!(socket.add_neighbour(&second).unwrap_err().is_exists());
        socket.replace_neighbour(&second).unwrap();
        let listed = socket.neighbours().unwrap();
        assert!(
            listed.contains(&second) && !listed.contains(&first),
            "{listed:?}"
        );
        assert!(run("ip", &["neigh", "show"]).contains("02:00:00:00:00:02 PERMANENT"));
        socket.delete_neighbour(index, address).unwrap();
        assert!(!socket.neighbours().unwrap().contains(&second));
    }
    let missing = socket
        .delete_neighbour(index, [169, 254, 1, 1].into())
        .unwrap_err();
    assert!(missing.is_missing(), "{missing:?}");
}

fn forwarding_entries_come_and_go() {
    if lacks("bridge") {
        return;
    }
    let mut socket = open();
    let local = "10.0.0.1".parse().unwrap();
    let vxlan = Vxlan {
        name: "vx0",
        id: 7,
        port: 8472,
        local,
        device: None,
        mtu: None,
        mac: None,
    };
    socket.create_vxlan(&vxlan).unwrap();
    let index = socket.link_by_name("vx0").unwrap().index;
    let entry = |mac, remote: &str| ForwardingEntry {
        index,
        mac,
        remote: remote.parse().unwrap(),
    };
    let pod = MacAddress([2, 0, 0, 0, 0, 1]);
    let entries = [
        entry(MacAddress::default(), "10.0.0.2"),
        entry(MacAddress::default(), "10.0.0.3"),
        entry(pod, "10.0.0.2"),
    ];
    entries
        .iter()
        .for_each(|entry| socket.add_forwarding(entry).unwrap());
    let exists = socket.add_forwarding(&entry(pod, "10.0.0.3")).unwrap_err();
    assert!(exists.is_exists(), "{exists:?}");
    assert_eq!(socket.forwarding(index).unwrap(), entries);
    let shown = run("bridge", &["fdb", "show", "dev", "vx0"]);
    assert!(
        shown.contains("02:00:00:00:00:01 dst 10.0.0.2 self permanent"),
        "{shown}"
    );
    socket.delete_forwarding(&entries[0]).unwrap();
    assert_eq!(socket.forwarding(index).unwrap(), entries[1..]);
    socket.delete_forwarding(&entries[2]).unwrap();
    let missing = socket.delete_forwarding(&entries[2]).unwrap_err();
    assert!(missing.is_missing(), "{missing:?}");
}

fn work_runs_elsewhere() {
    let mut outside = open();
    outside.create_bridge("out0").unwrap();
    let other = namespace::create().unwrap();
    let mut moved = namespace::run_in(&other, || {
        let mut socket = open();
        assert!(socket.link_by_name("lo").unwrap().up);
        assert!(socket.link_by_name("out0").is_err());
        socket
    })
    .unwrap();
    // The socket stays where it was opened, whichever thread uses it.
    moved.create_bridge("in0").unwrap();
    assert!(outside.link_by_name("in0").is_err());
    open().link_by_name("out0").unwrap();
    let here = namespace::current().unwrap();
    namespace::run_in(&here, || open().link_by_name("out0").unwrap()).unwrap();
}

fn a_panic_inside_continues_outside() {
    let here = namespace::current().unwrap();
    let caught = std::panic::catch_unwind(|| {
        namespace::run_in(&here, || std::panic::resume_unwind(Box::new("inside"))).unwrap();
    });
    assert_eq!(caught.unwrap_err().downcast_ref::<&str>(), Some(&"inside"));
}

fn keys_are_read_and_written() {
    let mut socket = open();
    socket.create_veth(&pair("veth.5")).unwrap();
    let key = ["ipv4", "conf", "veth.5", "rp_filter"];
    sysctl::write(&key, "2").unwrap();
    assert_eq!(sysctl::read(&key).unwrap(), "2");
    let missing = sysctl::write(&["ipv4", "conf", "veth0", "rp_filter"], "1").unwrap_err();
    assert!(
        matches!(missing, SysctlError::Missing { .. }),
        "{missing:?}"
    );
    let wrong = sysctl::write(&key, "many").unwrap_err();
    assert_eq!(
        wrong.to_string(),
        "cannot set sysctl `net/ipv4/conf/veth.5/rp_filter` to `many`"
    );
}
