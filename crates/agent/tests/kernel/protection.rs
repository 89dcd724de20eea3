//! The table belongs to the agent: other programs cannot change it by accident.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use ringfence_agent::TABLE_NAME;
use ringfence_agent::protocol::AgentStatus;
use ringfence_netlink::nftables::{ApplyError, Nftables, Owner};
use ringfence_netlink::{Errno, namespace};
use ringfence_ruleset::{Operation, Rule, Statement, Verdict};

use crate::agent::{Node, eventually, generation, live};
use crate::table::{assert_as_compiled, endpoints, started};

/// Programs that change their tables without a pause.
const NEIGHBOURS: usize = 4;

pub(crate) fn owner() -> Option<Owner> {
    let flags = Nftables::open().unwrap().table_flags(TABLE_NAME).unwrap();
    flags.map(|flags| flags.owner)
}

pub(crate) fn is_owned() -> bool {
    matches!(owner(), Some(Owner::Port(_)))
}

/// What others do by accident or on purpose.
pub(crate) fn edits() -> Vec<Operation> {
    let accept = Rule {
        statements: vec![Statement::Verdict(Verdict::Accept)],
        comment: None,
    };
    let table = live().expect("a table");
    let mut isolated = table.sets["ingress4"].clone();
    let keys: Vec<_> = isolated.elements.keys().cloned().collect();
    isolated.elements.clear();
    let mut edits = vec![
        Operation::DeleteTable,
        Operation::FlushChain {
            name: "forward".to_owned(),
        },
        Operation::AddRule {
            chain: "ingress-judge4".to_owned(),
            rule: accept,
        },
    ];
    if !keys.is_empty() {
        edits.push(Operation::DeleteElements {
            set: "ingress4".to_owned(),
            definition: isolated,
            keys,
        });
    }
    edits
}

pub(crate) fn other_programs_cannot_change_the_table() {
    let node = started();
    assert!(is_owned());
    let statuses = node.store.statuses();
    let mut other = Nftables::open().unwrap();
    for edit in edits() {
        let refused = other.apply(TABLE_NAME, std::slice::from_ref(&edit));
        let is_refused = matches!(
            refused,
            Err(ApplyError::Refused {
                errno: Errno::EPERM,
                ..
            })
        );
        assert!(is_refused, "{edit:?}: {refused:?}");
    }
    // What everybody does who restarts a firewall.
    if Command::new("nft")
        .args(["flush", "ruleset"])
        .status()
        .is_ok()
    {
        assert_as_compiled(&node, &endpoints());
    }
    // Others change tables of their own, and the agent does not care.
    other
        .apply("other", &[Operation::AddTable { comment: None }])
        .unwrap();
    other.apply("other", &[Operation::DeleteTable]).unwrap();
    assert_as_compiled(&node, &endpoints());
    assert_eq!(
        node.store.statuses(),
        statuses,
        "nothing was to be repaired"
    );
}

/// It is adopted, which is a transaction of the table alone, and nothing else is written.
pub(crate) fn the_next_agent_adopts_the_table() {
    let mut node = started();
    let before = live();
    node.kill();
    assert_eq!(owner(), Some(Owner::Orphan));
    node.store.forget_statuses();
    let written = generation();
    node.start();
    node.store.wait();
    assert!(is_owned());
    assert_eq!(live(), before);
    assert_eq!(generation(), written + 1, "more was written than the owner");
}

/// Somebody changes it while no agent is there.
pub(crate) fn an_orphan_that_was_changed_is_repaired() {
    let mut node = started();
    for edit in edits() {
        node.kill();
        let mut other = Nftables::open().unwrap();
        other.apply(TABLE_NAME, &[edit]).unwrap();
        node.store.forget_statuses();
        node.start();
        node.store.wait();
        assert_as_compiled(&node, &endpoints());
        assert!(is_owned());
    }
}

/// A table of a version that protected nothing is replaced, one of a version that does is used by the former.
pub(crate) fn versions_with_and_without_protection_follow_each_other() {
    let mut node = Node::new(crate::table::objects());
    for endpoint in endpoints() {
        node.record(&endpoint);
    }
    let mut last = None;
    for protect in [false, true, false, true, true] {
        node.configure(|config| config.protect_table = protect);
        node.store.forget_statuses();
        node.start();
        node.store.wait();
        assert_as_compiled(&node, &endpoints());
        let expected = match (protect, last) {
            (true, _) => is_owned(),
            (false, None) => owner() == Some(Owner::None),
            (false, Some(_)) => owner() == Some(Owner::Orphan),
        };
        assert!(expected, "{protect} after {last:?}: {:?}", owner());
        last = Some(protect);
        node.kill();
    }
}

/// The kernel refuses every transaction: the old rules stay, and the agent goes on as soon as it may.
pub(crate) fn a_kernel_that_refuses_is_asked_again() {
    let mut node = started();
    let before = live();
    node.kill();
    let mut holder = Nftables::open().unwrap();
    assert!(holder.own_tables().unwrap());
    holder.adopt(TABLE_NAME).unwrap();
    node.store.forget_statuses();
    node.start();
    for protect in [true, false] {
        eventually("the report", || {
            let failed = |status: &AgentStatus| matches!(status, AgentStatus::Failed { .. });
            (node
                .store
                .statuses()
                .iter()
                .filter(|one| failed(one))
                .count()
                > 1)
            .then_some(())
        });
        assert_eq!(live(), before);
        if protect {
            node.kill();
            node.configure(|config| config.protect_table = false);
            node.store
                .apply(crate::objects::policy("other", "web", &["db"], None));
            node.store.forget_statuses();
            node.start();
        }
    }
    drop(holder);
    node.store.wait();
    assert_as_compiled(&node, &endpoints());
}

/// A program that changes its own table without a pause changes the generation of the whole ruleset. Several of them can
/// make the agent say that it has to wait, but not make it wait for good.
pub(crate) fn a_busy_neighbour_does_not_keep_the_agent_from_its_table() {
    let mut node = started();
    node.kill();
    node.store
        .apply(crate::objects::policy("more", "web", &["db"], None));
    node.store.forget_statuses();
    let (over, own) = (AtomicBool::new(false), namespace::current().unwrap());
    thread::scope(|scope| {
        for number in 0..NEIGHBOURS {
            let name = format!("busy-{number}");
            let (own, over) = (&own, &over);
            scope.spawn(move || namespace::run_in(own, || bustle(&name, over)).unwrap());
        }
        let end = Over(&over);
        node.start();
        node.store.wait();
        drop(end);
    });
    // The neighbours may have disturbed what came after that, too.
    node.store.wait();
    assert_as_compiled(&node, &endpoints());
}

/// Changes a table of its own without a pause.
pub(crate) fn bustle(name: &str, over: &AtomicBool) {
    let (mut other, chain) = (Nftables::open().unwrap(), "c".to_owned());
    let add = Operation::AddChain {
        name: chain.clone(),
        base: None,
    };
    let delete = Operation::DeleteChain { name: chain };
    let table = Operation::AddTable { comment: None };
    other.apply(name, &[table]).unwrap();
    while !over.load(Ordering::Relaxed) {
        other.apply(name, std::slice::from_ref(&add)).unwrap();
        other.apply(name, std::slice::from_ref(&delete)).unwrap();
    }
    other.apply(name, &[Operation::DeleteTable]).unwrap();
}

/// Ends the bustle also if the test fails.
pub(crate) struct Over<'a>(pub(crate) &'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
