use std::collections::BTreeMap;

use ringfence_model::{Cluster, Input, LoadOptions, Outcome, Query, SourceMap, assemble, load};
use ringfence_net::{ConnectionSet, PortSet};
use ringfence_policy::Engine;
use ringfence_reach::fix::{Edit, Fix, Flow, Goal, Wish, fixes, patched};
use ringfence_testkit::generate::{self, Shape};
use ringfence_testkit::random::Random;
use ringfence_testkit::{flows, render};

const SEEDS: u64 = 250;
const FLOWS: usize = 10;

/// A random cluster as its manifests say it.
struct Written {
    sources: SourceMap,
    cluster: Cluster,
}

fn read(texts: &[(String, String)]) -> Written {
    let inputs: Vec<Input> = texts.iter().map(|(name, text)| input(name, text)).collect();
    let loaded = load(&inputs, &LoadOptions::default());
    let errors: Vec<_> = loaded
        .diagnostics
        .iter()
        .filter(|found| found.is_error())
        .collect();
    assert!(errors.is_empty(), "{errors:#?}\n{texts:#?}");
    let (cluster, _) = assemble(&loaded.objects);
    Written {
        sources: loaded.sources,
        cluster,
    }
}

fn input(name: &str, text: &str) -> Input {
    Input {
        name: name.into(),
        text: text.into(),
    }
}

fn connections(query: &Query) -> ConnectionSet {
    match (query.protocol.as_policy(), query.port) {
        (Some(protocol), Some(port)) => ConnectionSet::of(protocol, PortSet::single(port)),
        (Some(_), None) | (None, _) => ConnectionSet::other_protocols(),
    }
}

fn outcome(cluster: &Cluster, query: &Query) -> Option<Outcome> {
    Some(ringfence_reference::answer(cluster, query).ok()?.outcome)
}

/// Calls `check` with every fix of some flows of random clusters.
fn for_all(mut check: impl FnMut(&Written, &Query, Goal, &Fix)) {
    for seed in 0..SEEDS {
        let cluster = generate::cluster(seed, Shape::TIERED);
        let text = render::manifests(&cluster);
        let mut written = read(&[("all.yaml".to_owned(), text)]);
        // Names of hosts are not part of manifests.
        written.cluster.domain_addresses = cluster.domain_addresses;
        let engine = Engine::new(written.cluster.clone());
        let mut random = Random::new(seed ^ 0xf1c5);
        for query in flows::sample(&written.cluster, FLOWS, &mut random) {
            let goal = match outcome(&written.cluster, &query) {
                Some(Outcome::Allow) => Goal::Deny,
                Some(Outcome::Deny | Outcome::Partial | Outcome::Unknown { .. }) => Goal::Allow,
                Some(Outcome::NoEndpoints) | None => continue,
            };
            let flow = Flow {
                connections: connections(&query),
                query: query.clone(),
                is_for_alike: true,
            };
            let wish = Wish {
                goal,
                flows: &[flow],
                outside: &[],
            };
            for fix in fixes(&engine, wish) {
                check(&written, &query, goal, &fix);
            }
        }
    }
}

const fn wanted(goal: Goal) -> Outcome {
    match goal {
        Goal::Allow => Outcome::Allow,
        Goal::Deny => Outcome::Deny,
    }
}

/// The kind of edit, for counting.
fn kind(edit: &Edit) -> String {
    let text = format!("{edit:?}");
    text.split('(').next().unwrap_or_default().to_owned()
}

#[test]
fn every_fix_does_what_was_wished_for_in_the_eyes_of_the_reference() {
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for_all(|written, query, goal, fix| {
        let mut after = Engine::new(written.cluster.clone());
        for edit in &fix.edits {
            let change = edit
                .change(after.cluster())
                .expect("an edit that can be made");
            after.apply(change);
            *kinds.entry(kind(edit)).or_default() += 1;
        }
        assert_eq!(
            outcome(after.cluster(), query),
            Some(wanted(goal)),
            "{query:?} {fix:#?}"
        );
    });
    assert!(
        kinds.len() == 13 && kinds.values().all(|count| *count >= 3),
        "{kinds:#?}"
    );
}

#[test]
fn edited_manifests_are_read_as_the_edits_say() {
    let (mut in_place, mut not) = (0, 0);
    for_all(|written, query, goal, fix| {
        let text = |file: &str| written.sources.text(file);
        let Some(patched) = patched(&fix.edits, &written.cluster, text) else {
            not += 1;
            return;
        };
        let whole = written.sources.text("all.yaml").unwrap().to_owned();
        let whole = patched.files.get("all.yaml").cloned().unwrap_or(whole);
        let mut texts = vec![("all.yaml".to_owned(), whole)];
        let new = patched.documents.iter().enumerate();
        texts.extend(new.map(|(index, text)| (format!("new-{index}.yaml"), text.clone())));
        let mut after = read(&texts).cluster;
        after.domain_addresses = written.cluster.domain_addresses.clone();
        assert_eq!(
            outcome(&after, query),
            Some(wanted(goal)),
            "{query:?} {fix:#?} {texts:#?}"
        );
        in_place += 1;
    });
    assert!(in_place > 500 && not * 20 < in_place, "{in_place} {not}");
}
