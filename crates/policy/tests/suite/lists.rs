//! Rules that list more blocks than are asked one by one (rules NP-40, NP-41).

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};
use ringfence_model::{
    Cluster, Direction, Endpoint, IpBlock, NetworkPolicy, PolicyPeer, PolicyRule, Query,
};
use ringfence_net::{IpProtocol, Protocol};
use ringfence_policy::{Change, Engine};
use ringfence_reference::answer;
use ringfence_testkit::builder::{cluster, labels, node, pod, pods, policy, rule, tcp};
use ringfence_testkit::random::Random;

/// A block of 10.0.0.0/24, so that many are nested, are equal or meet.
fn small(random: &mut Random, shortest: u8) -> IpNet {
    let length = shortest + u8::try_from(random.below(usize::from(33 - shortest))).unwrap();
    let last = u8::try_from(random.below(256)).unwrap();
    let block = Ipv4Net::new([10, 0, 0, last].into(), length).unwrap();
    IpNet::V4(block.trunc())
}

fn list(random: &mut Random, blocks: usize) -> PolicyRule {
    let peers = (0..blocks).map(|_| {
        let holes = random.below(4);
        PolicyPeer::IpBlock(IpBlock {
            cidr: small(random, 24),
            except: (0..holes).map(|_| small(random, 25)).collect(),
        })
    });
    let mut list = PolicyRule {
        peers: peers.collect(),
        ports: rule().port(tcp(443)).build().ports,
        source: None,
    };
    if random.chance(50) {
        list.peers.push(pods(labels(&[("app", "db")])));
    }
    random.shuffle(&mut list.peers);
    list
}

fn listing(random: &mut Random) -> NetworkPolicy {
    let web = policy("shop/web").select(labels(&[("app", "web")]));
    let mut found = web.types(&[Direction::Egress, Direction::Ingress]).build();
    // Some lists are long, some are not.
    for _ in 0..2 {
        let lengths = [random.between(1, 10), random.between(16, 40)];
        found
            .egress
            .extend(lengths.map(|blocks| list(random, blocks)));
        found
            .ingress
            .extend(lengths.map(|blocks| list(random, blocks)));
    }
    let (few, many) = (random.below(3), random.below(3));
    found.egress.truncate(few + 1);
    found.ingress.truncate(many + 1);
    // And some policies have many rules.
    for rules in [&mut found.egress, &mut found.ingress] {
        let short = random.pick(&[0, 20, 60]).copied().unwrap();
        for _ in 0..short {
            let blocks = random.between(1, 3);
            rules.push(list(random, blocks));
        }
        random.shuffle(rules);
    }
    found
}

fn world(random: &mut Random) -> Cluster {
    cluster()
        .with(pod("shop/web").label("app", "web").address("10.0.0.77"))
        .with(pod("shop/db").label("app", "db").address("10.0.0.200"))
        .with(pod("shop/new").label("app", "new"))
        .with(node("n1", &["10.0.0.3"]))
        .with(listing(random))
        .build()
}

fn queries() -> Vec<Query> {
    let web = || Endpoint::Pod("shop/web".parse().unwrap());
    let addresses = (0..=u8::MAX).map(|last| Endpoint::Address(IpAddr::from([10, 0, 0, last])));
    let others = ["shop/db", "shop/new"].map(|name| Endpoint::Pod(name.parse().unwrap()));
    let outside = Endpoint::Address("2001:db8::1".parse().unwrap());
    let ends = addresses.chain(others).chain([outside]);
    ends.flat_map(|end| [(web(), end.clone()), (end, web())])
        .map(|(source, destination)| Query {
            source,
            destination,
            protocol: IpProtocol::from(Protocol::Tcp),
            port: Some(443),
        })
        .collect()
}

#[test]
fn a_long_list_means_to_the_engine_what_it_means_to_the_reference() {
    for seed in 0..40 {
        let mut random = Random::new(seed);
        let cluster = world(&mut random);
        let engine = Engine::new(cluster.clone());
        for query in queries() {
            assert_eq!(
                engine.answer(&query),
                answer(&cluster, &query),
                "seed {seed}: {query:?}"
            );
        }
    }
}

/// What was looked up in a list is forgotten with it.
#[test]
fn an_engine_follows_lists_that_change() {
    let mut random = Random::new(7);
    let mut engine = Engine::new(world(&mut random));
    for step in 0..12 {
        engine.prepare();
        for query in queries() {
            let expected = answer(engine.cluster(), &query);
            assert_eq!(engine.answer(&query), expected, "step {step}: {query:?}");
        }
        let next = listing(&mut random);
        if random.chance(25) {
            engine.apply(Change::RemoveNetworkPolicy(next.name.clone()));
        } else {
            engine.apply(Change::SetNetworkPolicy(next));
        }
        let anew = Engine::new(engine.cluster().clone());
        let web = "shop/web".parse().unwrap();
        for last in 0..=u8::MAX {
            let address = IpAddr::from([10, 0, 0, last]);
            let reach = |engine: &Engine| {
                let (web, peer) = (engine.class_of_pod(&web), engine.class_of_address(address));
                engine.between(web.unwrap(), peer)
            };
            assert_eq!(reach(&engine), reach(&anew), "step {step}: {address}");
        }
    }
}
