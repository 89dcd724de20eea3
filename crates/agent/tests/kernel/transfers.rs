//! Transfers that stay allowed run through many changes and notice none; what is denied is cut each time.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ringfence_agent::protocol::AgentKey;
use ringfence_netlink::namespace;

use crate::objects::{named, policy};
use crate::traffic::{B, TestPod, cluster, is_cut};

const PORT: u16 = 8080;
/// Nothing comes back of what is cut. What is allowed is waited for ten times as long: a busy machine answers late.
const PATIENCE: Duration = Duration::from_secs(1);

/// As many as the promise is about.
const CHANGES: usize = 1000;
/// After how many of them connections that are denied are looked at, which takes seconds, as nothing comes back.
const BETWEEN_DENIALS: usize = 250;

/// A transfer that runs until it is told to stop, and counts its rounds.
struct Transfer {
    stop: Arc<AtomicBool>,
    work: JoinHandle<usize>,
}

impl Transfer {
    fn start(mut round: impl FnMut() + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = stop.clone();
        let work = thread::spawn(move || {
            let mut rounds = 0;
            while !told.load(Ordering::Relaxed) {
                round();
                rounds += 1;
                thread::sleep(Duration::from_millis(2));
            }
            rounds
        });
        Self { stop, work }
    }

    /// Fails if a round did.
    fn end(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.work.join().expect("a transfer was disturbed")
    }
}

fn tcp(mut stream: TcpStream) -> impl FnMut() + Send + 'static {
    stream.set_read_timeout(Some(10 * PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    move || {
        let mut buffer = [0; 64];
        stream.write_all(&[7; 64]).unwrap();
        stream.read_exact(&mut buffer).unwrap();
    }
}

fn udp(socket: UdpSocket) -> impl FnMut() + Send + 'static {
    socket.set_read_timeout(Some(10 * PATIENCE)).unwrap();
    move || assert!(answers(&socket), "a datagram or its answer was lost")
}

fn answers(socket: &UdpSocket) -> bool {
    let mut buffer = [0; 8];
    socket.send(b"datagram").is_ok() && socket.recv(&mut buffer).is_ok()
}

fn udp_to_b(pod: &TestPod) -> UdpSocket {
    let socket = namespace::run_in(&pod.netns, || UdpSocket::bind("0.0.0.0:0"));
    let socket = socket.unwrap().unwrap();
    let address: SocketAddr = format!("{B}:{PORT}").parse().unwrap();
    socket.connect(address).unwrap();
    socket.set_read_timeout(Some(10 * PATIENCE)).unwrap();
    assert!(answers(&socket), "no answer to a datagram");
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// Answers each datagram.
fn serve_datagrams(pod: &TestPod) {
    let socket = namespace::run_in(&pod.netns, || UdpSocket::bind(("0.0.0.0", PORT)));
    let socket = socket.unwrap().unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 64];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let _ = socket.send_to(&buffer[..length], from);
        }
    });
}

pub(crate) fn what_stays_allowed_runs_through_changes_and_what_is_denied_is_cut() {
    let (node, [a, b, c]) = cluster();
    serve_datagrams(&b);
    node.store.apply(policy("base", "b", &["a"], None));
    node.store.wait();
    let transfers = [
        Transfer::start(tcp(a.dial(B))),
        Transfer::start(udp(udp_to_b(&a))),
    ];
    let mut slowest = Duration::ZERO;
    for number in 0..CHANGES {
        let name = format!("some-{}", number % 7);
        let key = AgentKey::NetworkPolicy(named(&name));
        match number % 3 {
            0 => {
                node.store.apply(policy(&name, "b", &["c"], None));
            }
            1 => {
                let some = policy(&name, "b", &["a", "nobody"], Some(PORT));
                node.store.apply(some);
            }
            _ => {
                node.store.delete(key);
            }
        }
        node.store.wait();
        if number % BETWEEN_DENIALS == BETWEEN_DENIALS - 1 {
            node.store.apply(policy("friend", "b", &["c"], None));
            node.store.wait();
            let (stream, socket) = (c.dial(B), udp_to_b(&c));
            let others = (0..7).map(|number| named(&format!("some-{number}")));
            for other in others.chain([named("friend")]) {
                node.store.delete(AgentKey::NetworkPolicy(other));
            }
            let start = Instant::now();
            node.store.wait();
            slowest = slowest.max(start.elapsed());
            assert!(is_cut(&stream), "a denied connection lives on");
            assert!(!answers(&socket), "a denied exchange goes on");
        }
    }
    let rounds = transfers.map(Transfer::end);
    assert!(rounds.iter().all(|rounds| *rounds > CHANGES), "{rounds:?}");
    eprintln!("denied connections were cut at most {slowest:?} after the last change");
}
