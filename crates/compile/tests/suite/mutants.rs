//! Each rule that judges is needed: without it some connection fares otherwise than the specification says.

use std::collections::BTreeSet;

use ringfence_compile::Enforcement;
use ringfence_model::{Answer, Cluster, Direction, Endpoint};
use ringfence_net::Protocol;
use ringfence_reference::answer;
use ringfence_testkit::builder::{self, tcp};
use ringfence_testkit::decider::Verdict;
use ringfence_testkit::flows::{self, ProbeFlow};
use ringfence_testkit::generate::{Shape, cluster};
use ringfence_testkit::random::Random;

use crate::evaluated::judge;
use crate::world::World;

/// What becomes of a flow, and of which directions it is reported that policies in audit mode would deny it.
type Seen = (Option<Verdict>, BTreeSet<Direction>);

/// A world, and what becomes of some flows in it.
struct Case {
    world: World,
    flows: Vec<(ProbeFlow, Seen)>,
}

fn case(seed: u64) -> Case {
    let cluster = cluster(seed, Shape::WIRED_EVERYTHING);
    let flows = flows::sample(&cluster, 150, &mut Random::new(seed));
    of_flows(&cluster, flows)
}

/// A node that dials a Service at its own port over IPv6, which random flows hardly ever do.
fn at_node_port() -> Case {
    let cluster = builder::cluster()
        .with(builder::node("n1", &["192.168.0.11", "fd01::11"]))
        .with(
            builder::service("x/web")
                .address("fd00:96::10")
                .port(tcp(80), 80)
                .node_port(30_080),
        )
        .build();
    let flow = ProbeFlow {
        source: Endpoint::Node("n1".to_owned()),
        destination: Endpoint::Address(builder::address("fd01::11")),
        protocol: Protocol::Tcp.into(),
        port: Some(30_080),
    };
    of_flows(&cluster, vec![flow])
}

fn of_flows(cluster: &Cluster, flows: Vec<ProbeFlow>) -> Case {
    let world = World::new(cluster, Enforcement::On);
    let flows = flows
        .into_iter()
        .filter_map(|flow| {
            let seen = seen(&world, &flow, &answer(cluster, &flow).ok()?);
            seen.0.is_some().then_some((flow, seen))
        })
        .collect();
    Case { world, flows }
}

fn seen(world: &World, flow: &ProbeFlow, answer: &Answer) -> Seen {
    world.take_audited();
    let verdict = judge(world, flow, answer);
    (verdict, world.take_audited())
}

/// Rules whose loss no opening packet of these flows shows: what is tracked, spoofed, unknown, tunnelled, masqueraded or
/// let in by a load balancer, how somebody is told that nobody answers,
/// what an earlier judgement leaves in the register, and reports, which decide nothing. Few flows of the second family meet policies in audit mode;
/// `verify` proves those chains, and those of host firewalls. `hooks` tests each of them, `tiers` what a pod sends to itself.
fn is_tested_elsewhere(chain: &str, text: &str) -> bool {
    let chain_is = |names: &[&str]| names.contains(&chain);
    let drops = [
        "spoofed",
        "unwired",
        "invalid",
        "midstream",
        "tunnel",
        "unlisted",
        "host",
    ];
    chain_is(&[
        "prerouting",
        "unwired",
        "postrouting",
        "strict",
        "related",
        "feeders",
        "guard",
    ]) || text == "goto drop-unwired"
        || chain.starts_with("host")
        || chain.starts_with("trial")
        || drops.iter().any(|reason| chain == format!("drop-{reason}"))
        || text.starts_with("limit rate")
        || chain.contains("-self")
        || chain.ends_with("-audit6")
        || text.starts_with("ct state")
        || text.contains("vethrf")
        || text.contains("icmpv6 type")
        || text.contains("@tunnels")
        || text.ends_with("jump guard")
        || text.ends_with("reject with tcp reset")
        || text == "jump strict"
        || text == "meta priority set none"
}

/// Whether a flow fares otherwise without the rule.
fn is_noticed(case: &mut Case, chain: &str, index: usize) -> bool {
    let mut removed = Vec::new();
    for compiled in case.world.nodes.values_mut() {
        if let Some(found) = compiled.table.chains.get_mut(chain) {
            removed.push(found.rules.remove(index));
        }
    }
    let noticed = case.flows.iter().any(|(flow, before)| {
        let answer = answer(&case.world.cluster, flow).unwrap();
        seen(&case.world, flow, &answer) != *before
    });
    let tables = case.world.nodes.values_mut();
    let chains = tables.filter_map(|compiled| compiled.table.chains.get_mut(chain));
    for (found, rule) in chains.zip(removed) {
        found.rules.insert(index, rule);
    }
    noticed
}

#[test]
fn every_rule_that_judges_is_needed() {
    let mut cases: Vec<Case> = (0..400).map(case).chain([at_node_port()]).collect();
    let chains = cases[0].world.nodes["n1"].table.chains.clone();
    let mut missed = Vec::new();
    let mut tried = 0;
    for (name, chain) in chains
        .iter()
        .filter(|(name, _)| !name.starts_with("balance"))
    {
        for (index, rule) in chain.rules.iter().enumerate() {
            if is_tested_elsewhere(name, &rule.to_string()) {
                continue;
            }
            tried += 1;
            if !cases.iter_mut().any(|case| is_noticed(case, name, index)) {
                missed.push(format!("{name} {index}: {rule}"));
            }
        }
    }
    assert!(
        missed.is_empty(),
        "{tried} rules tried\n{}",
        missed.join("\n")
    );
    assert!(tried > 45, "{tried}");
}
