//! How long it takes until a new deny has cut what it denies, on a node with 100,000 tracked connections. Run it with
//! `--release`; it makes a network namespace of its own.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a program that measures and prints"
)]

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use ringfence_agent::protocol::{AgentKey, AgentObject, AgentStatus, StoreEvent};
use ringfence_agent::state::{Action, Event, LiveTable, Machine, Which};
use ringfence_agent::{AgentConfig, Capacity, Enforcement, NetworkConfig, TABLE_NAME};
use ringfence_cni::{Endpoint, EndpointId, EndpointState, PodName};
use ringfence_model::{ObjectName, Pod};
use ringfence_netlink::conntrack::{Conntrack, Transport, Tuple};
use ringfence_netlink::nftables::Nftables;
use ringfence_testkit::builder::{PolicyBuilder, cluster, labels, pod, pods, policy, rule, tcp};
use ringfence_testkit::sandbox;

const PODS: u16 = 100;
const CONNECTIONS: u32 = 100_000;
const UDP: u8 = 17;
const TURNS: usize = 21;

fn main() -> ExitCode {
    sandbox::main(&[("revocation", measure)])
}

/// A machine with its kernel.
struct Node {
    machine: Machine,
    kernel: Nftables,
    connections: Conntrack,
    start: Instant,
    times: Times,
}

/// What the steps of one change took.
#[derive(Clone, Copy, Debug, Default)]
struct Times {
    committing: Duration,
    listing: Duration,
    listed: usize,
    judging: Duration,
    deleting: Duration,
    deleted: usize,
    whole: Duration,
}

impl Node {
    /// Sends an event, and carries out what follows until everything is applied.
    fn send(&mut self, event: Event) -> Times {
        self.times = Times::default();
        let start = Instant::now();
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            let is_list = matches!(event, Event::Connections { .. });
            let begin = Instant::now();
            let actions = self.machine.handle(event, self.start.elapsed());
            if is_list {
                self.times.judging = begin.elapsed();
            }
            for action in actions {
                events.extend(self.carry_out(action));
            }
        }
        self.times.whole = start.elapsed();
        self.times
    }

    fn connect(&mut self, number: u32) {
        let [original, reply] = tuples(number);
        self.connections.create(&original, &reply, 600).unwrap();
    }

    fn carry_out(&mut self, action: Action) -> Option<Event> {
        let begin = Instant::now();
        match action {
            Action::ReadKernel => Some(Event::KernelState {
                live: LiveTable::Absent,
                interim: false,
            }),
            Action::Commit(which, operations) => {
                assert_eq!(which, Which::Table, "nothing is replaced");
                self.kernel.apply(TABLE_NAME, &operations).unwrap();
                self.times.committing = begin.elapsed();
                Some(Event::Committed)
            }
            Action::ReadConnections { of } => {
                let connections = match of {
                    Some(of) => self.connections.entries_of(&of),
                    None => self.connections.entries(),
                };
                let connections = connections.unwrap();
                self.times.listing = begin.elapsed();
                self.times.listed = connections.len();
                Some(Event::Connections {
                    connections,
                    local: [IpAddr::from([192, 0, 2, 1])].into(),
                })
            }
            Action::Revoke(entries) => {
                let found = self.connections.delete_all(&entries).unwrap();
                assert!(found.iter().all(|found| *found));
                self.times.deleting = begin.elapsed();
                self.times.deleted = entries.len();
                Some(Event::Revoked)
            }
            Action::Report(AgentStatus::Failed { message } | AgentStatus::Degraded { message }) => {
                panic!("{message}")
            }
            Action::Report(AgentStatus::Applied { .. })
            | Action::Answer { .. }
            | Action::Taught(_)
            | Action::Want(_)
            | Action::KeepNames(_)
            | Action::ForgetEndpoint(_)
            | Action::Explain { .. }
            | Action::SetTimer(_) => None,
        }
    }
}

