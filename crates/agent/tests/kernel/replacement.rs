//! A table that replaces another one while packets come.

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use ringfence_agent::protocol::AgentObject;
use ringfence_netlink::namespace;
use ringfence_testkit::builder::{admin, deny};

use crate::agent::eventually;
use crate::objects::{pod_on, policy};
use crate::source::give_address;
use crate::traffic::cluster;

const OUTSIDE: &str = "203.0.113.9";
const PORT: u16 = 5353;
/// The more elements, the longer the kernel takes until it has all sets in service.
const ELEMENTS: u16 = 1_000;
const TURNS: u32 = 8;

/// What is denied to a block of addresses would be what is allowed to anybody, were a connection judged before the kernel has the
/// block's set in service.
pub(crate) fn nothing_denied_passes_while_a_table_is_replaced() {
    let (mut node, [a, _b, _c]) = cluster();
    give_address(OUTSIDE);
    let heard = count_datagrams();
    let over = Arc::<AtomicBool>::default();
    let told = Arc::clone(&over);
    let sends = namespace::run_in(&a.netns, || UdpSocket::bind(("0.0.0.0", 0)));
    let sends = sends.unwrap().unwrap();
    let flood = thread::spawn(move || {
        while !told.load(Ordering::Relaxed) {
            // An ICMP error of an earlier datagram is reported by the next call.
            let _ = sends.send_to(b"?", (OUTSIDE, PORT));
        }
    });
    eventually("a datagram", || {
        (heard.load(Ordering::Relaxed) > 0).then_some(())
    });
    for number in 0..ELEMENTS {
        let [high, low] = number.to_be_bytes();
        let address = format!("10.244.{}.{low}", 100 + high);
        let pod = pod_on("two", &format!("far-{number}"), &address);
        node.store.apply(labelled(pod));
    }
    node.store.apply(policy("some", "b", &["far"], None));
    let inside = admin("inside", 1).egress(deny().networks(&["203.0.113.0/24"]));
    node.store.apply(AgentObject::ClusterPolicy(inside.build()));
    node.store.wait();
    // What was on its way.
    thread::sleep(Duration::from_millis(100));
    let before = heard.load(Ordering::Relaxed);
    for turn in 0..TURNS {
        // Sets that are to have more room.
        node.kill();
        node.configure(|config| config.network.capacity.entries = 2048 << turn);
        node.store.forget_statuses();
        node.start();
        node.store.wait();
    }
    over.store(true, Ordering::Relaxed);
    flood.join().unwrap();
    thread::sleep(Duration::from_millis(100));
    assert_eq!(heard.load(Ordering::Relaxed) - before, 0, "passed");
}

fn labelled(pod: AgentObject) -> AgentObject {
    let AgentObject::Pod(mut pod) = pod else {
        panic!("a pod");
    };
    pod.labels.insert("app".to_owned(), "far".to_owned());
    AgentObject::Pod(pod)
}

/// Those that come to the node's address.
fn count_datagrams() -> Arc<AtomicUsize> {
    let heard = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&heard);
    let server = UdpSocket::bind((OUTSIDE, PORT)).unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 1];
        while server.recv(&mut buffer).is_ok() {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    heard
}
