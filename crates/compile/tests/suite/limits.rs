//! What one policy can cost: a rule above the bound is left out and named, and its pods stay isolated.

use ringfence_compile::{Bound, Compiled, Enforcement, Limits, NodeView, compile_within};
use ringfence_model::{Cluster, Direction, PolicyName};
use ringfence_net::Protocol;
use ringfence_testkit::builder::{
    ClusterBuilder, RuleBuilder, block, cluster, labels, namespace, node, pod, policy, ports, rule,
    tcp,
};

use crate::world::{endpoints, network};

const SMALL: Limits = Limits {
    elements_per_rule: 12,
    elements_per_node: 40,
};

fn base() -> ClusterBuilder {
    cluster()
        .with(namespace("shop", &[]))
        .with(namespace("other", &[]))
        .with(node("n1", &["192.168.0.11"]))
        .with(web("shop/web", "10.0.1.10"))
        .with(web("other/web", "10.0.1.11"))
}

fn web(name: &str, address: &str) -> ringfence_testkit::builder::PodBuilder {
    let web = pod(name).label("app", "web").address(address);
    web.on_node("n1")
}

/// A rule about so many blocks and so many ranges of ports.
fn product(blocks: u16, ranges: u16) -> RuleBuilder {
    let with_blocks = (0..blocks).fold(rule(), |rule, index| {
        let [high, low] = index.to_be_bytes();
        rule.peer(block(&format!("172.16.{high}.{low}/32"), &[]))
    });
    (0..ranges).fold(with_blocks, |rule, index| {
        let first = 1000 + 3 * index;
        rule.port(ports(Protocol::Tcp, first, first + 1))
    })
}

fn on_n1(cluster: &Cluster, limits: Limits) -> Compiled {
    let view = NodeView {
        name: "n1",
        endpoints: &endpoints(cluster, "n1"),
        network: &network(),
        enforcement: Enforcement::On,
    };
    compile_within(cluster, &view, limits).unwrap()
}

fn count(compiled: &Compiled, set: &str) -> usize {
    compiled.table.sets[set].elements.len()
}

/// The elements that a policy causes.
fn of(compiled: &Compiled, policy: &str) -> usize {
    let origins = compiled.origins.values();
    let is_of = |name: &PolicyName| name.to_string() == policy;
    origins
        .filter(|origins| origins.iter().any(|origin| is_of(&origin.policy)))
        .count()
}

#[test]
fn a_rule_at_the_bound_is_compiled_and_one_above_it_is_left_out_alone() {
    let with = |big: RuleBuilder| {
        let mixed = policy("shop/mixed").ingress(rule().port(tcp(80)));
        let others = policy("other/small").ingress(product(2, 2));
        let cluster = base().with(mixed.ingress(big)).with(others).build();
        on_n1(&cluster, SMALL)
    };
    let below = with(product(4, 3));
    assert_eq!(below.refused, []);
    assert_eq!(count(&below, "ingress-ranges4"), 12 + 4);

    let above = with(product(13, 1));
    let [refused] = &above.refused[..] else {
        panic!("{:?}", above.refused)
    };
    assert_eq!(refused.policy.to_string(), "shop/mixed");
    assert_eq!((refused.direction, refused.rule), (Direction::Ingress, 1));
    assert_eq!(
        (refused.bound, refused.elements, refused.limit),
        (Bound::Rule, 13, 12)
    );
    assert_eq!(
        refused.to_string(),
        "policy shop/mixed ingress[1] is left out: it takes 13 set elements per pod address, and 12 are allowed"
    );
    assert_eq!(count(&above, "ingress4"), 2, "both pods stay isolated");
    assert_eq!(of(&above, "shop/mixed"), 2, "the isolation and port 80");
    assert_eq!(of(&above, "other/small"), of(&below, "other/small"));
}

#[test]
fn above_the_bound_of_the_node_the_costliest_rules_go_first() {
    let cluster = |reversed: bool| {
        let mut policies = vec![
            policy("shop/a").ingress(product(4, 3)),
            policy("shop/b").ingress(product(5, 2)),
            policy("other/c").ingress(product(2, 2)),
            policy("other/d").ingress(product(11, 1)),
            policy("other/e").ingress(product(3, 3)),
        ];
        if reversed {
            policies.reverse();
        }
        let cluster = policies.into_iter().fold(base(), ClusterBuilder::with);
        on_n1(&cluster.build(), SMALL)
    };
    let compiled = cluster(false);
    let refused = compiled.refused.iter();
    let refused: Vec<String> = refused.map(ToString::to_string).collect();
    assert_eq!(
        refused,
        [
            "policy shop/a ingress[0] is left out: it takes 12 set elements, and the rules of this node together exceed 40"
        ]
    );
    assert_eq!(count(&compiled, "ingress4"), 2);
    assert_eq!(of(&compiled, "shop/a"), 1, "its isolation alone");
    assert_eq!(compiled, cluster(true));
}

#[test]
fn a_thousand_blocks_times_a_thousand_ranges_cost_nothing() {
    let cluster = base().with(policy("shop/huge").ingress(product(1000, 1000)));
    let compiled = on_n1(&cluster.build(), Limits::default());
    assert_eq!(compiled.refused[0].elements, 1_000_000);
    assert_eq!(count(&compiled, "ingress4"), 1);
    let sets = compiled.table.sets.values();
    let elements: usize = sets.map(|set| set.elements.len()).sum();
    assert!(elements < 50, "{elements}");
}

#[test]
fn holes_in_every_block_are_counted_as_well() {
    let holed = (0..200).fold(rule(), |rule, index| {
        rule.peer(block("0.0.0.0/0", &[&format!("172.16.0.{index}/32")]))
    });
    let cluster = base().with(policy("shop/holes").ingress(holed)).build();
    let compiled = on_n1(&cluster, Limits::default());
    assert_eq!(compiled.refused[0].bound, Bound::Rule);
    assert_eq!(count(&compiled, "blocks4"), 0);
}

#[test]
fn large_policies_of_everyday_fit() {
    let cluster = base()
        .with(policy("shop/large").ingress(product(500, 4)))
        .build();
    let compiled = on_n1(&cluster, Limits::default());
    assert_eq!(compiled.refused, []);
    assert_eq!(count(&compiled, "ingress-ranges4"), 2000);
}

/// Small rules that cut each other into many pieces would be a product again.
#[test]
fn rules_that_overlap_do_not_multiply() {
    let singles = (0..2000).fold(rule(), |rule, index| rule.port(tcp(2 * index)));
    let wide = (0..=255).fold(rule(), |rule, index| {
        rule.peer(block(&format!("172.16.0.{index}/32"), &[]))
    });
    let selector = labels(&[("app", "web")]);
    let both = policy("shop/both").select(selector).ingress(singles);
    let both = both.ingress(wide.port(ports(Protocol::Tcp, 1, 60_000)));
    let compiled = on_n1(&base().with(both).build(), Limits::default());
    assert_eq!(compiled.refused, []);
    assert_eq!(count(&compiled, "ingress-ports4"), 2000);
    assert_eq!(count(&compiled, "ingress-ranges4"), 256);
}
