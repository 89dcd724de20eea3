//! Exactly the connections that the new table denies end (rule AM-10).

use ringfence_model::ClusterPolicy;
use ringfence_net::Protocol;
use ringfence_netlink::conntrack::{End, Entry, Transport, Tuple, status};
use ringfence_testkit::builder::{admin, deny, labels, pods_anywhere};

use super::cluster::{
    connection, egress_policy, endpoint, from_app, from_block, id, ip, named, namespace, node, pod,
    policy, service, translated,
};
use super::node::{Commits, Did, FakeNode};
use crate::protocol::{AgentKey, AgentObject};

const TCP: u8 = 6;
const UDP: u8 = 17;
const A: &str = "10.244.1.2";
const A6: &str = "fd00:10::2";
const B: &str = "10.244.1.3";
const B6: &str = "fd00:10::3";
const REMOTE: &str = "10.244.2.2";
const NODE: &str = "192.0.2.1";
const NODE6: &str = "2001:db8::1";
const OUTSIDE: &str = "203.0.113.9";
const VIP: &str = "10.96.0.10";

/// Pods `a` and `b` here, `remote` elsewhere, a Service before `b`.
fn cluster() -> FakeNode {
    let mut remote = pod("remote", &[REMOTE]);
    remote.node = Some("two".to_owned());
    let mut fake = FakeNode::synced([
        namespace(),
        node(),
        AgentObject::Pod(pod("a", &[A, A6])),
        AgentObject::Pod(pod("b", &[B, B6])),
        AgentObject::Pod(remote),
        AgentObject::Service(service("svc", "b", VIP, 80, 8080)),
    ]);
    fake.local.insert(ip(NODE6));
    fake.wire(endpoint("a", &[A, A6]), 1);
    fake.wire(endpoint("b", &[B, B6]), 2);
    fake.settle();
    fake.forget_log();
    fake
}

/// Applies the policies with these connections alive, and checks which of them end.
fn expect(policies: &[ringfence_model::NetworkPolicy], table: &[(&str, Entry, bool)]) {
    let mut fake = cluster();
    fake.connections = table.iter().map(|(_, entry, _)| entry.clone()).collect();
    for policy in policies {
        fake.apply(AgentObject::NetworkPolicy(policy.clone()));
        fake.settle();
    }
    for (what, entry, ends) in table {
        assert_eq!(fake.revoked.contains(entry), *ends, "{what}");
        assert_eq!(fake.connections.contains(entry), !ends, "{what}");
    }
}

fn ping(from: &str, to: &str, number: u16) -> Entry {
    let protocol = if from.contains(':') { 58 } else { 1 };
    let (query, answer) = if from.contains(':') {
        (128, 129)
    } else {
        (8, 0)
    };
    let tuple = |source, destination, kind| Tuple {
        source: ip(source),
        destination: ip(destination),
        transport: Transport::Icmp {
            protocol,
            kind,
            code: 0,
            id: number,
        },
    };
    let plain = connection(protocol, (from, number), (to, 0));
    Entry {
        original: tuple(from, to, query),
        reply: tuple(to, from, answer),
        ..plain
    }
}

