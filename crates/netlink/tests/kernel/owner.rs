//! Tables that belong to a connection, and what else makes a table one that is not ours.

use std::thread;
use std::time::{Duration, Instant};

use ringfence_netlink::Errno;
use ringfence_netlink::nftables::{ApplyError, Nftables, Owner, ReadError};
use ringfence_ruleset::{Operation, Rule, Statement, Verdict};

use crate::{lacks, run};

tests! {
    "owner" => [
        nobody_else_changes_an_owned_table,
        an_orphan_stays_and_is_adopted,
        an_orphan_is_anybodys,
        a_passing_table_ends_with_its_connection,
        a_table_without_owner_cannot_be_adopted,
        asking_what_the_kernel_can_changes_nothing,
        a_table_that_sleeps_is_not_ours,
        an_element_with_an_expression_is_not_ours,
    ],
}

fn owning() -> Nftables {
    let mut nftables = Nftables::open().unwrap();
    assert!(nftables.own_tables().unwrap(), "Linux 6.9 or newer");
    nftables
}

/// A table with one chain that drops everything.
fn closed() -> [Operation; 3] {
    [
        Operation::AddTable { comment: None },
        Operation::AddChain {
            name: "c".to_owned(),
            base: None,
        },
        rule(Verdict::Drop),
    ]
}

fn rule(verdict: Verdict) -> Operation {
    let rule = Rule {
        statements: vec![Statement::Verdict(verdict)],
        comment: None,
    };
    Operation::AddRule {
        chain: "c".to_owned(),
        rule,
    }
}

fn owner(name: &str) -> Option<Owner> {
    let flags = Nftables::open().unwrap().table_flags(name).unwrap();
    flags.map(|flags| flags.owner)
}

fn assert_refused(applied: Result<(), ApplyError>) {
    let error = applied.expect_err("it belongs to another connection");
    assert!(
        matches!(
            error,
            ApplyError::Refused {
                errno: Errno::EPERM,
                ..
            }
        ),
        "{error}"
    );
}

fn nobody_else_changes_an_owned_table() {
    let mut own = owning();
    own.apply("rf", &closed()).unwrap();
    assert_eq!(owner("rf"), Some(Owner::Port(own.port())));
    let mut other = Nftables::open().unwrap();
    let before = other.read_table("rf").unwrap();
    let flush = Operation::FlushChain {
        name: "c".to_owned(),
    };
    for operation in [rule(Verdict::Accept), flush, Operation::DeleteTable] {
        assert_refused(other.apply("rf", &[operation]));
    }
    if !lacks("nft") {
        run("nft", &["flush", "ruleset"]);
        let text = run("nft", &["list", "table", "inet", "rf"]);
        assert!(
            text.contains("flags owner") && text.contains("drop"),
            "{text}"
        );
    }
    assert_eq!(other.read_table("rf").unwrap(), before);
    own.apply("rf", &[rule(Verdict::Accept)]).unwrap();
    own.apply("rf", &[Operation::DeleteTable]).unwrap();
    assert_eq!(owner("rf"), None);
}

/// Ends the connection that owns the table, which stays. A program that another test starts has the connection as well, for a
/// moment: from the fork until it becomes that program.
fn leave(own: Nftables) {
    drop(own);
    let deadline = Instant::now() + Duration::from_secs(30);
    while owner("rf") != Some(Owner::Orphan) {
        assert!(Instant::now() < deadline, "{:?}", owner("rf"));
        thread::sleep(Duration::from_millis(1));
    }
}

fn an_orphan_stays_and_is_adopted() {
    let mut first = owning();
    first.apply("rf", &closed()).unwrap();
    leave(first);
    let mut second = owning();
    second.adopt("rf").unwrap();
    assert_eq!(owner("rf"), Some(Owner::Port(second.port())));
    let state = second.read_table("rf").unwrap().unwrap();
    assert_eq!(state.chains["c"].rules.len(), 1);
    // Deleting and making it in one transaction keeps the owner.
    let [table, chain, rule] = closed();
    let again = [Operation::DeleteTable, table, chain, rule];
    second.apply("rf", &again).unwrap();
    assert_eq!(owner("rf"), Some(Owner::Port(second.port())));
    assert_refused(owning().adopt("rf"));
}

/// An older version of ringfence works on it as on any table.
fn an_orphan_is_anybodys() {
    let mut own = owning();
    own.apply("rf", &closed()).unwrap();
    leave(own);
    let mut other = Nftables::open().unwrap();
    other.apply("rf", &[rule(Verdict::Accept)]).unwrap();
    assert_eq!(owner("rf"), Some(Owner::Orphan));
    let [table, chain, rule] = closed();
    let again = [Operation::DeleteTable, table, chain, rule];
    other.apply("rf", &again).unwrap();
    assert_eq!(owner("rf"), Some(Owner::None));
}

fn a_passing_table_ends_with_its_connection() {
    let mut own = owning();
    own.apply("rf", &closed()).unwrap();
    own.apply_passing("rf-beside", &closed()).unwrap();
    assert_eq!(owner("rf-beside"), Some(Owner::Port(own.port())));
    let [table, ..] = closed();
    let removal = [table, Operation::DeleteTable];
    own.apply_passing("rf-beside", &removal).unwrap();
    // Once more, where there is none.
    own.apply_passing("rf-beside", &removal).unwrap();
    assert_eq!(owner("rf-beside"), None);
    own.apply_passing("rf-beside", &closed()).unwrap();
    leave(own);
    assert_eq!(owner("rf-beside"), None);
}

fn a_table_without_owner_cannot_be_adopted() {
    let mut other = Nftables::open().unwrap();
    other.apply("rf", &closed()).unwrap();
    let error = owning().adopt("rf").unwrap_err();
    assert!(matches!(error, ApplyError::Refused { .. }), "{error}");
    assert_eq!(owner("rf"), Some(Owner::None));
}

fn asking_what_the_kernel_can_changes_nothing() {
    let mut nftables = Nftables::open().unwrap();
    let before = nftables.generation().unwrap();
    assert!(nftables.own_tables().unwrap());
    assert_eq!(nftables.generation().unwrap(), before);
    assert!(nftables.list_tables().unwrap().is_empty());
}

fn a_table_that_sleeps_is_not_ours() {
    if lacks("nft") {
        return;
    }
    let mut nftables = Nftables::open().unwrap();
    nftables.apply("rf", &closed()).unwrap();
    let read = |nftables: &mut Nftables| nftables.read_table("rf").unwrap().unwrap();
    assert!(read(&mut nftables).to_table("rf").is_some());
    run("nft", &["add table inet rf { flags dormant; }"]);
    let state = read(&mut nftables);
    assert!(state.flags.dormant);
    assert!(state.to_table("rf").is_none());
}

/// A limit behind an element would decide whether its verdict counts.
fn an_element_with_an_expression_is_not_ours() {
    if lacks("nft") {
        return;
    }
    let mut nftables = Nftables::open().unwrap();
    run("nft", &["add table inet rf"]);
    run("nft", &["add set inet rf s { type ipv4_addr; counter; }"]);
    run("nft", &["add element inet rf s { 192.0.2.1 }"]);
    assert!(nftables.read_table("rf").unwrap().is_some());
    let limited = "add set inet rf l { type ipv4_addr; limit rate 1/second; }";
    run("nft", &[limited]);
    let error = nftables.read_table("rf").unwrap_err();
    assert!(matches!(error, ReadError::Foreign { .. }), "{error}");
}
