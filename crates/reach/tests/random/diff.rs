use std::collections::BTreeMap;

use ringfence_model::{Cluster, Endpoint, Query};
use ringfence_net::{ConnectionSet, Family};
use ringfence_policy::Engine;
use ringfence_reach::diff::{Change, Difference, Kind, Shown, difference};
use ringfence_reach::matrix::{Status, another};
use ringfence_reach::workload::{Member, Unit, by_workload};
use ringfence_testkit::flows;
use ringfence_testkit::generate::Shape;

use crate::support::{changed, cluster, in_families, only_family, status};

const SEEDS: u64 = 300;

fn of(before: &Cluster, after: &Cluster) -> Difference {
    difference(&Engine::new(before.clone()), &Engine::new(after.clone()))
}

fn for_all(mut check: impl FnMut(&Cluster, &Cluster, &Difference)) {
    for seed in 0..SEEDS {
        let before = cluster(seed, Shape::FULL);
        let after = changed(&before, seed);
        check(&before, &after, &of(&before, &after));
    }
}

#[test]
fn nothing_changes_from_a_cluster_to_itself() {
    for seed in 0..SEEDS {
        let cluster = cluster(seed, Shape::FULL);
        assert_eq!(of(&cluster, &cluster), Difference::default(), "seed {seed}");
    }
}

/// What changes for pods that are not there goes back as it came, and nothing does where nothing changes.
#[test]
fn pods_that_are_imagined_change_as_rules_do() {
    let with_imagined = |before: &Cluster, after: &Cluster| {
        let engines = [before, after].map(|cluster| Engine::new(cluster.clone()));
        let [before, after] = &engines;
        let plain = difference(before, after);
        let imagined = plain.clone().with_imagined(before, after);
        (plain.pairs.len(), imagined)
    };
    let mut told = 0;
    for_all(|before, after, plain| {
        let (_, same) = with_imagined(before, before);
        assert_eq!(same, Difference::default());
        let (count, there) = with_imagined(before, after);
        let (_, back) = with_imagined(after, before);
        let mirrored = connections(&back, Kind::mirrored);
        assert_eq!(mirrored, connections(&there, |kind| kind));
        assert_eq!(count, plain.pairs.len());
        told += there.pairs.len() - count;
    });
    assert!(told > 50, "{told}");
}

/// All that changes, without what shows it.
fn connections(
    difference: &Difference,
    kind: impl Fn(Kind) -> Kind,
) -> BTreeMap<(Unit, Unit, Kind, bool), ConnectionSet> {
    let mut all = BTreeMap::new();
    for pair in &difference.pairs {
        for change in pair.changes.iter() {
            let [source, destination] =
                [&pair.source, &pair.destination].map(|unit| Unit::clone(unit));
            let key = (source, destination, kind(change.kind), change.partial);
            let set = all.entry(key).or_insert_with(ConnectionSet::none);
            *set = set.union(&change.connections);
        }
    }
    all
}

#[test]
fn the_way_back_is_the_mirror_image() {
    for_all(|before, after, difference| {
        let back = of(after, before);
        assert_eq!(back.added, difference.removed);
        assert_eq!(back.removed, difference.added);
        assert_eq!(
            connections(&back, Kind::mirrored),
            connections(difference, |kind| kind)
        );
    });
}

/// What a change of this kind may be from, and to.
fn fits(kind: Kind, before: Option<Status>, after: Option<Status>) -> bool {
    let (low, high) = match kind {
        Kind::Opened | Kind::MayOpen => (before, after),
        Kind::Closed | Kind::MayClose => (after, before),
    };
    match kind {
        Kind::Opened | Kind::Closed => {
            low.is_none_or(|low| low == Status::Denied) && high == Some(Status::All)
        }
        Kind::MayOpen | Kind::MayClose => {
            low.is_none_or(|low| low < Status::All)
                && high.is_some_and(|high| high > Status::Denied)
                && low != high
                && (low == Some(Status::Unknown) || high == Some(Status::Unknown))
        }
    }
}

#[test]
fn every_change_is_shown_by_a_connection_that_the_reference_judges_so() {
    let (mut kinds, mut alike) = (BTreeMap::new(), 0);
    for_all(|before, after, difference| {
        for (pair, change) in changes(difference) {
            let is_itself = pair.source == pair.destination;
            // A second pod of a workload that has one is not there to be asked about, so another one like it is put there.
            // Where both addresses of a pod are taken there is none.
            let is_shown = change.before.is_some() && change.after.is_some();
            if is_itself && !is_shown {
                continue;
            }
            let of = |cluster: &Cluster, query: Option<&Query>| {
                let filled = is_itself.then(|| with_another(cluster, &pair.source));
                let cluster = filled.as_ref().unwrap_or(cluster);
                query.map(|query| status(cluster, query).expect("a question that makes sense"))
            };
            let old = of(before, change.before.as_ref().map(|shown| &shown.query));
            let new = of(after, change.after.as_ref().map(|shown| &shown.query));
            assert!(fits(change.kind, old, new), "{old:?} {new:?} {change:?}");
            let ends = [&pair.source, &pair.destination];
            let one_sided = |units: &std::collections::BTreeSet<Unit>| {
                ends.iter().any(|end| units.contains(end))
            };
            assert!(change.before.is_none() || !one_sided(&difference.added));
            assert!(change.after.is_none() || !one_sided(&difference.removed));
            // A node's new address is compared with several of which none needs to meet the other end, and so is a new pod.
            let lasts = |shown: &Shown| {
                let ends = [&shown.query.source, &shown.query.destination];
                ends.into_iter().all(|end| {
                    !matches!(end, Endpoint::Pod(_)) || unit_of(before, after, end).is_some()
                })
            };
            let has_nodes = ends.iter().any(|end| ***end == Unit::Nodes);
            if let (None, Some(shown)) = (&change.before, &change.after)
                && !has_nodes
                && lasts(shown)
            {
                let meet = status(before, &shown.query).is_some();
                assert!(one_sided(&difference.added) || !meet, "{change:?}");
            }
            if let (Some(shown), None) = (&change.before, &change.after)
                && !has_nodes
                && lasts(shown)
            {
                let meet = status(after, &shown.query).is_some();
                assert!(one_sided(&difference.removed) || !meet, "{change:?}");
            }
            for shown in change.before.iter().chain(&change.after) {
                let (protocol, port) = (shown.query.protocol, shown.query.port);
                assert!(change.connections.allows(protocol, port), "{change:?}");
            }
            *kinds.entry(change.kind).or_insert(0) += 1;
            alike += usize::from(is_itself && is_another(before, after, change));
        }
    });
    assert!(alike > 20, "{alike}");
    assert!(
        kinds.len() == 4 && kinds.values().all(|count| *count > 20),
        "{kinds:?}"
    );
}