#[test]
fn a_deny_of_everything_ends_what_reaches_the_pod_and_nothing_else() {
    expect(
        &[policy("deny", "b", &[], None)],
        &[
            ("pod to pod", connection(TCP, (A, 1), (B, 8080)), true),
            ("datagrams", connection(UDP, (A, 2), (B, 53)), true),
            ("IPv6", connection(TCP, (A6, 3), (B6, 8080)), true),
            ("ping", ping(A, B, 4), true),
            ("ping over IPv6", ping(A6, B6, 5), true),
            (
                "through the Service",
                translated(TCP, (A, 6), (VIP, 80), (B, 8080), (A, 6)),
                true,
            ),
            (
                "from another node through the Service",
                translated(TCP, (REMOTE, 21), (VIP, 80), (B, 8080), (REMOTE, 21)),
                true,
            ),
            (
                "from another node",
                connection(TCP, (REMOTE, 7), (B, 8080)),
                true,
            ),
            (
                "from outside",
                connection(TCP, (OUTSIDE, 8), (B, 8080)),
                true,
            ),
            ("the pod's own", connection(TCP, (B, 9), (A, 8080)), false),
            (
                "the pod to outside",
                translated(TCP, (B, 10), (OUTSIDE, 443), (OUTSIDE, 443), (NODE, 10)),
                false,
            ),
            (
                "the pod to its node",
                connection(TCP, (B, 11), (NODE, 22)),
                false,
            ),
            (
                "the node to the pod",
                connection(TCP, (NODE, 12), (B, 8080)),
                false,
            ),
            (
                "the node over IPv6",
                connection(TCP, (NODE6, 13), (B6, 8080)),
                false,
            ),
            (
                "the node through the Service",
                translated(TCP, (NODE, 14), (VIP, 80), (B, 8080), (NODE, 14)),
                false,
            ),
            (
                "the pod to itself",
                connection(TCP, (B, 15), (B, 8080)),
                false,
            ),
            (
                "the pod to itself through the Service",
                translated(TCP, (B, 16), (VIP, 80), (B, 8080), ("169.254.1.1", 16)),
                false,
            ),
            (
                "another pod",
                connection(TCP, (OUTSIDE, 17), (A, 8080)),
                false,
            ),
            (
                "the node's own",
                connection(TCP, (NODE, 18), (OUTSIDE, 443)),
                false,
            ),
            (
                "passing through",
                connection(TCP, (REMOTE, 19), (OUTSIDE, 443)),
                false,
            ),
            (
                "loopback",
                connection(TCP, ("127.0.0.1", 20), ("127.0.0.1", 80)),
                false,
            ),
        ],
    );
}

#[test]
fn what_a_rule_allows_goes_on() {
    expect(
        &[policy(
            "some",
            "b",
            &[from_app("a"), from_block("203.0.113.0/24")],
            Some(8080),
        )],
        &[
            (
                "allowed peer and port",
                connection(TCP, (A, 1), (B, 8080)),
                false,
            ),
            ("another port", connection(TCP, (A, 2), (B, 8081)), true),
            ("another protocol", connection(UDP, (A, 3), (B, 8080)), true),
            (
                "another peer",
                connection(TCP, (REMOTE, 4), (B, 8080)),
                true,
            ),
            (
                "the port behind the Service",
                translated(TCP, (A, 5), (VIP, 80), (B, 8080), (A, 5)),
                false,
            ),
            (
                "allowed by block",
                connection(TCP, (OUTSIDE, 6), (B, 8080)),
                false,
            ),
            ("ping has no port", ping(A, B, 7), true),
            (
                "allowed over IPv6",
                connection(TCP, (A6, 8), (B6, 8080)),
                false,
            ),
        ],
    );
}

#[test]
fn a_rule_without_ports_allows_ping() {
    expect(
        &[policy("any", "b", &[from_app("a")], None)],
        &[
            ("ping", ping(A, B, 1), false),
            ("from outside", ping(OUTSIDE, B, 2), true),
        ],
    );
}

#[test]
fn egress_is_judged_by_the_real_destination() {
    expect(
        &[egress_policy("out", "a", &[from_app("b")], Some(8080))],
        &[
            ("allowed", connection(TCP, (A, 1), (B, 8080)), false),
            (
                "the Service",
                translated(TCP, (A, 2), (VIP, 80), (B, 8080), (A, 2)),
                false,
            ),
            (
                "outside, masqueraded",
                translated(TCP, (A, 3), (OUTSIDE, 443), (OUTSIDE, 443), (NODE, 3)),
                true,
            ),
            ("the own node", connection(TCP, (A, 4), (NODE, 22)), true),
            (
                "ingress to the pod",
                connection(TCP, (B, 5), (A, 80)),
                false,
            ),
            (
                "the other pod's",
                connection(TCP, (B, 6), (OUTSIDE, 443)),
                false,
            ),
            (
                "the node to the pod",
                connection(TCP, (NODE, 7), (A, 80)),
                false,
            ),
            ("IPv6", connection(TCP, (A6, 8), (B6, 8081)), true),
        ],
    );
}

