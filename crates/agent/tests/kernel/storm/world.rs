//! Two nodes with an agent each and a wire between them. A server, friends who may reach it and strangers who may not.

use std::os::fd::{AsFd, OwnedFd};

use ringfence_agent::protocol::{AgentKey, AgentObject};
use ringfence_agent::{Enforcement, TABLE_NAME};
use ringfence_cni::wiring::unwire;
use ringfence_cni::{Endpoint, EndpointState, Request, Response};
use ringfence_model::{LabelSelector, Requirement, SelectorOperator};
use ringfence_netlink::conntrack::Conntrack;
use ringfence_netlink::namespace::{self, run_in};
use ringfence_netlink::nftables::Nftables;
use ringfence_netlink::route::{InterfaceAddress, Route, RouteKind, RouteSocket, VethPair};
use ringfence_ruleset::Table;

use crate::agent::{Node, live};
use crate::objects::{namespace as shop, node_named, pod_on, policy, service};
use crate::traffic::TestPod;

pub(crate) const SERVER: &str = "10.244.1.10";
pub(crate) const SERVICE: &str = "10.96.0.10";
pub(crate) const FRIENDS: [&str; 2] = ["friend-near", "friend-far"];
pub(crate) const STRANGERS: [(&str, &str); 2] = [
    ("stranger-near", "10.244.1.12"),
    ("stranger-far", "10.244.2.12"),
];
const NODES: [(&str, u8); 2] = [("one", 1), ("two", 2)];
/// Name, address, and which node.
const PODS: [(&str, &str, usize); 6] = [
    ("server", SERVER, 0),
    ("friend-near", "10.244.1.11", 0),
    ("stranger-near", "10.244.1.12", 0),
    ("other", "10.244.1.13", 0),
    ("friend-far", "10.244.2.11", 1),
    ("stranger-far", "10.244.2.12", 1),
];

pub(crate) struct Side {
    netns: OwnedFd,
    pub(crate) node: Node,
    pub(crate) pods: Vec<TestPod>,
}

pub(crate) struct World {
    pub(crate) sides: Vec<Side>,
}

/// The policy that keeps strangers from the server; each number is one of its own.
pub(crate) fn guard(number: usize, friends: &[&str]) -> AgentObject {
    policy(&format!("guard-{number}"), "server", friends, None)
}

/// The policy that keeps strangers in.
pub(crate) fn fence() -> AgentObject {
    let AgentObject::NetworkPolicy(mut fence) = policy("fence", "nobody", &[], None) else {
        panic!("a policy");
    };
    let strangers = Requirement {
        key: "app".to_owned(),
        operator: SelectorOperator::In,
        values: STRANGERS
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect(),
    };
    fence.pod_selector = LabelSelector {
        match_expressions: vec![strangers],
        ..LabelSelector::default()
    };
    fence.isolates_ingress = false;
    fence.isolates_egress = true;
    AgentObject::NetworkPolicy(fence)
}

impl World {
    pub(crate) fn new(enforcement: Enforcement) -> Self {
        let mut sides: Vec<_> = NODES
            .iter()
            .map(|(name, _)| Side::new(name, enforcement))
            .collect();
        connect(&sides[0].netns, &sides[1].netns);
        for side in &mut sides {
            side.start();
        }
        for (name, address, side) in PODS {
            sides[side].add(name, address);
        }
        let world = Self { sides };
        world.settle();
        world
    }

    pub(crate) fn apply(&self, object: AgentObject) {
        for side in &self.sides {
            side.node.store.apply(object.clone());
        }
    }

    pub(crate) fn delete(&self, key: &AgentKey) {
        for side in &self.sides {
            side.node.store.delete(key.clone());
        }
    }

    /// Both nodes enforce the newest objects.
    pub(crate) fn settle(&self) {
        for side in &self.sides {
            side.node.store.wait();
        }
    }

    pub(crate) fn pod(&self, name: &str) -> &TestPod {
        let mut pods = self.sides.iter().flat_map(|side| &side.pods);
        pods.find(|pod| pod.endpoint.pod.as_ref().unwrap().name == name)
            .unwrap()
    }

    pub(crate) fn assert_as_compiled(&self) {
        for side in &self.sides {
            let endpoints: Vec<Endpoint> =
                side.pods.iter().map(|pod| pod.endpoint.clone()).collect();
            let expected = side.node.expected(&side.node.store.cluster(), &endpoints);
            let live = side.within(live).expect("a table");
            let (live, expected) = (without_sizes(live), without_sizes(expected));
            assert!(live == expected, "live:\n{live}\nexpected:\n{expected}");
        }
    }

