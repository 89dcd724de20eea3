//! From policies to the objects of a table, and back.

use ringfence_compile::trace::{Caused, Found, Listing, Sign, Trace, changes, outline};
use ringfence_compile::{Compiled, Origin, Supposed, suppose};
use ringfence_model::{Cluster, Direction, PolicyName};
use ringfence_net::Protocol;
use ringfence_testkit::builder::{
    ClusterBuilder, admin, cluster, deny, labels, namespace, namespaces, pod, pods_of, policy,
    rule, tcp,
};

use crate::world::compile_supposed;

fn demo() -> ClusterBuilder {
    cluster()
        .with(namespace("shop", &[]))
        .with(namespace("front", &[("purpose", "frontend")]))
        .with(pod("shop/web").label("app", "web").address("10.0.1.1"))
        .with(pod("shop/db").address("10.0.1.2"))
        .with(pod("front/client").address("10.0.2.1"))
        .with(policy("shop/deny"))
        .with(
            policy("shop/web-allow")
                .select(labels(&[("app", "web")]))
                .ingress(
                    rule()
                        .peer(namespaces(labels(&[("purpose", "frontend")])))
                        .port(tcp(80)),
                ),
        )
}

fn listing(cluster: &Cluster) -> Listing {
    let (supposed, compiled) = compiled(cluster);
    let policies = outline(cluster);
    Listing::new(
        &compiled.table,
        &compiled.origins,
        &supposed.endpoints,
        policies,
    )
}

fn compiled(cluster: &Cluster) -> (Supposed, Compiled) {
    let supposed = suppose(cluster, None);
    let compiled = compile_supposed(&supposed);
    (supposed, compiled)
}

fn name(text: &str) -> PolicyName {
    text.parse().unwrap()
}

fn parts(causes: &[&Origin]) -> Vec<String> {
    let part = |origin: &&Origin| format!("{} {:?}", origin.policy, origin.rule);
    causes.iter().map(part).collect()
}

fn caused(compiled: &Compiled) -> Caused<'_> {
    Caused {
        table: &compiled.table,
        origins: &compiled.origins,
    }
}

#[test]
fn a_policy_is_followed_into_every_object_that_it_became() {
    let listing = listing(&demo().build());
    let trace = Trace::new(&listing);
    let found = trace.policy(&name("shop/web-allow")).unwrap();
    let [isolation, allowed] = found.parts.as_slice() else {
        panic!("{found:#?}");
    };
    assert_eq!(isolation.part.rule, None);
    assert_eq!(isolation.elements[0].set, "ingress4");
    assert_eq!(isolation.elements[0].element.key, "10.0.1.1");
    let leads_to = isolation.elements[0].element.chain.as_deref();
    assert_eq!(leads_to, Some("ingress-judge4"));
    let at = |chain: &str, text: &str| {
        let mut rules = isolation.rules.iter();
        rules.any(|rule| rule.chain == chain && rule.rule.text == text)
    };
    assert!(at("ingress-judge4", "goto drop-ingress"), "{isolation:#?}");
    assert!(at("drop-ingress", "drop"), "{isolation:#?}");
    assert!(isolation.rules.iter().any(|rule| rule.chain == "opening4"));

    assert_eq!(allowed.part.rule, Some(0));
    assert_eq!(allowed.part.direction, Direction::Ingress);
    assert_eq!(allowed.elements[0].set, "ingress-ports4");
    assert_eq!(
        allowed.elements[0]
            .element
            .pod
            .as_ref()
            .unwrap()
            .to_string(),
        "shop/web"
    );
    let classes: Vec<_> = allowed
        .classes
        .iter()
        .map(|it| (it.set, it.element.key.as_str()))
        .collect();
    assert_eq!(classes, [("peers4", "10.0.2.1")]);
    assert!(
        allowed
            .rules
            .iter()
            .all(|rule| rule.chain.starts_with("ingress-"))
    );
}

#[test]
fn a_default_deny_is_its_isolation() {
    let listing = listing(&demo().build());
    let trace = Trace::new(&listing);
    let found = trace.policy(&name("shop/deny")).unwrap();
    let [isolation] = found.parts.as_slice() else {
        panic!("{found:#?}");
    };
    assert_eq!(isolation.elements.len(), 2);
    assert!(trace.policy(&name("shop/other")).is_none());
}

#[test]
fn a_policy_of_nobody_is_known_and_empty() {
    let with = policy("front/none")
        .select(labels(&[("app", "none")]))
        .ingress(rule());
    let listing = listing(&demo().with(with).build());
    let found = Trace::new(&listing).policy(&name("front/none")).unwrap();
    assert_eq!(found.parts.len(), 2);
    assert!(found.is_empty());
}

#[test]
fn a_policy_of_the_cluster_is_followed_too() {
    let everywhere = || pods_of(labels(&[("purpose", "frontend")]));
    let with = admin("closed", 7)
        .subject(pods_of(labels(&[])))
        .ingress(deny().pods(everywhere()).port(Protocol::Tcp, 80));
    let other = pod("front/other").address("10.0.2.2");
    let listing = listing(&demo().with(other).with(with).build());
    let trace = Trace::new(&listing);
    let found = trace.policy(&name("ClusterNetworkPolicy/closed")).unwrap();
    let denied = found
        .parts
        .iter()
        .find(|part| part.part.rule == Some(0))
        .unwrap();
    assert!(
        denied
            .elements
            .iter()
            .any(|it| it.element.text.ends_with(": continue")
                && it.element.chain.as_deref() == Some("drop-ingress"))
    );
}