#[test]
fn a_block_of_the_service_address_alone_keeps_no_connection() {
    expect(
        &[egress_policy(
            "out",
            "a",
            &[from_block("10.96.0.0/16")],
            None,
        )],
        &[(
            "the Service",
            translated(TCP, (A, 2), (VIP, 80), (B, 8080), (A, 2)),
            true,
        )],
    );
}

#[test]
fn entries_of_other_zones_are_not_ours() {
    let mut foreign = connection(TCP, (A, 1), (B, 8080));
    foreign.zone = 7;
    expect(
        &[policy("deny", "b", &[], None)],
        &[("another zone", foreign, false)],
    );
}

#[test]
fn loosening_looks_at_no_connection() {
    let mut fake = cluster();
    fake.apply(AgentObject::NetworkPolicy(policy("deny", "b", &[], None)));
    fake.settle();
    fake.forget_log();
    fake.apply(AgentObject::NetworkPolicy(policy(
        "more",
        "b",
        &[from_app("a")],
        Some(80),
    )));
    fake.settle();
    fake.delete(AgentKey::NetworkPolicy(named("deny")));
    fake.settle();
    fake.delete(AgentKey::NetworkPolicy(named("more")));
    fake.settle();
    let listed = fake
        .log
        .iter()
        .filter(|did| **did == Did::ListConnections)
        .count();
    assert!(listed <= 1, "{:?}", fake.log);
    assert_eq!(fake.revoked, []);
}

#[test]
fn a_peer_that_loses_its_label_or_goes_loses_its_connection() {
    for goes in [false, true] {
        let mut fake = cluster();
        // Another pod keeps what the policy allows to pods of this label.
        let mut twin = pod("twin", &["10.244.2.3"]);
        twin.labels = super::cluster::labels("remote");
        fake.apply(AgentObject::Pod(twin));
        fake.apply(AgentObject::NetworkPolicy(policy(
            "some",
            "b",
            &[from_app("remote")],
            None,
        )));
        fake.settle();
        let (kept, lost) = (
            connection(TCP, (NODE, 1), (B, 80)),
            connection(TCP, (REMOTE, 2), (B, 80)),
        );
        fake.connections = vec![kept.clone(), lost];
        if goes {
            fake.delete(AgentKey::Pod(named("remote")));
        } else {
            let mut relabelled = pod("remote", &[REMOTE]);
            relabelled.labels.clear();
            fake.apply(AgentObject::Pod(relabelled));
        }
        fake.settle();
        assert_eq!(fake.connections, [kept], "goes: {goes}");
    }
}

#[test]
fn a_start_ends_what_was_denied_while_no_agent_was_there() {
    let deny = policy("deny", "b", &[], None);
    let mut first = cluster();
    first.apply(AgentObject::NetworkPolicy(deny.clone()));
    first.settle();
    // The table is in place already: the first agent died before it could revoke.
    let mut second = FakeNode::with_table(first.table.clone());
    second.connections = vec![
        connection(TCP, (A, 1), (B, 80)),
        connection(TCP, (B, 2), (A, 80)),
    ];
    second.load(vec![endpoint("a", &[A, A6]), endpoint("b", &[B, B6])]);
    let cluster = first.machine.cluster().clone();
    let pods = cluster.pods.into_values().map(AgentObject::Pod);
    let services = cluster.services.into_values().map(AgentObject::Service);
    let rest = [namespace(), node(), AgentObject::NetworkPolicy(deny)];
    second.sync(pods.chain(services).chain(rest), 1);
    second.settle();
    assert_eq!(second.transactions.len(), 0);
    assert_eq!(second.connections, [connection(TCP, (B, 2), (A, 80))]);
}

