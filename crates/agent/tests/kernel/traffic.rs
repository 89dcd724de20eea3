//! Real connections through real pods.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::thread;
use std::time::Duration;

use ringfence_agent::protocol::AgentKey;
use ringfence_cni::plan::Plan;
use ringfence_cni::wiring::wire;
use ringfence_cni::{Endpoint, Request, Response};
use ringfence_netlink::namespace;

use crate::agent::Node;
use crate::objects::{self, endpoint, named, policy};

const PORT: u16 = 8080;
const TALKER: u16 = 9090;
const SHORT: Duration = Duration::from_millis(700);
const LONG: Duration = Duration::from_secs(10);

pub(crate) struct TestPod {
    pub(crate) endpoint: Endpoint,
    pub(crate) netns: OwnedFd,
}

impl TestPod {
    /// Wired to the calling thread's namespace.
    pub(crate) fn new(name: &str, address: &str) -> Self {
        Self::wired(endpoint(name, address))
    }

    /// The same with an address of each family.
    pub(crate) fn dual(name: &str, addresses: [IpAddr; 2]) -> Self {
        let mut endpoint = endpoint(name, &addresses[0].to_string());
        endpoint.addresses = addresses.to_vec();
        Self::wired(endpoint)
    }

    fn wired(endpoint: Endpoint) -> Self {
        let netns = namespace::create().unwrap();
        wire(
            &Plan::new(&endpoint.id, &endpoint.addresses, 1450),
            netns.as_fd(),
        )
        .unwrap();
        Self { endpoint, netns }
    }

    /// Answers every connection with what it says.
    pub(crate) fn serve(&self) {
        let listener = namespace::run_in(&self.netns, || TcpListener::bind(("0.0.0.0", PORT)));
        serve_on(listener.unwrap().unwrap());
    }

    /// Says something ten times a second to whoever connects, and hears nothing.
    fn talk(&self) {
        let listener = namespace::run_in(&self.netns, || TcpListener::bind(("0.0.0.0", TALKER)));
        let listener = listener.unwrap().unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            while stream.write_all(b".").is_ok() {
                thread::sleep(Duration::from_millis(100));
            }
        });
    }

    /// A connection that must come about.
    pub(crate) fn dial(&self, address: &str) -> TcpStream {
        self.dial_port(address, PORT)
    }

    fn dial_port(&self, address: &str, port: u16) -> TcpStream {
        self.try_dial(address, port, LONG).expect("a connection")
    }

    fn is_refused(&self, address: &str) -> bool {
        self.try_dial(address, PORT, SHORT).is_none()
    }

    pub(crate) fn try_dial(
        &self,
        address: &str,
        port: u16,
        patience: Duration,
    ) -> Option<TcpStream> {
        let address = SocketAddr::new(address.parse().unwrap(), port);
        let stream = namespace::run_in(&self.netns, || {
            TcpStream::connect_timeout(&address, patience)
        });
        let stream = stream.unwrap().ok()?;
        stream.set_read_timeout(Some(SHORT)).unwrap();
        Some(stream)
    }
}

/// Answers every connection with what it says.
pub(crate) fn serve_on(listener: TcpListener) {
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || echo(&stream.unwrap()));
        }
    });
}

fn echo(mut stream: &TcpStream) {
    let mut buffer = [0; 64];
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        if stream.write_all(&buffer[..length]).is_err() {
            return;
        }
    }
}

/// Whether an answer still comes, however late on a busy machine.
pub(crate) fn lives(stream: &TcpStream) -> bool {
    answers_within(stream, LONG)
}

/// Whether none comes any more.
pub(crate) fn is_cut(stream: &TcpStream) -> bool {
    !answers_within(stream, SHORT)
}

fn answers_within(mut stream: &TcpStream, patience: Duration) -> bool {
    let mut buffer = [0; 4];
    stream.set_read_timeout(Some(patience)).unwrap();
    let answers = stream.write_all(b"ping").is_ok() && stream.read_exact(&mut buffer).is_ok();
    stream.set_read_timeout(Some(SHORT)).unwrap();
    answers
}

/// Pods `a` and `c` are clients, `b` the server.
pub(crate) fn cluster() -> (Node, [TestPod; 3]) {
    let named = [("a", A), ("b", B), ("c", C)];
    let objects = named.map(|(name, address)| objects::pod(name, address));
    let mut node = Node::new(
        [objects::namespace(), objects::node()]
            .into_iter()
            .chain(objects),
    );
    node.start();
    let pods = named.map(|(name, address)| TestPod::new(name, address));
    for pod in &pods {
        node.record(&pod.endpoint);
        assert_eq!(
            node.ask(&Request::Wired(pod.endpoint.clone())),
            Response::Done
        );
    }
    pods[1].serve();
    (node, pods)
}

pub(crate) const A: &str = "10.244.1.2";
pub(crate) const B: &str = "10.244.1.3";
pub(crate) const C: &str = "10.244.1.4";

pub(crate) fn a_new_deny_ends_exactly_what_it_denies() {
    let (node, [a, _b, c]) = cluster();
    let (from_a, from_c) = (a.dial(B), c.dial(B));
    assert!(lives(&from_a) && lives(&from_c));
    node.store.apply(policy("some", "b", &["c"], Some(PORT)));
    node.store.wait();
    assert!(is_cut(&from_a), "a denied connection lives on");
    assert!(lives(&from_c), "an allowed connection was cut");
    assert!(a.is_refused(B));
    assert!(lives(&c.dial(B)));
    node.store.delete(AgentKey::NetworkPolicy(named("some")));
    node.store.wait();
    assert!(lives(&a.dial(B)));
    assert!(lives(&from_c));
}

pub(crate) fn an_agent_that_dies_interrupts_nothing_and_opens_nothing() {
    let (mut node, [a, _b, c]) = cluster();
    node.store.apply(policy("some", "b", &["c"], None));
    node.store.wait();
    let old = c.dial(B);
    node.kill();
    assert!(lives(&old) && lives(&c.dial(B)));
    assert!(a.is_refused(B));
    // While nobody is there, the policy changes.
    node.store.apply(policy("some", "b", &["a"], None));
    assert!(lives(&old));
    node.store.forget_statuses();
    node.start();
    node.store.wait();
    assert!(
        is_cut(&old),
        "what was denied while the agent was away lives on"
    );
    assert!(lives(&a.dial(B)));
    assert!(c.is_refused(B));
}

/// The server's segments would recreate the tracking entry the other way round, were they let through
/// (rule DP-22).
pub(crate) fn a_server_that_speaks_first_is_cut_as_well() {
    let (node, [a, b, _c]) = cluster();
    b.talk();
    let mut hearing = a.dial_port(B, TALKER);
    let mut buffer = [0; 64];
    assert!(hearing.read(&mut buffer).unwrap() > 0);
    node.store.apply(policy("deny", "b", &[], None));
    node.store.wait();
    // What arrived before is still to be read.
    hearing.set_nonblocking(true).unwrap();
    while hearing.read(&mut buffer).is_ok_and(|length| length > 0) {}
    hearing.set_nonblocking(false).unwrap();
    let more = hearing.read(&mut buffer);
    assert!(more.is_err(), "{more:?} bytes after the deny");
    assert!(hearing.read(&mut buffer).is_err());
}
