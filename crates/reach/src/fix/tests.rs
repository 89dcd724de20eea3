use ringfence_model::{Endpoint, IpBlock, Outcome, PolicyPeer, PolicyPort, PortMatch, Query};
use ringfence_net::{ConnectionSet, IpProtocol, PortRange, PortSet, Protocol};
use ringfence_policy::Engine;
use ringfence_testkit::builder::{
    address, cluster, labels, name, namespace, network, node, pod, pods, policy, rule,
};

use super::{Edit, Fix, Flow, Goal, Wish, fixes, hunk};

fn tcp(port: u16) -> PolicyPort {
    PolicyPort {
        protocol: Protocol::Tcp,
        port: PortMatch::Range(PortRange::single(port)),
    }
}

/// A database that takes queries of the web tier, beside a job.
fn shop() -> Engine {
    let queries = rule().peer(pods(labels(&[("app", "web")]))).port(tcp(5432));
    let made = cluster()
        .with(namespace("shop", &[]))
        .with(pod("shop/web").label("app", "web").address("10.0.0.1"))
        .with(pod("shop/web-2").label("app", "web").address("10.0.0.2"))
        .with(pod("shop/job").label("app", "job").address("10.0.0.3"))
        .with(pod("shop/db").label("app", "db").address("10.0.0.4"))
        .with(
            policy("shop/db")
                .select(labels(&[("app", "db")]))
                .ingress(queries),
        );
    Engine::new(made.build())
}

fn query(source: &str, port: u16) -> Query {
    Query {
        source: Endpoint::Pod(name(source)),
        destination: Endpoint::Pod(name("shop/db")),
        protocol: IpProtocol::from(Protocol::Tcp),
        port: Some(port),
    }
}

fn found(engine: &Engine, goal: Goal, source: &str, port: u16) -> Vec<Fix> {
    let flow = Flow {
        query: query(source, port),
        connections: ConnectionSet::of(Protocol::Tcp, PortSet::single(port)),
        is_for_alike: true,
    };
    let wish = Wish {
        goal,
        flows: &[flow],
        outside: &[],
    };
    fixes(engine, wish)
}

fn words(fixes: &[Fix]) -> Vec<String> {
    let edits = fixes.iter().flat_map(|fix| &fix.edits);
    edits.map(ToString::to_string).collect()
}

#[test]
fn what_changes_nothing_besides_comes_first() {
    let engine = shop();
    let fixes = found(&engine, Goal::Allow, "shop/job", 5432);
    assert_eq!(
        words(&fixes),
        [
            "add a peer to shop/db ingress[0]",
            "add an ingress rule to shop/db",
            "add the NetworkPolicy shop/db-from-job"
        ]
    );
    assert!(fixes.iter().all(|fix| fix.besides.is_empty()), "{fixes:#?}");
    let fixes = found(&engine, Goal::Allow, "shop/web", 22);
    let first = fixes.first().unwrap();
    assert_eq!(
        words(&fixes).first().unwrap(),
        "add a port to shop/db ingress[0]"
    );
    // Pods of the same labels are let in with it.
    let others: Vec<String> = first
        .besides
        .iter()
        .map(|pair| pair.source.to_string())
        .collect();
    assert_eq!(others, ["shop/web-2"]);
}

/// A web server that may open HTTPS to two nodes and to a block of others.
fn nodes_and_a_block() -> Engine {
    let block = |cidr: &str| {
        PolicyPeer::IpBlock(IpBlock {
            cidr: network(cidr),
            except: Vec::new(),
        })
    };
    let https = ["192.168.0.1/32", "192.168.0.2/32", "10.1.0.0/16"]
        .into_iter()
        .fold(rule(), |rule, cidr| rule.peer(block(cidr)));
    let made = cluster()
        .with(namespace("shop", &[]))
        .with(node("k1", &["192.168.0.1"]))
        .with(node("k2", &["192.168.0.2"]))
        .with(
            pod("shop/web")
                .label("app", "web")
                .address("10.0.0.1")
                .on_node("k1"),
        )
        .with(
            policy("shop/web")
                .select(labels(&[("app", "web")]))
                .egress(https.port(tcp(443))),
        );
    Engine::new(made.build())
}