#[test]
fn a_released_address_leaves_no_connection_however_it_was_translated() {
    let mut fake = cluster();
    let other = connection(TCP, (A, 4), (OUTSIDE, 80));
    fake.connections = vec![
        translated(TCP, (A, 1), (VIP, 80), (B, 8080), (A, 1)),
        translated(UDP, (B, 2), (OUTSIDE, 53), (OUTSIDE, 53), (NODE, 2)),
        connection(Protocol::Sctp.number(), (NODE6, 3), (B6, 80)),
        other.clone(),
    ];
    fake.release(id("b"), 3);
    fake.settle();
    assert_eq!(fake.connections, [other]);
}

#[test]
fn a_commit_whose_confirmation_is_lost_is_judged_all_the_same() {
    let mut fake = cluster();
    fake.connections = vec![connection(TCP, (A, 1), (B, 80))];
    fake.commits = Commits::Unconfirmed;
    fake.apply(AgentObject::NetworkPolicy(policy("deny", "b", &[], None)));
    fake.settle();
    fake.sleep(std::time::Duration::from_secs(1));
    assert_eq!(fake.connections, []);
}

fn without_late_pods(pods: &str) -> ClusterPolicy {
    admin("late", 1)
        .ingress(deny().pods(pods_anywhere(labels(&[("app", pods)]))))
        .build()
}

#[test]
fn a_denial_of_the_cluster_ends_what_it_denies() {
    let mut fake = cluster();
    let (kept, lost) = (
        connection(TCP, (A, 1), (B, 80)),
        connection(TCP, (REMOTE, 2), (B, 80)),
    );
    fake.connections = vec![kept.clone(), lost];
    let policy = without_late_pods("remote");
    let name = policy.name.clone();
    fake.apply(AgentObject::ClusterPolicy(policy));
    fake.settle();
    assert_eq!(fake.connections, std::slice::from_ref(&kept));
    // What only allows more makes nobody look.
    fake.forget_log();
    fake.delete(AgentKey::ClusterPolicy(name));
    fake.settle();
    assert_eq!(fake.connections, [kept]);
}

/// The pod has connections before this node hears of it, and then belongs to a class that is denied.
#[test]
fn a_pod_that_is_denied_as_soon_as_it_is_known_loses_its_connections() {
    let mut fake = cluster();
    let address = "10.244.2.9";
    let denied = [pod("other", &["10.244.2.8"])];
    for mut other in denied {
        other.labels = super::cluster::labels("late");
        other.node = Some("two".to_owned());
        fake.apply(AgentObject::Pod(other));
    }
    fake.apply(AgentObject::ClusterPolicy(without_late_pods("late")));
    fake.settle();
    let lost = connection(TCP, (address, 2), (B, 80));
    let kept = connection(TCP, (A, 1), (B, 80));
    fake.connections = vec![lost, kept.clone()];
    let mut late = pod("late", &[address]);
    late.node = Some("two".to_owned());
    fake.apply(AgentObject::Pod(late));
    fake.settle();
    assert_eq!(fake.connections, [kept]);
}

/// A Service over UDP that leads to the pods with the label of `backends`.
fn names(backends: &str) -> AgentObject {
    let mut service = service("names", backends, "10.96.0.53", 53, 5353);
    service.ports[0].protocol = Protocol::Udp;
    AgentObject::Service(service)
}

/// Nothing else would end it: an entry lives as long as a client goes on sending.
#[test]
fn datagrams_follow_their_service_to_another_backend() {
    let mut fake = cluster();
    fake.apply(names("b"));
    fake.settle();
    let dialled = ("10.96.0.53", 53);
    let lost = translated(UDP, (A, 1), dialled, (B, 5353), (A, 1));
    let by_node = translated(UDP, (NODE, 2), dialled, (B, 5353), (NODE, 2));
    let never_served = connection(UDP, (A, 3), dialled);
    let kept = [
        connection(UDP, (A, 4), (B, 5353)),
        translated(TCP, (A, 5), (VIP, 80), (B, 8080), (A, 5)),
        translated(UDP, (OUTSIDE, 6), (NODE, 8053), (B, 5353), (OUTSIDE, 6)),
    ];
    fake.connections = [lost, by_node, never_served].into();
    fake.connections.extend(kept.clone());
    fake.apply(names("remote"));
    fake.settle();
    assert_eq!(fake.connections, kept);
}