fn measure() {
    let mut node = Node {
        machine: Machine::new(config()),
        kernel: Nftables::open().unwrap(),
        connections: Conntrack::open().unwrap(),
        start: Instant::now(),
        times: Times::default(),
    };
    node.send(Event::EndpointsLoaded((0..PODS).map(endpoint).collect()));
    node.send(Event::Store(StoreEvent::Reset));
    for number in 0..PODS {
        let object = AgentObject::Pod(local_pod(number));
        node.send(Event::Store(StoreEvent::Apply(object)));
    }
    for number in 0..CONNECTIONS {
        node.connect(number);
    }
    let first = node.send(Event::Store(StoreEvent::Synced { revision: 1 }));
    println!("{CONNECTIONS} connections of {PODS} pods; the agent starts: {first:?}");
    report("a policy denies one pod, and its connections", |turn| {
        let number = u16::try_from(turn).unwrap();
        let times = node.send(apply(deny(number)));
        node.send(Event::Store(StoreEvent::Delete(AgentKey::NetworkPolicy(
            ObjectName::new("shop", format!("deny-{number}")),
        ))));
        for number in (0..CONNECTIONS).filter(|it| it % u32::from(PODS) == u32::from(number)) {
            node.connect(number);
        }
        times
    });
    for (what, label) in [
        ("a policy is about five pods", "few"),
        ("about fifty: all connections are listed", "many"),
        ("about all: all are listed and judged", "all"),
    ] {
        report(what, |turn| {
            let name = format!("{label}-{turn}");
            let isolating = policy(&format!("shop/{name}"))
                .select(labels(&[(label, "yes")]))
                .ingress(rule());
            let times = node.send(apply(object(isolating)));
            node.send(Event::Store(StoreEvent::Delete(AgentKey::NetworkPolicy(
                ObjectName::new("shop", name),
            ))));
            times
        });
    }
}

fn report(what: &str, mut change: impl FnMut(usize) -> Times) {
    let mut all: Vec<Times> = (0..TURNS).map(&mut change).collect();
    all.sort_by_key(|times| times.whole);
    let middle = all.get(TURNS / 2).copied().unwrap_or_default();
    let last = all.last().copied().unwrap_or_default();
    println!("{what}: half of them at most {middle:?}\n    the slowest {last:?}");
}

fn apply(object: AgentObject) -> Event {
    Event::Store(StoreEvent::Apply(object))
}

/// Nobody but a friend may speak to the pod.
fn deny(number: u16) -> AgentObject {
    let friend = pods(labels(&[("pod", "friend")]));
    object(
        policy(&format!("shop/deny-{number}"))
            .select(labels(&[("pod", &number.to_string())]))
            .ingress(rule().peer(friend).port(tcp(443))),
    )
}

fn object(policy: PolicyBuilder) -> AgentObject {
    let mut policies = cluster().with(policy).build().network_policies;
    AgentObject::NetworkPolicy(policies.pop_first().unwrap().1)
}

/// Connections are spread evenly over the pods, and come from addresses that no policy knows.
fn tuples(number: u32) -> [Tuple; 2] {
    let pod = u16::try_from(number % u32::from(PODS)).unwrap();
    let client = Ipv4Addr::from(0xcb00_7100 + number / u32::from(PODS) % 200).into();
    let port = 1024 + u16::try_from(number / u32::from(PODS)).unwrap();
    let tuple = |(source, from), (destination, to)| Tuple {
        source,
        destination,
        transport: Transport::Ports {
            protocol: UDP,
            source: from,
            destination: to,
        },
    };
    let (client, server) = ((client, port), (address(pod), 443));
    [tuple(client, server), tuple(server, client)]
}

fn address(pod: u16) -> IpAddr {
    let [high, low] = pod.to_be_bytes();
    [10, 244, high, low].into()
}

fn local_pod(number: u16) -> Pod {
    let pod = pod(&format!("shop/pod-{number}"))
        .label("pod", &number.to_string())
        .label("all", "yes")
        .label("few", if number < 5 { "yes" } else { "no" })
        .label("many", if number < 50 { "yes" } else { "no" })
        .address(&address(number).to_string())
        .on_node("one");
    let mut pods = cluster().with(pod).build().pods;
    pods.pop_first().unwrap().1
}

fn endpoint(number: u16) -> Endpoint {
    Endpoint {
        id: EndpointId::new(format!("pod{number}"), "eth0"),
        pod: Some(PodName {
            namespace: "shop".to_owned(),
            name: format!("pod-{number}"),
        }),
        uid: None,
        host_interface: format!("vethrf{number}"),
        netns: PathBuf::from("/nowhere"),
        network: "pods".to_owned(),
        addresses: vec![address(number)],
        state: EndpointState::Wired,
    }
}

fn config() -> AgentConfig {
    AgentConfig {
        node: "one".to_owned(),
        store: Some(PathBuf::new()),
        cni_socket: PathBuf::new(),
        data_dir: PathBuf::new(),
        network: NetworkConfig {
            pod_cidrs: vec!["10.244.0.0/16".parse().unwrap()],
            service_cidrs: vec!["10.96.0.0/16".parse().unwrap()],
            tunnel_port: None,
            record: ringfence_agent::Record::Denied,
            capacity: Capacity::default(),
        },
        enforcement: Enforcement::On,
        table_name: TABLE_NAME.to_owned(),
        protect_table: false,
        listen: None,
        host_cgroups: None,
    }
}
