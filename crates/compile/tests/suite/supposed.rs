//! What is made up where manifests alone are known.

use std::net::IpAddr;

use ringfence_compile::suppose;
use ringfence_model::Cluster;
use ringfence_testkit::builder::{block, cluster, pod, policy, rule};

fn pods(names: &[&str]) -> Cluster {
    let mut built = cluster();
    for name in names {
        let node = if *name == "a/x" { "one" } else { "two" };
        built = built.with(pod(name).on_node(node));
    }
    built.build()
}

fn address_of(cluster: &Cluster, name: &str) -> Vec<IpAddr> {
    let supposed = suppose(cluster, None).endpoints.into_iter();
    let mut found = supposed.filter(|it| it.pod.to_string() == name);
    found.next().unwrap().addresses
}

#[test]
fn a_pod_that_comes_leaves_the_others_alone() {
    let before = suppose(&pods(&["a/x", "a/y"]), None);
    let after = suppose(&pods(&["a/w", "a/x", "a/y"]), None);
    for endpoint in &before.endpoints {
        assert!(after.endpoints.contains(endpoint), "{endpoint:?}");
    }
    assert!(before.made_up_addresses);
    assert_eq!(after.endpoints.len(), 3);
}

#[test]
fn addresses_of_manifests_stay_and_have_one_owner() {
    let made_up = address_of(&pods(&["a/x"]), "a/x");
    let text = made_up[0].to_string();
    let taken = cluster()
        .with(pod("a/x"))
        .with(pod("a/y").address(&text))
        .build();
    assert_eq!(address_of(&taken, "a/y"), made_up);
    assert_ne!(address_of(&taken, "a/x"), made_up);
}

#[test]
fn a_node_has_the_pods_that_are_bound_to_it() {
    let supposed = suppose(&pods(&["a/x", "a/y"]), Some("one"));
    let names = supposed.endpoints.iter().map(|it| it.pod.to_string());
    assert_eq!(names.collect::<Vec<_>>(), ["a/x"]);
    assert!(
        supposed
            .cluster
            .pods
            .values()
            .all(|pod| !pod.addresses.is_empty())
    );
}

#[test]
fn a_policy_that_names_ipv6_gives_pods_ipv6() {
    let with = policy("a/p").ingress(rule().peer(block("2001:db8::/32", &[])));
    let cluster = cluster().with(pod("a/x")).with(with).build();
    assert!(address_of(&cluster, "a/x").iter().any(IpAddr::is_ipv6));
    assert!(
        !address_of(&pods(&["a/x"]), "a/x")
            .iter()
            .any(IpAddr::is_ipv6)
    );
}