#[test]
fn datagrams_that_found_no_service_find_it_once_it_is_there() {
    let mut fake = cluster();
    let early = connection(UDP, (A, 1), ("10.96.0.53", 53));
    let other = connection(UDP, (A, 2), ("10.96.0.54", 53));
    fake.connections = vec![early, other.clone()];
    fake.apply(names("b"));
    fake.settle();
    assert_eq!(fake.connections, [other]);
}

#[test]
fn one_more_backend_ends_nothing() {
    let mut fake = cluster();
    fake.apply(names("b"));
    fake.settle();
    let kept = translated(UDP, (A, 1), ("10.96.0.53", 53), (B, 5353), (A, 1));
    fake.connections = vec![kept.clone()];
    let mut more = pod("remote", &[REMOTE]);
    more.labels = super::cluster::labels("b");
    more.node = Some("two".to_owned());
    fake.apply(AgentObject::Pod(more));
    fake.settle();
    assert_eq!(fake.connections, std::slice::from_ref(&kept));
    // Without the Service nobody answers at its address.
    fake.delete(AgentKey::Service(named("names")));
    fake.settle();
    assert_eq!(fake.connections, []);
}

/// The kernel looks at every entry for each end that it is asked about.
#[test]
fn only_the_end_that_is_judged_is_asked_for() {
    let [b, b6] = [ip(B), ip(B6)];
    for (policy, end) in [
        (policy("deny", "b", &[], None), End::Server),
        (egress_policy("deny", "b", &[], None), End::Client),
    ] {
        let mut fake = cluster();
        fake.apply(AgentObject::NetworkPolicy(policy));
        fake.settle();
        assert_eq!(fake.listed, Some([(b, end), (b6, end)].into()));
    }
}

fn unanswered(entry: Entry) -> Entry {
    Entry {
        status: status::CONFIRMED,
        ..entry
    }
}

/// Somebody else's table decided under which source they go; each packet would go so as the first did.
#[test]
fn a_repair_ends_what_was_translated_wrongly_and_not_answered() {
    let outside = (OUTSIDE, 443);
    let hidden = |port| translated(TCP, (A, port), (REMOTE, 80), (REMOTE, 80), (NODE, port));
    let bare = |port| connection(UDP, (A, port), outside);
    let lost = [unanswered(hidden(1)), unanswered(bare(2))];
    let kept = [
        hidden(3),
        bare(4),
        unanswered(connection(TCP, (A, 5), (REMOTE, 80))),
        unanswered(translated(TCP, (A, 6), outside, outside, (NODE, 6))),
        // Somebody else translates these, and nothing hides the node's own or what stays on it.
        unanswered(translated(TCP, (A, 7), outside, outside, ("192.0.2.77", 7))),
        unanswered(connection(TCP, (NODE, 8), outside)),
        unanswered(connection(TCP, (A, 9), (NODE, 22))),
        unanswered(translated(TCP, (A, 10), (VIP, 80), (B, 8080), (A, 10))),
        unanswered(connection(TCP, (OUTSIDE, 11), (B, 8080))),
    ];
    let mut fake = cluster();
    fake.connections = lost.iter().chain(&kept).cloned().collect();
    // A change that is about a few addresses looks at no translation.
    fake.apply(AgentObject::NetworkPolicy(policy(
        "some",
        "b",
        &[from_block("0.0.0.0/0")],
        None,
    )));
    fake.settle();
    assert_eq!(fake.revoked, []);
    fake.edit(|table| {
        let cluster = table.as_mut().unwrap().sets.get_mut("cluster4");
        cluster.unwrap().elements.clear();
    });
    fake.settle();
    assert_eq!(fake.revoked, lost);
    assert_eq!(fake.connections, kept);
}
