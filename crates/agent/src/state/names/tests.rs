//! Names from a lesson to the kernel and out of it again.

use std::time::Duration;

use ringfence_model::{DomainName, Lesson, Timestamp};
use ringfence_netlink::conntrack::{End, Entry};
use ringfence_ruleset::{Datum, Key, Operation, Table};
use ringfence_testkit::builder::{accept, admin, deny};

use crate::protocol::{AgentKey, AgentObject, AgentStatus};
use crate::state::tests::cluster::{connection, endpoint, ip, namespace, node, pod};
use crate::state::tests::node::{Commits, Did, FakeNode};
use crate::state::{Event, KnownAddress};

const TCP: u8 = 6;
const A: &str = "10.244.1.2";
const FIRST: &str = "203.0.113.9";
const SECOND: &str = "203.0.113.10";
const NAME: &str = "api.example.com";
/// What a lesson with a short TTL is good for.
const LIFE: Duration = Duration::from_secs(20);

fn policy() -> AgentObject {
    let names = accept().domains(&["*.example.com"]);
    let others = deny().networks(&["0.0.0.0/0"]);
    AgentObject::ClusterPolicy(admin("names", 1).egress(names).egress(others).build())
}

/// A pod, and a policy that asks for names.
fn world() -> [AgentObject; 4] {
    [
        namespace(),
        node(),
        AgentObject::Pod(pod("a", &[A])),
        policy(),
    ]
}

/// A node with one pod, whose policy allows `*.example.com`, and a DNS server.
fn taught_node() -> FakeNode {
    let mut fake = FakeNode::synced(world());
    fake.wire(endpoint("a", &[A]), 1);
    fake.send(Event::DnsServers(1));
    fake.settle();
    fake.forget_log();
    fake
}

fn lesson(addresses: &[&str], ttl: u32) -> Lesson {
    Lesson {
        number: 0,
        name: NAME.to_owned(),
        addresses: addresses.iter().copied().map(ip).collect(),
        ttl,
    }
}

fn teach(fake: &mut FakeNode, ticket: u64, addresses: &[&str], ttl: u32) {
    let lesson = lesson(addresses, ttl);
    fake.send(Event::Lesson { lesson, ticket });
}

fn named(table: &Table) -> Vec<String> {
    let elements = table.sets["names4"].elements.keys();
    let addresses = elements.map(|key| {
        let Datum::Address(address) = &key.first[0] else {
            panic!("{key:?} is no address");
        };
        address.to_string()
    });
    addresses.collect()
}

fn kernel(fake: &FakeNode) -> Vec<String> {
    named(fake.table.as_ref().unwrap())
}

fn commits(fake: &FakeNode) -> usize {
    fake.log.iter().filter(|did| **did == Did::Commit).count()
}

/// For how long the last transaction has the kernel keep an address.
fn lifetime(fake: &FakeNode, wanted: &str) -> Option<Duration> {
    let key = Key::point(vec![Datum::Address(ip(wanted))]);
    let operations = fake.transactions.last().unwrap();
    operations.iter().find_map(|operation| {
        let Operation::AddElements {
            set,
            elements,
            lifetime,
            ..
        } = operation
        else {
            return None;
        };
        let is_added = elements.iter().any(|(known, _)| *known == key);
        lifetime.filter(|_| set == "names4" && is_added)
    })
}

#[test]
fn a_lesson_is_done_when_the_kernel_holds_it() {
    let mut fake = taught_node();
    assert_eq!(fake.wanted, [DomainName::Below("example.com".to_owned())]);
    teach(&mut fake, 7, &[FIRST], 5);
    assert_eq!((kernel(&fake), fake.taught.clone()), (vec![], vec![]));
    fake.settle();
    assert_eq!(
        (kernel(&fake), fake.taught.clone()),
        (vec![FIRST.to_owned()], vec![7])
    );
    let wanted = LIFE + Duration::from_secs(60);
    assert_eq!(lifetime(&fake, FIRST), Some(wanted));
    // The same again needs nothing of the kernel.
    teach(&mut fake, 8, &[FIRST], 5);
    assert_eq!((commits(&fake), fake.taught.last()), (1, Some(&8)));
    // What nobody asks for does not either.
    let lesson = Lesson {
        name: "example.com".to_owned(),
        ..lesson(&[SECOND], 5)
    };
    fake.send(Event::Lesson { lesson, ticket: 9 });
    assert_eq!((commits(&fake), fake.taught.last()), (1, Some(&9)));
}

