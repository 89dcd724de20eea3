//! The first packet of a pod, the last one, and whoever gets its address next.

use std::collections::BTreeSet;
use std::net::{IpAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use ringfence_agent::protocol::AgentKey;
use ringfence_cni::wiring::unwire;
use ringfence_cni::{Endpoint, EndpointState, Request, Response};
use ringfence_netlink::conntrack::Conntrack;
use ringfence_netlink::namespace::run_in;

use crate::agent::live;
use crate::objects::{self, named, policy};
use crate::traffic::{A, B, TestPod, cluster, is_cut, lives};

const PORT: u16 = 5353;
const SHORT: Duration = Duration::from_millis(300);
/// For an answer that has to come.
const LONG: Duration = Duration::from_secs(10);

fn socket(pod: &TestPod, port: u16) -> UdpSocket {
    let socket = run_in(&pod.netns, || UdpSocket::bind(("0.0.0.0", port)));
    let socket = socket.unwrap().unwrap();
    socket.set_read_timeout(Some(SHORT)).unwrap();
    socket
}

/// Answers datagrams, and remembers who asked.
fn echo(pod: &TestPod) -> Arc<Mutex<BTreeSet<IpAddr>>> {
    let (socket, heard) = (socket(pod, PORT), Arc::<Mutex<BTreeSet<IpAddr>>>::default());
    socket.set_read_timeout(None).unwrap();
    let hears = Arc::clone(&heard);
    thread::spawn(move || {
        let mut buffer = [0; 16];
        while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
            hears.lock().unwrap().insert(peer.ip());
            let _ = socket.send_to(&buffer[..length], peer);
        }
    });
    heard
}

/// Whether the only datagram, the first one, is answered.
fn is_answered(socket: &UdpSocket, address: &str) -> bool {
    socket.set_read_timeout(Some(LONG)).unwrap();
    let answered = asks(socket, address);
    socket.set_read_timeout(Some(SHORT)).unwrap();
    answered
}

fn asks(socket: &UdpSocket, address: &str) -> bool {
    let _ = socket.send_to(b"ask", (address, PORT));
    socket.recv(&mut [0; 16]).is_ok()
}

/// Whether anything of the address is left: entries of connections, and elements of the table.
fn is_tracked(address: &str) -> bool {
    let address: IpAddr = address.parse().unwrap();
    let entries = Conntrack::open().unwrap().entries().unwrap();
    entries.iter().any(|entry| {
        let (original, reply) = (&entry.original, &entry.reply);
        [
            original.source,
            original.destination,
            reply.source,
            reply.destination,
        ]
        .contains(&address)
    })
}

fn has_rules(address: &str) -> bool {
    let table = live().unwrap().to_string();
    table.contains(&format!(" {address} "))
}

pub(crate) fn whoever_gets_the_address_inherits_nothing() {
    let (node, [a, b, c]) = cluster();
    node.store.apply(policy("closed", "d", &["c"], None));
    // So that something of it stands in the table beside the lists of pods.
    node.store.apply(policy("some", "b", &["a", "c"], None));
    node.store.wait();
    let (heard_by_b, from_a) = (echo(&b), socket(&a, 0));
    let mut talk = a.dial(B);
    assert!(lives(&talk) && is_answered(&from_a, B));
    assert!(heard_by_b.lock().unwrap().contains(&A.parse().unwrap()));
    assert!(is_tracked(B) && has_rules(B));
    let over = Arc::new(AtomicBool::new(false));
    let insisting = insist(from_a.try_clone().unwrap(), Arc::clone(&over));

    let released = Endpoint {
        state: EndpointState::Released,
        ..b.endpoint.clone()
    };
    node.record(&released);
    assert_eq!(
        node.ask(&Request::Released(released.id.clone())),
        Response::Done
    );
    assert!(
        !is_tracked(B),
        "a connection is left of a pod whose address is free"
    );
    assert!(
        !has_rules(B),
        "rules are left of a pod whose address is free"
    );
    unwire(&b.endpoint.host_interface).unwrap();
    node.store.delete(AgentKey::Pod(named("b")));

    let d = TestPod::new("d", B);
    let heard_by_d = echo(&d);
    d.serve();
    node.store.apply(objects::pod("d", B));
    node.record(&d.endpoint);
    assert_eq!(
        node.ask(&Request::Wired(d.endpoint.clone())),
        Response::Done
    );
    assert!(
        is_answered(&socket(&c, 0), B),
        "the new pod is not reached by whom it may be"
    );
    assert!(
        is_cut(&talk),
        "the new pod goes on with the old one's connection"
    );
    assert!(std::io::Write::write(&mut talk, b"more").is_err() || is_cut(&talk));
    over.store(true, Ordering::Relaxed);
    insisting.join().unwrap();
    let _ = from_a.set_nonblocking(true);
    while from_a.recv(&mut [0; 16]).is_ok() {}
    from_a.set_nonblocking(false).unwrap();
    assert!(
        !asks(&from_a, B),
        "the new pod answers a flow of the old one"
    );
    let heard = heard_by_d.lock().unwrap().clone();
    assert!(!heard.contains(&A.parse().unwrap()), "{heard:?}");
}

/// Sends all the time, as a client that does not notice.
fn insist(socket: UdpSocket, over: Arc<AtomicBool>) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        while !over.load(Ordering::Relaxed) {
            let _ = socket.send_to(b"again", (B, PORT));
            thread::sleep(Duration::from_millis(2));
        }
    })
}

/// It is wired, but the agent has not answered: it stands still.
pub(crate) fn nothing_passes_before_a_pod_is_programmed() {
    let (node, [a, b, _c]) = cluster();
    let heard_by_b = echo(&b);
    node.store.apply(objects::pod("d", "10.244.1.9"));
    node.store.wait();
    kill(node.pid(), Signal::SIGSTOP).unwrap();
    let d = TestPod::new("d", "10.244.1.9");
    node.record(&d.endpoint);
    let heard_by_d = echo(&d);
    thread::scope(|scope| {
        let answer = scope.spawn(|| node.ask(&Request::Wired(d.endpoint.clone())));
        let (from_a, from_d) = (socket(&a, 0), socket(&d, 0));
        for _ in 0..5 {
            assert!(!asks(&from_a, "10.244.1.9") && !asks(&from_d, B));
        }
        assert!(
            !answer.is_finished(),
            "answered by an agent that stands still"
        );
        assert!(heard_by_b.lock().unwrap().is_empty() && heard_by_d.lock().unwrap().is_empty());
        kill(node.pid(), Signal::SIGCONT).unwrap();
        assert_eq!(answer.join().unwrap(), Response::Done);
        assert!(
            is_answered(&from_d, B),
            "the first packet after the answer is lost"
        );
        assert!(is_answered(&from_a, "10.244.1.9"));
    });
}