#[test]
fn what_nft_prints_finds_its_object() {
    let listing = listing(&demo().build());
    let trace = Trace::new(&listing);
    let isolated = &listing.sets["ingress4"].elements[0];
    let port = &listing.sets["ingress-ports4"].elements[0];
    for (text, set, count) in [
        ("ingress4 10.0.1.1".to_owned(), "ingress4", 1),
        ("ingress4 { 10.0.1.1 }".to_owned(), "ingress4", 1),
        (
            format!("\t\telements = {{ {},", isolated.text),
            "ingress4",
            1,
        ),
        (format!("{} }}", port.text), "ingress-ports4", 1),
        (port.key.clone(), "ingress-ports4", 1),
        (
            format!(
                "add element inet ringfence ingress-ports4 {{ {} }}",
                port.text
            ),
            "ingress-ports4",
            1,
        ),
        (
            format!(
                "{} counter packets 7 bytes 420 comment \"x, y\" : return,",
                port.key
            ),
            "ingress-ports4",
            1,
        ),
        (
            "ingress4 { 10.0.1.1 : jump a, 10.0.1.2 : jump a }".to_owned(),
            "ingress4",
            2,
        ),
    ] {
        let found = trace.find(&text);
        assert_eq!(found.len(), count, "{text}: {found:?}");
        for object in found {
            assert!(
                matches!(object, Found::Element(it) if it.set == set),
                "{text}: {object:?}"
            );
        }
    }
    let rule = "ip daddr vmap @ingress4 jump ingress-judge4 # handle 31";
    assert!(matches!(trace.find(rule)[..], [Found::Rule(it)] if it.chain == "opening4"));
    for text in [
        "map ingress4 {",
        "ingress4",
        "delete map inet ringfence ingress4",
    ] {
        assert!(
            matches!(trace.find(text)[..], [Found::Set { set: "ingress4" }]),
            "{text}"
        );
    }
    assert!(matches!(
        trace.find("\tchain ingress-judge4 {")[..],
        [Found::Chain {
            chain: "ingress-judge4"
        }]
    ));
    assert!(matches!(
        trace.find("chain ingress-judge4 goto drop-ingress")[..],
        [Found::Rule(it)] if it.chain == "ingress-judge4"
    ));
    assert!(trace.find("192.0.2.1").is_empty());
    assert!(trace.find("").is_empty());
    assert!(trace.find("10.0.1.1").len() > 1);
}

#[test]
fn objects_lead_back_to_their_policies() {
    let listing = listing(&demo().build());
    let trace = Trace::new(&listing);
    let behind = |text: &str| {
        let found = trace.find(text);
        parts(&trace.behind(found[0]).causes)
    };
    let isolation = ["shop/deny None", "shop/web-allow None"];
    assert_eq!(behind("ingress4 10.0.1.1"), isolation);
    assert_eq!(behind("ingress-ports4"), ["shop/web-allow Some(0)"]);
    assert_eq!(behind("peers4 10.0.2.1"), ["shop/web-allow Some(0)"]);
    assert_eq!(
        behind("ip daddr vmap @ingress4 jump ingress-judge4"),
        isolation
    );
    assert_eq!(behind("chain ingress-judge4 goto drop-ingress"), isolation);
    assert!(behind("ingress-judge4").contains(&"shop/web-allow Some(0)".to_owned()));
    assert_eq!(behind("chain drop-ingress drop"), isolation);
    assert!(behind("chain drop-invalid").is_empty());
    assert!(behind("endpoints4").is_empty());
    assert!(behind("chain forward ct state established accept").is_empty());
}

#[test]
fn a_change_is_told_in_lines_with_their_causes() {
    let before = demo().build();
    let after = demo()
        .with(
            policy("shop/other")
                .select(labels(&[("app", "web")]))
                .ingress(rule()),
        )
        .build();
    let ((_, old), (_, new)) = (compiled(&before), compiled(&after));
    let operations = ringfence_ruleset::diff(Some(&old.table), &new.table);
    let told = changes(Some(caused(&old)), caused(&new), &operations);
    let objects: Vec<_> = told.iter().map(|section| section.object.as_str()).collect();
    assert!(objects.contains(&"map ingress-peers4"), "{told:#?}");
    let isolation = told.iter().find(|it| it.object == "map ingress4").unwrap();
    let signs: Vec<_> = isolation.lines.iter().map(|line| line.sign).collect();
    assert_eq!(signs, [Sign::Removed, Sign::Added]);
    assert_eq!(isolation.lines[0].causes.len(), 2);
    assert_eq!(isolation.lines[1].causes.len(), 3);
    assert!(changes(Some(caused(&old)), caused(&old), &[]).is_empty());
    let whole = changes(
        None,
        caused(&new),
        &ringfence_ruleset::diff(None, &new.table),
    );
    assert_eq!(whole.len(), 1, "a new table is told by its size");
}
