//! A rendered cluster loads back into itself, so that a shrunk case can be pasted into the corpus.

use ringfence_model::{Cluster, Endpoint, Input, LoadOptions, Query, assemble, load};
use ringfence_net::IpProtocol;
use ringfence_testkit::builder::address;
use ringfence_testkit::corpus::scenarios_of;
use ringfence_testkit::decider::{Decider, ReferenceDecider, Verdict};
use ringfence_testkit::flows;
use ringfence_testkit::generate::{Shape, cluster};
use ringfence_testkit::random::Random;
use ringfence_testkit::render;

/// The cluster without the places it was written at.
fn without_sources(cluster: &Cluster) -> Cluster {
    let mut cluster = cluster.clone();
    cluster
        .namespaces
        .values_mut()
        .for_each(|found| found.source = None);
    cluster
        .nodes
        .values_mut()
        .for_each(|found| found.source = None);
    cluster
        .pods
        .values_mut()
        .for_each(|found| found.source = None);
    cluster
        .services
        .values_mut()
        .for_each(|found| found.source = None);
    for policy in cluster.cluster_policies.values_mut() {
        policy.source = None;
        let rules = policy.ingress.iter_mut().chain(&mut policy.egress);
        rules.for_each(|rule| rule.source = None);
    }
    for policy in cluster.network_policies.values_mut() {
        policy.source = None;
        let rules = policy.ingress.iter_mut().chain(&mut policy.egress);
        rules.for_each(|rule| rule.source = None);
    }
    cluster
}

#[test]
fn rendering_then_loading_is_the_identity() {
    for seed in 0..200 {
        let mut cluster = cluster(seed, Shape::FULL);
        // No manifest says where pods get addresses from.
        cluster.pod_blocks.clear();
        let text = render::manifests(&cluster);
        let input = Input {
            name: "rendered.yaml".to_owned(),
            text: text.clone(),
        };
        let loaded = load(&[input], &LoadOptions::default());
        let (found, diagnostics) = assemble(&loaded.objects);
        let diagnostics = [loaded.diagnostics, diagnostics].concat();
        let error = diagnostics.iter().find(|diagnostic| diagnostic.is_error());
        assert!(error.is_none(), "seed {seed}: {}\n{text}", error.unwrap());
        assert_eq!(without_sources(&found), cluster, "seed {seed}\n{text}");
    }
}

#[test]
fn everything_survives_as_a_case() {
    for seed in 0..200 {
        let cluster = cluster(seed, Shape::EVERYTHING);
        let outside = |text: &str| Endpoint::Address(address(text));
        let flow = Query {
            source: outside("203.0.113.1"),
            destination: outside("203.0.113.2"),
            protocol: IpProtocol::ICMP,
            port: None,
        };
        let text = render::case("random", &cluster, &[(flow, Verdict::Allow)]);
        let scenarios = scenarios_of("random.md", &text);
        let scenarios = scenarios.unwrap_or_else(|error| panic!("seed {seed}: {error}\n{text}"));
        let found = without_sources(&scenarios[0].cluster);
        assert_eq!(found, cluster, "seed {seed}\n{text}");
    }
}

#[test]
fn a_rendered_case_is_a_corpus_file() {
    for seed in 0..50 {
        let cluster = cluster(seed, Shape::FULL);
        let flows = flows::sample(&cluster, 20, &mut Random::new(seed));
        let rows: Vec<_> = flows
            .into_iter()
            .map(|flow| {
                let verdict = ReferenceDecider.decide(&cluster, &flow).verdict;
                (flow, verdict)
            })
            .collect();
        let text = render::case("random", &cluster, &rows);
        let scenarios = scenarios_of("random.md", &text).unwrap();
        let read = scenarios[0]
            .rows
            .iter()
            .map(|row| (row.flow.clone(), row.verdict));
        assert_eq!(read.collect::<Vec<_>>(), rows);
    }
}