    /// Nothing of a stranger passed the server's node.
    pub(crate) fn assert_no_stranger_is_tracked(&self) {
        let entries = self.sides[0].within(|| Conntrack::open().unwrap().entries().unwrap());
        let strange = entries.into_iter().find(|entry| {
            let source = entry.original.source.to_string();
            STRANGERS.iter().any(|(_, address)| source == *address)
        });
        assert_eq!(strange, None);
    }
}

/// An agent may keep larger sets than it would make.
fn without_sizes(mut table: Table) -> Table {
    table.comment = None;
    for set in table.sets.values_mut() {
        set.size = None;
    }
    table
}

impl Side {
    fn new(name: &str, enforcement: Enforcement) -> Self {
        let netns = namespace::create().unwrap();
        let objects = NODES.map(|(name, number)| node_named(name, number));
        let pods = PODS.map(|(name, address, side)| pod_on(NODES[side].0, name, address));
        let others = [
            shop(),
            service("server", "server", SERVICE),
            guard(0, &FRIENDS),
        ];
        let objects = objects.into_iter().chain(pods).chain(others);
        let mut node = run_in(&netns, || Node::named(name, objects)).unwrap();
        node.configure(|config| config.enforcement = enforcement);
        Self {
            netns,
            node,
            pods: Vec::new(),
        }
    }

    /// Runs `work` in the node's network.
    pub(crate) fn within<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        run_in(&self.netns, work).unwrap()
    }

    pub(crate) fn netns(&self) -> OwnedFd {
        self.netns.try_clone().unwrap()
    }

    /// Starts the agent.
    pub(crate) fn start(&mut self) {
        run_in(&self.netns, || self.node.start()).unwrap();
    }

    pub(crate) fn start_another(&self) -> bool {
        self.within(|| self.node.start_another())
    }

    pub(crate) fn is_owned(&self) -> bool {
        self.within(crate::protection::is_owned)
    }

    /// What the kernel says to somebody else's change of the table.
    pub(crate) fn tampering_fails(&self) -> bool {
        self.within(|| {
            let mut other = Nftables::open().unwrap();
            let edits = crate::protection::edits();
            edits
                .iter()
                .all(|edit| other.apply(TABLE_NAME, std::slice::from_ref(edit)).is_err())
        })
    }

    /// Wires a pod, as the plugin does.
    pub(crate) fn add(&mut self, name: &str, address: &str) {
        let pod = self.within(|| TestPod::new(name, address));
        self.node.record(&pod.endpoint);
        let wired = Request::Wired(pod.endpoint.clone());
        assert_eq!(self.node.ask(&wired), Response::Done);
        self.pods.push(pod);
    }

    /// Takes a pod away, as the plugin does; afterwards its address is free.
    pub(crate) fn remove(&mut self, address: &str) -> TestPod {
        let address = address.parse().unwrap();
        let index = self
            .pods
            .iter()
            .position(|pod| pod.endpoint.addresses.contains(&address));
        let pod = self.pods.remove(index.unwrap());
        let released = Endpoint {
            state: EndpointState::Released,
            ..pod.endpoint.clone()
        };
        self.node.record(&released);
        let answer = self.node.ask(&Request::Released(released.id.clone()));
        assert_eq!(answer, Response::Done);
        self.within(|| unwire(&released.host_interface)).unwrap();
        pod
    }
}

/// A wire between the nodes, and routes to the other's pods.
fn connect(one: &OwnedFd, two: &OwnedFd) {
    let pair = VethPair {
        name: "up0",
        mac: None,
        peer_name: "up0",
        peer_mac: None,
        peer_namespace: Some(two.as_fd()),
        mtu: 1500,
    };
    run_in(one, || RouteSocket::open().unwrap().create_veth(&pair))
        .unwrap()
        .unwrap();
    for (netns, own, other) in [(one, 1, 2), (two, 2, 1)] {
        run_in(netns, || route(own, other)).unwrap();
    }
}

fn route(own: u8, other: u8) {
    let mut socket = RouteSocket::open().unwrap();
    let index = socket.link_by_name("up0").unwrap().index;
    let address = format!("192.0.2.{own}/24").parse().unwrap();
    socket
        .add_address(&InterfaceAddress { index, address })
        .unwrap();
    socket.set_link_up(index, true).unwrap();
    let route = Route {
        destination: format!("10.244.{other}.0/24").parse().unwrap(),
        kind: RouteKind::Device {
            index,
            gateway: Some([192, 0, 2, other].into()),
            onlink: false,
        },
        source: None,
        metric: None,
    };
    socket.add_route(&route).unwrap();
}
