//! Audit mode ends by itself, and ends what is denied from then on (rules AU-1, AU-5).

use std::time::Duration;

use ringfence_model::{NetworkPolicy, Timestamp};
use ringfence_netlink::conntrack::Entry;
use ringfence_testkit::generate::MOMENT;

use super::cluster::{connection, endpoint, from_app, named, namespace, node, pod, policy};
use super::node::{Did, FakeNode};
use crate::protocol::{AgentKey, AgentObject};

const TCP: u8 = 6;
const A: &str = "10.244.1.2";
const B: &str = "10.244.1.3";

fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

/// In audit mode from so many minutes after the moment at which all begins, and before so many.
fn audited(policy: NetworkPolicy, since: i64, until: i64) -> AgentObject {
    let at = |minutes: i64| Timestamp(MOMENT.0 + 60_000 * minutes);
    let mode = format!("{}/{}", at(since), at(until));
    AgentObject::NetworkPolicy(NetworkPolicy {
        audit: Some(mode.parse().unwrap()),
        ..policy
    })
}

/// `a` is connected with `b`.
fn connected() -> (FakeNode, Entry) {
    let mut fake = FakeNode::synced([
        namespace(),
        node(),
        AgentObject::Pod(pod("a", &[A])),
        AgentObject::Pod(pod("b", &[B])),
    ]);
    fake.wire(endpoint("a", &[A]), 1);
    fake.wire(endpoint("b", &[B]), 2);
    fake.settle();
    let entry = connection(TCP, (A, 40_000), (B, 80));
    fake.connections = vec![entry.clone()];
    fake.forget_log();
    (fake, entry)
}

fn commits(fake: &FakeNode) -> usize {
    fake.log.iter().filter(|did| **did == Did::Commit).count()
}

#[test]
fn what_is_denied_when_audit_mode_ends_is_cut_then() {
    let (mut fake, entry) = connected();
    fake.apply(audited(policy("deny", "b", &[], None), 0, 90));
    fake.settle();
    fake.sleep(minutes(89));
    assert_eq!(fake.connections, std::slice::from_ref(&entry));
    assert_eq!(commits(&fake), 1, "{:?}", fake.log);
    fake.sleep(minutes(2));
    assert_eq!(fake.revoked, [entry]);
    assert_eq!(commits(&fake), 2, "{:?}", fake.log);
}

#[test]
fn beside_an_enforcing_policy_only_what_it_never_allowed_changes() {
    let (mut fake, entry) = connected();
    let enforcing = policy("some", "b", &[from_app("a")], None);
    fake.apply(AgentObject::NetworkPolicy(enforcing));
    fake.apply(audited(policy("deny", "b", &[], None), 0, 10));
    fake.settle();
    fake.sleep(minutes(20));
    assert_eq!(fake.connections, [entry]);
}

#[test]
fn audit_mode_that_begins_later_enforces_until_then() {
    let (mut fake, entry) = connected();
    fake.apply(audited(policy("deny", "b", &[], None), 10, 20));
    fake.settle();
    assert_eq!(fake.revoked, std::slice::from_ref(&entry));
    fake.sleep(minutes(11));
    fake.connections = vec![entry.clone()];
    fake.sleep(minutes(5));
    assert_eq!(fake.connections, std::slice::from_ref(&entry));
    fake.sleep(minutes(5));
    assert_eq!(fake.connections, []);
}

#[test]
fn what_others_say_of_audit_mode_does_not_count() {
    let (mut fake, entry) = connected();
    let AgentObject::NetworkPolicy(mut lying) = audited(policy("deny", "b", &[], None), -20, -10)
    else {
        panic!("no policy")
    };
    lying.tell_time(Timestamp(MOMENT.0 - 900_000));
    assert!(lying.is_audited());
    fake.apply(AgentObject::NetworkPolicy(lying));
    fake.settle();
    assert_eq!(fake.revoked, [entry]);
}

#[test]
fn a_clock_that_is_set_is_noticed() {
    let (mut fake, entry) = connected();
    fake.apply(audited(policy("deny", "b", &[], None), 0, 100_000));
    fake.settle();
    fake.epoch = Timestamp(fake.epoch.0 + 100_000 * 60_000);
    fake.sleep(minutes(1));
    assert_eq!(fake.revoked, [entry]);
}

#[test]
fn without_policies_in_audit_mode_nothing_is_looked_at() {
    let (mut fake, _) = connected();
    fake.apply(audited(policy("deny", "b", &[], None), 0, 10));
    fake.settle();
    fake.delete(AgentKey::NetworkPolicy(named("deny")));
    fake.settle();
    fake.sleep(minutes(2));
    fake.forget_log();
    let asleep = fake.machine.handle(crate::state::Event::Tick, fake.now);
    assert_eq!(asleep, []);
}
