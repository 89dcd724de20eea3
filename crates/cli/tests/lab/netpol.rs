//! The shape of Kubernetes' end-to-end suite of NetworkPolicy: nine pods in three namespaces, 72 connections by Service addresses
//! for each expectation, a second for each, and no wait between a change and what is expected of it.

mod scenarios;
mod table;
mod world;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::kubectl::Cluster;
use scenarios::{SCENARIOS, Scenario, Step};
use world::World;

/// How many scenarios go on at a time, each in namespaces of its own: most of the time passes with waiting for those denied.
const LANES: usize = 4;

#[test]
fn every_scenario_of_the_suite_holds() {
    let cluster = Cluster::up();
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().unwrap();
    let begun = Instant::now();
    let failures = runtime.block_on(all(&cluster));
    println!("{} scenarios took {:.1?}", SCENARIOS.len(), begun.elapsed());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// What is not as expected, in any scenario.
async fn all(cluster: &Cluster) -> Vec<String> {
    let kubeconfig = Kubeconfig::read_from(cluster.kubeconfig()).unwrap();
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
    let client = Client::try_from(config.unwrap()).unwrap();
    let next = AtomicUsize::new(0);
    let lanes = (0..LANES).map(|lane| in_lane(client.clone(), lane, &next));
    futures_util::future::join_all(lanes).await.concat()
}

async fn in_lane(client: Client, lane: usize, next: &AtomicUsize) -> Vec<String> {
    let world = World::new(client, lane).await;
    let mut failures = Vec::new();
    while let Some(scenario) = SCENARIOS.get(next.fetch_add(1, Ordering::Relaxed)) {
        failures.extend(one(&world, scenario).await);
    }
    failures
}

async fn one(world: &World, (name, steps): &Scenario) -> Option<String> {
    let mut labels = Vec::new();
    let mut failure = None;
    for step in steps(&world.names) {
        if let Step::Label(object, key, _) = &step {
            labels.push((*object, *key));
        }
        if let Err(found) = world.take(step).await {
            failure.get_or_insert_with(|| format!("{name}: {found}"));
        }
    }
    world.clear(&labels).await;
    failure
}