/// Each edit with what it changes besides, where `goal` is wanted of the web server's connections to `destination`.
fn besides(goal: Goal, destination: Endpoint, port: u16) -> Vec<(String, Vec<String>)> {
    let flow = Flow {
        query: Query {
            source: Endpoint::Pod(name("shop/web")),
            destination,
            protocol: IpProtocol::from(Protocol::Tcp),
            port: Some(port),
        },
        connections: ConnectionSet::of(Protocol::Tcp, PortSet::single(port)),
        is_for_alike: false,
    };
    let wish = Wish {
        goal,
        flows: &[flow],
        outside: &[],
    };
    let besides = |fix: &Fix| {
        let pairs = fix.besides.iter();
        pairs.map(|pair| pair.destination.to_string()).collect()
    };
    let fixes = fixes(&nodes_and_a_block(), wish);
    let told = fixes.iter();
    told.map(|fix| (words(std::slice::from_ref(fix)).join(", "), besides(fix)))
        .collect()
}

#[test]
fn what_an_edit_does_to_other_nodes_and_the_rest_of_a_block_is_told() {
    let node = || Endpoint::Node("k1".to_owned());
    let of = |found: Vec<(String, Vec<String>)>, edit: &str| {
        let edits = found.iter();
        let edit = edits.clone().find(|(what, _)| what.starts_with(edit));
        edit.unwrap_or_else(|| panic!("{found:?}")).1.clone()
    };
    let port = "add a port to shop/web egress[0]";
    let rule = "add an egress rule to shop/web";
    let to_node = || besides(Goal::Allow, node(), 80);
    assert_eq!(of(to_node(), port), ["nodes", "10.1.0.0/16"]);
    assert!(of(to_node(), rule).is_empty());
    let host = Endpoint::Address(address("10.1.2.3"));
    let to_host = || besides(Goal::Allow, host.clone(), 80);
    assert_eq!(of(to_host(), port), ["nodes", "10.1.0.0/16"]);
    assert!(of(to_host(), rule).is_empty());
    let closed = besides(Goal::Deny, node(), 443);
    let whole = of(closed.clone(), "remove shop/web egress[0]");
    assert_eq!(whole, ["nodes", "10.1.0.0/16"], "{closed:?}");
}

#[test]
fn wishes_that_are_true_need_nothing() {
    assert!(found(&shop(), Goal::Allow, "shop/web", 5432).is_empty());
    assert!(found(&shop(), Goal::Deny, "shop/web", 22).is_empty());
}

#[test]
fn an_only_port_is_not_taken_out_of_its_rule_which_would_open_every_port() {
    let fixes = found(&shop(), Goal::Deny, "shop/web", 5432);
    assert!(!fixes.is_empty());
    for fix in fixes {
        let mut after = shop();
        for edit in &fix.edits {
            assert!(
                !matches!(edit, Edit::ReplacePort(_, _, by) if by.is_empty()),
                "{fix:?}"
            );
            let change = edit.change(after.cluster()).unwrap();
            after.apply(change);
        }
        let outcome = after.answer(&query("shop/web", 5432)).unwrap().outcome;
        assert_eq!(outcome, Outcome::Deny);
    }
}

#[test]
fn hunks_show_what_differs_and_two_lines_around_it() {
    let found = hunk("a\nb\nc\nd\ne\n", "a\nb\nc\nx\nd\ne\n");
    assert_eq!((found.line, found.lines), (2, (4, 5)));
    assert_eq!(found.text, [" b", " c", "+x", " d", " e"]);
    let removed = hunk("a\nb\nb\nc\n", "a\nb\nc\n");
    assert_eq!(removed.text, [" a", " b", "-b", " c"]);
}