#[test]
fn an_address_ends_when_nobody_asks_for_its_name_any_more() {
    let mut fake = taught_node();
    teach(&mut fake, 1, &[FIRST, SECOND], 5);
    fake.settle();
    fake.sleep(LIFE - Duration::from_secs(1));
    teach(&mut fake, 2, &[SECOND], 5);
    fake.settle();
    assert_eq!(kernel(&fake), [FIRST, SECOND]);
    fake.sleep(Duration::from_secs(2));
    assert_eq!(kernel(&fake), [SECOND]);
    fake.sleep(LIFE);
    assert_eq!(kernel(&fake), [""; 0]);
    assert_eq!(fake.kept.last(), Some(&vec![]));
    assert!(fake.revoked.is_empty());
}

/// An answer a second is not a transaction a second.
#[test]
fn an_address_that_is_asked_for_all_the_time_is_written_seldom() {
    let mut fake = taught_node();
    for second in 0..300 {
        teach(&mut fake, second, &[FIRST], 1);
        fake.settle();
        fake.sleep(Duration::from_secs(1));
        assert_eq!(kernel(&fake), [FIRST]);
    }
    assert_eq!(fake.taught.len(), 300);
    assert!((4..=6).contains(&commits(&fake)), "{}", commits(&fake));
    assert_eq!(lifetime(&fake, FIRST), Some(LIFE + Duration::from_secs(60)));
}

#[test]
fn what_is_connected_keeps_its_address() {
    let mut fake = taught_node();
    teach(&mut fake, 1, &[FIRST, SECOND], 5);
    fake.settle();
    let open = connection(TCP, (A, 40_000), (FIRST, 443));
    let elsewhere = connection(TCP, ("10.244.2.2", 40_001), (SECOND, 443));
    fake.connections = vec![open, elsewhere];
    fake.sleep(LIFE * 6);
    assert_eq!(kernel(&fake), [FIRST]);
    assert_eq!(fake.listed, Some([(ip(FIRST), End::Server)].into()));
    fake.connections.clear();
    fake.sleep(Duration::from_secs(61));
    assert_eq!(kernel(&fake), [""; 0]);
    assert!(fake.revoked.is_empty());
}

/// AM-10: what ends because its time is over cuts nobody, what a policy denies is cut.
#[test]
fn a_policy_that_goes_cuts_what_its_names_had_opened() {
    let mut fake = taught_node();
    teach(&mut fake, 1, &[FIRST], 5);
    fake.settle();
    let open: Entry = connection(TCP, (A, 40_000), (FIRST, 443));
    fake.connections = vec![open.clone()];
    let others = deny().networks(&["0.0.0.0/0"]);
    let closed = admin("names", 1).egress(others).build();
    fake.apply(AgentObject::ClusterPolicy(closed));
    fake.settle();
    assert_eq!(kernel(&fake), [""; 0]);
    assert_eq!(fake.revoked, [open]);
    assert_eq!(fake.wanted, []);
}

