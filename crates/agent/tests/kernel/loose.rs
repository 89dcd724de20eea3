//! Connections that were cut, where the kernel would take any segment for the beginning of one (`nf_conntrack_tcp_loose`, rule
//! DP-22).

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use ringfence_agent::protocol::AgentObject;
use ringfence_model::TargetPort;
use ringfence_netlink::conntrack::Conntrack;
use ringfence_netlink::namespace::run_in;
use ringfence_netlink::sysctl;

use crate::agent::{Node, eventually};
use crate::objects::{self, policy};
use crate::source::give_address;
use crate::traffic::{A, B, C, TestPod, cluster};

/// Of the node.
const OWN: &str = "203.0.113.9";
const SERVICE: &str = "10.96.0.80";
const PORT: u16 = 9191;
const LOOSE: [&str; 2] = ["netfilter", "nf_conntrack_tcp_loose"];
/// Both ends say something so often, and the kernel what was not acknowledged, again and again.
const PAUSE: Duration = Duration::from_millis(20);
const SILENCE: Duration = Duration::from_millis(300);
/// Long enough for some repetitions: the first follows after 200 ms, each later one after twice as long.
const WATCHED: Duration = Duration::from_millis(1_500);

/// A connection whose ends both speak all the time, and what each has heard.
struct Talk {
    client: Arc<AtomicUsize>,
    server: Arc<AtomicUsize>,
}

impl Talk {
    /// From `pod` to what `address` leads to, which is where `listener` listens.
    fn begin(pod: &TestPod, address: (&str, u16), listener: &TcpListener) -> Self {
        let client = run_in(&pod.netns, || TcpStream::connect(address));
        let (server, _) = listener.accept().unwrap();
        Self {
            client: speak(client.unwrap().unwrap()),
            server: speak(server),
        }
    }

    fn heard(&self) -> [usize; 2] {
        [&self.client, &self.server].map(|end| end.load(Ordering::Relaxed))
    }

    fn goes_on(&self) -> bool {
        let before = self.heard();
        eventually("both ends hear more", || {
            let now = self.heard();
            (now[0] > before[0] && now[1] > before[1]).then_some(true)
        })
    }
}

/// Speaks without end, and counts the bytes that come.
fn speak(mut stream: TcpStream) -> Arc<AtomicUsize> {
    stream.set_nodelay(true).unwrap();
    let heard = Arc::<AtomicUsize>::default();
    let (counted, mut hears) = (Arc::clone(&heard), stream.try_clone().unwrap());
    thread::spawn(move || {
        let mut buffer = [0; 64];
        while let Ok(length @ 1..) = hears.read(&mut buffer) {
            counted.fetch_add(length, Ordering::Relaxed);
        }
    });
    thread::spawn(move || {
        while stream.write_all(b".").is_ok() {
            thread::sleep(PAUSE);
        }
    });
    heard
}

/// Whether there is an entry between the two pods at the port, whoever opened it.
fn is_tracked(one: &str, other: &str) -> bool {
    let ends = [one.parse().unwrap(), other.parse().unwrap()];
    let entries = Conntrack::open().unwrap().entries().unwrap();
    entries.iter().any(|entry| {
        let found = [entry.original.source, entry.reply.source];
        entry.original.transport.protocol() == 6 && ends.iter().all(|end| found.contains(end))
    })
}

/// The Service leads to `b`.
fn translate(node: &Node) {
    let AgentObject::Service(mut service) = objects::service("talk", "b", SERVICE) else {
        panic!("a Service");
    };
    service.ports[0].target = TargetPort::Number(PORT);
    node.store.apply(AgentObject::Service(service));
    node.store.wait();
}

/// Nobody reaches anything from the pods `subject`.
fn locked(subject: &str) -> AgentObject {
    let AgentObject::NetworkPolicy(mut policy) = policy("locked", subject, &[], None) else {
        panic!("a policy");
    };
    (policy.isolates_ingress, policy.isolates_egress) = (false, true);
    AgentObject::NetworkPolicy(policy)
}

fn cuts_for_good(deny: &AgentObject) {
    let (node, [a, b, c]) = cluster();
    translate(&node);
    let listener = run_in(&b.netns, || TcpListener::bind(("0.0.0.0", PORT)));
    let ways = [(B, PORT), (SERVICE, 80)];
    stays_cut(&node, [&a, &c], &listener.unwrap().unwrap(), &ways, deny);
}

/// What the first client has is denied; the second one goes on.
fn stays_cut(
    node: &Node,
    [denied, allowed]: [&TestPod; 2],
    listener: &TcpListener,
    ways: &[(&str, u16)],
    deny: &AgentObject,
) {
    sysctl::write(&LOOSE, "1").unwrap();
    assert_eq!(sysctl::read(&LOOSE).unwrap(), "1");
    let (server, _) = ways[0];
    let begin = |pod| {
        let talks = ways.iter().map(|way| Talk::begin(pod, *way, listener));
        talks.collect::<Vec<_>>()
    };
    let (cut, kept) = (begin(denied), begin(allowed));
    assert!(cut.iter().chain(&kept).all(Talk::goes_on) && is_tracked(A, server));
    node.store.apply(deny.clone());
    node.store.wait();
    // What had arrived before is still being counted.
    let heard = || cut.iter().map(Talk::heard).collect::<Vec<_>>();
    let before = eventually("silence", || {
        let before = heard();
        thread::sleep(SILENCE);
        (heard() == before).then_some(before)
    });
    thread::sleep(WATCHED);
    assert_eq!(heard(), before, "[client, server] direct and translated");
    assert!(!is_tracked(A, server), "a segment has made a new entry");
    assert!(kept.iter().all(Talk::goes_on) && is_tracked(C, server));
}

/// The server's end is denied.
pub(crate) fn a_cut_server_is_not_taken_for_a_client() {
    cuts_for_good(&policy("some", "b", &["c"], None));
}

/// The client's end is denied: answers of the server would be let in, as they open nothing that policy denies.
pub(crate) fn a_cut_client_is_not_reached_by_its_server() {
    cuts_for_good(&locked("a"));
}

/// What the node sends to its pods passes no judgement (rule NP-50), and is no beginning either.
pub(crate) fn a_cut_client_is_not_reached_by_its_own_node() {
    let (node, [a, _b, c]) = cluster();
    give_address(OWN);
    let listener = TcpListener::bind((OWN, PORT)).unwrap();
    stays_cut(&node, [&a, &c], &listener, &[(OWN, PORT)], &locked("a"));
}
