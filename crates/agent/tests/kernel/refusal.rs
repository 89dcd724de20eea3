//! The kernel refuses transactions: for want of memory, of room in a socket, or because they are too large.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use ringfence_agent::protocol::AgentStatus;
use ringfence_agent::status::ask_health;
use ringfence_cni::{Request, Response};
use ringfence_netlink::Errno;
use ringfence_netlink::nftables::ApplyError;

use crate::agent::{Node, eventually, generation, live};
use crate::objects::{endpoint, pod, policy};
use crate::table::{assert_as_compiled, endpoints, started};

/// What every transaction is refused with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Kernel(Errno),
    TooLarge,
}

pub(crate) fn write(path: &Path, refusal: Option<Refusal>) {
    match refusal {
        None => fs::remove_file(path).unwrap(),
        Some(Refusal::TooLarge) => fs::write(path, "0").unwrap(),
        Some(Refusal::Kernel(errno)) => fs::write(path, (errno as i32).to_string()).unwrap(),
    }
}

/// The agent's side.
pub(crate) fn read(path: &Path) -> Option<ApplyError> {
    let number = match fs::read_to_string(path) {
        Ok(number) => number.parse().unwrap_or(0),
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        Err(error) => panic!("{error}"),
    };
    Some(match number {
        0 => ApplyError::BatchTooLarge { bytes: 2, limit: 1 },
        number => ApplyError::Refused {
            operation: "the transaction".to_owned(),
            errno: Errno::from_raw(number),
            message: None,
        },
    })
}

/// Whether the agent says that it failed, with these words.
fn has_failed(node: &Node, words: &str) -> bool {
    let statuses = node.store.statuses();
    statuses
        .iter()
        .any(|status| matches!(status, AgentStatus::Failed { message } if message.contains(words)))
}

fn failure(node: &Node, words: &str) {
    eventually(words, || has_failed(node, words).then_some(()));
    let health = ask_health(&node.config.status_socket()).unwrap();
    let problem = health.problem.unwrap_or_default();
    assert!(problem.contains(words), "{problem}");
}

/// Whatever happens meanwhile to the agent.
pub(crate) fn a_refused_transaction_leaves_the_old_table_and_is_tried_again() {
    let mut node = started();
    let refusals = [
        (Refusal::Kernel(Errno::ENOBUFS), "No buffer space available"),
        (Refusal::Kernel(Errno::ENOMEM), "Out of memory"),
        (Refusal::Kernel(Errno::EMSGSIZE), "Message too long"),
        (Refusal::TooLarge, "raise net.core.wmem_max"),
    ];
    for (number, (refusal, words)) in (0..).zip(refusals) {
        node.store.wait();
        let (table, before) = (live(), generation());
        node.refuse(Some(refusal));
        node.store.forget_statuses();
        node.store
            .apply(policy("db", "db", &["web"], Some(1000 + number)));
        failure(&node, words);
        assert_eq!((live() == table, generation()), (true, before), "{words}");

        node.kill();
        node.store.forget_statuses();
        node.start();
        failure(&node, words);
        assert!(live() == table, "{words}");

        node.refuse(None);
        let began = Instant::now();
        // What is refused for its content is tried again when there is something else to try.
        node.store
            .apply(policy("db", "db", &["web"], Some(2000 + number)));
        node.store.wait();
        assert!(began.elapsed() < Duration::from_secs(20), "{words}");
        assert_as_compiled(&node, &endpoints());
        let health = ask_health(&node.config.status_socket()).unwrap();
        assert_eq!(health.problem, None);
    }
}

/// Its interface is none that the table knows, and the plugin waits.
pub(crate) fn a_pod_that_could_not_be_programmed_stays_closed() {
    let node = started();
    let before = live();
    node.refuse(Some(Refusal::Kernel(Errno::ENOMEM)));
    let new = endpoint("new", "10.244.1.4");
    node.store.apply(pod("new", "10.244.1.4"));
    node.record(&new);
    thread::scope(|scope| {
        let wired = scope.spawn(|| node.ask(&Request::Wired(new.clone())));
        failure(&node, "Out of memory");
        assert!(live() == before && !wired.is_finished());
        node.refuse(None);
        assert_eq!(wired.join().unwrap(), Response::Done);
    });
    let [web, db] = endpoints();
    assert_as_compiled(&node, &[web, db, new]);
}