#[test]
fn an_agent_that_starts_knows_what_the_last_one_knew() {
    let mut fake = taught_node();
    teach(&mut fake, 1, &[FIRST], 5);
    fake.settle();
    let known = fake.kept.last().unwrap().clone();
    let moment = |seconds: i64| {
        let now = i64::try_from(fake.now.as_millis()).unwrap();
        Timestamp(fake.epoch.0 + now + 1000 * seconds)
    };
    assert_eq!(
        known,
        [KnownAddress {
            name: NAME.to_owned(),
            address: ip(FIRST),
            until: moment(80),
        }]
    );
    let stale = |until| KnownAddress {
        name: "old.example.com".to_owned(),
        address: ip(SECOND),
        until,
    };
    let memory = [known, vec![stale(moment(-1)), stale(moment(1_000_000))]].concat();

    let mut next = FakeNode::with_table(fake.table.clone());
    next.now = fake.now;
    next.send(Event::NamesLoaded(memory));
    next.load(vec![endpoint("a", &[A])]);
    next.sync(world(), 1);
    next.settle();
    assert_eq!(kernel(&next), [FIRST]);
    // The kernel's own time may be nearly over.
    assert_eq!(lifetime(&next, FIRST), Some(Duration::from_secs(140)));
    // A store that tells everything anew knows nothing of names.
    next.sync(world(), 2);
    next.settle();
    assert_eq!(kernel(&next), [FIRST]);
}

#[test]
fn no_lesson_is_done_while_the_kernel_refuses() {
    let mut fake = taught_node();
    fake.commits = Commits::Fail { retry: true };
    teach(&mut fake, 1, &[FIRST], 5);
    fake.settle();
    assert!(fake.taught.is_empty());
    fake.commits = Commits::Succeed;
    fake.sleep(Duration::from_secs(1));
    assert_eq!(
        (fake.taught.clone(), kernel(&fake)),
        (vec![1], vec![FIRST.to_owned()])
    );
}

#[test]
fn names_without_dns_server_are_told_of() {
    let mut fake = taught_node();
    fake.send(Event::DnsServers(0));
    let told = |fake: &FakeNode| {
        fake.log.iter().rev().find_map(|did| {
            let Did::Report(AgentStatus::Degraded { message }) = did else {
                return None;
            };
            Some(message.clone())
        })
    };
    let message = told(&fake).unwrap();
    assert!(
        message.starts_with("domainNames are not enforced"),
        "{message}"
    );
    assert_eq!(fake.machine.health().problem, Some(message));
    fake.forget_log();
    fake.send(Event::DnsServers(1));
    assert_eq!(told(&fake), None);
    assert_eq!(
        fake.log,
        [Did::Report(AgentStatus::Applied { revision: 1 })]
    );
    assert_eq!(fake.machine.health().problem, None);
    let AgentKey::ClusterPolicy(name) = policy().key() else {
        panic!("this is a policy of the cluster");
    };
    fake.delete(AgentKey::ClusterPolicy(name));
    fake.send(Event::DnsServers(0));
    fake.settle();
    assert_eq!(told(&fake), None, "no rule asks for a name");
}

#[test]
fn addresses_that_no_name_has_open_nothing() {
    let mut fake = taught_node();
    let impossible = [
        "127.0.0.1",
        "169.254.169.254",
        "0.0.0.0",
        "224.0.0.1",
        "::1",
        "fe80::1",
    ];
    teach(&mut fake, 1, &impossible, 5);
    fake.settle();
    assert_eq!((kernel(&fake), fake.taught.clone()), (vec![], vec![1]));
    teach(&mut fake, 2, &["::ffff:203.0.113.9"], 5);
    fake.settle();
    assert_eq!(kernel(&fake), [FIRST]);
}

#[test]
fn more_addresses_than_fit_stay_closed_and_are_told_of() {
    let mut fake = taught_node();
    for block in 0..33_u8 {
        let addresses: Vec<String> = (0..=255_u8)
            .map(|last| format!("198.18.{block}.{last}"))
            .collect();
        let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
        let lesson = Lesson {
            name: format!("n{block}.example.com"),
            ..lesson(&addresses, 5)
        };
        let ticket = u64::from(block);
        fake.send(Event::Lesson { lesson, ticket });
    }
    fake.settle();
    assert_eq!(kernel(&fake).len(), 8192);
    let problem = fake.machine.health().problem.unwrap();
    assert!(problem.contains("more than 8192 addresses"), "{problem}");
    fake.sleep(LIFE);
    assert_eq!(fake.machine.health().problem, None);
}