/// The cluster with another pod of `unit`, if it has one of them alone.
fn with_another(cluster: &Cluster, unit: &Unit) -> Cluster {
    let mut filled = cluster.clone();
    let pods = cluster.pods.values().filter(|pod| pod.is_on_pod_network());
    let mut own = pods.filter(|pod| by_workload(&Member::Pod(pod)) == *unit);
    if let (Some(pod), None) = (own.next(), own.next())
        && let Some(other) = another(&Engine::new(cluster.clone()), pod)
    {
        filled.pods.insert(other.name.clone(), other);
    }
    filled
}

/// Whether `change` is shown by a pod that is not there.
fn is_another(before: &Cluster, after: &Cluster, change: &Change) -> bool {
    let is_missing = |cluster: &Cluster, shown: &Option<Shown>| {
        shown
            .as_ref()
            .is_some_and(|shown| match &shown.query.destination {
                Endpoint::Pod(name) => !cluster.pods.contains_key(name),
                Endpoint::Address(_) | Endpoint::Node(_) | Endpoint::Service(_) => false,
            })
    };
    is_missing(before, &change.before) && is_missing(after, &change.after)
}

fn changes(
    difference: &Difference,
) -> impl Iterator<Item = (&ringfence_reach::diff::PairChange, &Change)> {
    let pairs = difference.pairs.iter();
    pairs.flat_map(|pair| pair.changes.iter().map(move |change| (pair, change)))
}

/// Pods that both clusters have, in the same unit.
fn unit_of(before: &Cluster, after: &Cluster, end: &Endpoint) -> Option<Unit> {
    let Endpoint::Pod(name) = end else {
        return None;
    };
    let unit = |cluster: &Cluster| {
        let pod = cluster
            .pods
            .get(name)
            .filter(|pod| pod.is_on_pod_network())?;
        Some(by_workload(&Member::Pod(pod)))
    };
    unit(before).filter(|unit_before| unit(after).as_ref() == Some(unit_before))
}

#[test]
fn no_change_between_two_pods_is_missed() {
    let (mut found, mut by_address) = (0, 0);
    for_all(|before, after, difference| {
        let all = connections(difference, |kind| kind);
        for flow in flows::all(before) {
            let unit = |end| unit_of(before, after, end);
            let (Some(source), Some(destination)) = (unit(&flow.source), unit(&flow.destination))
            else {
                continue;
            };
            if flow.source == flow.destination {
                continue;
            }
            let told = |kind: Kind| {
                [true, false].into_iter().any(|partial| {
                    let key = (source.clone(), destination.clone(), kind, partial);
                    let set = all.get(&key);
                    set.is_some_and(|set| set.allows(flow.protocol, flow.port))
                })
            };
            for (asked, old, new) in judged(before, after, &flow) {
                let kind = Kind::ALL
                    .into_iter()
                    .find(|kind| fits(*kind, Some(old), Some(new)));
                if let Some(kind) = kind {
                    assert!(told(kind), "{old:?} {new:?} {asked:?}");
                    found += 1;
                    by_address += usize::from(asked != flow);
                }
            }
        }
    });
    assert!(found > 500, "{found}");
    assert!(by_address > 20, "{by_address}");
}

/// What becomes of a connection in both clusters, in each family that the ends have in both; where they have one alone in one
/// of the clusters, in that one.
fn judged(before: &Cluster, after: &Cluster, flow: &Query) -> Vec<(Query, Status, Status)> {
    let (earlier, later) = (in_families(before, flow), in_families(after, flow));
    let of_only_family = |cluster: &Cluster, both: Vec<Query>| {
        let mut both = Family::ALL.into_iter().zip(both);
        let only = only_family(cluster, flow);
        let found = both.find(|(family, _)| Some(*family) == only);
        found.map_or_else(|| flow.clone(), |(_, query)| query)
    };
    let all = match (earlier.is_empty(), later.is_empty()) {
        (true, true) => vec![(flow.clone(), flow.clone())],
        (true, false) => vec![(flow.clone(), of_only_family(before, later))],
        (false, true) => vec![(of_only_family(after, earlier), flow.clone())],
        (false, false) => earlier.into_iter().zip(later).collect(),
    };
    let judged = all.into_iter().filter_map(|(earlier, later)| {
        let (old, new) = (status(before, &earlier)?, status(after, &later)?);
        Some((later, old, new))
    });
    judged.collect()
}
